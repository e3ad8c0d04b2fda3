//! spec/cli.md · 2.1.4 (what people type)
//!
//! The usage that errors of a command line show, and how they fit a terminal.

use super::terminal::{ScreenSize, for_people, wrap};
use clap::Command;
use std::io::Write;
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr;

/// A command line whose errors show the same usage as its help. By itself clap shows each option
/// there that has a value, also by a variable, as if it were required.
pub fn with_own_usage(mut command: Command) -> Command {
    command.build();
    overridden(command)
}

fn overridden(mut command: Command) -> Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim().to_owned();
    command.override_usage(usage).mut_subcommands(overridden)
}

/// Tells why a command line was not carried out, or what it asked to be told, as `--help`, and returns
/// the exit code. A terminal that is too narrow for clap's lines has them without colours, broken
/// between words.
pub fn refuse(error: &clap::Error) -> ExitCode {
    let screen = if error.use_stderr() {
        ScreenSize::of_stderr()
    } else {
        None
    };
    let text = error.render().to_string();
    // If the output is closed, the exit code still tells it.
    let _ = match screen.and_then(|screen| narrowed(&text, screen.columns)) {
        Some(lines) => std::io::stderr().lock().write_all(lines.as_bytes()),
        None => error.print(),
    };
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

/// The lines of a text, broken between words; `None` if they fit these columns.
fn narrowed(text: &str, columns: usize) -> Option<String> {
    let is_wide = |line: &str| line.width() > columns;
    if !text.lines().any(is_wide) {
        return None;
    }
    // An indented line would stay whole. What clap suggests is a sentence.
    let line = |line: &str| {
        let bare = line.trim_start();
        let line = if bare.starts_with("tip:") { bare } else { line };
        format!("{line}\n")
    };
    let lines: String = text.lines().map(line).collect();
    Some(wrap(&for_people(&lines), columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn an_error_shows_the_usage_of_the_help() {
        let options = || Arg::new("place").long("place").global(true);
        let show = Command::new("show").arg(Arg::new("NAME").required(true));
        let command = Command::new("program").arg(options()).subcommand(show);
        let usage = |command: Command| {
            let line = ["program", "--place", "x", "show"];
            command.try_get_matches_from(line).unwrap_err().to_string()
        };
        let own = "Usage: program show [OPTIONS] <NAME>\n";
        assert!(!usage(command.clone()).contains(own));
        assert!(usage(with_own_usage(command)).contains(own));
    }

    #[test]
    fn an_error_fits_a_narrow_terminal() {
        let text = "error: unrecognized subcommand 'qoute'\n\n  tip: some similar subcommands exist: 'logout', 'quote'\n";
        assert_eq!(narrowed(text, 80), None);
        let narrow = narrowed(text, 30).unwrap();
        assert!(narrow.lines().all(|line| line.width() <= 30), "{narrow}");
        assert!(
            narrow.contains("tip: some similar subcommands\nexist:"),
            "{narrow}"
        );
    }
}
