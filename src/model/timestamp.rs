//! spec/model/timestamp.md · 2.4 (every `Date` and `Time` of the structures)
//!
//! A point in time in UTC, as milliseconds since 1970.

use super::ValueError;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime, Time, UtcOffset};

/// Milliseconds in a day. Leap seconds are not counted, so all days in UTC have this length.
pub const DAY: i64 = 86_400_000;

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Before all other times. A search for the latest time begins with it, and not with 1970:
    /// markets have prices from before.
    pub const MIN: Timestamp = Timestamp(i64::MIN);

    /// The current time of the machine's clock.
    pub fn now() -> Timestamp {
        Timestamp::from_system(SystemTime::now())
    }

    /// What the machine's clock shows. Also where it is before 1970, as without a battery.
    fn from_system(time: SystemTime) -> Timestamp {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Timestamp(millis(since)),
            Err(before) => Timestamp(-millis(before.duration())),
        }
    }

    /// Midnight of a calendar day. `None` if the day does not exist.
    pub fn from_date(year: i32, month: u8, day: u8) -> Option<Timestamp> {
        let date = Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()?;
        Some(Timestamp::from_primitive(date.midnight()))
    }

    /// Reads `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS[.fff]Z` of a day that exists.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Timestamp, ValueError> {
        const FORM: ValueError =
            ValueError("a date is YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS[.fff]Z, in UTC");
        let bytes = text.as_bytes();
        let number = |from: usize, to: usize| -> Result<u32, ValueError> {
            let digits = bytes.get(from..to).ok_or(FORM)?;
            digits.iter().try_fold(0u32, |value, byte| {
                if byte.is_ascii_digit() {
                    Ok(value * 10 + u32::from(byte - b'0'))
                } else {
                    Err(FORM)
                }
            })
        };
        let literal = |at: usize, byte: u8| {
            if bytes.get(at) == Some(&byte) {
                Ok(())
            } else {
                Err(FORM)
            }
        };
        let small = |value: u32| u8::try_from(value).map_err(|_| FORM);
        literal(4, b'-')?;
        literal(7, b'-')?;
        let year = i32::try_from(number(0, 4)?).map_err(|_| FORM)?;
        let midnight = Timestamp::from_date(year, small(number(5, 7)?)?, small(number(8, 10)?)?)
            .ok_or(FORM)?;
        if bytes.len() == 10 {
            return Ok(midnight);
        }
        literal(10, b'T')?;
        literal(13, b':')?;
        literal(16, b':')?;
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let milli = match bytes.len() {
            20 => 0,
            24 => {
                literal(19, b'.')?;
                number(20, 23)?
            }
            _ => return Err(FORM),
        };
        literal(bytes.len() - 1, b'Z')?;
        if hour > 23 || minute > 59 || second > 59 {
            return Err(FORM);
        }
        let within = ((i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second)) * 1000;
        Ok(Timestamp(midnight.0 + within + i64::from(milli)))
    }

    /// Reads the one form that replies use: `YYYY-MM-DDTHH:MM:SS.fffZ`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse_canonical(text: &str) -> Result<Timestamp, ValueError> {
        const LENGTH: usize = "2013-03-01T00:00:00.000Z".len();
        if text.len() == LENGTH {
            Timestamp::parse(text)
        } else {
            Err(ValueError("a time is YYYY-MM-DDTHH:MM:SS.fffZ, in UTC"))
        }
    }

    /// Midnight of the same day.
    pub fn day(self) -> Timestamp {
        Timestamp(self.0.div_euclid(DAY).saturating_mul(DAY))
    }

    /// The last millisecond of the same day.
    pub fn end_of_day(self) -> Timestamp {
        Timestamp(self.day().0.saturating_add(DAY - 1))
    }

    /// Midnight of the first day of the same month.
    pub fn month(self) -> Timestamp {
        let date = self.date();
        Timestamp::from_primitive(date.replace_day(1).unwrap_or(date).midnight())
    }

    /// Midnight of the same day `months` months earlier. Where that month is shorter, its last day.
    pub fn months_before(self, months: i32) -> Timestamp {
        let date = self.date();
        let index = date.year() * 12 + i32::from(u8::from(date.month())) - 1 - months;
        let month = Month::try_from(u8::try_from(index.rem_euclid(12) + 1).unwrap_or(1))
            .unwrap_or(Month::January);
        let year = index.div_euclid(12);
        let day = date.day().min(month.length(year));
        let earlier = Date::from_calendar_date(year, month, day).unwrap_or(Date::MIN);
        Timestamp::from_primitive(earlier.midnight())
    }

    /// The same time of day, `days` days later.
    pub fn plus_days(self, days: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(days.saturating_mul(DAY)))
    }

    /// The time that is so much later.
    pub fn after(self, wait: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(millis(wait)))
    }

    /// The time that is so much earlier.
    pub fn before(self, age: Duration) -> Timestamp {
        Timestamp(self.0.saturating_sub(millis(age)))
    }

    /// Milliseconds from `earlier` to this time. Negative if `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The calendar day in UTC. Times outside the range of `time::Date` become its first or last
    /// day.
    pub fn date(self) -> Date {
        self.offset().date()
    }

    fn offset(self) -> OffsetDateTime {
        let seconds = OffsetDateTime::from_unix_timestamp(self.0.div_euclid(1_000));
        let millis = u16::try_from(self.0.rem_euclid(1_000)).unwrap_or(0);
        seconds
            .and_then(|time| time.replace_millisecond(millis))
            .unwrap_or_else(|_| {
                let edge = if self.0 < 0 { Date::MIN } else { Date::MAX };
                PrimitiveDateTime::new(edge, Time::MIDNIGHT).assume_offset(UtcOffset::UTC)
            })
    }

    fn from_primitive(moment: PrimitiveDateTime) -> Timestamp {
        let nanos = moment.assume_utc().unix_timestamp_nanos();
        Timestamp(i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX))
    }
}

/// RFC 3339 in UTC with milliseconds: `2013-03-01T00:00:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.offset();
        let (month, year) = (u8::from(t.month()), t.year());
        let Ok(year @ 0..=9999) = u16::try_from(year) else {
            let time = format!("T{:02}:{:02}:{:02}", t.hour(), t.minute(), t.second());
            let (day, milli) = (t.day(), t.millisecond());
            return f.pad(&format!("{year:04}-{month:02}-{day:02}{time}.{milli:03}Z"));
        };
        // Each reply to an order has one, and a format of seven numbers is dear.
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let mut digits = |at: std::ops::Range<usize>, mut value: u16| {
            for byte in text.iter_mut().take(at.end).skip(at.start).rev() {
                *byte += u8::try_from(value % 10).unwrap_or(0);
                value /= 10;
            }
        };
        digits(0..4, year);
        digits(5..7, month.into());
        digits(8..10, t.day().into());
        digits(11..13, t.hour().into());
        digits(14..16, t.minute().into());
        digits(17..19, t.second().into());
        digits(20..23, t.millisecond());
        f.pad(str::from_utf8(&text).unwrap_or_default())
    }
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_time_is_beyond_the_first_or_the_last() {
        let second = Duration::from_millis(1_000);
        assert_eq!(Timestamp(5).after(second), Timestamp(1_005));
        assert_eq!(Timestamp(5).before(second), Timestamp(-995));
        assert_eq!(Timestamp(5).after(Duration::MAX), Timestamp(i64::MAX));
        assert_eq!(Timestamp(-5).before(Duration::MAX), Timestamp::MIN);
    }

    #[test]
    fn dates_are_read_in_two_forms_only() {
        let day = Timestamp::from_date(2013, 3, 1).unwrap();
        assert_eq!(Timestamp::parse("2013-03-01"), Ok(day));
        assert_eq!(
            Timestamp::parse("2013-03-01T00:00:01.250Z"),
            Ok(Timestamp(day.0 + 1250))
        );
        assert_eq!(
            Timestamp::parse("2012-02-29T23:59:59Z")
                .unwrap()
                .to_string(),
            "2012-02-29T23:59:59.000Z"
        );
        for text in [
            "",
            "2013-3-1",
            "2013-02-29",
            "2013-03-01T00:00:00",
            "2013-03-01 00:00:00Z",
            "2013-03-01T24:00:00Z",
            "2013-03-01T00:00:60Z",
            "2013-03-01T00:00:00.1Z",
            "2013-03-01T00:00:00+00:00",
            "20130301",
            "２013-03-01",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_of_any_year_are_written() {
        for (time, text) in [
            (Timestamp(0), "1970-01-01T00:00:00.000Z"),
            (Timestamp(-1), "1969-12-31T23:59:59.999Z"),
            (Timestamp(1_362_096_123_045), "2013-03-01T00:02:03.045Z"),
            (
                Timestamp::from_date(0, 1, 2).unwrap(),
                "0000-01-02T00:00:00.000Z",
            ),
            (Timestamp(253_402_300_799_999), "9999-12-31T23:59:59.999Z"),
            (Timestamp(i64::MAX), "9999-12-31T00:00:00.000Z"),
            (
                Timestamp::from_date(-12, 10, 31).unwrap(),
                "-012-10-31T00:00:00.000Z",
            ),
            (Timestamp::MIN, "-9999-01-01T00:00:00.000Z"),
        ] {
            assert_eq!(time.to_string(), text);
        }
        assert_eq!(
            format!("{:>26}", Timestamp(0)),
            "  1970-01-01T00:00:00.000Z"
        );
    }

    #[test]
    fn the_clock_may_show_a_time_before_1970() {
        let hour = Duration::from_secs(3_600);
        let of = Timestamp::from_system;
        assert_eq!(
            of(UNIX_EPOCH - hour).to_string(),
            "1969-12-31T23:00:00.000Z"
        );
        assert_eq!(
            of(UNIX_EPOCH + hour).to_string(),
            "1970-01-01T01:00:00.000Z"
        );
    }

    #[test]
    fn months_before_stays_within_the_month() {
        let at = |text| Timestamp::parse(text).unwrap();
        assert_eq!(at("2013-03-31").months_before(1), at("2013-02-28"));
        assert_eq!(at("2012-03-31").months_before(1), at("2012-02-29"));
        assert_eq!(at("2013-01-15").months_before(1), at("2012-12-15"));
        assert_eq!(
            at("2013-01-15T12:00:00Z").months_before(13),
            at("2011-12-15")
        );
        assert_eq!(at("2013-01-15T12:00:00Z").month(), at("2013-01-01"));
    }
}
