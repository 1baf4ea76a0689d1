<?php
declare(strict_types=1);

namespace PusherFallback;

/** The connection broke before any answer: pushd has not read the written messages. */
final class Reset extends \Exception
{
}
