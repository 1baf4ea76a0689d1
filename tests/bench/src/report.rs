//! Medians of all runs, as a table.

use std::fmt::{self, Display, Formatter};

use crate::run::Outcome;
use crate::scenario::{Pace, Scenario};
use crate::servers::Kind;

/// The results of all servers, by scenario.
#[derive(Debug, Default)]
pub struct Report {
    /// The sections, in the order of the first run.
    pub sections: Vec<Section>,
}

/// The results of one scenario.
#[derive(Debug)]
pub struct Section {
    /// The scenario.
    pub scenario: Scenario,
    /// The rows, in the order of the first run.
    pub rows: Vec<Row>,
}

/// The results of one server in one scenario.
#[derive(Debug)]
pub struct Row {
    /// The server.
    pub server: Kind,
    /// The figures of each run, in the order of [`figures`].
    runs: Vec<Vec<f64>>,
    /// Number of lost, duplicate and misordered deliveries in all runs.
    pub faults: u64,
    /// The error of a failed run.
    pub error: Option<String>,
}

/// A column of the table.
#[derive(Debug, Clone, Copy)]
pub struct Figure {
    /// Its heading.
    pub name: &'static str,
    /// Number of decimal places.
    pub decimals: usize,
}

const fn figure(name: &'static str, decimals: usize) -> Figure {
    Figure { name, decimals }
}

const HELD: &[Figure] = &[
    figure("bytes a connection", 0),
    figure("CPU µs a handshake", 1),
    figure("handshakes/s", 0),
];
const PACED: &[Figure] = &[
    figure("CPU µs an event", 2),
    figure("p50 µs", 0),
    figure("p99 µs", 0),
];
const FAST: &[Figure] = &[figure("CPU µs an event", 2), figure("events/s", 0)];

/// Returns the figures of a scenario. The first one is the most important.
pub fn figures(scenario: &Scenario) -> &'static [Figure] {
    match scenario.pace {
        Pace::Idle => HELD,
        Pace::Rate(_) => PACED,
        Pace::Window(_) => FAST,
    }
}

/// Returns the server that the others are compared with.
pub fn reference(scenario: &Scenario) -> Option<Kind> {
    match scenario.pace {
        Pace::Idle => None,
        Pace::Rate(_) | Pace::Window(1) => Some(Kind::Floor),
        Pace::Window(_) => Some(Kind::FloorBatch),
    }
}

impl Report {
    /// Adds the result of a run.
    pub fn add(&mut self, scenario: Scenario, server: Kind, outcome: anyhow::Result<Outcome>) {
        let row = self.row(scenario, server);
        match outcome {
            Ok(outcome) => row.add(scenario.pace, &outcome),
            Err(error) => row.error = Some(format!("{error:#}")),
        }
    }

    /// Returns whether every server did all its work, and delivered each event once and in order.
    pub fn is_good(&self) -> bool {
        let mut rows = self.sections.iter().flat_map(|section| &section.rows);
        rows.all(|row| row.faults == 0 && row.error.is_none())
    }

    fn row(&mut self, scenario: Scenario, server: Kind) -> &mut Row {
        let sections = &mut self.sections;
        let known = sections
            .iter()
            .position(|section| section.scenario == scenario);
        let known = known.unwrap_or_else(|| {
            sections.push(Section {
                scenario,
                rows: Vec::new(),
            });
            sections.len() - 1
        });
        let rows = &mut sections[known].rows;
        let known = rows.iter().position(|row| row.server == server);
        let known = known.unwrap_or_else(|| {
            rows.push(Row {
                server,
                runs: Vec::new(),
                faults: 0,
                error: None,
            });
            rows.len() - 1
        });
        &mut rows[known]
    }
}

impl Row {
    fn add(&mut self, pace: Pace, outcome: &Outcome) {
        let micros = |duration: std::time::Duration| duration.as_secs_f64() * 1e6;
        let figures = match outcome {
            Outcome::Held {
                connections,
                resident,
                cpu,
                took,
            } => {
                let connections = *connections as f64;
                vec![
                    *resident as f64 / connections,
                    micros(*cpu) / connections,
                    connections / took.as_secs_f64(),
                ]
            }
            Outcome::Delivered { deliveries, cpu } => {
                self.faults += deliveries.lost() + deliveries.duplicated + deliveries.reordered;
                let received = deliveries.received.max(1) as f64;
                let cpu_each = micros(*cpu) / received;
                let quantile = |q| deliveries.latency.value_at_quantile(q) as f64 / 1e3;
                match pace {
                    Pace::Rate(_) => vec![cpu_each, quantile(0.5), quantile(0.99)],
                    _ => vec![cpu_each, received / deliveries.took.as_secs_f64()],
                }
            }
        };
        self.runs.push(figures);
    }

    /// Returns the median of the figure at `index`.
    pub fn median(&self, index: usize) -> Option<f64> {
        let mut values: Vec<f64> = self.runs.iter().map(|run| run[index]).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let upper = *values.get(middle)?;
        match values.len() % 2 {
            0 => Some((values[middle - 1] + upper) / 2.0),
            _ => Some(upper),
        }
    }
}

impl Section {
    /// Returns the ratio to the reference.
    pub fn ratio(&self, row: &Row) -> Option<f64> {
        let reference = reference(&self.scenario)?;
        let reference = self.rows.iter().find(|row| row.server == reference)?;
        Some(row.median(0)? / reference.median(0)?)
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            write!(f, "\n{section}")?;
        }
        Ok(())
    }
}

impl Display for Section {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let figures = figures(&self.scenario);
        writeln!(f, "{}", self.scenario.title)?;
        write!(f, "{:13}", "")?;
        for figure in figures {
            write!(f, "{:>20}", figure.name)?;
        }
        match reference(&self.scenario) {
            Some(reference) => writeln!(f, "{:>16}", format!("x {}", reference.name()))?,
            None => writeln!(f)?,
        }
        for row in &self.rows {
            write!(f, "{:13}", row.server.name())?;
            for (index, figure) in figures.iter().enumerate() {
                match row.median(index) {
                    Some(median) => write!(f, "{median:20.*}", figure.decimals)?,
                    None => write!(f, "{:>20}", "-")?,
                }
            }
            if let Some(ratio) = self.ratio(row) {
                write!(f, "{ratio:16.2}")?;
            }
            if row.faults > 0 {
                write!(f, "  {} deliveries lost, doubled or reordered", row.faults)?;
            }
            if let Some(error) = &row.error {
                write!(f, "  {error}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn held(connections: usize, resident: u64) -> anyhow::Result<Outcome> {
        Ok(Outcome::Held {
            connections,
            resident,
            cpu: Duration::from_millis(10),
            took: Duration::from_secs(1),
        })
    }

    #[test]
    fn medians_and_errors_are_shown() {
        let mut report = Report::default();
        let scenario = Scenario::find("idle").unwrap();
        for resident in [9000, 1000, 2000] {
            report.add(scenario, Kind::Pushd, held(10, resident));
        }
        assert!(report.is_good());
        report.add(scenario, Kind::Ws, Err(anyhow::anyhow!("it broke")));
        assert!(!report.is_good());
        let table = report.to_string();
        let line = |name| table.lines().find(|line| line.starts_with(name)).unwrap();
        let words: Vec<_> = line("pushd").split_whitespace().collect();
        assert_eq!(words, ["pushd", "200", "1000.0", "10"]);
        assert!(line("ws").ends_with("it broke"));
    }
}
