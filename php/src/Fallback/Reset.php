<?php
declare(strict_types=1);

namespace PusherFallback;

/** The connection broke before pushd answered anything: it has not read what was written. */
final class Reset extends \Exception
{
}
