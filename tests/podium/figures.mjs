// Measures what a person at the page waits for, with 1 and with 4 tabs open. Nothing is judged.
//
//   node figures.mjs ADDRESS

import { openBrowser, openPage, until, untilState } from "./browser.mjs";
import { button } from "./hands.mjs";
import { untilDrawn } from "./sight.mjs";
import { processorSeconds } from "./room.mjs";

const [address] = process.argv.slice(2);
/** `scripts/bench` asks for more; a test only sees that it works. */
const WATCH = Number(process.env.LECTERN_PODIUM_SECONDS ?? 2) * 1000;
const PRESSES = WATCH > 10_000 ? 50 : 4;

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? "none" : `${at(sorted, 0.5).toFixed(0)} / ${at(sorted, 0.95).toFixed(0)}`;
};
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in each page before its script: notes when levels and pictures arrive. */
function note() {
  window.noted = { levels: [], pictures: 0, flashes: [] };
  const Source = window.EventSource;
  window.EventSource = class extends Source {
    constructor(...words) {
      super(...words);
      this.addEventListener("levels", () => window.noted.levels.push(performance.now()));
    }
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", () => { window.noted.pictures += 1; });
    }
  };
}

/** Runs in a page: reads back, frame by frame, what the first preview shows, and notes when it
 * turned white. The test picture is white for the one picture that holds a whole second. */
function watchForFlashes() {
  const canvas = new OffscreenCanvas(8, 8);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let white = true;
  const look = () => {
    const shown = document.querySelector("figure[data-index] canvas, figure[data-index] img");
    if (shown && (shown.naturalWidth ?? shown.width) > 0) {
      context.drawImage(shown, 0, 0, 8, 8);
      const now = context.getImageData(4, 4, 1, 1).data[0] > 200;
      if (now && !white) window.noted.flashes.push(performance.timeOrigin + performance.now());
      white = now;
    }
    requestAnimationFrame(look);
  };
  look();
}

/** How long ago the monotonic clock, which the test picture follows, had a whole second. */
function sinceWholeSecond(unixMs) {
  const monotonic = Number(process.hrtime.bigint()) / 1e6 - (performance.timeOrigin + performance.now());
  return (unixMs + monotonic) % 1000;
}

/** Presses a button in the page, and gives the milliseconds until another state stood on screen. */
function pressAndWait(page, command, state) {
  return page.evaluate(([css, wanted]) => new Promise((resolve) => {
    const began = performance.now();
    const seen = () => {
      if (document.body.dataset.state !== wanted) return;
      watcher.disconnect();
      // The frame that shows it has been painted when the next one begins.
      requestAnimationFrame(() => requestAnimationFrame(() => resolve(performance.now() - began)));
    };
    const watcher = new MutationObserver(seen);
    watcher.observe(document.body, { attributes: true, attributeFilter: ["data-state"] });
    document.querySelector(css).click();
  }), [button(command), state]);
}

/** The daemon's processor share over a while, in per cent of one core. */
async function processor(ms) {
  const [before, began] = [await processorSeconds(), performance.now()];
  await rest(ms);
  return ((await processorSeconds()) - before) / ((performance.now() - began) / 1000) * 100;
}

const browser = await openBrowser();
const first = await openPage(browser);
await first.goto(address);
await untilState(first, "ready");
await pressAndWait(first, "start", "recording");
await first.context().close();
const floor = await processor(WATCH);

const rows = [];
for (const tabs of [1, 4]) {
  const pages = [];
  // One session, as tabs of one window have: they share the browser's connections to the daemon.
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(note);
  for (let tab = 0; tab < tabs; tab += 1) {
    const page = await context.newPage();
    await page.goto(address);
    await untilState(page, "recording");
    await untilDrawn(page);
    pages.push(page);
  }
  const share = await processor(WATCH);
  const [page] = pages;
  await page.bringToFront();
  const from = await page.evaluate(() => ({ pictures: window.noted.pictures, at: performance.now() }));
  await page.evaluate(watchForFlashes);
  await rest(WATCH);
  const to = await page.evaluate(() => ({ pictures: window.noted.pictures, at: performance.now() }));
  const presses = [];
  for (let press = 0; press < PRESSES; press += 1) {
    const [command, state] = press % 2 === 0 ? ["pause", "paused"] : ["resume", "recording"];
    // Slower than the page's guard against a second tap.
    await rest(800);
    presses.push(await pressAndWait(page, command, state));
  }
  const noted = await page.evaluate(() => window.noted);
  const gaps = noted.levels.slice(1).map((now, index) => now - noted.levels[index]);
  rows.push({
    tabs,
    "press → state on screen p50/p95 ms": spread(presses),
    "gap between levels p50/p95 ms": spread(gaps),
    "picture born → on screen p50/p95 ms": `${spread(noted.flashes.map(sinceWholeSecond))} (${noted.flashes.length})`,
    "pictures/s": ((to.pictures - from.pictures) / ((to.at - from.at) / 1000)).toFixed(1),
    "daemon % of a core": share.toFixed(1),
    "% per viewer": ((share - floor) / tabs).toFixed(2),
  });
  await context.close();
}
await browser.close();
console.log(`daemon while recording with no viewer: ${floor.toFixed(1)} % of a core`);
console.table(rows);
console.log("again: scripts/bench podium");
process.exit(0);
