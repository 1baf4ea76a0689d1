<?php
declare(strict_types=1);

namespace Blog;

/** The cleaned fields of a comment form, and the error of the text. */
final class CommentDraft
{
    /** In characters, not bytes. */
    public const TEXT_MAX = 2000;

    public function __construct(
        public readonly int $entry,
        public readonly string $text,
        public readonly bool $is_private,
        public readonly ?string $fault,
    ) {
    }

    /** @param array<mixed> $form $_POST, not validated */
    public static function from(array $form): self
    {
        $text = lines($form, 'text');
        $fault = text_fault('comment', $text, self::TEXT_MAX);
        return new self((int) text($form, 'entry'), $text, text($form, 'private') !== '', $fault);
    }

    /** Returns the error text, or null. A private comment has a writer and a reader whom the site knows. */
    public function fault_for(array $entry): ?string
    {
        if ($this->fault === null && $this->is_private && !can_write_privately($entry['author'])) {
            return 'Only a reader who is logged in can write privately, and only to an author with a name.';
        }
        return $this->fault;
    }
}
