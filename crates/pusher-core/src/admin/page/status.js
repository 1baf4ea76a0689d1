// The status page: loads /status.json every second and shows it. Topics, peers and events are
// untrusted input, so they enter the page only as text.
(() => {
  'use strict';

  const POLL_MS = 1000;
  // The kernel accepts connections for a server that hangs, so a request needs a timeout.
  const ANSWER_MS = 5000;
  // The server writes to each watcher at least every 5 s.
  const SILENCE_MS = 15000;
  const RETRY_MS = 2000;
  const SHOWN_MAX = 2000;
  const SECONDS_MIN = 60;
  const EVENTS_MAX = 50;
  const byId = id => document.getElementById(id);
  const numbers = new Intl.NumberFormat('en');

  let token = sessionStorage.getItem('pushd-token') || '';

  // Sends a request, with the token if there is one.
  async function request(path, options = {}) {
    const headers = {...options.headers};
    if (token) headers.Authorization = `Bearer ${token}`;
    const answer = await fetch(path, {...options, headers, cache: 'no-store'});
    if (answer.status === 401) askForToken();
    return answer;
  }

  function askForToken() {
    byId('token-error').textContent = token ? 'Wrong token.' : '';
    byId('token-form').hidden = false;
    byId('main').hidden = true;
    stopWatching('');
  }

  byId('token-form').addEventListener('submit', event => {
    event.preventDefault();
    token = byId('token').value;
    sessionStorage.setItem('pushd-token', token);
    poll();
  });

  // ---- Figures

  function bytes(count) {
    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let unit = 0;
    while (count >= 1024 && unit < units.length - 1) {
      count /= 1024;
      unit += 1;
    }
    return `${unit && count < 10 ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
  }

  function span(seconds) {
    const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
    if (days) return `${days} d ${hours} h`;
    if (hours) return `${hours} h ${minutes} min`;
    return minutes ? `${minutes} min` : `${seconds} s`;
  }

  const text = (id, value) => { byId(id).textContent = value; };

  function state(word, isGood) {
    text('state', word);
    byId('state').className = `badge ${isGood ? 'good' : 'bad'}`;
  }

  // Shows that the server does not answer, and marks the figures as old.
  let awaySince = null;
  function away(word) {
    awaySince = awaySince || new Date();
    state(word, false);
    text('uptime', `since ${awaySince.toLocaleTimeString()}`);
    byId('main').classList.add('old');
    document.title = `${word} – pushd`;
  }

  function show(status) {
    awaySince = null;
    byId('main').classList.remove('old');
    text('server', status.server);
    document.title = `${numbers.format(status.sessions)} on ${status.server}`;
    state(status.state, status.state === 'ready');
    text('uptime', `for ${span(status.uptime_s)}`);
    text('browsers', numbers.format(status.browsers));
    text('browsers-more', `of at most ${numbers.format(status.browsers_max)}`);
    text('topics', numbers.format(status.topics));
    text('publishers', numbers.format(status.publishers));
    text('publishers-more', `of at most ${numbers.format(status.publishers_max)}`);
    text('waiting', bytes(status.outboxes_len));
    text('waiting-more', `for ${numbers.format(status.outboxes)} browsers`);
    text('log', bytes(status.log_len));
    text('log-more', logText(status));
    text('memory', status.resident_len === null ? '–' : bytes(status.resident_len));
    text('memory-more', `${bytes(status.backlog_len)} not sent yet`);
    showRedis(status.redis);
    for (const name of ['events', 'deliveries', 'sessions']) chart(name, status.history[name]);
    rows('topics-rows', 'No subscriptions.', status.largest_topics, topic => [
      cell(topic.topic, 'long'), number(topic.subscribers), number(topic.log_events), watchButton(topic.topic),
    ]);
    const rest = status.topics - status.largest_topics.length;
    text('topics-rest', rest > 0 ? `and ${numbers.format(rest)} more` : '');
    rows('outboxes-rows', 'No slow browsers.', status.longest_outboxes, outbox => [
      cell(outbox.peer), cell(bytes(outbox.len), 'number'),
    ]);
    const recovery = {
      'Recovered subscriptions': status.recovered,
      'Gaps': status.gaps,
      'Replayed events': status.events_replayed,
      'Browsers that read the log now': status.log_readers,
    };
    rows('recovery-rows', '', Object.entries(recovery), ([name, count]) => [cell(name), number(count)]);
    rows('refused-rows', 'None.', status.refused, refused => [
      cell(refused.who), cell(refused.reason), number(refused.count),
    ]);
    rows('figures-rows', 'None.', status.figures, figure => [
      cell(figure.name), number(figure.value), cell(figure.help),
    ]);
    rows('complaints-rows', 'None.', status.complaints, complaint => [
      cell(`${span(complaint.ago_s)} ago`), cell(complaint.peer), cell(complaint.what),
    ]);
  }

  // Shows the servers that share the log in Redis, if there is one.
  function showRedis(redis) {
    byId('redis').hidden = !redis;
    if (!redis) return;
    text('redis-failure', redis.failure || '');
    byId('redis-failure').hidden = !redis.failure;
    const age = redis.probe_age_ms;
    const nodes = redis.nodes.map(node => (node === redis.node ? `${node} (this one)` : node));
    rows('redis-rows', '', [
      ['Redis', redis.address],
      ['Server', redis.server],
      ['Nodes', `${nodes.length}: ${nodes.join(', ')}`],
      ['Last probe', age === null ? 'none yet' : `${span(Math.floor(age / 1000))} ago`],
    ], texts => texts.map(value => cell(value)));
  }

  function logText(status) {
    if (!status.history_len_max) return 'switched off';
    const max = `of at most ${bytes(status.history_len_max)}`;
    if (!status.log_events) return max;
    return `${max}: ${numbers.format(status.log_events)} events, up to ${span(Math.floor(status.log_age_ms / 1000))} old`;
  }

  function cell(value, className = '') {
    const td = document.createElement('td');
    td.textContent = value;
    td.className = className;
    if (className === 'long') td.title = value;
    return td;
  }

  const number = value => cell(numbers.format(value), 'number');

  function watchButton(topic) {
    const td = cell('', 'number');
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = 'watch';
    button.dataset.topic = topic;
    td.append(button);
    return td;
  }

  // Fills a table. Keeps the cells that did not change, so that a click hits its button and a text selection
  // survives the update.
  function rows(id, nothing, values, cells) {
    const made = values.map(cells);
    if (!made.length) {
      made.push([cell(nothing, 'nothing')]);
      made[0][0].colSpan = 4;
    }
    const body = byId(id);
    while (body.children.length > made.length) body.lastChild.remove();
    made.forEach((tds, at) => {
      const tr = body.children[at] || body.appendChild(document.createElement('tr'));
      if (tr.children.length !== tds.length) return tr.replaceChildren(...tds);
      tds.forEach((td, i) => {
        if (!tr.children[i].isEqualNode(td)) tr.children[i].replaceWith(td);
      });
    });
  }

  // Draws the last minutes as a line, with the newest second on the right.
  function chart(name, values) {
    const svg = byId(`${name}-chart`);
    const max = Math.max(0, ...values);
    text(`${name}-now`, numbers.format(values.at(-1) ?? 0));
    text(`${name}-max`, numbers.format(max));
    const seconds = Math.max(SECONDS_MIN, values.length);
    svg.setAttribute('viewBox', `0 0 ${seconds - 1} 100`);
    if (!svg.firstChild) {
      svg.setAttribute('preserveAspectRatio', 'none');
      for (const className of ['area', 'line']) {
        const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
        path.setAttribute('class', className);
        svg.append(path);
      }
    }
    const first = seconds - values.length;
    const line = values.map((value, i) => `${first + i},${(99 - 93 * value / (max || 1)).toFixed(1)}`).join(' ');
    const [area, stroke] = svg.children;
    stroke.setAttribute('d', line && `M${line}`);
    area.setAttribute('d', line && `M${first},100 L${line} L${seconds - 1},100 Z`);
  }

  // ---- Every second

  let timer = 0;
  async function poll() {
    clearTimeout(timer);
    if (!document.hidden) {
      try {
        const answer = await request('status.json', {signal: AbortSignal.timeout(ANSWER_MS)});
        if (answer.ok) {
          byId('token-form').hidden = true;
          byId('main').hidden = false;
          show(await answer.json());
        } else if (answer.status === 401) {
          away('locked');
          return;
        } else {
          away(`error ${answer.status}`);
        }
      } catch {
        away('no answer');
      }
    }
    timer = setTimeout(poll, POLL_MS);
  }
  document.addEventListener('visibilitychange', () => { if (!document.hidden) poll(); });

  // ---- Publish

  byId('publish').addEventListener('submit', async event => {
    event.preventDefault();
    const output = byId('publish-answer');
    const report = (message, isError) => {
      output.textContent = message;
      output.className = isError ? 'error' : '';
    };
    const json = byId('publish-event').value;
    try {
      JSON.parse(json);
    } catch (error) {
      return report(error.message, true);
    }
    try {
      const topic = encodeURIComponent(byId('publish-topic').value);
      const answer = await request(`publish/${topic}`, {
        method: 'POST',
        headers: {'Content-Type': 'application/json'},
        body: json,
        signal: AbortSignal.timeout(2 * ANSWER_MS),
      });
      const body = await answer.json();
      if (!answer.ok) return report(body.error, true);
      const browsers = body.subscribers === 1 ? '1 browser' : `${numbers.format(body.subscribers)} browsers`;
      report(`Event ${numbers.format(body.sequence)} was queued for ${browsers}`);
    } catch {
      report('no answer', true);
    }
  });

  // ---- Watch

  let watching = null;

  byId('watch').addEventListener('submit', event => {
    event.preventDefault();
    if (watching) stopWatching('Stopped.');
    else watch(byId('watch-topic').value);
  });

  byId('topics-rows').addEventListener('click', event => {
    const topic = event.target.dataset?.topic;
    if (topic === undefined) return;
    byId('watch-topic').value = topic;
    watch(topic);
    byId('watch').scrollIntoView({block: 'nearest'});
  });

  function stopWatching(message) {
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
    const li = document.createElement('li');
    const time = document.createElement('time');
    time.textContent = new Date().toLocaleTimeString();
    const data = fields.data.join('\n');
    const line = fields.event === 'missed' ? `${data} events skipped: they came too fast for this page` : `#${fields.id} ${data}`;
    li.append(time, line.slice(0, SHOWN_MAX));
    if (line.length > SHOWN_MAX) li.append(` … (${numbers.format(data.length)} characters)`);
    const list = byId('watch-events');
    list.prepend(li);
    while (list.children.length > EVENTS_MAX) list.lastChild.remove();
  }

  poll();
})();
