// Push with the npm package `ws`: whoever connects to /TOPIC is a subscriber.
'use strict';
const { WebSocketServer } = require('ws');
const publishers = require('./publisher.js');
const [webPort, publishPort] = process.argv.slice(2).map(Number);

const topics = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: webPort, backlog: 4096, perMessageDeflate: false });
server.on('connection', (socket, request) => {
  const topic = request.url.slice(1);
  if (!topics.has(topic)) topics.set(topic, new Set());
  topics.get(topic).add(socket);
  socket.on('close', () => topics.get(topic).delete(socket));
  socket.on('error', () => {});
});

publishers(publishPort, (topic, event) => {
  const text = Buffer.from(event);
  for (const socket of topics.get(topic) ?? []) socket.send(text, { binary: false });
});
