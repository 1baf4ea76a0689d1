<?php
declare(strict_types=1);

namespace PusherFallback;

/** Asks for the members of a topic. */
final class PresenceRequest implements HttpRequest
{
    /** The type of the answer. */
    private const MEMBERS = 13;

    public function __construct(private readonly string $topic)
    {
    }

    public function message(int $number): string
    {
        return "[12,$number," . json_encode($this->topic, Json::FLAGS) . "]\n";
    }

    /** @return array{count: int, members: list<array{sub: string, info?: mixed}>}|null */
    public function answer(array $message): ?array
    {
        $count = Receipt::int($message[2] ?? null);
        $members = $message[3] ?? null;
        return $message[0] === self::MEMBERS && $count !== null && is_array($members)
            ? ['count' => $count, 'members' => $members]
            : null;
    }

    public function target(): array
    {
        return ['GET', Operation::Presence->path() . HttpPath::encoded($this->topic)];
    }

    public function headers(): array
    {
        return [];
    }

    public function body(): string
    {
        return '';
    }

    public function httpAnswer(array $answer): ?array
    {
        return $this->answer([self::MEMBERS, null, $answer['count'] ?? null, $answer['members'] ?? null]);
    }
}
