--TEST--
An error handler does not see the token in the trace of a deferred event's warning
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/script.inc';

$handle = <<<'PHP'
    set_error_handler(function (int $level, string $message) {
        echo str_contains(print_r(debug_backtrace(), true), 's3cret') ? 'found ' : 'not found ';
        return true;
    });
    PHP;
$settings = ['pusher.address' => 'tcp://127.0.0.1:1', 'pusher.token' => 's3cret', 'pusher.retry_ms' => 0];
echo script($handle . "Pusher::defer('kittens', 1);", $settings);
?>
--EXPECT--
not found
