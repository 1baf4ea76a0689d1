--TEST--
A changed key file is read again; one without keys is a mistake in the settings, and never shown
--INI--
zend.exception_ignore_args=0
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';

function signer(): string
{
    $ticket = Pusher::ticket(['t'], cookie: false);
    foreach ([KeyFile::OLD, KeyFile::NEW] as $key) {
        try {
            claims($ticket, $key);
            return strtok($key, ' ');
        } catch (RuntimeException) {
        }
    }
}

$file = new KeyFile();
echo signer(), signer(), "\n";
$file->replace(KeyFile::NEW . "\n" . KeyFile::OLD . "\n");
echo signer(), signer(), "\n";
// Another length: the times of a file are not exact enough.
file_put_contents($file->path, "# back\n" . KeyFile::OLD . "\n");
echo signer(), signer(), "\n";
$other = new KeyFile(KeyFile::NEW);
echo signer(), "\n";
ini_set('pusher.ticket_key_file', $file->path);
echo signer(), "\n";

function mistake(array $arguments = [['t']]): void
{
    global $file;
    try {
        Pusher::ticket(...$arguments);
        echo "accepted\n";
    } catch (PusherException $e) {
        echo $e->getCode(), ' ', str_replace($file->path, 'FILE', $e->getMessage()), "\n";
        $shown = print_r($e, true) . $e->getTraceAsString() . json_encode($e->getTrace());
        if (preg_match('/0123456789abcdef|s3cret/', $shown)) {
            echo "The key is shown: $shown\n";
        }
    }
}

foreach ([
    '',
    "# nothing\n\n",
    'k1 s3cret',
    '0123456789abcdef0123456789abcdef',
    KeyFile::OLD . "\nk1 s3cret with blanks 0123456789abcdef0123456789abcdef",
    KeyFile::OLD . "\n" . KeyFile::OLD,
    KeyFile::OLD . "\n" . KeyFile::NEW . "\nthird 0123456789abcdef0123456789abcdef",
    'k1 s3cret0123456789abcdef0123456789abcdef' . "\xff",
    str_repeat("# s3cret\n", 10000),
    'k.1 0123456789abcdef0123456789abcdef',
] as $text) {
    $file->replace($text);
    mistake();
}
// With a good file, the key is in no trace either.
$file->replace(KeyFile::OLD);
mistake([[str_repeat('t', 3000)]]);
mistake([['*']]);
unlink($file->path);
mistake();
mkdir($file->path);
mistake();
rmdir($file->path);
shell_exec('mkfifo ' . escapeshellarg($file->path));
mistake();
foreach (['keys', "/keys\xff", "/no/\n/keys"] as $path) {
    ini_set('pusher.ticket_key_file', $path);
    mistake();
}
?>
--EXPECT--
oldold
newnew
oldold
new
old
-5 pusher.ticket_key_file: FILE: the file has no key: create one with `pusherd ticket rotate`
-5 pusher.ticket_key_file: FILE: the file has no key: create one with `pusherd ticket rotate`
-5 pusher.ticket_key_file: FILE: line 1 is not `ID KEY`: an id of 1 to 32 letters, digits, _ and -, a blank, and a key of 32 to 256 visible ASCII characters
-5 pusher.ticket_key_file: FILE: line 1 is not `ID KEY`: an id of 1 to 32 letters, digits, _ and -, a blank, and a key of 32 to 256 visible ASCII characters
-5 pusher.ticket_key_file: FILE: line 2 is not `ID KEY`: an id of 1 to 32 letters, digits, _ and -, a blank, and a key of 32 to 256 visible ASCII characters
-5 pusher.ticket_key_file: FILE: line 2 has the id of an earlier key
-5 pusher.ticket_key_file: FILE: the file has more than 2 keys
-5 pusher.ticket_key_file: FILE: it is not text in UTF-8
-5 pusher.ticket_key_file: FILE: it is longer than 65536 bytes
-5 pusher.ticket_key_file: FILE: line 1 is not `ID KEY`: an id of 1 to 32 letters, digits, _ and -, a blank, and a key of 32 to 256 visible ASCII characters
-4 no ticket was signed: the ticket is 4147 bytes long, at most 4096 are allowed: it has fewer topics with a pattern, such as user.7.*
-2 no ticket was signed: "*" is no topic for a ticket: a * may only be its last character, behind . / : or -
-5 pusher.ticket_key_file: FILE: it does not exist: `pusherd ticket rotate FILE` creates it, and pushd reads it as ticket-key-file
-5 pusher.ticket_key_file: FILE: it is not a file
-5 pusher.ticket_key_file: FILE: it is not a file
-5 pusher.ticket_key_file: "keys" is not an absolute path, as in /etc/pushd/ticket.keys
-5 pusher.ticket_key_file: "/keys\xff" is not valid UTF-8
-5 pusher.ticket_key_file: "/no/\n/keys" is not an absolute path, as in /etc/pushd/ticket.keys
