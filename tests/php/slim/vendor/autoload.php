<?php
declare(strict_types=1);

// For the test of php/FRAMEWORKS.md, which adds the files of that page: Debian's Slim 3, with the factory of Slim 4.

namespace {
    require 'Slim/autoload.php';
    // The visitor who logs in as the test says.
    if (isset($_SERVER['HTTP_X_USER'])) {
        session_start();
        $_SESSION['user'] = $_SERVER['HTTP_X_USER'];
        session_write_close();
    }
}

namespace Slim\Factory {
    final class AppFactory
    {
        public static function create(): \Slim\App
        {
            return new \Slim\App();
        }
    }
}
