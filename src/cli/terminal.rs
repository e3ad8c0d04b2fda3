//! spec/cli.md · 2.1.2 (what the outer world sees)
//!
//! What the terminal at standard output can show: its size, its characters, and the rows that a
//! text takes on it. No text for people has a colour but in the full-screen view.
//!
//! Tests: below, and on a terminal in `tests/suite/client/screen.rs`.

use super::output::clean_lines;
use std::io::{self, BufRead, IsTerminal, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// A terminal's size in columns and rows, both above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScreenSize {
    pub columns: usize,
    pub rows: usize,
}

impl ScreenSize {
    /// The size of the terminal at standard output; `None` if there is none, or none that tells it.
    pub fn of_stdout() -> Option<ScreenSize> {
        ScreenSize::of(std::io::stdout())
    }

    /// The size of the terminal at standard error, as [`ScreenSize::of_stdout`].
    pub fn of_stderr() -> Option<ScreenSize> {
        ScreenSize::of(std::io::stderr())
    }

    fn of(output: impl IsTerminal + std::os::fd::AsFd) -> Option<ScreenSize> {
        let (width, height) = terminal_size::terminal_size_of(output)?;
        let (columns, rows) = (usize::from(width.0), usize::from(height.0));
        (columns > 0 && rows > 0).then_some(ScreenSize { columns, rows })
    }

    /// As [`ScreenSize::of_stdout`], if the terminal also moves its cursor when it is told to.
    pub fn that_redraws() -> Option<ScreenSize> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        ScreenSize::of_stdout().filter(|_| !is_dumb)
    }

    /// What is left of the screen below a text, at least a row.
    pub fn below(self, text: &str) -> ScreenSize {
        let rows = self.rows.saturating_sub(self.rows_of(text)).max(1);
        ScreenSize { rows, ..self }
    }

    /// The rows that a text takes, whose lines break where the terminal ends.
    pub fn rows_of(self, text: &str) -> usize {
        let rows = |line: &str| line.width().div_ceil(self.columns).max(1);
        text.lines().map(rows).sum()
    }
}

/// Whether the locale's characters are UTF-8, by the first of LC_ALL, LC_CTYPE and LANG that is not
/// empty.
pub fn is_utf8() -> bool {
    let value = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
    locale.is_some_and(|locale| names_utf8(&locale))
}

fn names_utf8(locale: &str) -> bool {
    let charset = locale.split_once('.').map_or("", |(_, charset)| charset);
    let charset = charset.split('@').next().unwrap_or(charset);
    charset.eq_ignore_ascii_case("UTF-8") || charset.eq_ignore_ascii_case("UTF8")
}

/// Lines for people: cleaned, and ASCII alone where the locale is not UTF-8.
pub fn for_people(text: &str) -> String {
    let text = clean_lines(text);
    if is_utf8() { text } else { ascii(&text) }
}

/// A text in ASCII, of the same width in columns wherever its characters are one column wide.
pub fn ascii(text: &str) -> String {
    let shown = |c: char| match c {
        c if c.is_ascii() => c,
        '–' | '─' => '-',
        '│' => '|',
        '…' => '~',
        '×' => 'x',
        _ => '?',
    };
    text.chars().map(shown).collect()
}

/// A line cut to `columns`, with a mark at its end if something is missing.
pub fn cut(line: &str, columns: usize) -> String {
    if line.width() <= columns {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in line.chars() {
        used += c.width().unwrap_or(0);
        // One column is kept for the mark.
        if used >= columns {
            break;
        }
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// A text whose lines break between words where they would be wider than `columns`. A word that is
/// wider stands in a line of its own. An indented line stays whole: it is a command, and a person copies
/// what only the terminal breaks as one.
pub fn wrap(text: &str, columns: usize) -> String {
    let mut out = String::new();
    for line in text.lines() {
        if line.width() <= columns || line.starts_with("  ") {
            out.push_str(line);
            out.push('\n');
            continue;
        }
        let mut used = 0;
        for word in line.split_whitespace() {
            if used > 0 && used + 1 + word.width() > columns {
                out.push('\n');
                used = 0;
            }
            if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += word.width();
        }
        out.push('\n');
    }
    out
}

/// A text as whole lines, which break between words where the terminal at standard error ends.
pub fn wrapped_for_stderr(text: &str) -> String {
    wrap(
        text,
        ScreenSize::of_stderr().map_or(usize::MAX, |screen| screen.columns),
    )
}

/// Why nobody has confirmed what is to be done.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Standard input is no terminal. What is to be done.
    #[error("{0}: there is no terminal to confirm it at, so add --yes")]
    NoTerminal(String),
    #[error("standard input: {0}")]
    Input(#[from] io::Error),
    /// The answer is another one than yes.
    #[error("nothing was changed")]
    No,
}

/// Asks a person at the terminal whether to go on; elsewhere `yes` must say so. `what` is a sentence
/// without its end, and is cleaned already.
///
/// # Errors
/// The answer is no, cannot be read, or there is nobody to ask.
pub fn confirm(what: &str, yes: bool) -> Result<(), ConfirmError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() {
        return Err(ConfirmError::NoTerminal(what.to_owned()));
    }
    let question = wrapped_for_stderr(&for_people(&format!("{what}. Go on? [y/N]")));
    // A closed standard error is no answer.
    let _ = write!(io::stderr(), "{} ", question.trim_end());
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    if matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(ConfirmError::No)
    }
}

/// What is drawn in place of `previous`, which this function gave for the drawing before, on a
/// screen of this size: the table and the note below it. Of what does not fit the note goes first,
/// then rows of the table, whose number is told.
pub fn redraw(previous: &str, table: &str, note: &str, screen: ScreenSize) -> (String, String) {
    // The cursor stands in the row below the text, which has to be on the screen too.
    let most = screen.rows.saturating_sub(1).max(1);
    let table: Vec<String> = table
        .lines()
        .map(|line| cut(line, screen.columns))
        .collect();
    let note = wrap(note, screen.columns);
    let mut lines = table.clone();
    if table.len() > most {
        lines.truncate(most - 1);
        let missing = format!("… and {} more rows", table.len() - lines.len());
        lines.push(cut(&missing, screen.columns));
    } else if table.len() + screen.rows_of(&note) <= most {
        lines.extend(note.lines().map(str::to_owned));
    }
    let text = lines.join("\n") + "\n";
    // A terminal that has become narrower since breaks the lines of the drawing before anew.
    let back = match screen.rows_of(previous) {
        0 => String::new(),
        rows => format!("\u{1b}[{}F\u{1b}[J", rows.min(most)),
    };
    (back, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: ScreenSize = ScreenSize {
        columns: 10,
        rows: 4,
    };

    #[test]
    fn rows_are_those_that_are_shown() {
        assert_eq!(SMALL.rows_of(""), 0);
        assert_eq!(SMALL.rows_of("\n"), 1);
        assert_eq!(SMALL.rows_of("0123456789\n0123456789a\n"), 3);
        // Wide characters take two columns.
        assert_eq!(SMALL.rows_of("価格価格価格"), 2);
    }

    #[test]
    fn locales_are_utf8_by_their_charset() {
        for name in ["C.UTF-8", "en_GB.utf8", "de_DE.UTF-8@euro"] {
            assert!(names_utf8(name), "{name}");
        }
        for name in ["C", "POSIX", "", "de_DE@euro", "ja_JP.eucJP", "utf8"] {
            assert!(!names_utf8(name), "{name}");
        }
        assert_eq!(ascii("– ─│… ⣿é"), "- -|~ ??");
    }

    #[test]
    fn lines_are_cut_and_wrapped_by_columns() {
        assert_eq!(cut("0123456789", 10), "0123456789");
        assert_eq!(cut("0123456789a", 10), "012345678…");
        assert_eq!(cut("価格価格", 5), "価格…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(
            wrap("one two three\n  as  it is\n", 9),
            "one two\nthree\n  as  it is\n"
        );
        assert_eq!(wrap("immeasurable word", 5), "immeasurable\nword\n");
    }

    #[test]
    fn a_drawing_replaces_the_one_before_and_fits_the_screen() {
        let (back, text) = redraw("", "a\nb\n", "", SMALL);
        assert_eq!((back.as_str(), text.as_str()), ("", "a\nb\n"));
        let (back, _) = redraw(&text, "a\nb\n", "", SMALL);
        assert_eq!(back, "\u{1b}[2F\u{1b}[J");
        // The note takes the rows that are left, or none.
        assert_eq!(
            redraw("", "a\nb\n", "one note\n", SMALL).1,
            "a\nb\none note\n"
        );
        assert_eq!(redraw("", "a\nb\n", "a longer note\n", SMALL).1, "a\nb\n");
        // Rows of the table go last.
        let (_, text) = redraw("", "0123456789abc\nb\nc\ne\n", "note\n", SMALL);
        assert_eq!(text, "012345678…\nb\n… and 2 m…\n");
        // Whatever the size, the cursor stays below the text on the screen.
        for (columns, rows) in [(1, 1), (1, 3), (3, 2), (80, 24)] {
            let screen = ScreenSize { columns, rows };
            let (_, text) = redraw(
                "",
                "head\n\u{2500}\u{2500}\u{2500}\u{2500}\nrow\n",
                "n\n",
                screen,
            );
            assert!(
                screen.rows_of(&text) <= rows.saturating_sub(1).max(1),
                "{text}"
            );
        }
    }
}
