--TEST--
Events that are deferred after the others were sent go at once
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/script.inc';

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
// Nothing was deferred when the request ended; the session is closed after that.
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
            Pusher::defer('kittens', 'deferred by the session');
            Pusher::publish('kittens', 'published by the session');
            return true;
        }
    }
    session_set_save_handler(new Handler(), false);
    session_start();
    PHP, ['session.use_cookies' => 0, 'session.cache_limiter' => '']);
echo $browser->event(), $browser->event(), "\n";
?>
--EXPECT--

"deferred by the session""published by the session"
