//! See `pusher_core::fuzzing::private_http`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| pusher_core::fuzzing::private_http(input));
