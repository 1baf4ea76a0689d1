<?php
declare(strict_types=1);

namespace Pushd\Laravel;

use Illuminate\Auth\Access\AuthorizationException;
use Illuminate\Broadcasting\BroadcastException;
use Illuminate\Broadcasting\Broadcasters\Broadcaster;
use Illuminate\Broadcasting\Broadcasters\UsePusherChannelConventions;
use Illuminate\Database\Eloquent\ModelNotFoundException;
use Pusher;
use PusherException;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\HttpExceptionInterface;

/**
 * The broadcast driver `pushd`. A channel is a topic, and private and presence channels have the prefixes of Pusher
 * Channels: `private-orders.42`.
 */
final class PushdBroadcaster extends Broadcaster
{
    use UsePusherChannelConventions;

    /** Limits of sendMany(), in events and in bytes of JSON. */
    private const EVENTS_MAX = 1000;
    private const BYTES_MAX = 4 * 1024 * 1024;

    public function __construct(private readonly Pusher $pusher, private readonly int $ticketTtl)
    {
    }

    /**
     * Signs one ticket for all channels of the request that the user may join: `channels`, a list, or `channel_name`.
     *
     * @param \Illuminate\Http\Request $request
     * @return array{ticket: ?string, denied: list<string>}
     * @throws AccessDeniedHttpException The user may join none of them.
     * @throws PusherException The ticket cannot be signed.
     */
    public function auth($request)
    {
        $names = $request->input('channels') ?? [$request->input('channel_name')];
        $grant = new Grant();
        foreach (is_array($names) ? $names : [] as $name) {
            if (is_string($name)) {
                $this->authorize($request, $name, $grant);
            }
        }
        if ($grant->channels === []) {
            throw new AccessDeniedHttpException();
        }
        $ticket = Pusher::ticket($grant->channels, $this->ticketTtl, $grant->user, $grant->info(), cookie: false);
        return ['ticket' => $ticket, 'denied' => $grant->denied];
    }

    /**
     * Returns the result of the channel's callback. auth() makes the response, because one ticket is for all channels.
     *
     * @param \Illuminate\Http\Request $request
     * @param mixed $result
     */
    public function validAuthenticationResponse($request, $result)
    {
        return $result;
    }

    /**
     * Publishes `{"event": NAME, "data": PAYLOAD}` to each channel.
     *
     * With toOthers(), the page that caused the event does not get it.
     *
     * @param array<\Stringable|string> $channels
     * @param string $event
     * @throws BroadcastException
     */
    public function broadcast(array $channels, $event, array $payload = [])
    {
        $own = $payload['socket'] ?? null;
        unset($payload['socket']);
        $message = ['event' => $event, 'data' => $payload];
        $length = strlen((string) json_encode($message, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES));
        $perCall = max(1, min(self::EVENTS_MAX, intdiv(self::BYTES_MAX, max(1, $length))));
        $events = array_map(static fn (string $channel): array => [$channel, $message], $this->formatChannels($channels));
        try {
            foreach (array_chunk($events, $perCall) as $chunk) {
                $this->publish($chunk, is_string($own) ? $own : null);
            }
        } catch (PusherException $failure) {
            throw new BroadcastException("pushd: {$failure->getMessage()}", $failure->getCode(), $failure);
        }
    }

    /**
     * Publishes to all sessions but one.
     *
     * @param list<array{string, mixed}> $events
     * @throws PusherException
     */
    private function publish(array $events, ?string $own): void
    {
        try {
            $this->pusher->sendMany(array_map(static fn (array $event): array => $event + ['exclude' => $own], $events));
        } catch (PusherException $mistake) {
            // Every visitor can send the header X-Socket-ID. A text that is no session must not keep the event from the others.
            if ($own === null || $mistake->getCode() !== PusherException::ID) {
                throw $mistake;
            }
            $this->pusher->sendMany($events);
        }
    }

    /** Adds a channel to the grant, if the application lets the user join it. */
    private function authorize(mixed $request, string $name, Grant $grant): void
    {
        $channel = $this->normalizeChannelName($name);
        // In a ticket, a * at the end is a pattern for many channels, and the application has been asked for one.
        $isPossible = $this->isGuardedChannel($name) && !str_contains($name, '*') && !str_starts_with($name, 'private-encrypted-');
        $user = $isPossible ? $this->retrieveUser($request, $channel) : null;
        if ($user === null || !$grant->isFor(self::identifier($user))) {
            $grant->deny($name);
            return;
        }
        try {
            $grant->add($name, self::identifier($user), $this->verifyUserCanAccessChannel($request, $channel));
        } catch (AuthorizationException | ModelNotFoundException) {
            $grant->deny($name);
        } catch (HttpExceptionInterface $failure) {
            if (!in_array($failure->getStatusCode(), [401, 403, 404], true)) {
                throw $failure;
            }
            $grant->deny($name);
        }
    }

    private static function identifier(object $user): string
    {
        // Laravel 8 has no getAuthIdentifierForBroadcasting().
        return (string) (method_exists($user, 'getAuthIdentifierForBroadcasting')
            ? $user->getAuthIdentifierForBroadcasting()
            : $user->getAuthIdentifier());
    }
}
