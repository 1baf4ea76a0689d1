//! How many connections the kernel may queue.

/// Connections that the kernel holds until they are accepted. After a restart all browsers come back at once. The kernel
/// holds no more than `net.core.somaxconn`, which is 4096 on most systems.
pub(super) const ACCEPT_BACKLOG: i32 = 4096;
