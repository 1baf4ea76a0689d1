<?php
declare(strict_types=1);

namespace Blog;

/** Lifetime of a ticket in seconds. blog.js renews it. */
const TICKET_S = 300;

/** Returns the private topic of a reader. Only the reader's own tickets open it. */
function own_topic(string $name): string
{
    return 'user.' . $name;
}

/**
 * Returns a ticket for the reader who is logged in, and sets its cookie. Returns null for a guest, if this PHP can't sign
 * tickets, and if it has no key. Call it before any output.
 */
function ticket(): ?string
{
    static $ticket = null;
    $name = reader();
    if ($ticket === null && $name !== null && method_exists('Pusher', 'ticket')) {
        $ticket = quietly(fn (): string => \Pusher::ticket([own_topic($name)], TICKET_S, $name, ['name' => $name]));
    }
    return $ticket;
}

/** Whether the reader can write to the author of an article alone. Without tickets, everybody could read the topics. */
function can_write_privately(?string $author): bool
{
    return $author !== null && $author !== reader() && ticket() !== null;
}

/** Ends the tickets of a reader: all open pages of the reader lose the private topic at once. */
function revoke_tickets(string $name): void
{
    if (method_exists('Pusher', 'revoke')) {
        quietly(fn () => \Pusher::revoke($name));
    }
    setcookie('pushd_ticket', '', ['expires' => 1] + cookie_flags());
}
