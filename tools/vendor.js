/**
 * Fills static/vendor/ from node_modules: copies the files of package.json's `vendor` table (file:
 * name), and puts the icons that its `icons` list names into one sprite, icons.svg. Run by
 * `make vendor` and by hatch_build.py, after `npm ci`.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const { vendor, icons } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));
const target = new URL("static/vendor/", root);

/** @param {string} name */
function symbol(name) {
  const file = new URL(`node_modules/lucide-static/icons/${name}.svg`, root);
  const [, shapes] = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(readFileSync(file, "utf8"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
for (const [source, name] of Object.entries(vendor)) {
  copyFileSync(new URL(`node_modules/${source}`, root), new URL(name, target));
}
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${icons.map(symbol).join("\n")}\n</svg>\n`;
writeFileSync(new URL("icons.svg", target), sprite);
