// Two users in pages. Prints a line of JSON for each thing that they hear.
const [modules, web, key, secret] = process.argv.slice(2);
const Pusher = require(`${modules}/pusher-js`);
const Site = require(`${modules}/pusher`);

const [host, port] = web.split(':');
const site = new Site({appId: '1', key, secret, host, port});
const say = (...words) => console.log(JSON.stringify(words));

function page(user) {
    const pusher = new Pusher(key, {
        cluster: '',
        wsHost: host,
        wsPort: port,
        forceTLS: false,
        enabledTransports: ['ws'],
        enableStats: false,
        channelAuthorization: {
            customHandler: ({socketId, channelName}, answer) =>
                answer(null, site.authorizeChannel(socketId, channelName, {user_id: user})),
        },
        userAuthentication: {
            customHandler: ({socketId}, answer) => answer(null, site.authenticateUser(socketId, {id: user})),
        },
    });
    pusher.connection.bind('connected', () => say(user, 'connected', pusher.connection.socket_id));
    pusher.connection.bind('error', ({data}) => say(user, 'error', data?.code ?? null));
    pusher.bind_global((event, data) => event.includes('pusher') || say(user, 'event', event, data));
    pusher.bind('pusher:signin_success', () => say(user, 'signed in'));
    pusher.signin();
    for (const name of ['news', 'presence-chat']) {
        const channel = pusher.subscribe(name);
        channel.bind('pusher:subscription_succeeded', () => say(user, 'subscribed', name));
    }
}

page('ann');
page('bob');
