--TEST--
A ticket is a JSON Web Token, signed with the first key of the file
--FILE--
<?php
require __DIR__ . '/../support/tickets.inc';

function show(string $ticket): void
{
    echo json_encode(claims($ticket), JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES), "\n";
}

$file = new KeyFile("# The key that signs:\n\n" . KeyFile::OLD . "\n" . KeyFile::NEW . "\n");
show(Pusher::ticket(['orders.42']));
show(Pusher::ticket(['orders.42', 'user.7.*'], 60, '7', ['name' => '猫 "/"', 'age' => 7]));
show(Pusher::ticket(topics: ['a' => 'x/*', 'b' => 'a:*', 'c' => 'a-*', 'd' => '/'], sub: '猫', info: [[1.5, null]], cookie: false));
show(Pusher::ticket(array_fill(0, 100, 't'), 1));
show(Pusher::ticket([str_repeat('t', 1000)], 86400, str_repeat('s', 255), ['i' => str_repeat('i', 1000)]));
$topic = 'by reference';
show(Pusher::ticket([&$topic], info: []));
$file->replace(KeyFile::OLD . "\r\n");
show(Pusher::ticket(['t']));
var_dump(strlen(Pusher::ticket([str_repeat('t', 2890)])) <= 4096);
?>
--EXPECTF--
{"exp":300,"iat":0,"topics":["orders.42"]}
{"exp":60,"iat":0,"topics":["orders.42","user.7.*"],"sub":"7","info":{"name":"猫 \"/\"","age":7}}
{"exp":300,"iat":0,"topics":["x/*","a:*","a-*","/"],"sub":"猫","info":[[1.5,null]]}
{"exp":1,"iat":0,"topics":["t",%s,"t"]}
{"exp":86400,"iat":0,"topics":["ttt%s"],"sub":"sss%s","info":{"i":"iii%s"}}
{"exp":300,"iat":0,"topics":["by reference"]}
{"exp":300,"iat":0,"topics":["t"]}
bool(true)
