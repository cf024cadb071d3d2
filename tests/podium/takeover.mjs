// Record, pressed while the recorder takes over new settings: it says "soon", the page asks again
// by itself, and one lecture comes of one press.
//
//   node takeover.mjs ADDRESS

import { assert, noFaults, openBrowser, openPage, until, untilState } from "./browser.mjs";
import { Finger } from "./hands.mjs";
import { lectern, openGate, status, takeOver } from "./room.mjs";

const [address] = process.argv.slice(2);
const browser = await openBrowser();
const page = await openPage(browser, { hasTouch: true });
await page.goto(address);
await untilState(page, "ready");

/** What the recorder answered to the press, in order. */
const answers = [];
page.on("response", (answer) => {
  if (answer.request().method() !== "POST") return;
  answers.push(answer.headers()["retry-after"] ? "soon" : answer.status());
});

await takeOver();
await new Finger(page).press("start");
await until("the page has asked twice", () => answers.length >= 2);
assert(!(await status()).lecture, "it records without a source");
await openGate();
await untilState(page, "recording");
await until("the press is answered for good", () => answers.at(-1) !== "soon");

const good = answers.pop();
assert(answers.every((answer) => answer === "soon"), `before the last answer, ${good}, came ${answers}`);
assert(good === 200 || good === 201, `the last answer is ${good}`);
const { lecture } = await status();
const { lectures } = JSON.parse(await lectern("lectures", "--json"));
assert(lectures.length === 1 && lectures[0].id === lecture.id, `one press made ${lectures.length} lectures`);
assert(await page.locator("#notice").isHidden(), "the page complains of what it has mended");
console.log(`a press during a takeover: asked ${answers.length + 1} times, recorded once`);
noFaults(page);
await browser.close();
process.exit(0);
