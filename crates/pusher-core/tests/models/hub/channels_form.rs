/// No form of an event.
#[derive(Debug, Clone)]
pub(super) struct ChannelsForm;
