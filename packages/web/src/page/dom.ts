/** What an element is made of: text is always text, never markup. */
type Child = Node | string | null | undefined

interface Attributes {
  readonly class?: string | undefined
  readonly [name: string]: string | undefined
}

/** Makes an element. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value)
  made.append(...children.filter((child) => child !== null && child !== undefined))
  return made
}

/** The element of the page with an id. @throws Error where the page and its program do not fit together */
export function byId<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`the page has no #${id}`)
  return found as E
}

/** Changes an element only where it differs, so that a selection in it stays. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** The value of the chosen one of radio buttons. */
export function chosen(name: string): string {
  return document.querySelector<HTMLInputElement>(`input[name="${name}"]:checked`)?.value ?? ''
}

/**
 * Puts new content in the place of old: where both have the same elements only what differs is changed, so that focus,
 * selection and scroll position stay while the page lives.
 */
export function renew(parent: Element, children: readonly (Node | string)[]): void {
  const fresh = document.createElement('div')
  fresh.append(...children)
  morph(parent, fresh)
}

function morph(now: Element, wanted: Element): void {
  const [have, want] = [[...now.childNodes], [...wanted.childNodes]]
  for (const [index, child] of want.entries()) {
    const existing = have[index]
    if (!existing) now.append(child)
    else if (isAlike(existing, child)) morphNode(existing, child)
    else now.replaceChild(child, existing)
  }
  for (const extra of have.slice(want.length)) extra.remove()
}

function isAlike(one: Node, other: Node): boolean {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName
}

function morphNode(now: Node, wanted: Node): void {
  if (!(now instanceof Element) || !(wanted instanceof Element)) {
    if (now.nodeValue !== wanted.nodeValue) now.nodeValue = wanted.nodeValue
    return
  }
  for (const name of now.getAttributeNames()) if (!wanted.hasAttribute(name)) now.removeAttribute(name)
  for (const { name, value } of wanted.attributes) {
    if (now.getAttribute(name) !== value) now.setAttribute(name, value)
  }
  morph(now, wanted)
}
