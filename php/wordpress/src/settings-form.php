<?php
declare(strict_types=1);

namespace PushdLive;

defined('ABSPATH') || exit;

/**
 * @var array $settings
 * @var array|false $said the result of the test event
 * @var array|false $failure the last failure
 * @var int|string|false $spooled the time at which events went to the spool, if pushd has accepted none since
 */
$name = static fn (string $setting): string => esc_attr(SETTINGS . "[$setting]");
?>
<div class="wrap">
    <h1>Pushd Live</h1>
    <?php if (is_array($said)): ?>
        <div class="notice notice-<?= esc_attr($said[0]) ?>"><p><?= esc_html($said[1]) ?></p></div>
    <?php endif ?>
    <?php if (is_array($failure)): ?>
        <div class="notice notice-warning" id="pushd-live-failure"><p>
            <?= esc_html(sprintf(
                /* translators: 1: a time, 2: what went wrong */
                __('The last publish failed (%1$s): %2$s', 'pushd-live'),
                wp_date('Y-m-d H:i:s', (int) $failure['time']),
                $failure['message'],
            )) ?>
        </p></div>
    <?php endif ?>
    <?php if ($spooled !== false): ?>
        <div class="notice notice-info" id="pushd-live-spooled"><p>
            <?= esc_html(sprintf(
                /* translators: %s: a time */
                __('The last events (%s) went to the spool, because pushd did not accept them. They are published when it is back.', 'pushd-live'),
                wp_date('Y-m-d H:i:s', (int) $spooled),
            )) ?>
        </p></div>
    <?php endif ?>
    <p>
        <?= extension_loaded('pusher')
            ? esc_html__('Publishes with the PHP extension.', 'pushd-live')
            : esc_html__('Publishes with PHP alone: the PHP extension is not loaded.', 'pushd-live') ?>
        <?= esc_html__('Pages show what is published with the shortcode [pushd_live] and the block "Pushd Live".', 'pushd-live') ?>
    </p>
    <p id="pushd-live-spool"><?= esc_html(spool_sentence()) ?></p>
    <form method="post" action="options.php" id="pushd-live-settings">
        <?php settings_fields(PAGE) ?>
        <table class="form-table" role="presentation">
            <tr>
                <th scope="row"><label for="pushd-live-url"><?= esc_html__('Public address of pushd', 'pushd-live') ?></label></th>
                <td>
                    <input type="url" class="regular-text" id="pushd-live-url" name="<?= $name('url') ?>" value="<?= esc_attr($settings['url']) ?>" placeholder="https://example.com:8080">
                    <p class="description"><?= esc_html__('The address that browsers connect to. If it is empty, pages show no live entries.', 'pushd-live') ?></p>
                </td>
            </tr>
            <tr>
                <th scope="row"><label for="pushd-live-address"><?= esc_html__('Address for publishing', 'pushd-live') ?></label></th>
                <td>
                    <input type="text" class="regular-text code" id="pushd-live-address" name="<?= $name('address') ?>" value="<?= esc_attr($settings['address']) ?>" required>
                    <p class="description"><?= esc_html__('tcp://127.0.0.1:5555 or unix:/run/pushd/publish.sock; without the PHP extension, also https://push.example.com', 'pushd-live') ?></p>
                </td>
            </tr>
            <tr>
                <th scope="row"><label for="pushd-live-token"><?= esc_html__('Token', 'pushd-live') ?></label></th>
                <td>
                    <input type="password" class="regular-text" id="pushd-live-token" name="<?= $name('token') ?>" value="" autocomplete="off"
                        placeholder="<?= $settings['token'] === '' ? '' : esc_attr__('(stored)', 'pushd-live') ?>">
                    <?php if ($settings['token'] !== ''): ?>
                        <label><input type="checkbox" name="<?= $name('forget_token') ?>" value="1"> <?= esc_html__('Forget it', 'pushd-live') ?></label>
                    <?php endif ?>
                    <p class="description"><?= esc_html__('Only if pushd runs with --publish-token.', 'pushd-live') ?></p>
                </td>
            </tr>
            <tr>
                <th scope="row"><?= esc_html__('What is published', 'pushd-live') ?></th>
                <td>
                    <fieldset>
                        <?php foreach (public_types() as $type => $label): ?>
                            <label><input type="checkbox" name="<?= $name('types') ?>[]" value="<?= esc_attr($type) ?>" <?php checked(in_array($type, $settings['types'], true)) ?>>
                                <?= esc_html($label) ?></label><br>
                        <?php endforeach ?>
                    </fieldset>
                    <p class="description"><?= esc_html__('Comments on them are published too. Private and password-protected content is never published.', 'pushd-live') ?></p>
                </td>
            </tr>
        </table>
        <?php submit_button() ?>
    </form>
    <form method="post" action="<?= esc_url(admin_url('admin-post.php')) ?>" id="pushd-live-test">
        <input type="hidden" name="action" value="<?= esc_attr(TEST) ?>">
        <?php wp_nonce_field(TEST) ?>
        <?php submit_button(__('Publish a test event', 'pushd-live'), 'secondary', 'submit', false) ?>
    </form>
</div>
