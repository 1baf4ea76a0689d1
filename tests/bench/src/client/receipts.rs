//! One publisher that waits for receipts.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use hdrhistogram::Histogram;
use memchr::memchr_iter;

use super::deliveries::new_histogram;
use super::mark::{Kind, put_event};
use super::{Client, Deliveries};
use crate::process::cpu_time;
use crate::scenario::{Link, Scenario};
use crate::servers::Server;

/// Time limit for a server to answer a publish.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Publishes before the measurement.
const WARM_UP: u64 = 200;

/// The receipts of a run.
#[derive(Debug)]
pub struct Receipts {
    /// Their number.
    pub count: u64,
    /// Time from the first publish to the last receipt.
    pub took: Duration,
    /// CPU time of the server, with the deliveries.
    pub cpu: Duration,
    /// Times from publish to receipt, in nanoseconds. Empty if several publishes are under way.
    pub latency: Histogram<u32>,
    /// What the subscribers received.
    pub deliveries: Deliveries,
}

/// Publishes for `duration`, with at most `window` publishes without a receipt.
pub fn run(
    server: &Server,
    scenario: Scenario,
    link: Link,
    window: usize,
    duration: Duration,
) -> Result<Receipts> {
    let mut client = Client::connect(server, scenario)?;
    client.settle()?;
    let mut publisher = Publisher::connect(server, link)?;
    while client.published < WARM_UP {
        publisher.publish(&mut client, 1)?;
        publisher.await_receipts(1)?;
    }
    client.settle()?;
    let before = client.published;
    let mut latency = new_histogram()?;
    let (cpu, begin) = (cpu_time(server.pid())?, Instant::now());
    // With two halves, the server has work while this program reads the receipts of one.
    let half = (window / 2).max(1);
    if window > 1 {
        publisher.publish(&mut client, half)?;
    }
    while begin.elapsed() < duration {
        let at = Instant::now();
        publisher.publish(&mut client, half)?;
        publisher.await_receipts(half)?;
        if window == 1 {
            latency.saturating_record(at.elapsed().as_nanos() as u64);
        }
        client.receive(Duration::ZERO)?;
    }
    publisher.await_receipts(publisher.unanswered)?;
    let took = begin.elapsed();
    let cpu = cpu_time(server.pid())?.saturating_sub(cpu);
    client.settle()?;
    Ok(Receipts {
        count: client.published - before,
        took,
        cpu,
        latency,
        deliveries: client.deliveries,
    })
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// A publisher's connection in the native protocol.
struct Publisher {
    stream: Box<dyn Stream>,
    /// Publishes without a receipt.
    unanswered: usize,
    event: Vec<u8>,
    messages: Vec<u8>,
    answers: Vec<u8>,
}

impl Publisher {
    fn connect(server: &Server, link: Link) -> Result<Self> {
        let stream: Box<dyn Stream> = match link {
            Link::Tcp => {
                let stream = TcpStream::connect(server.publish)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                Box::new(stream)
            }
            Link::Unix => {
                let stream = UnixStream::connect(&server.publish_socket)?;
                stream.set_read_timeout(Some(TIMEOUT))?;
                Box::new(stream)
            }
        };
        let mut publisher = Self {
            stream,
            unanswered: 1,
            event: Vec::new(),
            messages: Vec::new(),
            answers: vec![0; 64 * 1024],
        };
        publisher.stream.write_all(b"[1,1]\n")?;
        publisher.await_receipts(1)?; // WELCOME
        Ok(publisher)
    }

    /// Publishes `count` events in one write.
    fn publish(&mut self, client: &mut Client<'_>, count: usize) -> Result<()> {
        self.messages.clear();
        for _ in 0..count {
            let topic = &client.topics[0];
            let mark = client.mark(Kind::Measured, client.published);
            put_event(&mut self.event, topic, mark, client.scenario.event_len);
            write!(self.messages, "[3,{},\"{topic}\",", client.published)?;
            self.messages.extend_from_slice(&self.event);
            self.messages.extend_from_slice(b"]\n");
            client.published += 1;
            client.deliveries.expected += client.scenario.subscribers as u64;
        }
        self.unanswered += count;
        let written = self.stream.write_all(&self.messages);
        written.context("the server does not take publishes")
    }

    /// Reads at least `count` receipts.
    fn await_receipts(&mut self, count: usize) -> Result<()> {
        let rest = self.unanswered.saturating_sub(count);
        while self.unanswered > rest {
            let read = self.stream.read(&mut self.answers);
            let len = read.context("no answer to a publish")?;
            let answers = &self.answers[..len];
            if len == 0 || answers.starts_with(b"[5,") {
                bail!(
                    "a publish was refused: {}",
                    String::from_utf8_lossy(answers)
                );
            }
            self.unanswered -= memchr_iter(b'\n', answers).count();
        }
        Ok(())
    }
}
