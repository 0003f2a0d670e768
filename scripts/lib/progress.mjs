// What a long step shows while it runs.

import { isStopping } from "./child.mjs";

const SHOW_AFTER_MS = 700;
const REMIND_EVERY_MS = 15_000;

/**
 * Runs `work` and, once it is clear that it takes a while, says what is being done and about how long that takes: one
 * line that counts the seconds in a terminal, a line every 15 seconds elsewhere. A step that is over at once says
 * nothing, and so does one that ends because the script is being stopped.
 *
 * @template T
 * @param {string} title what is being done, as a sentence without its full stop
 * @param {string} about how long it usually takes, in words
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function step(title, about, work) {
  const started = Date.now();
  const terminal = process.stdout.isTTY === true;
  const elapsed = () => `${Math.round((Date.now() - started) / 1000)} s`;
  let shown = false;
  let reminded = started;

  const show = () => {
    if (terminal) {
      process.stdout.write(`\r\x1b[K${title} … ${elapsed()} (${about})`);
    } else if (!shown) {
      console.log(`${title} (${about}) …`);
    } else if (Date.now() - reminded >= REMIND_EVERY_MS) {
      reminded = Date.now();
      console.log(`  … ${elapsed()}`);
    }
    shown = true;
  };

  const timer = setInterval(() => {
    if (Date.now() - started >= SHOW_AFTER_MS) show();
  }, 250);
  let result = "failed";
  try {
    const value = await work();
    result = "done";
    return value;
  } finally {
    clearInterval(timer);
    if (shown && isStopping()) process.stdout.write(terminal ? "\n" : "");
    else if (shown) console.log(`${terminal ? "\r\x1b[K" : ""}${title}: ${result} in ${elapsed()}`);
  }
}
