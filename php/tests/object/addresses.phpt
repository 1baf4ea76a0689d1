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

// The extension has no HTTP.
$isExtension = extension_loaded('pusher');
$lists['refused'] += $isExtension
    ? array_fill_keys(array_diff(array_keys($lists['accepted_in_plain_php'] + $lists['refused_in_plain_php']), ["https://a\nb"]), 'is for the classes in plain PHP only')
    : $lists['refused_in_plain_php'];
$lists['accepted'] += $isExtension ? [] : $lists['accepted_in_plain_php'];

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
