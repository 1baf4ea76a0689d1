//! Models of the hub's queues, and of the list of positions to save.

#[path = "../../../src/hub/backlog.rs"]
mod backlog;
mod channels_form;
mod event_frame;
#[path = "../../../src/hub/mailbox.rs"]
mod mailbox;
mod publish;
mod recipients;
#[path = "../../../src/hub/resumes.rs"]
mod resumes;
mod saves;
#[path = "../../../src/hub/since.rs"]
mod since;
