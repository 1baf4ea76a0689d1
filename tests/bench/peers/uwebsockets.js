// Push with uWebSockets' own topics, and with TLS if a certificate is given; to browsers as much WAMP v1 as that needs: WELCOME, SUBSCRIBE, events.
'use strict';
const uws = require('uwebsockets');
const publishers = require('./publisher.js');
const [webPort, publishPort] = process.argv.slice(2, 4).map(Number);
const [certificate, key] = process.argv.slice(4);

const app = certificate ? uws.SSLApp({ cert_file_name: certificate, key_file_name: key }) : uws.App();
let sessions = 0;
app.ws('/*', {
  compression: uws.DISABLED,
  maxBackpressure: 1024 * 1024,
  open(socket) {
    sessions += 1;
    socket.send(`[0,"${sessions}",1,"uWebSockets"]`);
  },
  message(socket, message) {
    const [type, topic] = JSON.parse(Buffer.from(message).toString());
    if (type === 5) socket.subscribe(topic);
  },
});
app.listen('127.0.0.1', webPort, (listening) => {
  if (!listening) process.exit(1);
});

publishers(publishPort, (topic, event) => app.publish(topic, `[8,"${topic}",${event}]`, false));
