//! See `pusher_core::fuzzing::redis_entry`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| pusher_core::fuzzing::redis_entry(input));
