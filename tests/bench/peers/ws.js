// Push with the npm package `ws`; to browsers as much WAMP v1 as that needs: WELCOME, SUBSCRIBE, events.
'use strict';
const { WebSocketServer } = require('ws');
const publishers = require('./publisher.js');
const [webPort, publishPort] = process.argv.slice(2).map(Number);

const topics = new Map();
let sessions = 0;
const server = new WebSocketServer({ host: '127.0.0.1', port: webPort, backlog: 4096, perMessageDeflate: false });
server.on('connection', (socket) => {
  sessions += 1;
  socket.send(`[0,"${sessions}",1,"ws"]`);
  socket.on('message', (message) => {
    const [type, topic] = JSON.parse(message.toString());
    if (type !== 5) return;
    if (!topics.has(topic)) topics.set(topic, new Set());
    topics.get(topic).add(socket);
    socket.on('close', () => topics.get(topic).delete(socket));
  });
  socket.on('error', () => {});
});

publishers(publishPort, (topic, event) => {
  const text = Buffer.from(`[8,"${topic}",${event}]`);
  for (const socket of topics.get(topic) ?? []) socket.send(text, { binary: false });
});
