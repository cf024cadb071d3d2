// Hands that use the page: a finger, a keyboard, and a finger on a page without script. Each finds
// a control by what it does, never by its words.

import { assert, until } from "./browser.mjs";

/** The page ignores a second press this soon after one; no person means two presses so close. */
const BETWEEN_PRESSES = 800;

/** The button of a command. */
export const button = (command) => `[data-command="${command}"] button`;

class Hand {
  #last = -Infinity;

  constructor(page) {
    this.page = page;
  }

  /** A person does not press faster than this: it is the pace of the hand, not a wait for a state. */
  async #pace() {
    const rest = this.#last + BETWEEN_PRESSES - performance.now();
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
    this.#last = performance.now();
  }

  async press(command) {
    await this.page.locator(button(command)).first().waitFor({ state: "visible" });
    await this.#pace();
    await this.use(button(command));
    this.#last = performance.now();
  }

  /** Two taps on the same spot, as fast as a nervous finger; the second falls on what has taken
   * the first one's place, if anything has. */
  async doubleTap(command) {
    const { x, y, width, height } = await this.page.locator(button(command)).first().boundingBox();
    await this.#pace();
    await this.page.touchscreen.tap(x + width / 2, y + height / 2);
    await this.page.touchscreen.tap(x + width / 2, y + height / 2);
    this.#last = performance.now();
  }
}

/** One finger on a touch panel. */
export class Finger extends Hand {
  use(selector) {
    return this.page.locator(selector).first().tap();
  }

  async write(selector, text) {
    await this.page.locator(selector).first().tap();
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.page.keyboard.type(text);
  }
}

/** A keyboard alone: nothing is focused except by Tab. */
export class Keyboard extends Hand {
  async reach(selector) {
    for (let step = 0; step < 120; step += 1) {
      const here = await this.page.evaluate((css) => document.activeElement === document.querySelector(css), selector);
      if (here) {
        assert(await this.#isMarked(), `the focus on ${selector} cannot be seen`);
        return;
      }
      await this.page.keyboard.press("Tab");
    }
    throw new Error(`Tab never reaches ${selector}`);
  }

  #isMarked() {
    return this.page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return (style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2) || style.boxShadow !== "none";
    });
  }

  async use(selector) {
    await this.reach(selector);
    await this.page.keyboard.press("Enter");
  }

  async write(selector, text) {
    await this.reach(selector);
    await this.page.keyboard.press("ControlOrMeta+a");
    await this.page.keyboard.type(text);
  }
}

/** A finger on a page whose script never runs: every press is a form, every look a new page. */
export class FingerWithoutScript extends Finger {
  /** A press loads a page; whatever is done next is done to that one. */
  async use(selector) {
    const loaded = this.page.waitForEvent("load");
    await super.use(selector);
    await loaded;
  }

  async see(what, look) {
    await until(what, async () => {
      if (await look()) return true;
      await this.page.reload();
      return false;
    });
  }
}
