/**
 * Fetches the browser libraries (npm's lock names them) and fills static/vendor/: copies the files of
 * package.json's `vendor` table (file: name), and puts the icons that its `icons` list names into one
 * sprite, icons.svg. All is made beside its place and put there when whole, so that an interruption
 * leaves what was there or nothing. Run by `make vendor`, hatch_build.py and the Dockerfile.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

const root = new URL("../", import.meta.url);
const work = new URL("static/vendor.new/", root);
const made = new URL("made/", work);
const target = new URL("static/vendor/", root);
const { vendor, icons } = JSON.parse(readFileSync(new URL("package.json", root), "utf8"));

function fetchLibraries() {
  for (const name of ["package.json", "package-lock.json"]) {
    copyFileSync(new URL(name, root), new URL(name, work));
  }
  const options = [
    "--ignore-scripts",
    "--omit=dev",
    "--no-audit",
    "--no-fund",
    "--no-update-notifier",
  ];
  const { status } = spawnSync("npm", ["ci", ...options], {
    cwd: work,
    stdio: "inherit",
    shell: process.platform === "win32", // npm is a batch file there
  });
  if (status !== 0) {
    console.error("npm could not fetch the browser libraries; try again when its registry answers");
    process.exit(1);
  }
}

/** @param {string} name */
function symbol(name) {
  const file = new URL(`node_modules/lucide-static/icons/${name}.svg`, work);
  const [, shapes] = /<svg[^>]*>([\s\S]*)<\/svg>/.exec(readFileSync(file, "utf8"));
  return `<symbol id="${name}" viewBox="0 0 24 24">${shapes.replace(/\s*\n\s*/g, "")}</symbol>`;
}

rmSync(work, { recursive: true, force: true });
mkdirSync(made, { recursive: true });
fetchLibraries();
for (const [source, name] of Object.entries(vendor)) {
  copyFileSync(new URL(`node_modules/${source}`, work), new URL(name, made));
}
// Its small form is a script with one global name; pages import modules.
const small = new URL("idiomorph.js", made);
const script = readFileSync(small, "utf8");
writeFileSync(small, `// @ts-nocheck\n${script.trim()}\nexport { Idiomorph };\n`);
const sprite = `<svg xmlns="http://www.w3.org/2000/svg">\n${icons.map(symbol).join("\n")}\n</svg>\n`;
writeFileSync(new URL("icons.svg", made), sprite);
rmSync(target, { recursive: true, force: true });
renameSync(made, target);
rmSync(work, { recursive: true, force: true });
