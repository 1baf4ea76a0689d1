//! Models of the hub's queues, of the list of positions to save, and of the log on disk.

#[path = "../../../src/hub/backlog.rs"]
mod backlog;
mod channels_form;
#[cfg(unix)]
mod disk;
mod event_frame;
pub(crate) mod log;
#[path = "../../../src/hub/mailbox.rs"]
mod mailbox;
mod publish;
mod recipients;
#[path = "../../../src/hub/resumes.rs"]
mod resumes;
mod saves;
#[path = "../../../src/hub/since.rs"]
mod since;
