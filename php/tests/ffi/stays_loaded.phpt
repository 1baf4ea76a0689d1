--TEST--
libpusher stays loaded after the request that loaded it, so no memory is lost with each request
--SKIPIF--
<?php class_exists('FFI') || print 'skip PHP has no FFI'; ?>
--INI--
ffi.enable=1
--FILE--
<?php
require __DIR__ . '/../support/library.inc';

$isLoaded = fn () => str_contains(file_get_contents('/proc/self/maps'), library());
var_dump($isLoaded());
$library = new PusherFallback\Library(library(), PusherFallback\Address::parse('127.0.0.1:1'), '', 100);
var_dump($isLoaded());
// As at the end of a request.
unset($library);
var_dump($isLoaded());
?>
--EXPECT--
bool(false)
bool(true)
bool(true)
