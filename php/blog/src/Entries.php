<?php
declare(strict_types=1);

namespace Blog;

use PDO;

/**
 * The stored articles.
 *
 * An entry in the file and an event have the same members: id, category, title, article, author, when (Unix time in
 * seconds). The author is null if a guest wrote it.
 */
final class Entries
{
    private const COLUMNS = 'id, category, title, article, author, "when"';

    public function __construct(private readonly PDO $pdo)
    {
    }

    /**
     * @return array{id: int, category: string, title: string, article: string, author: ?string, when: int}
     */
    public function add(Draft $draft, ?string $author): array
    {
        $entry = [
            'category' => $draft->category,
            'title' => $draft->title,
            'article' => $draft->article,
            'author' => $author,
            'when' => time(),
        ];
        $this->pdo
            ->prepare('INSERT INTO entries (category, title, article, author, "when") VALUES (?, ?, ?, ?, ?)')
            ->execute(array_values($entry));
        return ['id' => (int) $this->pdo->lastInsertId()] + $entry;
    }

    /**
     * @return array{id: int, category: string, title: string, article: string, author: ?string, when: int}|null
     */
    public function get(int $id): ?array
    {
        $query = $this->pdo->prepare('SELECT ' . self::COLUMNS . ' FROM entries WHERE id = ?');
        $query->execute([$id]);
        return $query->fetch() ?: null;
    }

    /**
     * Returns the newest entries of a category with an id above $after, newest first.
     *
     * @return list<array{id: int, category: string, title: string, article: string, author: ?string, when: int}>
     */
    public function newest(string $category, int $count, int $after = 0): array
    {
        $query = $this->pdo->prepare('SELECT ' . self::COLUMNS . ' FROM entries
            WHERE category = ? AND id > ? ORDER BY id DESC LIMIT ?');
        $query->bindValue(1, $category);
        $query->bindValue(2, $after, PDO::PARAM_INT);
        $query->bindValue(3, $count, PDO::PARAM_INT);
        $query->execute();
        return $query->fetchAll();
    }
}
