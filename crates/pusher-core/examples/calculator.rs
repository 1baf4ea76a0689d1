//! Remote procedure calls: a calculator for WAMP v1 clients.
//!
//! Run: `cargo run -p pusher-core --example calculator [ADDRESS:PORT]`, then in a page that has
//! loaded `http://127.0.0.1:8080/pusher.js`:
//!
//! ```js
//! const pusher = new Pusher('ws://127.0.0.1:8080/');
//! pusher.prefix('calc', 'http://example.com/simple/calc#');
//! pusher.call('calc:add', 23, 7).then(sum => console.log(sum));
//! ```

use pusher_core::{Application, Call, Options, Server};

const CALC: &str = "http://example.com/simple/calc#";

struct Calculator;

impl Application for Calculator {
    fn call(&self, call: Call) {
        let procedure = call.proc_uri().strip_prefix(CALC).unwrap_or("");
        let (Ok(a), Ok(b)) = (call.argument::<f64>(0), call.argument::<f64>(1)) else {
            return call.error(&format!("{CALC}arguments"), "two numbers are wanted");
        };
        match procedure {
            "add" => call.result(&(a + b)),
            "sub" => call.result(&(a - b)),
            "mul" => call.result(&(a * b)),
            "div" if b == 0.0 => {
                let details = serde_json::json!({ "dividend": a });
                call.error_with_details(&format!("{CALC}zero"), "cannot divide by 0", &details);
            }
            "div" => call.result(&(a / b)),
            _ => call.error(&format!("{CALC}unknown"), "add, sub, mul and div are known"),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut options = Options::default();
    options.publish_listen.clear();
    if let Some(address) = std::env::args().nth(1) {
        options.listen = vec![address.parse()?];
    }
    let server = Server::bind(options, Calculator)?;
    eprintln!("listening on {:?}", server.public_addrs());
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(server.run(std::future::pending()))?;
    Ok(())
}
