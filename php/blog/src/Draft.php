<?php
declare(strict_types=1);

namespace Blog;

/** The cleaned fields of the article form, and their errors. */
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
        $category = category(text($form, 'category'));
        [$title, $article] = [line($form, 'title'), lines($form, 'article')];
        $faults = array_filter([
            'category' => $category === null ? 'There is no such category.' : null,
            'title' => text_fault('title', $title, self::TITLE_MAX),
            'article' => text_fault('article', $article, self::ARTICLE_MAX),
        ]);
        return new self($category ?? array_key_first(CATEGORIES), $title, $article, $faults);
    }
}
