//! A process's memory, CPU time and descriptors, as reported by the kernel.

use std::fs;
use std::time::Duration;

/// A process, by its id.
#[derive(Debug, Clone, Copy)]
pub struct Resources {
    pid: u32,
}

impl Resources {
    /// Returns the resources of this process.
    pub fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// Returns the resident memory, in KiB.
    #[track_caller]
    pub fn memory_kib(&self) -> usize {
        self.status("VmRSS:")
    }

    /// Returns the peak of the resident memory, in KiB.
    #[track_caller]
    pub fn memory_peak_kib(&self) -> usize {
        self.status("VmHWM:")
    }

    /// Returns the number of open file descriptors.
    #[track_caller]
    pub fn open_files(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.pid);
        fs::read_dir(folder).expect("the process runs").count()
    }

    /// Returns the CPU time of all threads. Ended threads do not count.
    #[track_caller]
    pub fn cpu(&self) -> Duration {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).expect("the process runs");
        let run_ns = threads.flatten().filter_map(|thread| {
            // The fields: time on a processor, time waiting for one, time slices; in nanoseconds.
            let times = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            times.split_whitespace().next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(run_ns.sum())
    }

    #[track_caller]
    fn status(&self, name: &str) -> usize {
        let path = format!("/proc/{}/status", self.pid);
        let status = fs::read_to_string(path).expect("the process runs");
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        let value = value.and_then(|value| value.split_whitespace().next()?.parse().ok());
        value.unwrap_or_else(|| panic!("no {name} in {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_files_are_read() {
        let this = Resources::of(std::process::id());
        let before = this.memory_kib();
        let taken = vec![1_u8; 32 << 20];
        assert!(this.memory_kib() > before + (16 << 10));
        drop(taken);
        assert!(this.memory_peak_kib() > before + (16 << 10));
        assert!(this.open_files() > 2);
        assert!(this.cpu() > Duration::ZERO);
    }
}
