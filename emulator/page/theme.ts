/** Light or dark. Runs before the page is drawn, so that it never flashes in the wrong colours. */

const STORED = "halley.theme";

export type Theme = "auto" | "light" | "dark";

export function storedTheme(): Theme {
  const theme = remembered(STORED);
  return theme === "light" || theme === "dark" ? theme : "auto";
}

export function setTheme(theme: Theme): void {
  remember(STORED, theme);
  apply(theme);
}

function apply(theme: Theme): void {
  if (theme === "auto") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

/** A browser may refuse its storage; then every visit is the first. */
export function remembered(name: string): string | undefined {
  try {
    return localStorage.getItem(name) ?? undefined;
  } catch {
    return undefined;
  }
}

export function remember(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Nothing is lost but a preference.
  }
}

apply(storedTheme());
