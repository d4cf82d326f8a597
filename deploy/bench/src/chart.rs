//! A picture of rates: horizontal bars (SVG), in colours that are read on a light page and on a dark one.

use std::fmt::Write;

use crate::compare::Row;

const WIDTH: u32 = 760;
/// Where bars begin, and how long the longest is; the rate stands behind it.
const LEFT: u32 = 250;
const LENGTH: u32 = 400;
const LINE: u32 = 24;
const GREY: &str = "#7d8590";
/// Of the first contender of a workload, which the others are compared with.
const FIRST: &str = "#2f81f7";

/// A group of bars for each workload, as long as its rates are to the highest of them.
pub(crate) fn draw(rows: &[Row]) -> String {
    let mut body = String::new();
    let mut top = 0;
    for rows in rows.chunk_by(|one, next| one.workload == next.workload) {
        top += LINE;
        let workload = escape(rows.first().map_or("", |row| &row.workload));
        // Writing to a String does not fail.
        let _ = writeln!(body, r#"<text x="0" y="{top}" font-weight="bold">{workload}, calls/s</text>"#);
        let highest = rows.iter().map(|row| row.rate).fold(f64::MIN_POSITIVE, f64::max);
        for (place, row) in rows.iter().enumerate() {
            top += LINE;
            let colour = if place == 0 { FIRST } else { GREY };
            let length = f64::from(LENGTH) * row.rate / highest;
            let (label, behind, y) = (LEFT - 8, f64::from(LEFT + 6) + length, top - 13);
            let contender = escape(&row.contender);
            let _ = writeln!(body, r#"<text x="{label}" y="{top}" text-anchor="end">{contender}</text>"#);
            let _ = writeln!(
                body,
                r#"<rect x="{LEFT}" y="{y}" width="{length:.1}" height="16" rx="2" fill="{colour}"/>"#
            );
            let _ = writeln!(body, r#"<text x="{behind:.1}" y="{top}">{}</text>"#, number(row.rate));
        }
        top += LINE / 2;
    }
    let style = format!(r#"font-family="system-ui, sans-serif" font-size="13" fill="{GREY}""#);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" width=\"{WIDTH}\" height=\"{top}\" \
         role=\"img\" aria-label=\"calls per second\" {style}>\n{body}</svg>\n"
    )
}

/// As precise as it is worth reading.
fn number(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::row;

    #[test]
    fn bars_are_as_long_as_their_rates_are_to_the_highest_of_their_workload() {
        let picture = draw(&[row("reads", "a", 50.0), row("reads", "b", 200.0), row("writes", "a", 3.0)]);
        let lengths: Vec<_> =
            picture.split("width=\"").skip(2).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(lengths, ["100.0", "400.0", "400.0"]);
        assert!(picture.contains(">50.0</text>") && picture.contains(">200</text>"), "{picture}");
        assert_eq!(picture.matches("font-weight").count(), 2);
    }

    #[test]
    fn names_cannot_break_the_picture() {
        let picture = draw(&[row("a < b & c", "\"x\"</text>", 1.0)]);
        assert!(picture.contains(">a &lt; b &amp; c, calls/s</text>"), "{picture}");
        assert!(picture.contains(">&quot;x&quot;&lt;/text&gt;</text>"), "{picture}");
    }
}
