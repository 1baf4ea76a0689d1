//! Length of the kernel's accept queue.

/// Maximum number of connections that the kernel queues until they are accepted. After a restart all browsers reconnect
/// at once. The kernel limits the value to `net.core.somaxconn`, which is 4096 on most systems.
pub(super) const ACCEPT_BACKLOG: i32 = 4096;
