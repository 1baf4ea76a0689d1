// The reader who is logged in: tickets, private comments, and news about the reader's articles.

import { isComment, showComment } from './comments.js';
import { $, settings } from './page.js';

const NEWS_MAX = 3;

/** Returns a ticket for the reader's private topic, or null if the reader has logged out in another tab. */
async function ticket() {
  const answer = await fetch('ticket.php?' + new URLSearchParams({ name: settings.reader }), { cache: 'no-store' });
  if (!answer.ok) throw new Error('ticket.php: ' + answer.status);
  if (answer.status === 204) showLoggedOut();
  return answer.status === 204 ? null : answer.text();
}

/** The options of the connection. A guest has no ticket. */
export const ticketOptions = () => (settings.ownTopic ? { ticket } : {});

function showLoggedOut() {
  if ($('#logged-out')) return;
  $('#logout').hidden = true;
  addNews('You are no longer logged in. ', linkTo('Load the page again', location.href)).id = 'logged-out';
}

/** Subscribes to the reader's private topic. */
export function listenToNews(pusher, gap) {
  if (!settings.ownTopic) return;
  // Without a reason to log out, the next ticket opens the topic again.
  const denied = () => ticket().catch((fault) => console.warn('no ticket:', fault));
  pusher.subscribe(settings.ownTopic, showPrivately, { since: settings.since || null, gap, denied });
}

/** Shows an event of the private topic: a private comment, a notice for the author of an article, or both. */
function showPrivately(event) {
  if (isComment(event)) showComment(event.comment, true);
  if ('title' in event) showNews(event);
}

/** Returns a link of this site, or null. */
function ownLink(text) {
  try {
    const url = new URL(text, location.href);
    return url.origin === location.origin ? url.href : null;
  } catch (fault) {
    return null;
  }
}

function showNews({ title, commenter, link, comment }) {
  const who = document.createElement('bdi');
  who.textContent = typeof commenter === 'string' ? commenter : 'A guest';
  const did = comment ? ' wrote to you privately about your article ' : ' commented on your article ';
  addNews(who, did, linkTo(String(title), ownLink(link)));
}

function linkTo(text, href) {
  const link = document.createElement('a');
  link.textContent = text;
  link.dir = 'auto';
  if (href) link.href = href;
  return link;
}

/** Adds an item above the others, with a button that removes it. */
function addNews(...nodes) {
  const item = document.createElement('li');
  const text = document.createElement('p');
  const close = document.createElement('button');
  text.append(...nodes);
  close.type = 'button';
  close.textContent = '×';
  close.setAttribute('aria-label', 'Close');
  close.addEventListener('click', () => item.remove());
  item.append(text, close);
  $('#news').prepend(item);
  while ($('#news').children.length > NEWS_MAX) $('#news').lastElementChild.remove();
  return item;
}
