// spec/page.md · Unit tests
import assert from "node:assert/strict";
import { test } from "node:test";
import { takeBroughtBack } from "../src/address.ts";
import { readMarket } from "../src/market.ts";
import { readRoute } from "../src/router.ts";
import { duration } from "../src/shell.ts";

test("nothing of a provider's answer stays in the address", () => {
  const { brought, rest } = takeBroughtBack(new URL("http://127.0.0.1:2050/?state=s%20t&code=4%2F0AX4&iss=x&session_state=y#/orders"));
  assert.deepEqual(brought, { code: "4/0AX4", state: "s t", error: null });
  assert.equal(rest, "/#/orders");
  assert.deepEqual(takeBroughtBack(new URL("http://h/?error=access_denied&state=s")).brought, { code: null, state: "s", error: "access_denied" });
  assert.deepEqual(takeBroughtBack(new URL("http://h/?other=1")), { brought: null, rest: "/" });
});

test("routes are parts and a query; what is no encoding stays", () => {
  assert.deepEqual(readRoute("#/assets/BTC%2FUSD?window=day").parts, ["assets", "BTC/USD"]);
  assert.equal(readRoute("#/assets/BTC%2FUSD?window=day").query.get("window"), "day");
  assert.deepEqual(readRoute("").parts, []);
  assert.deepEqual(readRoute("#/assets/%E0%A4").parts, ["assets", "%E0%A4"]);
});

test("facts of the server are read, and nonsense in them is nothing", () => {
  const market = readMarket(["version=1.2.3", "edition=2", "edition=3", "state=fast", "steps-left=-1", "next-update=soon", "login=password,google", "fees=yes", "new=a=b"]);
  assert.deepEqual(
    [market.version, market.edition, market.state, market.stepsLeft, market.nextUpdate, market.fees],
    ["1.2.3", 3, "fast", null, null, true],
  );
  assert.deepEqual(market.login, ["password", "google"]);
  assert.deepEqual(readMarket([]).login, ["password"]);
});

test("times are told as people read them", () => {
  assert.deepEqual([duration(7), duration(65), duration(3_905), duration(93_600)], ["0:07", "1:05", "1:05:05", "1 d 2 h"]);
});
