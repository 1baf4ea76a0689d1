'use strict';
// The scripts as pushd serves them: some consist of several files. Not a test itself.
const fs = require('node:fs');
const path = require('node:path');

const PUSHER = ['pusher.js', 'topics.js', 'tickets.js', 'liveness.js', 'presence.js'];
const PARTS = { 'pusher.js': PUSHER, 'autobahn.js': [...PUSHER, 'autobahn.js'] };

/** Returns the text of a file beside pusher.js. */
const source = (name) => fs.readFileSync(path.join(__dirname, '..', name), 'utf8');

/** Returns the text that pushd serves under this name. */
const served = (name) => (PARTS[name] || [name]).map(source).join('');

module.exports = { served, source };
