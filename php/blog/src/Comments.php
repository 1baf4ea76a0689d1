<?php
declare(strict_types=1);

namespace Blog;

use PDO;

/**
 * The stored comments. Their members are id, entry (the id of the article), author (null: a guest), text, private, when.
 * Only its writer and the author of the article see a private comment.
 */
final class Comments
{
    public function __construct(private readonly PDO $pdo)
    {
    }

    /** @return array{id: int, entry: int, author: ?string, text: string, private: bool, when: int} */
    public function add(CommentDraft $draft, ?string $author): array
    {
        $when = time();
        $this->pdo
            ->prepare('INSERT INTO comments (entry, author, text, private, "when") VALUES (?, ?, ?, ?, ?)')
            ->execute([$draft->entry, $author, $draft->text, (int) $draft->is_private, $when]);
        return [
            'id' => (int) $this->pdo->lastInsertId(),
            'entry' => $draft->entry,
            'author' => $author,
            'text' => $draft->text,
            'private' => $draft->is_private,
            'when' => $when,
        ];
    }

    /**
     * Returns the newest comments on the articles of a category with an id above $after, oldest first.
     *
     * @param ?string $reader whose private comments are returned too; null: nobody's
     * @return list<array{id: int, entry: int, author: ?string, text: string, private: bool, when: int}>
     */
    public function newest(string $category, ?string $reader, int $count, int $after = 0): array
    {
        $query = $this->pdo->prepare('SELECT c.id, c.entry, c.author, c.text, c.private, c."when"
            FROM comments c JOIN entries e ON e.id = c.entry
            WHERE e.category = :category AND c.id > :after
                AND (c.private = 0 OR c.author = :reader OR e.author = :reader)
            ORDER BY c.id DESC LIMIT :count');
        $query->bindValue('category', $category);
        $query->bindValue('reader', $reader);
        $query->bindValue('after', $after, PDO::PARAM_INT);
        $query->bindValue('count', $count, PDO::PARAM_INT);
        $query->execute();
        $comments = array_reverse($query->fetchAll());
        return array_map(fn (array $comment): array => ['private' => (bool) $comment['private']] + $comment, $comments);
    }
}
