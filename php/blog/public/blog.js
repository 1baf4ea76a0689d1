'use strict';
// Shows new articles in the open page, and posts without leaving it. Without this file the blog still works, but
// readers must reload the page.
(() => {
  // Pages that miss events together must not ask the site at the same moment.
  const CATCH_UP_MAX_MS = 2000;
  // Each catch-up also fetches this many ids before the newest. Of two posts at the same moment, the one with the
  // higher id may be pushed first.
  const OVERLAP = 50;
  const RETRY_MAX_MS = 30000;
  const WORDS = { connecting: 'connecting', open: 'live', waiting: 'reconnecting', closed: 'not live' };

  const $ = (selector) => document.querySelector(selector);
  const settings = document.body.dataset;
  const list = $('#entries');
  const form = $('#write');

  let category = settings.category;
  // The position of the push server's log from before the shown articles were read.
  let since = settings.since;
  let pusher = null;
  let unsubscribe = () => {};
  let catchUpTimer = 0;
  let unread = 0;

  // ---- showing articles ----

  const idOf = (article) => Number(article.dataset.id);
  const newestId = () => Math.max(0, ...Array.from(list.children, idOf));

  function showState(state) {
    $('#state').dataset.state = state;
    $('#state .words').textContent = WORDS[state];
  }

  function localTime(time) {
    const when = new Date(time.dateTime);
    if (isNaN(when)) return;
    time.textContent = when.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  }

  function textOf(value) {
    if (value === null) return '';
    return typeof value === 'string' ? value : JSON.stringify(value);
  }

  /** Makes an article from any event. Other publishers, such as a shell, may send any JSON value. */
  function articleOf(event) {
    const isEntry = event !== null && typeof event === 'object' && ('title' in event || 'article' in event);
    const { id, title = '', article = '', when = Date.now() / 1000 } = isEntry ? event : { article: event };
    const element = $('#entry-template').content.firstElementChild.cloneNode(true);
    // textContent, never innerHTML: the article is text, even if it looks like markup.
    element.querySelector('h2').textContent = textOf(title);
    element.querySelector('.text').textContent = textOf(article);
    element.dataset.id = Number.isInteger(id) && id > 0 ? id : '';
    const date = new Date(Number(when) * 1000);
    element.querySelector('time').dateTime = isNaN(date) ? '' : date.toISOString();
    localTime(element.querySelector('time'));
    return element;
  }

  /** Inserts an entry, newest first. Ignores an entry that is already shown. */
  function show(event, isNew) {
    const article = articleOf(event);
    const id = idOf(article);
    const others = Array.from(list.children);
    if (id && others.some((other) => idOf(other) === id)) return;
    // An event without an id was never stored. It goes to the top and keeps its place.
    const isNewest = !id || id > newestId();
    const next = isNewest ? others[0] : others.find((other) => idOf(other) && idOf(other) < id);
    article.classList.toggle('new', isNew);
    list.insertBefore(article, next || null);
    while (list.children.length > Number(settings.shownMax)) list.lastElementChild.remove();
    if (isNew && document.hidden) showUnread(unread + 1);
  }

  function showUnread(count) {
    unread = count;
    document.title = (count ? `(${count}) ` : '') + $('h1').textContent;
  }

  function notice(kind, text) {
    $('#notice').dataset.kind = kind;
    $('#notice').textContent = text;
  }

  // ---- receiving articles ----

  async function stored(after) {
    const query = new URLSearchParams({ category, after });
    const answer = await fetch('entries.php?' + query, { cache: 'no-store' });
    if (!answer.ok) throw new Error('entries.php: ' + answer.status);
    return answer.json();
  }

  const randomDelay = (maxMs, attempt) => Math.random() * Math.min(RETRY_MAX_MS, maxMs * 2 ** attempt);

  /** Fetches the articles that were posted while the page was away, if the push server no longer has all of them. */
  async function catchUp(attempt) {
    const asked = category;
    try {
      const { entries } = await stored(Math.max(0, newestId() - OVERLAP));
      if (asked === category) entries.reverse().forEach((entry) => show(entry, true));
    } catch (fault) {
      console.warn('catching up failed:', fault);
      catchUpSoon(attempt + 1);
    }
  }

  function catchUpSoon(attempt) {
    clearTimeout(catchUpTimer);
    catchUpTimer = setTimeout(catchUp, randomDelay(CATCH_UP_MAX_MS, attempt), attempt);
  }

  /** Subscribes at the position of the shown articles. Without a position there is a gap. */
  function listen() {
    unsubscribe();
    clearTimeout(catchUpTimer);
    const options = { since: since || null, gap: () => catchUpSoon(0) };
    unsubscribe = pusher ? pusher.subscribe(category, (event) => show(event, true), options) : () => {};
  }

  function connect() {
    pusher = new Pusher(settings.pushUrl + '/');
    listen();
    pusher.watch(showState);
  }

  /** Loads pusher.js from the push server. The server may be down, so it tries again. */
  function load(attempt) {
    const script = document.createElement('script');
    script.src = settings.pushUrl + '/pusher.js';
    const again = () => {
      script.remove();
      showState('waiting');
      setTimeout(load, randomDelay(1000, attempt), attempt + 1);
    };
    script.onerror = again;
    script.onload = () => (typeof Pusher === 'function' ? connect() : again());
    document.head.append(script);
  }

  // ---- the reader's actions ----

  /** Shows another category without leaving the page. */
  async function turnTo(name) {
    category = name;
    document.querySelectorAll('#categories a').forEach((link) => {
      if (link.dataset.category === name) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    });
    form.action = './?' + new URLSearchParams({ category: name });
    form.elements.category.value = name;
    list.replaceChildren();
    unsubscribe();
    let page = { since: null, entries: [] };
    try {
      page = await stored(0);
    } catch (fault) {
      notice('fault', 'The blog does not answer: its articles will come as soon as it does.');
    }
    if (name !== category) return;
    since = page.since;
    page.entries.reverse().forEach((entry) => show(entry, false));
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
    const body = new URLSearchParams(new FormData(form));
    $('#post').disabled = true;
    try {
      const answer = await fetch(form.action, { method: 'POST', body, headers: { Accept: 'application/json' } });
      tell(await answer.json());
    } catch (fault) {
      notice('fault', 'The blog does not answer. Nothing of what you wrote is lost: try again.');
    }
    $('#post').disabled = false;
  }

  function tell({ entry, push, faults }) {
    if (faults) return notice('fault', Object.values(faults).join(' '));
    if (entry.category === category) show(entry, true);
    form.elements.title.value = form.elements.article.value = '';
    form.elements.title.focus({ preventScroll: true });
    if (!push) return notice('warn', 'Stored, but not pushed: readers see it when they load the page.');
    notice('ok', `Stored, and pushed to ${push.subscribers} ${push.subscribers === 1 ? 'browser' : 'browsers'}.`);
  }

  $('#categories').addEventListener('click', choose);
  form.addEventListener('submit', post);
  window.addEventListener('popstate', () => {
    const first = $('#categories a').dataset.category;
    turnTo(new URLSearchParams(location.search).get('category') || first);
  });
  document.addEventListener('visibilitychange', () => document.hidden || showUnread(0));

  list.querySelectorAll('time').forEach(localTime);
  showState('connecting');
  load(0);
})();
