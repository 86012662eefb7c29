// Builds elements: text is always text, never markup, so nothing that a member wrote can become code.

const SVG = 'http://www.w3.org/2000/svg';

/** An HTML element. `on…` properties are listeners; null, undefined and false are left out. */
export function h(tag, properties, ...children) {
  return fill(document.createElement(tag), properties, children);
}

/** An SVG element. */
export function svg(tag, properties, ...children) {
  return fill(document.createElementNS(SVG, tag), properties, children);
}

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

const dateFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const countFormat = new Intl.NumberFormat(undefined, { notation: 'compact', maximumFractionDigits: 1 });

export function date(iso) {
  return h('time', { datetime: iso }, dateFormat.format(new Date(iso)));
}

/** `1 clap`, `1.2K claps`. */
export function count(number, noun) {
  return `${countFormat.format(number)} ${noun}${number === 1 ? '' : 's'}`;
}
