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
    ) {
    }

    /**
     * Runs user code (jsonSerialize()).
     *
     * @throws PusherError TOPIC, JSON
     */
    public static function of(string $category, mixed $data, ?string $id): self
    {
        if (!Text::isUtf8($category)) {
            throw PusherError::topic('the category is not valid UTF-8');
        }
        if ($id !== null && !Text::isUtf8($id)) {
            throw PusherError::id('the id is not valid UTF-8');
        }
        return new self($category, json_encode($category, Json::FLAGS), Json::encode($data), $id);
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
