// The lines for the pages of the site: which address to load, and how to subscribe to a topic.
import {byId, element, text} from './dom.js';

const PORTS = {http: '80', https: '443'};
const WITH_PORT = /^[^\/?#]*:\d+([\/?#]|$)/;
const NAME_ONLY = /^(\[[^\]]*\]|[^:\/?#]+)\/?$/;
const SETUP = '`pusherd setup` with nginx, apache, caddy or haproxy prints the lines for your web server.';
const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

let isTouched = false;
let known = null;

// Returns the address that visitors probably use: a name of the server if the settings have one, or else the name by which
// this page was opened.
function guess({addresses, tls, hosts}) {
  const port = addresses[0]?.split(':').at(-1);
  const scheme = tls ? 'https' : 'http';
  const host = hosts[0] || location.hostname || 'localhost';
  return `${scheme}://${host}${!port || port === PORTS[scheme] ? '' : `:${port}`}`;
}

// Returns a text as a JavaScript literal that cannot end the script element.
const literal = value => `'${JSON.stringify(value).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'").replace(/</g, '\\x3c')}'`;

const phpLiteral = value => `'${value.replace(/[\\']/g, '\\$&')}'`;

const attribute = value => value.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

// Returns the URL of the folder that has pusher.js, or null. Without a scheme, a name with a port is pushd itself. A name
// without a port is a site: `pusherd setup` serves pushd there by HTTPS, below /push/.
function parse(address) {
  const scheme = WITH_PORT.test(address) && !known.tls ? 'http' : 'https';
  let url;
  try {
    url = new URL(/^[a-z]+:\/\//i.test(address) ? address : `${scheme}://${address}`);
  } catch {
    return null;
  }
  if (!/^https?:$/.test(url.protocol) || !url.hostname) return null;
  const path = NAME_ONLY.test(address) ? '/push/' : url.pathname;
  url.pathname = path.replace(/\/(pusher|autobahn)\.js$/, '/').replace(/\/?$/, '/');
  return url;
}

function notes(url) {
  const found = [];
  if (LOOPBACK.test(url.hostname)) {
    found.push(`${url.hostname} is this machine only. For visitors, write the name of your site here.`);
  }
  if (url.protocol === 'http:') {
    found.push(`A page that was loaded by HTTPS needs an https address here. ${SETUP}`);
  } else if (!known.tls) {
    found.push(`This server has no certificate, so a web server must pass this address on. ${SETUP}`);
  }
  const {hosts, origins} = known;
  if (hosts.length && !hosts.includes(url.hostname) && !LOOPBACK.test(url.hostname)) {
    found.push(`${url.hostname} is no public-host of this server, so browsers are refused: the names are ${hosts.join(', ')}.`);
  }
  const others = origins.length ? `, and those of ${origins.join(', ')}` : '';
  found.push(`Pages of ${url.hostname} may connect${others}. Add others with allow-origin.`);
  found.push(`To test it from outside: pusherd doctor ${url.href.replace(/\/$/, '')}`);
  return found;
}

function write() {
  if (!known) return;
  const url = parse(byId('snippet-address').value.trim());
  const topic = byId('snippet-topic').value || 'test';
  byId('snippet-notes').replaceChildren();
  byId('snippet-copy').disabled = !url;
  if (!url) return text('snippet-html', 'An address is like https://site.example/push');
  const base = url.href.replace(/[?#].*$/, '');
  text('snippet-html', [
    `<script src="${attribute(`${base}pusher.js`)}"></script>`,
    `<script>new Pusher().subscribe(${literal(topic)}, event => console.log(event))</script>`,
  ].join('\n'));
  text('snippet-php', `Pusher::publish(${phpLiteral(topic)}, ['text' => 'Hello']);`);
  for (const note of notes(url)) byId('snippet-notes').append(element('li', '', note));
}

async function copy() {
  const code = byId('snippet-html');
  try {
    await navigator.clipboard.writeText(code.textContent);
    text('snippet-copied', 'Copied.');
  } catch {
    // Without HTTPS there is no clipboard: select the lines instead.
    getSelection().selectAllChildren(code);
    text('snippet-copied', 'Press Ctrl-C.');
  }
}

export function showSnippet(settings) {
  // A text that did not change keeps its selection.
  if (JSON.stringify(settings) === JSON.stringify(known)) return;
  known = settings;
  if (!isTouched) byId('snippet-address').value = guess(settings);
  write();
}

export function start() {
  byId('snippet-address').addEventListener('input', () => {
    isTouched = true;
    write();
  });
  byId('snippet-topic').addEventListener('input', write);
  byId('snippet-copy').addEventListener('click', copy);
}
