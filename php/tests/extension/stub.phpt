--TEST--
The stub matches the classes and settings of the extension
--FILE--
<?php
require __DIR__ . '/../support/describe.inc';
const STUB = __DIR__ . '/../../stubs/pusher.stub.php';

// The stub is loaded by a PHP without the extension, and described by the same function.
function of_the_stub(string $class): array
{
    $code = 'require $argv[1]; require $argv[2]; echo json_encode(describe($argv[3]));';
    $command = [PHP_BINARY, '-n', '-r', $code, STUB, __DIR__ . '/../support/describe.inc', $class];
    $process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
    return json_decode(stream_get_contents($pipes[1]), flags: JSON_THROW_ON_ERROR);
}

foreach ((new ReflectionExtension('pusher'))->getClassNames() as $class) {
    $extension = describe($class);
    if ($extension === of_the_stub($class)) {
        echo "$class: ", count($extension), " lines, the same\n";
    } else {
        echo "extension: ";
        print_r($extension);
        echo "stub: ";
        print_r(of_the_stub($class));
    }
}
preg_match_all('/^class (\w+)|^final class (\w+)/m', file_get_contents(STUB), $in_stub);
var_dump(count($in_stub[0]) === count((new ReflectionExtension('pusher'))->getClassNames()));
var_dump((new ReflectionExtension('pusher'))->getFunctions());

preg_match_all('/^ \*     (pusher\.\w+) = "(.*?)"/m', file_get_contents(STUB), $settings);
$documented = array_combine($settings[1], $settings[2]);
$registered = array_column(ini_get_all('pusher'), 'global_value');
$registered = array_combine(array_keys(ini_get_all('pusher')), $registered);
ksort($documented);
var_dump(count($registered), $documented === $registered);
?>
--EXPECT--
PusherException: 13 lines, the same
PusherReceipt: 8 lines, the same
Pusher: 13 lines, the same
bool(true)
array(0) {
}
int(10)
bool(true)
