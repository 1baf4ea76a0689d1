<?php
declare(strict_types=1);

namespace PusherFallback;

/** Asks for the present position of pushd's log. */
final class PositionRequest implements HttpRequest
{
    /** The type of the answer. */
    private const AT = 7;

    public function message(int $number): string
    {
        return "[6,$number]\n";
    }

    public function answer(array $message): ?string
    {
        $position = $message[0] === self::AT ? $message[2] ?? null : null;
        return self::isPosition($position) ? $position : null;
    }

    public function target(): array
    {
        return ['GET', Operation::Position->path()];
    }

    public function headers(): array
    {
        return [];
    }

    public function body(): string
    {
        return '';
    }

    public function httpAnswer(array $answer): ?string
    {
        return $this->answer([self::AT, null, $answer['position'] ?? null]);
    }

    /** Whether a value has the form of a position: an epoch and a sequence number, which JavaScript can hold. */
    public static function isPosition(mixed $value): bool
    {
        return is_string($value)
            && preg_match('/\A[0-9a-f]{16}-(0|[1-9][0-9]{0,15})\z/', $value, $match) === 1
            && (int) $match[1] <= Limits::SEQUENCE_MAX;
    }
}
