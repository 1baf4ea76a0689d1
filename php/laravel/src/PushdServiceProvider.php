<?php
declare(strict_types=1);

namespace Pushd\Laravel;

use Illuminate\Broadcasting\BroadcastManager;
use Illuminate\Contracts\Config\Repository;
use Illuminate\Contracts\Foundation\Application;
use Illuminate\Support\ServiceProvider;
use Pusher;
use Pushd\Laravel\Console\DoctorCommand;

/** Registers the broadcast driver `pushd`, its connection, and the command `pushd:doctor`. */
final class PushdServiceProvider extends ServiceProvider
{
    private const CONFIG = __DIR__ . '/../config/pushd.php';

    /** Settings of config/pushd.php that Pusher has, too. */
    private const OF_PUSHER = ['address', 'token', 'timeout_ms', 'spool', 'ticket_key_file'];

    public function register(): void
    {
        $this->mergeConfigFrom(self::CONFIG, 'pushd');
        $config = $this->app->make(Repository::class);
        // So that BROADCAST_CONNECTION=pushd is enough.
        if (!$config->has('broadcasting.connections.pushd')) {
            $config->set('broadcasting.connections.pushd', ['driver' => 'pushd']);
        }
        $this->callAfterResolving(BroadcastManager::class, static function (BroadcastManager $manager): void {
            $manager->extend('pushd', fn (Application $app): PushdBroadcaster => new PushdBroadcaster(
                // With an exception, the queue tries a failed broadcast again.
                new Pusher(options: ['on_failure' => 'exception']),
                (int) $app->make(Repository::class)->get('pushd.ticket_ttl'),
            ));
        });
    }

    public function boot(): void
    {
        $settings = array_intersect_key($this->app->make(Repository::class)->get('pushd'), array_flip(self::OF_PUSHER));
        // Null would restore the value of php.ini, and undo a pusher_configure() of the application.
        pusher_configure(array_filter($settings, static fn (mixed $value): bool => $value !== null));
        if ($this->app->runningInConsole()) {
            $this->publishes([self::CONFIG => $this->app->configPath('pushd.php')], 'pushd-config');
            $this->commands([DoctorCommand::class]);
        }
    }
}
