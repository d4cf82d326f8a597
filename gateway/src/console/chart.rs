//! Small charts, drawn on the server.

use askama::Template;

use super::sampler::{SPAN, Series};
use super::texts::{Texts, fill};

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 28.0;
/// At most so many points: more cannot be told apart.
const POINTS: usize = 60;

/// The last minutes as a line, and in words for who does not see it.
#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<svg class="chart" viewBox="0 0 120 30" role="img" aria-label="{{ label }}"><title>{{ label }}</title><polyline points="{{ points }}"/></svg>"#
)]
struct Sparkline {
    label: String,
    points: String,
}

/// Draws `what`; nothing until there are two samples. `show` writes a value.
pub fn sparkline(t: &Texts, what: &str, series: &Series, show: impl Fn(f64) -> String) -> String {
    if series.len() < 2 {
        return String::new();
    }
    let step = series.len().div_ceil(POINTS);
    let highest = |part: &[(f64, f64)]| part.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let most = highest(series);
    let points: Vec<_> = series
        .chunks(step)
        .map(|part| {
            let x = WIDTH * (1.0 + part.last().map_or(0.0, |(at, _)| *at) / SPAN);
            // A pixel above and below, so that the line is not cut.
            let y = 1.0 + HEIGHT * (1.0 - highest(part) / most.max(1.0));
            format!("{:.0},{y:.0}", x.max(0.0))
        })
        .collect();
    let now = series.last().map_or(0.0, |(_, value)| *value);
    let label = fill(&fill(&fill(t.chart, what), show(now)), show(most));
    let drawn = Sparkline { label, points: points.join(" ") }.render();
    drawn.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::texts::EN;
    use super::*;

    #[test]
    fn a_chart_says_in_words_what_it_shows() {
        let series: Series = (0..150).map(|at| (f64::from(at) * 2.0 - 298.0, f64::from(at))).collect();
        let drawn = sparkline(&EN, "lag of <b>", &series, |value| format!("{value:.0}"));
        assert!(drawn.contains("lag of &#60;b&#62;: now 149, at most 149"), "{drawn}");
        let points = drawn.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(points.split(' ').count() <= POINTS && points.ends_with(",1"), "{points}");
        assert_eq!(sparkline(&EN, "lag", &vec![(0.0, 1.0)], |value| value.to_string()), "");
    }
}
