--TEST--
The category follows PHP's rules for strings, and must be 1 to 1024 bytes of UTF-8
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';
require __DIR__ . '/../support/said.inc';

class Category
{
    public function __toString(): string
    {
        return 'from an object';
    }
}

$pushd = new Pushd();
foreach ([
    '7' => 7,
    '1.5' => 1.5,
    '1' => true,
    'from an object' => new Category(),
    'カテゴリー/猫' => 'カテゴリー/猫',
    "new\nline and \0 and \"quotes\"" => "new\nline and \0 and \"quotes\"",
    str_repeat('x', 1024) => str_repeat('x', 1024),
] as $topic => $category) {
    $browser = new Browser($pushd, (string) $topic);
    Pusher::publish($category, 'here');
    echo $browser->event(), ' ';
}
echo "\n";

foreach ([
    fn () => Pusher::publish('', 1),
    fn () => Pusher::publish(str_repeat('x', 1025), 1),
    fn () => Pusher::publish("caf\xe9", 1),
    fn () => Pusher::publish([], 1),
    fn () => Pusher::publish(new stdClass(), 1),
    fn () => Pusher::publish('kittens'),
    fn () => Pusher::publish(data: 1, category: ''),
    fn () => Pusher::publish(topic: 'kittens', data: 1),
] as $call) {
    try {
        $call();
    } catch (Throwable $e) {
        echo $e::class, " {$e->getCode()}: ", said($e), "\n";
    }
}
?>
--EXPECT--
"here" "here" "here" "here" "here" "here" "here" 
PusherException -2: the event was not published: the topic is empty
PusherException -2: the event was not published: the topic is 1025 bytes long, at most 1024 are allowed
PusherException -2: the event was not published: the category is not valid UTF-8
TypeError 0: Pusher::publish(): Argument #1 ($category) must be of type string, array given
TypeError 0: Pusher::publish(): Argument #1 ($category) must be of type string, stdClass given
ArgumentCountError 0: Pusher::publish() expects at least 2 arguments, 1 given
PusherException -2: the event was not published: the topic is empty
Error 0: Unknown named parameter $topic
