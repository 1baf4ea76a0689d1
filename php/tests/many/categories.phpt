--TEST--
Category and id in sendMany() accept the same types as in publish()
--FILE--
<?php
declare(strict_types=1);
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

class Text
{
    public function __construct(private Closure $code) {}

    public function __toString(): string
    {
        return ($this->code)();
    }
}

$pushd = new Pushd();
$pusher = new Pusher();
$from = static fn (Closure $code): Text => new Text($code);
foreach (['7' => 7, '-7' => -7, 'text' => 'text', 'from an object' => $from(fn () => 'from an object')] as $topic => $category) {
    $browser = new Browser($pushd, (string) $topic);
    // In any order; and the id, which is the same in two forms, makes one event of three.
    $pusher->sendMany([[1 => 'here', 0 => $category, 2 => 5], [$category, 'again', '5'], [$category, 'again', $from(fn () => '5')]]);
    $pusher->sendMany([[$category, 'end', null]]);
    echo $browser->event(), ' ', $browser->event(), "\n";
}

// What it changes on its way is sent as it was, and what it throws keeps all back.
$event = ['kittens', str_repeat('x', 3), 1];
$event[0] = $from(function () use (&$event, &$events) {
    $event = $events = null;
    return 'kittens';
});
$events = [&$event];
$browser = new Browser($pushd, 'kittens');
$pusher->sendMany($events);
echo $browser->event(), "\n";
try {
    $pusher->sendMany([['kittens', 'never'], [$from(fn () => throw new LogicException('mine')), 1]]);
} catch (LogicException $e) {
    echo $e->getMessage(), "\n";
}
$pusher->sendMany([['kittens', 'end']]);
echo $browser->event(), "\n";
?>
--EXPECT--
"here" "end"
"here" "end"
"here" "end"
"here" "end"
"xxx"
mine
"end"
