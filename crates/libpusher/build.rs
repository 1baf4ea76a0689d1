//! Cargo gives a shared library no SONAME; programs that link it then look for it by its file name,
//! whatever its version.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpusher.so.0");
    }
}
