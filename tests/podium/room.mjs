// The room that the test which started this script holds: its daemon is started, ended and spoken
// to by asking on standard output, one line each; the answer is one line of JSON on standard input.

import { createInterface } from "node:readline";

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function ask(...words) {
  process.stdout.write(`ask ${JSON.stringify(words)}\n`);
  const { value, done } = await answers.next();
  if (done) throw new Error(`nobody answers "${words.join(" ")}": this script is run by tests/tests/podium.rs`);
  return JSON.parse(value);
}

/** Another hand: the command line. Gives what it printed. */
export const lectern = (...words) => ask("lectern", ...words);
/** The status document. */
export const status = () => ask("status");
/** One lecture's document. */
export const show = (id) => ask("show", id);
export const endDaemon = () => ask("end");
export const startDaemon = () => ask("start");
/** New settings: the daemon executes itself anew; its sources then wait until the gate is opened. */
export const takeOver = () => ask("take over");
export const openGate = () => ask("open");
/** Processor time of the daemon and its children so far, in seconds. */
export const processorSeconds = () => ask("processor");
