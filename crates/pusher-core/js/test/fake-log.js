'use strict';
// A pushd.1 server with a log, for fake sockets. Not a test itself.

/**
 * `published` has every event of each topic, also those that the log has dropped. An event is "EPOCH:SEQUENCE". For the
 * topics in `closed`, a session needs the ticket "good".
 */
class FakeServer {
  constructor() {
    this.epoch = 1;
    this.log = []; // topics; the first has sequence 1
    this.dropped = 0; // so many of them are no longer in the log
    this.published = new Map();
    this.connections = [];
    this.closed = [];
  }

  get position() { return `e${this.epoch}-${this.log.length}`; }

  /** Returns the number of events of the topic up to a position. */
  countUntil(topic, position) {
    const [epoch, sequence] = position.slice(1).split('-').map(Number);
    const isUntil = ([its, n]) => its < epoch || (its === epoch && n <= sequence);
    return (this.published.get(topic) || []).filter((event) => isUntil(event.slice(1).split(':').map(Number))).length;
  }

  publish(topic) {
    this.log.push(topic);
    const event = `e${this.epoch}:${this.log.length}`;
    this.published.set(topic, [...this.published.get(topic) || [], event]);
    this.connections.forEach((each) => each.topics.has(topic) && each.out.push([8, topic, event, this.log.length]));
  }

  accept(socket) {
    socket.welcome('sid', 'pushd.1');
    this.connections.push({ socket, topics: new Set(), in: [], out: [], hasTicket: false });
  }

  /** Ends a connection; what is under way in it is lost. */
  lose(connection) {
    this.connections.splice(this.connections.indexOf(connection), 1);
    connection.socket.lose();
  }

  restart() {
    while (this.connections.length) this.lose(this.connections[0]);
    Object.assign(this, { epoch: this.epoch + 1, log: [], dropped: 0 });
  }

  /** The client reads too slowly. The server closes the connection behind GAP, and handles nothing any more. */
  overflow(connection) {
    const topics = [...connection.topics];
    connection.out = topics.map((topic) => [10, topic, this.position]);
    connection.topics.clear();
    connection.isEnding = true;
  }

  /** The session's ticket ends. */
  expire(connection) {
    connection.hasTicket = false;
    this.closed.filter((topic) => connection.topics.delete(topic))
      .forEach((topic) => connection.out.push([11, topic, 'ticket_expired']));
  }

  /** Handles messages of the client, and delivers messages to it, at most so many. */
  step(connection, handled, delivered) {
    connection.in.push(...connection.socket.took());
    connection.in.splice(0, handled).forEach((message) => this.handle(connection, message));
    connection.out.splice(0, delivered).forEach((message) => connection.socket.say(message));
  }

  handle(connection, [type, topic, options]) {
    if (connection.isEnding) return;
    if (type === 6) connection.topics.delete(topic);
    if (type === 13) {
      connection.hasTicket = connection.hasTicket || topic === 'good';
      connection.out.push(topic === 'good' ? [13, 60000] : [13, null, 'ticket_signature']);
    }
    if (type !== 5 || connection.topics.has(topic)) return;
    if (this.closed.includes(topic) && !connection.hasTicket) return void connection.out.push([11, topic, 'ticket_missing']);
    connection.topics.add(topic);
    const { epoch, since } = /^e(?<epoch>\d+)-(?<since>\d+)$/.exec(options ? options.since : '')?.groups || {};
    const isWhole = Number(epoch) === this.epoch && since >= this.dropped && since <= this.log.length;
    const replay = [];
    for (let n = Number(since); isWhole && n < this.log.length; n++) {
      if (this.log[n] === topic) replay.push([8, topic, `e${this.epoch}:${n + 1}`, n + 1]);
    }
    connection.out.push([9, topic, this.position, !options || isWhole, replay.length], ...replay);
  }
}

module.exports = { FakeServer };
