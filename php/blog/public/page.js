// The parts of the page that several scripts use.

export const $ = (selector) => document.querySelector(selector);

/** The server's settings for this page. */
export const settings = document.body.dataset;

/** Shows the result of the article form. */
export function notice(kind, text) {
  $('#notice').dataset.kind = kind;
  $('#notice').textContent = text;
}

/** Returns the text of any JSON value. Other publishers, such as a shell, may send one. */
export function textOf(value) {
  if (value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Copies a template of the page. */
export const copyOf = (template) => $(template).content.firstElementChild.cloneNode(true);

/** Shows a Unix time in seconds. Shows nothing if the value is no time. */
export function setTime(element, when) {
  const date = new Date(Number(when) * 1000);
  element.dateTime = isNaN(date) ? '' : date.toISOString();
  showLocalTime(element);
}

/** Replaces the server's time, which is UTC, by the reader's. */
export function showLocalTime(element) {
  const date = new Date(element.dateTime);
  if (isNaN(date)) return;
  element.textContent = date.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

/** Returns the category that the page shows. It is the topic, too. */
export const currentCategory = () => $('#categories [aria-current]').dataset.category;

/** Sends the fields of a form as JSON clients do, and returns the answer. */
export async function sendFields(url, fields) {
  const body = new URLSearchParams(fields);
  const answer = await fetch(url, { method: 'POST', body, headers: { Accept: 'application/json' } });
  return answer.json();
}

/** Sends a form, and returns the answer. Disables its button for so long. */
export async function send(form) {
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    return await sendFields(form.action, new FormData(form));
  } finally {
    button.disabled = false;
  }
}

/** Returns what the blog has stored in a category: articles and comments with ids above these. */
export async function fetchStored(category, after, commentsAfter) {
  const query = new URLSearchParams({ category, after, comments_after: commentsAfter });
  const answer = await fetch('entries.php?' + query, { cache: 'no-store' });
  if (!answer.ok) throw new Error('entries.php: ' + answer.status);
  return answer.json();
}
