--TEST--
Neither keys nor tickets are in phpinfo(), var_dump() or backtraces
--INI--
zend.exception_ignore_args=0
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';
require __DIR__ . '/../support/web.inc';

final class Spy implements JsonSerializable
{
    public static array $trace = [];

    public function jsonSerialize(): mixed
    {
        self::$trace = debug_backtrace();
        return 'spy';
    }
}

$file = new KeyFile();
$ticket = Pusher::ticket(['t'], info: [new Spy()]);
[, $key] = explode(' ', KeyFile::OLD);
ob_start();
phpinfo(INFO_GENERAL | INFO_CONFIGURATION | INFO_MODULES);
var_dump(new Pusher(), Spy::$trace);
$shown = ob_get_clean();
var_dump(str_contains($shown, $key), str_contains($shown, $ticket));

$web = new Web(['pusher.ticket_key_file' => $file->path, 'zend.exception_ignore_args' => 0]);
$page = $web->page(<<<'PHP'
    try {
        Pusher::ticket(["user.7*"]);
    } catch (PusherException $e) {
        echo $e;
    }
    $ticket = Pusher::ticket(["t"]);
    ob_start();
    debug_print_backtrace();
    var_dump(str_contains(ob_get_clean(), $ticket));
    PHP);
var_dump(str_contains($page, $key), str_contains($page, "bool(false)"));
?>
--EXPECT--
bool(false)
bool(false)
bool(false)
bool(true)
