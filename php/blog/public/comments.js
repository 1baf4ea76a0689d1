// The comments below each article.

import { $, copyOf, send, setTime, settings, textOf } from './page.js';

const GUEST = 'A guest';

const idOf = (element) => Number(element.dataset.id);

/** Returns the id of the newest comment, or 0. */
export const newestComment = () => Math.max(0, ...Array.from(document.querySelectorAll('.comments > li'), idOf));

/** Whether an event is a comment. All other events are articles. */
export const isComment = (event) =>
  event !== null && typeof event === 'object' && event.comment !== null && typeof event.comment === 'object'
  && Number.isInteger(event.comment.entry) && Number.isInteger(event.comment.id);

/** Inserts a comment below its article, oldest first. Ignores one that is shown, and one on an article that is not. */
export function showComment({ id, entry, author, text, private: isPrivate, when }, isNew) {
  const list = $(`#entry-${entry} .comments`);
  if (!list) return;
  const others = Array.from(list.children);
  if (others.some((other) => idOf(other) === id)) return;
  const element = copyOf('#comment-template');
  element.dataset.id = id;
  element.querySelector('.author').textContent = typeof author === 'string' ? author : GUEST;
  element.querySelector('.comment-text').textContent = textOf(text === undefined ? null : text);
  setTime(element.querySelector('time'), when);
  element.querySelector('.private').hidden = isPrivate !== true;
  element.classList.toggle('new', isNew);
  list.insertBefore(element, others.find((other) => idOf(other) > id) || null);
  while (list.children.length > Number(settings.commentsMax)) list.firstElementChild.remove();
}

/** Posts a comment without leaving the page. */
export async function postComment(submit) {
  const form = submit.target;
  if (!form.matches('form.comment')) return;
  submit.preventDefault();
  const say = (text) => { form.querySelector('.said').textContent = text; };
  try {
    const { comment, push, faults } = await send(form);
    if (faults) return say(Object.values(faults).join(' '));
    showComment(comment, true);
    form.elements.text.value = '';
    say(push ? '' : 'Stored, but not pushed: readers see it when they load the page.');
  } catch (fault) {
    say('The blog does not answer. Your comment is still here: try again.');
  }
}
