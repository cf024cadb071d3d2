// The whole way of a lecture on the page, by one kind of hand: touch, keyboard, or plain (no
// script in the page). Every step is checked on the page and with the daemon.
//
//   node lecture.mjs touch|keyboard|plain ADDRESS

import { assert, keepPicture, noFaults, openBrowser, openPage, stateOf, until, untilState } from "./browser.mjs";
import { Finger, FingerWithoutScript, Keyboard, button } from "./hands.mjs";
import { blackness, untilDrawn, untilMeterMoves } from "./sight.mjs";
import { show, status } from "./room.mjs";

const [kind, address] = process.argv.slice(2);
const Hands = { touch: Finger, keyboard: Keyboard, plain: FingerWithoutScript };
const scripted = kind !== "plain";

const browser = await openBrowser();
const page = await openPage(browser, { hasTouch: kind !== "keyboard", javaScriptEnabled: scripted });
const hand = new Hands[kind](page);

/** Presses, and waits until page and daemon are in this state. */
async function press(command, state) {
  await hand.press(command);
  if (scripted) await untilState(page, state);
  else await hand.see(`the page says ${state}`, async () => (await stateOf(page)) === state);
  const now = await status();
  assert(now.state === state, `after ${command} the daemon is ${now.state}, the page says ${state}`);
  return now;
}

/** Waits until the daemon's status is as wanted. */
const untilStatus = (what, look) => until(what, async () => look(await status()));

await page.goto(address);
await untilState(page, "ready");
await keepPicture(page, `way-${kind}-1-ready`);
await hand.write("#title", "Cell biologie");
const { lecture } = await press("start", "recording");
assert(lecture.title === "Cell biologie", `the title typed on the page is ${lecture.title}`);
if (kind === "keyboard") {
  const focused = await page.evaluate(() => document.activeElement.closest("[data-command]")?.dataset.command);
  assert(focused === "pause", `after Record the keyboard is at ${focused}, not at Pause`);
}

if (scripted) {
  await untilDrawn(page);
  await untilMeterMoves(page, "microphone");
}
await keepPicture(page, `way-${kind}-2-recording`);
const pictureBlack = () => blackness(page, page.locator("figure[data-index]").first());
const before = await pictureBlack();
assert(before < 0.2, `the picture is black while recording: ${before}`);

await hand.press("mark");
await untilStatus("the mark is kept", (now) => now.lecture?.marks === 1);

await press("pause", "paused");
if (scripted) {
  await until("the previews are black", async () => (await pictureBlack()) > 0.6);
}
await keepPicture(page, `way-${kind}-3-paused`);
await press("resume", "recording");

const planned = (await status()).lecture.ends_unix_ms;
await hand.press("extend");
await untilStatus("the end is 10 minutes later", (now) => now.lecture.ends_unix_ms - planned === 600_000);

const ends = (await press("stop", "saved")).lecture.undo_until_unix_ms;
await keepPicture(page, `way-${kind}-4-saved`);
// Whoever is slow may have more time: 20 s from the press, and the room gives 8 s.
await hand.press("more-time");
await untilStatus("there is more time to undo", (now) => now.lecture?.undo_until_unix_ms >= ends + 12_000);
await press("undo", "recording");
await press("stop", "saved");

// What was typed wrong is put right on the page, and the lecture becomes files.
const mend = `#mend-${lecture.id}`;
if (!scripted) await hand.see("the way to mend the title", () => page.locator(mend).count());
await page.locator(mend).waitFor({ state: "visible" });
await hand.use(mend);
await page.locator("#mend-title").waitFor({ state: "visible" });
assert((await page.locator("#mend-title").inputValue()) === "Cell biologie", "the form does not hold what was typed before");
await hand.write("#mend-title", "Cell biology");
await keepPicture(page, `way-${kind}-5-mending`);
await hand.use(button("amend"));
await until("the title is mended", async () => (await show(lecture.id)).title === "Cell biology");
if (scripted) await untilState(page, "ready");
else await hand.see("the page says ready", async () => (await stateOf(page)) === "ready");
await until("the lecture is finished", async () => (await show(lecture.id)).state === "finished");
await until("the page shows the mended title", async () => {
  if (!scripted) await page.reload();
  return (await page.locator("body").textContent()).includes("Cell biology");
});
await keepPicture(page, `way-${kind}-6-finished`);
assert(await page.locator(button("start")).first().isVisible(), "nothing can be recorded after a lecture");
if (scripted) noFaults(page);
await browser.close();
console.log(`${kind}: ready, recording, mark, paused, recording, +10 min, saved, more time, undone, saved, mended, finished`);
process.exit(0);
