--TEST--
If the spool cannot be used, the failure has both reasons
--INI--
pusher.retry_ms=0
pusher.on_failure=exception
--FILE--
<?php
require __DIR__ . '/../support/spool.inc';

function outcome(): void
{
    try {
        var_dump(Pusher::publish('kittens', 1)->spooled);
    } catch (PusherException $e) {
        $message = preg_replace(['/tcp:.*?ms/', '/pusher-spool-\w+/'], ['ADDRESS', 'SPOOL'], $e->getMessage());
        echo str_replace(sys_get_temp_dir(), '/tmp', $message), ' ', $e->getCode() === PusherException::CONNECT ? 'CONNECT' : $e->getCode(), "\n";
    }
}

nobody_listens();
$spool = new SpoolDirectory();
ini_set('pusher.spool', "$spool->path/missing");
outcome();
ini_set('pusher.spool', $spool->path);

// Full.
$file = fopen($spool->file(), 'w');
ftruncate($file, 16 * 1024 * 1024);
outcome();
ftruncate($file, 16 * 1024 * 1024 - 50);
outcome();
ftruncate($file, 0);

// Locked.
flock($file, LOCK_EX);
outcome();
flock($file, LOCK_UN);
outcome();

// Not a file.
fclose($file);
unlink($spool->file());
mkdir($spool->file());
outcome();
rmdir($spool->file());
// Nobody reads the first pipe, and nobody empties the second.
exec('mkfifo ' . escapeshellarg($spool->file()));
outcome();
$reader = fopen($spool->file(), 'r+');
outcome();
stream_set_blocking($reader, false);
var_dump(fread($reader, 1));
?>
--EXPECTF--
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool directory /tmp/SPOOL/missing does not exist%S CONNECT
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool /tmp/SPOOL/spool is full: it has 16777216 of 16777216 bytes. Is pushd running, with this directory as its spool? CONNECT
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool /tmp/SPOOL/spool is full: it has 16777166 of 16777216 bytes. Is pushd running, with this directory as its spool? CONNECT
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and another program has locked the spool /tmp/SPOOL/spool CONNECT
bool(true)
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool /tmp/SPOOL/spool is not a regular file CONNECT
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool /tmp/SPOOL/spool is not a regular file CONNECT
can't connect to ADDRESS (Connection refused (os error 111)): is pushd running, and is this where it listens for publishers?; and the spool /tmp/SPOOL/spool is not a regular file CONNECT
string(0) ""
