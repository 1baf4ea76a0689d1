//! A server on a free port that runs a script for each connection.

use std::io::{self, BufRead, BufReader, Write};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pusher::{Address, Options, Publisher};
use pusher_proto::native::FromPublisher;
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

/// No test waits longer than this for anything, so that each one ends.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The position of every fake server.
pub(crate) const POSITION: &str = "6d1f3c5a9be02478-12";

pub(crate) type Script = dyn Fn(usize, &mut Peer) -> io::Result<()> + Send + Sync;

/// Closed, with its threads, when it is dropped. Drop publishers first.
pub(crate) struct FakeServer {
    address: Address,
    bound: SockAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
    _folder: Option<TempDir>,
}

#[derive(Default)]
struct Shared {
    connection_count: AtomicUsize,
    events: Mutex<Vec<String>>,
    stopped: AtomicBool,
}

/// The server's end of one connection.
pub(crate) struct Peer {
    reader: BufReader<Socket>,
    shared: Arc<Shared>,
}

/// A publish as the server got it.
pub(crate) struct Received {
    pub(crate) request: u64,
    pub(crate) topic: String,
    pub(crate) event: String,
    pub(crate) id: Option<String>,
    pub(crate) exclude: Option<String>,
}

impl FakeServer {
    /// On TCP; the script gets each connection with its number, from 0.
    pub(crate) fn tcp(
        script: impl Fn(usize, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let bound = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&bound.into()).unwrap();
        let port = listener.local_addr().unwrap().as_socket().unwrap().port();
        let address = format!("tcp://127.0.0.1:{port}").parse().unwrap();
        Self::start(listener, address, None, Arc::new(script))
    }

    /// On a unix socket.
    pub(crate) fn unix(
        script: impl Fn(usize, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("publish.sock");
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        listener.bind(&SockAddr::unix(&path).unwrap()).unwrap();
        let address = format!("unix:{}", path.display()).parse().unwrap();
        Self::start(listener, address, Some(folder), Arc::new(script))
    }

    fn start(
        listener: Socket,
        address: Address,
        folder: Option<TempDir>,
        script: Arc<Script>,
    ) -> Self {
        listener.listen(128).unwrap();
        let bound = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepting = thread::spawn({
            let shared = shared.clone();
            move || accept_all(&listener, &shared, &script)
        });
        Self {
            address,
            bound,
            shared,
            accepting: Some(accepting),
            _folder: folder,
        }
    }

    pub(crate) fn address(&self) -> Address {
        self.address.clone()
    }

    /// A publisher for this server, patient enough for a busy machine.
    pub(crate) fn publisher(&self) -> Publisher {
        self.publisher_with_timeout(PATIENCE)
    }

    pub(crate) fn publisher_with_timeout(&self, timeout: Duration) -> Publisher {
        Publisher::new(Options {
            timeout,
            ..Options::new(self.address())
        })
    }

    /// How many connections were accepted so far.
    pub(crate) fn connection_count(&self) -> usize {
        self.shared.connection_count.load(Ordering::SeqCst)
    }

    /// The events that were read so far, over all connections.
    pub(crate) fn events(&self) -> Vec<String> {
        self.shared.events.lock().unwrap().clone()
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes accept().
        let waker = Socket::new(self.bound.domain(), Type::STREAM, None).unwrap();
        let _ = waker.connect(&self.bound);
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept_all(listener: &Socket, shared: &Arc<Shared>, script: &Arc<Script>) {
    let mut conversations = Vec::new();
    while let Ok((socket, _)) = listener.accept() {
        if shared.stopped.load(Ordering::SeqCst) {
            break;
        }
        let index = shared.connection_count.fetch_add(1, Ordering::SeqCst);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        let mut peer = Peer {
            reader: BufReader::new(socket),
            shared: shared.clone(),
        };
        let script = script.clone();
        conversations.push(thread::spawn(move || {
            // The test itself checks whether the publisher went away.
            let _ = script(index, &mut peer);
        }));
    }
    for conversation in conversations {
        let _ = conversation.join();
    }
}

impl Peer {
    pub(crate) fn socket(&self) -> &Socket {
        self.reader.get_ref()
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.shared.stopped.load(Ordering::SeqCst)
    }

    pub(crate) fn write(&mut self, text: impl AsRef<[u8]>) -> io::Result<()> {
        let mut socket = self.socket();
        socket.write_all(text.as_ref())
    }

    /// Reads the next bytes.
    pub(crate) fn read_line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        if !line.ends_with('\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line)
    }

    /// Reads the HELLO without answering it.
    pub(crate) fn read_hello(&mut self) -> io::Result<()> {
        let line = self.read_line()?;
        match FromPublisher::decode(&line).unwrap() {
            FromPublisher::Hello {
                version: 1,
                token: None,
                ..
            } => Ok(()),
            other => panic!("not a HELLO: {other:?}"),
        }
    }

    /// Reads the HELLO and says WELCOME.
    pub(crate) fn welcome(&mut self) -> io::Result<()> {
        self.read_hello()?;
        self.write("[2,1,\"fake/0\",{\"publish_len_max\":3149824}]\n")
    }

    /// Reads the next publish. Answers the requests to drain before it.
    pub(crate) fn read_publish(&mut self) -> io::Result<Received> {
        let mut line = self.read_line()?;
        while let FromPublisher::Drain { request } = FromPublisher::decode(&line).unwrap() {
            self.write(format!("[9,{request}]\n"))?;
            line = self.read_line()?;
        }
        let FromPublisher::Publish {
            request,
            publish,
            id,
            exclude,
        } = FromPublisher::decode(&line).unwrap()
        else {
            panic!("not a publish: {line}");
        };
        let event = publish.event.to_owned();
        self.shared.events.lock().unwrap().push(event.clone());
        Ok(Received {
            request,
            topic: publish.topic.into_owned(),
            event,
            id: id.map(|id| id.into_owned()),
            exclude: exclude.map(|exclude| exclude.into_owned()),
        })
    }

    /// Reads a request for the position, and returns its number.
    pub(crate) fn read_position_request(&mut self) -> io::Result<u64> {
        let line = self.read_line()?;
        match FromPublisher::decode(&line).unwrap() {
            FromPublisher::Position { request } => Ok(request),
            other => panic!("not a request for the position: {other:?}"),
        }
    }

    /// Reads a request to drain the spool, and returns its number.
    pub(crate) fn read_drain(&mut self) -> io::Result<u64> {
        let line = self.read_line()?;
        match FromPublisher::decode(&line).unwrap() {
            FromPublisher::Drain { request } => Ok(request),
            other => panic!("not a request to drain: {other:?}"),
        }
    }

    /// Answers requests for the position until the publisher goes.
    pub(crate) fn serve_positions(&mut self) -> io::Result<()> {
        self.welcome()?;
        loop {
            let request = self.read_position_request()?;
            self.write(format!("[7,{request},\"{POSITION}\"]\n"))?;
        }
    }

    /// Reads the next publish and answers with a receipt: sequence is the request's number,
    /// subscribers are 3.
    pub(crate) fn serve_one(&mut self) -> io::Result<()> {
        let request = self.read_publish()?.request;
        self.write(format!("[4,{request},{request},3]\n"))
    }

    /// Everything as it should be, until the publisher goes.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        self.welcome()?;
        loop {
            self.serve_one()?;
        }
    }

    /// Ends the connection as a process that dies with unread bytes does.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        let nobody = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let reader = mem::replace(&mut self.reader, BufReader::new(nobody));
        reader.get_ref().set_linger(Some(Duration::ZERO))
    }

    /// Reads until the publisher closes.
    pub(crate) fn wait_for_close(&mut self) -> io::Result<()> {
        io::copy(&mut self.reader, &mut io::sink()).map(|_| ())
    }
}
