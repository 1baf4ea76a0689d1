'use strict';
// The scripts as pushd serves them: some consist of several files. Not a test itself.
const fs = require('node:fs');
const path = require('node:path');

const PARTS = {
  'pusher.js': ['pusher.js', 'topics.js'],
  'autobahn.js': ['pusher.js', 'topics.js', 'autobahn.js'],
};

/** Returns the text of a file beside pusher.js. */
const source = (name) => fs.readFileSync(path.join(__dirname, '..', name), 'utf8');

/** Returns the text that pushd serves under this name. */
const served = (name) => (PARTS[name] || [name]).map(source).join('');

module.exports = { served, source };
