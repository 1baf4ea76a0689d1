<?php
declare(strict_types=1);

namespace PusherFallback;

/**
 * Keeps a pushd that hangs from costing every page the whole timeout.
 *
 * A publish that failed after a good part of its timeout opens the breaker: for `pusher.retry_ms` the
 * next ones fail at once. One that failed fast opens nothing, since to try again costs a page nothing
 * either. With APCu that holds for all pages of the server, otherwise for the rest of this one.
 */
final class Breaker
{
    /** @var array{int, int, string}|null since when (hrtime), code and message of what failed; the fault itself would keep alive what it has seen */
    private ?array $open = null;

    private readonly string $key;

    public function __construct(Address $address)
    {
        $this->key = "pusher breaker $address";
    }

    /** What a publish gets that is not tried; null if it is to be tried. */
    public function fault(int $retryMs): ?Fault
    {
        if ($this->open === null && self::hasApcu()) {
            // The clock is one for all processes, as is its memory.
            $this->open = apcu_fetch($this->key) ?: null;
        }
        if ($this->open === null) {
            return null;
        }
        [$sinceNs, $code, $message] = $this->open;
        $leftMs = $retryMs - (hrtime(true) - $sinceNs) / 1e6;
        return $leftMs > 0 ? Fault::notTried((int) $leftMs + 1, $code, $message) : null;
    }

    /** What became of a publish that was tried. */
    public function record(?Fault $fault, bool $wasSlow, int $retryMs): void
    {
        $wasOpen = $this->open !== null;
        $this->open = $fault !== null && $wasSlow ? [hrtime(true), $fault->getCode(), $fault->getMessage()] : null;
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
