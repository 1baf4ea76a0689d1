//! See `pusher_core::fuzzing::log_on_disk`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| pusher_core::fuzzing::log_on_disk(input));
