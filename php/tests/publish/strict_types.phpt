--TEST--
Under strict_types a category that is not a string is refused
--FILE--
<?php
declare(strict_types=1);
require __DIR__ . '/../support/fake_pushd.inc';
require __DIR__ . '/../support/said.inc';

$server = new FakePushd('answers');
foreach ([7, 1.5, [], null] as $category) {
    try {
        Pusher::publish($category, 1);
    } catch (TypeError $e) {
        echo said($e), "\n";
    }
}
echo Pusher::publish('7', 1)->sequence, "\n";
?>
--EXPECT--
Pusher::publish(): Argument #1 ($category) must be of type string, int given
Pusher::publish(): Argument #1 ($category) must be of type string, float given
Pusher::publish(): Argument #1 ($category) must be of type string, array given
Pusher::publish(): Argument #1 ($category) must be of type string, null given
1
