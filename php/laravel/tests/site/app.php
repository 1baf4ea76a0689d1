<?php
declare(strict_types=1);

/*
 * A site with Laravel, for the tests: the framework itself, and the package as Composer has installed it. Returns the
 * application.
 */

use Illuminate\Auth\GenericUser;
use Illuminate\Broadcasting\Channel;
use Illuminate\Broadcasting\InteractsWithSockets;
use Illuminate\Broadcasting\PresenceChannel;
use Illuminate\Broadcasting\PrivateChannel;
use Illuminate\Contracts\Broadcasting\ShouldBroadcastNow;
use Illuminate\Contracts\Console\Kernel as ConsoleKernel;
use Illuminate\Contracts\Debug\ExceptionHandler;
use Illuminate\Contracts\Http\Kernel as HttpKernel;
use Illuminate\Http\Request;
use Illuminate\Support\Facades\Auth;
use Illuminate\Support\Facades\Broadcast;
use Illuminate\Support\Facades\Route;

require getenv('LARAVEL_AUTOLOAD') ?: 'Illuminate/autoload.php';
require __DIR__ . '/vendor/autoload.php';

/** The event of the site. */
final class Posted implements ShouldBroadcastNow
{
    use InteractsWithSockets;

    /** @param list<string> $names */
    public function __construct(private readonly array $names, public readonly string $title)
    {
    }

    public function broadcastOn(): array
    {
        return array_map(static fn (string $name): Channel => match (strtok($name, '-')) {
            'private' => new PrivateChannel(substr($name, 8)),
            'presence' => new PresenceChannel(substr($name, 9)),
            default => new Channel($name),
        }, $this->names);
    }
}

$app = new Illuminate\Foundation\Application(__DIR__);
$app->singleton(HttpKernel::class, Illuminate\Foundation\Http\Kernel::class);
$app->singleton(ConsoleKernel::class, Illuminate\Foundation\Console\Kernel::class);
$app->singleton(ExceptionHandler::class, Illuminate\Foundation\Exceptions\Handler::class);

$app->booted(static function (): void {
    // Whoever says who they are is logged in.
    Auth::viaRequest('header', static function (Request $request): ?GenericUser {
        $id = $request->header('X-User') ?? $request->query('user');
        return $id === null ? null : new GenericUser(['id' => $id]);
    });
    getenv('WITHOUT_ROUTES') || Broadcast::routes(['middleware' => []]);
    Broadcast::channel('orders.{id}', static fn (GenericUser $user, string $id): bool => $id !== '8');
    Broadcast::channel('gone.{id}', static fn () => abort(404));
    Broadcast::channel('broken', static fn () => throw new RuntimeException('a mistake of the site'));
    Broadcast::channel('admins', static fn (): bool => true, ['guards' => ['admin']]);
    Auth::viaRequest('admin', static fn (): GenericUser => new GenericUser(['id' => 'root']));
    Broadcast::channel('chat.{id}', static fn (GenericUser $user, string $id): array => ['id' => $user->id, 'name' => 'Ann', 'room' => $id]);
    Route::post('/post', static function (Request $request): string {
        broadcast(new Posted($request->input('channels'), $request->input('title')))->toOthers();
        return 'posted';
    });
});

return $app;
