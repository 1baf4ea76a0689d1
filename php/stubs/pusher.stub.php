<?php

/**
 * The PHP extension "pusher": push an event to every browser that is looking.
 *
 * This file is for people and their editors; PHP never loads it. A test holds it against the
 * extension.
 *
 * Settings (php.ini, Apache's php_value, FPM's php_value, ini_set):
 *
 *     pusher.address = "tcp://127.0.0.1:5555"  where pushd listens for publishers:
 *                                              host:port, tcp://host:port or unix:/path
 *     pusher.timeout_ms = "250"                how long a publish may take, connecting included:
 *                                              1 to 600000
 *     pusher.retry_ms = "1000"                 after a publish that failed and took half of its
 *                                              timeout or more, the next ones to this address fail
 *                                              at once for so long: 0 to 3600000
 *     pusher.on_failure = "warning"            what becomes of a publish that fails through no
 *                                              fault of the caller's: warning, exception, silent
 *     pusher.token = ""                        the secret that a pushd with --publish-token wants to
 *                                              be shown: 1 to 1024 letters, digits and signs of
 *                                              ASCII; none if it is empty. phpinfo() does not show
 *                                              it, but ini_get() gives it to whatever code runs
 */

/**
 * Publishes to pushd.
 *
 * The first publish to an address opens a connection, which stays for the next one, also for that
 * of a later request in the same process. A child of pcntl_fork() opens its own.
 */
final class Pusher
{
    private readonly ?string $address;
    private readonly array $options;

    /**
     * For a pushd other than that of php.ini, or other settings for some publishes:
     *
     *     $pusher = new Pusher('tcp://10.0.0.7:5555', ['timeout_ms' => 100, 'on_failure' => 'exception']);
     *     $receipt = $pusher->send('kittensCategory', $entry);
     *
     * It opens nothing. Connections belong to the process: an object that is made anew in every
     * request publishes over the same one.
     *
     * @param string|null $address As pusher.address; null for just that, as it is when something is
     *     sent.
     * @param array{timeout_ms?: int, retry_ms?: int, on_failure?: 'warning'|'exception'|'silent', token?: string} $options
     *     In place of the settings of the same name; those not given count as they are when something
     *     is sent. The token is not shown by var_dump() and its like, nor in stack traces.
     * @throws PusherException There is no such option, or its value or the address can't be understood
     *     (CONFIG).
     */
    public function __construct(?string $address = null, #[\SensitiveParameter] array $options = []) {}

    /**
     * As Pusher::publish(), with the settings of this object. (publish() has those of php.ini,
     * however it is called: PHP lets a static method be called on an object too.)
     *
     * @throws PusherException
     */
    public function send(string $category, mixed $data, ?string $id = null): ?PusherReceipt {}

    /**
     * Sends many events together: in one write, and with pusher.timeout_ms for all of them.
     *
     *     $receipts = (new Pusher())->sendMany([
     *         ['kittensCategory', $kitten],
     *         ['puppiesCategory', $puppy, "entry-$puppy->id"],
     *     ]);
     *
     * They are published in this order. One that pushd refuses does not keep the others back. If
     * events have no receipt, you get null for them, and one warning that says how many of how many
     * there are and why the first has none; with pusher.on_failure = exception a PusherException
     * instead, and no receipts. (There is no static sendMany: new Pusher() without arguments costs
     * nothing and has the settings of php.ini.)
     *
     * @param array<array{0: string, 1: mixed, 2?: ?string}> $events Category and data, and perhaps an
     *     id, of each: as for publish(), and whatever strict_types says also as an int or an object that
     *     is Stringable. At most 1000, and all together at most 4 MiB as JSON.
     * @return array<?PusherReceipt> With the keys of $events.
     * @throws PusherException As publish() throws. A mistake in one event keeps all from being sent;
     *     the message begins with its key. More than 1000 events or 4 MiB are too big (TOO_BIG).
     * @throws TypeError An element is not such an array. Nothing was sent.
     * @throws Throwable Whatever a jsonSerialize() in the data throws. Nothing was sent.
     */
    public function sendMany(array $events): array {}

    /**
     * Sends $data to every browser that is subscribed to $category, and waits until pushd says to
     * how many. It never waits longer than pusher.timeout_ms. (But a host name other than localhost
     * is looked up by the system, which may take seconds: better have an IP address in pusher.address.)
     *
     *     $receipt = Pusher::publish('kittensCategory', ['title' => $title, 'when' => time()]);
     *
     * If pushd can't be reached or does not answer in time, the page goes on: you get null and a
     * warning that says what happened, where, after what time and what to check. With
     * pusher.on_failure = exception you get a PusherException instead, with silent just the null.
     * A mistake in the call or in the settings throws in any case.
     *
     * @param string $category The topic that browsers subscribe to: 1 to 1024 bytes of UTF-8.
     * @param mixed $data Anything that json_encode() takes, and as it would encode it
     *     (JsonSerializable, public properties, UTF-8 only), nested up to 125 levels and up to
     *     3 MiB as JSON. The flags are JSON_UNESCAPED_UNICODE and JSON_UNESCAPED_SLASHES; no
     *     browser sees a difference.
     * @param string|null $id A name for this event, 1 to 255 bytes of UTF-8: for 5 minutes pushd sends
     *     nothing more to the same category with the same id, and answers with the first receipt
     *     (as long as it isn't restarted). So what got no answer may be published again, and a form
     *     that is posted twice shows its entry once.
     * @return PusherReceipt|null What pushd says, or null if it could not be published (with
     *     PusherException::TIMEOUT, CLOSED and PROTOCOL: if nobody knows whether it was).
     * @throws PusherException The data can't be encoded (JSON) or is too big (TOO_BIG), the category
     *     or the id is empty, too long or not UTF-8 (TOPIC, ID), or a setting can't be understood
     *     (CONFIG). With
     *     pusher.on_failure = exception also if the event could not be published.
     * @throws Throwable Whatever a jsonSerialize() in $data throws.
     */
    public static function publish(string $category, mixed $data, ?string $id = null): ?PusherReceipt {}

    /**
     * Publishes when the page is done, so that the visitor does not wait for it: the event is encoded
     * at once, and sent when the script has ended, be it by exit() or a fatal error. All that a page
     * has deferred goes together, in order, with one pusher.timeout_ms, and with the settings of
     * php.ini (and of ini_set()) as they are then.
     *
     * Before it is sent the session is closed, and the response goes out: in FPM completely, as by
     * fastcgi_finish_request(). Other servers are told to send what there is; under Apache's mod_php
     * the page is there, but the connection is busy until all is sent.
     *
     * FPM ends its workers at once when it is reloaded or stopped, in the middle of a page as well, unless its setting
     * process_control_timeout lets them finish: without it, what was not sent by then is lost. What must not be lost is
     * published before the response, by publish().
     *
     * There is no receipt. A failure is a warning that says how many of how many events have none
     * (nothing, if pusher.on_failure = silent); at that time nobody could catch an exception.
     *
     * Up to 1000 events and 4 MiB of JSON wait. If there are more, what waits is sent at once, and
     * defer() takes so long: a script that runs for ever should publish() instead. A child of
     * pcntl_fork() does not send what its parent deferred.
     *
     * @throws PusherException A mistake in the call or in the settings, as publish() throws it.
     * @throws Throwable Whatever a jsonSerialize() in $data throws.
     */
    public static function defer(string $category, mixed $data, ?string $id = null): void {}
}

/**
 * What pushd says to a publish that it has accepted. If there is none, it has not, or nobody knows.
 */
final class PusherReceipt
{
    /** How many browsers the event was queued to. */
    public readonly int $subscribers;

    /**
     * The event's number in its category. As long as pushd runs it only grows, though not always
     * by one: an event with a greater number comes later in every browser.
     */
    public readonly int $sequence;

    private function __construct() {}
}

/**
 * A publish failed, or can't succeed: the message says what happened and what to do about it,
 * getCode() is one of the constants.
 */
class PusherException extends RuntimeException
{
    /** The id is empty, longer than 255 bytes or not UTF-8. Nothing was published. */
    public const ID = -1;

    /** The category is empty, longer than 1024 bytes or not UTF-8. Nothing was published. */
    public const TOPIC = -2;

    /** The data can't be encoded as JSON, or is nested too deep. Nothing was sent. */
    public const JSON = -3;

    /** The data is more than pushd takes (3 MiB). Nothing was published. */
    public const TOO_BIG = -4;

    /**
     * One of the pusher.* settings can't be understood. Nothing was sent. Without the extension also: the host forbids a
     * function of PHP that publishing needs (disable_functions). That is a failure of the publish, as those below.
     */
    public const CONFIG = -5;

    /** No connection: is pushd running, and is the address right? Nothing was sent. */
    public const CONNECT = -6;

    /** The time is up. The message says whether the event may have been published. */
    public const TIMEOUT = -7;

    /** The connection was lost before the answer: nobody knows whether the event was published. */
    public const CLOSED = -8;

    /** What answers there is not pushd. */
    public const PROTOCOL = -9;

    /** pushd refuses; the same call would be refused again. Nothing was published. */
    public const REFUSED = -10;

    /** pushd has no room for the event now, or is about to end. Nothing was published. */
    public const BUSY = -11;
}
