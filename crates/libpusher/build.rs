//! Sets the SONAME of the shared library. Cargo sets none, and a program would then load any version with the same
//! file name.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Not rustc-cdylib-link-arg: cargo passes that one on to each library that contains this crate. The PHP extension
        // would then have this name, too, and a loader could take it for libpusher.
        println!("cargo:rustc-link-arg=-Wl,-soname,libpusher.so.0");
        // PHP's FFI calls dlclose() at the end of each request. Without this flag, the loader would unload libpusher then.
        // libpusher allocates a page of memory once in each process, to notice a fork, and never frees it: each request
        // would allocate another one.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
