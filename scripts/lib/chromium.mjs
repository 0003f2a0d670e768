// The browser that the chat page is tested in: any Chromium of the machine.

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

import { Problem } from "./problem.mjs";

const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** Where macOS has them. */
const applications = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/**
 * The path of a Chromium: `CHROMIUM_PATH`, or the first one found.
 *
 * @throws {Problem} if there is none
 */
export function findChromium() {
  const given = process.env["CHROMIUM_PATH"];
  if (given) {
    if (isProgram(given)) return given;
    throw new Problem(`CHROMIUM_PATH is ${JSON.stringify(given)}, where there is no program: correct it, or leave it unset.`);
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const places = [...folders.flatMap((folder) => names.map((name) => join(folder, name))), ...applications];
  const found = places.find(isProgram);
  if (found) return found;
  throw new Problem(
    "There is no Chromium, which the chat page is tested in: install one (Debian: `sudo apt-get install chromium`; Fedora: `sudo dnf install chromium`; macOS: `brew install --cask chromium`), or set CHROMIUM_PATH to the program.",
  );
}

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
