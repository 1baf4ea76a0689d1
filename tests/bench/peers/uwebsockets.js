// Push with uWebSockets' own topics: whoever connects to /TOPIC is a subscriber.
'use strict';
const uws = require('uwebsockets');
const publishers = require('./publisher.js');
const [webPort, publishPort] = process.argv.slice(2).map(Number);

const app = uws.App();
app.ws('/*', {
  compression: uws.DISABLED,
  maxBackpressure: 1024 * 1024,
  upgrade(response, request, context) {
    response.upgrade(
      { topic: request.getUrl().slice(1) },
      request.getHeader('sec-websocket-key'),
      request.getHeader('sec-websocket-protocol'),
      request.getHeader('sec-websocket-extensions'),
      context,
    );
  },
  open(socket) {
    socket.subscribe(socket.getUserData().topic);
  },
});
app.listen('127.0.0.1', webPort, (listening) => {
  if (!listening) process.exit(1);
});

publishers(publishPort, (topic, event) => app.publish(topic, event, false));
