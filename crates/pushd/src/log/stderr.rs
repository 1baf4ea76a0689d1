//! Standard error, past the lock of [`io::stderr`]: a panic, or another line, never waits for a write that blocks.

use std::io::{self, ErrorKind, Write};

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

/// Writes all of a line. Where the parent has made the file non-blocking, `wait` waits until there is room.
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

#[cfg(unix)]
fn wait(file: &std::fs::File) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    match poll(&mut [PollFd::new(file, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
