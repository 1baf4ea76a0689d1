//! Echoes every message, for a WebSocket test suite. `cargo xtask autobahn` runs this.
//!
//! Run: `cargo run -p pusher-core --example echo [ADDRESS:PORT]`.

use pusher_core::{Application, Options, Server};

/// More than the longest message of the suite.
const MESSAGE_LEN_MAX: usize = 20 * 1024 * 1024;

struct Echo;

impl Application for Echo {
    fn is_echo(&self) -> bool {
        true
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    options.publish_listen.clear();
    options.live.limits.client_message_len_max = MESSAGE_LEN_MAX;
    options.live.limits.outbox_len_max = 2 * MESSAGE_LEN_MAX;
    // Clients may compress. The answers, which are no events, are never compressed.
    options.live.compression_len_min = Some(1);
    if let Some(address) = std::env::args().nth(1) {
        options.listen = vec![address.parse()?];
    }
    let server = Server::bind(options, Echo)?;
    eprintln!("listening on {:?}", server.public_addrs());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(server.run(std::future::pending()))?;
    Ok(())
}
