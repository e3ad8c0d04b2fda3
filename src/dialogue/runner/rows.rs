//! spec/dialogue/runner.md · 4.7.1 Data Transfer Mechanism
//!
//! `row` and `packets`: what the data message consists of that was expected last.
//!
//! Tests: `src/dialogue/runner.rs`.

use super::super::compare::{self, Comparison};
use super::super::peer::Arrival;
use super::super::script::{ConnectionNumber, RowChoice};
use super::super::variables::Variables;
use super::super::{pattern, payload_text};
use super::Runner;
use super::connection::Received;

impl Runner<'_> {
    /// The message that a line of this connection expected last.
    fn last(&mut self, number: ConnectionNumber) -> Result<&Received, String> {
        let last = &self.connection(number)?.last;
        last.as_ref()
            .ok_or_else(|| "no message that a line expected".to_owned())
    }

    /// Compares the packets of the last message with `COUNT SIZES…`.
    ///
    /// # Errors
    /// The packets, if they are others; or that the peer does not know them.
    pub(super) fn packets(
        &mut self,
        number: ConnectionNumber,
        words: &[String],
    ) -> Result<(), String> {
        let sizes = &self.last(number)?.packets;
        if sizes.is_empty() {
            return Err("a message of which no packets are known".to_owned());
        }
        let sizes: Vec<String> = sizes.iter().map(usize::to_string).collect();
        let text = format!("{} {}", sizes.len(), sizes.join(" "));
        self.compare(words, &text)
    }

    /// Compares the chosen rows of the last message with a pattern.
    ///
    /// # Errors
    /// The row that differs, or the number of rows that match.
    pub(super) fn rows(
        &mut self,
        number: ConnectionNumber,
        choice: RowChoice,
        pattern: &str,
    ) -> Result<(), String> {
        let Arrival::Message(text) = &self.last(number)?.arrival else {
            return Err("what is no message".to_owned());
        };
        let text = text.clone();
        let rows = payload_text::rows(&text)?;
        let pattern = [pattern.to_owned()];
        match choice {
            RowChoice::First => self.one_row(&pattern, rows.first().copied(), "first"),
            RowChoice::Last => self.one_row(&pattern, rows.last().copied(), "last"),
            RowChoice::Number(number) => {
                let row = rows.get(number.saturating_sub(1)).copied();
                self.one_row(&pattern, row, "such")
            }
            RowChoice::One | RowChoice::Any | RowChoice::None => {
                self.matching(&pattern, &rows, choice)
            }
            RowChoice::Each => {
                for (index, row) in rows.iter().enumerate() {
                    self.matched(&pattern, row, index)?;
                }
                Ok(())
            }
            RowChoice::Ascending => self.in_order(&pattern, &rows, &Comparison::AtMost),
            RowChoice::Descending => self.in_order(&pattern, &rows, &Comparison::AtLeast),
        }
    }

    fn one_row(
        &mut self,
        pattern: &[String],
        row: Option<&str>,
        which: &str,
    ) -> Result<(), String> {
        let row = row.ok_or_else(|| format!("data without a {which} row"))?;
        match pattern::differs(pattern, row, &mut self.values)? {
            None => Ok(()),
            Some(_) => Err(format!("`{row}`")),
        }
    }

    /// Counts the rows that match. What the first of them captures is kept.
    fn matching(
        &mut self,
        pattern: &[String],
        rows: &[&str],
        choice: RowChoice,
    ) -> Result<(), String> {
        let mut found = 0;
        let mut captured = None;
        for row in rows {
            let mut values = self.values.clone();
            if pattern::differs(pattern, row, &mut values)?.is_none() {
                found += 1;
                captured.get_or_insert(values);
            }
        }
        let good = match choice {
            RowChoice::One => found == 1,
            RowChoice::Any => found > 0,
            _ => found == 0,
        };
        if !good {
            return Err(format!("{found} such rows of {}", rows.len()));
        }
        if let Some(values) = captured {
            self.values = values;
        }
        Ok(())
    }

    /// The values after a row has matched, with what it captured. The run's values stay as they
    /// are.
    fn matched(&self, pattern: &[String], row: &str, index: usize) -> Result<Variables, String> {
        let mut values = self.values.clone();
        match pattern::differs(pattern, row, &mut values)? {
            None => Ok(values),
            Some(_) => Err(format!("`{row}` as row {}", index + 1)),
        }
    }

    /// Checks that every row matches, and that the value that each captures compares so with that
    /// of the next row.
    fn in_order(
        &self,
        pattern: &[String],
        rows: &[&str],
        comparison: &Comparison,
    ) -> Result<(), String> {
        let mut before: Option<String> = None;
        for (index, row) in rows.iter().enumerate() {
            let values = self.matched(pattern, row, index)?;
            let mut names = values
                .names()
                .filter(|name| self.values.get(name).is_none());
            let value = names
                .next()
                .and_then(|name| values.get(name))
                .ok_or("a pattern that captures nothing: one name without a value is needed")?;
            if let Some(before) = &before
                && !compare::holds(before, comparison, value)?
            {
                return Err(format!("`{value}` in row {} behind `{before}`", index + 1));
            }
            before = Some(value.to_owned());
        }
        Ok(())
    }
}
