// spec/page.md · In the browser
// Debian's chromium with a profile of its own, and what every test looks at: policy, errors, accessibility.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

/** For whatever a test waits for: a slow machine is no failure. */
export const DEADLINE = 90_000;
export const WIDTHS = [360, 1280, 2560];
export const THEMES = ["light", "dark"];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** What a browser does of itself is switched off: nothing leaves this machine. */
const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
];

export function chromiumPath() {
  return [process.env.CHROMIUM, "/usr/bin/chromium"].find((path) => path && existsSync(path)) ?? null;
}

export class Browser {
  /** What nobody may cause: violations of the policy, errors of the page. */
  faults = [];
  static async start() {
    const made = new Browser();
    made.profile = mkdtempSync(join(tmpdir(), "papertrader-chromium-"));
    made.browser = await chromium.launch({ executablePath: chromiumPath(), args: [...ARGUMENTS, `--disk-cache-dir=${made.profile}`] });
    return made;
  }
  async stop() {
    await this.browser.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
  /** A person's browser: storage of its own. `expects` has errors that the test causes itself. */
  async person({ width = 1280, theme = "light", expects = [], init = null, base } = {}) {
    const context = await this.browser.newContext({
      viewport: { width, height: width < 600 ? 780 : width > 2000 ? 1440 : 860 },
      colorScheme: theme,
      locale: "en-GB",
      timezoneId: "Europe/Berlin",
      acceptDownloads: true,
      ...(base ? { baseURL: base } : {}),
    });
    context.setDefaultTimeout(DEADLINE);
    const fault = (text) => {
      if (!expects.some((expected) => text.includes(expected))) this.faults.push(text);
    };
    await context.exposeBinding("reportViolation", (_, text) => fault(`policy: ${text}`));
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) => {
        globalThis.reportViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ""}:${event.lineNumber}`);
      });
    });
    if (init) await context.addInitScript(init);
    context.on("page", (page) => {
      page.on("pageerror", (error) => fault(`error: ${error.stack ?? error}`));
      page.on("console", (line) => {
        if (line.type() === "error" || /Content.Security.Policy/i.test(line.text())) fault(`console: ${line.text()} ${line.location().url}`);
      });
    });
    return context;
  }
}

/** What axe finds on the page as it is, each with the elements that it is about. */
export async function axe(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.map((found) => `${found.id}: ${found.help}: ${found.nodes.map((node) => `${node.target.join(" ")} ${node.failureSummary ?? ""}`).join("; ")}`);
}

/** The folder for pictures: OUT, or nowhere. */
export async function picture(page, name, options = {}) {
  const folder = process.env.OUT;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), animations: "disabled", ...options });
}

/** Registers an account, and lands on the assets. */
export async function register(page, name, password = "correct horse battery") {
  await page.getByRole("link", { name: "Create account" }).click();
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("E-mail").fill(`${name}@example.org`);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByRole("heading", { name: "Assets", level: 1 }).waitFor();
}
export async function signIn(page, name, password = "correct horse battery", keep = false) {
  await page.getByLabel("Username").fill(name);
  await page.getByLabel("Password", { exact: true }).fill(password);
  if (keep) await page.getByLabel("Keep me signed in").check();
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("link", { name, exact: true }).waitFor();
}
/** Goes to a route, and waits for its heading. */
export async function go(page, hash, heading) {
  await page.evaluate((route) => (location.hash = route), hash);
  await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
  await page.locator(".loading").waitFor({ state: "detached" }).catch(() => undefined);
}
