--TEST--
A pushd that wants a token gets it, from the settings or from the object
--INI--
pusher.on_failure=exception
pusher.timeout_ms=10000
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';

putenv('PUSHD_PUBLISH_TOKEN=geheim"\\/');
$pushd = new Pushd();
foreach (['', 'wrong', 'geheim"\\/'] as $token) {
    foreach ([fn () => Pusher::publish('kittens', 1), fn () => (new Pusher(null, ['token' => $token]))->send('kittens', 1)] as $publish) {
        try {
            echo get_class($publish()), "\n";
        } catch (PusherException $e) {
            echo preg_replace('/^.* refused/', 'refused', $e->getMessage()), "\n";
        }
    }
    ini_set('pusher.token', $token === 'wrong' ? 'geheim"\\/' : 'wrong');
}
?>
--EXPECTF--
refused to publish the event (denied: %s)
refused to publish the event (denied: %s)
refused to publish the event (denied: %s)
refused to publish the event (denied: %s)
PusherReceipt
PusherReceipt
