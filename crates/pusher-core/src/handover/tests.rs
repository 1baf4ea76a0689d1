//! States as bytes.

use super::*;

fn empty() -> HandOver {
    HandOver {
        state: State::default(),
        sockets: Vec::new(),
    }
}

fn write(state: &State, format: u32) -> Vec<u8> {
    let handed_over = HandOver {
        state: state.clone(),
        sockets: Vec::new(),
    };
    handed_over.encode(format).unwrap()
}

/// Reads a state. The sockets do not matter.
fn read(bytes: &[u8]) -> State {
    let expected = match HandOver::decode(bytes, Vec::new()) {
        Ok(read) => return read.state,
        Err(HandOverError::Sockets { expected, .. }) => expected,
        Err(error) => panic!("{error}"),
    };
    let socket = || std::net::UdpSocket::bind("127.0.0.1:0").unwrap().into();
    let sockets = (0..expected).map(|_| socket()).collect();
    HandOver::decode(bytes, sockets).unwrap().state
}

/// Returns a state with something in each of its parts.
fn full() -> State {
    let ticket = Ticket::Valid {
        sub: Some("u".to_owned()),
        info: None,
        topics: vec!["t".to_owned()],
        issued_s: 1,
        expires_s: 2,
    };
    let position = Position {
        epoch: 3,
        sequence: 4,
    };
    let stages = [
        Stage::Handshake(b"GET".to_vec()),
        Stage::Session(Session {
            id: 5,
            protocol: Protocol::Wamp {
                dialect: WampDialect::Pushd1,
                prefixes: vec![("p".to_owned(), "q".to_owned())],
                resume: Some((6, 7)),
            },
            topics: vec![Subscription {
                topic: "t".to_owned(),
                after: 8,
                is_reading: true,
                sub: None,
            }],
            ticket: Some(ticket),
            unfinished: b"a".to_vec(),
            unsent: b"b".to_vec(),
            pongs_expected: 9,
            may_compress: true,
        }),
        Stage::Stream(Stream {
            id: 10,
            topics: vec!["t".to_owned()],
            after: 11,
            ticket: Some(Ticket::Fault("expired".to_owned())),
            unsent: b"c".to_vec(),
        }),
    ];
    let browser = |stage| Browser {
        peer: ([127, 0, 0, 1], 12).into(),
        stage,
        origin: Some("o".to_owned()),
        age_s: Some(40),
    };
    let protocols = [
        PublisherProtocol::Beginning,
        PublisherProtocol::Native {
            has_greeted: true,
            has_spool: false,
            is_behind_spool: true,
        },
        PublisherProtocol::Raw { has_hung_up: true },
        PublisherProtocol::Zmtp {
            stage: 13,
            pending: Some((14, 15, b"d".to_vec())),
        },
        PublisherProtocol::Http,
    ];
    let publisher = |protocol| Publisher {
        transport: Transport::Unix,
        peer: "e".to_owned(),
        protocol,
        unread: b"f".to_vec(),
    };
    State {
        version: "0".to_owned(),
        paused_at_ms: 16,
        figures: Figures {
            handovers: 17,
            handovers_failed: 18,
            closed: 19,
        },
        has_inherited: Inherited {
            public: true,
            publish: false,
        },
        listeners: vec![
            ListenerKind::Public,
            ListenerKind::PublishUnix(Some("g".into())),
            ListenerKind::Signed,
        ],
        browsers: stages.into_iter().map(browser).collect(),
        publishers: protocols.into_iter().map(publisher).collect(),
        position,
        log: Some(Log {
            begin: 20,
            topics: vec![LogTopic {
                topic: "t".to_owned(),
                watermark: 21,
            }],
            entries: vec![Entry {
                sequence: 22,
                topic: 0,
                age_ms: 23,
                event: "1".to_owned(),
                recipients: Some(Recipients {
                    exclude: vec![24],
                    eligible: None,
                    exclude_numbers: vec![1],
                }),
            }],
            watermark_keys: (25, 26),
            watermarks: vec![(27, 28)],
            watermark_floor: 29,
        }),
        ids: vec![KnownId {
            topic: "t".to_owned(),
            id: "i".to_owned(),
            age_ms: 30,
            receipt: Receipt {
                sequence: 31,
                subscribers: 32,
                position: Some(position),
                stored: 3,
                nodes: None,
            },
        }],
        resumes: vec![Resume {
            key: (33, 34),
            number: 35,
            topics: vec![(36, 37)],
            since: ResumeSince::Position(position),
        }],
        revocations: vec![Revocation {
            sub: "u".to_owned(),
            before_s: 38,
        }],
        members: vec![Member {
            topic: "t".to_owned(),
            sub: "u".to_owned(),
            info: None,
            issued_s: 39,
        }],
        webhooks: Webhooks {
            occupied: Some(vec!["c".to_owned()]),
            queues: vec![("h".to_owned(), vec!["{}".to_owned()])],
        },
        node: Some("n".to_owned()),
    }
}

#[test]
fn a_state_is_read_as_it_was_written() {
    for &format in HandOver::formats() {
        assert_eq!(read(&write(&State::default(), format)), State::default());
    }
    assert_eq!(read(&write(&full(), 3)), full());
    // Format 2 has no origins and ages, and does not know compressed messages.
    let mut expect = full();
    for browser in &mut expect.browsers {
        (browser.origin, browser.age_s) = (None, None);
        if let Stage::Session(session) = &mut browser.stage {
            session.may_compress = false;
        }
    }
    assert_ne!(expect, full());
    assert_eq!(read(&write(&full(), 2)), expect);
}

/// Other versions write and read these bytes, so they never change.
#[test]
fn the_bytes_of_each_format_stay() {
    for (format, bytes) in [(2, FORMAT_2), (3, FORMAT_3)] {
        let written = write(&full(), format);
        assert_eq!(
            written.escape_ascii().to_string(),
            bytes.escape_ascii().to_string()
        );
    }
}

const FORMAT_2: &[u8] = b"\x02\x00\x00\x00\x010\x10\x11\x12\x13\x01\x00\x03\x00\x02\x01\x01g\x03\x03\x00\x7f\x00\x00\x01\x0c\x00\x03GET\
    \x00\x7f\x00\x00\x01\x0c\x01\x05\x00\x02\x01\x01p\x01q\x01\x06\x07\x01\x01t\x08\x01\x00\x01\x00\x01\x01u\x00\
    \x01\x01t\x01\x02\x01a\x01b\t\x00\x7f\x00\x00\x01\x0c\x02\n\x01\x01t\x0b\x01\x01\x07expired\x01c\x05\x01\x01e\
    \x00\x01f\x01\x01e\x01\x01\x00\x01\x01f\x01\x01e\x02\x01\x01f\x01\x01e\x03\r\x01\x0e\x0f\x01d\x01f\x01\x01e\
    \x04\x01f\x03\x04\x01\x14\x01\x01t\x15\x01\x16\x00\x17\x011\x01\x01\x18\x00\x01\x01\x19\x1a\x01\x1b\x1c\x1d\x01\x01t\
    \x01i\x1e\x1f \x01\x03\x04\x03\x00\x01!\"#\x01$%\x02\x03\x04\x01\x01u&\x01\x01t\x01u\x00'\x01\x01\x01c\x01\
    \x01h\x01\x02{}\x01\x01n";
const FORMAT_3: &[u8] = b"\x03\x00\x00\x00\x010\x10\x11\x12\x13\x01\x00\x03\x00\x02\x01\x01g\x03\x03\x00\x7f\x00\x00\x01\x0c\x00\x03GET\x01\x01o\x01(\
    \x00\x7f\x00\x00\x01\x0c\x01\x05\x00\x02\x01\x01p\x01q\x01\x06\x07\x01\x01t\x08\x01\x00\x01\x00\x01\x01u\x00\
    \x01\x01t\x01\x02\x01a\x01b\t\x01\x01\x01o\x01(\x00\x7f\x00\x00\x01\x0c\x02\n\x01\x01t\x0b\x01\x01\x07expired\x01c\x01\x01o\x01(\x05\x01\x01e\
    \x00\x01f\x01\x01e\x01\x01\x00\x01\x01f\x01\x01e\x02\x01\x01f\x01\x01e\x03\r\x01\x0e\x0f\x01d\x01f\x01\x01e\
    \x04\x01f\x03\x04\x01\x14\x01\x01t\x15\x01\x16\x00\x17\x011\x01\x01\x18\x00\x01\x01\x19\x1a\x01\x1b\x1c\x1d\x01\x01t\
    \x01i\x1e\x1f \x01\x03\x04\x03\x00\x01!\"#\x01$%\x02\x03\x04\x01\x01u&\x01\x01t\x01u\x00'\x01\x01\x01c\x01\
    \x01h\x01\x02{}\x01\x01n";

#[test]
fn other_formats_and_damaged_states_are_errors() {
    let unknown = HandOver::formats()[0] + 1;
    let error = empty().encode(unknown).unwrap_err();
    assert!(matches!(error, HandOverError::Format(format) if format == unknown));
    for &format in HandOver::formats() {
        let bytes = empty().encode(format).unwrap();
        for len in 0..bytes.len() {
            let error = HandOver::decode(&bytes[..len], Vec::new()).unwrap_err();
            assert!(matches!(error, HandOverError::Damaged(_)), "{len}: {error}");
        }
    }
    let mut newer = empty().encode(HandOver::formats()[0]).unwrap();
    newer[0] += 1;
    let error = HandOver::decode(&newer, Vec::new()).unwrap_err();
    assert!(matches!(error, HandOverError::Format(_)), "{error}");
}

#[test]
fn a_socket_that_is_missing_is_an_error() {
    let mut handed_over = empty();
    handed_over.state.listeners.push(ListenerKind::Public);
    let bytes = handed_over.encode(HandOver::formats()[0]).unwrap();
    let error = HandOver::decode(&bytes, Vec::new()).unwrap_err();
    let text = "1 sockets were handed over, and 0 arrived";
    assert_eq!(error.to_string(), text);
}
