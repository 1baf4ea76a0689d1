// A page in Node: runs each line of standard input, a JavaScript program in a JSON string.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const vm = require('vm');

const [modules, address] = process.argv.slice(2);
globalThis.SITE = new URL(address);
globalThis.Pusher = require(path.join(modules, 'pusher-js'));
globalThis.print = line => console.log(line);
vm.runInThisContext(fs.readFileSync(path.join(__dirname, 'page.js'), 'utf8'));
import(path.join(modules, 'laravel-echo/dist/echo.js')).then(module => {
  globalThis.Echo = module.default;
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', line => vm.runInThisContext(JSON.parse(line)));
  lines.on('close', () => process.exit());
});
