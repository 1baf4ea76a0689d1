--TEST--
The classes match the stub, and behave like the extension's in PHP code
--FILE--
<?php
require __DIR__ . '/../support/describe.inc';
const STUB = __DIR__ . '/../../stubs/pusher.stub.php';

// The stub is loaded by a PHP without the fallback, and described by the same function.
function of_the_stub(string $class): array
{
    $code = 'require $argv[1]; require $argv[2]; echo json_encode(describe($argv[3]));';
    $command = [PHP_BINARY, '-n', '-r', $code, STUB, __DIR__ . '/../support/describe.inc', $class];
    $process = proc_open($command, [1 => ['pipe', 'w']], $pipes);
    return json_decode(stream_get_contents($pipes[1]), flags: JSON_THROW_ON_ERROR);
}

foreach (['PusherException', 'PusherReceipt', 'Pusher'] as $class) {
    $stub = of_the_stub($class);
    $fallback = describe($class);
    echo "$class: ", count(array_intersect($fallback, $stub)) === count($stub) ? 'all of the stub' : print_r(array_diff($stub, $fallback), true), "\n";
    echo implode("\n", array_diff($fallback, $stub)), "\n";
}

preg_match_all('/^ \*     pusher\.(\w+) = "(.*?)"/m', file_get_contents(STUB), $settings);
var_dump(array_combine($settings[1], $settings[2]) == PusherFallback\Settings::DEFAULTS);

// Class names have no case.
var_dump(is_a('pusherException', 'RUNTIMEEXCEPTION', true), (new pusher())::class);
?>
--EXPECT--
PusherException: all of the stub

PusherReceipt: all of the stub
public function __set(string $name, mixed $value): void
Pusher: all of the stub
public function __serialize(): array
public function __set(string $name, mixed $value): void
public function __unserialize(array $data): void
bool(true)
bool(true)
string(6) "Pusher"
