//! A process's CPU time and memory, as reported by the kernel.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};

/// The processor of the measured server.
pub const SERVER_CPU: usize = 0;
/// The processor of the subscribers and the publisher.
pub const CLIENT_CPU: usize = 1;

/// Returns the CPU time of all current threads of the process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let folder = format!("/proc/{pid}/task");
    let mut nanoseconds = 0;
    for thread in fs::read_dir(&folder).with_context(|| format!("can't read {folder}"))? {
        // The fields: time on a processor, time waiting for one, time slices. They are exact; those of `stat` have a
        // resolution of 10 ms.
        let path = thread?.path().join("schedstat");
        let text = fs::read_to_string(&path).unwrap_or_default();
        let own = text.split_whitespace().next().unwrap_or("0");
        nanoseconds += own.parse::<u64>().context("schedstat is not a number")?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// Returns the resident memory of the process, in bytes.
pub fn resident(pid: u32) -> Result<u64> {
    status(pid, "VmRSS:")
}

/// Returns the most resident memory that the process has had, in bytes.
pub fn peak(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:")
}

fn status(pid: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| format!("can't read {path}"))?;
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kib.with_context(|| format!("no {name} in {path}"))? * 1024)
}

/// Returns whether server and client can have a processor each.
pub fn can_pin() -> bool {
    std::thread::available_parallelism().is_ok_and(|processors| processors.get() > CLIENT_CPU)
}

/// Keeps this process off the server's processor.
pub fn pin_client() -> Result<()> {
    let mut cpus = CpuSet::new();
    cpus.set(CLIENT_CPU);
    sched_setaffinity(None, &cpus).context("can't choose a processor")
}

/// Raises the limit of open files to the system's maximum, for this process and its children. Returns the limit.
pub fn raise_open_files() -> Result<u64> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let limit = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, limit).context("can't raise the limit of open files")?;
    Ok(maximum.unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_and_memory_are_read() {
        let pid = std::process::id();
        let before = cpu_time(pid).unwrap();
        while cpu_time(pid).unwrap() == before {}
        let resident = resident(pid).unwrap();
        assert!(resident > 100_000);
        assert!(peak(pid).unwrap() >= resident);
    }
}
