//! Linux: detects a fork by a page that the kernel wipes in the child.

use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU64, Ordering};

use once_cell::race::OnceBox;

/// Returns a number that is greater than that of every ancestor. Returns 0 if the kernel cannot wipe pages (Linux
/// before 4.14): then the process number alone decides.
pub(super) fn generation() -> u64 {
    static MARK: OnceBox<Option<WipedPage>> = OnceBox::new();
    // In ordinary memory, so that a child counts on from its parent's number.
    static LAST: AtomicU64 = AtomicU64::new(0);

    let Some(page) = MARK.get_or_init(|| Box::new(WipedPage::new())) else {
        return 0;
    };
    let mark = page.word();
    match mark.load(Ordering::Acquire) {
        0 => {
            let next = LAST.fetch_add(1, Ordering::AcqRel) + 1;
            let marked = mark.compare_exchange(0, next, Ordering::AcqRel, Ordering::Acquire);
            marked.map_or_else(|other_thread| other_thread, |_| next)
        }
        generation => generation,
    }
}

/// A page that the kernel fills with zeros in every child that gets a copy of this process's memory. It covers `clone`
/// as well as `fork`; `pthread_atfork` handlers run at `fork` only.
#[derive(Debug)]
struct WipedPage(NonNull<AtomicU64>);

// SAFETY: any thread may use the memory, and only through the atomic.
unsafe impl Send for WipedPage {}
// SAFETY: as above.
unsafe impl Sync for WipedPage {}

impl WipedPage {
    /// The kernel rounds it up to a page.
    const LEN: usize = size_of::<AtomicU64>();

    fn new() -> Option<Self> {
        let (protection, flags) = (
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
        );
        // SAFETY: new memory, at an address of the kernel's choice.
        let start = unsafe { libc::mmap(ptr::null_mut(), Self::LEN, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return None;
        }
        // From here on, the drop unmaps the page if madvise() fails.
        let page = Self(NonNull::new(start.cast())?);
        // SAFETY: the mapping is ours, and the advice changes only the children's copies.
        let wiped = unsafe { libc::madvise(start, Self::LEN, libc::MADV_WIPEONFORK) };
        (wiped == 0).then_some(page)
    }

    fn word(&self) -> &AtomicU64 {
        // SAFETY: zeroed, aligned to a page, mapped as long as `self` lives, and used as an atomic only.
        unsafe { self.0.as_ref() }
    }
}

impl Drop for WipedPage {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nobody borrows it.
        unsafe { libc::munmap(self.0.as_ptr().cast(), Self::LEN) };
    }
}
