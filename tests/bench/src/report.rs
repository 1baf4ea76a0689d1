//! Medians of all runs, as a table.

use std::fmt::{self, Display, Formatter};

use crate::figures::{figures, references};
use crate::run::Outcome;
use crate::scenario::Scenario;
use crate::servers::Kind;

/// Width of the column with the servers' names.
const NAME_WIDTH: usize = 16;
/// Width of a column with ratios, which have their range in brackets.
const RATIO_WIDTH: usize = 20;

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
    /// The figures of each run, in the order of [`figures`]. `None` for a failed run.
    runs: Vec<Option<Vec<f64>>>,
    /// Number of lost, duplicate and misordered deliveries in all runs.
    pub faults: u64,
    /// The error of a failed run.
    pub error: Option<String>,
}

impl Report {
    /// Adds the result of a run.
    pub fn add(&mut self, scenario: Scenario, server: Kind, outcome: anyhow::Result<Outcome>) {
        self.row(scenario, server).add(&scenario, outcome);
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
    fn add(&mut self, scenario: &Scenario, outcome: anyhow::Result<Outcome>) {
        let values = match outcome {
            Ok(outcome) => {
                self.faults += outcome.faults();
                Some(outcome.values(scenario))
            }
            Err(error) => {
                self.error = Some(format!("{error:#}"));
                None
            }
        };
        self.runs.push(values);
    }

    /// Returns the median of the figure at `index`.
    pub fn median(&self, index: usize) -> Option<f64> {
        let runs = self.runs.iter().flatten();
        median(runs.map(|run| run[index]).collect())
    }
}

/// A server compared with another one.
#[derive(Debug, Clone, Copy)]
pub struct Ratio {
    /// The median of the ratios in each run.
    pub median: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
}

impl Section {
    /// Returns the ratios to the most important reference.
    pub fn ratio(&self, row: &Row) -> Option<Ratio> {
        let reference = references(&self.scenario).first()?;
        self.ratio_to(*reference, row)
    }

    /// Compares the first figure of both servers, run by run.
    fn ratio_to(&self, reference: Kind, row: &Row) -> Option<Ratio> {
        let reference = self.row(reference)?;
        let pairs = row.runs.iter().zip(&reference.runs);
        let ratio = |(run, reference): (&Option<Vec<f64>>, &Option<Vec<f64>>)| {
            Some(run.as_ref()?.first()? / reference.as_ref()?.first()?)
        };
        let ratios: Vec<f64> = pairs.filter_map(ratio).collect();
        Some(Ratio {
            min: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            max: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            median: median(ratios)?,
        })
    }

    fn row(&self, server: Kind) -> Option<&Row> {
        self.rows.iter().find(|row| row.server == server)
    }

    /// Returns the references that have run.
    fn references(&self) -> impl Iterator<Item = Kind> {
        let references = references(&self.scenario).iter().copied();
        references.filter(|&reference| self.row(reference).is_some())
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    match values.len() % 2 {
        0 => Some((values[middle - 1] + upper) / 2.0),
        _ => Some(upper),
    }
}

impl Display for Ratio {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { median, min, max } = self;
        write!(f, "{median:.2} ({min:.2}-{max:.2})")
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
        write!(f, "{:NAME_WIDTH$}", "")?;
        for figure in figures {
            write!(f, "{:>20}", figure.name)?;
        }
        for reference in self.references() {
            write!(f, "{:>RATIO_WIDTH$}", format!("x {}", reference.name()))?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "{:NAME_WIDTH$}", row.server.name())?;
            for (index, figure) in figures.iter().enumerate() {
                match row.median(index) {
                    Some(median) => write!(f, "{median:20.*}", figure.decimals)?,
                    None => write!(f, "{:>20}", "-")?,
                }
            }
            for reference in self.references() {
                let ratio = self.ratio_to(reference, row);
                let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| ratio.to_string());
                write!(f, "{ratio:>RATIO_WIDTH$}")?;
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
