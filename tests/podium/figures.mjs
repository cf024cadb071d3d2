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
const PRESSES = WATCH > 10_000 ? 24 : 4;

const at = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const spread = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length === 0 ? "none" : `${at(sorted, 0.5).toFixed(0)} / ${at(sorted, 0.95).toFixed(0)}`;
};
const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Runs in each page before its script: notes when levels and pictures arrive. */
function note() {
  window.noted = { levels: [], answers: [], pictures: 0, seen: [], states: [] };
  const Source = window.EventSource;
  window.EventSource = class extends Source {
    constructor(...words) {
      super(...words);
      this.addEventListener("levels", () => window.noted.levels.push(performance.now()));
    }
  };
  const ask = window.fetch;
  window.fetch = async (...words) => {
    const began = performance.now();
    const answer = await ask(...words);
    window.noted.answers.push([String(words[0]), performance.now() - began]);
    return answer;
  };
  const Socket = window.WebSocket;
  window.WebSocket = class extends Socket {
    constructor(...words) {
      super(...words);
      this.addEventListener("message", () => { window.noted.pictures += 1; });
    }
  };
}

/** Runs in a page: reads back, frame by frame, what the first preview shows. A bar crosses the test
 * picture once a second in 30 steps, and the first step is white all over: where the bar stands,
 * the picture was born. Notes each new one: when it was seen, and its birth within the second. */
function watchForPictures() {
  const [wide, high, steps, ink] = [320, 8, 30, 120];
  const canvas = new OffscreenCanvas(wide, high);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  let last = null;
  const look = () => {
    const shown = document.querySelector("figure[data-index] canvas, figure[data-index] img");
    if (shown && (shown.naturalWidth ?? shown.width) > 0) {
      context.drawImage(shown, 0, 0, wide, high);
      const { data } = context.getImageData(0, high - 1, wide, 1);
      let left = 0;
      while (left < wide && data[left * 4] < ink) left += 1;
      const step = Math.round((left / (wide - wide / 32)) * steps);
      if (step < steps && last !== null && step !== last) {
        window.noted.seen.push([performance.timeOrigin + performance.now(), (step * 1000) / steps]);
      }
      last = step;
    }
    requestAnimationFrame(look);
  };
  look();
}

/** How long after its birth a picture was seen. The test picture follows the monotonic clock. */
function age([seenUnixMs, bornInSecond]) {
  const monotonic = Number(process.hrtime.bigint()) / 1e6 - (performance.timeOrigin + performance.now());
  return (((seenUnixMs + monotonic - bornInSecond) % 1000) + 1000) % 1000;
}

/** Runs in a page: notes when it was told of each state, or, where it is the page in front, when
 * the state stood on the screen. A page behind is painted when the browser likes. */
function watchForStates(inFront) {
  const note = (state) => window.noted.states.push([state, performance.timeOrigin + performance.now()]);
  new MutationObserver(() => {
    const state = document.body.dataset.state;
    if (!inFront) note(state);
    // The frame that shows it has been painted when the next one begins.
    else requestAnimationFrame(() => requestAnimationFrame(() => note(state)));
  }).observe(document.body, { attributes: true, attributeFilter: ["data-state"] });
}

/** Presses a button in the first page; gives the milliseconds until the new state stood on each
 * page, the first page's first. */
async function pressAndWait(pages, command, state) {
  const began = await pages[0].evaluate((css) => {
    const now = performance.timeOrigin + performance.now();
    document.querySelector(css).click();
    return now;
  }, button(command));
  return Promise.all(pages.map((page) => until(`a page says ${state}`, async () => {
    const seen = await page.evaluate((wanted) => window.noted.states.findLast(([is]) => is === wanted)?.[1], state);
    return seen > began ? seen - began : null;
  })));
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
await first.locator(button("start")).first().click();
await untilState(first, "recording");
await first.context().close();
const floor = await processor(WATCH);

const rows = [];
/** The medians that go into the table of `scripts/bench`. */
const told = [];
const median = (values) => Math.round(at([...values].sort((a, b) => a - b), 0.5));
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
  await page.evaluate(watchForPictures);
  await rest(WATCH);
  const to = await page.evaluate(() => ({ pictures: window.noted.pictures, at: performance.now() }));
  for (const each of pages) await each.evaluate(watchForStates, each === page);
  const presses = [];
  for (let press = 0; press < PRESSES; press += 1) {
    const [command, state] = press % 2 === 0 ? ["pause", "paused"] : ["resume", "recording"];
    // Slower than the page's guard against a second tap.
    await rest(800);
    presses.push(await pressAndWait(pages, command, state));
    if (state === "recording") {
      await rest(800);
      await page.locator(button("mark")).first().click();
    }
  }
  const noted = await page.evaluate(() => window.noted);
  const gaps = noted.levels.slice(1).map((now, index) => now - noted.levels[index]);
  rows.push({
    tabs,
    ...Object.fromEntries(["pause", "resume", "mark"].map((command) =>
      [`${command} answered`, spread(noted.answers.filter(([to]) => to.endsWith(command)).map(([, took]) => took))])),
    "press → state on screen": spread(presses.map(([own]) => own)),
    "state known to the last tab": spread(presses.map((all) => Math.max(...all))),
    "gap between levels": spread(gaps),
    "picture born → on screen": spread(noted.seen.map(age)),
    "pictures/s": ((to.pictures - from.pictures) / ((to.at - from.at) / 1000)).toFixed(1),
    "daemon % of a core": share.toFixed(1),
    "% per viewer": ((share - floor) / tabs).toFixed(2),
  });
  told.push({
    tabs,
    presses: median(presses.map(([own]) => own)),
    answers: median(noted.answers.map(([, took]) => took)),
    pictures: median(noted.seen.map(age)),
    viewer: Number(((share - floor) / tabs).toFixed(2)),
  });
  await context.close();
}
await browser.close();
console.log(`daemon while recording with no viewer: ${floor.toFixed(1)} % of a core`);
console.log("milliseconds as p50 / p95:");
for (const [index, row] of rows.entries()) {
  if (index === 0) console.log(Object.keys(row).join(" | "));
  console.log(Object.values(row).join(" | "));
}
const tell = (figure) => console.log(`figure ${JSON.stringify(figure)}`);
for (const { tabs, presses, answers, pictures, viewer } of told) {
  const of = `${tabs} tabs`;
  tell({ what: `press to the new state on the screen, ${of}`, ours: presses, unit: "ms", of, beside: [["the daemon's answer alone", answers]] });
  tell({ what: `a picture's birth to the screen, ${of}`, ours: pictures, unit: "ms", of, beside: [["a frame of the screen", 17]] });
  tell({ what: `processor for a viewer, ${of}`, ours: viewer, unit: "% of a core", of, beside: [["recording with no viewer", Number(floor.toFixed(2))]] });
}
console.log("again: scripts/bench podium");
process.exit(0);
