// Shows new articles and comments in the open page, and posts without leaving it. Without this file the blog still works,
// but readers must reload the page.

import { newestArticle, removeArticles, showArticle, showUnread } from './articles.js';
import { isComment, newestComment, postComment, showComment } from './comments.js';
import { CuttableSocket, forgetCut, isCut, noteArrival, noteGap, noteState } from './cut.js';
import { showGuide } from './guide.js';
import { $, fetchStored, notice, send, settings, showLocalTime } from './page.js';
import { hidePresence, showPresence } from './presence.js';
import { listenToNews, ticketOptions } from './reader.js';

// Pages that miss events together must not ask the site at the same moment.
const CATCH_UP_MAX_MS = 2000;
// Each catch-up also fetches this many ids before the newest. Of two posts at the same moment, the one with the
// higher id may be pushed first.
const OVERLAP = 50;
const RETRY_MAX_MS = 30000;
const WORDS = { connecting: 'connecting', open: 'live', waiting: 'reconnecting', cut: 'connection cut', closed: 'not live' };

const form = $('#write');

let category = settings.category;
// The position of the push server's log from before the shown articles were read.
let since = settings.since;
let pusher = null;
let stopListening = () => {};
let catchUpTimer = 0;

function showState(state, info) {
  // pusher.js tries again, but the button refuses it.
  const shown = isCut() && state !== 'open' ? 'cut' : state;
  $('#state').dataset.state = shown;
  $('#state .words').textContent = WORDS[shown];
  noteState(state, info);
  // The list of readers comes again with the next connection.
  if (state !== 'open') hidePresence();
}

// ---- receiving ----

function showStored({ entries, comments }, isNew) {
  entries.reverse().forEach((entry) => showArticle(entry, isNew));
  comments.forEach((comment) => showComment(comment, isNew));
}

/** Shows an event: a comment, or an article. Other publishers, such as a shell, may send any JSON value. */
function show(event) {
  if (isComment(event)) return showComment(event.comment, true);
  showArticle(event, true);
  noteArrival(event);
}

const randomDelay = (maxMs, attempt) => Math.random() * Math.min(RETRY_MAX_MS, maxMs * 2 ** attempt);

/** Fetches what was posted while the page was away, if the push server no longer has all of it. */
async function catchUp(attempt) {
  const asked = category;
  const from = (newest) => Math.max(0, newest - OVERLAP);
  try {
    const answer = await fetchStored(asked, from(newestArticle()), from(newestComment()));
    if (asked === category) showStored(answer, true);
  } catch (fault) {
    console.warn('catching up failed:', fault);
    catchUpSoon(attempt + 1);
  }
}

function catchUpSoon(attempt) {
  clearTimeout(catchUpTimer);
  catchUpTimer = setTimeout(catchUp, randomDelay(CATCH_UP_MAX_MS, attempt), attempt);
}

function gap() {
  noteGap();
  catchUpSoon(0);
}

/** Subscribes at the position of the shown articles. Without a position there is a gap. */
function listen() {
  stopListening();
  clearTimeout(catchUpTimer);
  if (!pusher) return;
  const ends = [pusher.subscribe(category, show, { since: since || null, gap }), showPresence(pusher, category)];
  stopListening = () => ends.forEach((end) => end());
}

function connect() {
  // Only the button that cuts the connection needs a WebSocket of its own.
  const options = Object.assign({ WebSocket: CuttableSocket }, ticketOptions());
  pusher = new Pusher(settings.pushUrl + '/', options);
  listen();
  listenToNews(pusher, () => catchUpSoon(0));
  pusher.watch(showState);
}

/** Loads pusher.js from the push server. The server may be down, so it tries again. */
function load(attempt) {
  const script = document.createElement('script');
  script.src = settings.pushUrl + '/pusher.js';
  const again = () => {
    script.remove();
    showState('waiting', {});
    setTimeout(load, randomDelay(1000, attempt), attempt + 1);
  };
  script.onerror = again;
  script.onload = () => (typeof Pusher === 'function' ? connect() : again());
  document.head.append(script);
}

// ---- the reader's actions ----

/** Shows another category without leaving the page. */
async function turnTo(name) {
  forgetCut();
  category = name;
  showGuide(name);
  document.querySelectorAll('#categories a').forEach((link) => {
    if (link.dataset.category === name) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  });
  form.action = './?' + new URLSearchParams({ category: name });
  document.querySelectorAll('form [name=category]').forEach((field) => { field.value = name; });
  removeArticles();
  stopListening();
  let page = { since: null, entries: [], comments: [] };
  try {
    page = await fetchStored(name, 0, 0);
  } catch (fault) {
    notice('fault', 'The blog does not answer: its articles will come as soon as it does.');
  }
  if (name !== category) return;
  since = page.since;
  showStored(page, false);
  listen();
}

function choose(click) {
  const link = click.target.closest('a[data-category]');
  if (!link || click.button || click.ctrlKey || click.metaKey || click.shiftKey) return;
  click.preventDefault();
  if (link.dataset.category === category) return;
  history.pushState(null, '', link.href);
  turnTo(link.dataset.category);
}

async function post(submit) {
  submit.preventDefault();
  try {
    tell(await send(form));
  } catch (fault) {
    notice('fault', 'The blog does not answer. Nothing of what you wrote is lost: try again.');
  }
}

function tell({ entry, push, faults }) {
  if (faults) return notice('fault', Object.values(faults).join(' '));
  if (entry.category === category) showArticle(entry, true);
  form.elements.title.value = form.elements.article.value = '';
  form.elements.title.focus({ preventScroll: true });
  if (!push) return notice('warn', 'Stored, but not pushed: readers see it when they load the page.');
  notice('ok', `Stored, and pushed to ${push.subscribers} ${push.subscribers === 1 ? 'browser' : 'browsers'}.`);
}

$('#categories').addEventListener('click', choose);
$('#entries').addEventListener('submit', postComment);
form.addEventListener('submit', post);
window.addEventListener('popstate', () => {
  const name = new URLSearchParams(location.search).get('category') || $('#categories a').dataset.category;
  // A link to an article changes only the fragment.
  if (name !== category) turnTo(name);
});
document.addEventListener('visibilitychange', () => document.hidden || showUnread(0));

document.querySelectorAll('time').forEach(showLocalTime);
showGuide(category);
showState('connecting', {});
load(0);
