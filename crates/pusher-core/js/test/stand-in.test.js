'use strict';
// Each row of the table in README.md that compares autobahn.js with version 0.8.2 is a test.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { source } = require('./served.js');
const same = require('./stand-in-same.js');
const other = require('./stand-in-other.js');

const rows = { ...same, ...other };

const [, table] = source('README.md').split('## autobahn.js beside the original');
const named = table.split('\n').filter((line) => line.startsWith('| ')).slice(1).map((line) => line.split(' | '));

for (const [cell, verdict] of named) {
  const name = cell.slice(2);
  test(`${verdict}: ${name}`, rows[name] || (() => assert.fail('the row has no test')));
}

test('each test is a row', () => {
  assert.deepEqual(Object.keys(rows).sort(), named.map(([cell]) => cell.slice(2)).sort());
  for (const [cell, verdict] of named) {
    const name = cell.slice(2);
    assert.ok(name in same ? verdict === 'same' : /^(different|absent)$/.test(verdict), name);
  }
});
