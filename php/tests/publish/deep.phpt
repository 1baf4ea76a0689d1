--TEST--
Data may be nested as deeply as the stub says, and not deeper
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

preg_match('/(\d+) levels deep/', file_get_contents(__DIR__ . '/../../stubs/pusher.stub.php'), $match);
$deep = 'bottom';
for ($level = 0; $level < $match[1]; $level++) {
    $deep = $level % 2 ? [$deep] : ['key' => $deep];
}

$pushd = new Pushd();
$browser = new Browser($pushd, 'deep');
Pusher::publish('deep', $deep);
var_dump($browser->event() === json_encode($deep));
try {
    Pusher::publish('deep', [$deep]);
} catch (PusherException $e) {
    var_dump($e->getCode() === PusherException::JSON);
    echo str_replace($match[1], 'N', $e->getMessage()), "\n";
}
?>
--EXPECT--
bool(true)
bool(true)
the event was not published: the JSON is nested deeper than N levels
