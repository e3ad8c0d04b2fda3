//! spec/bench.md · 2.2 (how it grows, as a picture)
//!
//! Draws lines over a logarithmic axis as SVG. All coordinates are whole pixels.

use super::measure::{MeasuredRatio, grouped};
use std::fmt::Write;

/// A line: sizes, and the ratios of their costs to the first.
#[derive(Debug, Clone)]
pub struct PlotLine {
    /// Its label.
    pub name: String,
    /// Sizes in rising order, each with its ratio in thousandths.
    pub points: Vec<(u64, MeasuredRatio)>,
}

/// A panel of the plot.
#[derive(Debug, Clone)]
pub struct Panel {
    /// Its title: what grows.
    pub title: String,
    /// The goal: a line below it counts as flat, in thousandths.
    pub limit: MeasuredRatio,
    pub lines: Vec<PlotLine>,
}

/// Size of a panel's plotting area, in pixels, and its margins.
const WIDTH: u64 = 300;
const HEIGHT: u64 = 200;
const LEFT: u64 = 46;
const TOP: u64 = 40;
const PANEL_WIDTH: u64 = LEFT + WIDTH + 24;
const PANEL_HEIGHT: u64 = TOP + HEIGHT + 44;
/// Panels in a row.
const COLUMNS: usize = 2;
/// The ratio at the top unless a line is higher, and the distance of two grid lines, in
/// thousandths.
const HIGH: u64 = 2000;
const STEP: u64 = 500;
/// Grid lines, at most; where more would be needed, their distance grows.
const STEPS: u64 = 8;
/// A color for each line; they differ for color-blind eyes as well.
const COLORS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// Draws all panels.
pub fn svg(panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(COLUMNS) as u64;
    let columns = panels.len().min(COLUMNS) as u64;
    let (width, height) = (columns * PANEL_WIDTH, rows * PANEL_HEIGHT + 30);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let x = (index % COLUMNS) as u64 * PANEL_WIDTH;
        let y = (index / COLUMNS) as u64 * PANEL_HEIGHT;
        let _ = writeln!(out, "<g transform=\"translate({x} {y})\">");
        draw(&mut out, panel);
        out.push_str("</g>\n");
    }
    if let Some(panel) = panels.first() {
        legend(&mut out, panel, rows * PANEL_HEIGHT + 12);
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel) {
    let values = || panel.lines.iter().flat_map(|line| line.points.iter());
    let most = values().map(|(_, ratio)| ratio.0).max().unwrap_or(0);
    let high = most.max(HIGH).div_ceil(STEP) * STEP;
    let step = STEP * (high / STEP).div_ceil(STEPS);
    let sizes: Vec<u64> = panel
        .lines
        .first()
        .map(|line| line.points.iter().map(|(size, _)| *size).collect())
        .unwrap_or_default();
    let y = |ratio: u64| TOP + HEIGHT - ratio * HEIGHT / high;
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"20\" font-size=\"13\" font-weight=\"bold\">{}</text>",
        panel.title
    );
    for ratio in (0..=high / step).map(|n| n * step) {
        let (y, x) = (y(ratio), LEFT + WIDTH);
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {y}H{x}\" stroke=\"#ddd\"/><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            LEFT - 6,
            y + 4,
            MeasuredRatio(ratio)
        );
    }
    let (limit, right) = (y(panel.limit.0), LEFT + WIDTH);
    let _ = writeln!(
        out,
        "<path d=\"M{LEFT} {limit}H{right}\" stroke=\"#b00\" stroke-dasharray=\"4 3\"/>"
    );
    for (at, size) in sizes.iter().enumerate() {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(&sizes, at),
            TOP + HEIGHT + 18,
            grouped(*size)
        );
    }
    for (line, color) in panel.lines.iter().zip(COLORS.iter().cycle()) {
        let places: Vec<(u64, u64)> = line
            .points
            .iter()
            .enumerate()
            .map(|(at, (_, ratio))| (x(&sizes, at), y(ratio.0)))
            .collect();
        let path: Vec<String> = places.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>",
            path.join(" ")
        );
        for (x, y) in places {
            let _ = writeln!(
                out,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{color}\"/>"
            );
        }
    }
}

/// The horizontal position of a point. Each size is the same multiple of the one before, so equal
/// distances make a logarithmic axis.
fn x(sizes: &[u64], at: usize) -> u64 {
    let steps = sizes.len().saturating_sub(1).max(1) as u64;
    LEFT + 10 + at as u64 * (WIDTH - 20) / steps
}

fn legend(out: &mut String, panel: &Panel, y: u64) {
    for (index, (line, color)) in panel.lines.iter().zip(COLORS.iter().cycle()).enumerate() {
        let x = LEFT + index as u64 * 110;
        let _ = writeln!(
            out,
            "<path d=\"M{x} {y}h20\" stroke=\"{color}\" stroke-width=\"3\"/><text x=\"{}\" y=\"{}\">{}</text>",
            x + 26,
            y + 4,
            line.name
        );
    }
    let x = LEFT + panel.lines.len() as u64 * 110;
    let _ = writeln!(
        out,
        "<path d=\"M{x} {y}h20\" stroke=\"#b00\" stroke-dasharray=\"4 3\"/><text x=\"{}\" y=\"{}\">limit: {} × the \
         first point</text>",
        x + 26,
        y + 4,
        panel.limit
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_where_its_numbers_say() {
        let panel = Panel {
            title: "accounts".to_owned(),
            limit: MeasuredRatio(1300),
            lines: vec![PlotLine {
                name: "quote".to_owned(),
                points: vec![(1_000, MeasuredRatio(1000)), (10_000, MeasuredRatio(2000))],
            }],
        };
        let picture = svg(&[panel]);
        // Half-way up on the left, at the top on the right.
        assert!(picture.contains("points=\"56,140 336,40\""), "{picture}");
        assert!(picture.contains(">10,000<"), "{picture}");
        assert_eq!(
            picture.matches("<g ").count(),
            picture.matches("</g>").count()
        );
    }
}
