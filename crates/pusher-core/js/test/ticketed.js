'use strict';
// Clients with the option `ticket`, and a pushd.1 server. Not a test itself.
const assert = require('node:assert/strict');
const { start } = require('./client.js');
const { settled } = require('./fake-socket.js');

/** A function for the option `ticket`, whose promises the test settles. `calls` has those that are open. */
function counter() {
  const calls = [];
  const ticket = () => new Promise((resolve, reject) => calls.push({ resolve, reject }));
  const give = async (value) => {
    calls.shift().resolve(value);
    await settled();
  };
  const fail = async (error = new Error('offline')) => {
    calls.shift().reject(error);
    await settled();
  };
  return { calls, ticket, give, fail };
}

/** A client, connected. `heard` has events, gaps and refusals; `logged` what went to the console. */
async function ticketed(t, options) {
  const logged = [];
  ['log', 'warn', 'error'].forEach((name) => t.mock.method(console, name, (...items) => logged.push(...items.map(String))));
  const heard = [];
  const denied = (topic, code) => heard.push(`denied ${topic} ${code}`);
  const it = start(t, { denied, ...options });
  const listen = (topic, more) => it.pusher.subscribe(topic, (event) => heard.push(event), { gap: () => heard.push('gap'), ...more });
  const welcome = async () => {
    it.WebSocket.last.welcome('sid', 'pushd.1');
    await settled();
    return it.WebSocket.last;
  };
  const again = async () => {
    it.WebSocket.last.lose();
    it.tick(it.states[it.states.length - 1].delayMs);
    return welcome();
  };
  return { ...it, heard, logged, listen, welcome, again, took: () => heard.splice(0) };
}

/** The same with a function, subscribed to "orders" at e1-10 with a ticket of 300 s, which is renewed after 255 s. */
async function renewing(t, options) {
  if (!Math.random.mock) t.mock.method(Math, 'random', () => 1);
  const page = counter();
  const it = await ticketed(t, { ticket: page.ticket, ...options });
  it.listen('orders');
  const socket = await it.welcome();
  await page.give('first');
  assert.deepEqual(socket.took(), [[13, 'first'], [5, 'orders']]);
  socket.say([13, 300000]);
  socket.say([9, 'orders', 'e1-10', true, 0]);
  return { ...it, ...page, socket };
}

module.exports = { counter, renewing, ticketed };
