// spec/page.md · In the browser
// node run.mjs [NAME]   runs all cases, or those whose name has NAME; OUT=FOLDER keeps pictures
import { Browser, chromiumPath } from "./browser.mjs";
import * as played from "./played.mjs";
import * as sandbox from "./sandbox.mjs";
import * as views from "./views.mjs";

const wanted = process.argv[2] ?? "";
const cases = [...Object.entries(played.cases), ...Object.entries(views.cases), ...Object.entries(sandbox.cases)].filter(([name]) => name.includes(wanted));
if (!chromiumPath()) {
  console.error("browser: there is no chromium; CHROMIUM=PATH names one");
  process.exit(1);
}
let failed = 0;
for (const [name, run] of cases) {
  const browser = await Browser.start();
  const began = performance.now();
  try {
    await run(browser);
    if (browser.faults.length > 0) throw new Error(browser.faults.join("\n"));
    console.log(`ok ${name} (${((performance.now() - began) / 1_000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.error(`FAILED ${name}: ${error instanceof Error ? error.stack : error}\n${browser.faults.join("\n")}`);
  } finally {
    await browser.stop();
  }
}
console.log(`${cases.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && cases.length > 0 ? 0 : 1);
