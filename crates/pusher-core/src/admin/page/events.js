// Publishes a test event, and watches the events of a topic.
import {json, request} from './api.js';
import {button, byId, cell, count, counted, element, number, rows, text} from './dom.js';

// A publish may wait for room.
const PUBLISH_MS = 10000;
// The server writes to each watcher at least every 5 s.
const SILENCE_MS = 15000;
const RETRY_MS = 2000;
const SHOWN_MAX = 2000;
const EVENTS_MAX = 50;

// ---- Topics

export function showTopics(status) {
  const isBusiest = byId('topics-order').value === 'events';
  const topics = isBusiest ? status.busiest_topics : status.largest_topics;
  rows('topics-rows', isBusiest ? 'No events in the last seconds.' : 'No subscriptions.', topics, topic => [
    cell(topic.topic, 'long'),
    number(topic.subscribers),
    cell(topic.events_per_s ? count(topic.events_per_s) : '–', topic.events_per_s ? 'number' : 'number dim'),
    number(topic.log_events),
    watchCell(topic.topic),
  ]);
  const rest = isBusiest ? 0 : status.topics - topics.length;
  text('topics-rest', rest > 0 ? `and ${count(rest)} more` : '');
}

function watchCell(topic) {
  const td = cell('', 'number');
  td.append(button('watch', {topic}));
  return td;
}

// ---- Publish

async function publish(event) {
  event.preventDefault();
  const output = byId('publish-answer');
  const report = (message, isError) => {
    output.textContent = message;
    output.className = isError ? 'error' : '';
  };
  const body = byId('publish-event').value;
  try {
    JSON.parse(body);
  } catch (error) {
    return report(error.message, true);
  }
  try {
    const topic = encodeURIComponent(byId('publish-topic').value);
    const receipt = await json(`publish/${topic}`, {
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body,
      signal: AbortSignal.timeout(PUBLISH_MS),
    });
    report(`Event ${count(receipt.sequence)} was queued for ${counted(receipt.subscribers, 'subscriber')}`);
  } catch (error) {
    report(error.name === 'Error' ? error.message : 'no answer', true);
  }
}

// ---- Watch

let watching = null;

export function stopWatching(message) {
  watching?.abort();
  watching = null;
  text('watch-button', 'Watch');
  text('watch-state', message);
}

// Watches a topic until the user stops it or the server refuses. Requests a stream that ended again.
async function watch(topic) {
  stopWatching('');
  const current = watching = new AbortController();
  text('watch-button', 'Stop');
  byId('watch-events').replaceChildren();
  for (;;) {
    const refusal = await readStream(topic, current.signal).catch(() => undefined);
    if (watching !== current) return;
    if (refusal) return stopWatching(refusal);
    text('watch-state', 'Connection lost, retrying');
    await new Promise(resolve => setTimeout(resolve, RETRY_MS));
    if (watching !== current) return;
  }
}

// Reads an event stream. EventSource cannot send a token. Returns the reason of a refusal, or undefined at the end.
async function readStream(topic, stopped) {
  const own = new AbortController();
  const end = () => own.abort();
  stopped.addEventListener('abort', end);
  let silence;
  const restartTimeout = () => {
    clearTimeout(silence);
    silence = setTimeout(end, SILENCE_MS);
  };
  restartTimeout();
  try {
    const answer = await request(`watch/${encodeURIComponent(topic)}`, {signal: own.signal});
    if (!answer.ok) return (await answer.json()).error;
    text('watch-state', `Watching ${topic}`);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = '';
    for (;;) {
      const {value, done} = await reader.read();
      if (done) return undefined;
      restartTimeout();
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop();
      blocks.forEach(addEvent);
    }
  } finally {
    clearTimeout(silence);
    stopped.removeEventListener('abort', end);
  }
}

function addEvent(block) {
  const fields = {data: []};
  for (const line of block.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon < 1) continue;
    const [name, value] = [line.slice(0, colon), line.slice(colon + 2)];
    if (name === 'data') fields.data.push(value);
    else fields[name] = value;
  }
  if (!fields.data.length) return;
  const data = fields.data.join('\n');
  const line = fields.event === 'missed' ? `${data} events skipped: they came too fast for this page` : `#${fields.id} ${data}`;
  const shown = element('span', 'event', line.slice(0, SHOWN_MAX));
  if (line.length > SHOWN_MAX) shown.append(` … (${count(data.length)} characters)`);
  const li = element('li', '', element('time', '', new Date().toLocaleTimeString()), shown);
  const list = byId('watch-events');
  list.prepend(li);
  while (list.children.length > EVENTS_MAX) list.lastChild.remove();
  // A long event takes a few lines until it is opened.
  if (shown.scrollHeight > shown.clientHeight) li.append(button('more', {more: 'yes'}));
}

function toggle(event) {
  if (!event.target.dataset?.more) return;
  const isOpen = event.target.parentElement.classList.toggle('open');
  event.target.textContent = isOpen ? 'less' : 'more';
}

export function start(refresh) {
  byId('publish').addEventListener('submit', publish);
  byId('watch').addEventListener('submit', event => {
    event.preventDefault();
    if (watching) stopWatching('Stopped.');
    else watch(byId('watch-topic').value);
  });
  byId('watch-events').addEventListener('click', toggle);
  byId('topics-order').addEventListener('change', refresh);
  byId('topics-rows').addEventListener('click', event => {
    const topic = event.target.dataset?.topic;
    if (topic === undefined) return;
    byId('watch-topic').value = topic;
    watch(topic);
    byId('watch').scrollIntoView({block: 'nearest'});
  });
}
