// Elements of the page: texts are always set as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element with an id.
 * @param {string} id
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * The value of a text area or a choice.
 * @param {string} id
 */
export function field(id) {
  return /** @type {HTMLTextAreaElement | HTMLSelectElement} */ (byId(id));
}

/**
 * Create an element with a class and what it contains.
 * @param {string} name
 * @param {string} className
 * @param {...(string | Node)} children
 */
export function element(name, className, ...children) {
  const created = document.createElement(name);
  if (className) created.className = className;
  created.append(...children);
  return created;
}

/**
 * Create an element of a drawing.
 * @param {string} name
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function shape(name, attributes, ...children) {
  const created = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, String(value));
  created.append(...children);
  return created;
}

/**
 * Offer choices, and keep the one that is chosen where it is still there.
 * @param {HTMLSelectElement} select
 * @param {string[]} names
 */
export function offer(select, names) {
  const chosen = select.selectedIndex;
  select.replaceChildren(...names.map((name) => new Option(name)));
  select.selectedIndex = chosen >= 0 && chosen < names.length ? chosen : 0;
}

/**
 * A share as a percentage.
 * @param {number} share
 */
export function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
