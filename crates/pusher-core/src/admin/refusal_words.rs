//! The words for refusals: what happened, and what the operator can do.

use pusher_proto::ticket::TicketFault;

/// What a reason means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) meaning: String,
    /// Empty if there is nothing to do.
    pub(super) advice: &'static str,
}

/// Returns the words for a reason of a figure. A test checks that each reason has some.
pub(super) fn words(figure: &str, reason: &str) -> Words {
    let (meaning, advice) = match figure {
        "browsers_refused" => of_browser(reason),
        "violations" => of_session(reason),
        "slow_consumers" => of_slow_consumer(reason),
        "pings_unanswered" => (
            "The browser did not answer a ping: it has vanished without a close.",
            "Phones and laptops that lose their network do this. Nothing to do.",
        ),
        "publishers_refused" => of_publisher(reason),
        "publishes_refused" => of_publish(reason),
        _ => {
            // It has its advice in its own text.
            let fault = TicketFault::parse(reason);
            return Words {
                meaning: fault.map_or_else(String::new, |fault| fault.to_string()),
                advice: "",
            };
        }
    };
    Words {
        meaning: meaning.to_owned(),
        advice,
    }
}

fn of_browser(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "connections_max" => (
            "All connections are taken, so the browser got status 503.",
            "Raise connections-max and the limit of open files, or add a machine.",
        ),
        "connections_per_address_max" => (
            "One address has opened too many connections, and got status 429.",
            "Is it a proxy? Name it with trust-proxy. Otherwise raise connections-per-address-max for large offices.",
        ),
        "handshake_len_max" => (
            "The head of the request was too long.",
            "Most often the site has very large cookies. Raise handshake-len-max, or make the cookies smaller.",
        ),
        "headers_max" => (
            "The request had too many headers.",
            "A proxy adds headers. Raise headers-max.",
        ),
        "handshake_timeout" => (
            "The request did not arrive in time.",
            "Scanners and slow networks do this. If visitors are affected, raise handshake-timeout.",
        ),
        "origin" => (
            "A page of another host may not connect.",
            "If the page is yours, add its origin with allow-origin. The table of origins has the option for each.",
        ),
        "ticket" => (
            "An event stream asked for a topic that its ticket does not allow.",
            "See the reasons of refused subscriptions.",
        ),
        "application" => ("The embedding program refused the browser.", ""),
        "subprotocol" => (
            "The client speaks no protocol of this server.",
            "Let the page load pusher.js or autobahn.js. For pusher-js, set pusher-app.",
        ),
        _ => (
            "The request was no WebSocket handshake, or TLS failed.",
            "If your pages do this, a proxy removes headers: run `pusherd doctor` with the address of the site.",
        ),
    }
}

fn of_session(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "protocol" => (
            "The client sent frames that are no valid WebSocket.",
            "Its library is faulty, or a proxy changes the data.",
        ),
        "invalid_data" => (
            "The client sent a message that its protocol does not have.",
            "Its script calls something that this server does not know.",
        ),
        "client_message_len_max" => (
            "The client sent a message that is too long.",
            "Pages should send little: publish large events from the site. Or raise client-message-len-max.",
        ),
        "client_messages_per_second" => (
            "The client sent too many messages.",
            "Look for a loop in the script of the page. Or raise client-messages-per-second.",
        ),
        "unfinished_timeout" => (
            "The client began a message and did not finish it.",
            "Most often the network is slow. Or raise unfinished-timeout.",
        ),
        "topics_max" => (
            "The client subscribed to too many topics.",
            "Use fewer topics with more events each. Or raise topics-max.",
        ),
        "topics_len_max" => (
            "The names of all topics of the client are too long together.",
            "Use shorter topics. Or raise topics-len-max.",
        ),
        "topic_len_max" => (
            "The client named a topic that is too long.",
            "Use a shorter topic. Or raise topic-len-max.",
        ),
        "prefixes_max" => (
            "The client defined too many prefixes, or too long ones.",
            "Or raise prefixes-max and prefixes-len-max.",
        ),
        "event_len_max" => (
            "The client published an event that is too long.",
            "Publish a link to the data. Or raise event-len-max.",
        ),
        _ => (
            "The client published to a topic to which browsers may not publish.",
            "If they should, add the topic to client-publish.",
        ),
    }
}

fn of_slow_consumer(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "outbox_len_max" => (
            "The browser had too many events queued, in topics without history.",
            "Publish less, keep a history of the topic, or raise outbox-len-max.",
        ),
        "write_timeout" => (
            "The browser read nothing for too long.",
            "Pages that sleep do this, and come back. Nothing to do.",
        ),
        "events_len_max" => (
            "The queued events of all browsers used all the memory that they may.",
            "Raise events-len-max, or publish less.",
        ),
        _ => (
            "The browser read so slowly that the event log lost its next event.",
            "Raise history-len-max. The page reconnects and is told of the gap.",
        ),
    }
}

fn of_publisher(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "publishers_max" => (
            "All connections for publishers are taken, and none is idle.",
            "Raise publishers-max, or let the site close its connections.",
        ),
        "first_byte_timeout" => (
            "The connection sent nothing.",
            "Health checks and port scanners do this. Let the check request /healthz.",
        ),
        "unfinished_timeout" => (
            "The publisher began a message and did not finish it.",
            "Most often a script ended early. Or raise unfinished-timeout.",
        ),
        "unfinished_len_max" => (
            "The incomplete messages of all publishers are too long together.",
            "Raise unfinished-len-max.",
        ),
        "answer_timeout" => (
            "The publisher did not read its receipts.",
            "Let the program read them, or publish raw JSON.",
        ),
        "language" => (
            "The connection speaks none of the protocols of this port.",
            "Is it a browser or TLS? Browsers connect to the other port, and this one has no TLS.",
        ),
        _ => (
            "An HTTP request was refused.",
            "The line of the request says why: a wrong path or token, or a host name to add with publish-host.",
        ),
    }
}

fn of_publish(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "bad_topic" => (
            "The topic is empty, too long, or reserved.",
            "Correct it in the site. Topics that begin with `pushd:` are the server's own.",
        ),
        "bad_id" => (
            "The id of the publish is empty or too long.",
            "Correct it in the site.",
        ),
        "bad_exclude" => (
            "The session to exclude has no known form.",
            "Pass the session id of the page unchanged.",
        ),
        "bad_message" => (
            "The message is malformed, or its event is no JSON.",
            "Encode the event as JSON. The line of the message says what is wrong.",
        ),
        "event_too_large" => (
            "The event is longer than event-len-max.",
            "Publish a link to the data, or raise event-len-max.",
        ),
        "too_large" => (
            "The message is longer than publish-len-max, or nested too deeply.",
            "Publish less at once.",
        ),
        "denied" => (
            "The token is missing or wrong, the host name is unknown, or a page of another site sent it.",
            "Give the site the publish-token, and add its name for this server with publish-host.",
        ),
        "overloaded" => (
            "The server had no room for the event at this moment.",
            "If this happens often, raise backlog-len-max or publishers-max, or publish less.",
        ),
        "log_unavailable" => (
            "Redis did not take the event in time.",
            "See the state of Redis on this page.",
        ),
        "ending" => (
            "The server was about to stop.",
            "Publishers retry. Nothing to do.",
        ),
        _ => (
            "The connection ended in the middle of a message.",
            "Most often a script ended early.",
        ),
    }
}
