//! The report as a bar chart. Shorter bars are better.

use std::fmt::Write;

use crate::figures::{Figure, figures};
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
    .bar{fill:#afb8c1}.floor{fill:#d8dee4}.ours{fill:#0969da}";

/// Returns the report as SVG.
pub fn draw(report: &Report, caption: &str) -> String {
    let mut body = String::new();
    let mut y = MARGIN + LINE;
    put_text(&mut body, MARGIN, y - 8, "dim", caption);
    for section in &report.sections {
        // An idle connection has two costs: memory and the time to connect.
        let charts = if section.scenario.pace == Pace::Idle {
            2
        } else {
            1
        };
        for index in 0..charts {
            y = put_chart(&mut body, y + LINE / 2, section, index);
        }
    }
    let height = y + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\">\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" rx=\"6\" fill=\"#fff\"/>\n{body}</svg>\n"
    )
}

/// Draws one figure of a scenario. Returns the position of the next chart.
fn put_chart(body: &mut String, mut y: usize, section: &Section, index: usize) -> usize {
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
            &label(section, row, figure, value),
        );
        y += LINE;
    }
    y
}

fn label(section: &Section, row: &Row, figure: Figure, value: f64) -> String {
    let value = format!("{value:.*}", figure.decimals);
    match section.ratio(row) {
        Some(ratio) => format!("{value} ({:.2} x)", ratio.median),
        None => value,
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
