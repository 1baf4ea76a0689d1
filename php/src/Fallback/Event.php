<?php
declare(strict_types=1);

namespace PusherFallback;

use PusherReceipt;

/** An encoded event: all parts are JSON. */
final class Event implements Request
{
    private function __construct(
        private readonly string $category,
        private readonly string $topic,
        private readonly string $json,
        private readonly ?string $id,
        private readonly bool $latest,
        private readonly ?int $ttl,
    ) {
    }

    /**
     * Runs user code (jsonSerialize()).
     *
     * @throws PusherError TOPIC, ID, CONFIG (ttl), JSON
     */
    public static function of(string $category, mixed $data, ?string $id, bool $latest = false, ?int $ttl = null): self
    {
        if (!Text::isUtf8($category)) {
            throw PusherError::topic('the category is not valid UTF-8');
        }
        if ($id !== null && !Text::isUtf8($id)) {
            throw PusherError::id('the id is not valid UTF-8');
        }
        try {
            $ttl === null || Settings::ttl((string) $ttl);
        } catch (\DomainException $wrong) {
            throw PusherError::config('ttl', $wrong->getMessage());
        }
        return new self($category, json_encode($category, Json::FLAGS), Json::encode($data), $id, $latest, $ttl);
    }

    /** The event with this id, unless it has one. */
    public function orId(string $id): self
    {
        return $this->id === null ? new self($this->category, $this->topic, $this->json, $id, $this->latest, $this->ttl) : $this;
    }

    /** The JSON object of its record in the spool. */
    public function record(int $timeMs, int $ttlS, #[\SensitiveParameter] string $token): string
    {
        $ttlS = $this->ttl ?? $ttlS;
        $id = json_encode($this->id, Json::FLAGS);
        $latest = $this->latest ? ',"latest":true' : '';
        $token = $token === '' ? '' : ',"token":' . json_encode($token, Json::FLAGS);
        return "{\"v\":1,\"time\":$timeMs,\"ttl\":$ttlS,\"topic\":$this->topic,\"id\":$id$latest$token,\"event\":$this->json}";
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
        return "[3,$number,$this->topic,$this->json{$this->options()}]\n";
    }

    public function answer(array $message): ?PusherReceipt
    {
        return Receipt::of($message);
    }

    /** Length of the message in bytes. */
    public function length(int $number): int
    {
        return strlen("[3,$number,,]\n$this->topic{$this->options()}") + strlen($this->json);
    }

    private function options(): string
    {
        return $this->id === null ? '' : ',{"id":' . json_encode($this->id, Json::FLAGS) . '}';
    }
}
