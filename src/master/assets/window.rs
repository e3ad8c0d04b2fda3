//! spec/master/assets/window.md · 4.6.9 to 4.6.13
//!
//! The bars of the five windows of time.

use crate::master::storage::StorageError;
use crate::master::storage::bars::AssetId;
use crate::master::storage::bars::read::BarSnapshot;
use crate::model::timestamp::DAY;
use crate::model::{Bar, Timestamp};
use crate::wire::Window;

/// Days of a week's window.
const WEEK_DAYS: i64 = 7;
/// Months of a year's window.
const YEAR_MONTHS: i32 = 12;

/// Reads the bars of a window, oldest first.
///
/// # Errors
/// The database fails.
pub fn bars(
    view: &mut BarSnapshot<'_>,
    asset: AssetId,
    window: Window,
) -> Result<Vec<Bar>, StorageError> {
    match window {
        // From the first millisecond after the same time a day earlier.
        Window::Day(date) => view.ticks(asset, Timestamp(date.0.saturating_sub(DAY - 1)), date),
        Window::Week(date) => {
            let last = date.day();
            view.days(asset, last.plus_days(1 - WEEK_DAYS), last)
        }
        Window::Month(date) => view.days(asset, date.months_before(1).plus_days(1), date.day()),
        Window::Year(date) => view.months(asset, first_month(date), date.month()),
        Window::AllTime => view.months(asset, Timestamp(i64::MIN), Timestamp(i64::MAX)),
    }
}

/// The 1st of the first month of a year's window.
fn first_month(date: Timestamp) -> Timestamp {
    date.months_before(YEAR_MONTHS - 1).month()
}

/// The first and last day of the months in a year's or all-time window.
pub(super) fn months(window: Window) -> (Timestamp, Timestamp) {
    match window {
        Window::Year(date) => {
            let next = date.month().plus_days(32).month();
            (first_month(date), next.plus_days(-1))
        }
        Window::Day(_) | Window::Week(_) | Window::Month(_) | Window::AllTime => {
            (Timestamp(i64::MIN), Timestamp(i64::MAX))
        }
    }
}
