--TEST--
Browsers get the data as json_encode() encodes it
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

class Entry
{
    public $title = 'public';
    protected $hidden = 'protected';
    private $secret = 'private';
    public ?Entry $next = null;
}

class Money implements JsonSerializable
{
    public function __construct(private int $cents) {}

    public function jsonSerialize(): mixed
    {
        return ['amount' => $this->cents / 100, 'nested' => $this->cents > 1 ? new self(1) : null];
    }
}

enum Suit: string
{
    case Hearts = '♥';
}

$nested = new Entry();
$nested->next = new Entry();
$reference = 'referenced';
$samples = [
    'null' => null,
    'bool' => true,
    'int' => PHP_INT_MIN,
    'float' => 0.1 + 0.2,
    'whole float' => 10.0,
    'big float' => 1.0e25,
    'negative zero' => -0.0,
    'empty string' => '',
    'Japanese' => '新しい子猫',
    'emoji' => '😺👩‍👩‍👧',
    'controls' => "\0\x01\t\n\r\x7f",
    'line separators' => "\u{2028}\u{2029}",
    'HTML' => '<script>alert("x")</script> & \'y\'',
    'slash and backslash' => '/\\',
    'list' => [1, 'two', [3]],
    'empty array' => [],
    'empty object' => new stdClass(),
    'gaps' => [1 => 'a', 3 => 'b'],
    'numeric keys' => ['7' => 'x', 'y' => 'z'],
    'mixed keys' => ['' => 1, '猫' => 2, "\0" => 3],
    'reference' => ['r' => &$reference],
    'object' => $nested,
    'JsonSerializable' => [new Money(1999)],
    'enum' => Suit::Hearts,
    'date' => new DateTimeImmutable('2024-02-29 12:00:00 UTC'),
    'closure' => fn () => 1,
];

$pushd = new Pushd();
$browser = new Browser($pushd, 'samples');
$same = 0;
foreach ($samples as $name => $data) {
    $receipt = Pusher::publish('samples', $data);
    $expected = json_encode($data, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
    $event = $browser->event();
    if ($receipt->subscribers === 1 && $event === $expected && json_last_error() === JSON_ERROR_NONE) {
        $same++;
    } else {
        echo "$name: $event instead of $expected\n";
    }
}
echo $same === count($samples) ? "all the same\n" : "$same\n";

// The same precision as json_encode(), also if the page chooses another.
ini_set('serialize_precision', 5);
Pusher::publish('samples', M_PI);
echo $browser->event(), "\n";
?>
--EXPECT--
all the same
3.1416
