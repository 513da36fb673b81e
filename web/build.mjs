// Bundles what the browser loads into files named by their content, and writes a manifest of them.
// The folder appears whole or not at all, so that a build that fails leaves the one before it.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = path.resolve(here, "../src/freehold/server/web/static");
const fresh = `${target}.${process.pid}`;

const made = await build({
  absWorkingDir: here,
  entryPoints: { app: "js/app.js", htmx: "js/htmx.js", style: "css/style.css" },
  outdir: fresh,
  entryNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox120", "safari17.5"],
  loader: { ".woff2": "file", ".svg": "file" },
  metafile: true,
  legalComments: "none",
  logLevel: "warning",
});

const manifest = {};
for (const [file, { entryPoint, inputs }] of Object.entries(made.metafile.outputs)) {
  const from = entryPoint ? path.basename(entryPoint) : path.basename(Object.keys(inputs)[0] ?? file);
  manifest[from] = path.basename(file);
}
for (const name of ["mark.png"]) {
  const bytes = readFileSync(path.join(here, name));
  const { name: stem, ext } = path.parse(name);
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 8).toUpperCase();
  manifest[name] = `${stem}-${hash}${ext}`;
  writeFileSync(path.join(fresh, manifest[name]), bytes);
}

mkdirSync(path.join(fresh, "licenses"), { recursive: true });
for (const name of ["@fontsource-variable/inter", "@fontsource-variable/jetbrains-mono", "htmx.org"]) {
  const licence = path.join(here, "node_modules", name, "LICENSE");
  cpSync(licence, path.join(fresh, "licenses", `${path.basename(name)}.txt`));
}
const sorted = Object.fromEntries(Object.entries(manifest).sort());
writeFileSync(path.join(fresh, "manifest.json"), `${JSON.stringify(sorted, null, 2)}\n`);
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);
