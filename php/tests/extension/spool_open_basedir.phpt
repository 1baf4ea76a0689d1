--TEST--
A page can't name a spool outside of open_basedir; php.ini can
--FILE--
<?php
require __DIR__ . '/../support/script.inc';
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
$other = sys_get_temp_dir() . '/pusher-other-' . bin2hex(random_bytes(8));
mkdir($other);
mkdir("$other/allowed");
$code = <<<'PHP'
    function outcome(callable $publish): void
    {
        try {
            echo $publish()->spooled ? 'spooled' : 'published', "\n";
        } catch (PusherException $e) {
            echo $e->getCode() === PusherException::CONFIG ? 'CONFIG ' : '', preg_replace('~/\S*/pusher-\w+-\w+~', 'DIR', $e->getMessage()), "\n";
        }
    }
    outcome(fn () => Pusher::publish('kittens', 1));
    ini_set('pusher.spool', $other = ini_get('open_basedir') . '/..');
    outcome(fn () => Pusher::publish('kittens', 2));
    ini_set('pusher.spool', '/' . str_repeat('x', 5000));
    outcome(fn () => Pusher::publish('kittens', 3)) ;
    ini_restore('pusher.spool');
    outcome(fn () => (new Pusher(null, ['spool' => $other]))->send('kittens', 4));
    outcome(fn () => (new Pusher(null, ['spool' => ini_get('open_basedir')]))->send('kittens', 5));
    outcome(fn () => (new Pusher(null, ['spool' => ini_get('pusher.spool')]))->send('kittens', 6));
    PHP;
$settings = ['pusher.spool' => $spool->path, 'pusher.on_failure' => 'exception'];
$output = script($code, $settings + ['open_basedir' => "$other/allowed"]);
echo preg_replace('/x{5000}/', 'x...', $output);
echo $spool->events(), ' ', implode(' ', array_diff(scandir("$other/allowed"), ['.', '..'])), "\n";
unlink("$other/allowed/spool");
rmdir("$other/allowed");
rmdir($other);
?>
--EXPECT--
spooled
CONFIG pusher.spool: "DIR/allowed/.." is outside of open_basedir
CONFIG pusher.spool: "/x..." is outside of open_basedir
CONFIG spool: "DIR/allowed/.." is outside of open_basedir
spooled
spooled
[1,6] spool
