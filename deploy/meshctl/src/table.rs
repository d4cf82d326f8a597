//! Tables: columns side by side without lines around them, cut to the width of the terminal.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const BOLD: Style = Style::new().bold();
pub(crate) const DIM: Style = Style::new().dimmed();
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const DOUBTFUL: Style = AnsiColor::Yellow.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();

/// Columns that can be cut are never narrower.
const NARROWEST: usize = 8;

/// Text in this style.
pub(crate) fn paint(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// What kind of column it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// Text that is shown whole.
    Text,
    /// Text that is cut where there is no room.
    Long,
    /// A number, at the right.
    Number,
}

/// A cell: its text, and how it looks.
pub(crate) struct Cell(String, Style);

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self(text.to_string(), PLAIN)
    }
}

/// A cell in this style.
pub(crate) fn styled(style: Style, text: impl ToString) -> Cell {
    Cell(text.to_string(), style)
}

enum Line {
    Row(Vec<Cell>),
    Note(Style, String),
}

/// See above.
pub(crate) struct Table {
    columns: Vec<(&'static str, Column)>,
    lines: Vec<Line>,
}

impl Table {
    /// A table with these columns, each with what stands above it.
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Column)>>) -> Self {
        Self { columns: columns.into(), lines: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl Into<Vec<Cell>>) {
        self.lines.push(Line::Row(cells.into()));
    }

    /// Adds a line of its own below the last row.
    pub(crate) fn note(&mut self, style: Style, text: impl Into<String>) {
        self.lines.push(Line::Note(style, text.into()));
    }

    /// The table in so many columns, or `nothing` when it has no rows.
    pub(crate) fn draw(&self, width: usize, nothing: &str) -> String {
        if self.lines.is_empty() {
            return format!("{nothing}\n");
        }
        let head = self.columns.iter().map(|(name, _)| styled(DIM, name)).collect();
        self.lay_out(width, Some(Line::Row(head)))
    }

    /// The rows alone, without what stands above them.
    pub(crate) fn draw_rows(&self, width: usize) -> String {
        self.lay_out(width, None)
    }

    fn lay_out(&self, width: usize, head: Option<Line>) -> String {
        let lines: Vec<_> = head.iter().chain(&self.lines).collect();
        let mut widths = vec![0; self.columns.len()];
        for line in &lines {
            if let Line::Row(cells) = line {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(cell.0.width());
                }
            }
        }
        let gap = self.fit(&mut widths, width);
        let mut text = String::new();
        for line in lines {
            match line {
                Line::Row(cells) => self.write_row(&mut text, cells, &widths, gap),
                Line::Note(style, note) => {
                    let note = cut(&format!("  {note}"), width);
                    text.push_str(&paint(*style, &note));
                    text.push('\n');
                }
            }
        }
        text
    }

    /// Makes columns narrower until they fit, if they can: how many spaces are between them.
    fn fit(&self, widths: &mut [usize], width: usize) -> usize {
        let gaps = widths.len().saturating_sub(1);
        let needed = |widths: &[usize], gap: usize| widths.iter().sum::<usize>() + gap * gaps;
        let gap = if needed(widths, 2) > width { 1 } else { 2 };
        while needed(widths, gap) > width {
            let long = self.columns.iter().zip(widths.iter_mut());
            let long = long.filter(|((_, kind), width)| *kind == Column::Long && **width > NARROWEST);
            let Some((_, widest)) = long.max_by_key(|(_, width)| **width) else { break };
            *widest -= 1;
        }
        gap
    }

    fn write_row(&self, text: &mut String, cells: &[Cell], widths: &[usize], gap: usize) {
        let last = cells.len().saturating_sub(1);
        for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
            let shown = cut(&cell.0, *width);
            let padding = " ".repeat(width - shown.width());
            let Cell(_, style) = cell;
            // Writing to a String cannot fail.
            let _ = match self.columns[place].1 {
                Column::Number => write!(text, "{padding}{style}{shown}{style:#}"),
                _ if place == last => write!(text, "{style}{shown}{style:#}"),
                _ => write!(text, "{style}{shown}{style:#}{padding}"),
            };
            if place < last {
                text.push_str(&" ".repeat(gap));
            }
        }
        text.push('\n');
    }
}

/// The beginning of a text that fits into so many columns; `…` shows that there is more.
pub(crate) fn cut(text: &str, width: usize) -> String {
    // What came from outside must not move the cursor.
    let text: String =
        text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect();
    if text.width() <= width {
        return text;
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or_default();
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn table() -> Table {
        let mut table =
            Table::new([("NAME", Column::Long), ("COUNT", Column::Number), ("WHY", Column::Text)]);
        table.row([Cell::from("counseling-svc"), 7.into(), styled(BAD, "late")]);
        table.note(DIM, "잠을 잘 못 자요");
        table.row(["잠을 잘".into(), 1234.into(), "".into()]);
        table
    }

    #[test]
    fn columns_stand_below_each_other_whatever_is_in_them() {
        let drawn = plain(&table().draw(usize::MAX, ""));
        assert_eq!(
            drawn,
            "NAME            COUNT  WHY\ncounseling-svc      7  late\n  잠을 잘 못 자요\n잠을 잘          1234  \n"
        );
    }

    #[test]
    fn a_table_is_cut_to_the_width_of_the_terminal() {
        let drawn = plain(&table().draw(20, ""));
        assert_eq!(drawn, "NAME      COUNT WHY\ncounseli…     7 late\n  잠을 잘 못 자요\n잠을 잘    1234 \n");
        assert!(drawn.lines().all(|line| line.width() <= 20));
        assert_eq!(Table::new([("NAME", Column::Text)]).draw(80, "none"), "none\n");
    }

    #[test]
    fn what_others_wrote_cannot_move_the_cursor() {
        assert_eq!(cut("a\u{1b}[2Jb\n", 80), "a [2Jb ");
        assert_eq!(cut("abcdef", 4), "abc…");
    }
}
