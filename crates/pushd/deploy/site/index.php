<?php
declare(strict_types=1);

// The classes in plain PHP, from php/src of the repository: the image needs no extension.
require '/usr/local/lib/pusher/pusher.php';
pusher_configure(['address' => (string) getenv('PUSH_ADDRESS')]);

$text = trim((string) ($_POST['text'] ?? ''));
if ($text !== '') {
    Pusher::publish('messages', ['text' => $text]);
    header('Location: /', true, 303);
    exit;
}
// pushd has another port of the same host.
$host = preg_replace('/:\d+\z/', '', $_SERVER['HTTP_HOST'] ?? '127.0.0.1');
?>
<!doctype html>
<meta charset="utf-8">
<title>Messages</title>
<form method="post"><input name="text" required autofocus> <button>Send</button></form>
<ul id="messages"></ul>
<script src="http://<?= htmlspecialchars($host) ?>:8080/pusher.js"></script>
<script>
  new Pusher().subscribe('messages', message => {
    const line = document.createElement('li');
    line.textContent = message.text;
    document.querySelector('#messages').prepend(line);
  });
</script>
