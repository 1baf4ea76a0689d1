<?php
declare(strict_types=1);

namespace PusherFallback;

/**
 * Keeps a pushd that hangs from costing every page the whole timeout.
 *
 * A publish that failed after at least half of its timeout opens the breaker: for `pusher.retry_ms` the next ones fail
 * at once. A fast failure does not open it, because trying again costs a page nothing. With APCu all pages of the
 * server share the breaker, otherwise it lasts for the rest of this page.
 */
final class Breaker
{
    /** @var array{int, int, string}|null time of opening (hrtime), code and message of the error. The error itself would keep the objects in its trace alive */
    private ?array $open = null;

    private readonly string $key;

    public function __construct(Address $address)
    {
        $this->key = "pusher breaker $address";
    }

    /** The error of a publish that is not to be tried, or null if the breaker is closed. */
    public function notTried(int $retryMs): ?PusherError
    {
        if ($this->open === null && self::hasApcu()) {
            // All processes of the machine share the clock, so they can compare its values.
            $this->open = apcu_fetch($this->key) ?: null;
        }
        if ($this->open === null) {
            return null;
        }
        [$sinceNs, $code, $message] = $this->open;
        $leftMs = $retryMs - (hrtime(true) - $sinceNs) / 1e6;
        return $leftMs > 0 ? PusherError::notTried((int) $leftMs + 1, $code, $message) : null;
    }

    /** Records the result of a publish that was tried. */
    public function record(?PusherError $error, bool $wasSlow, int $retryMs): void
    {
        $wasOpen = $this->open !== null;
        $this->open = $error !== null && $wasSlow ? [hrtime(true), $error->getCode(), $error->getMessage()] : null;
        if ($wasOpen || $this->open !== null) {
            $this->tellOthers(intdiv($retryMs, 1000) + 1);
        }
    }

    private function tellOthers(int $ttlS): void
    {
        match (true) {
            !self::hasApcu() => null,
            $this->open === null => apcu_delete($this->key),
            default => apcu_store($this->key, $this->open, $ttlS),
        };
    }

    private static function hasApcu(): bool
    {
        foreach (['apcu_enabled', 'apcu_fetch', 'apcu_store', 'apcu_delete'] as $function) {
            if (!function_exists($function)) {
                return false;
            }
        }
        return apcu_enabled();
    }
}
