//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Reads the dates of a market file in the forms that people's files have.

use super::rows::shown;
use crate::model::Timestamp;

/// The order of day and month in the dates of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateOrder {
    /// `YYYY-MM-DD`, or with slashes.
    YearMonthDay,
    /// `MM/DD/YYYY`
    MonthDayYear,
    /// `DD/MM/YYYY`
    DayMonthYear,
}

/// Whether a date has its year last, so that only other dates of its file can say which of its
/// numbers is the month.
pub(super) fn is_year_last(text: &str) -> bool {
    slashes(text).is_some_and(|[first, _, _]| first.len() < 4)
}

fn slashes(text: &str) -> Option<[&str; 3]> {
    let day = text.split(' ').next()?;
    let mut parts = day.split('/');
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Finds the order of day and month from all dates of a file that have their year last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DateOrderFinder {
    first_max: u32,
    second_max: u32,
}

impl DateOrderFinder {
    /// Takes one date into account. Dates of another form are left to [`date`] to refuse.
    pub(super) fn see(&mut self, text: &str) {
        if let Some([first, second, _]) = slashes(text)
            && let (Ok(first), Ok(second)) = (first.parse::<u32>(), second.parse::<u32>())
        {
            self.first_max = self.first_max.max(first);
            self.second_max = self.second_max.max(second);
        }
    }

    /// The only order that all dates fit; `None` where both fit, or none does.
    pub(super) fn order(self) -> Option<DateOrder> {
        match (self.first_max > 12, self.second_max > 12) {
            (false, true) => Some(DateOrder::MonthDayYear),
            (true, false) => Some(DateOrder::DayMonthYear),
            (false, false) | (true, true) => None,
        }
    }
}

/// Parses a date, or a date and a time of day, in UTC: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM[:SS]`,
/// `YYYY-MM-DDTHH:MM:SS[.mmm]Z`; with slashes in the order given.
///
/// # Errors
/// The text has another form, or there is no such day. The error shows the text.
pub(super) fn date(text: &str, order: DateOrder) -> Result<Timestamp, String> {
    let refused = || {
        let text = shown(text);
        format!("Date {text}: a date is YYYY-MM-DD or YYYY-MM-DD HH:MM:SS")
    };
    // Nearly all files have this form.
    if text.len() == 10 && order == DateOrder::YearMonthDay && !text.contains('/') {
        return Timestamp::parse(text).map_err(|_| refused());
    }
    let (day, clock) = match text.split_once([' ', 'T']) {
        None => (text, None),
        Some((day, clock)) => (day, Some(clock)),
    };
    let day = match (slashes(day), order) {
        (None, _) => day.to_owned(),
        (Some([year, month, day]), DateOrder::YearMonthDay)
        | (Some([month, day, year]), DateOrder::MonthDayYear)
        | (Some([day, month, year]), DateOrder::DayMonthYear) => {
            if year.len() != 4 {
                return Err(refused());
            }
            format!("{year}-{month:0>2}-{day:0>2}")
        }
    };
    if day.len() != 10 {
        return Err(refused());
    }
    let time = match clock {
        None => Timestamp::parse(&day),
        Some(clock) => {
            let clock = clock.strip_suffix('Z').unwrap_or(clock);
            let seconds = if clock.len() == 5 { ":00" } else { "" };
            Timestamp::parse(&format!("{day}T{clock}{seconds}Z"))
        }
    };
    time.map_err(|_| refused())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, order: DateOrder) -> Option<String> {
        date(text, order).ok().map(|time| time.to_string())
    }

    #[test]
    fn the_forms_of_peoples_files_are_read() {
        for (text, order, time) in [
            (
                "2013-01-02",
                DateOrder::YearMonthDay,
                "2013-01-02T00:00:00.000Z",
            ),
            (
                "2013-01-02 23:59:59",
                DateOrder::YearMonthDay,
                "2013-01-02T23:59:59.000Z",
            ),
            (
                "2013-01-02 09:30",
                DateOrder::YearMonthDay,
                "2013-01-02T09:30:00.000Z",
            ),
            (
                "2013-01-02T09:30:00.250Z",
                DateOrder::YearMonthDay,
                "2013-01-02T09:30:00.250Z",
            ),
            (
                "2013/1/2",
                DateOrder::YearMonthDay,
                "2013-01-02T00:00:00.000Z",
            ),
            (
                "1/31/2013",
                DateOrder::MonthDayYear,
                "2013-01-31T00:00:00.000Z",
            ),
            (
                "31/01/2013 16:00:00",
                DateOrder::DayMonthYear,
                "2013-01-31T16:00:00.000Z",
            ),
        ] {
            assert_eq!(read(text, order).as_deref(), Some(time), "{text}");
        }
        for text in [
            "",
            "2013-1-2",
            "20130102",
            "2013-02-30",
            "2013-01-02 9",
            "2013-01-02T00:00:00+01:00",
            "13/32/2013",
            "1/2/13",
            "1/2/13/4",
            "2013-01-02 23:59:60",
            "null",
        ] {
            for order in [
                DateOrder::YearMonthDay,
                DateOrder::MonthDayYear,
                DateOrder::DayMonthYear,
            ] {
                assert_eq!(read(text, order), None, "{text} {order:?}");
            }
        }
    }

    #[test]
    fn a_file_says_which_number_is_the_month_or_nobody_knows() {
        let order = |dates: &[&str]| {
            let mut finder = DateOrderFinder::default();
            dates.iter().for_each(|date| finder.see(date));
            finder.order()
        };
        assert_eq!(
            order(&["01/02/2013", "01/13/2013"]),
            Some(DateOrder::MonthDayYear)
        );
        assert_eq!(
            order(&["01/02/2013", "13/01/2013"]),
            Some(DateOrder::DayMonthYear)
        );
        assert_eq!(order(&["01/02/2013", "02/02/2013"]), None);
        assert_eq!(order(&["13/02/2013", "02/13/2013"]), None);
        assert!(
            is_year_last("1/2/2013") && !is_year_last("2013/1/2") && !is_year_last("2013-01-02")
        );
    }
}
