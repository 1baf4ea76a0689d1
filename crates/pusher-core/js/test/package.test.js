'use strict';
// The npm package, installed into an empty folder.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const folder = path.join(__dirname, '..');
const manifest = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));

function run(command, args, cwd) {
  const env = { ...process.env, npm_config_cache: path.join(cwd, 'cache'), npm_config_offline: 'true', npm_config_update_notifier: 'false' };
  return spawnSync(command, args, { cwd, env, encoding: 'utf8' });
}

function temporary(t) {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'pusher-package-'));
  t.after(() => fs.rmSync(made, { recursive: true }));
  return made;
}

/** Installs the package: from the file that npm makes, or from its list of files if npm is missing. */
function install(into) {
  const home = path.join(into, 'node_modules', manifest.name);
  fs.mkdirSync(home, { recursive: true });
  const packed = run('npm', ['pack', folder, '--pack-destination', into, '--ignore-scripts'], into);
  if (packed.error && packed.error.code === 'ENOENT') {
    ['package.json', ...manifest.files].forEach((name) => fs.copyFileSync(path.join(folder, name), path.join(home, name)));
    return;
  }
  assert.equal(packed.status, 0, packed.stderr);
  const file = packed.stdout.trim().split('\n').pop();
  const unpacked = run('tar', ['-xzf', path.join(into, file), '-C', home, '--strip-components', '1'], into);
  assert.equal(unpacked.status, 0, unpacked.stderr);
}

test('the package has every file that its exports name and its files load', () => {
  const named = JSON.stringify(manifest.exports).match(/\.\/[^"]+\.\w+/g).filter((name) => !name.endsWith('/'));
  const loaded = manifest.files.filter((name) => /\.m?js$/.test(name)).flatMap((name) =>
    fs.readFileSync(path.join(folder, name), 'utf8').match(/(?<=require\('|from ')\.\/[^']+/g) || []);
  for (const name of [manifest.main, manifest.types, ...named, ...loaded]) {
    assert.ok(manifest.files.includes(name.slice(2)), name);
  }
  for (const name of manifest.files) assert.ok(fs.existsSync(path.join(folder, name)), name);
});

test('the package is installed, and loaded by require and by import', (t) => {
  const into = temporary(t);
  install(into);
  const scripts = {
    'by-require.cjs': `
      const Pusher = require('${manifest.name}');
      const ab = require('${manifest.name}/autobahn');
      require('${manifest.name}/sse');
      console.log(Pusher.name, ab.Pusher === Pusher, typeof Pusher.Sse);`,
    'by-import.mjs': `
      import Pusher from '${manifest.name}';
      import ab from '${manifest.name}/autobahn';
      import '${manifest.name}/sse';
      console.log(Pusher.name, ab.Pusher === Pusher, typeof Pusher.Sse);
      class WebSocket { close() {} }
      new Pusher('https://push.test/', { WebSocket }).close();`,
  };
  for (const [name, script] of Object.entries(scripts)) {
    fs.writeFileSync(path.join(into, name), script);
    const { status, stdout, stderr } = run(process.execPath, [name], into);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, 'Pusher true function\n');
  }
});

test('the version is that of pushd, and the package cannot be published by mistake', () => {
  const cargo = fs.readFileSync(path.join(folder, '../../../Cargo.toml'), 'utf8');
  assert.equal(manifest.version, /^version = "(.*)"$/m.exec(cargo)[1]);
  assert.equal(manifest.private, true);
});
