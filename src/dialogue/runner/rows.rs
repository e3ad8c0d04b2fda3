//! spec/dialogue/runner.md · 4.7.1 Data Transfer Mechanism
//!
//! `row` and `packets`: what the data message consists of that was expected last.

use super::super::compare::{self, Comparison};
use super::super::peer::Arrival;
use super::super::script::{ConnectionNumber, RowChoice};
use super::super::variables::Variables;
use super::super::{pattern, payload_text};
use super::Runner;
use super::connection::TimedArrival;

impl Runner<'_> {
    /// The message that a line of this connection expected last.
    fn last(&mut self, number: ConnectionNumber) -> Result<&TimedArrival, String> {
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
            RowChoice::First => self.one_row(&pattern, rows.first().copied()),
            RowChoice::Last => self.one_row(&pattern, rows.last().copied()),
            RowChoice::Number(number) => {
                self.one_row(&pattern, rows.get(number.saturating_sub(1)).copied())
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

    fn one_row(&mut self, pattern: &[String], row: Option<&str>) -> Result<(), String> {
        let row = row.ok_or_else(|| "data without that row".to_owned())?;
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
            return Err(format!("{found} of {} rows that match", rows.len()));
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

#[cfg(test)]
mod tests {
    use super::super::super::peer::Peer;
    use super::super::super::script::Script;
    use super::super::super::servers::Dialer;
    use super::super::Difference;
    use super::*;
    use std::time::{Duration, Instant};

    const BARS: &str = "data Bars count=3 2013-03-01T00:00:00.000Z,9,7 \
        2013-03-02T00:00:00.000Z,10,7 2013-03-03T00:00:00.000Z,11,8";

    /// A server that has sent bars in two packets, again and again.
    struct Canned;

    impl Peer for Canned {
        fn send(&mut self, _bytes: &[u8], _line: &str) -> Result<(), String> {
            Ok(())
        }

        fn half(&mut self) -> Result<(), String> {
            Ok(())
        }

        fn receive(&mut self, _until: Instant) -> Option<Arrival> {
            Some(Arrival::Message(BARS.to_owned()))
        }

        fn packets_of_last(&self) -> &[usize] {
            &[8192, 12]
        }
    }

    impl Dialer for Canned {
        fn connect(&mut self, _target: &str, _within: Duration) -> Result<Box<dyn Peer>, String> {
            Ok(Box::new(Canned))
        }

        fn hook(&mut self, _name: &str) -> Result<(), String> {
            Ok(())
        }
    }

    /// Runs lines after bars have come. The server goes on sending, which is nobody's mistake here.
    fn run(lines: &str) -> Result<(), Difference> {
        let text = format!("let start {{now}}\n1 connect worker\n1 < data Bars *\n{lines}\nclose");
        let script = Script::parse("f.pt", &text).unwrap();
        script.check(&Variables::new()).unwrap();
        Runner::new(&mut Canned, Variables::new(), Duration::from_secs(1)).run(&script)
    }

    #[test]
    fn lines_about_rows_and_packets_are_met() {
        for lines in [
            "row first *,9,7",
            "row last {t},{p},8\ncheck {p} = 11\ncheck {t} > 2013-03-02",
            "row 2 *,10,*",
            "row one *,{p},8\ncheck {p} = 11",
            "row any {t},{p},7\ncheck {p} = 9",
            "row none *,12,*",
            "row each {t},{p},{v}",
            "row ascending *,{p},*",
            "row ascending {t},*,*",
            "row ascending *,*,{v}",
            "row descending {year}-03-*",
            "packets 2 8192 {rest}\ncheck {rest} = 12",
            "packets {n} *\ncheck {n} >= 2",
            "check {came} >= {start}\ncheck {seconds:start:came} < 60\ncheck {came} within 1m of {now}",
            "1 within 1s not-before {start} < data *",
        ] {
            let outcome = run(lines);
            assert!(outcome.is_ok(), "{lines}: {}", outcome.unwrap_err());
        }
    }

    #[test]
    fn lines_about_rows_and_packets_tell_what_is_there() {
        for (lines, came) in [
            ("row first *,10,7", "`2013-03-01T00:00:00.000Z,9,7`"),
            ("row 4 *", "data without that row"),
            ("row one *,*,7", "2 of 3 rows that match"),
            ("row one *,*,9", "0 of 3 rows that match"),
            ("row any *,*,9", "0 of 3 rows that match"),
            ("row none *,*,8", "1 of 3 rows that match"),
            ("row each *,*,7", "`2013-03-03T00:00:00.000Z,11,8` as row 3"),
            ("row descending *,{p},*", "`10` in row 2 behind `9`"),
            ("packets 1 *", "`2 8192 12`"),
            ("check {start} > {now}", "` and `"),
            ("check 1 < x", "neither comes first"),
            ("not-before {later:start:60} < data *", " ms too soon"),
        ] {
            let difference = run(lines).unwrap_err();
            assert_eq!(difference.line, 4, "{lines}");
            assert!(difference.came.contains(came), "{lines}: {difference}");
        }
    }
}
