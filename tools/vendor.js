/**
 * Copies the browser libraries of package.json's `vendor` table (file in node_modules: name) to
 * static/vendor/. Run by `make vendor` and by hatch_build.py, after `npm ci`.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs";

const root = new URL("../", import.meta.url);
const { vendor } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const target = new URL("static/vendor/", root);

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [source, name] of Object.entries(vendor)) {
  copyFileSync(new URL(`node_modules/${source}`, root), new URL(name, target));
}
