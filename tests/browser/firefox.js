/**
 * Firefox on a site, by WebDriver BiDi: `node firefox.js ROOT FIREFOX PATIENCE PATHS`.
 *
 * For each page and each thing that is done it prints a line of JSON, its name and its troubles.
 * The line "event" asks the one who started it to let task 5eed happen.
 */
import puppeteer from "puppeteer-core";

const [root, executablePath, patience, paths] = process.argv.slice(2);
const WIDTHS = [1280, 390];
const READY = "customElements.get('f-live') !== undefined";

const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
const page = await browser.newPage();
page.setDefaultTimeout(10_000 * Number(patience));

let complaints = [];
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("console", (message) => {
  if (["error", "warn"].includes(message.type())) complaints.push(message.text());
});

/** Print what is wrong with one thing, and begin anew. */
async function told(name, look) {
  complaints = [];
  try {
    await look();
  } catch (error) {
    complaints.push(String(error));
  }
  console.log(JSON.stringify({ name, troubles: complaints }));
}

/** Have the window this wide. @param {number} width */
async function wide(width) {
  await page.setViewport({ width, height: 800 });
  await page.waitForFunction((wanted) => innerWidth === wanted, {}, width);
}

/** Go to a page, and wait until it is ready. @param {string} path */
async function open(path) {
  await page.goto(root + path, { waitUntil: "load" });
  await page.waitForFunction(READY);
}

/** Wait until the page's content has these words. */
async function shows(words) {
  const has = (wanted) => document.querySelector("main").innerText.includes(wanted);
  await page.waitForFunction(has, {}, words);
}

const click = (selector) => page.locator(selector).click();

const DEEDS = {
  async "a search"() {
    await open("/tasks");
    await click("main input[role=combobox]");
    await page.keyboard.type("state:FAILURE");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.search.includes("search=state"));
    await shows("ValueError");
  },
  async "the palette"() {
    await open("/workers");
    await page.keyboard.down("Control");
    await page.keyboard.press("k");
    await page.keyboard.up("Control");
    await page.keyboard.type("0123456789abcdef-failed");
    await page.waitForSelector("[role=option] ::-p-text(0123456789abcdef-failed)");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => location.pathname === "/task/0123456789abcdef-failed");
  },
  async "a review"() {
    await open("/task/0123456789abcdef-failed");
    await click("main form[action*='/rerun/'] button");
    await page.waitForSelector("#review button.main");
    await page.keyboard.press("Escape");
    await page.waitForSelector("#review", { hidden: true });
  },
  async "a live update"() {
    await open("/tasks");
    console.log(JSON.stringify("event"));
    await shows("5eed");
  },
  async "the places of a phone"() {
    await wide(390);
    await open("/workers");
    await click("nav .more button");
    await click("#places[popover] a[href='/history']");
    await page.waitForFunction(() => location.pathname === "/history");
  },
  async "one moment in all charts"() {
    await open("/overview");
    await page.locator("figure.chart .hand").hover();
    await page.waitForFunction(() => document.querySelectorAll(".chart .tip").length === 4);
  },
  async tabs() {
    await open("/worker/w1@box");
    await click(".tabs a[href='#tab-queues']");
    await page.waitForSelector("#tab-queues", { visible: true });
    await page.waitForSelector("#tab-tasks", { hidden: true });
  },
};

for (const [name, path] of Object.entries(JSON.parse(paths)))
  await told(name, async () => {
    await open(path);
    for (const width of WIDTHS) {
      await wide(width);
      const found = await page.evaluate(() => document.documentElement.scrollWidth);
      if (found > width) complaints.push(`${found} px wide in a window of ${width} px`);
    }
  });
await wide(1280);
for (const [name, deed] of Object.entries(DEEDS)) await told(name, deed);
await browser.close();
