#!/bin/bash
# In a fresh Debian: the README's two commands as a newcomer types them, then the packages, into /packages.
set -euo pipefail
cd ~
git clone --quiet /source pushd
cd pushd

echo; echo '==> cargo xtask demo'
trap 'tail -n 50 ~/demo.log' EXIT
cargo xtask demo > ~/demo.log 2>&1 &
demo=$!
until grep -q 'http://127.0.0.1:8000/' ~/demo.log; do
    kill -0 "$demo"
    sleep 1
done
timeout 60 target/release/pusherd subscribe --count 1 kittensCategory > ~/event &
reader=$!
until target/release/pusherd topics | grep -q kittensCategory; do
    kill -0 "$reader"
    sleep 0.2
done
php <<'PHP'
<?php
$blog = 'http://127.0.0.1:8000/';
$page = file_get_contents($blog);
preg_match('/name="token" value="(\w+)"/', $page, $token);
preg_match('/^Set-Cookie: ([^;]+)/mi', implode("\n", $http_response_header), $cookie);
$form = ['token' => $token[1], 'category' => 'kittensCategory', 'title' => 'A fresh kitten 新', 'article' => 'It sleeps.'];
file_get_contents($blog, false, stream_context_create(['http' => [
    'method' => 'POST',
    'header' => "Cookie: $cookie[1]\r\nContent-Type: application/x-www-form-urlencoded",
    'content' => http_build_query($form),
]]));
PHP
wait "$reader"
cat ~/event
grep -q 'A fresh kitten' ~/event
# Ctrl-C: cargo has become the demo's process.
kill -INT "$demo"
wait "$demo"
trap - EXIT

echo; echo '==> cargo xtask test'
cargo xtask test

echo; echo '==> cargo xtask package'
cargo xtask package --out /packages
