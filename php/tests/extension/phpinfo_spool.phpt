--TEST--
phpinfo() shows the spool, the number of spooled events, and why the last one could not be spooled
--INI--
pusher.retry_ms=0
pusher.on_failure=silent
--FILE--
<?php
require __DIR__ . '/../support/spool.inc';

function row(string $name): ?string
{
    ob_start();
    phpinfo(INFO_MODULES);
    return preg_match('/^' . preg_quote($name, '/') . ' => (.*)$/m', ob_get_clean(), $match) ? $match[1] : null;
}

function failure(): ?string
{
    return row('Last event for ' . ini_get('pusher.address') . ' that could not be spooled');
}

nobody_listens();
echo row('Spool'), "\n";
$spool = new SpoolDirectory();
var_dump(row('Spool') === $spool->path, failure());
$spooled = row('Spooled (this process)');
$failed = row('Failed (this process)');
Pusher::publish('kittens', 1);
(new Pusher())->sendMany([['kittens', 2], ['kittens', 3]]);
var_dump(row('Spooled (this process)') - $spooled, row('Failed (this process)') - $failed, failure());

ini_set('pusher.spool', '/nonexistent');
Pusher::publish('kittens', 4);
echo row('Spool'), ': ', failure(), "\n";
ini_set('pusher.spool', '/nonexistent/either');
(new Pusher())->sendMany([['kittens', 5]]);
echo row('Spool'), ': ', failure(), "\n";
var_dump(row('Spooled (this process)') - $spooled, row('Failed (this process)') - $failed);
?>
--EXPECT--
off
bool(true)
NULL
int(3)
int(0)
NULL
/nonexistent (cannot be used: the spool directory /nonexistent does not exist): the spool directory /nonexistent does not exist
/nonexistent/either (cannot be used: the spool directory /nonexistent/either does not exist): the spool directory /nonexistent/either does not exist
int(3)
int(2)
