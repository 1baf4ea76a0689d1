<?php
declare(strict_types=1);

namespace PusherFallback;

/** The settings of one publish. */
final class Settings
{
    /** Every setting that the extension has, too, without `pusher.`, and its default. */
    public const DEFAULTS = [
        'address' => 'tcp://127.0.0.1:5555',
        'timeout_ms' => '250',
        'retry_ms' => '1000',
        'on_failure' => 'warning',
        'token' => '',
        'spool' => '',
        'spool_ttl' => '300',
        'ticket_key_file' => '',
        'push_url' => '',
        'ticket_domain' => '',
    ];

    /** Also the setting that only this package has: the extension contains the library. */
    private const ALL = self::DEFAULTS + ['library' => ''];

    /** The default of timeout_ms for https://. Beginning TLS takes two round trips to another machine, or three, and the request another. */
    private const TIMEOUT_MS_OF_TLS = '2000';

    /** Keys of the second argument of `new Pusher`. */
    private const OPTIONS = ['timeout_ms', 'retry_ms', 'on_failure', 'token', 'spool', 'spool_ttl'];

    /** @var array<string, string> set by pusher_configure() */
    private static array $configured = [];

    private function __construct(
        public readonly Address $address,
        public readonly int $timeoutMs,
        public readonly int $retryMs,
        public readonly string $onFailure,
        #[\SensitiveParameter] public readonly string $token,
        public readonly ?Spool $spool,
        public readonly string $library,
    ) {
    }

    /**
     * For pusher_configure(). Calls no function: the host may forbid it.
     *
     * @throws \ValueError There is no such setting.
     */
    public static function checkName(string|int $name): void
    {
        $all = '';
        foreach (self::ALL as $known => $default) {
            if ($name === $known) {
                return;
            }
            $all .= ($all === '' ? '' : ', ') . $known;
        }
        throw new \ValueError("pusher_configure(): \"$name\" is none of $all");
    }

    public static function set(string $name, #[\SensitiveParameter] string|int|null $value): void
    {
        if ($value === null) {
            unset(self::$configured[$name]);
        } else {
            self::$configured[$name] = (string) $value;
        }
    }

    /** The current value of a setting, valid or not. */
    public static function get(string $name): string
    {
        return self::given($name) ?? self::ALL[$name];
    }

    /** The value from pusher_configure() or php.ini, or null. */
    private static function given(string $name): ?string
    {
        $ofPhpIni = function_exists('get_cfg_var') ? get_cfg_var("pusher.$name") : false;
        return self::$configured[$name] ?? (is_string($ofPhpIni) ? $ofPhpIni : null);
    }

    /** Reads on_failure without calling a function, in case the host forbids one that read() needs. */
    public static function onFailureWithoutFunctions(#[\SensitiveParameter] array $options): string
    {
        $text = $options['on_failure']
            ?? self::$configured['on_failure']
            ?? (function_exists('get_cfg_var') ? get_cfg_var('pusher.on_failure') : null);
        return $text === 'exception' || $text === 'silent' ? $text : 'warning';
    }

    /**
     * Reads the given arguments, and the settings for the others.
     *
     * @throws PusherError CONFIG, with the setting's name, its value and the allowed values
     */
    public static function read(?string $address, #[\SensitiveParameter] array $options): self
    {
        $given = $options + ($address === null ? [] : ['address' => $address]);
        $token = self::parse('token', $given, self::token(...));
        $spoolDir = self::parse('spool', $given, self::spoolDir(...));
        $spoolTtl = self::parse('spool_ttl', $given, self::ttl(...));
        $parsed = self::parse('address', $given, Address::parse(...));
        $library = self::parse('library', [], self::libraryPath(...));
        if ($parsed->isHttp()) {
            self::checkHttp($parsed, $spoolDir, $library);
        }
        if ($parsed->tlsHost !== null && self::given('timeout_ms') === null) {
            $given += ['timeout_ms' => self::TIMEOUT_MS_OF_TLS];
        }
        return new self(
            $parsed,
            self::parse('timeout_ms', $given, static fn (string $text): int => self::milliseconds($text, 1, Limits::TIMEOUT_MS_MAX)),
            self::parse('retry_ms', $given, static fn (string $text): int => self::milliseconds($text, 0, Limits::RETRY_MS_MAX)),
            self::parse('on_failure', $given, self::onFailure(...)),
            $token,
            $spoolDir === '' ? null : new Spool($spoolDir, $spoolTtl, $token),
            $library,
        );
    }

    /**
     * Checks the settings that depend on an address of HTTP.
     *
     * @throws PusherError CONFIG
     */
    private static function checkHttp(Address $address, string $spoolDir, string $library): void
    {
        $missing = Http::missing($address);
        if ($missing !== null) {
            throw PusherError::config('pusher.address', "$missing, and Pusher needs it for $address");
        }
        if ($spoolDir !== '') {
            throw PusherError::config('pusher.spool', Text::quoted($spoolDir) . " can't be used together with the address $address: only pushd on this machine publishes "
                . 'the events of a spool. Set it to an empty text');
        }
        if ($library !== '') {
            throw PusherError::config('pusher.library', Text::quoted($library) . " can't be used together with the address $address: libpusher has no HTTP. "
                . 'Set it to an empty text');
        }
    }

    /** @throws PusherError CONFIG for an unknown option */
    public static function checkNames(#[\SensitiveParameter] array $options): void
    {
        foreach (array_keys($options) as $name) {
            if (!in_array($name, self::OPTIONS, true)) {
                throw PusherError::config('options', Text::quoted((string) $name) . ' is none of ' . implode(', ', self::OPTIONS));
            }
        }
    }

    private static function parse(string $name, #[\SensitiveParameter] array $given, callable $parse): mixed
    {
        $isGiven = array_key_exists($name, $given);
        try {
            $text = $isGiven ? self::text($given[$name]) : self::get($name);
            // A token is never shown.
            if ($name !== 'token' && !Text::isUtf8($text)) {
                throw new \DomainException(Text::quotedBytes($text) . ' is not valid UTF-8');
            }
            return $parse($text);
        } catch (\DomainException $wrong) {
            throw PusherError::config($isGiven ? $name : "pusher.$name", $wrong->getMessage());
        }
    }

    /** Returns an option as text, in the form of a setting. */
    private static function text(#[\SensitiveParameter] mixed $given): string
    {
        $given = Secret::reveal($given);
        if (!is_string($given) && !is_int($given)) {
            $type = is_bool($given) ? var_export($given, true) : strtolower(gettype($given));
            throw new \DomainException('must be an int or a string, not ' . ucfirst($type));
        }
        return (string) $given;
    }

    private static function milliseconds(string $text, int $min, int $max): int
    {
        if (preg_match('/\A\d+\z/', $text) !== 1 || $text < $min || $text > $max) {
            throw new \DomainException(Text::quoted($text) . " is not a number of milliseconds from $min to $max");
        }
        return (int) $text;
    }

    /** An empty text means no spool. */
    private static function spoolDir(string $text): string
    {
        if ($text !== '' && (!Path::isAbsolute($text) || str_contains($text, "\0"))) {
            throw new \DomainException(Text::quoted($text) . ' is not an absolute path, as in ' . Path::spool());
        }
        return $text;
    }

    /** An empty text means no library. A system looks for a relative path in several folders. */
    private static function libraryPath(string $text): string
    {
        if ($text !== '' && (!Path::isAbsolute($text) || str_contains($text, "\0"))) {
            throw new \DomainException(Text::quoted($text) . ' is not an absolute path, as in ' . Path::library());
        }
        return $text;
    }

    /**
     * Parses a time to live in the spool, in seconds.
     *
     * @throws \DomainException
     */
    public static function ttl(string $text): int
    {
        if (preg_match('/\A\d+\z/', $text) !== 1 || $text < 1 || $text > Limits::SPOOL_TTL_S_MAX) {
            throw new \DomainException(Text::quoted($text) . ' is not a number of seconds from 1 to ' . Limits::SPOOL_TTL_S_MAX);
        }
        return (int) $text;
    }

    private static function onFailure(string $text): string
    {
        if (!in_array($text, ['warning', 'exception', 'silent'], true)) {
            throw new \DomainException(Text::quoted($text) . ' is none of warning, exception, silent');
        }
        return $text;
    }

    /** An empty text means no token. Messages never contain the value. */
    private static function token(#[\SensitiveParameter] string $text): string
    {
        if (preg_match('/\A[\x21-\x7e]*\z/', $text) !== 1 || strlen($text) > Limits::TOKEN_LEN_MAX) {
            throw new \DomainException('a token is 1 to ' . Limits::TOKEN_LEN_MAX . ' letters, digits and signs of ASCII, without blanks');
        }
        return $text;
    }
}
