// Every scene of the stage × five languages × three sizes, dark, and light at the size of the
// podium: fits, can be pressed, collides nowhere, axe-core finds nothing.
//
//   node matrix.mjs ready=http://127.0.0.1:8471/ recording=http://127.0.0.1:8472/ …

import { LANGUAGES, keepPicture, noFaults, openBrowser, openPage, untilState } from "./browser.mjs";
import { accessibilityFaults, layoutFaults } from "./judge.mjs";

/** `noScroll`: the podium's own panel shows all without scrolling. */
const VIEWS = [
  { name: "podium", width: 1280, height: 800, noScroll: true, colorScheme: "dark" },
  { name: "podium-light", width: 1280, height: 800, noScroll: true, colorScheme: "light" },
  { name: "small", width: 1024, height: 600, noScroll: false, colorScheme: "dark" },
  { name: "phone", width: 390, height: 844, noScroll: false, colorScheme: "dark" },
];
/** The scenes that have a state's name show that state; the others are its variants. */
const STATES = ["ready", "starting", "recording", "paused", "saved", "fault"];

const scenes = process.argv.slice(2).map((word) => word.split(/=(.*)/s).slice(0, 2));
if (scenes.length === 0) throw new Error("usage: node matrix.mjs SCENE=ADDRESS …");

const began = performance.now();
const faults = [];
const undecided = new Map();
let views = 0;

async function judgeScene(browser, [scene, address]) {
  const page = await openPage(browser, { hasTouch: true });
  for (const language of LANGUAGES) {
    await page.goto(`${address}?language=${language}`);
    if (STATES.includes(scene)) await untilState(page, scene);
    for (const view of VIEWS) {
      await page.setViewportSize({ width: view.width, height: view.height });
      await page.emulateMedia({ colorScheme: view.colorScheme });
      // What the page moves into place is in place in the frame after the next.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const where = `${scene}-${language}-${view.name}`;
      const wants = { lang: language, dir: language === "ar" ? "rtl" : "ltr", noScroll: view.noScroll };
      const { violations, incomplete } = await accessibilityFaults(page);
      for (const fault of [...(await layoutFaults(page, wants)), ...violations]) faults.push(`${where}: ${fault}`);
      for (const item of incomplete) undecided.set(item, (undecided.get(item) ?? 0) + 1);
      await keepPicture(page, where);
      views += 1;
    }
  }
  try {
    noFaults(page);
  } catch (error) {
    faults.push(`${scene}: ${error.message}`);
  }
  await page.context().close();
}

const browser = await openBrowser();
const waiting = [...scenes];
// Two at a time: one renders while the other is judged.
await Promise.all([0, 1].map(async () => {
  for (let scene = waiting.shift(); scene; scene = waiting.shift()) await judgeScene(browser, scene);
}));
await browser.close();

for (const fault of faults) console.log(fault);
for (const [item, times] of undecided) console.log(`axe could not decide, ${times} views: ${item}`);
const seconds = ((performance.now() - began) / 1000).toFixed(0);
console.log(`${views} views of ${scenes.length} scenes in ${LANGUAGES.length} languages: ${faults.length} faults (${seconds} s)`);
const figure = { what: "faults of fit and access", ours: faults.length, unit: "faults", of: `${views} views`, beside: [["promised bound", 0]] };
console.log(`figure ${JSON.stringify(figure)}`);
process.exitCode = faults.length === 0 ? 0 : 1;
