//! Sets the SONAME of the shared library. Cargo sets none, and a program would then load any version with the same
//! file name.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libpusher.so.0");
    }
}
