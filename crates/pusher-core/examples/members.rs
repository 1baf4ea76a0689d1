//! WAMP-CRA v1: only authenticated clients may subscribe and publish.
//!
//! Run: `cargo run -p pusher-core --example members [ADDRESS:PORT]`, then in a page that has
//! loaded `http://127.0.0.1:8080/autobahn.js`:
//!
//! ```js
//! ab.connect('ws://127.0.0.1:8080/', session =>
//!     session.authreq('ann').then(challenge =>
//!         session.auth(session.authsign(challenge, 's3cret'))).then(permissions =>
//!             session.subscribe('http://example.com/members/news', console.log)));
//! ```

use pusher_core::cra::{Account, Authenticated, Permissions, TopicPermission};
use pusher_core::{Application, Options, Server, Session};

/// An application that leaves all decisions to the permissions.
struct Members;

impl Application for Members {
    fn may_publish(&self, _: &Session, _: &str, _: &str) -> bool {
        true
    }
}

/// Finds an account. A real program would query its database.
fn find_account(auth_key: &str) -> Option<Account> {
    let members = TopicPermission {
        uri: "http://example.com/members/".to_owned(),
        prefix: true,
        publish: true,
        subscribe: true,
    };
    (auth_key == "ann").then(|| Account {
        secret: "s3cret".to_owned(),
        derivation: None,
        permissions: Permissions {
            pubsub: vec![members],
            rpc: Vec::new(),
        },
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    options.publish_listen.clear();
    if let Some(address) = std::env::args().nth(1) {
        options.listen = vec![address.parse()?];
    }
    let server = Server::bind(options, Authenticated::new(Members, find_account))?;
    eprintln!("listening on {:?}", server.public_addrs());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(server.run(std::future::pending()))?;
    Ok(())
}
