<?php
declare(strict_types=1);

namespace Pushd\Laravel;

use Illuminate\Contracts\Support\Arrayable;

/** The channels that a user may join, and what other members of the presence channels may see of the user. */
final class Grant
{
    /** @var list<string> */
    public array $channels = [];

    /** @var list<string> */
    public array $denied = [];

    /** A ticket is for one user. Null until the first channel. */
    public ?string $user = null;

    private ?array $info = null;

    /** Whether the ticket can be for this user: guards of other channels may know the visitor as another one. */
    public function isFor(string $user): bool
    {
        return $this->user === null || $this->user === $user;
    }

    /** @param mixed $result the result of the channel's callback */
    public function add(string $channel, string $user, mixed $result): void
    {
        $this->user = $user;
        $this->channels[] = $channel;
        if (str_starts_with($channel, 'presence-')) {
            $info = $result instanceof Arrayable ? $result->toArray() : (is_array($result) ? $result : []);
            $this->info = $this->info === null ? $info : self::common($this->info, $info);
        }
    }

    public function deny(string $channel): void
    {
        $this->denied[] = $channel;
    }

    /**
     * The info of the ticket. Members of each presence channel see it, so with several channels it has only what is the
     * same in all of them.
     */
    public function info(): array
    {
        return $this->info ?? [];
    }

    private static function common(array $one, array $other): array
    {
        return array_filter(
            $one,
            static fn (mixed $value, int|string $key): bool => array_key_exists($key, $other) && $other[$key] === $value,
            ARRAY_FILTER_USE_BOTH,
        );
    }
}
