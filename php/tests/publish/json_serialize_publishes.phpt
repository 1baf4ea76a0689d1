--TEST--
jsonSerialize() may publish
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

class Telling implements JsonSerializable
{
    public function jsonSerialize(): mixed
    {
        return ['inner' => Pusher::publish('kittens', 'inner')->sequence];
    }
}

$pushd = new Pushd();
$browser = new Browser($pushd, 'kittens');
echo Pusher::publish('kittens', new Telling())->sequence, "\n";
echo $browser->event(), $browser->event(), "\n";
?>
--EXPECT--
2
"inner"{"inner":1}
