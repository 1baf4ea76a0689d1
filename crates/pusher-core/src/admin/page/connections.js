// The list of connections: search, and a button to close each of them.
import {json} from './api.js';
import {button, byId, bytes, cell, count, counted, element, rows, span, text} from './dom.js';

const LIMIT = 100;
const POLL_MS = 2000;
const TYPING_MS = 250;
// A button that was clicked once waits this long for the second click. The reader needs time for the sentence below it.
const SURE_MS = 10000;
const TOPICS_SHOWN = 3;
// What clients do after the close frame. pushd serves an autobahn.js of its own, which speaks pushd.1.
const AFTER_CLOSE = {
  'pushd.1': 'pusher.js connects again after 15 to 30 seconds. autobahn.js does not, until the page is loaded again.',
  wamp: 'autobahn.js does not connect again, until the page is loaded again.',
};
const AFTER_CLOSE_OTHERS = 'The page connects again within seconds.';

let timer = 0;
let isVisible = false;
// The connection whose button was clicked once.
let armed = null;
// Connections that were closed here, until they leave the list.
const closed = new Set();

const search = () => byId('connections-search').value.trim();

// Loads the list, and again while the reader can see it.
export async function poll() {
  clearTimeout(timer);
  if (!isVisible || document.hidden) return;
  const wanted = search();
  try {
    const list = await json(`connections.json?limit=${LIMIT}&search=${encodeURIComponent(wanted)}`);
    if (wanted === search()) show(list);
  } catch {
    // The figures above show that the server is away.
  }
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_MS);
}

function show(list) {
  const ids = new Set(list.connections.map(connection => connection.id));
  for (const id of closed) if (!ids.has(id)) closed.delete(id);
  const nothing = search() ? 'No connection matches.' : 'No connections.';
  rows('connections-rows', nothing, list.connections, cells, connection => connection.id);
  const rest = list.matching - list.connections.length;
  const all = counted(list.total, 'connection');
  const found = search() ? `${count(list.matching)} of ${all}` : all;
  text('connections-count', rest > 0 ? `${found}, the first ${count(list.connections.length)} are shown` : found);
}

function cells(connection) {
  const who = cell(connection.address, 'address');
  who.title = `session ${connection.id}`;
  if (connection.user !== null) who.append(element('span', 'chip', `user ${connection.user}`));
  const topics = connection.topics.slice(0, TOPICS_SHOWN).join(', ');
  const rest = connection.topic_count - Math.min(connection.topics.length, TOPICS_SHOWN);
  const subscribed = cell(rest > 0 ? `${topics} and ${count(rest)} more` : topics || 'none', 'long');
  subscribed.title = connection.topics.join('\n');
  return [
    who,
    cell(connection.origin ?? 'no page', connection.origin === null ? 'origin dim' : 'origin'),
    subscribed,
    cell(connection.protocol, 'dim'),
    cell(connection.queued_len ? bytes(connection.queued_len) : '–', connection.queued_len ? 'number warn' : 'number dim'),
    cell(connection.age_s === null ? 'unknown' : span(connection.age_s), 'number'),
    closeCell(connection.id, connection.protocol),
  ];
}

function closeCell(id, protocol) {
  const isArmed = armed === id;
  const td = cell('', isArmed ? 'number sure' : 'number');
  if (closed.has(id)) {
    td.append('closed');
    return td;
  }
  const made = button(isArmed ? 'really close?' : 'close', {close: id, protocol, ...(isArmed && {sure: 'yes'})});
  made.title = `${AFTER_CLOSE[protocol] ?? AFTER_CLOSE_OTHERS} To keep a user out, revoke the user's tickets.`;
  td.append(made);
  if (isArmed) td.append(element('p', 'more', made.title));
  return td;
}

async function close(id) {
  try {
    await json(`close/${id}`, {method: 'POST'});
    closed.add(id);
    text('connections-answer', '');
  } catch (error) {
    text('connections-answer', error.message || 'no answer');
  }
  poll();
}

function clicked(event) {
  const {close: id, protocol} = event.target.dataset ?? {};
  if (id === undefined) return;
  if (armed === id) {
    armed = null;
    event.target.disabled = true;
    close(id);
    return;
  }
  armed = id;
  event.target.closest('td').replaceWith(closeCell(id, protocol));
  setTimeout(() => {
    if (armed === id) armed = null;
    poll();
  }, SURE_MS);
}

export function start() {
  byId('connections-rows').addEventListener('click', clicked);
  byId('connections-search').addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(poll, TYPING_MS);
  });
  const seen = new IntersectionObserver(entries => {
    isVisible = entries.at(-1).isIntersecting;
    if (isVisible) poll();
  }, {rootMargin: '200px'});
  seen.observe(byId('connections'));
}
