// Push with Socket.IO's rooms, over WebSockets only: the room is in the query.
'use strict';
const http = require('node:http');
const { Server } = require('socket.io');
const publishers = require('./publisher.js');
const [webPort, publishPort] = process.argv.slice(2).map(Number);

const web = http.createServer();
const io = new Server(web, { transports: ['websocket'], serveClient: false });
io.on('connection', (socket) => socket.join(socket.handshake.query.topic));
web.listen(webPort, '127.0.0.1', 4096);

publishers(publishPort, (topic, event) => io.to(topic).emit('event', JSON.parse(event)));
