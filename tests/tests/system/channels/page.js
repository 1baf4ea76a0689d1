// The scripts of a page, in Chromium and in Node. `SITE` is the address of the page.
'use strict';
globalThis.SITE ??= new URL(location.href);

const param = name => SITE.searchParams.get(name);
const auth = name => `${SITE.origin}/broadcasting/${name}?user=${param('user')}`;

// What the page has seen, as JSON with sorted names.
const said = [];

function sorted(name, value) {
  const isObject = value && typeof value === 'object' && !Array.isArray(value);
  return isObject ? Object.fromEntries(Object.entries(value).sort()) : value;
}

function say(...words) {
  const line = JSON.stringify(words, sorted);
  said.push(line);
  globalThis.print?.(line);
}

// The options of pusher-js, as a site has them that uses Reverb or Soketi.
function options(more) {
  return {
    wsHost: param('host'),
    wsPort: Number(param('port')),
    forceTLS: false,
    enabledTransports: ['ws'],
    cluster: '',
    channelAuthorization: { endpoint: auth('auth') },
    userAuthentication: { endpoint: auth('user-auth') },
    ...more,
  };
}

// Connects with pusher-js, and says each change of the connection.
function connect(more) {
  const pusher = new Pusher(param('key'), options(more));
  pusher.connection.bind('state_change', ({ current }) => say('state', current));
  pusher.connection.bind('error', error => say('error', error.data?.code ?? error.error?.data?.code ?? null));
  return pusher;
}

// Subscribes, and says each event of the channel, its own events and those of the protocol.
function watch(pusher, name) {
  const channel = pusher.subscribe(name);
  channel.bind('pusher:subscription_succeeded', members =>
    say('subscribed', name, ...(members?.members ? [members.members, members.me, members.count] : [])));
  channel.bind('pusher:subscription_error', error => say('refused', name, error.status));
  channel.bind('pusher:member_added', member => say('joined', name, member));
  channel.bind('pusher:member_removed', member => say('left', name, member));
  channel.bind('pusher:cache_miss', () => say('cache miss', name));
  channel.bind_global((event, data) => event.startsWith('pusher:') || say('event', name, event, data));
  return channel;
}

// Connects with laravel-echo.
function echo(broadcaster) {
  const { channelAuthorization, ...common } = options();
  return new Echo({ broadcaster, key: param('key'), Pusher, ...common, authEndpoint: channelAuthorization.endpoint });
}
