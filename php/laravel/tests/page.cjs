'use strict';
// A page with Echo, in Node. Prints what it hears, one JSON array a line. Arguments: the file of laravel-echo, the address
// of pushd, the site, the user, and its channels, each as "private:orders.7". Commands come as lines on stdin:
// "join presence:chat.1", "leave chat.1", "whisper chat.1", "post Mia" (an event for kittens, and for the other pages only),
// "forge Mia" (the same with a socket id that is none).
globalThis.WebSocket ??= require('/usr/share/nodejs/ws');
const { createInterface } = require('node:readline');
const { pathToFileURL } = require('node:url');
const Pusher = require('../../../crates/pusher-core/js/pusher.js');

const [file, url, site, user, ...channels] = process.argv.slice(2);
const say = (...items) => console.log(JSON.stringify(items));
const kinds = { public: 'channel', private: 'private', presence: 'join' };

(async () => {
  const { default: Echo } = await import(pathToFileURL(file).href);
  const { default: broadcaster } = await import('../js/echo.js');
  const headers = user ? { 'X-User': user } : {};
  const echo = new Echo({ broadcaster, Pusher, url, authEndpoint: site + '/broadcasting/auth', auth: { headers }, namespace: false, whispers: true });
  const join = (text) => {
    const [kind, name] = text.split(':');
    const channel = echo[kinds[kind]](name)
      .subscribed(() => say('subscribed', text))
      .error((error) => say('error', text, error.status, error.error))
      .listen('Posted', (data) => say('posted', text, data))
      .listenForWhisper('typing', (data) => say('whisper', text, data));
    if (kind !== 'presence') return;
    channel.here((users) => say('here', text, users)).joining((who) => say('joining', text, who)).leaving((who) => say('leaving', text, who));
  };
  const post = async (title, socketId = echo.socketId()) => {
    const headers = { 'Content-Type': 'application/json', 'X-Socket-ID': socketId };
    const body = JSON.stringify({ channels: ['kittens'], title });
    say('answered', (await fetch(site + '/post', { method: 'POST', headers, body })).status);
  };
  const whisper = (name) => echo.join(name).whisper('typing', { by: user });
  const commands = { join, leave: (name) => echo.leave(name), whisper, post, forge: (title) => post(title, 'undefined') };
  channels.forEach(join);
  createInterface({ input: process.stdin })
    .on('line', (line) => commands[line.split(' ')[0]](line.split(' ')[1]))
    .on('close', () => echo.disconnect());
})();
