<?php
declare(strict_types=1);

// A test fixture: the recipe's page, written for autobahn.js 0.8. Only the URL of that script differs.

namespace Blog;

require __DIR__ . '/../src/setup.php';

$push_url = push_url();
$websocket_url = preg_replace('/\Ahttp/i', 'ws', $push_url);
?>
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>connecting</title>
<ul id="log"></ul>
<form method="post" action="entry.php">
  <input name="category" value="kittensCategory"> <input name="title"> <input name="article"> <button>Post</button>
</form>
<script src="<?= html($push_url) ?>/autobahn.js"></script>
<script>
  var conn = new ab.Session(<?= json_encode($websocket_url, JSON_HEX_TAG) ?>,
    function () {
      conn.subscribe('kittensCategory', function (topic, data) {
        var item = document.createElement('li');
        item.textContent = 'New article published to category "' + topic + '" : ' + data.title;
        document.getElementById('log').appendChild(item);
      });
      document.title = 'open';
    },
    function () {
      document.title = 'closed';
    },
    { skipSubprotocolCheck: true }
  );
</script>
</html>
