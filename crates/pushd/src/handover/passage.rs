//! Passes state and sockets to the new program.
//!
//! They are sent through a unix socket pair before this program is replaced, and the new program receives them: its standard
//! input is the other end. Sockets that were sent and not yet received stay open. If the new program never starts, the kernel
//! closes them.

use std::env;
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process;

use pusher_core::{HandOver, HandOverError};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

use super::VARIABLE;

/// Descriptors in one message. Linux allows 253.
const PORTION: usize = if cfg!(test) { 2 } else { 250 };

/// Descriptors that are sent through one pair. With the usual limits of Linux, the buffer of a pair has room for about 69,000.
const LOAD: usize = if cfg!(test) { 2 } else { 200 } * PORTION;

/// Why the state cannot be passed on, or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PassageError {
    #[error(transparent)]
    State(#[from] HandOverError),
    #[error("cannot pass the sockets to the new program: {0}")]
    Send(io::Error),
    #[error("cannot read the sockets of the program before: {0}")]
    Receive(io::Error),
}

/// Sends state and sockets. Returns the end from which the new program reads them.
pub(super) fn send(handed_over: &HandOver, format: u32) -> Result<OwnedFd, PassageError> {
    let state = handed_over.encode(format)?;
    send_all(&state, handed_over.sockets()).map_err(PassageError::Send)
}

fn send_all(state: &[u8], sockets: &[OwnedFd]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut memory = File::from(memfd_create("pushd-handover", flags)?);
    memory.write_all(state)?;
    // Nobody can change the state any more.
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    fcntl_add_seals(&memory, seals)?;
    memory.rewind()?;
    let loads: Vec<_> = sockets
        .chunks(LOAD)
        .map(send_load)
        .collect::<io::Result<_>>()?;
    let (ours, theirs) = pair()?;
    let first: Vec<_> = [memory.as_fd()]
        .into_iter()
        .chain(loads.iter().map(AsFd::as_fd))
        .collect();
    send_portion(&ours, &first)?;
    Ok(theirs)
}

/// Sends sockets. Returns the end from which they are read.
fn send_load(sockets: &[OwnedFd]) -> io::Result<OwnedFd> {
    let (ours, theirs) = pair()?;
    for portion in sockets.chunks(PORTION) {
        let portion: Vec<_> = portion.iter().map(AsFd::as_fd).collect();
        send_portion(&ours, &portion)?;
    }
    Ok(theirs)
}

fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(socketpair(
        AddressFamily::UNIX,
        SocketType::SEQPACKET,
        flags,
        None,
    )?)
}

fn send_portion(to: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PORTION))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(ErrorKind::OutOfMemory.into());
    }
    // A message needs a byte.
    sendmsg(
        to,
        &[IoSlice::new(&[0])],
        &mut ancillary,
        SendFlags::NOSIGNAL,
    )?;
    Ok(())
}

/// Returns the server that the program before has handed over. `None` if this is an ordinary start. The standard input is
/// `/dev/null` afterwards.
pub(crate) fn received() -> Option<Result<HandOver, PassageError>> {
    let of_process = env::var(VARIABLE).ok()?;
    // A child of that program is not meant.
    if of_process != process::id().to_string() {
        return None;
    }
    let received = from_stdin()
        .and_then(|from| receive_all(&from))
        .map_err(PassageError::Receive);
    Some(received.and_then(|(state, sockets)| Ok(HandOver::decode(&state, sockets)?)))
}

fn from_stdin() -> io::Result<OwnedFd> {
    let from = io::stdin().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    Ok(from)
}

fn receive_all(from: &OwnedFd) -> io::Result<(Vec<u8>, Vec<OwnedFd>)> {
    let mut first = receive_portion(from)?.into_iter();
    let mut memory = File::from(first.next().ok_or(ErrorKind::UnexpectedEof)?);
    let mut state = Vec::new();
    memory.read_to_end(&mut state)?;
    let mut sockets = Vec::new();
    for load in first {
        loop {
            let portion = receive_portion(&load)?;
            if portion.is_empty() {
                break;
            }
            sockets.extend(portion);
        }
    }
    Ok((state, sockets))
}

/// Returns the descriptors of the next message. None at the end.
fn receive_portion(from: &OwnedFd) -> io::Result<Vec<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(PORTION))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let received = recvmsg(from, &mut bytes, &mut ancillary, RecvFlags::CMSG_CLOEXEC)?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            descriptors.extend(received);
        }
    }
    if received.flags.contains(rustix::net::ReturnFlags::CTRUNC) {
        // The limit of open files is reached.
        return Err(io::Error::other("some of them did not arrive"));
    }
    Ok(descriptors)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn all_sockets_arrive_in_order_at_any_number() {
        for count in [0, 1, PORTION, PORTION + 1, LOAD, LOAD + 1, 3 * LOAD] {
            let listeners: Vec<_> = (0..count)
                .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
                .collect();
            let addresses: Vec<_> = listeners
                .iter()
                .map(|it| it.local_addr().unwrap())
                .collect();
            let sockets: Vec<OwnedFd> = listeners.into_iter().map(Into::into).collect();
            let from = send_all(b"state", &sockets).unwrap();
            // The copies on the way keep the sockets open.
            drop(sockets);
            let (state, received) = receive_all(&from).unwrap();
            assert_eq!(state, b"state");
            let received = received.into_iter().map(TcpListener::from);
            let received: Vec<_> = received.map(|it| it.local_addr().unwrap()).collect();
            assert_eq!(received, addresses, "{count}");
        }
    }

    #[test]
    fn the_state_cannot_be_changed_on_its_way() {
        let from = send_all(b"state", &[]).unwrap();
        let mut memory = File::from(receive_portion(&from).unwrap().remove(0));
        let error = memory.write_all(b"other").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        let error = memory.set_len(1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    }
}
