--TEST--
A forbidden function never ends the page: it is not needed, or a failure names it
--FILE--
<?php
require __DIR__ . '/../support/fake_pushd.inc';

const SOURCE = __DIR__ . '/../../src';
const PAGE = <<<'PHP'
    require getenv('SOURCE') . '/pusher.php';

    function outcome(Closure $publish): void
    {
        try {
            $got = $publish();
            echo $got instanceof PusherReceipt ? 'receipt ' : ($got ?? 'null') . ' ';
        } catch (PusherException $e) {
            echo "exception({$e->getCode()} {$e->getMessage()}) ";
        }
    }

    foreach (['silent', 'exception', 'warning', 'silent'] as $mode) {
        pusher_configure(['address' => getenv('ADDRESS'), 'timeout_ms' => 10_000, 'on_failure' => $mode]);
        echo "$mode: ";
        outcome(fn () => Pusher::publish('kittens', ['title' => 'new']));
        outcome(fn () => (new Pusher())->send('kittens', 1));
        outcome(fn () => (new Pusher())->sendMany(['a' => ['kittens', 1, 'an id']])['a']);
        outcome(Pusher::position(...));
    }
    Pusher::defer('kittens', 'later');
    echo 'end';
    PHP;

/** The functions of PHP that a file calls. */
function called(string $file): array
{
    preg_match_all('/(?<![\w>:$\\\\])(?<!function )(?<!new )[a-z_]\w*(?=\s*\()/i', php_strip_whitespace($file), $names);
    // Those that the test itself replaces are not among PHP's.
    return array_intersect(array_map(strtolower(...), $names[0]), [...get_defined_functions()['internal'], 'ini_set', 'ini_restore']);
}

function page(string $forbidden): string
{
    $settings = ["disable_functions=$forbidden", 'html_errors=0'];
    $command = [PHP_BINARY, '-n'];
    foreach ($settings as $setting) {
        array_push($command, '-d', $setting);
    }
    $environment = ['SOURCE' => SOURCE, 'ADDRESS' => ini_get('pusher.address')];
    $process = proc_open([...$command, '-r', PAGE], [['file', '/dev/null', 'r'], ['pipe', 'w'], ['redirect', 1]], $pipes, null, $environment);
    return stream_get_contents($pipes[1]);
}

$server = new FakePushd('answers');
$receipts = str_repeat('receipt ', 3) . FakePushd::POSITION . ' ';
$done = "silent: {$receipts}exception: {$receipts}warning: {$receipts}silent: {$receipts}end";
$functions = array_unique(array_merge(...array_map(called(...), [...glob(SOURCE . '/*.php'), ...glob(SOURCE . '/Fallback/*.php')])));
sort($functions);
foreach ($functions as $function) {
    if ($function === 'function_exists') {
        // Without it nobody could ask for the others.
        continue;
    }
    $printed = page($function);
    if (!in_array($function, PusherFallback\Host::NEEDED, true)) {
        if ($printed !== $done) {
            echo "Without $function: $printed\n";
        }
        continue;
    }
    $named = "PHP's $function\(\) is missing here \(see disable_functions in php.ini\), and Pusher needs it";
    $exception = "exception\(-5 $named\) ";
    $warning = "\s+(PHP )?(Warning:  ?)?Pusher::\w+\(\): $named.*\s+null ";
    if (preg_match("/\Asilent: (null ){4}exception: ($exception){4}warning: ($warning){4}silent: (null ){4}end\z/", $printed) !== 1) {
        echo "Without $function: $printed\n";
    }
}
$needed = PusherFallback\Host::NEEDED;
echo 'Needed, but never called: ', implode(', ', array_diff($needed, $functions)), "\n";

// What hosts are known to forbid, all together.
$usual = 'getmypid,ignore_user_abort,set_time_limit,debug_backtrace,error_log,posix_getpid,readlink,symlink,exec,system,passthru,shell_exec,proc_open,popen,'
    . 'pcntl_fork,ini_set,ini_restore,putenv,fsockopen,pfsockopen,flush,set_error_handler,restore_error_handler,get_cfg_var,dirname,phpinfo,usleep,'
    . 'register_shutdown_function,stream_context_create,session_write_close,ob_get_level,spl_autoload_register,extension_loaded,class_exists';
echo str_replace($receipts, 'receipts ', page($usual)), "\n";
?>
--EXPECT--
Needed, but never called: 
silent: receipts exception: receipts warning: receipts silent: receipts end
