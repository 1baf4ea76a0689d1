<?php
declare(strict_types=1);

namespace Blog;

// The fields of all forms.

/** Returns a field as text. A missing field or a list (title[]=x) is the empty text. */
function text(array $form, string $field): string
{
    return is_string($form[$field] ?? null) ? $form[$field] : '';
}

/** Returns a field of several lines, trimmed. */
function lines(array $form, string $field): string
{
    return trimmed(str_replace(["\r\n", "\r"], "\n", text($form, $field)));
}

/** Returns a field of one line, trimmed. */
function line(array $form, string $field): string
{
    return trimmed(preg_replace('/[ \t\r\n]+/', ' ', text($form, $field)));
}

/** Removes spaces of all kinds, also ideographic. Keeps text that is not UTF-8 or far too long: text_fault() reports it. */
function trimmed(string $text): string
{
    if (strlen($text) > 4 * Draft::ARTICLE_MAX) {
        return $text;
    }
    // Without the lookbehind, a long run of spaces in the middle takes quadratic time.
    return preg_replace('/\A[\p{Z}\s]+|(?<![\p{Z}\s])[\p{Z}\s]+\z/u', '', $text) ?? $text;
}

/** Returns the error text of a field that must have 1 to $max characters, or null. */
function text_fault(string $field, string $text, int $max): ?string
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
