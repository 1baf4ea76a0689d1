--TEST--
Forked children publish over their own connections, and the parent keeps its connection
--FILE--
<?php
require __DIR__ . '/../support/pushd.inc';
require __DIR__ . '/../support/browser.inc';

const CHILDREN = 4;
const PUBLISHES = 500;
ini_set('pusher.timeout_ms', 10_000);

/** Publishes to a topic that only its browser looks at, which must see all of it in order. */
function publishAll(Browser $browser, string $topic): bool
{
    $sequence = 0;
    $good = true;
    for ($i = 1; $i <= PUBLISHES; $i++) {
        $receipt = Pusher::publish($topic, $i);
        $good = $good && $receipt->sequence > $sequence && $receipt->subscribers === 1;
        $good = $good && $browser->event() === "$i";
        $sequence = $receipt->sequence;
    }
    return $good;
}

$pushd = new Pushd();
$browser = new Browser($pushd, 'parent');
Pusher::publish('parent', 0);
echo $browser->event(), "\n";
$children = [];
for ($i = 0; $i < CHILDREN; $i++) {
    $pid = pcntl_fork();
    if ($pid === 0) {
        $good = publishAll(new Browser($pushd, "child $i"), "child $i");
        // Not exit(): the objects are the parent's, and the child would kill its pushd.
        pcntl_exec('/bin/sh', ['-c', $good ? 'exit 0' : 'exit 1']);
    }
    $children[] = $pid;
}
var_dump(publishAll($browser, 'parent'));
foreach ($children as $pid) {
    pcntl_waitpid($pid, $status);
    var_dump(pcntl_wexitstatus($status));
}
echo Pusher::publish('parent', 'end')->subscribers, "\n";
?>
--EXPECT--
0
bool(true)
int(0)
int(0)
int(0)
int(0)
1
