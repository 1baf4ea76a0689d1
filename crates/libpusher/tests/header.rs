//! `include/pusher.h` is what cbindgen makes of the C API's source.

use std::env;
use std::fs;
use std::path::Path;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_header_is_fresh() {
    let crate_folder = Path::new(CRATE);
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        // It reads the modules that this one declares too.
        .with_src(crate_folder.join("src/c_api/mod.rs"))
        .generate()
        .unwrap();
    let mut fresh = Vec::new();
    bindings.write(&mut fresh);

    let path = crate_folder.join("../../include/pusher.h");
    if env::var_os("UPDATE_HEADER").is_some() {
        fs::write(&path, &fresh).unwrap();
    }
    let committed = fs::read(&path).unwrap_or_default();
    assert!(
        committed == fresh,
        "include/pusher.h is not what the source says: run\n\
         UPDATE_HEADER=1 cargo test -p libpusher --test header"
    );
}
