// The button that cuts the connection. It shows that a page which comes back has missed nothing.

import { newestArticle } from './articles.js';
import { $, currentCategory, fetchStored, sendFields } from './page.js';

// Posted while the page is away.
const ARTICLES = 3;
// After its return, the page waits so long for what it missed.
const RETURN_MAX_MS = 10000;

const button = $('#cut');
const sockets = new Set();
/** The present cut, until the page has everything: {newest, isBack, stored, arrived, timer}. */
let cut = null;

/** Whether the reader has cut the connection, and not asked for it again. */
export const isCut = () => cut !== null && !cut.isBack;

/** A WebSocket that this page can close, and refuse to open, as a broken network does. */
export class CuttableSocket extends WebSocket {
  constructor(url, protocols) {
    // pusher.js tries again later.
    if (isCut()) throw new Error('the reader has cut the connection');
    super(url, protocols);
    sockets.add(this);
    this.addEventListener('close', () => sockets.delete(this));
  }
}

function report(kind, text) {
  $('#cut-report').dataset.kind = kind;
  $('#cut-report').textContent = text;
}

function closed(socket) {
  return new Promise((resolve) => {
    socket.addEventListener('close', resolve);
    socket.close();
  });
}

async function cutConnection() {
  const mine = cut = { newest: newestArticle(), isBack: false, stored: null, arrived: new Set() };
  const others = 'Other windows show them, this one does not.';
  button.disabled = true;
  report('wait', 'Closing the connection.');
  await Promise.all(Array.from(sockets, closed));
  try {
    await postMeanwhile();
    if (mine === cut) report('wait', `No connection. ${ARTICLES} articles were posted meanwhile. ${others}`);
  } catch (fault) {
    console.warn('posting failed:', fault);
    if (mine === cut) report('fault', 'No connection, and the blog does not answer: post in another window.');
  }
  if (mine === cut) offer('Connect again');
}

function offer(text) {
  button.textContent = text;
  button.disabled = false;
}

/** Posts articles as the form does. They reach this page by push alone. */
async function postMeanwhile() {
  const { action, elements } = $('#write');
  for (let n = 1; n <= ARTICLES; n++) {
    const title = `While a page was away, ${n} of ${ARTICLES}`;
    const article = 'Posted after the page had cut its connection.';
    const fields = { token: elements.token.value, category: currentCategory(), title, article };
    const { faults } = await sendFields(action, fields);
    if (faults) throw new Error(Object.values(faults).join(' '));
  }
}

function connectAgain() {
  cut.isBack = true;
  button.disabled = true;
  report('wait', 'Connecting again.');
  // A browser fires it when its network is back. pusher.js then connects at once.
  window.dispatchEvent(new Event('online'));
}

/** Asks the blog what it stored meanwhile, to compare that with what pushd sends. */
async function compare(mine) {
  if (mine.timer) return;
  mine.timer = setTimeout(() => mine === cut && end(), RETURN_MAX_MS);
  try {
    const { entries } = await fetchStored(currentCategory(), mine.newest, Number.MAX_SAFE_INTEGER);
    mine.stored = entries.map(({ id }) => id);
    if (mine === cut && isComplete()) end();
  } catch (fault) {
    console.warn('comparing failed:', fault);
  }
}

const missing = () => cut.stored.filter((id) => !cut.arrived.has(id));
const isComplete = () => cut.stored !== null && missing().length === 0;

function end() {
  const { stored } = cut;
  if (stored === null) report('warn', 'Connected again, but the blog does not answer.');
  else if (stored.length === 0) report('warn', 'Back. Nothing was posted meanwhile.');
  else if (isComplete()) report('ok', `Back, and nothing is missing: pushd sent all ${stored.length} articles of that time.`);
  else report('fault', `Back, but ${missing().length} of ${stored.length} articles of that time have not arrived.`);
  clearTimeout(cut.timer);
  cut = null;
  offer('Cut the connection');
}

/** Ends a cut without a result: the reader shows another category. */
export function forgetCut() {
  if (!cut) return;
  clearTimeout(cut.timer);
  const wasAway = isCut();
  cut = null;
  offer('Cut the connection');
  report('', '');
  if (wasAway) window.dispatchEvent(new Event('online'));
}

/** Notes an article that pushd has sent. */
export function noteArrival(event) {
  if (!cut || event === null) return;
  cut.arrived.add(event.id);
  if (isComplete()) end();
}

/** Notes that pushd no longer had everything, so that the page asks the blog. */
export function noteGap() {
  if (!cut) return;
  const text = 'Back, but pushd no longer has all events of that time. The page asks the blog for the missing ones.';
  forgetCut();
  report('warn', text);
}

/** Notes the state of the connection. An event stream, in networks without WebSockets, has no socket to cut. */
export function noteState(state, { receiveOnly }) {
  if (!cut) button.disabled = state !== 'open' || Boolean(receiveOnly);
  else if (state === 'open' && cut.isBack) compare(cut);
  else if (state === 'open') forgetCut(); // by an event stream
}

button.addEventListener('click', () => (cut ? connectAgain() : cutConnection()));
