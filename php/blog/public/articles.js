// The list of articles.

import { $, copyOf, setTime, settings, textOf } from './page.js';

const list = $('#entries');
let unread = 0;

const idOf = (article) => Number(article.dataset.id);

/** Returns the id of the newest article, or 0. */
export const newestArticle = () => Math.max(0, ...Array.from(list.children, idOf));

export const removeArticles = () => list.replaceChildren();

/** Makes an article from any event. */
function articleOf(event) {
  const isEntry = event !== null && typeof event === 'object' && ('title' in event || 'article' in event);
  const { id, title = '', article = '', author, when = Date.now() / 1000 } = isEntry ? event : { article: event };
  const element = copyOf('#entry-template');
  // textContent, never innerHTML: the article is text, even if it looks like markup.
  element.querySelector('h2').textContent = textOf(title);
  element.querySelector('.text').textContent = textOf(article);
  element.querySelector('.author').textContent = typeof author === 'string' ? author : '';
  offerPrivate(element, author);
  setTime(element.querySelector('time'), when);
  const isStored = Number.isInteger(id) && id > 0;
  element.dataset.id = element.querySelector('[name=entry]').value = isStored ? id : '';
  if (isStored) element.id = 'entry-' + id;
  return element;
}

/** A reader with a ticket can write to the author alone. */
function offerPrivate(element, author) {
  const canWrite = settings.ownTopic !== '' && typeof author === 'string' && author !== settings.reader;
  element.querySelector('.private-choice').hidden = !canWrite;
  element.querySelector('.recipient').textContent = canWrite ? author : '';
}

/** Inserts an article, newest first. Ignores an article that is already shown. */
export function showArticle(event, isNew) {
  const article = articleOf(event);
  const id = idOf(article);
  const others = Array.from(list.children);
  if (id && others.some((other) => idOf(other) === id)) return;
  // An event without an id was never stored. It goes to the top and keeps its place.
  const isNewest = !id || id > newestArticle();
  const next = isNewest ? others[0] : others.find((other) => idOf(other) && idOf(other) < id);
  article.classList.toggle('new', isNew);
  list.insertBefore(article, next || null);
  while (list.children.length > Number(settings.shownMax)) list.lastElementChild.remove();
  if (isNew && document.hidden) showUnread(unread + 1);
}

export function showUnread(count) {
  unread = count;
  document.title = (count ? `(${count}) ` : '') + $('h1').textContent;
}
