//! A relay between a client and pushd. It can stop forwarding without closing anything, as after a change of network,
//! during sleep, or in a proxy that forgot a connection. It can also be slow or late, reset or cut all connections, keep
//! others waiting, and lead to another server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, SockRef, Socket, Type};

/// Receive buffer of the connections to the server, in bytes. A server whose client reads nothing soon notices it.
const RECEIVE_BUFFER_LEN: usize = 4096;

/// Forwards TCP connections. Dropping the value ends all of them.
#[derive(Debug)]
pub struct Relay {
    /// The address for clients.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    to: Mutex<SocketAddr>,
    is_ending: AtomicBool,
    is_cut: Mutex<bool>,
    restored: Condvar,
    connections: Mutex<Vec<Connection>>,
    /// Whether nothing is read from the server.
    is_held: Mutex<bool>,
    released: Condvar,
}

#[derive(Debug)]
struct Connection {
    client: TcpStream,
    server: TcpStream,
    silent: Arc<Silent>,
    threads: [JoinHandle<()>; 2],
}

/// The stopped directions.
#[derive(Debug, Default)]
struct Silent {
    to_server: AtomicBool,
    to_client: AtomicBool,
    is_reset: AtomicBool,
    /// Bytes to the server wait.
    is_late: AtomicBool,
}

/// A direction, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the server.
    ToServer,
    /// From the server to the client.
    ToClient,
    /// Both.
    Both,
}

impl Relay {
    /// Starts a relay to this address.
    #[track_caller]
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            to: Mutex::new(to),
            is_ending: AtomicBool::new(false),
            is_cut: Mutex::default(),
            restored: Condvar::default(),
            connections: Mutex::default(),
            is_held: Mutex::default(),
            released: Condvar::default(),
        });
        let accepting = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                accepting.wait_while_cut();
                if accepting.is_ending.load(Ordering::Relaxed) {
                    return;
                }
                accepting.forward(client);
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Stops forwarding for the existing connections. Later ones work.
    pub fn forget(&self, direction: Direction) {
        for connection in self.shared.connections.lock().unwrap().iter() {
            let Silent {
                to_server,
                to_client,
                ..
            } = &*connection.silent;
            if direction != Direction::ToClient {
                to_server.store(true, Ordering::Relaxed);
            }
            if direction != Direction::ToServer {
                to_client.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Leads later connections to another server.
    pub fn redirect(&self, to: SocketAddr) {
        *self.shared.to.lock().unwrap() = to;
    }

    /// Holds the bytes of clients on the existing connections, until [`deliver`](Self::deliver). Later connections work.
    pub fn delay(&self) {
        for connection in self.shared.connections.lock().unwrap().iter() {
            connection.silent.is_late.store(true, Ordering::Relaxed);
        }
    }

    /// Forwards the held bytes, also if the client has closed.
    pub fn deliver(&self) {
        for connection in self.shared.connections.lock().unwrap().iter() {
            connection.silent.is_late.store(false, Ordering::Relaxed);
        }
        self.shared.wake_held();
    }

    /// Cuts all connections. Later ones are accepted, and wait until [`restore`](Self::restore).
    pub fn cut(&self) {
        *self.shared.is_cut.lock().unwrap() = true;
        for connection in self.shared.connections.lock().unwrap().iter() {
            connection.shut_down();
        }
    }

    /// Forwards the connections that wait, and later ones.
    pub fn restore(&self) {
        *self.shared.is_cut.lock().unwrap() = false;
        self.shared.restored.notify_all();
    }

    /// Stops reading from the server, for existing and later connections, until [`release`](Self::release).
    pub fn hold(&self) {
        *self.shared.is_held.lock().unwrap() = true;
    }

    /// Reads from the server again.
    pub fn release(&self) {
        *self.shared.is_held.lock().unwrap() = false;
        self.shared.released.notify_all();
    }

    /// Resets all connections on both sides. Data on its way is lost.
    pub fn reset(&self) {
        let connections = std::mem::take(&mut *self.shared.connections.lock().unwrap());
        for connection in &connections {
            connection.silent.is_reset.store(true, Ordering::Relaxed);
            for stream in [&connection.client, &connection.server] {
                let _gone = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                // Wakes the thread that reads, and sends nothing.
                let _gone = stream.shutdown(Shutdown::Read);
            }
        }
        self.shared.wake_held();
        for connection in connections {
            for thread in connection.threads {
                let _panicked = thread.join();
            }
        }
    }

    /// Returns the number of connections since the start, or since the last reset.
    pub fn connections(&self) -> usize {
        self.shared.connections.lock().unwrap().len()
    }
}

impl Connection {
    fn shut_down(&self) {
        for stream in [&self.client, &self.server] {
            let _gone = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn wait_while_cut(&self) {
        let is_cut = self.is_cut.lock().unwrap();
        let _guard = self.restored.wait_while(is_cut, |is_cut| *is_cut).unwrap();
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let to = *self.to.lock().unwrap();
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, None)?;
        socket.set_recv_buffer_size(RECEIVE_BUFFER_LEN)?;
        socket.connect(&to.into())?;
        socket.set_tcp_nodelay(true)?;
        Ok(socket.into())
    }

    /// Waits while nothing is read from the server, unless the connection is reset.
    fn wait_while_held(&self, silent: &Silent) {
        self.wait_while(silent, |is_held| is_held);
    }

    /// Waits while bytes to the server are kept back.
    fn wait_while_late(&self, silent: &Silent) {
        self.wait_while(silent, |_| silent.is_late.load(Ordering::Relaxed));
    }

    fn wait_while(&self, silent: &Silent, is_so: impl Fn(bool) -> bool) {
        let must_wait = |is_held: &mut bool| {
            is_so(*is_held)
                && !silent.is_reset.load(Ordering::Relaxed)
                && !self.is_ending.load(Ordering::Relaxed)
        };
        let is_held = self.is_held.lock().unwrap();
        let _guard = self.released.wait_while(is_held, must_wait).unwrap();
    }

    /// Makes the threads that wait look at their connections.
    fn wake_held(&self) {
        // With the lock, no thread is between its look and its wait.
        let _guard = self.is_held.lock().unwrap();
        self.released.notify_all();
    }

    fn forward(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = self.connect() else {
            return;
        };
        let clone = |stream: &TcpStream| stream.try_clone().expect("a stream can be cloned");
        let silent = Arc::new(Silent::default());
        let (there, back) = (Arc::clone(&silent), Arc::clone(&silent));
        let (from_client, to_server) = (clone(&client), clone(&server));
        let (from_server, to_client) = (clone(&server), clone(&client));
        let (held, late) = (Arc::clone(self), Arc::clone(self));
        let wait_held = move |silent: &Silent| held.wait_while_held(silent);
        let wait_late = move |silent: &Silent| late.wait_while_late(silent);
        // Before any byte is forwarded, so `reset` and others find every connection that works.
        let mut connections = self.connections.lock().unwrap();
        let threads = [
            thread::spawn(move || {
                let direction = |silent: &Silent| silent.to_server.load(Ordering::Relaxed);
                copy(from_client, to_server, &there, direction, |_| (), wait_late)
            }),
            thread::spawn(move || {
                let direction = |silent: &Silent| silent.to_client.load(Ordering::Relaxed);
                copy(from_server, to_client, &back, direction, wait_held, |_| ())
            }),
        ];
        connections.push(Connection {
            client,
            server,
            silent,
            threads,
        });
    }
}

/// Copies one direction until it ends. While the direction is stopped, it discards all bytes and the end.
fn copy(
    mut from: TcpStream,
    mut to: TcpStream,
    silent: &Silent,
    is_silent: impl Fn(&Silent) -> bool,
    before_read: impl Fn(&Silent),
    before_write: impl Fn(&Silent),
) {
    let mut buffer = [0; 16 * 1024];
    loop {
        before_read(silent);
        let len = from.read(&mut buffer).unwrap_or(0);
        before_write(silent);
        if silent.is_reset.load(Ordering::Relaxed) {
            return;
        }
        let is_silent = is_silent(silent);
        if len == 0 {
            if !is_silent {
                let _gone = to.shutdown(Shutdown::Write);
            }
            return;
        }
        if !is_silent && to.write_all(&buffer[..len]).is_err() {
            return;
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        self.restore();
        self.shared.wake_held();
        // Wakes the accepting thread, which then sees `is_ending`.
        let _woken = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
        for connection in self.shared.connections.lock().unwrap().drain(..) {
            connection.shut_down();
            for thread in connection.threads {
                let _panicked = thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use xtask::process::wait_until;

    use super::*;
    use crate::WAIT_MS;

    #[test]
    fn it_forwards_until_it_is_told_to_stop() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(server.local_addr().unwrap());
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        let mut byte = [0];
        client.write_all(b"a").unwrap();
        peer.read_exact(&mut byte).unwrap();
        peer.write_all(b"b").unwrap();
        client.read_exact(&mut byte).unwrap();
        assert_eq!((byte[0], relay.connections()), (b'b', 1));
        relay.forget(Direction::ToServer);
        client.write_all(b"lost").unwrap();
        peer.write_all(b"c").unwrap();
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'c', "the other direction goes on");
        let mut later = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        later.write_all(b"d").unwrap();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'd', "a new connection works");
    }

    #[test]
    fn after_a_cut_connections_wait_until_it_is_restored() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(server.local_addr().unwrap());
        let mut byte = [0];
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        peer.write_all(b"a").unwrap();
        client.read_exact(&mut byte).unwrap();
        relay.cut();
        assert_eq!(client.read(&mut byte).unwrap(), 0);
        assert_eq!(peer.read(&mut byte).unwrap(), 0);
        let mut later = TcpStream::connect(relay.address).unwrap();
        later.write_all(b"?").unwrap();
        server.set_nonblocking(true).unwrap();
        assert!(server.accept().is_err(), "it waits");
        server.set_nonblocking(false).unwrap();
        relay.restore();
        let (mut peer, _) = server.accept().unwrap();
        peer.write_all(b"b").unwrap();
        later.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'b');
    }

    #[test]
    fn it_resets_and_holds() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let relay = Relay::start(server.local_addr().unwrap());
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        let mut byte = [0];
        client.write_all(b"a").unwrap();
        peer.read_exact(&mut byte).unwrap();
        relay.hold();
        relay.reset();
        for mut end in [client, peer] {
            let error = end.read(&mut byte).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        }
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = server.accept().unwrap();
        peer.write_all(b"b").unwrap();
        let brief = Some(Duration::from_millis(50));
        client.set_read_timeout(brief).unwrap();
        assert!(client.read(&mut byte).is_err(), "it is held");
        relay.release();
        client.set_read_timeout(None).unwrap();
        client.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'b');
    }

    #[test]
    fn it_delivers_late_and_leads_elsewhere() {
        let servers = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let relay = Relay::start(servers[0].local_addr().unwrap());
        let mut byte = [0];
        let mut client = TcpStream::connect(relay.address).unwrap();
        let (mut peer, _) = servers[0].accept().unwrap();
        // The kernel accepts the connection before the relay lists it.
        assert!(wait_until(WAIT_MS, || relay.connections() == 1));
        relay.delay();
        client.write_all(b"a").unwrap();
        drop(client);
        relay.redirect(servers[1].local_addr().unwrap());
        let mut later = TcpStream::connect(relay.address).unwrap();
        let (mut other, _) = servers[1].accept().unwrap();
        later.write_all(b"b").unwrap();
        other.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'b');
        peer.set_nonblocking(true).unwrap();
        assert!(peer.read(&mut byte).is_err(), "it is late");
        peer.set_nonblocking(false).unwrap();
        relay.deliver();
        peer.read_exact(&mut byte).unwrap();
        assert_eq!(byte[0], b'a');
        assert_eq!(peer.read(&mut byte).unwrap(), 0);
    }
}
