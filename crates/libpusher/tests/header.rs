//! `include/pusher.h` is up to date with the C API's source.

use std::env;
use std::fs;
use std::path::Path;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_header_is_up_to_date() {
    let crate_folder = Path::new(CRATE);
    let config = cbindgen::Config::from_file(crate_folder.join("cbindgen.toml")).unwrap();
    let bindings = cbindgen::Builder::new()
        .with_config(config)
        // cbindgen also reads the modules that this one declares.
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
        "include/pusher.h is out of date: run\n\
         UPDATE_HEADER=1 cargo test -p libpusher --test header"
    );
}
