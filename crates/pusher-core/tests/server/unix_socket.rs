//! The publish listener on a unix socket.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use pusher_core::{BindError, PublishAddress, Recipe, Server, SocketAccess};
use socket2::{Domain, SockAddr, Socket, Type};
use tempfile::TempDir;

use crate::support::{TestServer, WAIT, on_any_ports, start_server};

/// Creates a folder. Returns it with a path for a socket in it.
fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("publish.sock");
    (folder, path)
}

fn start_at(path: &Path, access: SocketAccess) -> TestServer {
    let mut options = on_any_ports();
    options
        .publish_listen
        .push(PublishAddress::Unix(path.to_owned()));
    options.publish_socket = access;
    start_server(options, Recipe::default())
}

/// Returns the error of a server that cannot listen at `path`.
fn bind_error(path: &Path) -> BindError {
    let mut options = on_any_ports();
    options.publish_listen = vec![PublishAddress::Unix(path.to_owned())];
    Server::bind(options, Recipe::default()).unwrap_err()
}

fn connect(path: &Path) -> UnixStream {
    let stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream
}

#[test]
fn tcp_and_unix_socket_accept_publishers() {
    let (_folder, path) = folder();
    let server = start_at(&path, SocketAccess::default());
    let mut browser = server.subscriber("t");
    connect(&path).write_all(b"{\"category\":\"t\"}").unwrap();
    assert_eq!(browser.message(), r#"[8,"t",{"category":"t"}]"#);
    let mut native = BufReader::new(connect(&path));
    native.get_mut().write_all(b"[1,1][3,7,\"t\",1]").unwrap();
    let mut lines = native.lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("[2,1,"));
    assert!(lines.next().unwrap().starts_with("[4,7,2,1,"));
    assert_eq!(browser.message(), r#"[8,"t",1]"#);
    // Browsers cannot connect to a unix socket, so any host is accepted.
    let mut http = BufReader::new(connect(&path));
    let request = "POST /publish/t HTTP/1.1\r\nHost: any\r\nContent-Type: application/json\r\n\
        Content-Length: 1\r\n\r\n2";
    http.get_mut().write_all(request.as_bytes()).unwrap();
    let status = http.lines().next().unwrap().unwrap();
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(browser.message(), r#"[8,"t",2]"#);
    assert_eq!(server.publisher().publish("t", "3"), (4, 1));
    assert_eq!(browser.message(), r#"[8,"t",3]"#);
}

#[test]
fn socket_has_configured_mode_and_group() {
    let (folder, path) = folder();
    let mut access = SocketAccess::default();
    let server = start_at(&path, access.clone());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o660);
    drop(server);
    access.mode = 0o606;
    access.gid = Some(fs::metadata(folder.path()).unwrap().gid());
    let _server = start_at(&path, access.clone());
    let file = fs::metadata(&path).unwrap();
    assert_eq!((file.mode() & 0o777, Some(file.gid())), (0o606, access.gid));
}

#[test]
fn stale_socket_file_is_replaced() {
    let (_folder, path) = folder();
    drop(UnixListener::bind(&path).unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    let server = start_at(&path, SocketAccess::default());
    let mut browser = server.subscriber("t");
    connect(&path).write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
}

#[test]
fn socket_of_running_server_is_kept() {
    let (_folder, path) = folder();
    let server = start_at(&path, SocketAccess::default());
    let error = bind_error(&path).to_string();
    let there = format!(
        "unix:{}: another process is already listening there",
        path.display()
    );
    assert!(error.ends_with(&there), "{error}");
    let mut browser = server.subscriber("t");
    connect(&path).write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
}

/// A stopped or overloaded server accepts no connection, but it is still running.
#[test]
fn full_accept_queue_counts_as_running() {
    let (_folder, path) = folder();
    let busy = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    busy.bind(&SockAddr::unix(&path).unwrap()).unwrap();
    busy.listen(0).unwrap();
    let _queued = connect(&path);
    let error = bind_error(&path);
    assert!(error.to_string().contains("already listening"), "{error}");
}

#[test]
fn regular_file_is_not_replaced() {
    let (_folder, path) = folder();
    fs::write(&path, "precious").unwrap();
    let error = bind_error(&path).to_string();
    assert!(error.contains("not a socket"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), b"precious");
}

#[test]
fn missing_folder_is_reported_with_path() {
    let (folder, _) = folder();
    let path = folder.path().join("missing/publish.sock");
    let error = bind_error(&path);
    assert!(
        error.to_string().contains(path.to_str().unwrap()),
        "{error}"
    );
    let BindError::Listen { source, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn socket_file_is_removed_at_shutdown() {
    let (_folder, path) = folder();
    let mut server = start_at(&path, SocketAccess::default());
    assert!(path.exists());
    server.end();
    assert!(!path.exists());
    let never_run = {
        let mut options = on_any_ports();
        options.publish_listen = vec![PublishAddress::Unix(path.clone())];
        Server::bind(options, Recipe::default()).unwrap()
    };
    assert!(path.exists());
    drop(never_run);
    assert!(!path.exists());
}

#[test]
fn replaced_socket_file_is_kept_at_shutdown() {
    let (_folder, path) = folder();
    let mut server = start_at(&path, SocketAccess::default());
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    server.end();
    assert!(path.exists());
}

fn reload(server: &TestServer) {
    server.control.reload(on_any_ports().live).unwrap();
}

#[test]
fn reload_recreates_removed_socket() {
    let (folder, path) = folder();
    let mut access = SocketAccess::default();
    access.mode = 0o600;
    let server = start_at(&path, access);
    let mut browser = server.subscriber("t");
    let mut connected = connect(&path);
    connected.write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
    fs::remove_file(&path).unwrap();
    reload(&server);
    server.until("the socket is there", |_| path.exists());
    // The mode is set before the socket listens, so no client can connect too early.
    server.until("it listens", |_| UnixStream::connect(&path).is_ok());
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    connect(&path).write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
    connected.write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
    drop(server);
    assert!(!path.exists());
    drop(folder);
}

#[test]
fn reload_keeps_existing_and_foreign_sockets() {
    let (_folder, path) = folder();
    let server = start_at(&path, SocketAccess::default());
    let mut browser = server.subscriber("t");
    let before = fs::metadata(&path).unwrap().ino();
    reload(&server);
    connect(&path).write_all(b"{\"category\":\"t\"}").unwrap();
    browser.message();
    assert_eq!(fs::metadata(&path).unwrap().ino(), before);
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    let others = fs::metadata(&path).unwrap().ino();
    reload(&server);
    // The answer shows that the acceptors have handled the reload.
    server.publisher().publish("t", "1");
    drop(server);
    assert_eq!(fs::metadata(&path).unwrap().ino(), others);
}
