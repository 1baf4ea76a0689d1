//! The C functions, called as C does. One test only: it sets the process's environment.
#![allow(clippy::unwrap_used, reason = "a test's helpers fail like the test")]

use std::env;
use std::ffi::{CStr, CString, c_char, c_int};
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::ptr;
use std::thread;

use pusher::c_api::client::{PushOptions, push_client_free, push_client_new};
use pusher::c_api::codes::*;
use pusher::c_api::position::push_position;
use pusher::c_api::receipt::PUSH_POSITION_SIZE;
use pusher::c_api::users::{push_presence, push_revoke};
use pusher::c_api::{push_last_error, push_publish, push_strerror};
use pusher_proto::native::FromPublisher;
use serde_json::Value;

fn publish(category: &str, json: &str) -> c_int {
    let (category, json) = (CString::new(category), CString::new(json));
    let (category, json) = (category.unwrap(), json.unwrap());
    // SAFETY: both are strings that end with a NUL.
    unsafe { push_publish(category.as_ptr(), json.as_ptr()) }
}

const POSITION: &str = "6d1f3c5a9be02478-12";

/// A server that answers every request; the event says how many browsers there are, the request's
/// number is the sequence. Returns its address, without `tcp://`; it ends with the process.
fn start_server() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn serve(stream: TcpStream) {
    let mut answers = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let answer = match FromPublisher::decode(&line).unwrap() {
            FromPublisher::Publish {
                request, publish, ..
            } => {
                format!("[4,{request},{request},{}]\n", publish.event)
            }
            FromPublisher::Position { request } => format!("[7,{request},\"{POSITION}\"]\n"),
            FromPublisher::Revoke { request, .. } => format!("[11,{request},2]\n"),
            FromPublisher::Presence { request, .. } => format!("[13,{request},0,[]]\n"),
            _ => "[2,1,\"fake/0\",{}]\n".to_owned(),
        };
        if answers.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Copies a text before the next call.
fn to_text(pointer: *const c_char) -> String {
    // SAFETY: everything that the library returns is a string that ends with a NUL.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().unwrap().to_owned()
}

fn last_error() -> String {
    to_text(push_last_error())
}

#[test]
fn the_c_functions() {
    set_env("PUSH_ADDRESS", "localhost");
    wrong_configuration_can_be_corrected();
    set_env("PUSH_ADDRESS", &start_server());
    set_env("PUSH_TIMEOUT_MS", "20000");

    addresses_with_and_without_a_prefix();
    numbers_of_browsers();
    the_position();
    the_users();
    callers_mistakes();
    many_threads();
}

fn set_env(name: &str, value: &str) {
    // SAFETY: this binary's only test, and no other thread of it reads the environment.
    unsafe { env::set_var(name, value) };
}

fn wrong_configuration_can_be_corrected() {
    assert_eq!(last_error(), "");
    assert_eq!(publish("t", "1"), PUSH_ECONFIG);
    let text = last_error();
    for part in ["PUSH_ADDRESS", "\"localhost\"", "the port is missing"] {
        assert!(text.contains(part), "{text}");
    }
    set_env("PUSH_ADDRESS", "tcp://127.0.0.1:5555");
    for timeout in ["0", "600001", "1.5", "250ms", "-1", "99999999999999999999"] {
        set_env("PUSH_TIMEOUT_MS", timeout);
        assert_eq!(publish("t", "1"), PUSH_ECONFIG);
        let text = last_error();
        for part in ["PUSH_TIMEOUT_MS", timeout, "1 to 600000"] {
            assert!(text.contains(part), "{text}");
        }
    }
}

/// `pusher-proto` tests the same list.
fn addresses_with_and_without_a_prefix() {
    let lists = include_str!("../../../php/tests/support/addresses.json");
    let lists: Value = serde_json::from_str(lists).unwrap();
    for text in lists["accepted"].as_object().unwrap().keys() {
        assert_eq!(new_client(text), 0, "{text}: {}", last_error());
    }
    for (text, part) in lists["refused"].as_object().unwrap() {
        // A C string ends at a NUL.
        if !text.contains('\0') {
            assert_eq!(new_client(text), PUSH_ECONFIG, "{text}");
            assert!(last_error().contains(part.as_str().unwrap()), "{text}");
        }
    }
}

/// The result of `push_client_new` for this address.
fn new_client(address: &str) -> c_int {
    let address = CString::new(address).unwrap();
    let options = PushOptions {
        struct_size: size_of::<PushOptions>(),
        address: address.as_ptr(),
        timeout_ms: 0,
        queue_bytes_max: 0,
        token: ptr::null(),
        spool_dir: ptr::null(),
        ttl_s: 0,
    };
    let mut client = ptr::null_mut();
    // SAFETY: the options are valid for the call, and a client is freed once; NULL is allowed.
    unsafe {
        let result = push_client_new(&raw const options, &raw mut client);
        push_client_free(client);
        result
    }
}

fn numbers_of_browsers() {
    for (json, expect) in [
        ("0", 0),
        ("231", 231),
        ("2147483646", c_int::MAX - 1),
        ("2147483647", c_int::MAX - 1),
        ("2147483648", c_int::MAX - 1),
        ("18446744073709551615", c_int::MAX - 1),
    ] {
        assert_eq!(publish("t", json), expect, "{}", last_error());
    }
    assert_eq!(to_text(push_strerror(231)), "success");
}

fn the_position() {
    let mut out = [b'x' as c_char; PUSH_POSITION_SIZE];
    // SAFETY: the buffer has this size, and NULL is allowed.
    unsafe {
        assert_eq!(push_position(ptr::null_mut(), out.len()), PUSH_EINVAL);
        assert_eq!(push_position(out.as_mut_ptr(), out.len() - 1), PUSH_EINVAL);
        assert!(last_error().contains("PUSH_POSITION_SIZE (40)"));
        assert_eq!(push_position(out.as_mut_ptr(), out.len()), 0);
    }
    assert_eq!(to_text(out.as_ptr()), POSITION);
}

fn the_users() {
    let mut out = [b'x' as c_char; 64];
    // SAFETY: the texts end with a NUL, the buffer has this size, and NULL is allowed.
    unsafe {
        assert_eq!(push_revoke(c"7".as_ptr()), 2, "{}", last_error());
        assert_eq!(push_revoke(c"".as_ptr()), PUSH_EINVAL);
        assert_eq!(push_revoke(ptr::null()), PUSH_EINVAL);
        let topic = c"chat".as_ptr();
        assert_eq!(push_presence(topic, ptr::null_mut(), 64), PUSH_EINVAL);
        assert_eq!(push_presence(topic, out.as_mut_ptr(), out.len()), 24);
        assert_eq!(push_presence(topic, out.as_mut_ptr(), 24), PUSH_ETOOBIG);
    }
    assert_eq!(to_text(out.as_ptr()), "{\"count\":0,\"members\":[]}");
}

fn callers_mistakes() {
    // SAFETY: NULL is allowed.
    unsafe {
        assert_eq!(push_publish(ptr::null(), c"1".as_ptr()), PUSH_EINVAL);
        assert!(last_error().contains("category is NULL"));
        assert_eq!(push_publish(c"t".as_ptr(), ptr::null()), PUSH_EINVAL);
        assert!(last_error().contains("json is NULL"));
        assert_eq!(push_publish(c"t\xff".as_ptr(), c"1".as_ptr()), PUSH_EINVAL);
        assert!(last_error().contains("category is not UTF-8"));
    }
    assert_eq!(publish("", "1"), PUSH_ETOPIC);
    assert_eq!(publish("t", "{}],[3,2,\"t\",{}"), PUSH_EJSON);
    assert_eq!(publish("t", &"1".repeat(3 * 1024 * 1024 + 1)), PUSH_ETOOBIG);
    assert_eq!(
        publish("t", "7"),
        7,
        "mistakes do not disturb the connection"
    );
    assert!(
        last_error().contains("3145729 bytes"),
        "kept until the next failure"
    );
}

/// Each thread gets its own answers and its own errors.
fn many_threads() {
    let threads = (0..16).map(|number| {
        thread::spawn(move || {
            let json = (number * 1000).to_string();
            for _ in 0..50 {
                assert_eq!(publish("t", &json), number * 1000, "{}", last_error());
            }
            assert_eq!(last_error(), "");
            assert_eq!(publish("t", &"[".repeat(1 + number as usize)), PUSH_EJSON);
            assert!(
                last_error().contains(&format!("column {}", 1 + number)),
                "{}",
                last_error()
            );
        })
    });
    for thread in threads.collect::<Vec<_>>() {
        thread.join().unwrap();
    }
}
