// Texts and tables. Topics, peers and events are untrusted input, so they enter the page only as text.

export const byId = id => document.getElementById(id);

export const text = (id, value) => { byId(id).textContent = value; };

const format = new Intl.NumberFormat('en');

export const count = value => format.format(value);

// Returns a number with its noun: `1 connection`, `2 connections`.
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? '' : 's'}`;

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit && value < 10 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

// Returns a length of time in its two largest units.
export function span(seconds) {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  if (days) return `${days} d ${hours} h`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min` : `${seconds} s`;
}

export const ago = seconds => `${span(seconds)} ago`;

// Returns an element with this text or these children.
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

export function cell(value, className = '') {
  const td = element('td', className, String(value));
  if (className.includes('long')) td.title = value;
  return td;
}

export const number = value => cell(count(value), 'number');

export function button(label, data = {}) {
  const made = element('button', '', label);
  made.type = 'button';
  Object.assign(made.dataset, data);
  return made;
}

// Fills a table with a row for each item. Keeps the cells that did not change, so that a click hits its button and a text
// selection survives the update. A row with a key stays with its item when the order changes.
export function rows(id, nothing, items, cells, key = () => '') {
  const body = byId(id);
  const filled = items.map(item => ({key: key(item), cells: cells(item)}));
  if (!filled.length) {
    const td = cell(nothing, 'nothing');
    td.colSpan = 9;
    filled.push({key: '', cells: [td]});
  }
  const known = new Map([...body.children].map(tr => [tr.dataset.key, tr]));
  filled.forEach((row, at) => {
    const tr = (row.key ? known.get(row.key) : body.children[at]) || element('tr');
    if (row.key) tr.dataset.key = row.key;
    if (body.children[at] !== tr) body.insertBefore(tr, body.children[at] || null);
    if (tr.children.length !== row.cells.length) return tr.replaceChildren(...row.cells);
    row.cells.forEach((td, i) => {
      if (!tr.children[i].isEqualNode(td)) tr.children[i].replaceWith(td);
    });
  });
  while (body.children.length > filled.length) body.lastChild.remove();
}

// Shows pairs of a name and a value.
export const pairs = (id, values) => rows(id, '', values, ([name, value]) => [cell(name), cell(value, 'number')]);
