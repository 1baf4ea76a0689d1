<?php
declare(strict_types=1);

// Stand-ins for the parts of Drupal that the module of php/DRUPAL.md uses.

namespace Drupal\Core\Database {
    /** Transactions as in Drupal: the callbacks come after the commit, or at a rollback. */
    final class TransactionManager
    {
        private array $callbacks = [];

        public function __construct(private readonly \PDO $pdo)
        {
        }

        public function inTransaction(): bool
        {
            return $this->pdo->inTransaction();
        }

        public function addPostTransactionCallback(callable $callback): void
        {
            if (!$this->inTransaction()) {
                throw new \LogicException('no transaction');
            }
            $this->callbacks[] = $callback;
        }

        public function end(bool $is_committed): void
        {
            $is_committed ? $this->pdo->commit() : $this->pdo->rollBack();
            foreach (array_splice($this->callbacks, 0) as $callback) {
                $callback($is_committed);
            }
        }
    }

    final class Connection
    {
        private readonly TransactionManager $transactions;

        public function __construct(public readonly \PDO $pdo)
        {
            $this->transactions = new TransactionManager($pdo);
        }

        public function transactionManager(): TransactionManager
        {
            return $this->transactions;
        }
    }
}

namespace Drupal\Core\Session {
    interface AccountInterface
    {
        public function id();
    }

    class AnonymousUserSession implements AccountInterface
    {
        public function id()
        {
            return 0;
        }
    }

    final class User implements AccountInterface
    {
        public function __construct(private readonly int $id)
        {
        }

        public function id()
        {
            return $this->id;
        }
    }
}

namespace Drupal\Core {
    final class GeneratedUrl
    {
        public function __construct(private readonly string $url)
        {
        }

        public function getGeneratedUrl(): string
        {
            return $this->url;
        }
    }

    final class Url
    {
        public function __construct(private readonly string $url)
        {
        }

        public function toString(bool $collect = false): string|GeneratedUrl
        {
            return $collect ? new GeneratedUrl($this->url) : $this->url;
        }
    }
}

namespace Drupal\node {
    use Drupal\Core\Session\AccountInterface;
    use Drupal\Core\Url;

    interface NodeInterface
    {
    }

    final class Node implements NodeInterface
    {
        public function __construct(private readonly array $row)
        {
        }

        public function id(): string
        {
            return (string) $this->row['id'];
        }

        public function label(): string
        {
            return $this->row['title'];
        }

        public function bundle(): string
        {
            return 'article';
        }

        public function isPublished(): bool
        {
            return (bool) $this->row['status'];
        }

        public function getChangedTime(): int
        {
            return (int) $this->row['changed'];
        }

        public function access(string $operation, AccountInterface $account): bool
        {
            return $operation === 'view' && !str_contains($this->label(), 'for members');
        }

        public function toUrl(): Url
        {
            return new Url('/node/' . $this->id());
        }
    }
}

namespace Drupal\Core\Entity {
    use Drupal\node\Node;

    interface EntityTypeManagerInterface
    {
        public function getStorage($entity_type_id);
    }

    /** The manager, the storage of nodes, and its query. */
    final class Nodes implements EntityTypeManagerInterface
    {
        private array $values = [];

        public function __construct(private readonly \PDO $pdo)
        {
        }

        public function getStorage($entity_type_id): self
        {
            return $entity_type_id === 'node' ? $this : throw new \LogicException($entity_type_id);
        }

        public function getQuery(): self
        {
            return new self($this->pdo);
        }

        public function accessCheck(bool $is_checked = true): self
        {
            return $is_checked ? $this : throw new \LogicException('no check');
        }

        public function condition(string $field, mixed $value): self
        {
            $this->values[$field] = $value;
            return $this;
        }

        public function sort(string $field, string $direction): self
        {
            return [$field, $direction] === ['created', 'DESC'] ? $this : throw new \LogicException($field);
        }

        public function range(int $start, int $length): self
        {
            $this->values['length'] = $length;
            return $this;
        }

        public function execute(): array
        {
            if ($this->values !== ['type' => 'article', 'status' => 1, 'length' => 10]) {
                throw new \LogicException(json_encode($this->values));
            }
            $rows = $this->pdo->query('SELECT id FROM nodes WHERE status = 1 ORDER BY id DESC LIMIT 10');
            return $rows->fetchAll(\PDO::FETCH_COLUMN);
        }

        public function loadMultiple(array $ids): array
        {
            $query = $this->pdo->prepare('SELECT id, title, status, changed FROM nodes WHERE id = ?');
            return array_map(static function (int $id) use ($query): Node {
                $query->execute([$id]);
                return new Node($query->fetch(\PDO::FETCH_ASSOC));
            }, $ids);
        }
    }
}

namespace Drupal\Core\Block {
    abstract class BlockBase
    {
        public function __construct(array $configuration, $plugin_id, $plugin_definition)
        {
        }
    }
}

namespace Drupal\Core\Plugin {
    use Symfony\Component\DependencyInjection\ContainerInterface;

    interface ContainerFactoryPluginInterface
    {
        public static function create(
            ContainerInterface $container,
            array $configuration,
            $plugin_id,
            $plugin_definition,
        );
    }
}

namespace Drupal\Core\Controller {
    abstract class ControllerBase
    {
        protected function currentUser(): \Drupal\Core\Session\AccountInterface
        {
            return \Drupal::service('current_user');
        }
    }
}

namespace Drupal\Core\Logger {
    final class LoggerChannel extends \Psr\Log\AbstractLogger
    {
        public function __construct(private readonly string $channel)
        {
        }

        public function log($level, $message, array $context = []): void
        {
            error_log("$this->channel: " . strtr((string) $message, $context));
        }
    }
}

namespace {
    use Symfony\Component\DependencyInjection\ContainerBuilder;

    final class Drupal
    {
        public static ContainerBuilder $container;

        public static function service(string $name): object
        {
            return self::$container->get($name);
        }
    }
}
