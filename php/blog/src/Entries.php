<?php
declare(strict_types=1);

namespace Blog;

use PDO;
use PDOException;

/** The setup of the blog is wrong. The message is for the operator. */
final class SetupFault extends \RuntimeException
{
}

/**
 * The stored articles, in an SQLite file. The first use makes the file.
 *
 * An entry in the file and an event have the same members: id, category, title, article, when (Unix time in seconds).
 */
final class Entries
{
    /** Longest time that a request waits while other requests write, in seconds. */
    private const BUSY_S = 5;

    private const SCHEMA = <<<'SQL'
        CREATE TABLE IF NOT EXISTS entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            category TEXT NOT NULL,
            title TEXT NOT NULL,
            article TEXT NOT NULL,
            "when" INTEGER NOT NULL
        );
        CREATE INDEX IF NOT EXISTS entries_of_category ON entries (category, id);
        PRAGMA user_version = 1;
        SQL;

    private function __construct(private readonly PDO $pdo)
    {
    }

    /** @throws SetupFault if the file can't be opened or made. */
    public static function open(string $path): self
    {
        $folder = dirname($path);
        try {
            // Two requests may make the folder at the same time, so mkdir() may fail although the folder exists.
            if (!is_dir($folder) && !@mkdir($folder, 0770, true) && !is_dir($folder)) {
                throw new PDOException("the folder can't be made");
            }
            $pdo = new PDO('sqlite:' . $path, options: [
                PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
                PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
                PDO::ATTR_TIMEOUT => self::BUSY_S,
            ]);
            self::prepare($pdo);
        } catch (PDOException $fault) {
            throw new SetupFault("The blog can't use $path: {$fault->getMessage()}.\n"
                . 'Make it and its folder writable for the web server, or set BLOG_DB to another file.', previous: $fault);
        }
        return new self($pdo);
    }

    private static function prepare(PDO $pdo): void
    {
        if ($pdo->query('PRAGMA user_version')->fetchColumn() === 1) {
            return;
        }
        // IMMEDIATE waits for other writers. A plain transaction would fail at once when it begins to write.
        $pdo->exec('BEGIN IMMEDIATE');
        $pdo->exec(self::SCHEMA);
        $pdo->exec('COMMIT');
    }

    /**
     * @return array{id: int, category: string, title: string, article: string, when: int}
     */
    public function add(Draft $draft): array
    {
        $entry = [
            'category' => $draft->category,
            'title' => $draft->title,
            'article' => $draft->article,
            'when' => time(),
        ];
        $this->pdo
            ->prepare('INSERT INTO entries (category, title, article, "when") VALUES (?, ?, ?, ?)')
            ->execute(array_values($entry));
        return ['id' => (int) $this->pdo->lastInsertId()] + $entry;
    }

    /**
     * Returns the newest entries of a category with an id above $after, newest first.
     *
     * @return list<array{id: int, category: string, title: string, article: string, when: int}>
     */
    public function newest(string $category, int $count, int $after = 0): array
    {
        $query = $this->pdo->prepare('SELECT id, category, title, article, "when" FROM entries
            WHERE category = ? AND id > ? ORDER BY id DESC LIMIT ?');
        $query->bindValue(1, $category);
        $query->bindValue(2, $after, PDO::PARAM_INT);
        $query->bindValue(3, $count, PDO::PARAM_INT);
        $query->execute();
        return $query->fetchAll();
    }
}
