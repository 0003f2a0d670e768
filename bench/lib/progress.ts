/** Progress on standard error: a line that changes in a terminal, one every few seconds elsewhere. */

const EVERY_MS = 5000;

export function progressOf(title: string): (words: string) => void {
  const terminal = process.stderr.isTTY === true;
  const every = terminal ? 200 : EVERY_MS;
  let shownAt = 0;
  return (words) => {
    if (Date.now() - shownAt < every) return;
    shownAt = Date.now();
    process.stderr.write(terminal ? `\r\x1b[K${title}: ${words}` : `${title}: ${words}\n`);
  };
}
