// The publish listener for servers that have none of their own. It reads one JSON object per line, like pushd.
'use strict';
const net = require('node:net');

module.exports = function listen(port, publish) {
  const server = net.createServer((socket) => {
    let rest = '';
    socket.setEncoding('utf8');
    socket.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      for (const line of lines) publish(JSON.parse(line).category, line);
    });
    socket.on('error', () => {});
  });
  server.listen(port, '127.0.0.1');
};
