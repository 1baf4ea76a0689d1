//! A test server on free ports, and its clients.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use pusher_core::{
    Application, Control, HandOver, Hub, Limits, Options, PublishAddress, Recipe, Server, Stop,
};
use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

/// Timeout for things that should happen at once, long enough for a busy machine.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

/// A running server. Dropping it shuts the server down.
pub(crate) struct TestServer {
    pub(crate) hub: Hub,
    pub(crate) control: Control,
    pub(crate) public: SocketAddr,
    pub(crate) publish: SocketAddr,
    /// The listener for signed requests, if the options have one.
    pub(crate) signed: Option<SocketAddr>,
    stop: Option<oneshot::Sender<Stop>>,
    thread: Option<JoinHandle<std::io::Result<Option<HandOver>>>>,
}

/// Starts the recipe with changed limits, on two shards.
pub(crate) fn start(change: impl FnOnce(&mut Limits)) -> TestServer {
    let mut limits = Limits::default();
    change(&mut limits);
    start_with(limits, Recipe::default())
}

pub(crate) fn start_with(limits: Limits, application: impl Application) -> TestServer {
    let mut options = on_any_ports();
    options.live.limits = limits;
    start_server(options, application)
}

/// Returns options for two shards, and for ports that the system chooses.
pub(crate) fn on_any_ports() -> Options {
    let mut options = Options::default();
    let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
    options.listen = vec![any_port];
    options.publish_listen = vec![any_port.into()];
    options.shards = 2;
    options
}

/// Starts a server. The first address of its publish listener must be TCP.
pub(crate) fn start_server(options: Options, application: impl Application) -> TestServer {
    run(Server::bind(options, application).unwrap())
}

fn run(server: Server) -> TestServer {
    let public = server.public_addrs()[0];
    let publish = match server.publish_addrs()[0] {
        PublishAddress::Tcp(address) => address,
        ref other => panic!("{other}"),
    };
    let signed = server.signed_addrs().first().copied();
    let (hub, control) = (server.hub(), server.control());
    let (stop, until) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let stop = async { until.await.unwrap_or(Stop::End) };
        runtime.block_on(server.run_until(stop))
    });
    TestServer {
        hub,
        control,
        public,
        publish,
        signed,
        stop: Some(stop),
        thread: Some(thread),
    }
}

impl TestServer {
    /// Begins the shutdown, and does not wait for it.
    pub(crate) fn begin_end(&mut self) {
        self.stop.take();
    }

    /// Hands the server over to another one in this process, through bytes as between two processes.
    #[cfg(unix)]
    pub(crate) fn hand_over(self, options: Options, application: impl Application) -> TestServer {
        self.hand_over_in(HandOver::formats()[0], options, application)
    }

    /// Hands the server over in the format of this version, and then in that of the version before.
    #[cfg(unix)]
    pub(crate) fn hand_over_twice(self) -> TestServer {
        self.hand_over_twice_to(on_any_ports)
    }

    /// Like [`hand_over_twice`](Self::hand_over_twice), to servers with these options.
    #[cfg(unix)]
    pub(crate) fn hand_over_twice_to(self, options: impl Fn() -> Options) -> TestServer {
        let formats = HandOver::formats();
        assert_eq!(formats.len(), 2);
        formats.iter().fold(self, |server, &format| {
            server.hand_over_in(format, options(), Recipe::default())
        })
    }

    #[cfg(unix)]
    fn hand_over_in(
        mut self,
        format: u32,
        options: Options,
        application: impl Application,
    ) -> TestServer {
        let handed_over = self.begin_hand_over(format);
        let server = Server::take_over(options, handed_over, application).unwrap();
        run(server)
    }

    /// Stops the server, and returns what another one needs.
    #[cfg(unix)]
    pub(crate) fn begin_hand_over(&mut self, format: u32) -> HandOver {
        self.stop.take().unwrap().send(Stop::HandOver).unwrap();
        let thread = self.thread.take().unwrap();
        let handed_over = thread.join().unwrap().unwrap().unwrap();
        let sockets = handed_over.sockets().iter();
        let sockets = sockets.map(|socket| socket.try_clone().unwrap()).collect();
        HandOver::decode(&handed_over.encode(format).unwrap(), sockets).unwrap()
    }

    /// Shuts the server down and waits for its threads.
    pub(crate) fn end(&mut self) {
        self.begin_end();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap().unwrap();
        }
    }

    /// Connects a browser.
    pub(crate) fn browser(&self) -> Browser {
        Browser::connect(self.public)
    }

    /// Connects a browser and subscribes it.
    pub(crate) fn subscriber(&self, topic: &str) -> Browser {
        let mut browser = self.browser();
        browser.subscribe(topic);
        browser
    }

    /// Opens a TCP connection and sends nothing.
    pub(crate) fn raw(&self, address: SocketAddr) -> TcpStream {
        connect(address)
    }

    /// Connects a publisher that uses the native protocol, and sends HELLO.
    pub(crate) fn publisher(&self) -> Publisher {
        let mut publisher = Publisher(connect(self.publish));
        publisher.send("[1,1]");
        assert!(publisher.line().starts_with("[2,1,"));
        publisher
    }

    /// Publishes an event, and waits until no event is in the backlog, which has a limit.
    pub(crate) fn publish_flushed(&self, topic: &str, event: &str) {
        self.hub.publish(topic, event).unwrap();
        self.until("the backlog is empty", |hub| hub.backlog_len() == 0);
    }

    /// Waits until a condition on the server is true.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, is_true: impl Fn(&Hub) -> bool) {
        until(what, || is_true(&self.hub));
    }
}

/// Waits until a condition is true.
#[track_caller]
pub(crate) fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_true() {
        assert!(started.elapsed() < WAIT, "waited too long until {what}");
        // Leaves the processors to what the test waits for, and to other tests.
        std::thread::sleep(Duration::from_millis(1));
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.begin_end();
        if let Some(thread) = self.thread.take() {
            let _already_failing = thread.join();
        }
    }
}

/// Raises the limit of open files to its maximum, because both ends of every connection are in this process.
pub(crate) fn raise_open_files() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        let (_, maximum) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        setrlimit(Resource::RLIMIT_NOFILE, maximum, maximum).unwrap();
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.set_write_timeout(Some(WAIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Reads until the peer closes or resets the connection.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match stream.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => bytes.extend_from_slice(&chunk[..len]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => panic!("waited for the end: {error}"),
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A WAMP client.
pub(crate) struct Browser<S = TcpStream> {
    pub(crate) socket: WebSocket<S>,
    pub(crate) session_id: String,
}

impl Browser {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        Self::connect_with(address, "/", &[])
    }

    pub(crate) fn connect_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        Self::open(connect(address), &format!("ws://{address}{path}"), headers)
    }
}

impl<S: Read + Write> Browser<S> {
    /// Performs the handshake on an open connection, with the subprotocol `wamp`.
    pub(crate) fn open(stream: S, url: &str, headers: &[(&'static str, &str)]) -> Self {
        Self::open_as("wamp", stream, url, headers)
    }

    pub(crate) fn open_as(
        subprotocol: &'static str,
        stream: S,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Self {
        let mut request = url.into_client_request().unwrap();
        let wamp = ("Sec-WebSocket-Protocol", subprotocol);
        for (name, value) in headers.iter().copied().chain([wamp]) {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(name, value);
        }
        let (socket, _) = tungstenite::client(request, stream)
            .unwrap_or_else(|error| panic!("the handshake failed: {error}"));
        let mut browser = Self {
            socket,
            session_id: String::new(),
        };
        let welcome = browser.message();
        let welcome: serde_json::Value = serde_json::from_str(&welcome).unwrap();
        browser.session_id = welcome[1].as_str().unwrap().to_owned();
        browser
    }

    pub(crate) fn send(&mut self, message: &str) {
        self.socket.send(Message::text(message)).unwrap();
    }

    /// Subscribes, and waits until the server has handled that.
    pub(crate) fn subscribe(&mut self, topic: &str) {
        self.send(&format!("[5,{}]", serde_json::Value::from(topic)));
        self.barrier();
    }

    /// Waits until the server has handled all sent messages: it answers a ping in order. No other message may arrive.
    pub(crate) fn barrier(&mut self) {
        self.socket.send(Message::Ping("barrier".into())).unwrap();
        loop {
            match self.read().unwrap() {
                Message::Pong(payload) if payload == "barrier" => return,
                Message::Ping(_) => {}
                other => panic!("unexpected: {other:?}"),
            }
        }
    }

    /// Returns the next text message.
    pub(crate) fn message(&mut self) -> String {
        loop {
            match self.read().unwrap() {
                Message::Text(text) => return text.to_string(),
                Message::Ping(_) => {}
                other => panic!("no text message: {other:?}"),
            }
        }
    }

    /// Returns the next WebSocket message, or the error that ended the connection.
    pub(crate) fn read(&mut self) -> tungstenite::Result<Message> {
        loop {
            match self.socket.read() {
                // The process was stopped and continued. The library keeps the partial message.
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Returns the code of the close frame, which must come next.
    pub(crate) fn close_code(&mut self) -> u16 {
        match self.read().unwrap() {
            Message::Close(Some(frame)) => frame.code.into(),
            other => panic!("no close frame: {other:?}"),
        }
    }
}

/// A publisher that uses the native protocol.
pub(crate) struct Publisher(pub(crate) TcpStream);

impl Publisher {
    pub(crate) fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).unwrap();
    }

    /// Returns the next answer. A receipt is shortened to its numbers.
    pub(crate) fn line(&mut self) -> String {
        let line = self.whole_line();
        match line.split_once(",{\"position\":") {
            Some((receipt, _)) if receipt.starts_with("[4,") => format!("{receipt}]"),
            _ => line,
        }
    }

    /// Returns the next answer as it was sent.
    pub(crate) fn whole_line(&mut self) -> String {
        let mut line = Vec::new();
        let mut byte = [0];
        while byte != *b"\n" {
            self.0.read_exact(&mut byte).unwrap();
            line.push(byte[0]);
        }
        line.pop();
        String::from_utf8(line).unwrap()
    }

    /// Publishes. Returns the sequence and the number of subscribers of the receipt.
    pub(crate) fn publish(&mut self, topic: &str, event: &str) -> (u64, u64) {
        let topic = serde_json::Value::from(topic);
        self.send(&format!("[3,7,{topic},{event}]\n"));
        let line = self.line();
        let receipt: [u64; 4] = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        assert_eq!(receipt[..2], [4, 7], "{line}");
        (receipt[2], receipt[3])
    }
}
