--TEST--
If a host forbids functions, a ticket is a CONFIG error or has no cookie, and publishing goes on
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';

const PAGE = <<<'PHP'
    require getenv('SOURCE') . '/pusher.php';
    pusher_configure(['ticket_key_file' => getenv('KEYS'), 'on_failure' => 'silent', 'address' => 'unix:/nowhere']);
    try {
        echo strlen(Pusher::ticket(['orders.42'])) > 100 ? 'signed' : 'odd';
    } catch (PusherException $e) {
        echo $e->getCode(), ' ', $e->getMessage();
    }
    echo Pusher::revoke('7') ?? ', not revoked';
    PHP;

function page(string $forbidden, KeyFile $file): string
{
    $environment = ['SOURCE' => __DIR__ . '/../../src', 'KEYS' => $file->path];
    $command = [PHP_BINARY, '-n', '-d', "disable_functions=$forbidden", '-r', PAGE];
    $process = proc_open($command, [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes, null, $environment);
    return stream_get_contents($pipes[1]);
}

$file = new KeyFile();
foreach ([...(new ReflectionClassConstant('PusherFallback\Tickets', 'NEEDED'))->getValue(), ...PusherFallback\KeyFile::NEEDED] as $function) {
    $expected = "-5 PHP's $function() is missing here (see disable_functions in php.ini), and Pusher needs it, not revoked";
    $printed = page($function, $file);
    if ($printed !== $expected) {
        echo "Without $function: $printed\n";
    }
}
echo page('header,headers_list,header_remove,headers_sent,stripos,set_error_handler,spl_autoload_register', $file), "\n";
echo page('fread', $file), "\n";
?>
--EXPECT--
signed, not revoked
-5 PHP's fread() is missing here (see disable_functions in php.ini), and Pusher needs it, not revoked
