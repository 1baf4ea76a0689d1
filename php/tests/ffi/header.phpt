--TEST--
The declarations for FFI are those of the C header
--FILE--
<?php
function words(string $c): string
{
    $c = preg_replace(['~/\*.*?\*/~s', '/\bstruct (?=push_\w+ [*])/'], ' ', $c);
    return preg_replace(['/\s+/', '/ ?([(){};,*]) ?/'], [' ', '$1'], $c);
}

$headers = glob(__DIR__ . '/../../{,../}include/pusher.h', GLOB_BRACE);
$header = file_get_contents($headers[0]);
preg_match_all('/^#define (PUSH_\w+) (\d+)$/m', $header, $constants);
$constants = array_combine($constants[1], $constants[2]);
$header = words(strtr($header, $constants));
$declarations = preg_split('/(?<=;)\n(?=[a-z])/', PusherFallback\Library::DECLARATIONS);
foreach ($declarations as $declaration) {
    if (!str_contains($header, words($declaration))) {
        echo "not in the header: $declaration\n";
    }
}
echo count($declarations), " declarations\n";
$version = "{$constants['PUSH_VERSION_MAJOR']}.{$constants['PUSH_VERSION_MINOR']}.";
var_dump((new ReflectionClassConstant(PusherFallback\Library::class, 'VERSION'))->getValue() === $version);
?>
--EXPECT--
9 declarations
bool(true)
