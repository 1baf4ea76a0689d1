--TEST--
Absolute paths of Windows and of Unix
--FILE--
<?php
foreach (['C:\spool', 'c:/spool', '\\\\host\share', '//host/share', '/spool', '\spool', 'C:spool', 'spool', ''] as $path) {
    echo "$path:";
    foreach ([true, false] as $isWindows) {
        echo ' ', json_encode(PusherFallback\Path::isAbsolute($path, $isWindows));
    }
    echo "\n";
}
echo PusherFallback\Path::keyFile(true), "\n", PusherFallback\Path::keyFile(false), "\n";
?>
--EXPECT--
C:\spool: true false
c:/spool: true false
\\host\share: true false
//host/share: true true
/spool: false true
\spool: false false
C:spool: false false
spool: false false
: false false
C:\ProgramData\pushd\ticket.keys
/etc/pushd/ticket.keys
