<?php
declare(strict_types=1);

namespace Blog;

/** The cleaned fields of the form, and their errors. */
final class Draft
{
    /** Limits in characters, not bytes. */
    public const TITLE_MAX = 200;
    public const ARTICLE_MAX = 10000;

    /** @param array<string, string> $faults an error text for each invalid field */
    private function __construct(
        public readonly string $category,
        public readonly string $title,
        public readonly string $article,
        public readonly array $faults,
    ) {
    }

    public static function blank(string $category): self
    {
        return new self($category, '', '', []);
    }

    /** @param array<mixed> $form $_POST, not validated */
    public static function from(array $form): self
    {
        $category = category(self::text($form, 'category'));
        $title = preg_replace('/[ \t\r\n]+/', ' ', self::text($form, 'title'));
        $article = str_replace(["\r\n", "\r"], "\n", self::text($form, 'article'));
        [$title, $article] = [self::trimmed($title), self::trimmed($article)];
        $faults = array_filter([
            'category' => $category === null ? 'There is no such category.' : null,
            'title' => self::fault('title', $title, self::TITLE_MAX),
            'article' => self::fault('article', $article, self::ARTICLE_MAX),
        ]);
        return new self($category ?? array_key_first(CATEGORIES), $title, $article, $faults);
    }

    /** Returns a field as text. A missing field or a list (title[]=x) is the empty text. */
    private static function text(array $form, string $field): string
    {
        return is_string($form[$field] ?? null) ? $form[$field] : '';
    }

    /** Removes spaces of all kinds, also ideographic. Keeps text that is not UTF-8 or far too long: fault() reports it. */
    private static function trimmed(string $text): string
    {
        if (strlen($text) > 4 * self::ARTICLE_MAX) {
            return $text;
        }
        // Without the lookbehind, a long run of spaces in the middle takes quadratic time.
        return preg_replace('/\A[\p{Z}\s]+|(?<![\p{Z}\s])[\p{Z}\s]+\z/u', '', $text) ?? $text;
    }

    private static function fault(string $field, string $text, int $max): ?string
    {
        return match (true) {
            $text === '' => "The $field is missing.",
            strlen($text) > 4 * $max => "The $field is too long: at most $max characters.",
            // With /u the result is false if the text is not UTF-8.
            preg_match('/\A[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*+\z/u', $text) !== 1 => "The $field has characters that can't be shown.",
            preg_match_all('/./su', $text) > $max => "The $field is too long: at most $max characters.",
            default => null,
        };
    }
}
