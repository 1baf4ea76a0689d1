//! `push_client`, called as C does.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::thread;

use crate::fake_server::{FakeServer, Received};
use pusher::c_api::client::*;
use pusher::c_api::codes::*;
use pusher::c_api::push_last_error;
use pusher::c_api::receipt::*;

/// A client that is freed at the end, as C++ would have it.
pub(crate) struct Client(pub(crate) *mut PushClient);

// SAFETY: any thread may free a client.
unsafe impl Send for Client {}

// SAFETY: the header says that threads may share a client.
unsafe impl Sync for Client {}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: it was made by push_client_new, and is dropped once.
        unsafe { push_client_free(self.0) };
    }
}

pub(crate) fn options(address: &CStr) -> PushOptions {
    PushOptions {
        struct_size: size_of::<PushOptions>(),
        address: address.as_ptr(),
        timeout_ms: 20_000,
        queue_bytes_max: 0,
        token: ptr::null(),
        spool_dir: ptr::null(),
        ttl_s: 0,
    }
}

pub(crate) fn try_new(options: &PushOptions) -> Result<Client, c_int> {
    let mut client = ptr::null_mut();
    // SAFETY: both can be read and written.
    match unsafe { push_client_new(options, &mut client) } {
        0 => Ok(Client(client)),
        code => {
            assert!(client.is_null(), "outputs are written on success only");
            Err(code)
        }
    }
}

pub(crate) fn last_error() -> String {
    // SAFETY: never NULL, and used before the next call.
    let text = unsafe { CStr::from_ptr(push_last_error()) };
    text.to_str().unwrap().to_owned()
}

/// A server whose receipts show the event as the number of browsers, and a client of it, which has
/// to be dropped first.
fn connected() -> (FakeServer, Client) {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        loop {
            let Received { request, event, .. } = peer.read_publish()?;
            peer.write(format!("[4,{request},{request},{event}]\n"))?;
        }
    });
    let client = Client::of(&server, |_| {});
    (server, client)
}

impl Client {
    /// A client of the server, patient unless options are changed.
    pub(crate) fn of(server: &FakeServer, change: impl FnOnce(&mut PushOptions)) -> Self {
        let address = CString::new(server.address().to_string()).unwrap();
        let mut options = options(&address);
        change(&mut options);
        try_new(&options).unwrap_or_else(|code| panic!("{code}: {}", last_error()))
    }

    fn publish(&self, category: &[u8], json: &[u8]) -> (c_int, PushReceipt) {
        let mut receipt = PushReceipt {
            sequence: u64::MAX,
            subscribers: u64::MAX,
            position: [b'x' as c_char; PUSH_POSITION_SIZE],
            stored: c_int::MAX,
            nodes: u64::MAX,
            spooled: c_int::MAX,
        };
        // SAFETY: the client lives, the texts have these lengths, the receipt can be written.
        let result = unsafe {
            push_client_publish(
                self.0,
                category.as_ptr().cast::<c_char>(),
                category.len(),
                json.as_ptr().cast::<c_char>(),
                json.len(),
                ptr::null(),
                0,
                &mut receipt,
            )
        };
        (result, receipt)
    }
}

#[test]
fn a_receipt_has_sequence_and_subscribers() {
    let (_server, client) = connected();
    for sequence in 1..=3 {
        let (result, receipt) = client.publish(b"t", b"18446744073709551614");
        assert_eq!(result, c_int::MAX - 1, "{}", last_error());
        assert_eq!(receipt.sequence, sequence);
        assert_eq!(receipt.subscribers, 18446744073709551614);
    }
    // SAFETY: no receipt is wanted.
    let result = unsafe {
        push_client_publish(
            client.0,
            c"t".as_ptr(),
            1,
            c"7".as_ptr(),
            1,
            ptr::null(),
            0,
            ptr::null_mut(),
        )
    };
    assert_eq!(result, 7);
}

#[test]
fn a_receipt_has_the_number_of_servers() {
    let server = FakeServer::unix(|_, peer| {
        peer.welcome()?;
        loop {
            let Received { request, event, .. } = peer.read_publish()?;
            peer.write(format!("[4,{request},1,3,{event}]\n"))?;
        }
    });
    let client = Client::of(&server, |_| {});
    for (options, nodes) in [
        (&b"{\"nodes\":2,\"stored\":\"memory\"}"[..], 2),
        (b"{\"nodes\":18446744073709551615}", u64::MAX),
        (b"{\"stored\":\"memory\"}", 0),
    ] {
        let (result, receipt) = client.publish(b"t", options);
        assert_eq!((result, receipt.nodes), (3, nodes), "{}", last_error());
    }
}

#[test]
fn texts_end_at_their_length_not_at_a_nul() {
    let (_server, client) = connected();
    assert_eq!(client.publish(b"a\0b", b"12").0, 12, "{}", last_error());
    let twelve = b"12";
    assert_eq!(client.publish(b"t", &twelve[..1]).0, 1);
    assert_eq!(client.publish(b"t", b"12\0").0, PUSH_EJSON);
    assert_eq!(client.publish(b"", b"12").0, PUSH_ETOPIC);
}

#[test]
fn mistakes_do_not_write_the_receipt() {
    let (_server, client) = connected();
    for (category, json, code) in [
        (&b"t"[..], &b"{"[..], PUSH_EJSON),
        (b"", b"{}", PUSH_ETOPIC),
        (b"\xff", b"{}", PUSH_EINVAL),
        (b"t", b"\"\xff\"", PUSH_EINVAL),
    ] {
        let (result, receipt) = client.publish(category, json);
        assert_eq!(result, code);
        assert_eq!(
            (receipt.sequence, receipt.subscribers, receipt.stored),
            (u64::MAX, u64::MAX, c_int::MAX)
        );
        assert_eq!(receipt.nodes, u64::MAX);
        assert_eq!(receipt.position, [b'x' as c_char; PUSH_POSITION_SIZE]);
    }
    assert_eq!(client.publish(b"t", b"5").0, 5);
}

#[test]
fn null_is_an_error_and_never_a_crash() {
    let (_server, client) = connected();
    let (one, none) = (c"1".as_ptr(), ptr::null());
    // SAFETY: the test passes NULL, which is allowed everywhere; the lengths are right.
    unsafe {
        let no_receipt = ptr::null_mut();
        let publish = |client, category, json| {
            push_client_publish(client, category, 1, json, 1, ptr::null(), 0, no_receipt)
        };
        assert_eq!(publish(ptr::null_mut(), one, one), PUSH_EINVAL);
        assert!(last_error().contains("client is NULL"));
        assert_eq!(publish(client.0, none, one), PUSH_EINVAL);
        assert_eq!(publish(client.0, one, none), PUSH_EINVAL);
        let too_long = push_client_publish(
            client.0,
            one,
            usize::MAX,
            one,
            1,
            ptr::null(),
            0,
            no_receipt,
        );
        assert_eq!(too_long, PUSH_EINVAL);
        assert_eq!(push_client_new(ptr::null(), ptr::null_mut()), PUSH_EINVAL);
        push_client_free(ptr::null_mut());
        let mut by_default = ptr::null_mut();
        assert_eq!(push_client_new(ptr::null(), &mut by_default), 0);
        push_client_free(by_default);
    }
}

#[test]
fn invalid_options_are_refused() {
    let good = || options(c"tcp://127.0.0.1:5555");
    let check = |options: PushOptions, code, part| {
        assert_eq!(try_new(&options).err(), Some(code));
        assert!(last_error().contains(part), "{}", last_error());
    };
    check(
        PushOptions {
            struct_size: 0,
            ..good()
        },
        PUSH_EINVAL,
        "PUSH_OPTIONS_INIT",
    );
    check(
        PushOptions {
            struct_size: 4097,
            ..good()
        },
        PUSH_EINVAL,
        "4097",
    );
    check(
        PushOptions {
            timeout_ms: 600_001,
            ..good()
        },
        PUSH_ECONFIG,
        "1 to 600000",
    );
    check(options(c"127.0.0.1"), PUSH_ECONFIG, "the port is missing");
    check(options(c"\xff"), PUSH_EINVAL, "address is not UTF-8");
}

/// A program that was compiled with a later version's header.
#[test]
fn unknown_options_of_a_later_version_are_refused() {
    #[repr(C)]
    struct Later {
        known: PushOptions,
        new: u64,
    }
    let later = |new| Later {
        known: PushOptions {
            struct_size: size_of::<Later>(),
            ..options(c"tcp://127.0.0.1:5555")
        },
        new,
    };
    let try_later = |later: &Later| {
        let mut client = ptr::null_mut();
        // SAFETY: the options have the size that they say.
        let result = unsafe { push_client_new((&raw const *later).cast(), &mut client) };
        (result, Client(client))
    };
    assert_eq!(try_later(&later(0)).0, 0);
    assert_eq!(try_later(&later(1)).0, PUSH_EINVAL);
    assert!(last_error().contains("does not know"));
}

#[test]
fn threads_share_a_client() {
    let (_server, client) = connected();
    thread::scope(|scope| {
        for number in 0..8 {
            let client = &client;
            scope.spawn(move || {
                let json = number.to_string();
                for _ in 0..50 {
                    assert_eq!(client.publish(b"t", json.as_bytes()).0, number);
                }
            });
        }
    });
}
