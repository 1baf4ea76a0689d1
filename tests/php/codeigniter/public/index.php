<?php
declare(strict_types=1);

// Stand-ins for the functions of CodeIgniter 4 that the controller of php/FRAMEWORKS.md uses, and its routes.

namespace App\Controllers {
    final class Request
    {
        public function getPost(string $name): ?string
        {
            return $_POST[$name] ?? null;
        }
    }

    final class Response
    {
        public string $body = '';

        public function setStatusCode(int $status): self
        {
            http_response_code($status);
            return $this;
        }

        public function setContentType(string $type): self
        {
            return $this->setHeader('Content-Type', $type);
        }

        public function setHeader(string $name, string $value): self
        {
            header("$name: $value");
            return $this;
        }

        public function setBody(string $body): self
        {
            $this->body = $body;
            return $this;
        }
    }

    abstract class BaseController
    {
        protected Request $request;
        protected Response $response;

        public function __construct()
        {
            [$this->request, $this->response] = [new Request(), new Response()];
        }
    }
}

namespace {
    /** The connection, its builder of queries, and a result. */
    final class Database
    {
        private bool $is_well = true;

        public function __construct(private readonly PDO $pdo)
        {
        }

        public function table(string $name): self
        {
            return $name === 'entries' ? $this : throw new LogicException($name);
        }

        public function orderBy(string $field, string $direction): self
        {
            return $this;
        }

        public function limit(int $count): self
        {
            return $this;
        }

        public function get(): self
        {
            return $this;
        }

        public function getResultArray(): array
        {
            return $this->pdo->query('SELECT id, title FROM entries ORDER BY id DESC')->fetchAll(PDO::FETCH_ASSOC);
        }

        public function insert(array $row): void
        {
            try {
                $this->pdo->prepare('INSERT INTO entries (title) VALUES (?)')->execute([$row['title']]);
            } catch (PDOException $fault) {
                // As in CodeIgniter since 4.3: no exception inside a transaction.
                $this->is_well = false;
            }
        }

        public function insertID(): int
        {
            return (int) $this->pdo->lastInsertId();
        }

        public function transStart(): void
        {
            $this->pdo->beginTransaction();
        }

        public function transComplete(): void
        {
            $this->is_well ? $this->pdo->commit() : $this->pdo->rollBack();
        }

        public function transStatus(): bool
        {
            return $this->is_well;
        }
    }

    final class Redirect
    {
        public function to(string $path): string
        {
            header("Location: $path", true, 303);
            return '';
        }
    }

    final class Routes
    {
        private array $handlers = [];

        public function get(string $path, string $handler): void
        {
            $this->handlers['GET /' . ltrim($path, '/')] = $handler;
        }

        public function post(string $path, string $handler): void
        {
            $this->handlers['POST /' . ltrim($path, '/')] = $handler;
        }

        public function run(): void
        {
            $handler = $this->handlers[$_SERVER['REQUEST_METHOD'] . ' ' . $_SERVER['REQUEST_URI']];
            [$class, $method] = explode('::', $handler);
            $answer = (new ("App\\Controllers\\$class")())->$method();
            echo is_string($answer) ? $answer : $answer->body;
        }
    }

    function db_connect(): Database
    {
        static $database = null;
        $pdo = new PDO('sqlite:' . dirname(__DIR__) . '/entries.sqlite');
        $pdo->exec('CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE)');
        return $database ??= new Database($pdo);
    }

    function view(string $name, array $data): string
    {
        extract($data);
        ob_start();
        require dirname(__DIR__) . "/$name.phtml";
        return (string) ob_get_clean();
    }

    function redirect(): Redirect
    {
        return new Redirect();
    }

    function session(string $name): ?string
    {
        return $_SERVER['HTTP_X_USER'] ?? null;
    }

    function env(string $name, string $default): string
    {
        return getenv('PUSHD_URL') ?: $default;
    }

    function log_message(string $level, string $message): void
    {
        error_log("$level: $message");
    }

    set_error_handler(static fn (int $level, string $message) => throw new ErrorException($message, 0, $level));
    require dirname(__DIR__) . '/app/Controllers/Entries.php';
    $routes = new Routes();
    require dirname(__DIR__) . '/app/Config/Routes.php';
    $routes->run();
}
