// What a site does with the library. Prints the answers as JSON.
const [modules, publish, key, secret, socketId] = process.argv.slice(2);
const Pusher = require(`${modules}/pusher`);

const [host, port] = publish.split(':');
const site = secret => new Pusher({appId: '1', key, secret, host, port, useTLS: false});

async function main() {
    const pusher = site(secret);
    const read = async answer => (await answer).json();
    const users = {info: 'user_count'};
    const answers = {
        trigger: await read(pusher.trigger(['news', 'nobody'], 'added', {id: 1}, {socket_id: socketId})),
        batch: await read(pusher.triggerBatch([
            {channel: 'news', name: 'second', data: {id: 2}},
            {channel: 'presence-chat', name: 'third', data: 'text'},
        ])),
        user: await read(pusher.sendToUser('bob', 'greeting', {id: 4})),
        channels: await read(pusher.get({path: '/channels', params: {filter_by_prefix: 'presence-', ...users}})),
        channel: await read(pusher.get({path: '/channels/presence-chat', params: users})),
        users: await read(pusher.get({path: '/channels/presence-chat/users'})),
        terminate: await read(pusher.terminateUserConnections('ann')),
        unsigned: await site('another secret').trigger('news', 'added', {}).catch(error => error.status),
        tooMany: await pusher.triggerBatch(Array(11).fill({channel: 'news', name: 'e', data: ''})).catch(
            error => error.status
        ),
    };
    console.log(JSON.stringify(answers));
}

main();
