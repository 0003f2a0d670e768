/** A table that reads well in a terminal, and is Markdown too. */

export interface Row {
  label: string;
  cells: string[];
}

export function table(head: string[], rows: Row[]): string {
  const lines = [head, ...rows.map(({ label, cells }) => [label, ...cells])];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? "").length)));
  const draw = (line: string[]) => `| ${widths.map((width, column) => pad(line[column] ?? "", width, column)).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [draw(head), rule, ...lines.slice(1).map(draw)].join("\n");
}

/** Words to the left, figures to the right. */
function pad(text: string, width: number, column: number): string {
  return column === 0 ? text.padEnd(width) : text.padStart(width);
}

export function count(n: number): string {
  return n.toLocaleString("en");
}

export function ms(value: number | undefined): string {
  if (value === undefined) return "–";
  if (value === Infinity) return "never";
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

export function ratio(n: number, of: number): string {
  return of === 0 ? "–" : (n / of).toFixed(2);
}

/** The value below which this share of sorted values lies. */
export function percentile(sorted: number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}
