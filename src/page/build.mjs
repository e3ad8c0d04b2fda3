// spec/page.md · How it is built
// node build.mjs [--out FOLDER]   builds the page into dist, or another folder
// node build.mjs --test [NAME]    builds and runs the unit tests, all or the files whose name has NAME
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const [mode, value] = process.argv.slice(2);
/** What a browser must know: CSS with light-dark(). */
const target = ["chrome123", "firefox121", "safari17.5"];

if (mode === "--test") await test(value ?? "");
else await page(mode === "--out" ? value : join(here, "dist"));

async function page(out) {
  mkdirSync(out, { recursive: true });
  const shared = { bundle: true, minify: true, target, charset: "utf8", legalComments: "none", logLevel: "warning" };
  const result = await build({
    ...shared,
    entryPoints: [join(here, "src/main.ts")],
    outfile: join(out, "app.js"),
    format: "esm",
    metafile: true,
    absWorkingDir: here,
  });
  const contents = '@import "./style.css";\n@import "./shell.css";';
  await build({ ...shared, stdin: { contents, resolveDir: here, loader: "css" }, outfile: join(out, "app.css") });
  for (const name of ["index.html", "icon.svg"]) cpSync(join(here, name), join(out, name));
  writeFileSync(join(out, "licenses.txt"), licenses(Object.keys(result.metafile.inputs)));
}

/** The licences of the packages that the page contains. */
function licenses(inputs) {
  const packages = new Set(
    inputs.flatMap((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []),
  );
  const own = `PaperTrader\n\n${readFileSync(join(here, "../../LICENSE"), "utf8").trim()}\n`;
  const others = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice)/i.test(file)).sort();
    const texts = files.map((file) => readFileSync(join(folder, file), "utf8").trim());
    // What a package does not bring itself: its licence, or the notice that it wants to be shown.
    const added = join(here, "licenses", `${name.replace("/", "-")}.txt`);
    if (existsSync(added)) texts.push(readFileSync(added, "utf8").trim());
    if (texts.length === 0) throw new Error(`${name} has no licence that could go along`);
    return `\n${"-".repeat(72)}\n${name} ${version}\n\n${texts.join("\n\n")}\n`;
  });
  return [own, ...others].join("");
}

async function test(name) {
  const folder = join(here, "test");
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith(".test.ts") && file.includes(name)) : [];
  const out = mkdtempSync(join(tmpdir(), "papertrader-page-"));
  try {
    await build({
      entryPoints: files.map((file) => join(folder, file)),
      outdir: out,
      outExtension: { ".js": ".mjs" },
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      sourcemap: "inline",
      define: { REPOSITORY: JSON.stringify(join(here, "../..")) },
      logLevel: "warning",
    });
    const built = readdirSync(out).sort().map((file) => join(out, file));
    const run = spawnSync(process.execPath, ["--enable-source-maps", "--test", "--test-timeout=300000", ...built], { stdio: "inherit" });
    process.exitCode = run.status ?? 1;
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
