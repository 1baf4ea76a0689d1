//! The log on disk: publishers, the writer's thread, a heartbeat that takes the disk for stalled, and readers.

#[path = "../../../../src/hub/disk/queue.rs"]
mod queue;
#[path = "../../../../src/hub/disk/shared.rs"]
mod shared;
#[path = "../../../../src/hub/disk/writer.rs"]
mod writer;
mod writing;
