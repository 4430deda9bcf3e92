/**
 * Makes elements. Text always goes in as text, never as markup.
 *
 * Must not know: the panel.
 */
type Child = Node | string | null | false;

/** An element with attributes (null and false leave one out) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes?: Attributes,
  ...children: Child[]
): HTMLElementTagNameMap[K];
export function h(tag: string, attributes?: Attributes, ...children: Child[]): HTMLElement;
export function h(tag: string, attributes: Attributes = {}, ...children: Child[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name, value as EventListener);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => child !== null && child !== false));
  return element;
}

type Attributes = Record<string, string | number | boolean | null | ((event: never) => void) | EventListener>;

/** Replaces what is in `element`. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(
    ...children.filter((child): child is Node | string => child !== null && child !== false),
  );
}

/** Sets text only when it differs: cheap for cells that are used again and again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
