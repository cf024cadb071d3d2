// What the eye may ask for: no motion, forced colours, text twice as large, a page 320 px wide;
// and a page whose script never runs.
//
//   node comfort.mjs SCENE=ADDRESS …

import { keepPicture, openBrowser, openPage } from "./browser.mjs";
import { accessibilityFaults, layoutFaults } from "./judge.mjs";

const scenes = process.argv.slice(2).map((word) => word.split(/=(.*)/s).slice(0, 2));
const faults = [];
const browser = await openBrowser();

/** Opens each scene so and judges it. */
async function judge(name, options, look) {
  const page = await openPage(browser, options);
  for (const [scene, address] of scenes) {
    await page.goto(`${address}?language=en`);
    await page.locator("body[data-state]").waitFor();
    for (const fault of await look(page)) faults.push(`${name}, ${scene}: ${fault}`);
    await keepPicture(page, `${name}-${scene}`);
  }
  await page.context().close();
}

const english = { lang: "en", dir: "ltr", noScroll: false };

await judge("still", { reducedMotion: "reduce" }, (page) => page.evaluate(() =>
  document.getAnimations()
    .filter((animation) => animation.playState === "running" && animation.effect.getComputedTiming().duration > 10)
    .map((animation) => `${animation.animationName ?? animation.transitionProperty} moves`)));

await judge("forced-colours", { forcedColors: "active" }, async (page) => {
  const bare = await page.evaluate(() => [...document.querySelectorAll("button, input:not([type=hidden]), select")]
    .filter((node) => node.checkVisibility() && Number.parseFloat(getComputedStyle(node).borderTopWidth) < 1)
    .map((node) => `${node.tagName} ${node.textContent.trim()} has no edge when its colours are taken away`));
  const chosen = await page.evaluate(() => {
    const edge = (css) => [...document.querySelectorAll(css)].map((node) => getComputedStyle(node).borderBlockEndColor);
    const [present] = edge("header a[aria-current]");
    return edge("header a:not([aria-current])").includes(present) ? ["the chosen language looks like the others"] : [];
  });
  return [...bare, ...chosen, ...(await layoutFaults(page, { ...english, noScroll: true }))];
});

// 1280 px at 200 % and at 400 %: what a browser's zoom makes of the page.
await judge("zoom-200", { viewport: { width: 640, height: 400 } }, (page) => layoutFaults(page, english));
await judge("zoom-400", { viewport: { width: 320, height: 256 } }, async (page) => {
  const { violations } = await accessibilityFaults(page);
  return [...violations, ...(await layoutFaults(page, english))];
});

await judge("no-script", { javaScriptEnabled: false }, (page) => layoutFaults(page, english));

await browser.close();
for (const fault of faults) console.log(fault);
console.log(`no motion, forced colours, 200 %, 400 %, no script, ${scenes.length} scenes each: ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
