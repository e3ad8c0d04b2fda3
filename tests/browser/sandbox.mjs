// spec/page.md · In the browser
// A person trades on a real deployment of two workers, one of which is killed under the page.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { axe, DEADLINE, go, picture, register, signIn } from "./browser.mjs";

const repository = join(import.meta.dirname, "../..");
/** The pictures that the README shows, in bytes at most. */
const PICTURE_BYTES_MAX = 150 * 1024;

/** The program: PAPERTRADER_SANDBOX, or the one that was built last. */
function program() {
  const target = process.env.CARGO_TARGET_DIR ?? join(repository, "target");
  const built = ["debug", "release"].map((name) => join(target, name, "papertrader-sandbox")).filter((path) => existsSync(path));
  const newest = built.sort((one, other) => statSync(other).mtimeMs - statSync(one).mtimeMs)[0];
  const found = process.env.PAPERTRADER_SANDBOX ?? newest;
  if (!found) throw new Error("there is no papertrader-sandbox: build it, or name it in PAPERTRADER_SANDBOX");
  return found;
}

/** A deployment of its own, which ends with the test. */
class Sandbox {
  /** `change` may change the configuration in the sandbox's folder before it starts. */
  static async start(workers, interval, change = null) {
    const made = new Sandbox();
    // GPG's sockets allow a path of some 70 bytes.
    made.folder = mkdtempSync(join(tmpdir().length < 40 ? tmpdir() : "/tmp", "pt-page-"));
    const folder = join(made.folder, "s");
    const options = ["--dir", folder, "--workers", String(workers), "--update-interval", interval, "--bcrypt-cost", "4"];
    if (change) {
      const begun = spawnSync(program(), ["init", ...options], { encoding: "utf8" });
      assert.equal(begun.status, 0, begun.stderr);
      change(folder);
    }
    // A sandbox that is made already goes on with the options that it was made with.
    const run = change ? ["run", "--dir", folder] : ["run", ...options];
    made.child = spawn(program(), [...run, "--no-restart"], { stdio: ["ignore", "pipe", "pipe"] });
    made.log = [];
    createInterface({ input: made.child.stderr }).on("line", (line) => made.log.push(line));
    made.ended = new Promise((resolve) => made.child.once("exit", resolve));
    const lines = createInterface({ input: made.child.stdout });
    let pages = 0;
    const ready = new Promise((resolve) => lines.on("line", (line) => line.startsWith("page ") && (pages += 1) === workers && resolve()));
    await Promise.race([
      ready,
      made.ended.then(() => Promise.reject(new Error(`the sandbox ended:\n${made.log.join("\n")}`))),
      new Promise((_, reject) => setTimeout(() => reject(new Error(`the sandbox is not ready:\n${made.log.join("\n")}`)), DEADLINE).unref()),
    ]);
    made.state = JSON.parse(readFileSync(join(made.folder, "s", "sandbox.json"), "utf8"));
    return made;
  }
  page(index) {
    return this.state.workers[index].page;
  }
  kill(index, signal) {
    process.kill(this.state.workers[index].pid, signal);
  }
  async stop() {
    this.child.kill("SIGINT");
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What a browser says of a worker that is gone: the tests kill it. */
const LOST = ["ERR_CONNECTION_REFUSED", "WebSocket connection to", "ERR_NETWORK", "ERR_INCOMPLETE", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE"];
/** The price in the heading of an asset's page. */
const PRICE = "main .figure";
async function priceMoves(page) {
  const price = page.locator(PRICE).first();
  await price.waitFor();
  const before = await price.textContent();
  await page.waitForFunction(([place, text]) => document.querySelector(place)?.textContent !== text, [PRICE, before], { timeout: DEADLINE });
}
async function fillOrder(page, { kind, units, limit }) {
  await page.getByLabel("Kind").selectOption({ label: kind });
  await page.getByLabel("Units", { exact: true }).last().fill(units);
  if (limit) await page.getByLabel("Limit", { exact: true }).fill(limit);
}
const openOrders = (page) => page.locator("main tbody tr:not([hidden])");

async function trade(browser, sandbox) {
  const context = await browser.person({ expects: LOST });
  const page = await context.newPage();
  const errors = [];
  await page.goto(sandbox.page(0));
  await register(page, "alice");

  // A live price moves.
  await go(page, "#/assets/AAPL", "AAPL");
  await priceMoves(page);

  // A limit order waits, and is cancelled.
  await fillOrder(page, { kind: "Limit", units: "2", limit: "1" });
  await page.getByRole("button", { name: /^Buy .*AAPL/ }).click();
  await page.getByText(/stands|open|waits/i).first().waitFor();
  await go(page, "#/orders", "Orders");
  await openOrders(page).first().waitFor();
  assert.equal(await openOrders(page).count(), 1);
  await page.getByRole("button", { name: /^Cancel: / }).click();
  await page.getByText("You have no open orders.").waitFor();

  // A market order settles, and its receipt says why at this price.
  await go(page, "#/assets/AAPL", "AAPL");
  await fillOrder(page, { kind: "Market", units: "3" });
  await page.getByRole("button", { name: /^Buy .*AAPL/ }).click();
  await page.getByText(/Filled|Bought/).first().waitFor();
  await go(page, "#/history", "History");
  const filled = openOrders(page).filter({ hasText: "Filled" });
  await filled.first().waitFor();
  assert.equal(await filled.count(), 1);
  await filled.first().getByRole("button").first().click();
  const receipt = page.locator("dialog[open]");
  await receipt.getByText(/price/i).first().waitFor();
  errors.push(...(await axe(page)));
  await page.keyboard.press("Escape");
  await receipt.waitFor({ state: "detached" });

  // A second tab signs in by itself, and sees the same.
  const other = await context.newPage();
  await other.goto(sandbox.page(0));
  await other.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn(other, "alice");
  await go(other, "#/portfolio", "Portfolio");
  await other.getByRole("link", { name: "AAPL" }).first().waitFor();
  return { context, page, other, errors };
}

/** The worker dies with an order that it has not answered: the order is placed by the other worker, exactly once. */
async function killUnder({ page, other }, sandbox) {
  await go(page, "#/assets/MSFT", "MSFT");
  await fillOrder(page, { kind: "Limit", units: "5", limit: "1" });
  sandbox.kill(0, "SIGSTOP");
  await page.getByRole("button", { name: /^Buy .*MSFT/ }).click();
  await page.getByText("Sending").first().waitFor();
  sandbox.kill(0, "SIGKILL");
  await page.getByText(/stands|open|waits/i).first().waitFor();
  for (const tab of [page, other]) {
    await go(tab, "#/orders", "Orders");
    await openOrders(tab).first().waitFor();
    assert.equal(await openOrders(tab).count(), 1, "the order is there exactly once");
    await tab.locator(".market").getByText("Replay open").waitFor();
  }
  await go(page, "#/assets/MSFT", "MSFT");
  await priceMoves(page);
}

/** A session that nobody asked to keep ends with its page. */
async function leave({ page, other }) {
  await other.goto("about:blank");
  const until = performance.now() + DEADLINE;
  for (;;) {
    await go(page, "#/account", "Account");
    const sessions = page.getByRole("list", { name: "Sessions" }).getByRole("listitem");
    await sessions.first().waitFor();
    if ((await sessions.count()) === 1) return;
    assert.ok(performance.now() < until, "the other tab's session goes on");
    await go(page, "#/history", "History");
  }
}

/** Pictures for the README: a person who holds a few assets. */
async function pictures(context, sandbox) {
  const folder = process.env.PICTURES;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  const page = await context.newPage();
  await page.goto(sandbox.page(0));
  await signIn(page, "alice");
  for (const [symbol, units] of [["GOOG", "30"], ["IBM", "90"], ["MSFT", "400"], ["AAPL", "40"]]) {
    await go(page, `#/assets/${symbol}`, symbol);
    await fillOrder(page, { kind: "Market", units });
    await page.getByRole("button", { name: new RegExp(`^Buy .*${symbol}`) }).click();
    await page.getByText(new RegExp(`(Filled|Bought).*${symbol}`)).first().waitFor();
  }
  const views = [["asset", "#/assets/AAPL", "AAPL", "light"], ["portfolio", "#/portfolio", "Portfolio", "dark"]];
  for (const [name, hash, heading, theme] of views) {
    await page.emulateMedia({ colorScheme: theme });
    await page.reload();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await signIn(page, "alice");
    await go(page, hash, heading);
    await page.locator("main").getByText(/AAPL/).first().waitFor();
    await page.mouse.move(0, 0);
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path, animations: "disabled" });
    assert.ok(statSync(path).size <= PICTURE_BYTES_MAX, `${path} is larger than ${PICTURE_BYTES_MAX} bytes`);
  }
  await page.close();
}

/** The provider of identities that others wrote: `make oidc-provider` installs it. Null where it is not. */
async function startProvider(secret) {
  const packages = join(repository, "target/tools/providers");
  if (process.env.WITHOUT_OIDC_PROVIDER || !existsSync(join(packages, "node_modules/oidc-provider"))) return null;
  const script = join(repository, "tests/providers/oidc-provider.mjs");
  const child = spawn(process.execPath, [script, packages, secret], { stdio: ["pipe", "pipe", "ignore"] });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const issuer = await new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  const stop = () => {
    child.stdin.end();
    return ended;
  };
  return { issuer, stop };
}
/** What the provider's own pages ask for: any name and password, then a consent. */
async function atProvider(page, name) {
  await page.locator("input[name=login]").fill(name);
  await page.locator("input[name=password]").fill("anything");
  await page.locator("button[type=submit]").click();
  await page.getByRole("button", { name: "Continue" }).click();
}

/** Milliseconds to the first contentful paint, in a browser that has nothing of this address. */
async function paint(browser, url) {
  const context = await browser.person({ expects: ["favicon.ico"] });
  const page = await context.newPage();
  await page.goto(url);
  const time = await page.evaluate(
    () =>
      new Promise((resolve) => {
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") resolve(entry.startTime);
        }).observe({ type: "paint", buffered: true });
      }),
  );
  await context.close();
  return time;
}
const median = (list) => list.toSorted((one, other) => one - other)[Math.floor(list.length / 2)];

export const cases = {
  async "a person signs in with a provider that others wrote, at first and again"(browser) {
    const provider = await startProvider("a-secret-of-the-tests");
    if (!provider) {
      console.log("   SKIPPED: make oidc-provider installs what it needs");
      return;
    }
    const sandbox = await Sandbox.start(1, "2s", (folder) => {
      writeFileSync(join(folder, "school.key"), "a-secret-of-the-tests\n", { mode: 0o600 });
      const lines = ["", "[[third_party]]", 'name = "school"', `issuer = "${provider.issuer}"`, 'client_id = "papertrader"', `client_secret_file = "${join(folder, "school.key")}"`, 'methods = ["redirect"]', ""];
      appendFileSync(join(folder, "master.toml"), lines.join("\n"));
    });
    try {
      // The provider's pages are not ours: what they do is no fault.
      const context = await browser.person({ expects: [provider.issuer, "policy: ", "favicon.ico", "fonts.googleapis.com"] });
      const page = await context.newPage();
      const addresses = [];
      page.on("framenavigated", (frame) => addresses.push(frame.url()));
      await page.goto(sandbox.page(0));
      await page.getByRole("button", { name: "Sign in with school" }).click();
      await atProvider(page, "ada");
      await page.getByRole("heading", { name: "One more thing" }).waitFor();
      assert.equal(new URL(page.url()).search, "");
      await page.getByLabel("Username").first().fill("ada");
      await page.getByRole("button", { name: "Create account" }).click();
      await page.getByRole("link", { name: "ada", exact: true }).waitFor();
      await go(page, "#/account", "Account");
      await page.getByRole("list", { name: "Sign-in with others" }).getByText("school").waitFor();
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download" }).click();
      const lines = readFileSync(await (await download).path(), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
      assert.equal(lines.find((line) => line.kind === "account").username, "ada");
      await page.getByRole("button", { name: "Sign out" }).click();
      await page.getByLabel("Keep me signed in").check();
      await page.getByRole("button", { name: "Sign in with school" }).click();
      // The provider may remember who this is.
      const form = page.locator("input[name=login]");
      const done = page.getByRole("link", { name: "ada", exact: true });
      const more = page.getByRole("button", { name: "Continue" });
      await form.or(done).or(more).first().waitFor();
      if (await form.count()) await atProvider(page, "ada");
      else if (await more.count()) await more.click();
      await done.waitFor();
      await page.reload();
      await done.waitFor();
      assert.ok(addresses.some((address) => address.includes("code=")), addresses.join());
      await context.close();
    } finally {
      await sandbox.stop();
      await provider.stop();
    }
  },

  async "the first contentful paint takes at most twice that of a bare text of the same worker"(browser) {
    const sandbox = await Sandbox.start(1, "10s");
    try {
      const [page, text] = [[], []];
      for (let turn = 0; turn < 9; turn += 1) {
        text.push(await paint(browser, `${sandbox.page(0)}licenses.txt`));
        page.push(await paint(browser, sandbox.page(0)));
      }
      console.log(`   ${median(page).toFixed(0)} ms, a text ${median(text).toFixed(0)} ms`);
      assert.ok(median(page) <= 2 * median(text), `${page} against ${text}`);
    } finally {
      await sandbox.stop();
    }
  },

  async "a worker that has stopped answering is told, and the page goes on with the other one"(browser) {
    const sandbox = await Sandbox.start(2, "2s");
    try {
      const context = await browser.person({ expects: LOST });
      const page = await context.newPage();
      await page.goto(sandbox.page(0));
      await register(page, "alice");
      await go(page, "#/assets/AAPL", "AAPL");
      await page.locator(PRICE).first().waitFor();
      sandbox.kill(0, "SIGSTOP");
      await page.locator(".market").getByText("No answer from the server").waitFor();
      await page.locator(".market").getByText("Replay open").waitFor();
      await priceMoves(page);
      sandbox.kill(0, "SIGCONT");
      await context.close();
    } finally {
      await sandbox.stop();
    }
  },

  async "register, trade, second tab, a worker killed under the page: reconnected, the order exactly once"(browser) {
    const sandbox = await Sandbox.start(2, "2s");
    try {
      const traded = await trade(browser, sandbox);
      await picture(traded.page, "sandbox-history");
      await pictures(traded.context, sandbox);
      await killUnder(traded, sandbox);
      if (!process.env.PICTURES) await leave(traded);
      assert.deepEqual(traded.errors, []);
    } finally {
      await sandbox.stop();
    }
  },
};
