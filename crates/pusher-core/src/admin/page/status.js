// The status page: loads the figures every second and shows them.
import {hasToken, json, request, setToken, whenLocked} from './api.js';
import {Chart} from './charts.js';
import * as connections from './connections.js';
import {ago, byId, bytes, cell, count, counted, element, number, pairs, rows, span, text} from './dom.js';
import * as events from './events.js';
import * as snippet from './snippet.js';

const POLL_MS = 1000;
// The longest time between two updates of a chart.
const CHARTS_POLL_MS_MAX = 10000;
// Names of the figures beside which the page shows a level.
const TILES = {browsers: 'connections', publishers: 'publishers', events_len: 'queued', backlog_len: 'queued', unfinished_len: 'publishers'};

// ---- Token

whenLocked(() => {
  text('token-error', hasToken() ? 'Wrong token.' : '');
  byId('token-form').hidden = false;
  byId('main').hidden = true;
  events.stopWatching('');
});

byId('token-form').addEventListener('submit', event => {
  event.preventDefault();
  setToken(byId('token').value);
  poll();
  pollCharts();
});

// ---- State

function state(word, className) {
  text('state', word);
  byId('state').className = `badge ${className}`;
}

// Shows that the server does not answer, and marks the figures as old.
let awaySince = null;
function away(word) {
  awaySince = awaySince || new Date();
  state(word, 'bad');
  text('uptime', `since ${awaySince.toLocaleTimeString()}`);
  byId('main').classList.add('old');
  document.title = `${word} – pushd`;
}

function show(status) {
  awaySince = null;
  byId('main').classList.remove('old');
  text('server', status.server);
  document.title = `${count(status.browsers)} on ${status.server}`;
  state(status.state, status.state === 'ready' ? 'good' : 'bad');
  text('uptime', `for ${span(status.uptime_s)}`);
  showProblems(status.problems);
  showTiles(status);
  showRecovery(status);
  showRedis(status);
  showOptional(status);
  events.showTopics(status);
  showRefusals(status);
  snippet.showSnippet(status.public);
  rows('figures-rows', 'None.', status.figures, figure => [
    cell(figure.name), number(figure.value), meaning(figure),
  ]);
  rows('complaints-rows', 'None.', status.complaints, complaint => [
    cell(ago(complaint.ago_s)), cell(complaint.peer), cell(complaint.what),
  ]);
}

function showProblems(problems) {
  byId('problems').hidden = !problems.length;
  const list = byId('problems-list');
  const items = problems.map(({level, text: what}) => element('li', level, what));
  if (items.length === list.children.length && items.every((li, i) => li.isEqualNode(list.children[i]))) return;
  list.replaceChildren(...items);
}

function showTiles(status) {
  const ofMax = max => `of at most ${count(max)}`;
  text('browsers', count(status.browsers));
  text('browsers-more', ofMax(status.browsers_max));
  text('topics', count(status.topics));
  text('publishers', count(Math.max(0, status.publishers - status.operators)));
  text('publishers-more', ofMax(status.publishers_max));
  text('waiting', bytes(status.outboxes_len));
  text('waiting-more', `for ${counted(status.outboxes, 'connection')}`);
  text('log', bytes(status.log_len));
  text('log-more', logText(status));
  text('memory', status.resident_len === null ? '–' : bytes(status.resident_len));
  text('memory-more', `${bytes(status.backlog_len)} not sent yet`);
  for (const tile of document.querySelectorAll('.tile')) tile.classList.remove('warning', 'error');
  for (const problem of status.problems) {
    const tile = TILES[problem.about];
    if (tile) byId(`tile-${tile}`).classList.add(problem.level);
  }
}

function logText(status) {
  if (!status.history_len_max) return 'switched off';
  const max = `of at most ${bytes(status.history_len_max)}`;
  if (!status.log_events) return max;
  return `${max}: ${counted(status.log_events, 'event')}, up to ${span(Math.floor(status.log_age_ms / 1000))} old`;
}

function meaning(figure) {
  const by = Object.entries(figure.by || {}).map(([label, value]) => `${label} ${count(value)}`).join(', ');
  return cell(by ? `${figure.help} (${by})` : figure.help);
}

// ---- Recovery, and what only some servers have

function figure(status, name) {
  return status.figures.find(known => known.name === name);
}

function showRecovery(status) {
  const gaps = Object.entries(figure(status, 'gaps').by).map(([reason, value]) => [`– ${reason.replace(/_/g, ' ')}`, count(value)]);
  const disk = figure(status, 'log_on_disk').value || status.disk_failure !== null;
  pairs('recovery-rows', [
    ['Recovered subscriptions', count(status.recovered)],
    ['Replayed events', count(status.events_replayed)],
    ['Connections that read the log now', count(status.log_readers)],
    ['Gaps: subscribers that were told of missing events', count(status.gaps)],
    ...gaps,
    ...(disk ? [
      ['Log on disk', status.log_on_disk ? 'yes' : 'no'],
      ['Last sync', `${(status.log_sync_us / 1000).toFixed(1)} ms`],
      ['Disk errors', count(status.disk_errors)],
    ] : [['Log on disk', 'no: in memory']]),
  ]);
}

// Shows the servers that share the log in Redis, if there is one.
function showRedis(status) {
  const {redis} = status;
  byId('redis').hidden = !redis;
  if (!redis) return;
  const age = redis.probe_age_ms;
  pairs('redis-rows', [
    ['State', redis.failure || 'connected'],
    ['Redis', redis.address],
    ['Server', redis.server],
    ['Lag', `${count(status.redis_lag_ms)} ms`],
    ['Last probe', age === null ? 'none yet' : ago(Math.floor(age / 1000))],
    ['Nodes', count(redis.nodes.length)],
    ...redis.nodes.map(node => ['–', node === redis.node ? `${node} (this one)` : node]),
  ]);
}

function showOptional(status) {
  const {spool} = status;
  byId('spool').hidden = !spool;
  if (spool) {
    pairs('spool-rows', [
      ['Directory', spool.directory],
      ['State', spool.failure || 'works'],
      ['Published', count(status.spool_drained)],
      ['Too old', count(status.spool_expired)],
      ['Superseded by a later event', count(status.spool_superseded)],
      ['Refused', count(status.spool_refused)],
      ['Damaged, set aside', count(status.spool_set_aside)],
    ]);
  }
  const hasTickets = status.ticket_keys.length > 0;
  byId('tickets').hidden = !hasTickets && !status.presence_topics;
  pairs('tickets-rows', [
    ['Keys', status.ticket_keys.join(', ') || 'none'],
    ['Connections with a valid ticket', count(status.tickets)],
    ['Revoked users', count(status.users_revoked)],
    ['Topics with members (presence)', count(status.presence_topics)],
    ['Members', count(status.presence_members)],
  ]);
  byId('webhooks').hidden = !status.webhooks;
  pairs('webhooks-rows', [
    ['URLs', count(status.webhooks)],
    ['Accepted events', count(status.webhooks_sent)],
    ['Waiting events', count(status.webhooks_queued)],
    ['Failed requests', count(status.webhooks_failed)],
    ['Dropped events', count(status.webhooks_dropped)],
  ]);
  byId('handovers').hidden = !status.handovers && !status.handovers_failed;
  pairs('handovers-rows', [
    ['Updates that kept the connections', count(status.handovers)],
    ['Failed', count(status.handovers_failed)],
    ['Connections kept by the last one', count(status.handover_kept)],
    ['Connections closed by it', count(status.handover_closed)],
    ['Pause', `${count(status.handover_pause_ms)} ms`],
  ]);
}

// ---- Refusals

function showRefusals(status) {
  rows('refused-rows', 'Nothing was refused.', status.refused, refused => {
    const what = cell('', 'words');
    what.append(
      element('b', '', refused.meaning), ' ', element('span', 'dim', refused.advice),
      element('span', 'chip', `${refused.who}: ${refused.reason}`),
    );
    const last = cell('', 'last');
    if (refused.last) {
      last.append(element('span', 'dim', `${ago(refused.last.ago_s)}, ${refused.last.peer}`), element('span', 'line', refused.last.what));
      last.title = refused.last.what;
    }
    return [number(refused.count), what, last];
  });
  byId('origins').hidden = !status.refused_origins.length;
  rows('origins-rows', '', status.refused_origins, refused => [
    number(refused.count), cell(refused.origin, 'origin'), cell(refused.what, 'words'), cell(ago(refused.ago_s), 'dim nowrap'),
  ]);
}

// ---- Charts

const rate = ({value, peak}) => `${count(value)} per second${peak > value ? `, peak ${count(peak)}` : ''}`;

const charts = {
  events: new Chart(byId('events-chart'), {value: count, describe: rate}),
  deliveries: new Chart(byId('deliveries-chart'), {value: count, describe: rate}),
  sessions: new Chart(byId('sessions-chart'), {value: count, describe: ({value}) => counted(value, 'connection')}),
  queued_len: new Chart(byId('queued_len-chart'), {isBytes: true, value: bytes, describe: ({value}) => bytes(value)}),
};

let chartsTimer = 0;
async function pollCharts() {
  clearTimeout(chartsTimer);
  let stepMs = POLL_MS;
  if (!document.hidden) {
    const wanted = byId('window').value;
    const history = await json(`charts.json?window=${wanted}`).catch(() => null);
    if (wanted !== byId('window').value) return;
    if (history) {
      showCharts(history);
      stepMs = history.step_s * 1000;
    }
  }
  clearTimeout(chartsTimer);
  chartsTimer = setTimeout(pollCharts, Math.min(stepMs, CHARTS_POLL_MS_MAX));
}

function showCharts(history) {
  for (const [name, chart] of Object.entries(charts)) {
    const values = history[name];
    const peaks = history[`${name}_peak`] || values;
    text(`${name}-now`, chart.value(values.at(-1) ?? 0));
    text(`${name}-max`, chart.value(Math.max(0, ...peaks)));
    chart.update({
      values,
      stepS: history.step_s,
      stepsMax: history.steps_max,
      lastS: history.last_s,
      endMs: Date.now(),
      step: i => ({value: values[i], peak: peaks[i]}),
    });
  }
}

byId('window').addEventListener('change', pollCharts);

// ---- Every second

let timer = 0;
async function poll() {
  clearTimeout(timer);
  if (!document.hidden) {
    try {
      const answer = await request('status.json');
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
  clearTimeout(timer);
  timer = setTimeout(poll, POLL_MS);
}

function pollAll() {
  poll();
  pollCharts();
  connections.poll();
}

document.addEventListener('visibilitychange', () => { if (!document.hidden) pollAll(); });
connections.start();
events.start(poll);
snippet.start();
pollAll();
