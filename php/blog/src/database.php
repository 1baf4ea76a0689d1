<?php
declare(strict_types=1);

namespace Blog;

use PDO;
use PDOException;

/** The setup of the blog is wrong. The message is for the operator. */
final class SetupFault extends \RuntimeException
{
}

/** Longest time that a request waits while other requests write, in seconds. */
const BUSY_S = 5;

/** The statements that make each version of the schema from the one before. */
const SCHEMA = [
    <<<'SQL'
        CREATE TABLE entries (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            category TEXT NOT NULL,
            title TEXT NOT NULL,
            article TEXT NOT NULL,
            "when" INTEGER NOT NULL
        );
        CREATE INDEX entries_of_category ON entries (category, id);
        SQL,
    <<<'SQL'
        ALTER TABLE entries ADD COLUMN author TEXT;
        CREATE TABLE comments (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            entry INTEGER NOT NULL REFERENCES entries (id),
            author TEXT,
            text TEXT NOT NULL,
            "when" INTEGER NOT NULL
        );
        CREATE INDEX comments_of_entry ON comments (entry, id);
        SQL,
    <<<'SQL'
        ALTER TABLE comments ADD COLUMN private INTEGER NOT NULL DEFAULT 0;
        UPDATE entries SET category = 'puppiesCategory' WHERE category = 'category2';
        UPDATE entries SET category = 'birdsCategory' WHERE category = 'category3';
        SQL,
];

/**
 * Opens the SQLite file. The first use makes it.
 *
 * @throws SetupFault if the file can't be opened or made.
 */
function open_database(string $path): PDO
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
            PDO::ATTR_TIMEOUT => BUSY_S,
        ]);
        upgrade($pdo);
    } catch (PDOException $fault) {
        throw new SetupFault("The blog can't use $path: {$fault->getMessage()}.\n"
            . 'Make it and its folder writable for the web server, or set BLOG_DB to another file.', previous: $fault);
    }
    return $pdo;
}

function upgrade(PDO $pdo): void
{
    $version = fn (): int => $pdo->query('PRAGMA user_version')->fetchColumn();
    if ($version() >= count(SCHEMA)) {
        return;
    }
    // IMMEDIATE waits for other writers. A plain transaction would fail at once when it begins to write.
    $pdo->exec('BEGIN IMMEDIATE');
    // Another request may have upgraded the file since the first check.
    foreach (array_slice(SCHEMA, $version()) as $statements) {
        $pdo->exec($statements);
    }
    $pdo->exec('PRAGMA user_version = ' . count(SCHEMA));
    $pdo->exec('COMMIT');
}
