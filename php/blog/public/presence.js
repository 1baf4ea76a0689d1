// The readers of the category who are logged in. Guests have no ticket, so the push server does not count them.

import { $ } from './page.js';

const NAMES_MAX = 10;

const nameOf = ({ sub, info }) => (info && typeof info.name === 'string' ? info.name : sub);

/** Shows who reads a category. Returns a function that ends it. */
export function showPresence(pusher, category) {
  const names = new Map(); // by sub
  const end = pusher.presence(category, {
    here: (members) => {
      names.clear();
      members.forEach((member) => names.set(member.sub, nameOf(member)));
    },
    joined: (member) => names.set(member.sub, nameOf(member)),
    left: (member) => names.delete(member.sub),
    count: (count) => render(count, Array.from(names.values())), // after each of the others
    denied: hidePresence, // the push server has no presence for this topic
  });
  return () => {
    end();
    hidePresence();
  };
}

export function hidePresence() {
  $('#present').hidden = true;
}

function render(count, names) {
  const shown = names.slice(0, NAMES_MAX);
  const others = count - shown.length;
  const line = $('#present');
  line.replaceChildren(count === 1 ? '1 reader is here' : `${count} readers are here`);
  if (shown.length) line.append(': ', ...listOf(others > 0 ? shown.concat(`${others} more`) : shown));
  line.append('. ', guests());
  line.hidden = count === 0;
}

/** Returns "A, B and C" as nodes. In a <bdi>, a name in another direction does not disturb the sentence. */
function listOf(names) {
  const nodes = [];
  names.forEach((text, i) => {
    const name = document.createElement('bdi');
    name.textContent = text;
    if (i > 0) nodes.push(i === names.length - 1 ? ' and ' : ', ');
    nodes.push(name);
  });
  return nodes;
}

function guests() {
  const hint = document.createElement('small');
  hint.textContent = 'Guests are not counted.';
  return hint;
}
