// A real Chromium by playwright-core, and what every script here needs of it: pages that fail on
// an error of their own, waits with a deadline, pictures kept for a person to look at.

import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import path from "node:path";

const modules = process.env.LECTERN_PODIUM_MODULES;
if (!modules) throw new Error("LECTERN_PODIUM_MODULES names no folder: run fixtures/podium/install.sh and say where it installed");
const require = createRequire(path.join(modules, "package.json"));
const { chromium } = require("playwright-core");
/** The source of axe-core, to be run inside a page. */
export const axe = require("axe-core");

/** The longest that any one state may take on a slow machine. */
export const PATIENCE = Number(process.env.LECTERN_PATIENCE_MS ?? 60_000);

export const LANGUAGES = ["en", "fr", "zh", "ru", "ar"];

/** Starts the system's Chromium, headless. */
export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.LECTERN_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    env: { ...process.env, no_proxy: "127.0.0.1,localhost" },
  });
}

/** A page of its own session. What the page itself does wrong (an exception, a refusal by its own
 * content policy) is collected in `page.faults`, and `noFaults` fails on it. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  page.faults = [];
  page.on("pageerror", (error) => page.faults.push(`exception: ${error.message}`));
  page.on("console", (message) => {
    // A server that goes away on purpose is heard of here too; that is no fault of the page.
    if (message.type() === "error" && !/ERR_|Failed to load resource|WebSocket connection/.test(message.text())) {
      page.faults.push(`console: ${message.text()}`);
    }
  });
  return page;
}

export function noFaults(page) {
  if (page.faults.length > 0) throw new Error(`the page itself failed:\n${page.faults.join("\n")}`);
}

/** Waits until the page shows this state of the recorder. */
export function untilState(page, state) {
  return until(`the page says ${state}`, async () => (await stateOf(page)) === state);
}

export const stateOf = (page) => page.locator("body").getAttribute("data-state");

/** Waits until `look` answers with something true, and gives it. */
export async function until(what, look, patience = PATIENCE) {
  const deadline = performance.now() + patience;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

export function assert(condition, sentence) {
  if (!condition) throw new Error(sentence);
}

/** Keeps a picture of the page in the folder that `LECTERN_PICTURES` names, if it is set. */
export async function keepPicture(page, name) {
  const folder = process.env.LECTERN_PICTURES;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}
