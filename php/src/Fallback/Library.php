<?php
declare(strict_types=1);

namespace PusherFallback;

use FFI;
use FFI\CData;
use PusherReceipt;

/**
 * A client of libpusher, which PHP's FFI loads: see `pusher.library` in php/README.md. It publishes single events, over a
 * connection of its own.
 *
 * Its messages and codes are those of the extension, which is built from the same source. The breaker and the spool stay in
 * PHP, so that batches and single events share them.
 */
final class Library
{
    /** Text of include/pusher.h. A test compares the two. */
    public const DECLARATIONS = <<<'C'
        typedef struct push_client push_client;
        typedef struct push_options {
          size_t struct_size;
          const char *address;
          uint64_t timeout_ms;
          uint64_t queue_bytes_max;
          const char *token;
          const char *spool_dir;
          uint64_t ttl_s;
        } push_options;
        typedef struct push_receipt {
          uint64_t sequence;
          uint64_t subscribers;
          char position[40];
          int stored;
          uint64_t nodes;
          int spooled;
        } push_receipt;
        typedef struct push_event {
          size_t struct_size;
          const char *category;
          size_t category_len;
          const char *json;
          size_t json_len;
          const char *id;
          const char *exclude;
          uint64_t ttl_s;
          uint64_t flags;
        } push_event;
        const char *push_version(void);
        const char *push_last_error(void);
        int push_client_new(const struct push_options *options, struct push_client **client);
        void push_client_free(struct push_client *client);
        int push_client_publish_event(struct push_client *client, const struct push_event *event, struct push_receipt *receipt);
        C;

    /** The versions with these declarations. While the first number is 0, the second one changes them. */
    private const VERSION = '0.1.';

    /** @var \WeakMap<self, true>|null all that PHP has not destroyed */
    private static ?\WeakMap $all = null;

    private readonly FFI $ffi;

    /** Null after the end of the page. */
    private ?CData $client = null;

    /**
     * @param string $path an absolute path
     * @throws PusherError CONFIG
     */
    public function __construct(
        private readonly string $path,
        Address $address,
        #[\SensitiveParameter] string $token,
        private readonly int $timeoutMs,
    ) {
        $this->ffi = self::load($path);
        $client = $this->ffi->new('push_client *');
        $address = $this->text((string) $address);
        $secret = $token === '' ? null : $this->text($token);
        $noSpool = $this->text('');
        $options = $this->ffi->new('push_options');
        $options->struct_size = FFI::sizeof($options);
        $options->address = $this->pointer($address);
        $options->timeout_ms = $timeoutMs;
        $options->token = $this->pointer($secret);
        $options->spool_dir = $this->pointer($noSpool);
        if ($this->ffi->push_client_new(FFI::addr($options), FFI::addr($client)) < 0) {
            throw PusherError::config('pusher.library', $this->ffi->push_last_error());
        }
        $this->client = $client;
        self::freeAtTheEnd($this);
    }

    public function __destruct()
    {
        $this->free();
    }

    /** Whether it can publish with these settings. A client's timeout cannot change. */
    public function isFor(string $path, int $timeoutMs): bool
    {
        return $this->client !== null && $this->path === $path && $this->timeoutMs === $timeoutMs;
    }

    /** Whether C can represent the event: it ends an id at the first NUL byte. */
    public static function canPublish(Event $event): bool
    {
        return $event->id === null || !str_contains($event->id, "\0");
    }

    public function publish(Event $event): PusherReceipt|PusherError
    {
        // C reads these texts during the call, so the variables must live until it returns.
        $category = $this->text($event->category);
        $json = $this->text($event->json);
        $id = $event->id === null ? null : $this->text($event->id);
        $exclude = $event->exclude === null ? null : $this->text($event->exclude);
        $given = $this->ffi->new('push_event');
        $given->struct_size = FFI::sizeof($given);
        $given->category = $this->pointer($category);
        $given->category_len = strlen($event->category);
        $given->json = $this->pointer($json);
        $given->json_len = strlen($event->json);
        $given->id = $this->pointer($id);
        $given->exclude = $this->pointer($exclude);
        $receipt = $this->ffi->new('push_receipt');
        $result = $this->ffi->push_client_publish_event($this->client, FFI::addr($given), FFI::addr($receipt));
        return $result < 0
            ? PusherError::ofLibrary($result, $this->ffi->push_last_error())
            : Receipt::ofLibrary($receipt);
    }

    /** After a fatal error, PHP calls no destructors, and a web server's process would keep the connection for ever. */
    private static function freeAtTheEnd(self $library): void
    {
        if (self::$all === null && function_exists('register_shutdown_function')) {
            register_shutdown_function(static function (): void {
                foreach (self::$all as $library => $_) {
                    $library->free();
                }
            });
        }
        self::$all ??= new \WeakMap();
        self::$all[$library] = true;
    }

    private function free(): void
    {
        if ($this->client !== null) {
            $this->ffi->push_client_free($this->client);
            $this->client = null;
        }
    }

    /** @throws PusherError CONFIG */
    private static function load(string $path): FFI
    {
        try {
            $ffi = FFI::cdef(self::DECLARATIONS, $path);
        } catch (\Error $error) {
            $reason = $error->getMessage();
            throw PusherError::config('pusher.library', "PHP's FFI can't load " . Text::quoted($path) . " ($reason): " . match (true) {
                !$error instanceof FFI\Exception => 'is extension=ffi in php.ini?',
                str_contains($reason, 'ffi.enable') => 'set ffi.enable=true in php.ini',
                default => 'is it a file with libpusher for this system?',
            });
        }
        $version = $ffi->push_version();
        if (!str_starts_with($version, self::VERSION)) {
            throw PusherError::config('pusher.library', Text::quoted($path) . " is libpusher $version, and this package needs " . self::VERSION . 'x');
        }
        return $ffi;
    }

    /** Copies a text to memory of C, with a NUL byte behind it. */
    private function text(#[\SensitiveParameter] string $text): CData
    {
        $length = strlen($text);
        $copy = $this->ffi->new('char[' . ($length + 1) . ']');
        FFI::memcpy($copy, $text, $length);
        return $copy;
    }

    /** Returns a pointer to the text, or NULL. It does not keep the text in memory. */
    private function pointer(?CData $text): ?CData
    {
        return $text === null ? null : $this->ffi->cast('char *', FFI::addr($text));
    }
}
