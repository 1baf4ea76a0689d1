//! A chat: browsers publish to rooms, and the server announces arrivals and departures.
//!
//! Run: `cargo run -p pusher-core --example chat [ADDRESS:PORT]`, then in two pages that have
//! loaded `http://127.0.0.1:8080/pusher.js`:
//!
//! ```js
//! const pusher = new Pusher('ws://127.0.0.1:8080/');
//! pusher.subscribe('http://example.com/chat/lobby', text => console.log(text));
//! pusher.publish('http://example.com/chat/lobby', 'hello', { excludeMe: true });
//! ```

use std::sync::OnceLock;

use pusher_core::{Application, Hub, Options, Request, Server, Session};

const ROOMS: &str = "http://example.com/chat/";
const PRESENCE: &str = "http://example.com/presence";
const TEXT_LEN_MAX: usize = 1000;

/// The hub exists once the server is bound, which is after the application is created.
#[derive(Default)]
struct Chat {
    hub: OnceLock<Hub>,
}

impl Chat {
    fn tell_presence(&self) {
        if let Some(hub) = self.hub.get() {
            let present = hub.session_count().to_string();
            if let Err(error) = hub.publish(PRESENCE, &present) {
                eprintln!("cannot tell how many are here: {error}");
            }
        }
    }
}

impl Application for Chat {
    fn opened(&self, _: &Session, _: &Request) {
        self.tell_presence();
    }

    fn closed(&self, _: &Session) {
        self.tell_presence();
    }

    fn may_publish(&self, _: &Session, topic: &str, event: &str) -> bool {
        let text = serde_json::from_str::<String>(event);
        topic.starts_with(ROOMS) && text.is_ok_and(|text| text.len() <= TEXT_LEN_MAX)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    options.publish_listen.clear();
    if let Some(address) = std::env::args().nth(1) {
        options.listen = vec![address.parse()?];
    }
    let chat = std::sync::Arc::new(Chat::default());
    let server = Server::bind(options, chat.clone())?;
    chat.hub.get_or_init(|| server.hub());
    eprintln!("listening on {:?}", server.public_addrs());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(server.run(std::future::pending()))?;
    Ok(())
}
