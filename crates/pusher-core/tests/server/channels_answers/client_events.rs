//! Events of clients, and messages that are none.

use super::row::Theirs::{Other, Same, Untold};
use super::row::{Row, row};

/// They send it to the other subscribers.
const REBROADCAST: &str = "";

const FORMAT: &str = "4200 would make pages connect again and repeat the same message";

pub(super) fn rows() -> Vec<Row> {
    const OPEN: &str =
        "everybody could write to everybody else. The hosted service refuses it, too";
    vec![
        row(
            "client event of a subscriber",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"SIGNED"}}"#,
                r#"{"event":"client-typing","channel":"private-a","data":{"id":1}}"#,
            ],
            "",
            Same,
            Same,
        ),
        row(
            "client event without data",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"SIGNED"}}"#,
                r#"{"event":"client-typing","channel":"private-a"}"#,
            ],
            "",
            Same,
            Same,
        ),
        row(
            "client event to a public channel",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"news"}}"#,
                r#"{"event":"client-typing","channel":"news","data":{}}"#,
            ],
            r#"pusher:error {"code":4301}"#,
            Other(REBROADCAST, OPEN),
            Other(REBROADCAST, OPEN),
        ),
        row(
            "client event of a stranger",
            &[r#"{"event":"client-typing","channel":"private-a","data":{}}"#],
            r#"pusher:error {"code":4301}"#,
            Other(
                r#"pusher:error {"code":4009}"#,
                "4009 says that the connection is not allowed, and it is",
            ),
            Other("", "the author of a page must see the mistake"),
        ),
        row(
            "event without client-",
            &[r#"{"event":"typing","channel":"private-a","data":{}}"#],
            r#"pusher:error {"code":4301}"#,
            Other("", "the author of a page must see the mistake"),
            Other("", "the author of a page must see the mistake"),
        ),
        row(
            "channel of another type",
            &[r#"{"event":"client-typing","channel":[]}"#],
            r#"pusher:error {"code":null}"#,
            Other(r#"pusher:error {"code":4200}"#, FORMAT),
            Untold,
        ),
    ]
}

pub(super) fn rows_of_mistakes() -> Vec<Row> {
    let row = |case, sends, reverb, soketi| Row {
        case,
        sends,
        pushd: r#"pusher:error {"code":null}"#,
        reverb,
        soketi,
    };
    let reverb = || Other(r#"pusher:error {"code":4200}"#, FORMAT);
    let silent = || Other("", "the author of a client must see the mistake");
    vec![
        row("not JSON", &["Hi"], reverb(), silent()),
        row(
            "event of another type",
            &[r#"{"event":[]}"#],
            reverb(),
            silent(),
        ),
        row(
            "data that is no JSON text",
            &[r#"{"event":"pusher:subscribe","data":"sfsfsfs"}"#],
            reverb(),
            Untold,
        ),
        row(
            "channel of another type",
            &[r#"{"event":"pusher:subscribe","data":{"channel":[]}}"#],
            reverb(),
            Untold,
        ),
        row(
            "no channel",
            &[r#"{"event":"pusher:subscribe","data":{"channel":null}}"#],
            reverb(),
            Untold,
        ),
        row(
            "auth of another type",
            &[r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":[]}}"#],
            reverb(),
            Untold,
        ),
        row(
            "channel_data of another type",
            &[
                r#"{"event":"pusher:subscribe","data":{"channel":"presence-a","auth":"","channel_data":[]}}"#,
            ],
            reverb(),
            Untold,
        ),
    ]
}
