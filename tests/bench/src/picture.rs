//! The report as a bar chart. Shorter bars are better.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::figures::{figures, memory_and_recovery};
use crate::report::{Report, Row, Section};
use crate::scenario::Pace;
use crate::servers::Kind;

const WIDTH: usize = 760;
const MARGIN: usize = 20;
/// Left end of the bars.
const BARS_X: usize = 130;
/// Length of the longest bar.
const BAR_LEN: f64 = 430.0;
const LINE: usize = 20;
const BAR: usize = 13;

const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}\
    .title{font-size:13px;font-weight:600}.dim{fill:#6e7781}\
    .bar{fill:#afb8c1}.floor{fill:#d8dee4}.ours{fill:#0969da}.variant{fill:#80ccff}";

/// A figure of a scenario, by its index.
type Chart<'a> = (&'a Section, usize);

/// Returns the first figure of each scenario as SVG.
pub fn draw(report: &Report, caption: &str) -> String {
    let mut charts = Vec::new();
    for section in &report.sections {
        charts.push((section, 0));
        // An idle connection has two costs: memory and the time to connect.
        if section.scenario.pace == Pace::Idle {
            charts.push((section, 1));
        }
    }
    draw_charts(&charts, caption)
}

/// Returns the memory of the servers and their recovery as SVG, if the report has any of that.
pub fn draw_memory(report: &Report, caption: &str) -> Option<String> {
    let mut charts = Vec::new();
    for section in &report.sections {
        let indices = memory_and_recovery(&section.scenario).iter();
        charts.extend(indices.map(|&index| (section, index)));
    }
    (!charts.is_empty()).then(|| draw_charts(&charts, caption))
}

/// Returns the path of the picture of memory: `results-memory.svg` beside `results.svg`.
pub fn memory_path(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-memory.svg"))
}

fn draw_charts(charts: &[Chart<'_>], caption: &str) -> String {
    let mut body = String::new();
    let mut y = MARGIN;
    for line in caption.lines() {
        y += LINE;
        put_text(&mut body, MARGIN, y - 8, "dim", line);
    }
    for &chart in charts {
        y = put_chart(&mut body, y + LINE / 2, chart);
    }
    let height = y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws one figure of a scenario. Returns the position of the next chart.
fn put_chart(body: &mut String, mut y: usize, (section, index): Chart<'_>) -> usize {
    let figure = figures(&section.scenario)[index];
    y += LINE;
    let title = format!("{}: {}", section.scenario.title, figure.name);
    put_text(body, MARGIN, y - 5, "title", &title);
    let values = section.rows.iter().filter_map(|row| row.median(index));
    let longest = values.fold(f64::MIN_POSITIVE, f64::max);
    for row in &section.rows {
        let Some(value) = row.median(index) else {
            continue;
        };
        let class = match row.server {
            Kind::Pushd => "ours",
            Kind::Floor | Kind::FloorBatch => "floor",
            kind if kind.is_pushd() => "variant",
            _ => "bar",
        };
        let len = (value / longest * BAR_LEN).max(1.0);
        let top = y + (LINE - BAR) / 2;
        put_text(body, MARGIN, y + 14, "", row.server.name());
        put(
            body,
            format_args!(
                "<rect class=\"{class}\" x=\"{BARS_X}\" y=\"{top}\" width=\"{len:.1}\" height=\"{BAR}\"/>"
            ),
        );
        let beside = BARS_X + len as usize + 6;
        put_text(
            body,
            beside,
            y + 14,
            "dim",
            &label((section, index), row, value),
        );
        y += LINE;
    }
    y
}

fn label((section, index): Chart<'_>, row: &Row, value: f64) -> String {
    let value = format!("{value:.*}", figures(&section.scenario)[index].decimals);
    match section.ratio(row) {
        // The ratio is that of the first figure.
        Some(ratio) if index == 0 => format!("{value} ({:.2} x)", ratio.median),
        _ => value,
    }
}

fn put_text(body: &mut String, x: usize, y: usize, class: &str, text: &str) {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    put(
        body,
        format_args!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{text}</text>"),
    );
}

fn put(body: &mut String, line: std::fmt::Arguments<'_>) {
    let written = writeln!(body, "{line}");
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}
