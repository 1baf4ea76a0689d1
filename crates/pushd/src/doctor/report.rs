//! The report: a line for each step, or one JSON document at the end.

use std::time::{Duration, Instant};

use anstyle::Style;
use serde::Serialize;
use tokio::time::interval;

use super::fault::Fault;
use super::step::{Step, timed_out};
use crate::output::{self, OutputError};
use crate::progress::{self, Progress};
use crate::style::{BAD, GOOD, WARNING, paint};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

/// The result of a step.
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

/// The results so far. Without `--json` each is printed at once.
#[derive(Debug)]
pub(super) struct Report {
    json: bool,
    url: String,
    timeout: Duration,
    findings: Vec<Finding>,
    progress: Progress,
    output_error: Option<OutputError>,
}

#[derive(Serialize)]
struct Document<'a> {
    url: &'a str,
    ok: bool,
    steps: &'a [Finding],
}

impl Report {
    /// Begins a report about a URL. `timeout` is the time limit of a step.
    pub(super) fn new(url: String, timeout: Duration, json: bool) -> Self {
        let mut report = Self {
            json,
            url,
            timeout,
            findings: Vec::new(),
            progress: Progress::new(),
            output_error: None,
        };
        if !json {
            report.print(format!("{}\n", report.url));
        }
        report
    }

    /// Runs a step. Returns its value unless the step fails.
    pub(super) async fn check<T>(
        &mut self,
        step: Step,
        checking: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Option<T> {
        self.check_for(step, self.timeout, checking).await
    }

    /// Runs a step with a time limit of its own.
    pub(super) async fn check_for<T>(
        &mut self,
        step: Step,
        timeout: Duration,
        checking: impl Future<Output = Result<(T, String), Fault>>,
    ) -> Option<T> {
        let begin = Instant::now();
        let result = tokio::select! {
            result = tokio::time::timeout(timeout, checking) => result,
            never = show(&mut self.progress, step, timeout) => never,
        };
        self.progress.clear();
        let result = result.unwrap_or_else(|_| Err(timed_out(step, timeout)));
        let (status, what, fault, value) = match result {
            Ok((value, what)) => (Status::Ok, what, None, Some(value)),
            Err(fault) if step.only_warns() => {
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
        let what: String = finding.what.chars().take(WHAT_LEN_MAX).collect();
        finding.what = output::escape(&what);
        if !self.json {
            self.print(line(&finding));
        }
        self.findings.push(finding);
    }

    /// Returns whether no step has failed. Warnings are not failures.
    pub(super) fn is_ok(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.status != Status::Failed)
    }

    /// Prints the JSON document, if that is wanted. Fails if any part of the report could not be printed.
    pub(super) fn conclude(&mut self) -> Result<(), OutputError> {
        if self.json {
            let document = Document {
                url: &self.url,
                ok: self.is_ok(),
                steps: &self.findings,
            };
            // Its fields are text, numbers and booleans, which JSON can always represent.
            let text = serde_json::to_string(&document).unwrap_or_default();
            let _reader = output::print(text)?;
        }
        self.output_error.take().map_or(Ok(()), Err)
    }

    fn print(&mut self, text: String) {
        if let Err(error) = output::write_styled(text) {
            self.output_error = Some(error);
        }
    }
}

/// Longest description of a result, in characters. It may contain text from the network.
const WHAT_LEN_MAX: usize = 1000;

/// Column where the descriptions begin.
const INDENT: usize = 22;
/// Longest line of a description, in characters.
const WIDTH: usize = 78;

/// Shows how long a step takes, once a second. Never returns.
async fn show<T>(progress: &mut Progress, step: Step, timeout: Duration) -> T {
    let (begin, all) = (Instant::now(), timeout.as_secs());
    let mut turns = interval(progress::INTERVAL);
    turns.tick().await;
    loop {
        turns.tick().await;
        let seconds = begin.elapsed().as_secs();
        progress.show(|| format!("  {step}: {seconds} of at most {all} s"));
    }
}

/// Returns the word for a status, as wide as its column.
fn status_word(status: Status) -> String {
    let (style, word): (Style, &str) = match status {
        Status::Ok => (GOOD, "ok"),
        Status::Warning => (WARNING, "warning"),
        Status::Failed => (BAD, "FAILED"),
    };
    paint(style, format_args!("{word:<8}"))
}

fn line(finding: &Finding) -> String {
    let status = status_word(finding.status);
    let todo = finding.todo.as_deref().unwrap_or_default();
    let paragraphs = std::iter::once(finding.what.as_str()).chain(todo.lines());
    let mut lines = paragraphs.flat_map(wrap);
    let first = lines.next().unwrap_or_default();
    let mut text = format!("  {status} {:<10} {first}\n", finding.step);
    for line in lines {
        text.push_str(&format!("{:INDENT$}{line}\n", ""));
    }
    text
}

/// Splits a paragraph into lines between words. A line that begins with blanks is to be copied and stays as it is.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_wrapped_between_words_except_lines_to_copy() {
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
        let status = status_word(Status::Failed);
        let expected = format!(
            "  {status} WebSocket  404\n{0}{words}\n{0}word end\n{0}    code  {1}\n",
            " ".repeat(INDENT),
            "x".repeat(80)
        );
        assert_eq!(
            line(&finding).replace(" \n", "\n"),
            expected.replace(" \n", "\n")
        );
    }
}
