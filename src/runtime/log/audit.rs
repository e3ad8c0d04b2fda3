//! spec/runtime/log.md · 3.1.4 Log System
//!
//! The form of the lines that say who did what: an act, then `key=value`.

use std::fmt::{self, Display, Write};

/// Bytes of a value at most. A longer one is cut and ends in `…`.
pub const AUDIT_VALUE_BYTES_MAX: usize = 256;

/// An audit line: `audit: login ok user=alice worker=eu1`. A value is in quotation marks where it is
/// empty or has a space, `=` or a quotation mark in it, which becomes an apostrophe.
///
/// ```
/// # use papertrader::runtime::log::AuditLine;
/// let line = AuditLine::new("login ok").with("user", "alice").with("by", "user root (0)");
/// assert_eq!(line.to_string(), "audit: login ok user=alice by=\"user root (0)\"");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine(String);

impl AuditLine {
    /// A line about an act, in a few words.
    pub fn new(act: &'static str) -> AuditLine {
        AuditLine(format!("audit: {act}"))
    }

    /// Appends a value.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Display) -> AuditLine {
        let mut text = value.to_string();
        if text.len() > AUDIT_VALUE_BYTES_MAX {
            text.truncate(crate::wire::argument::cut(&text, AUDIT_VALUE_BYTES_MAX).len());
            text.push('…');
        }
        let is_plain = !text.is_empty() && !text.contains([' ', '=', '"']);
        // Writing to a string cannot fail.
        let _ = if is_plain {
            write!(self.0, " {key}={text}")
        } else {
            write!(self.0, " {key}=\"{}\"", text.replace('"', "'"))
        };
        self
    }
}

impl Display for AuditLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Logs who did what, at level info: `audit!("login ok", user = name, worker = "eu1")`. With `; more`,
/// what a [throttle](crate::runtime::log::Throttle) has allowed, the line has the number of those that
/// it suppressed, if any.
#[macro_export]
macro_rules! audit {
    ($act:literal $(, $key:ident = $value:expr)* $(,)?) => {
        $crate::info!(
            "{}",
            $crate::runtime::log::AuditLine::new($act)$(.with(stringify!($key), &$value))*
        )
    };
    ($act:literal $(, $key:ident = $value:expr)*; $more:expr) => {{
        let more: $crate::runtime::log::SuppressedCount = $more;
        if more.count() > 0 {
            $crate::audit!($act $(, $key = $value)*, more = more.count());
        } else {
            $crate::audit!($act $(, $key = $value)*);
        }
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_breaks_the_form() {
        let line = AuditLine::new("x")
            .with("a", 7)
            .with("b", "")
            .with("c", "one \"two\" three=4")
            .with("d", "é".repeat(200));
        let cut = format!("{}…", "é".repeat(128));
        assert_eq!(
            line.to_string(),
            format!("audit: x a=7 b=\"\" c=\"one 'two' three=4\" d={cut}")
        );
    }
}
