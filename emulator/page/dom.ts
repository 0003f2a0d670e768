/** Making and updating elements. Everything that is shown goes in as text or attributes, never as markup. */

export type Child = Node | string | false | null | undefined;

/** Attributes by name; `on…` are listeners; `false` and `undefined` leave an attribute out. */
export interface Props {
  class?: string | undefined;
  onclick?: (event: MouseEvent) => void;
  oninput?: (event: Event) => void;
  onchange?: (event: Event) => void;
  onsubmit?: (event: SubmitEvent) => void;
  onkeydown?: (event: KeyboardEvent) => void;
  [attribute: string]: unknown;
}

export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as EventListener);
    else setAttribute(element, name, value);
  }
  put(element, ...children);
  return element;
}

export function setAttribute(element: Element, name: string, value: unknown): void {
  if (value === undefined || value === null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Replaces everything in an element. */
export function put(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => !!child));
}

/** Makes `elements` the children of `parent` in this order, and moves only what is out of place. Focus stays. */
export function arrange(parent: Element, elements: readonly Element[]): void {
  const focused = document.activeElement;
  const wanted = new Set(elements);
  for (const child of [...parent.children]) {
    if (!wanted.has(child)) child.remove();
  }
  let at = parent.firstElementChild;
  for (const element of elements) {
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  if (focused instanceof HTMLElement && focused !== document.activeElement && parent.contains(focused)) {
    focused.focus({ preventScroll: true });
  }
}

const due = new Set<() => void>();

/** Runs `work` before the next frame is drawn, once, however often it is asked for until then. */
export function beforeFrame(work: () => void): void {
  if (due.size === 0) requestAnimationFrame(runDue);
  due.add(work);
}

function runDue(): void {
  const now = [...due];
  due.clear();
  for (const work of now) work();
}

/** The element with this id in index.html. */
export function byId<Type extends HTMLElement = HTMLElement>(id: string): Type {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no element ${id}.`);
  return element as Type;
}

/** Elements of a list that arrow keys move between: one of them is a tab stop. */
export function arrowKeys(list: HTMLElement, selector: string): void {
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    const focused = (event.target as Element).closest(selector);
    if (step === undefined || !focused || (event.target as Element).matches("input, textarea, select")) return;
    const items = [...list.querySelectorAll<HTMLElement>(selector)];
    const next = items[Math.max(0, Math.min(items.length - 1, items.indexOf(focused as HTMLElement) + step))];
    event.preventDefault();
    next?.focus();
  });
  list.addEventListener("focusin", (event) => {
    const focused = (event.target as Element).closest<HTMLElement>(selector);
    if (!focused) return;
    for (const item of list.querySelectorAll<HTMLElement>(`:is(${selector})[tabindex="0"]`)) item.tabIndex = -1;
    focused.tabIndex = 0;
  });
}
