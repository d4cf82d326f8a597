//! Where answers go: text for people, or JSON for programs.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// To the upper left corner; to the end of the line; to the end of the screen.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// Standard output.
#[derive(Clone, Copy)]
pub(crate) struct Output {
    json: bool,
    terminal: bool,
}

impl Output {
    /// JSON, or text.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, terminal: io::stdout().is_terminal() }
    }

    /// Whether a program reads along.
    pub(crate) fn is_json(self) -> bool {
        self.json
    }

    /// How many columns and lines there are; no end of them where nothing is cut, so that a file or a pipe gets everything.
    pub(crate) fn size(self) -> (usize, usize) {
        let size = self.terminal.then(terminal_size::terminal_size).flatten();
        size.map_or((usize::MAX, usize::MAX), |(width, height)| (width.0.into(), height.0.into()))
    }

    /// Shows an answer: as JSON over several lines, or as the text that `draw` makes for so many columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn show<T: Serialize>(self, answer: &T, draw: impl FnOnce(usize) -> String) -> io::Result<()> {
        if self.json {
            return self.write(&format!("{}\n", serde_json::to_string_pretty(answer)?));
        }
        self.write(&draw(self.size().0))
    }

    /// Shows one of many answers: as JSON on one line, or as the text that `draw` makes for so many columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn show_line<T: Serialize>(
        self,
        answer: &T,
        draw: impl FnOnce(usize) -> String,
    ) -> io::Result<()> {
        if self.json {
            return self.write(&format!("{}\n", serde_json::to_string(answer)?));
        }
        self.write(&draw(self.size().0))
    }

    /// Puts text in the place of what the screen shows; below it where there is no screen.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn redraw(self, text: &str) -> io::Result<()> {
        if !self.terminal {
            return self.write(&format!("{text}\n"));
        }
        let mut out = io::stdout();
        let plain = anstream::AutoStream::choice(&out) == anstream::ColorChoice::Never;
        let text = if plain { anstream::adapter::strip_str(text).to_string() } else { text.to_owned() };
        // The last line stays free: a line end there would move everything up.
        let lines = text.lines().take(self.size().1.saturating_sub(1));
        let lines: String = lines.map(|line| format!("{line}{CLEAR_LINE}\n")).collect();
        out.write_all(format!("{HOME}{lines}{CLEAR_BELOW}").as_bytes())?;
        out.flush()
    }

    /// Writes text. Its colours stay away where they are not wanted.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(self, text: &str) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}
