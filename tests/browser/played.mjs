// spec/page.md · In the browser
// What a real deployment does not do on demand: crowds, nonsense, markup, clocks, upgrades, sessions that end.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { axe, DEADLINE, go, picture, signIn, THEMES, WIDTHS } from "./browser.mjs";
import { encodeLayout, manyPositions, manyQuotes, manyRows, PlayedWorker } from "./played_worker.mjs";

/** All files of the page, compressed. */
const FILES_BYTES_MAX = 250 * 1024;
const VIEWS = [
  ["assets", "#/assets", "Assets"],
  ["asset", "#/assets/A00001", "A00001"],
  ["portfolio", "#/portfolio", "Portfolio"],
  ["orders", "#/orders", "Orders"],
  ["history", "#/history", "History"],
  ["account", "#/account", "Account"],
];

async function withWorker(use) {
  const worker = new PlayedWorker();
  const base = await worker.start();
  try {
    await use(worker, base);
  } finally {
    await worker.stop();
  }
}
async function visit(browser, base, options = {}) {
  const context = await browser.person(options);
  const page = await context.newPage();
  await page.goto(base);
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  return page;
}

export const cases = {
  async "all files are at most 250 KB compressed"() {
    const dist = join(import.meta.dirname, "../../src/page/dist");
    const bytes = readdirSync(dist).reduce((sum, name) => sum + gzipSync(readFileSync(join(dist, name)), { level: 9 }).length, 0);
    console.log(`   ${bytes} bytes`);
    assert.ok(bytes <= FILES_BYTES_MAX, `${bytes} bytes`);
  },

  async "10,000 assets, 5,000 rows of history, 200 positions: typing answers within two frames"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(10_000);
      worker.rows = manyRows(5_000);
      worker.positions = manyPositions(worker.quotes.slice(0, 200));
      const page = await visit(browser, base);
      await signIn(page, "alice");
      await page.getByText("10,000 assets").waitFor();
      // Frames that each key takes until the list shows what it asks for, the best of each letter's turns.
      const frames = await page.evaluate(async () => {
        const input = document.querySelector("input[type=search]");
        const count = () => document.querySelector("main").textContent;
        const taken = [];
        for (const text of ["A", "A0", "A09", "A099", "A0999", "A09999", ""]) {
          const before = count();
          input.value = text;
          input.dispatchEvent(new Event("input", { bubbles: true }));
          let waited = 0;
          while (count() === before && waited < 60 && text !== "A" && text !== "A0") {
            await new Promise((resolve) => requestAnimationFrame(resolve));
            waited += 1;
          }
          taken.push(waited);
        }
        return taken;
      });
      console.log(`   frames ${frames.join(" ")}`);
      assert.ok(frames.every((count) => count <= 2), frames.join());
      await page.locator("input[type=search]").fill("A09999");
      await page.getByRole("link", { name: /A09999/ }).waitFor();
      assert.ok((await page.locator("tbody tr").count()) < 200);
      await go(page, "#/portfolio", "Portfolio");
      await page.getByRole("link", { name: "A00199" }).first().waitFor({ state: "attached" });
      await go(page, "#/history", "History");
      await page.locator("tbody tr:not([hidden])").first().waitFor();
    });
  },

  async "axe finds nothing, on any view, in both themes"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(40);
      worker.rows = manyRows(30);
      worker.positions = manyPositions(worker.quotes.slice(0, 12));
      worker.bars = worker.quotes.slice(0, 30).map((quote, index) => ({ time: Date.now() - (30 - index) * 86_400_000, open: quote.value, high: quote.high, low: quote.low, close: quote.value + 3_000, volume: quote.volume }));
      const found = [];
      for (const theme of THEMES) {
        const page = await visit(browser, base, { theme });
        const look = async (name) => found.push(...(await axe(page)).map((text) => `${theme} ${name}: ${text}`));
        await look("sign-in");
        for (const [name, heading] of [["register", "Create account"], ["forgotten", "New password"], ["reset", "New password"]]) {
          await go(page, `#/${name}`, heading);
          await look(name);
        }
        await go(page, "#/sign-in", "Sign in");
        await signIn(page, "alice");
        for (const [name, hash, heading] of VIEWS) {
          await go(page, hash, heading);
          await page.evaluate(() => document.querySelectorAll("main details").forEach((details) => (details.open = true)));
          await look(name);
        }
        await page.getByRole("button", { name: "Revoke" }).click();
        await page.locator("dialog[open]").waitFor();
        await look("dialog");
        await page.keyboard.press("Escape");
        worker.cut();
        worker.answers.getServerInfo = () => true;
        await page.getByText(/Connection lost|Connecting/).first().waitFor();
        await look("connection lost");
        worker.answers = {};
        await page.context().close();
      }
      assert.deepEqual(found, []);
    });
  },

  async "nothing is wider than the window, at three sizes in both themes; OUT keeps pictures"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(60);
      worker.rows = manyRows(40);
      worker.positions = manyPositions(worker.quotes.slice(0, 9));
      worker.bars = worker.quotes.slice(0, 30).map((quote, index) => ({ time: Date.now() - (30 - index) * 86_400_000, open: quote.value, high: quote.high, low: quote.low, close: quote.value + 3_000, volume: quote.volume }));
      for (const theme of THEMES) {
        for (const width of WIDTHS) {
          const page = await visit(browser, base, { theme, width });
          await picture(page, `sign-in-${width}-${theme}`);
          await signIn(page, "alice");
          for (const [name, hash, heading] of VIEWS) {
            await go(page, hash, heading);
            await picture(page, `${name}-${width}-${theme}`);
            const wide = await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
            assert.ok(!wide, `${name} scrolls sideways at ${width}`);
          }
          await page.context().close();
        }
      }
    });
  },

  async "markup in symbols, names, usernames and refusals is text"(browser) {
    await withWorker(async (worker, base) => {
      const markup = '<img src=x onerror="alert(1)"><b>bold</b>';
      worker.username = "<script>alert(2)</script>";
      worker.quotes = manyQuotes(3, undefined, () => markup);
      worker.rows = manyRows(2).map((row) => ({ ...row, cause: markup, note: markup, side: 9, status: 9 }));
      worker.answers.getTransactionReceipt = (connection) => (connection.payload("Receipt", { count: 1, lines: [{ name: markup, value: markup }] }), true);
      const page = await visit(browser, base);
      await page.getByLabel("Username").fill("alice");
      await page.getByLabel("Password", { exact: true }).fill("correct horse battery");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.getByText(markup).first().waitFor();
      await page.getByRole("link", { name: worker.username }).waitFor();
      await go(page, "#/account", "Account");
      await page.getByRole("button", { name: "Sign out" }).click();
      worker.username = "alice";
      await signIn(page, "alice");
      await go(page, "#/history", "History");
      await page.locator("tbody tr:not([hidden])").first().waitFor();
      assert.equal(await page.locator("main img, main b, main script").count(), 0);
      worker.answers.getOpenOrders = (connection) => (connection.reply("dataFail", "no-data", markup), true);
      await go(page, "#/orders", "Orders");
      assert.equal(await page.locator("main img, main b").count(), 0);
    });
  },

  async "a payload cut short and nonsense are told, and the page goes on"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(3);
      const page = await visit(browser, base);
      await signIn(page, "alice");
      await page.getByRole("link", { name: "A00002" }).waitFor();
      const whole = encodeLayout("TransactionPage", { private: 1, count: 2, transactions: manyRows(2) });
      worker.answers.getUserTransactionHistoryPage = (connection) => (connection.bytes(whole.subarray(0, whole.length - 3)), true);
      await page.evaluate(() => (location.hash = "#/history"));
      await page.locator("main .message.failure").waitFor();
      worker.answers = { getSessions: (connection) => (connection.socket.send(Buffer.alloc(40, 7)), true) };
      await page.evaluate(() => (location.hash = "#/account"));
      await page.locator("main .message.failure:not([hidden])").waitFor();
      worker.answers = {};
      await go(page, "#/assets", "Assets");
      await page.getByRole("link", { name: "A00002" }).waitFor();
    });
  },

  async "a browser's clock that is a year off counts down by the server's"(browser) {
    await withWorker(async (worker, base) => {
      const init = () => {
        const real = Date;
        const ahead = 31_536_000_000;
        globalThis.Date = class extends real {
          constructor(...values) {
            if (values.length === 0) super(real.now() + ahead);
            else super(...values);
          }
          static now() {
            return real.now() + ahead;
          }
        };
      };
      const page = await visit(browser, base, { init });
      await page.getByText(/next prices in 0:0[0-3]|next prices due/).waitFor();
      worker.facts["next-update"] = new Date(Date.now() + 600_000).toISOString();
      worker.cut();
      await page.getByText(/next prices in (10:0|9:5)/).waitFor();
      worker.facts["next-update"] = new Date(Date.now() - 60_000).toISOString();
      worker.cut();
      await page.getByText(/no prices for 1:/).waitFor();
    });
  },

  async "a worker of another version offers to load the page anew"(browser) {
    await withWorker(async (worker, base) => {
      const page = await visit(browser, base);
      await page.getByText(/Simulated market open/).waitFor();
      assert.equal(await page.getByRole("button", { name: "Load anew" }).count(), 0);
      worker.facts.version = "1.1.0";
      worker.cut();
      await page.getByRole("button", { name: "Load anew" }).click();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
    });
  },

  async "a session that ended while the tab slept leads to sign-in and back to the same view"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(3);
      const page = await visit(browser, base);
      await signIn(page, "alice");
      await go(page, "#/assets/A00001", "A00001");
      worker.answers.loginWithSessionID = () => false;
      worker.answers.login = (connection, texts) => {
        if (texts.length > 1) return false;
        connection.reply("loginFail", "session-expired", "the session has ended");
        return true;
      };
      worker.cut();
      await page.getByText("Your session has ended").waitFor();
      worker.answers = {};
      await signIn(page, "alice");
      await page.getByRole("heading", { name: "A00001", level: 1 }).waitFor();
    });
  },

  async "a session is kept when asked, never otherwise, and sign-out in a tab ends the other's"(browser) {
    await withWorker(async (worker, base) => {
      const page = await visit(browser, base);
      await signIn(page, "alice");
      const stored = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
      assert.equal(await stored(), "[{},{}]");
      await page.reload();
      await page.getByRole("heading", { name: "Sign in" }).waitFor();
      await signIn(page, "alice", "correct horse battery", true);
      await page.reload();
      await page.getByRole("link", { name: "alice", exact: true }).waitFor();
      const other = await page.context().newPage();
      await other.goto(base);
      await other.getByRole("link", { name: "alice", exact: true }).waitFor();
      await go(other, "#/account", "Account");
      await other.getByRole("button", { name: "Sign out" }).click();
      await page.getByText("You signed out in another tab.").waitFor();
      assert.equal(await stored(), "[{},{}]");
    });
  },

  async "a fresh login in a tab takes the other tabs of a kept session along"(browser) {
    await withWorker(async (worker, base) => {
      const ended = new Set();
      let made = 0;
      worker.answers.login = (connection, texts) => {
        if (texts.length > 1) made += 1;
        const id = texts.length > 1 ? String(made).repeat(64) : texts[0];
        if (ended.has(id)) connection.reply("loginFail", "session-expired", "the session has ended");
        else connection.reply("sessionID", id, "127.0.0.1:2049");
        return true;
      };
      worker.answers.logout = (connection, texts) => (ended.add(texts[0]), false);
      worker.answers.createToken = (connection, texts) => {
        if (texts[0] === "1".repeat(64)) connection.reply("accountFail", "login-again", "the login is too old");
        else connection.reply("accountSuccess", "cd".repeat(32));
        return true;
      };
      const page = await visit(browser, base);
      await signIn(page, "alice", "correct horse battery", true);
      const other = await page.context().newPage();
      await other.goto(base);
      await other.getByRole("link", { name: "alice", exact: true }).waitFor();
      await go(page, "#/account", "Account");
      await page.getByText("Create token").first().click();
      await page.getByLabel("Name").fill("robot-2");
      await page.getByRole("button", { name: "Create token" }).click();
      await page.getByRole("heading", { name: "Confirm that it is you" }).waitFor();
      await page.locator("dialog").getByLabel("Password", { exact: true }).fill("correct horse battery");
      await page.getByRole("button", { name: "Confirm" }).click();
      await page.getByText("cd".repeat(32)).waitFor();
      assert.ok(ended.has("1".repeat(64)));
      worker.cut();
      for (const tab of [page, other]) {
        await tab.locator(".market").getByText("Simulated market open").waitFor();
        await tab.getByRole("link", { name: "alice", exact: true }).waitFor();
      }
      const uses = worker.asked.filter((asked) => asked.name === "switchState").map((asked) => asked.texts[0][0]);
      assert.deepEqual(uses.slice(-2), ["2", "2"]);
      assert.equal(await other.evaluate(() => JSON.parse(localStorage["papertrader.session"]).sessionID[0]), "2");
    });
  },

  async "a provider's answer leaves the address before anything else, and the handle its storage"(browser) {
    await withWorker(async (worker, base) => {
      worker.facts.login = "password,school";
      const handle = "cd".repeat(32);
      const provider = new PlayedWorker();
      const elsewhere = await provider.start();
      try {
        worker.answers.beginThirdParty = (connection, texts) => {
          assert.deepEqual(texts, ["school", "redirect", base]);
          connection.reply("thirdPartyStarted", handle, "1", new Date(Date.now() + 600_000).toISOString(), "-", `${elsewhere}licenses.txt?to=provider`);
          return true;
        };
        let pending = 2;
        worker.answers.completeThirdParty = (connection, texts) => {
          assert.deepEqual(texts, [handle, "the-code", "the-state"]);
          connection.reply("thirdPartyPending");
          return true;
        };
        worker.answers.awaitThirdParty = (connection) => {
          pending -= 1;
          connection.reply(...(pending > 0 ? ["thirdPartyPending"] : ["thirdPartyUnknown", handle, "alice"]));
          return true;
        };
        worker.answers.registerThirdParty = (connection, texts) => {
          assert.deepEqual(texts, [handle, "alice", "-"]);
          connection.reply("sessionID", "ab".repeat(32), "127.0.0.1:2049");
          return true;
        };
        const page = await visit(browser, base, { expects: ["favicon.ico"] });
        await page.getByRole("button", { name: "Sign in with school" }).click();
        await page.waitForURL(/to=provider/);
        await page.goto(`${base}?code=the-code&state=the-state&iss=x`);
        await page.getByRole("heading", { name: "One more thing" }).waitFor();
        assert.equal(await page.evaluate(() => location.search + JSON.stringify({ ...sessionStorage })), "{}");
        assert.equal(await page.getByLabel("Username").first().inputValue(), "alice");
        await page.getByRole("button", { name: "Create account" }).click();
        await page.getByRole("heading", { name: "Assets", level: 1 }).waitFor();
        // A second time the identity has an account; the name is the export's, or the person's where that takes long.
        worker.answers.completeThirdParty = (connection) => (connection.reply("sessionID", "ab".repeat(32), "127.0.0.1:2049"), true);
        worker.answers.getAccountExport = (connection) => (connection.reply("dataFail", "overloaded", "40 of 400,000 are counted"), true);
        await go(page, "#/account", "Account");
        await page.getByRole("button", { name: "Sign out" }).click();
        await page.getByRole("button", { name: "Sign in with school" }).click();
        await page.waitForURL(/to=provider/);
        await page.goto(`${base}?code=the-code&state=the-state`);
        await page.getByRole("heading", { name: "Your username here" }).waitFor();
        await page.locator("dialog").getByLabel("Username").fill("alice");
        await page.getByRole("button", { name: "Confirm" }).click();
        await page.getByRole("link", { name: "alice", exact: true }).waitFor();
        await page.goto(`${base}?error=access_denied&state=x`);
        await page.getByText(/did not sign you in|is over/).first().waitFor();
      } finally {
        await provider.stop();
      }
    });
  },

  async "over plain http from another computer it says why it cannot sign in, and what helps"(browser) {
    await withWorker(async (worker, base) => {
      const context = await browser.person({ init: () => Object.defineProperty(globalThis, "isSecureContext", { value: false }) });
      const page = await context.newPage();
      await page.goto(base);
      await page.getByRole("heading", { name: "You cannot sign in from here" }).waitFor();
      await page.getByText("ssh -L").waitFor();
      assert.equal(await page.locator("input[type=password]").count(), 0);
    });
  },

  async "all that is wrong in a form is told at its fields, and a wrong password at the password"(browser) {
    await withWorker(async (worker, base) => {
      const page = await visit(browser, base);
      await page.getByRole("link", { name: "Create account" }).click();
      await page.getByLabel("Username").fill("x y!");
      await page.getByLabel("E-mail").fill("notmail");
      await page.getByLabel("Password", { exact: true }).fill("abc");
      await page.getByRole("button", { name: "Create account" }).click();
      for (const text of ["begins with a letter or digit", "no e-mail address", "at least 8 characters."]) {
        await page.locator(".error").getByText(text).waitFor();
      }
      assert.ok(await page.getByLabel("Username").evaluate((input) => input === document.activeElement));
      assert.ok(!worker.asked.some((asked) => asked.name === "register"));
      await go(page, "#/sign-in", "Sign in");
      await signIn(page, "alice");
      await go(page, "#/account", "Account");
      worker.answers.changePassword = (connection) => (connection.reply("accountFail", "bad-credentials", "no"), true);
      await page.getByRole("textbox", { name: "Current password" }).fill("wrong one here");
      await page.getByLabel("New password").fill("another one here");
      await page.getByRole("button", { name: "Change password" }).click();
      await page.locator(".error").getByText("This password is wrong.").waitFor();
      assert.ok(await page.getByRole("textbox", { name: "Current password" }).evaluate((input) => input === document.activeElement));
    });
  },

  async "a password that was typed decomposed is tried in both forms"(browser) {
    await withWorker(async (worker, base) => {
      const hashes = [];
      worker.answers.login = (connection, texts) => {
        if (texts.length === 1) return false;
        hashes.push(texts[1]);
        if (hashes.length > 1) return false;
        connection.reply("loginFail", "bad-credentials", "wrong");
        return true;
      };
      const page = await visit(browser, base);
      await signIn(page, "alice", "cre\u0300me bru\u0302le\u0301e");
      assert.equal(new Set(hashes).size, 2);
    });
  },

  async "everything can be done with the keyboard, and the focus follows"(browser) {
    await withWorker(async (worker, base) => {
      worker.quotes = manyQuotes(5);
      const page = await visit(browser, base);
      await page.keyboard.type("alice");
      await page.keyboard.press("Tab");
      await page.keyboard.type("correct horse battery");
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Assets", level: 1 }).waitFor();
      await page.getByRole("link", { name: "A00002" }).waitFor();
      await page.locator("body").press("/");
      await page.keyboard.type("A00002");
      await page.waitForFunction(() => document.activeElement?.matches("input[type=search]"), null, { timeout: DEADLINE });
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "A00002", level: 1 }).waitFor();
      assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)));
    });
  },
};
