// spec/page.md · Text is text
/** What an element is given: attributes, `class`, `data-*`, and listeners `onclick`, `oninput` and so on. */
export type Attributes = Readonly<Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>>;
/** What stands in an element: texts stay texts, whatever is in them. */
export type Child = Node | string | number | null | undefined | false;

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Texts come in through text nodes alone, never as markup. `true` sets an attribute without a value;
 * `false`, null and undefined leave it out. There is no `style`: the page's policy forbids it; use classes, or the
 * element's `style` object.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes | null = null,
  ...children: readonly (Child | readonly Child[])[]
): HTMLElementTagNameMap[Tag] {
  return fill(document.createElement(tag), attributes, children);
}

/** As h, an element of SVG. */
export function svg<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Attributes | null = null,
  ...children: readonly (Child | readonly Child[])[]
): SVGElementTagNameMap[Tag] {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/** Puts children in the place of what stands in an element. */
export function replaceChildren(element: Element, ...children: readonly (Child | readonly Child[])[]): void {
  element.replaceChildren();
  append(element, children);
}

function fill<Made extends Element>(
  element: Made,
  attributes: Attributes | null,
  children: readonly (Child | readonly Child[])[],
): Made {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

function append(element: Element, children: readonly (Child | readonly Child[])[]): void {
  for (const child of children.flat() as Child[]) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}
