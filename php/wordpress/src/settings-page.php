<?php
declare(strict_types=1);

namespace PushdLive;

/** The capability that a user needs to see and change the settings. */
const CAPABILITY = 'manage_options';

/** The address of the page, and the action of its second button. */
const PAGE = 'pushd-live';
const TEST = 'pushd_live_test';

function add_settings_page(): void
{
    add_action('admin_menu', static function (): void {
        add_options_page('Pushd Live', 'Pushd Live', CAPABILITY, PAGE, settings_page(...));
    });
    add_action('admin_init', static function (): void {
        // The settings API checks the nonce and manage_options.
        register_setting(PAGE, SETTINGS, ['type' => 'array', 'sanitize_callback' => sanitized(...)]);
    });
    add_action('admin_post_' . TEST, publish_test_event(...));
    add_filter('plugin_action_links_' . plugin_basename(FILE), static function (array $links): array {
        return ['<a href="' . esc_url(page_url()) . '">' . esc_html__('Settings', 'pushd-live') . '</a>', ...$links];
    });
}

function page_url(): string
{
    return admin_url('options-general.php?page=' . PAGE);
}

/** Returns the settings from the form. An invalid value is replaced by the stored one. */
function sanitized(mixed $form): array
{
    $form = is_array($form) ? $form : [];
    $text = static fn (string $name): string => trim(is_string($form[$name] ?? null) ? $form[$name] : '');
    $old = settings();
    $new = [
        'address' => $text('address'),
        // The form does not show the stored token, so an empty field keeps it.
        'token' => ($form['forget_token'] ?? '') === '1' ? '' : ($text('token') ?: $old['token']),
        'url' => rtrim($text('url'), '/'),
        'types' => array_values(array_intersect(array_keys(public_types()), (array) ($form['types'] ?? []))),
    ];
    try {
        pusher($new);
    } catch (\PusherException $mistake) {
        add_settings_error(SETTINGS, 'address', $mistake->getMessage());
        [$new['address'], $new['token']] = [$old['address'], $old['token']];
    }
    if ($new['url'] !== '' && (!preg_match('~\Ahttps?://[^\s"\'<>?#]+\z~i', $new['url']) || esc_url_raw($new['url']) !== $new['url'])) {
        add_settings_error(SETTINGS, 'url', sprintf(
            /* translators: %s: the invalid address */
            __('The public address must be like https://example.com:8080, not "%s".', 'pushd-live'),
            $new['url'],
        ));
        $new['url'] = $old['url'];
    }
    return $new;
}

function publish_test_event(): void
{
    if (!current_user_can(CAPABILITY)) {
        wp_die(esc_html__('You may not do this.', 'pushd-live'), 403);
    }
    check_admin_referer(TEST);
    try {
        $receipt = pusher(settings())->send(topic('test'), ['kind' => 'test', 'time' => gmdate(DATE_ATOM)]);
        $said = $receipt->spooled
            ? ['warning', __('The test event waits in the spool, because pushd did not accept it.', 'pushd-live')]
            : ['success', sprintf(
                /* translators: %d: a number of browsers */
                __('pushd has taken a test event. Browsers subscribed to its topic: %d.', 'pushd-live'),
                $receipt->subscribers,
            )];
    } catch (\Throwable $failure) {
        $said = ['error', $failure->getMessage()];
    }
    set_transient(TEST . get_current_user_id(), $said, MINUTE_IN_SECONDS);
    wp_safe_redirect(page_url());
    exit;
}

/** Returns a sentence about the spool. */
function spool_sentence(): string
{
    $dir = spool_dir();
    $failure = $dir === '' ? null : spool_failure($dir);
    return match (true) {
        $dir === '' && is_http(settings()['address']) => __('While pushd is away, events are lost: pushd runs on another machine, and cannot read a spool here.', 'pushd-live'),
        $dir === '' => __('While pushd is away, events are lost: php.ini names no spool (pusher.spool).', 'pushd-live'),
        $failure === null => sprintf(
            /* translators: %s: a directory */
            __('While pushd is away, events wait in the spool %s. pushd must run with the same spool-dir.', 'pushd-live'),
            $dir,
        ),
        default => sprintf(
            /* translators: 1: a directory, 2: the reason */
            __('While pushd is away, events are lost: the spool %1$s can\'t be used, because %2$s.', 'pushd-live'),
            $dir,
            $failure,
        ),
    };
}

function settings_page(): void
{
    if (!current_user_can(CAPABILITY)) {
        return;
    }
    $settings = settings();
    $said = get_transient(TEST . get_current_user_id());
    delete_transient(TEST . get_current_user_id());
    $failure = get_option(LAST_FAILURE);
    $spooled = get_option(LAST_SPOOLED);
    require __DIR__ . '/settings-form.php';
}
