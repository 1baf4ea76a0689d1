//! The spool, called as C does.

use std::ffi::{CString, c_int, c_uint, c_void};
use std::ptr;
use std::sync::Mutex;

use crate::client::{Client, last_error, options, try_new};
use crate::spool::{absent, events, records};
use pusher::c_api::arguments::PUSH_LATEST;
use pusher::c_api::client::*;
use pusher::c_api::codes::*;
use pusher::c_api::publish_async::*;
use pusher::c_api::receipt::*;
use tempfile::TempDir;

/// A client without a server, with this spool directory.
fn client(dir: &str, ttl_s: u64) -> Result<Client, c_int> {
    let address = CString::new(absent().to_string()).unwrap();
    let dir = CString::new(dir).unwrap();
    try_new(&PushOptions {
        spool_dir: dir.as_ptr(),
        ttl_s,
        ..options(&address)
    })
}

fn publish(client: &Client, flags: c_uint, receipt: *mut PushReceipt) -> c_int {
    let one = c"1".as_ptr();
    // SAFETY: the client lives, the texts have these lengths, the receipt is NULL or can be written.
    unsafe { push_client_publish(client.0, one, 1, one, 1, ptr::null(), flags, receipt) }
}

#[test]
fn the_result_is_push_spooled_and_the_receipt_says_so() {
    let dir = TempDir::new().unwrap();
    let client = client(dir.path().to_str().unwrap(), 60).unwrap();
    let mut receipt = PushReceipt {
        sequence: 1,
        subscribers: 1,
        position: [1; PUSH_POSITION_SIZE],
        stored: 1,
        nodes: 1,
        spooled: 7,
    };
    let result = publish(&client, PUSH_LATEST, &raw mut receipt);
    assert_eq!(result, PUSH_SPOOLED, "{}", last_error());
    assert_eq!((receipt.sequence, receipt.subscribers), (0, 0));
    assert_eq!((receipt.position[0], receipt.stored), (0, PUSH_STORED_NO));
    assert_eq!((receipt.nodes, receipt.spooled), (0, 1));
    assert_eq!(publish(&client, 0, ptr::null_mut()), PUSH_SPOOLED);
    let found = records(dir.path(), |record| (record.ttl_s, record.latest));
    assert_eq!(found, [(60, true), (60, false)]);
}

#[test]
fn an_empty_directory_is_no_spool_and_other_mistakes_are_refused() {
    let off = client("", 0).unwrap();
    assert_eq!(publish(&off, 0, ptr::null_mut()), PUSH_ECONNECT);
    assert_eq!(publish(&off, 2, ptr::null_mut()), PUSH_EINVAL);
    assert!(last_error().contains("flags is 2"), "{}", last_error());
    for (dir, ttl_s, part) in [
        ("spool", 0, "not an absolute path"),
        ("/spool", 86_401, "seconds from 1 to 86400"),
    ] {
        assert_eq!(client(dir, ttl_s).err(), Some(PUSH_ECONFIG));
        assert!(last_error().contains(part), "{}", last_error());
    }
}

static ANSWERS: Mutex<Vec<(c_int, Option<c_int>)>> = Mutex::new(Vec::new());

unsafe extern "C" fn on_answer(_: *mut c_void, result: c_int, receipt: *const PushReceipt) {
    // SAFETY: NULL or valid until we return.
    let spooled = unsafe { receipt.as_ref() }.map(|receipt| receipt.spooled);
    ANSWERS.lock().unwrap().push((result, spooled));
}

#[test]
fn events_in_the_background_are_spooled_in_order() {
    let dir = TempDir::new().unwrap();
    let client = client(dir.path().to_str().unwrap(), 0).unwrap();
    for json in [c"1", c"2", c"3"] {
        // SAFETY: the client lives, the texts have these lengths, the callback ignores its context.
        let queued = unsafe {
            push_client_publish_async(
                client.0,
                c"t".as_ptr(),
                1,
                json.as_ptr(),
                1,
                ptr::null(),
                PUSH_LATEST,
                Some(on_answer),
                ptr::null_mut(),
            )
        };
        assert_eq!(queued, 0);
    }
    // SAFETY: the client lives.
    assert_eq!(unsafe { push_client_flush(client.0, 20_000) }, 0);
    assert_eq!(*ANSWERS.lock().unwrap(), [(PUSH_SPOOLED, Some(1)); 3]);
    assert_eq!(events(dir.path()), ["1", "2", "3"]);
    let ids = records(dir.path(), |record| record.id.into_owned());
    assert!(ids[0].len() == 32 && ids[0] != ids[1], "{ids:?}");
    assert!(
        records(dir.path(), |record| record.latest)
            .into_iter()
            .all(|latest| latest)
    );
}
