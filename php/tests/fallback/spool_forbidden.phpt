--TEST--
A host that forbids what the spool needs gets the failure of the publish, with the reason
--FILE--
<?php
require __DIR__ . '/../support/spool.inc';

nobody_listens();
$spool = new SpoolDirectory();
$source = dirname(__DIR__, 2) . '/src';

function page(string $setting): void
{
    global $spool, $source;
    $settings = [$setting, 'display_errors=0', "pusher.spool=$spool->path", 'pusher.address=' . ini_get('pusher.address'), 'pusher.on_failure=exception'];
    $command = [PHP_BINARY, '-n'];
    foreach ($settings as $value) {
        array_push($command, '-d', $value);
    }
    $code = "require '$source/pusher.php';" . <<<'PHP'
        try {
            var_dump(Pusher::publish('kittens', 1)->spooled);
        } catch (PusherException $e) {
            echo preg_replace(['/.*; and /', '/pusher-spool-\w+/'], ['', 'SPOOL'], $e->getMessage()), "\n";
        }
        PHP;
    $process = proc_open([...$command, '-r', $code], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes);
    echo str_replace(sys_get_temp_dir(), '/tmp', stream_get_contents($pipes[1]));
}

page('disable_functions=');
foreach ((new ReflectionClassConstant('PusherFallback\Spool', 'NEEDED'))->getValue() as $function) {
    page("disable_functions=$function");
}
page('disable_functions=usleep,set_error_handler');
page("open_basedir=$source");
echo $spool->events(), "\n";
?>
--EXPECT--
bool(true)
PHP's bin2hex() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's chmod() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's clearstatcache() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's crc32() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's flock() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's fopen() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's fseek() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's fstat() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's is_dir() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's microtime() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's random_bytes() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's stat() is missing here (see disable_functions in php.ini), and the spool needs it
PHP's stream_get_contents() is missing here (see disable_functions in php.ini), and the spool needs it
bool(true)
PHP may not write to the spool /tmp/SPOOL/spool (see open_basedir in php.ini)
[1,1]
