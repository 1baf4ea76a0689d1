// A site that checks webhooks with the npm package `pusher`, and its pages with pusher-js. Prints a line for each webhook.
// With the files of a key and a certificate, it has HTTPS. Commands on standard input: `join PORT CHANNEL` opens a page that
// connects to this port of pushd, and `leave` closes the first page.
'use strict';
const fs = require('fs');
const http = require('http');
const https = require('https');
const path = require('path');
const readline = require('readline');

const [modules, key, secret, tlsKey, tlsCertificate] = process.argv.slice(2);
const Pusher = require(path.join(modules, 'pusher'));
const PusherJs = require(path.join(modules, 'pusher-js'));
const pusher = new Pusher({ appId: '1', key, secret, cluster: 'unused' });
const stranger = new Pusher({ appId: '1', key, secret: 'another secret', cluster: 'unused' });

async function answer(request, response) {
  let rawBody = '';
  for await (const part of request.setEncoding('utf8')) rawBody += part;
  const received = { headers: request.headers, rawBody };
  const webhook = pusher.webhook(received);
  const isValid = webhook.isValid() && !stranger.webhook(received).isValid();
  console.log(JSON.stringify({
    isValid,
    ageMs: Date.now() - webhook.getTime().getTime(),
    events: webhook.getEvents(),
    key: request.headers['x-pusher-key'],
    signature: request.headers['x-pusher-signature'],
    body: rawBody,
  }));
  response.writeHead(204).end();
}

const server = tlsKey
  ? https.createServer({ key: fs.readFileSync(tlsKey), cert: fs.readFileSync(tlsCertificate) }, answer)
  : http.createServer(answer);
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));

const pages = [];
const commands = {
  join(port, channel) {
    const page = new PusherJs(key, {
      cluster: 'unused',
      wsHost: '127.0.0.1',
      wsPort: Number(port),
      forceTLS: false,
      enabledTransports: ['ws'],
      channelAuthorization: {
        customHandler({ socketId, channelName }, done) {
          done(null, pusher.authorizeChannel(socketId, channelName, { user_id: '猫 7' }));
        },
      },
    });
    page.subscribe(channel);
    pages.push(page);
  },
  leave() {
    pages.shift().disconnect();
  },
};
readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, ...words] = line.split(' ');
  commands[command](...words);
});
