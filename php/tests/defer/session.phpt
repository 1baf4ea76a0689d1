--TEST--
The session is closed before deferred events are sent, and its handler may defer too
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
echo script(<<<'PHP'
    final class Handler implements SessionHandlerInterface
    {
        public function open(string $path, string $name): bool { return true; }
        public function read(string $id): string { return ''; }
        public function write(string $id, string $data): bool { return true; }
        public function destroy(string $id): bool { return true; }
        public function gc(int $lifetime): int { return 0; }
        public function close(): bool
        {
            Pusher::publish('kittens', 'session closed');
            Pusher::defer('kittens', 'deferred by the session');
            return true;
        }
    }
    // PHP's own closing comes at shutdown functions' time, unless it is told not to.
    session_set_save_handler(new Handler(), false);
    session_start();
    Pusher::defer('kittens', 'deferred');
    PHP, ['session.use_cookies' => 0, 'session.cache_limiter' => '']);
Pusher::publish('kittens', 'end');
for ($i = 0; $i < 4; $i++) {
    echo $browser->event(), ' ';
}
?>
--EXPECT--

"session closed" "deferred" "deferred by the session" "end" 
