//! `include/pusher.h` is what cbindgen makes of the C API's source.

use std::env;
use std::fs;
use std::path::Path;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_header_is_fresh() {
    let source = Path::new(CRATE).join("src");
    let config = cbindgen::Config::from_file(Path::new(CRATE).join("cbindgen.toml")).unwrap();
    let files = [
        "c_api/version.rs",
        "c_api/codes.rs",
        "c_api.rs",
        "c_api/client.rs",
        "c_api/background.rs",
    ];
    let builder = cbindgen::Builder::new().with_config(config);
    let bindings = files
        .iter()
        .fold(builder, |builder, file| builder.with_src(source.join(file)))
        .generate()
        .unwrap();
    let mut fresh = Vec::new();
    bindings.write(&mut fresh);

    let path = Path::new(CRATE).join("../../include/pusher.h");
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
