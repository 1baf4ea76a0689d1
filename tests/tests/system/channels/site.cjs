// The site of the tests: serves a page, and signs with the npm package `pusher`. `?user=` is the user who has logged in.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');

const [modules, key, secret] = process.argv.slice(2);
const Pusher = require(path.join(modules, 'pusher'));
const pusher = new Pusher({ appId: '1', key, secret, cluster: 'unused' });

const SCRIPTS = {
  '/pusher.js': path.join(modules, 'pusher-js/dist/web/pusher.js'),
  '/echo.js': path.join(modules, 'laravel-echo/dist/echo.iife.js'),
  '/page.js': path.join(__dirname, 'page.js'),
};
const PAGE = `<!doctype html><meta charset=utf-8><link rel=icon href=data:,>
<script src=/pusher.js></script><script src=/echo.js></script><script>window.Echo = Echo.default</script>
<script src=/page.js></script>`;

function authorize(user, form) {
  const channel = form.get('channel_name');
  if (!user || channel.endsWith('forbidden')) return null;
  // Laravel sends ids of users as numbers.
  const member = { user_id: Number(user), user_info: { name: `猫 ${user}` } };
  const data = channel.startsWith('presence-') ? member : undefined;
  return pusher.authorizeChannel(form.get('socket_id'), channel, data);
}

function answer(url, body) {
  const user = url.searchParams.get('user');
  const form = new URLSearchParams(body);
  switch (url.pathname) {
    case '/':
      return { type: 'text/html', body: PAGE };
    case '/broadcasting/auth':
      return authorize(user, form);
    case '/broadcasting/user-auth':
      return user && pusher.authenticateUser(form.get('socket_id'), { id: user });
    default:
      return SCRIPTS[url.pathname] && { type: 'text/javascript', body: fs.readFileSync(SCRIPTS[url.pathname]) };
  }
}

const server = http.createServer(async (request, response) => {
  const url = new URL(request.url, 'http://site');
  let body = '';
  for await (const part of request) body += part;
  const answered = answer(url, body);
  if (!answered) return response.writeHead(403).end();
  response.setHeader('Content-Type', answered.type ?? 'application/json');
  response.end(answered.type ? answered.body : JSON.stringify(answered));
});
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
