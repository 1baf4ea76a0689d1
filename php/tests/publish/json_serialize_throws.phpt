--TEST--
An exception from jsonSerialize() passes through unchanged, and nothing is sent
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

class Throwing implements JsonSerializable
{
    public function __construct(private Throwable $what) {}

    public function jsonSerialize(): mixed
    {
        throw $this->what;
    }
}

$server = new FakePushd('answers');
foreach ([new LogicException('mine', 7), new TypeError('also mine'), new JsonException('nested')] as $what) {
    try {
        Pusher::publish('kittens', ['before' => 1, 'inside' => [new Throwing($what)]]);
    } catch (Throwable $caught) {
        var_dump($caught === $what, $caught->getPrevious());
    }
}
echo Pusher::publish('kittens', 1)->sequence, "\n";
?>
--EXPECT--
bool(true)
NULL
bool(true)
NULL
bool(true)
NULL
1
