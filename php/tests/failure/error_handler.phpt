--TEST--
An error handler receives the warning, and may throw
--INI--
pusher.retry_ms=0
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

$server = new FakePushd('refuses');
set_error_handler(function (int $level, string $message, string $file, int $line): bool {
    static $calls = 0;
    // PHP code can only raise a user's warning, from a line of its own: it says in words who called.
    if ($level === E_USER_WARNING && preg_match('/, called in .* on line (\d+)$/', $message, $called)) {
        [$level, $line, $message] = [E_WARNING, $called[1], str_replace($called[0], '', $message)];
    }
    echo ++$calls, ' ', $level === E_WARNING ? 'E_WARNING' : $level, " line $line\n";
    if ($calls === 2) {
        throw new ErrorException($message, 0, $level, $file, $line);
    }
    // From within the handler too.
    if ($calls === 1) {
        var_dump(Pusher::publish('', 1));
    }
    return true;
});
try {
    var_dump(Pusher::publish('kittens', 1));
} catch (PusherException $e) {
    echo $e->getMessage(), "\n";
}
try {
    var_dump(Pusher::publish('kittens', 1));
} catch (ErrorException $e) {
    echo preg_replace('/tcp.* ms/', 'ADDRESS', $e->getMessage()), "\n";
}
var_dump(Pusher::publish('kittens', 1));
?>
--EXPECT--
1 E_WARNING line 22
the event was not published: the topic is empty
2 E_WARNING line 27
Pusher::publish(): ADDRESS refused to publish the event (denied: not you)
3 E_WARNING line 31
NULL
