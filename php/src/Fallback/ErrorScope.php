<?php
declare(strict_types=1);

namespace PusherFallback;

/** The scope in which Report sets file and line of an Error, which are protected. */
abstract class ErrorScope extends \Error
{
}
