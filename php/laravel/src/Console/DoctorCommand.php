<?php
declare(strict_types=1);

namespace Pushd\Laravel\Console;

use Illuminate\Broadcasting\BroadcastController;
use Illuminate\Console\Command;
use Illuminate\Contracts\Config\Repository;
use Illuminate\Routing\Router;
use Pusher;
use PusherException;
use Symfony\Component\Process\ExecutableFinder;
use Symfony\Component\Process\Process;

/** Checks what a broadcast needs, and says what to do. Then runs `pusherd doctor` if this machine has it. */
final class DoctorCommand extends Command
{
    /** Time limit of `pusherd doctor`, in seconds. It has a limit of its own for each of its steps. */
    private const DOCTOR_S = 120;

    protected $signature = 'pushd:doctor {--url= : Where browsers connect, if it is not the url of config/pushd.php}';

    protected $description = 'Checks the connection to pushd and the settings of broadcasting';

    private int $faults = 0;

    public function handle(Repository $config, Router $router): int
    {
        $this->faults = 0;
        $this->implementation();
        $this->driver($config);
        $this->address();
        $this->key();
        $this->route($router);
        $this->ofPushd($config);
        return $this->faults === 0 ? self::SUCCESS : self::FAILURE;
    }

    private function implementation(): void
    {
        $this->good(extension_loaded('pusher')
            ? 'publishes with the PHP extension ' . phpversion('pusher')
            : 'publishes with PHP alone: the extension is faster, and keeps its connection');
    }

    private function driver(Repository $config): void
    {
        $connection = $config->get('broadcasting.default') ?? 'null';
        $driver = $config->get("broadcasting.connections.$connection.driver");
        if ($driver === 'pushd') {
            $this->good("broadcasts go to the connection $connection");
        } else {
            $this->fault("broadcasts go to the connection $connection: set BROADCAST_CONNECTION=pushd in .env (before Laravel 11: BROADCAST_DRIVER)");
        }
    }

    private function address(): void
    {
        try {
            $position = (new Pusher(options: ['on_failure' => 'exception']))->currentPosition();
            $this->good("pushd answers; the position of its log is $position");
        } catch (PusherException $failure) {
            $this->fault("pushd does not answer: {$failure->getMessage()}");
        }
    }

    private function key(): void
    {
        try {
            Pusher::ticket(['private-pushd-doctor'], sub: 'pushd-doctor', cookie: false);
            $this->good('tickets for private channels can be signed');
        } catch (PusherException $failure) {
            $this->fault("private channels cannot be joined: {$failure->getMessage()}");
        }
    }

    private function route(Router $router): void
    {
        foreach ($router->getRoutes() as $route) {
            if (ltrim($route->getActionName(), '\\') === BroadcastController::class . '@authenticate') {
                $this->good("pages get tickets from /{$route->uri()}");
                return;
            }
        }
        $this->fault('pages cannot get tickets: no route authorizes channels. Add routes/channels.php in bootstrap/app.php (before Laravel 11: '
            . 'call Broadcast::routes() in a provider)');
    }

    /** Runs the doctor of pushd, which connects as a browser does. */
    private function ofPushd(Repository $config): void
    {
        $finder = new ExecutableFinder();
        $program = $finder->find('pusherd') ?? $finder->find('pushd');
        if ($program === null) {
            $this->line('not checked: whether browsers can connect. This machine has no pusherd');
            return;
        }
        $site = rtrim((string) $config->get('app.url'), '/');
        $url = (string) ($this->option('url') ?? $config->get('pushd.url'));
        $command = [$program, 'doctor', str_starts_with($url, '/') ? $site . $url : $url, '--origin', $site];
        $address = $config->get('pushd.address');
        if ($address !== null && preg_match('~\Ahttps?://~i', $address) === 1) {
            // pusherd has no HTTP for publishers. This command has asked pushd at the address.
            $command[] = '--no-publish';
        } elseif ($address !== null) {
            array_push($command, '--publish-address', preg_replace('~\Atcp://~', '', $address));
        }
        $process = new Process($command, null, self::environment($config->get('pushd.token')), null, self::DOCTOR_S);
        $status = $process->run(fn (string $type, string $text) => $this->output->write($text));
        if ($status !== 0) {
            $this->fault('pusherd doctor found a fault');
        }
    }

    /**
     * Changes to the environment. pushd refuses variables like PUSHD_URL, which are settings of this package.
     *
     * @return array<string, string|false>
     */
    private static function environment(#[\SensitiveParameter] ?string $token): array
    {
        $ofPushd = array_filter(array_keys(getenv() + $_ENV), static fn (string $name): bool => str_starts_with($name, 'PUSHD_'));
        return ($token === null ? [] : ['PUSHD_PUBLISH_TOKEN' => $token]) + array_fill_keys($ofPushd, false);
    }

    private function good(string $text): void
    {
        $this->line("ok      $text");
    }

    private function fault(string $text): void
    {
        $this->faults++;
        $this->line("FAULT   $text");
    }
}
