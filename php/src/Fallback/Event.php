<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** An encoded event: all parts are JSON. */
final class Event implements HttpRequest
{
    private const PUBLISH = 3;
    private const PUBLISH_EXCEPT = 14;

    private function __construct(
        public readonly string $category,
        private readonly string $topic,
        public readonly string $json,
        public readonly ?string $id,
        private readonly bool $latest,
        private readonly ?int $ttl,
        public readonly ?string $exclude,
    ) {
    }

    /**
     * Runs user code (jsonSerialize()).
     *
     * @throws PusherError TOPIC, ID (also for $exclude), CONFIG (ttl), JSON
     */
    public static function of(string $category, mixed $data, ?string $id, bool $latest = false, ?int $ttl = null, ?string $exclude = null): self
    {
        if (!Text::isUtf8($category)) {
            throw PusherError::topic('the category is not valid UTF-8');
        }
        if ($id !== null && !Text::isUtf8($id)) {
            throw PusherError::id('the id is not valid UTF-8');
        }
        if ($exclude !== null && !Text::isUtf8($exclude)) {
            throw PusherError::id('exclude is not valid UTF-8');
        }
        try {
            $ttl === null || Settings::ttl((string) $ttl);
        } catch (\DomainException $wrong) {
            throw PusherError::config('ttl', $wrong->getMessage());
        }
        return new self($category, json_encode($category, Json::FLAGS), Json::encode($data, PusherError::json(...)), $id, $latest, $ttl, $exclude);
    }

    /** The event with this id, unless it has one. */
    public function orId(string $id): self
    {
        return $this->id === null ? new self($this->category, $this->topic, $this->json, $id, $this->latest, $this->ttl, $this->exclude) : $this;
    }

    /** The JSON object of its record in the spool. */
    public function record(int $timeMs, int $ttlS, #[\SensitiveParameter] string $token): string
    {
        $ttlS = $this->ttl ?? $ttlS;
        $id = json_encode($this->id, Json::FLAGS);
        $latest = $this->latest ? ',"latest":true' : '';
        $exclude = $this->exclude === null ? '' : ',"exclude":' . json_encode($this->exclude, Json::FLAGS);
        $token = $token === '' ? '' : ',"token":' . json_encode($token, Json::FLAGS);
        return "{\"v\":1,\"time\":$timeMs,\"ttl\":$ttlS,\"topic\":$this->topic,\"id\":$id$latest$exclude$token,\"event\":$this->json}";
    }

    /** @throws PusherError TOPIC, JSON or TOO_BIG if pushd would refuse the event */
    public function check(): void
    {
        $length = strlen($this->category);
        if ($length === 0) {
            throw PusherError::topic('the topic is empty');
        }
        if ($length > Limits::TOPIC_LEN_MAX) {
            throw PusherError::topic("the topic is $length bytes long, at most " . Limits::TOPIC_LEN_MAX . ' are allowed');
        }
        if ($this->id === '') {
            throw PusherError::id('the id is empty');
        }
        if ($this->id !== null && strlen($this->id) > Limits::ID_LEN_MAX) {
            throw PusherError::id('the id is ' . strlen($this->id) . ' bytes long, at most ' . Limits::ID_LEN_MAX . ' are allowed');
        }
        if ($this->exclude !== null && !Session::isName($this->exclude)) {
            throw PusherError::id(Session::MISTAKE);
        }
        $length = strlen($this->json);
        if ($length > Limits::EVENT_LEN_MAX) {
            throw PusherError::tooBig("the event is $length bytes long, at most " . Limits::EVENT_LEN_MAX . ' are allowed');
        }
        if (Json::isDeeperThan($this->json, Limits::EVENT_DEPTH_MAX)) {
            throw PusherError::json('the JSON is nested deeper than ' . Limits::EVENT_DEPTH_MAX . ' levels');
        }
    }

    public function message(int $number): string
    {
        return "[{$this->type()},$number,$this->topic,$this->json{$this->options()}]\n";
    }

    public function answer(array $message): ?PusherReceipt
    {
        return Receipt::of($message);
    }

    public function target(): array
    {
        return ['POST', Operation::Publish->path() . HttpPath::encoded($this->category)];
    }

    public function headers(): array
    {
        if ($this->id !== null && preg_match('/\A[ \t]|[\x00-\x08\x0a-\x1f\x7f]|[ \t]\z/', $this->id) === 1) {
            throw PusherError::id('by HTTP, an id has no control characters, and no blank at its start or end');
        }
        return ($this->id === null ? [] : ['Idempotency-Key' => $this->id]) + ($this->exclude === null ? [] : ['Pushd-Exclude' => $this->exclude]);
    }

    public function body(): string
    {
        return $this->json;
    }

    public function httpAnswer(array $answer): ?PusherReceipt
    {
        return Receipt::ofHttp($answer);
    }

    /** Length of the message in bytes. */
    public function length(int $number): int
    {
        return strlen("[{$this->type()},$number,,]\n$this->topic{$this->options()}") + strlen($this->json);
    }

    private function type(): int
    {
        return $this->exclude === null ? self::PUBLISH : self::PUBLISH_EXCEPT;
    }

    /** What comes behind the event. */
    private function options(): string
    {
        return ($this->exclude === null ? '' : ',' . json_encode($this->exclude, Json::FLAGS))
            . ($this->id === null ? '' : ',{"id":' . json_encode($this->id, Json::FLAGS) . '}');
    }
}
