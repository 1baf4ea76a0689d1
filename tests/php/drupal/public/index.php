<?php
declare(strict_types=1);

// A site for the test of php/DRUPAL.md, which adds the files of that page. The files of the module are read as Drupal reads
// them, with Debian's Symfony; the rest of Drupal is in core.php.

use Drupal\Core\Database\Connection;
use Drupal\Core\Entity\Nodes;
use Drupal\Core\Logger\LoggerChannel;
use Drupal\Core\Session\AnonymousUserSession;
use Drupal\Core\Session\User;
use Drupal\node\Node;
use Drupal\pushd\Plugin\Block\ArticlesBlock;
use Symfony\Component\Config\FileLocator;
use Symfony\Component\DependencyInjection\ContainerBuilder;
use Symfony\Component\DependencyInjection\Loader\YamlFileLoader as Services;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\Routing\Loader\YamlFileLoader as Routes;
use Symfony\Component\Yaml\Yaml;

$folder = dirname(__DIR__);
foreach (['Config', 'DependencyInjection', 'HttpFoundation', 'Routing', 'Yaml'] as $component) {
    require "Symfony/Component/$component/autoload.php";
}
require 'Psr/Log/autoload.php';
require "$folder/core.php";
require "$folder/pushd.module";
spl_autoload_register(static function (string $class) use ($folder): void {
    if (str_starts_with($class, 'Drupal\\pushd\\')) {
        require $folder . '/src/' . strtr(substr($class, 13), '\\', '/') . '.php';
    }
});

$pdo = new PDO("sqlite:$folder/nodes.sqlite");
$pdo->exec('CREATE TABLE IF NOT EXISTS nodes (id INTEGER PRIMARY KEY, title TEXT, status INTEGER, changed INTEGER)');
$user = isset($_SERVER['HTTP_X_USER']) ? new User((int) $_SERVER['HTTP_X_USER']) : new AnonymousUserSession();
$container = Drupal::$container = new ContainerBuilder();
$container->setDefinition('logger.channel_base', (new Symfony\Component\DependencyInjection\Definition(LoggerChannel::class))->setAbstract(true));
(new Services($container, new FileLocator($folder)))->load('pushd.services.yml');
foreach (['database' => new Connection($pdo), 'entity_type.manager' => new Nodes($pdo), 'current_user' => $user] as $name => $service) {
    $container->register($name)->setSynthetic(true);
    $container->set($name, $service);
}
// In Drupal, services are public.
foreach ($container->getDefinitions() as $definition) {
    $definition->setPublic(true);
}
$container->compile();

match (strtok($_SERVER['REQUEST_URI'], '?')) {
    '/' => show_page($folder),
    '/save' => save($pdo),
    '/logout' => log_out($user),
    default => follow_route($folder, $user),
};

function show_page(string $folder): void
{
    $block = ArticlesBlock::create(Drupal::$container, [], 'pushd_articles', [])->build();
    if ($block['#attached']['library'] !== ['pushd/articles']) {
        throw new LogicException('another library');
    }
    echo '<!doctype html><ul id="', $block['#attributes']['id'], '">';
    foreach ($block['#items'] as $item) {
        echo '<li id="', $item['#wrapper_attributes']['id'], '"><a href="', $item['#url']->toString(), '">';
        echo htmlspecialchars($item['#title']), '</a></li>';
    }
    echo '</ul><script>const drupalSettings = ', json_encode($block['#attached']['drupalSettings']), ';</script>';
    $library = Yaml::parseFile("$folder/pushd.libraries.yml")['articles'];
    foreach ($library['js'] as $script => $options) {
        $is_external = ($options['type'] ?? 'file') === 'external';
        echo $is_external ? "<script src=\"$script\"></script>" : '<script>' . file_get_contents("$folder/$script") . '</script>';
    }
}

/** Stores a node as Drupal's form does: the hooks are called inside the transaction. */
function save(PDO $pdo): void
{
    $transactions = Drupal::service('database')->transactionManager();
    $pdo->beginTransaction();
    $is_new = !isset($_POST['id']);
    $row = ['id' => $_POST['id'] ?? null, 'title' => $_POST['title'], 'status' => (int) ($_POST['status'] ?? 1), 'changed' => (int) $_POST['changed']];
    $pdo->prepare('REPLACE INTO nodes (id, title, status, changed) VALUES (?, ?, ?, ?)')->execute(array_values($row));
    $row['id'] ??= $pdo->lastInsertId();
    $hook = $is_new ? 'pushd_node_insert' : 'pushd_node_update';
    $hook(new Node($row));
    $transactions->end($_POST['title'] !== 'rolled back');
    echo $row['id'];
}

function log_out(Drupal\Core\Session\AccountInterface $user): void
{
    pushd_user_logout($user);
    echo 'logged out';
}

function follow_route(string $folder, Drupal\Core\Session\AccountInterface $user): void
{
    foreach ((new Routes(new FileLocator($folder)))->load('pushd.routing.yml') as $route) {
        if ($route->getPath() !== $_SERVER['REQUEST_URI']) {
            continue;
        }
        if ($route->getRequirement('_user_is_logged_in') === 'TRUE' && $user->id() === 0) {
            http_response_code(403);
            return;
        }
        [$class, $method] = explode('::', $route->getDefault('_controller'));
        $response = (new $class())->$method();
        assert($response instanceof Response);
        $response->send();
        return;
    }
    http_response_code(404);
}
