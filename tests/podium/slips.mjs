// Slips of a hand, other hands, and a recorder that goes away: none ends a lecture, and the page
// says what is.
//
//   node slips.mjs ADDRESS

import { assert, keepPicture, noFaults, openBrowser, openPage, stateOf, until, untilState } from "./browser.mjs";
import { Finger, button } from "./hands.mjs";
import { endDaemon, lectern, startDaemon, status } from "./room.mjs";

const [address] = process.argv.slice(2);
const browser = await openBrowser();
const page = await openPage(browser, { hasTouch: true });
const hand = new Finger(page);
await page.goto(address);
await untilState(page, "ready");

/** The lecture goes on: two more seconds are recorded, and the state has been nothing else. */
async function goesOn(what) {
  const from = (await status()).lecture.recorded_ms;
  await until(`${what}: two more seconds are recorded`, async () => {
    const now = await status();
    assert(now.state === "recording", `${what}: the daemon is ${now.state}`);
    return now.lecture.recorded_ms >= from + 2_000;
  });
}

// ---- Two taps ------------------------------------------------------------------------------

await hand.doubleTap("start");
await untilState(page, "recording");
await goesOn("two taps on Record");
await hand.press("pause");
await untilState(page, "paused");
await hand.press("resume");
await untilState(page, "recording");
await hand.doubleTap("pause");
await untilState(page, "paused");
assert((await status()).state === "paused", "two taps on Pause did more than pause");
await hand.press("resume");
await untilState(page, "recording");
await goesOn("two taps on Pause and one on Resume");
console.log("two taps on Record record, two taps on Pause pause; neither ends the lecture");

// Acting on release: a finger that slides off the button before it lifts has pressed nothing.
const stop = await page.locator(button("stop")).first().boundingBox();
const cdp = await page.context().newCDPSession(page);
const touch = (type, points) => cdp.send("Input.dispatchTouchEvent", { type, touchPoints: points });
await touch("touchStart", [{ x: stop.x + 20, y: stop.y + 20 }]);
await touch("touchMove", [{ x: stop.x + 20, y: Math.max(1, stop.y - 200) }]);
await touch("touchEnd", []);
await goesOn("a finger that slid off Stop");

// ---- Another hand --------------------------------------------------------------------------

const other = await openPage(browser, { hasTouch: true });
await other.goto(address);
await untilState(other, "recording");
await lectern("pause");
await Promise.all([untilState(page, "paused"), untilState(other, "paused")]);
await new Finger(other).press("resume");
await untilState(page, "recording");

// ---- Typing goes on while the page is told news ----------------------------------------------

const panel = await openPage(browser);
await panel.goto(address);
await panel.locator(button("pause")).first().focus();
await lectern("mark");
await until("the mark is known", async () => (await status()).lecture.marks === 1);
await lectern("pause");
await untilState(panel, "paused");
const focused = await panel.evaluate(() => document.activeElement.closest("[data-command]")?.dataset.command);
assert(focused === "resume", `the keyboard was at Pause and is now at ${focused}, not at Resume`);
await lectern("resume");
await untilState(page, "recording");
await panel.context().close();
await other.context().close();

// ---- A page that dimmed ----------------------------------------------------------------------

const dim = await openPage(browser, { hasTouch: true });
await dim.clock.install();
await dim.goto(address);
await untilState(dim, "recording");
const dimmed = () => dim.evaluate(() => document.body.matches(".dimmed, [data-dimmed]"));
assert(!(await dimmed()), "the page is dim from the start");
await dim.clock.fastForward("03:00");
await until("the page dims", dimmed);
await keepPicture(dim, "dimmed");
const spot = await dim.locator(button("stop")).first().boundingBox();
await dim.touchscreen.tap(spot.x + spot.width / 2, spot.y + spot.height / 2);
await until("the page is awake", async () => !(await dimmed()));
await goesOn("the first touch on a dimmed page, on Stop");
assert((await stateOf(dim)) === "recording", "the first touch on a dimmed page did more than wake it");
await dim.context().close();
console.log("the first touch on a dimmed page only wakes it");

// ---- A recorder that goes away ---------------------------------------------------------------

await page.goto(`${address}?language=fr`);
await page.locator("html[lang=fr]").waitFor();
await page.reload();
await page.locator("html[lang=fr]").waitFor();
await untilState(page, "recording");
await endDaemon();
await page.locator("#link").waitFor({ state: "visible" });
await keepPicture(page, "link-lost-fr");
await startDaemon();
await page.locator("#link").waitFor({ state: "hidden" });
await untilState(page, (await status()).state);
await page.locator("html[lang=fr]").waitFor();
assert((await status()).state === "recording", "the lecture does not go on after a restart");
await page.reload();
await page.locator("html[lang=fr]").waitFor();
console.log("the page says that the recorder is gone and comes back with it, in the same language");

await hand.press("stop");
await untilState(page, "saved");
noFaults(page);
await browser.close();
process.exit(0);
