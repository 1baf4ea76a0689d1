//! Standard error without the lock of [`io::stderr`], so that a panic never waits for a write that blocks.

#[cfg(unix)]
use std::io::ErrorKind;
use std::io::{self, Write};

/// Writes lines to standard error.
#[cfg(unix)]
pub(super) fn sink() -> io::Result<impl Fn(&[u8]) -> io::Result<()> + Send + Sync> {
    use std::fs::File;
    use std::os::fd::AsFd;
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    Ok(move |line: &[u8]| write(&stderr, line, || wait(&stderr)))
}

/// Writes lines to standard error.
#[cfg(not(unix))]
pub(super) fn sink() -> io::Result<impl Fn(&[u8]) -> io::Result<()> + Send + Sync> {
    Ok(|line: &[u8]| io::stderr().write_all(line))
}

/// Writes a whole line. If the parent made the file non-blocking, `wait` waits until it takes more.
#[cfg(unix)]
fn write(
    mut file: impl Write,
    mut line: &[u8],
    wait: impl Fn() -> io::Result<()>,
) -> io::Result<()> {
    while !line.is_empty() {
        match file.write(line) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(len) => line = &line[len..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait()?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until the file can be written to.
#[cfg(unix)]
fn wait(file: &std::fs::File) -> io::Result<()> {
    use std::os::fd::AsFd;

    use nix::errno::Errno;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    let mut files = [PollFd::new(file.as_fd(), PollFlags::POLLOUT)];
    match poll(&mut files, PollTimeout::NONE) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
