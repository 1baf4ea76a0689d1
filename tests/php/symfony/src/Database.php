<?php
declare(strict_types=1);

namespace App;

use App\Entity\Entry;
use Doctrine\Common\EventManager;
use Doctrine\DBAL\DriverManager;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\EntityManagerInterface;
use Doctrine\ORM\Events;
use Doctrine\ORM\ORMSetup;
use Doctrine\ORM\Tools\SchemaTool;

/** Does what DoctrineBundle does in a site: opens the database, and registers the listener. */
final class Database
{
    public function __construct(private readonly PublishEntries $listener)
    {
    }

    public function open(): EntityManagerInterface
    {
        $file = dirname(__DIR__) . '/var/entries.sqlite';
        $is_new = !is_file($file);
        $events = new EventManager();
        $events->addEventListener([Events::postPersist, Events::postFlush, Events::onClear], $this->listener);
        $configuration = ORMSetup::createAttributeMetadataConfiguration([__DIR__ . '/Entity'], true);
        $connection = DriverManager::getConnection(['driver' => 'pdo_sqlite', 'path' => $file], $configuration, $events);
        $entities = new EntityManager($connection, $configuration, $events);
        if ($is_new) {
            (new SchemaTool($entities))->createSchema([$entities->getClassMetadata(Entry::class)]);
        }
        return $entities;
    }
}
