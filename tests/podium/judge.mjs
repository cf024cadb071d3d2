// Judges one page as it stands: what fits, what can be pressed, what collides, and what axe-core
// says of it. Each fault is one sentence; none is a passed view.

import { axe } from "./browser.mjs";

/** The smallest edge of anything that can be pressed, in CSS pixels: 11 mm on a 10-inch panel. */
const FLOOR = 64;
/** The same in the page's header and footer, where nothing is pressed in a hurry. */
const FLOOR_ASIDE = 44;
/** The same for the main action. */
const FLOOR_MAIN = 96;

/** Runs inside the page. `wants` says what must hold beyond what always does. */
function look({ lang, dir, noScroll, floor, floorAside, floorMain }) {
  const faults = [];
  const root = document.documentElement;
  const seen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const name = (node) => {
    const words = (node.textContent || node.value || "").trim().replace(/\s+/g, " ").slice(0, 40);
    return `<${node.tagName.toLowerCase()}${node.id ? `#${node.id}` : ""}> "${words}"`;
  };
  if (root.lang !== lang) faults.push(`html has lang ${root.lang}, not ${lang}`);
  if (root.dir !== dir) faults.push(`html has dir ${root.dir}, not ${dir}`);
  if (root.scrollWidth > innerWidth) faults.push(`scrolls sideways: ${root.scrollWidth} in ${innerWidth}`);
  if (noScroll && root.scrollHeight > innerHeight) faults.push(`scrolls: ${root.scrollHeight} in ${innerHeight}`);

  function* ancestors(node) {
    for (let at = node; at && at !== document.body; at = at.parentElement) yield at;
  }
  /** What is left of a box within everything that cuts it. */
  const shown = (parent, box) => {
    let { left, right, top, bottom } = box;
    for (const around of ancestors(parent)) {
      const style = getComputedStyle(around);
      if (style.overflowX === "visible" && style.overflowY === "visible") continue;
      const frame = around.getBoundingClientRect();
      [left, right] = [Math.max(left, frame.left), Math.min(right, frame.right)];
      [top, bottom] = [Math.max(top, frame.top), Math.min(bottom, frame.bottom)];
    }
    return { left, right, top, bottom, height: bottom - top };
  };

  // Every run of text with the boxes of its lines; what is hidden for the eye alone is 1 px large.
  const runs = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text; text = walker.nextNode()) {
    const parent = text.parentElement;
    if (!text.data.trim() || !seen(parent) || parent.closest("script, style, datalist, option, noscript")) continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const boxes = [...range.getClientRects()].filter((box) => box.width > 1 && box.height > 1);
    const hiddenForTheEye = [...ancestors(parent)].some((around) => around.offsetWidth <= 1 || around.offsetHeight <= 1 ||
      getComputedStyle(around).clipPath === "inset(50%)");
    if (boxes.length > 0 && !hiddenForTheEye) runs.push({ parent, boxes });
  }

  const word = document.querySelector("h1");
  if (!word || !seen(word)) faults.push("no state word");
  else {
    const tops = runs.filter((run) => word.contains(run.parent)).flatMap((run) => run.boxes.map((box) => box.top));
    if (Math.max(...tops) - Math.min(...tops) > 8) faults.push(`the state word takes two lines: ${name(word)}`);
  }

  for (const node of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary")) {
    if (!seen(node)) continue;
    const box = node.getBoundingClientRect();
    const aside = node.closest("body > header, body > footer") !== null;
    const least = node.matches("[data-main]") ? floorMain : aside ? floorAside : floor;
    if (box.height < least - 0.5 || box.width < least - 0.5) {
      faults.push(`${name(node)} is ${Math.round(box.width)}×${Math.round(box.height)}, less than ${least}`);
    }
    if (node.scrollWidth > node.clientWidth + 1 && !node.matches("input, select")) faults.push(`${name(node)} is too narrow for its text`);
  }

  // Words that somebody typed may be cut with an ellipsis; what the page itself says may not.
  const mayBeCut = (node) => [...ancestors(node)].some((a) => getComputedStyle(a).textOverflow === "ellipsis") && node.closest("bdi, .name") !== null;
  for (const { parent, boxes } of runs) {
    if (mayBeCut(parent)) continue;
    for (const around of ancestors(parent)) {
      const style = getComputedStyle(around);
      const cuts = style.overflowX !== "visible" || style.overflowY !== "visible";
      if (!cuts && !around.matches("button, dd, dt, figure, article, section, header")) continue;
      const box = around.getBoundingClientRect();
      const out = boxes.find((line) => line.left < box.left - 2 || line.right > box.right + 2 ||
        line.top + line.height * 0.2 < box.top - 2 || line.bottom - line.height * 0.2 > box.bottom + 2);
      if (out) {
        faults.push(`${name(parent)} ${cuts ? "is cut by" : "leaves"} ${name(around)}`);
        break;
      }
    }
    if (noScroll && boxes.some((box) => box.left < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1)) {
      faults.push(`${name(parent)} is off the screen`);
    }
  }

  // Lines of text that lie on one another. A line's box is larger than its letters: of the common
  // fonts' boxes the upper quarter and the lowest fifth are empty but for accents and descenders.
  const letters = ({ left, right, top, height }) => ({ left, right, top: top + 0.25 * height, bottom: top + 0.8 * height, height: 0.55 * height });
  const lines = runs.flatMap(({ parent, boxes }) => boxes.map((box) => ({ parent, box: shown(parent, letters(box)) })));
  for (let i = 0; i < lines.length; i += 1) {
    for (let j = i + 1; j < lines.length; j += 1) {
      const [a, b] = [lines[i], lines[j]];
      if (a.parent === b.parent || a.parent.contains(b.parent) || b.parent.contains(a.parent)) continue;
      const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (width > 2 && height > 2) {
        faults.push(`${name(a.parent)} lies on ${name(b.parent)}`);
      }
    }
  }
  return faults;
}

/** Every fault of how the page lies on the screen. */
export function layoutFaults(page, { lang, dir, noScroll }) {
  return page.evaluate(look, { lang, dir, noScroll, floor: FLOOR, floorAside: FLOOR_ASIDE, floorMain: FLOOR_MAIN });
}

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"];

/** What axe-core finds: `violations` as sentences, and the rules that it could not decide. */
export async function accessibilityFaults(page) {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(axe.source);
  const found = await page.evaluate(async (tags) => {
    const results = await window.axe.run(document, {
      // One page without frames, styled by its own sheet: nothing to fetch again.
      preload: false,
      iframes: false,
      runOnly: { type: "tag", values: tags },
      resultTypes: ["violations", "incomplete"],
    });
    const brief = (rule) => rule.nodes.map((node) => ({ id: rule.id, help: rule.help, target: node.target.join(" "), why: node.failureSummary }));
    return { violations: results.violations.flatMap(brief), incomplete: results.incomplete.flatMap(brief) };
  }, TAGS);
  return {
    violations: found.violations.map((v) => `axe ${v.id}: ${v.help}; ${v.target}; ${v.why?.replace(/\s+/g, " ")}`),
    incomplete: found.incomplete.map((v) => `${v.id} ${v.target}`),
  };
}
