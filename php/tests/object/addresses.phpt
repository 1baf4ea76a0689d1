--TEST--
Addresses are accepted with and without a prefix, and a wrong one is refused with the reason
--FILE--
<?php
// The Rust tests read the same list.
$lists = json_decode(file_get_contents(__DIR__ . '/../support/addresses.json'), true);

function refusal(string $address): ?string
{
    try {
        new Pusher($address);
        return null;
    } catch (PusherException $e) {
        return $e->getMessage();
    }
}

foreach (array_keys($lists['accepted']) as $address) {
    if (($reason = refusal($address)) !== null) {
        echo "$address: $reason\n";
    }
}
foreach ($lists['refused'] as $address => $part) {
    if (!str_contains((string) refusal($address), $part)) {
        echo "$address: ", refusal($address), "\n";
    }
}
echo count($lists['accepted']) > 0 && count($lists['refused']) > 0 ? "all\n" : "no list\n";
?>
--EXPECT--
all
