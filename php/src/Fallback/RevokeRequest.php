<?php
declare(strict_types=1);

namespace PusherFallback;

/** Ends all tickets of a user that were signed up to now, by this machine's clock. */
final class RevokeRequest implements HttpRequest
{
    /** The type of the answer. */
    private const REVOKED = 11;

    private readonly int $before;

    public function __construct(private readonly string $sub)
    {
        // A host that forbids time() signs no tickets. Then the clock of pushd counts.
        $this->before = function_exists('time') ? time() : 0;
    }

    public function message(int $number): string
    {
        $sub = json_encode($this->sub, Json::FLAGS);
        return $this->before === 0 ? "[10,$number,$sub]\n" : "[10,$number,$sub,$this->before]\n";
    }

    /** Number of sessions at the answering pushd that lost their ticket. */
    public function answer(array $message): ?int
    {
        return $message[0] === self::REVOKED ? Receipt::int($message[2] ?? null) : null;
    }

    public function target(): array
    {
        $query = $this->before === 0 ? '' : "?before=$this->before";
        return ['POST', Operation::Revoke->path() . HttpPath::encoded($this->sub) . $query];
    }

    public function headers(): array
    {
        return [];
    }

    public function body(): string
    {
        return '';
    }

    public function httpAnswer(array $answer): ?int
    {
        return $this->answer([self::REVOKED, null, $answer['sessions'] ?? null]);
    }
}
