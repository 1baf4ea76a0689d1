<?php

/**
 * The PHP extension "pusher": sends events to browsers through pushd.
 *
 * This file is documentation, also for editors; PHP never loads it. A test compares it with the
 * extension.
 *
 * A category is the topic that browsers subscribe to.
 *
 * Settings (php.ini, Apache's php_value, FPM's php_value, ini_set):
 *
 *     pusher.address = "tcp://127.0.0.1:5555"  the address of pushd's port 5555:
 *                                              host:port, tcp://host:port or unix:/path. The classes
 *                                              in plain PHP also accept https://host/path
 *     pusher.timeout_ms = "250"                longest time of a publish, connecting included:
 *                                              1 to 600000. With https:// the default is 2000
 *     pusher.retry_ms = "1000"                 after a publish failed and took half of its timeout
 *                                              or more, publishes to this address fail at once for
 *                                              this time: 0 to 3600000
 *     pusher.on_failure = "warning"            the result of a failed publish, unless the caller
 *                                              made a mistake: warning, exception, silent
 *     pusher.token = ""                        the token that a pushd with --publish-token requires:
 *                                              1 to 1024 letters, digits and signs of ASCII. Empty:
 *                                              no token. phpinfo() does not show it, but any code
 *                                              can read it with ini_get()
 *     pusher.spool = ""                        directory of the spool, /var/spool/pushd for example.
 *                                              An event that pushd cannot accept now is written
 *                                              there, and it is published later. Empty: such a
 *                                              publish fails
 *     pusher.spool_ttl = "300"                 how long an event may wait in the spool, in seconds:
 *                                              1 to 86400. pushd does not publish an older one
 *     pusher.ticket_key_file = ""              the file with the keys of tickets, which pushd reads
 *                                              as ticket-key-file. Empty: /etc/pushd/ticket.keys
 *     pusher.push_url = ""                     where browsers connect, for the cookie of tickets:
 *                                              wss://push.example.com/push, or /push for the page's
 *                                              host. Empty: the page's host, every path
 *     pusher.ticket_domain = ""                domain of that cookie, if the host in push_url is not
 *                                              the page's: example.com for the pages of
 *                                              www.example.com. Empty: pages of another host set no
 *                                              cookie
 */

/**
 * Publishes to pushd.
 *
 * The first publish to an address opens a connection, which later publishes use, also in later
 * requests of the same process. A child of pcntl_fork() opens its own.
 */
final class Pusher
{
    private readonly ?string $address;
    private readonly array $options;

    /**
     * Makes an object with its own address or settings, in place of those of php.ini:
     *
     *     $pusher = new Pusher('tcp://10.0.0.7:5555', ['timeout_ms' => 100, 'on_failure' => 'exception']);
     *     $receipt = $pusher->send('kittensCategory', $entry);
     *
     * It opens nothing. Connections belong to the process, so objects of later requests use the same
     * connection.
     *
     * @param string|null $address An address in the form of pusher.address. Null: the value of
     *     pusher.address at each publish.
     * @param array{timeout_ms?: int, retry_ms?: int, on_failure?: 'warning'|'exception'|'silent', token?: string, spool?: string, spool_ttl?: int} $options
     *     They replace the settings of the same name. For the others the settings at each publish are
     *     used. The token is hidden from var_dump(), similar functions and stack traces.
     * @throws PusherException An option is unknown, or its value or the address is invalid (CONFIG).
     */
    public function __construct(?string $address = null, #[\SensitiveParameter] array $options = []) {}

    /**
     * As Pusher::publish(), with the settings of this object. (publish() is static: even if you call it on
     * an object, it uses the settings of php.ini.)
     *
     * @throws PusherException
     */
    public function send(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): ?PusherReceipt {}

    /**
     * Publishes many events together: in one write, with one pusher.timeout_ms.
     *
     *     $receipts = (new Pusher())->sendMany([
     *         ['kittensCategory', $kitten],
     *         ['puppiesCategory', $puppy, "entry-$puppy->id"],
     *         ['weather', $weather, 'latest' => true, 'ttl' => 60],
     *     ]);
     *
     * They are published in this order. If pushd refuses one, the others are published all the same. An
     * event without a receipt is null in the result, and one warning has the number of these events and
     * the error of the first. With pusher.on_failure = exception, a PusherException replaces the warning
     * and the result. (There is no static sendMany(): new Pusher() costs nothing and has the settings of
     * php.ini.)
     *
     * @param array<array{0: string, 1: mixed, 2?: ?string, latest?: bool, ttl?: ?int, exclude?: ?string}> $events The category,
     *     the data and optionally the id, latest, ttl and exclude of each event, as for publish(). Category, id and
     *     exclude may also be an int or a Stringable object, even under strict_types. At most 1000 events, and
     *     4 MiB as JSON together.
     * @return array<?PusherReceipt> With the keys of $events.
     * @throws PusherException As publish() does. If one event has a mistake, none is sent; the message
     *     begins with its key. More than 1000 events or 4 MiB are too big (TOO_BIG).
     * @throws TypeError An element is not such an array. Nothing was sent.
     * @throws Throwable An exception of a jsonSerialize() in the data. Nothing was sent.
     */
    public function sendMany(array $events): array {}

    /**
     * Sends $data to every browser that is subscribed to $category, and waits for pushd's receipt. It
     * never waits longer than pusher.timeout_ms. (Exception: the system looks up a host name other than
     * localhost, which may take seconds. Use an IP address in pusher.address.)
     *
     *     $receipt = Pusher::publish('kittensCategory', ['title' => $title, 'when' => time()]);
     *
     * If pushd cannot be reached or does not answer in time, the page goes on: the result is null, and a
     * warning names the reason, the address, the time spent and the next thing to check. With
     * pusher.on_failure = exception a PusherException is thrown instead; with silent there is no
     * warning. A mistake in the call or in the settings always throws.
     *
     * With pusher.spool, an event that pushd cannot accept now is no failure: it waits in the spool, and the
     * property spooled of the receipt is true. Events of one process keep their order: until pushd has published
     * its earlier events, later ones wait in the spool, too.
     *
     * @param string $category The topic that browsers subscribe to: 1 to 1024 bytes of UTF-8.
     * @param mixed $data Data for json_encode() (JsonSerializable, public properties, UTF-8 only), at most
     *     125 levels deep and 3 MiB long as JSON. The flags are JSON_UNESCAPED_UNICODE and
     *     JSON_UNESCAPED_SLASHES; browsers decode the same values.
     * @param string|null $id A name for this event, 1 to 255 bytes of UTF-8. For 5 minutes (unless it is
     *     restarted) pushd answers another publish with the same category and id with the first
     *     receipt, and sends nothing. So after a lost answer you can publish again, and a form that is
     *     posted twice shows its entry once.
     * @param bool $latest Whether only the latest event of this category matters. If several of them wait in the
     *     spool, only the last one is published.
     * @param int|null $ttl How long this event may wait in the spool, in seconds: 1 to 86400. Null:
     *     pusher.spool_ttl.
     * @param string|null $exclude The session of the page that caused the event, which does not get it: sessionId
     *     of pusher.js, socket_id of Pusher Channels, or the number of a WAMP v2 session. A page has another
     *     session after each reconnect, and can then get the event among those that it missed. Null: every
     *     page gets the event. A pushd that is too old for this refuses the event (REFUSED).
     * @return PusherReceipt|null pushd's receipt, or null if the publish failed. (After TIMEOUT, CLOSED,
     *     PROTOCOL and UNAVAILABLE the event may have been published.)
     * @throws PusherException The data cannot be encoded (JSON) or is too large (TOO_BIG), the category
     *     or the id is empty, too long or not UTF-8 (TOPIC, ID), $exclude is no session (ID), or a setting is
     *     invalid (CONFIG). With pusher.on_failure = exception also if the publish failed.
     * @throws Throwable An exception of a jsonSerialize() in $data.
     */
    public static function publish(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): ?PusherReceipt {}

    /**
     * Publishes after the page, so that the visitor does not wait for it. The event is encoded at once,
     * and sent at the end of the script, also after exit() or a fatal error. All deferred events of a
     * page are sent together, in order, with one pusher.timeout_ms, and with the settings of php.ini (and
     * ini_set()) at that time.
     *
     * Before the events are sent, the session is closed and the response goes out. FPM finishes the
     * response, as fastcgi_finish_request() does. Other servers flush their output: under Apache's mod_php
     * the browser has the page, but its connection is busy until the events are sent.
     *
     * A reload or stop of FPM ends its workers at once, even in the middle of a page, unless
     * process_control_timeout lets them finish. Unsent events are then lost. Use publish() for events
     * that must not be lost.
     *
     * There is no receipt. A failure is a warning with the number of events that have no receipt, or
     * nothing with pusher.on_failure = silent. It is never an exception, because the page's code has
     * ended and cannot catch one.
     *
     * The queue holds 1000 events and 4 MiB of JSON. If it is full, defer() sends it at once and takes
     * that long: a script that never ends should use publish(). A child of pcntl_fork() does not send
     * the events that its parent deferred.
     *
     * @throws PusherException A mistake in the call or in the settings, as for publish().
     * @throws Throwable An exception of a jsonSerialize() in $data.
     */
    public static function defer(string $category, mixed $data, ?string $id = null, bool $latest = false, ?int $ttl = null, ?string $exclude = null): void {}

    /**
     * The present position of pushd's log: a place that pages can name. Ask for it *before* you read the data for
     * a page, and give it to the page:
     *
     *     $since = Pusher::position();
     *     $entries = $database->query('SELECT ...');
     *
     * The page subscribes with it (the option since of pusher.js), and gets every event that was published
     * between this call and its connection.
     *
     * It never waits longer than pusher.timeout_ms. It fails as publish() does: if pushd cannot be reached, or is
     * too old for positions, the result is null with a warning, and the page goes on. A page without a position
     * subscribes without since.
     *
     * @return string|null 16 hexadecimal digits, a hyphen and a number: up to 33 characters that need no escapes in
     *     HTML, JavaScript and URLs. Null if the call failed.
     * @throws PusherException A setting is invalid (CONFIG). With pusher.on_failure = exception also if the
     *     call failed.
     */
    public static function position(): ?string {}

    /**
     * As Pusher::position(), with the settings of this object. (position() is static: even if you call it on an
     * object, it uses the settings of php.ini.)
     *
     * @throws PusherException
     */
    public function currentPosition(): ?string {}

    /**
     * Signs a ticket for a user of the site. The user's browser sends the ticket to pushd, and may then subscribe to the
     * private topics that the ticket names. Signing needs no connection to pushd:
     *
     *     session_start();
     *     if (isset($_SESSION['user'])) {
     *         Pusher::ticket(["user.$_SESSION[user].*", 'members'], sub: (string) $_SESSION['user']);
     *     }
     *
     * It also sets the ticket as the cookie pushd_ticket, with which browsers subscribe without any code in the
     * page. Call it before the first output: if the headers are sent, it warns and sets no cookie. The cookie is
     * HttpOnly and SameSite=Lax, and ends with the ticket. It is Secure if the page or pusher.push_url is
     * (https, wss), and has the path of pusher.push_url. A second call in the same page replaces it. If the host
     * in pusher.push_url is not the page's, it needs pusher.ticket_domain.
     *
     * Without the cookie, give the ticket to the page: new Pusher(url, {ticket: ...}). Pages with a ticket
     * must not be in a cache that several users share.
     *
     * @param array<string> $topics 1 to 100 topics, and patterns with a * at the end, directly behind . / : or -,
     *     as in user.7.*
     * @param int $ttl Seconds until the ticket ends: 1 to 86400. The user's private subscriptions end with it,
     *     unless pusher.js has got another one.
     * @param string|null $sub The user, 1 to 255 bytes of UTF-8. Others see it where there is presence. Null:
     *     the ticket cannot be revoked, and its user is not present.
     * @param array $info Data about the user that presence() reports beside $sub, for json_encode(): at most
     *     2048 bytes. Empty: none.
     * @param bool $cookie Whether to set the cookie. Scripts on the command line never set it, and never warn.
     * @return string A JSON Web Token, at most 4096 bytes of ASCII. Treat it as a password.
     * @throws PusherException The topics (TOPIC), $sub (ID) or $info (JSON) are not allowed, the ticket would be
     *     too long (TOO_BIG), $ttl or a setting is invalid, or the key file cannot be read (CONFIG).
     * @throws TypeError A topic is not a string.
     * @throws Throwable An exception of a jsonSerialize() in $info.
     */
    public static function ticket(array $topics, int $ttl = 300, ?string $sub = null, array $info = [], bool $cookie = true): string {}

    /**
     * Ends all tickets of a user that were signed up to now, and the private subscriptions of the user's
     * browsers, on all servers that share the log. Call it when the user has logged out and the session has
     * ended, or when the user may no longer read a topic.
     *
     * It uses the clock of this machine. It never waits longer than pusher.timeout_ms, and fails as
     * position() does: the tickets are then valid until they end.
     *
     * @param string $sub The user, as in the tickets.
     * @return int|null Number of sessions at the answering server that lost their ticket. Null if the call
     *     failed.
     * @throws PusherException $sub is empty, too long or not UTF-8 (ID), or a setting is invalid (CONFIG). With
     *     pusher.on_failure = exception also if the call failed.
     */
    public static function revoke(string $sub): ?int {}

    /**
     * Asks for the members of a topic: its subscribers with a ticket that has a sub, each user once. pushd must
     * have presence for the topic.
     *
     *     ['count' => 2, 'members' => [['sub' => '7', 'info' => ['name' => 'Ann']], ['sub' => '9']]]
     *
     * The count is that of all members, on all servers that share the log. The list has the first 100. A
     * member without info has no such key. It fails as position() does.
     *
     * @return array{count: int, members: list<array{sub: string, info?: mixed}>}|null Null if the call failed.
     * @throws PusherException The topic is empty, too long or not UTF-8 (TOPIC), or a setting is invalid
     *     (CONFIG). With pusher.on_failure = exception also if the call failed: REFUSED if the topic has no
     *     presence.
     */
    public static function presence(string $topic): ?array {}
}

/**
 * pushd's answer to an accepted publish. Without a receipt the event was not published, or may have been.
 */
final class PusherReceipt
{
    /**
     * Number of browsers that the event was queued to. If several servers share the log: exact for the browsers at
     * this server, plus the counts of the other servers, which are up to 2 seconds old.
     */
    public readonly int $subscribers;

    /**
     * Number of the event in pushd's log, which has the events of all categories. While pushd runs it
     * only grows: browsers receive an event with a greater number later.
     */
    public readonly int $sequence;

    /**
     * The place behind the event in pushd's log. A page that subscribes with it as since misses only later
     * events. Null if pushd is too old for positions.
     */
    public readonly ?string $position;

    /**
     * How safely pushd keeps the event for browsers that come back: "no" (the category has no history), "memory",
     * "written" (to a file, without fsync) or "synced" (after fsync). If several servers share the log, in Redis:
     * "memory", because a restart of Redis begins another log.
     */
    public readonly string $stored;

    /** Number of servers that share the log, this one included. Null if pushd has a log of its own. */
    public readonly ?int $nodes;

    /**
     * Whether the event waits in the spool: pushd could not accept it now, and publishes it later. Then $subscribers
     * and $sequence are 0, $position is null and $stored is "no".
     */
    public readonly bool $spooled;

    private function __construct() {}
}

/**
 * A call failed. The message has the reason and the next thing to check. getCode() is one of the
 * constants.
 */
class PusherException extends RuntimeException
{
    /**
     * The id or the sub is empty, longer than 255 bytes or not UTF-8, or what to exclude is no session. Nothing was
     * published.
     */
    public const ID = -1;

    /**
     * The category is empty, longer than 1024 bytes or not UTF-8, or a ticket cannot have these topics. Nothing
     * was published.
     */
    public const TOPIC = -2;

    /**
     * The data cannot be encoded as JSON, or is nested too deeply, or the info of a ticket is too long. Nothing
     * was sent.
     */
    public const JSON = -3;

    /**
     * The data is longer than pushd accepts (3 MiB), or a ticket would be longer than 4096 bytes. Nothing was
     * published.
     */
    public const TOO_BIG = -4;

    /**
     * One of the pusher.* settings is invalid, or the keys of tickets cannot be read. Nothing was sent. Without the extension also: the host
     * forbids a function that publishing needs (disable_functions). pusher.on_failure applies to that, as
     * to the codes below.
     */
    public const CONFIG = -5;

    /** No connection: is pushd running, and is the address right? Nothing was sent. */
    public const CONNECT = -6;

    /** Timeout. The message says whether the event may have been published. */
    public const TIMEOUT = -7;

    /** The connection was lost before the answer. The event may or may not have been published. */
    public const CLOSED = -8;

    /** The answer is not valid in pushd's protocol: another program listens at the address. */
    public const PROTOCOL = -9;

    /**
     * pushd refused the event, is too old for the request, or has no presence for the topic. The same call would
     * be refused again. Nothing was published.
     */
    public const REFUSED = -10;

    /** pushd has no room for the event now, or is shutting down. Nothing was published. */
    public const BUSY = -11;

    /**
     * The log that pushd shares with others, in Redis, cannot be reached. The event may or may not have been
     * published: publish it again later, with the same id.
     */
    public const UNAVAILABLE = -16;
}
