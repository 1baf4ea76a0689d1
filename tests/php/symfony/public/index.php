<?php
declare(strict_types=1);

// A site with Debian's Symfony, for the test of php/SYMFONY.md, which adds the files of that page.

use Symfony\Bundle\FrameworkBundle\FrameworkBundle;
use Symfony\Bundle\FrameworkBundle\Kernel\MicroKernelTrait;
use Symfony\Bundle\SecurityBundle\SecurityBundle;
use Symfony\Bundle\TwigBundle\TwigBundle;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\Routing\Annotation\Route;

require 'Symfony/Bundle/FrameworkBundle/autoload.php';
require 'Symfony/Bundle/TwigBundle/autoload.php';
require 'Symfony/Bundle/SecurityBundle/autoload.php';
require 'Doctrine/ORM/autoload.php';
// The page has the name that this attribute has since Symfony 6.4.
class_alias(Route::class, 'Symfony\Component\Routing\Attribute\Route');
spl_autoload_register(static function (string $class): void {
    $file = dirname(__DIR__) . '/src/' . strtr(substr($class, 4), '\\', '/') . '.php';
    if (str_starts_with($class, 'App\\') && is_file($file)) {
        require $file;
    }
});

final class Kernel extends Symfony\Component\HttpKernel\Kernel
{
    use MicroKernelTrait;

    public function registerBundles(): iterable
    {
        return [new FrameworkBundle(), new TwigBundle(), new SecurityBundle()];
    }

    public function getProjectDir(): string
    {
        return dirname(__DIR__);
    }
}

$kernel = new Kernel('prod', false);
$request = Request::createFromGlobals();
$response = $kernel->handle($request);
$response->send();
$kernel->terminate($request, $response);
