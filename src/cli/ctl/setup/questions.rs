//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables
//!
//! Questions to the administrator at the terminal. Elsewhere, and with `--yes`, the defaults are the
//! answers.

use crate::cli::terminal::{for_people, wrapped_for_stderr};
use std::fmt::Display;
use std::io::{self, BufRead, IsTerminal, Write};
use std::str::FromStr;

/// How often a question is asked whose answer is wrong, before the set-up gives up.
const TRIES_MAX: usize = 5;

/// Whoever answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Questions {
    is_asking: bool,
}

impl Questions {
    /// Asks at the terminal, if there is one and `yes` does not forbid it.
    pub(super) fn new(yes: bool) -> Questions {
        let has_terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Questions {
            is_asking: !yes && has_terminal,
        }
    }

    /// The value of an option if it was given, else the answer; Enter stands for the default.
    ///
    /// # Errors
    /// The input ends or fails, or the answers stay wrong.
    pub(super) fn value<T>(self, given: Option<T>, question: &str, default: T) -> Result<T, String>
    where
        T: FromStr + Display,
        T::Err: Display,
    {
        match given {
            Some(given) => Ok(given),
            None if self.is_asking => ask(&mut io::stdin().lock(), question, default),
            None => Ok(default),
        }
    }
}

fn ask<T>(input: &mut impl BufRead, question: &str, default: T) -> Result<T, String>
where
    T: FromStr + Display,
    T::Err: Display,
{
    for _ in 0..TRIES_MAX {
        let text = wrapped_for_stderr(&for_people(&format!("{question} [{default}]")));
        // A closed standard error is no answer.
        let _ = write!(io::stderr(), "{}: ", text.trim_end());
        let mut line = String::new();
        match input.read_line(&mut line) {
            Ok(0) => return Err("the input has ended before all was answered".to_owned()),
            Ok(_) => {}
            Err(error) => return Err(format!("standard input: {error}")),
        }
        match line.trim() {
            "" => return Ok(default),
            answer => match answer.parse() {
                Ok(value) => return Ok(value),
                Err(why) => {
                    let _ = write!(io::stderr(), "{}", for_people(&format!("{why}\n")));
                }
            },
        }
    }
    Err(format!("no answer to: {question}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enter_takes_the_default_and_a_wrong_answer_is_asked_again() {
        let asked = |input: &str| ask(&mut input.as_bytes(), "which port", 2049_u16);
        assert_eq!(asked("\n"), Ok(2049));
        assert_eq!(asked("port\n70000\n 80 \n"), Ok(80));
        assert!(asked("port\n").is_err());
        assert!(asked(&"x\n".repeat(9)).unwrap_err().contains("which port"));
    }

    #[test]
    fn nothing_is_asked_without_a_terminal_and_what_is_given_counts() {
        let quiet = Questions { is_asking: false };
        assert_eq!(quiet.value(None, "which port", 2049_u16), Ok(2049));
        assert_eq!(quiet.value(Some(80), "which port", 2049_u16), Ok(80));
    }
}
