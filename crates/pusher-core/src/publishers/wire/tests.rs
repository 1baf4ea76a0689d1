use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::read::READ_LEN;
use super::*;
use crate::application::Recipe;
use crate::config::Options;
use crate::server::Server;

/// A client that never stops sending.
#[derive(Default)]
struct Endless {
    read: Arc<parking_lot::Mutex<usize>>,
}

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let len = buffer.remaining();
        buffer.initialize_unfilled();
        buffer.advance(len);
        *self.read.lock() += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Endless {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn hang_up_yields_after_each_read_and_stops_at_limit() {
    let client = Endless::default();
    let read = Arc::clone(&client.read);
    let mut hang_up = pin!(hang_up(client, Duration::from_secs(3600)));
    poll_fn(|context| {
        let before = *read.lock();
        let polled = hang_up.as_mut().poll(context);
        assert!(*read.lock() - before <= READ_LEN);
        polled
    })
    .await;
    let read = *read.lock();
    let bounds = Limits::PUBLISHER_LINGER_LEN_MAX..=Limits::PUBLISHER_LINGER_LEN_MAX + READ_LEN;
    assert!(bounds.contains(&read), "{read}");
}

/// Returns a connection to a server with room for this number of publishers.
pub(in crate::publishers) async fn wire<S>(stream: S, publishers_max: usize) -> (Server, Wire<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut options = Options::default();
    options.listen.clear();
    options.publish_listen.clear();
    options.live.limits.publishers_max = publishers_max;
    let server = Server::bind(options, Recipe::default()).unwrap();
    let context = server.admin.context().clone();
    let permit = context.publisher_permits.enter().await;
    let peer = Peer {
        name: "test".to_owned(),
        transport: Transport::Unix,
    };
    let wire = Wire::new(context, stream, peer, permit);
    (server, wire)
}

/// With a permit for nobody, a publisher waits and then is refused. At a hand-over it continues.
#[tokio::test]
async fn a_publisher_that_waits_for_a_permit_continues_at_a_hand_over() {
    for is_handed_over in [false, true] {
        let (server, mut wire) = wire(Endless::default(), 0).await;
        let mut acquired = pin!(wire.acquire_permit());
        poll_fn(|task| {
            assert!(acquired.as_mut().poll(task).is_pending());
            Poll::Ready(())
        })
        .await;
        if is_handed_over {
            server.admin.context().handover.begin();
        }
        assert_eq!(acquired.await.is_ok(), is_handed_over);
    }
}
