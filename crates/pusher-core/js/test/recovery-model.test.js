'use strict';
// Random losses, restarts, gaps and subscriptions, against a server with a log: a handler gets every event of its topic,
// once and in order, or is told of a gap. In half of the runs, a topic needs a ticket, which ends at random times.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { start } = require('./client.js');
const { dice } = require('./dice.js');
const { FakeServer } = require('./fake-log.js');
const { settled } = require('./fake-socket.js');

const TOPICS = ['cats', 'dogs', 'birds'];

/** Checks what a handler heard: without a gap, each event follows the one before. */
function check({ topic, heard, begins }, published) {
  const all = published.get(topic);
  let next = begins; // index of the event that must come; null: any later one
  let least = begins || 0;
  for (const event of heard) {
    const at = all.indexOf(event);
    if (event === 'gap') next = null;
    else if (next === null) assert.ok(at >= least, `${event} came twice, or too late`);
    else assert.equal(event, all[next], `in ${heard}`);
    if (event !== 'gap') next = least = at + 1;
  }
  assert.equal(next, all.length, `the last events are missing: ${heard}`);
}

/** Three tickets of four are good. The others are refused or fail, and a few never come. */
function ticketOf(roll, site) {
  return () => {
    const luck = site.isUp ? 0 : roll(16);
    if (luck < 12) return Promise.resolve('good');
    if (luck < 14) return 'bad';
    return luck === 14 ? Promise.reject(new Error('offline')) : new Promise(() => {});
  };
}

for (let seed = 1; seed <= 200; seed++) {
  test(`every event, or a gap: seed ${seed}`, async (t) => {
    t.mock.method(console, 'error', () => {});
    t.mock.method(console, 'warn', () => {});
    const roll = dice(seed);
    const server = new FakeServer(), site = { isUp: false }, hasTickets = seed > 100;
    if (hasTickets) server.closed = ['cats'];
    const { pusher, WebSocket, states, tick } = start(t, hasTickets ? { ticket: ticketOf(roll, site) } : {});
    const handlers = [], rendered = [server.position];
    const subscribe = (topic, since) => {
      const it = { topic, heard: [], begins: since ? server.countUntil(topic, since) : null };
      it.off = pusher.subscribe(topic, (event) => it.heard.push(event), { since, gap: () => it.heard.push('gap') });
      handlers.push(it);
    };
    const subscribeAgain = ({ topic }) => {
      const since = pusher.position(topic) || undefined;
      pusher.unsubscribe(topic);
      handlers.splice(0, handlers.length, ...handlers.filter((each) => each.topic !== topic));
      subscribe(topic, roll(2) ? since : undefined);
    };
    const topic = () => TOPICS[roll(TOPICS.length)];
    const connect = () => {
      if (pusher.state === 'waiting') tick(states[states.length - 1].delayMs);
      if (pusher.state === 'connecting') server.accept(WebSocket.last);
    };
    const connection = () => server.connections[0];
    const acts = [
      () => server.publish(topic()),
      () => server.publish(topic()),
      () => server.publish(topic()),
      () => rendered.push(server.position),
      () => connection() && server.step(connection(), roll(4), roll(8)),
      () => connection() && server.step(connection(), roll(4), roll(8)),
      () => connection() && server.step(connection(), roll(4), roll(8)),
      connect,
      connect,
      () => subscribe(topic(), roll(2) ? rendered[Math.max(0, rendered.length - 1 - roll(4))] : undefined),
      () => handlers.length && subscribeAgain(handlers[roll(handlers.length)]),
      () => handlers.length && handlers.splice(roll(handlers.length), 1)[0].off(),
      () => connection() && roll(3) === 0 && server.lose(connection()),
      () => { if (roll(8) === 0) server.restart(); },
      () => { if (roll(8) === 0) server.dropped = server.log.length; },
      () => connection() && roll(8) === 0 && server.overflow(connection()),
    ];
    const ticketActs = [() => connection() && server.expire(connection()), () => tick(1000 * roll(8))];
    if (hasTickets) acts.push(...ticketActs);
    for (let step = 0; step < 300; step++) {
      acts[roll(acts.length)]();
      await settled();
    }
    site.isUp = true;
    // The server closes a connection behind GAP.
    if (connection()) {
      server.step(connection(), 1000, 1000);
      server.lose(connection());
    }
    connect();
    await settled();
    server.step(connection(), 1000, 1000);
    TOPICS.forEach((topic) => server.publish(topic));
    server.step(connection(), 0, 1000);
    assert.equal(pusher.state, 'open');
    handlers.forEach((handler) => check(handler, server.published));
  });
}
