//! What was found, for people and for programs.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::output;

/// The hops, in the order in which they are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Step {
    /// The host's name becomes addresses.
    Dns,
    /// One of them takes a connection.
    Tcp,
    /// The certificate is good.
    Tls,
    /// And stays so for a while.
    Expiry,
    /// The HTTP request becomes a WebSocket.
    WebSocket,
    /// It is pushd that speaks through it.
    Welcome,
    /// The client script comes the same way.
    Script,
    /// An event of the private door arrives.
    Event,
    /// A connection on which nothing happens stays.
    Idle,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dns => "DNS",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Expiry => "expiry",
            Self::WebSocket => "WebSocket",
            Self::Welcome => "WELCOME",
            Self::Script => "pusher.js",
            Self::Event => "event",
            Self::Idle => "idle",
        })
    }
}

/// Why a hop fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// For programs.
    pub(super) code: &'static str,
    /// What happened.
    pub(super) what: String,
    /// What to do.
    pub(super) todo: String,
}

impl Fault {
    /// What happened, and what to do.
    pub(crate) fn told(&self) -> (&str, &str) {
        (&self.what, &self.todo)
    }

    pub(super) fn new(
        code: &'static str,
        what: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self {
            code,
            what: what.into(),
            todo: todo.into(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

/// One line of the report.
#[derive(Debug, Serialize)]
struct Finding {
    step: Step,
    status: Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<String>,
    ms: u64,
}

/// The lines so far. Those for people are printed as they come.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    url: String,
    timeout: Duration,
    findings: Vec<Finding>,
    unprinted: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    url: &'a str,
    ok: bool,
    steps: &'a [Finding],
}

impl Report {
    /// For an address; every hop may take as long as the timeout.
    pub(super) fn new(url: String, timeout: Duration, json: bool) -> Self {
        let mut report = Self {
            json,
            url,
            timeout,
            findings: Vec::new(),
            unprinted: None,
        };
        if !json {
            report.print(&format!("{}\n", report.url));
        }
        report
    }

    /// Looks at a hop; what it gives, if it is fine.
    pub(super) async fn look<T>(
        &mut self,
        step: Step,
        hop: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Option<T> {
        self.look_for(step, self.timeout, hop).await
    }

    /// The same with another timeout.
    pub(super) async fn look_for<T>(
        &mut self,
        step: Step,
        timeout: Duration,
        hop: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Option<T> {
        let begin = Instant::now();
        let found = tokio::time::timeout(timeout, hop).await;
        let found = found.unwrap_or_else(|_| Err(timed_out(step, timeout)));
        let (status, what, fault, value) = match found {
            Ok((value, what)) => (Status::Ok, what, None, Some(value)),
            Err(fault) if matches!(step, Step::Script | Step::Expiry) => {
                (Status::Warning, fault.what.clone(), Some(fault), None)
            }
            Err(fault) => (Status::Failed, fault.what.clone(), Some(fault), None),
        };
        self.add(Finding {
            step,
            status,
            code: fault.as_ref().map(|fault| fault.code),
            what,
            todo: fault.map(|fault| fault.todo),
            ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        });
        value
    }

    fn add(&mut self, mut finding: Finding) {
        finding.what = harmless(&finding.what);
        if !self.json {
            self.print(&line(&finding));
        }
        self.findings.push(finding);
    }

    /// Whether no hop has failed.
    pub(super) fn is_ok(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.status != Status::Failed)
    }

    /// Prints the end. Returns why something of it all could not be printed.
    pub(super) fn conclude(&mut self) -> Option<&str> {
        if self.json {
            let document = Document {
                url: &self.url,
                ok: self.is_ok(),
                steps: &self.findings,
            };
            // There is nothing in it that JSON can't say.
            let text = serde_json::to_string(&document).unwrap_or_default();
            self.print(&format!("{text}\n"));
        }
        self.unprinted.as_deref()
    }

    fn print(&mut self, text: &str) {
        if let Err(error) = output::write(text) {
            self.unprinted = Some(error);
        }
    }
}

/// Most that is shown of what happened, in characters: it may be another's words.
const WHAT_LEN_MAX: usize = 1000;

/// What does nothing to a terminal, whoever wrote it.
fn harmless(text: &str) -> String {
    let shown = text.chars().take(WHAT_LEN_MAX);
    shown
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

/// Where the second column of what is printed begins, and where it ends.
const INDENT: usize = 22;
const WIDTH: usize = 78;

fn line(finding: &Finding) -> String {
    let status = match finding.status {
        Status::Ok => "ok",
        Status::Warning => "warning",
        Status::Failed => "FAILED",
    };
    let todo = finding.todo.as_deref().unwrap_or_default();
    let paragraphs = std::iter::once(finding.what.as_str()).chain(todo.lines());
    let mut lines = paragraphs.flat_map(wrap);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("  {status:<8} {:<10} {first}\n", finding.step);
    for line in lines {
        text.push_str(&format!("{:INDENT$}{line}\n", ""));
    }
    text
}

/// Lines of whole words. What begins with blanks is to be copied, and stays as it is.
fn wrap(paragraph: &str) -> Vec<String> {
    if paragraph.starts_with(' ') {
        return vec![paragraph.to_owned()];
    }
    let mut lines = vec![String::new()];
    for word in paragraph.split(' ') {
        let last = lines.len() - 1;
        let line = &mut lines[last];
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

/// What to say of a hop from which nothing came.
pub(super) fn timed_out(step: Step, timeout: Duration) -> Fault {
    let what = format!("nothing came for {timeout:?}");
    let todo = match step {
        Step::Dns => "The name servers of this machine do not answer: see /etc/resolv.conf.",
        Step::Tcp | Step::Tls | Step::Expiry => {
            "Something takes connections there and says nothing: is it a web server with HTTPS?"
        }
        Step::WebSocket | Step::Script => {
            "The web server takes the request and does not answer: it may wait for pushd. Is pushd running, \
             and does the web server pass the path on to the address that pushd listens on? Or is it another \
             program that listens there?"
        }
        Step::Welcome => {
            "The WebSocket is open, and pushd's first message does not arrive: either the path leads to \
             another WebSocket server, or something on the way keeps answers back (a buffer, a virus scanner)."
        }
        Step::Event | Step::Idle => {
            "The connection takes what is sent, and nothing comes back through it."
        }
    };
    Fault::new("timeout", what, todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_block_with_words_whole_and_code_untouched() {
        let finding = Finding {
            step: Step::WebSocket,
            status: Status::Failed,
            code: Some("x"),
            what: "404".to_owned(),
            todo: Some(format!(
                "{} end\n    code  {}",
                "word ".repeat(16).trim(),
                "x".repeat(80)
            )),
            ms: 1,
        };
        let words = "word ".repeat(15);
        let expected = format!(
            "  FAILED   WebSocket  404\n{0}{words}\n{0}word end\n{0}    code  {1}\n",
            " ".repeat(INDENT),
            "x".repeat(80)
        );
        assert_eq!(
            line(&finding).replace(" \n", "\n"),
            expected.replace(" \n", "\n")
        );
    }
}
