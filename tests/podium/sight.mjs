// What can be seen on the page: pixels as they were drawn, and what moves.

import { until } from "./browser.mjs";

/** Darker than anything that a source shows, of 255. */
const BLACK = 16;

/** Which share of an element's pixels on the screen is black, 0 to 1. */
export async function blackness(page, locator) {
  const png = await locator.screenshot();
  // Read in a page of its own: the podium page's content policy lets in no picture of ours.
  const desk = await page.context().browser().newPage();
  try {
    return await desk.evaluate(async ([base64, black]) => {
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      let count = 0;
      for (let at = 0; at < data.length; at += 4) count += Math.max(data[at], data[at + 1], data[at + 2]) < black;
      return count / (data.length / 4);
    }, [png.toString("base64"), BLACK]);
  } finally {
    await desk.close();
  }
}

/** Waits until a picture of the source with this index has been drawn. */
export function untilDrawn(page, index = 0) {
  return until(`a picture of source ${index} is drawn`, () => page.evaluate((at) => {
    const frame = document.querySelector(`figure[data-index="${at}"]`);
    const image = frame?.querySelector("img");
    const canvas = frame?.querySelector("canvas");
    return Boolean((image?.complete && image.naturalWidth > 100) || canvas?.width > 100);
  }, index));
}

/** Waits until the meter of a microphone has stood at two different places: the test sound beeps and is silent. */
export async function untilMeterMoves(page, source) {
  const places = new Set();
  await until(`the meter of ${source} moves`, async () => {
    places.add(await page.evaluate((name) => {
      const bar = document.querySelector(`.meter[data-source="${name}"] .rms`);
      return bar && getComputedStyle(bar).getPropertyValue("--level-now");
    }, source));
    return places.size >= 2;
  });
}
