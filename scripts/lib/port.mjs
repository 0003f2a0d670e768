// Ports: given on the command line, free, and answering.

import { createServer } from "node:net";

import { Problem } from "./problem.mjs";

/**
 * @param {string} option as typed: `--port`
 * @param {string} value
 */
export function readPort(option, value) {
  const port = Number(value);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new Problem(`${option} takes a number from 1 to 65535, not ${JSON.stringify(value)}.`);
}

/**
 * @param {number} port
 * @param {string} option what chooses another port
 * @returns {Promise<void>}
 * @throws {Problem} if something listens there already
 */
export function checkFree(port, option) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      const state = code === "EADDRINUSE" ? "is in use" : `cannot be used (${code})`;
      reject(new Problem(`Port ${port} ${state}: stop what listens there, or choose another with \`${option} NUMBER\`.`));
    });
    server.listen(port, "127.0.0.1", () => server.close(() => resolve()));
  });
}

/**
 * Waits until something answers at a URL, whatever its status.
 *
 * @param {string} url
 * @param {() => boolean} isHopeless whether to stop waiting
 * @param {number} deadlineMs
 * @returns {Promise<boolean>} whether it has answered
 */
export async function answers(url, isHopeless, deadlineMs) {
  const deadline = Date.now() + deadlineMs;
  while (Date.now() < deadline && !isHopeless()) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
      await response.arrayBuffer();
      return true;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  return false;
}
