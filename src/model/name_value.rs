//! spec/model.md · 2.4 (what a server tells about itself)

use super::ValueError;
use std::fmt;

/// A name and its value, `name=value` in text: one fact that a server tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NameValue {
    name: String,
    value: String,
}

impl NameValue {
    /// The most characters of a name.
    pub const NAME_MAX: usize = 32;
    /// The most characters of a value.
    pub const VALUE_MAX: usize = 256;

    /// A name and a value.
    ///
    /// # Errors
    /// One of the two has another form.
    pub fn new(name: &str, value: &str) -> Result<NameValue, ValueError> {
        let is_name = (1..=NameValue::NAME_MAX).contains(&name.len())
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let is_value = (1..=NameValue::VALUE_MAX).contains(&value.len())
            && value.bytes().all(|b| b.is_ascii_graphic());
        if !is_name {
            return Err(ValueError(
                "a name is 1 to 32 of a-z 0-9 -, the first a letter",
            ));
        }
        if !is_value {
            return Err(ValueError("a value is 1 to 256 visible ASCII characters"));
        }
        Ok(NameValue {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }

    /// Reads `name=value`. The value may contain further `=`.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<NameValue, ValueError> {
        let (name, value) = text
            .split_once('=')
            .ok_or(ValueError("a fact is name=value"))?;
        NameValue::new(name, value)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for NameValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_a_name_and_a_value() {
        let (name, value) = ("n".repeat(32), "v".repeat(256));
        let longest = format!("{name}={value}");
        for (text, name, value) in [
            ("a=b", "a", "b"),
            ("steps-left=0", "steps-left", "0"),
            ("x2=a=b=", "x2", "a=b="),
            ("a==", "a", "="),
            (&*longest, &*name, &*value),
        ] {
            let fact = NameValue::parse(text).unwrap();
            assert_eq!((fact.name(), fact.value()), (name, value));
            assert_eq!(fact.to_string(), text);
        }
        let (long_name, long_value) = (format!("n{longest}"), format!("{longest}v"));
        for text in [
            "",
            "a",
            "=",
            "a=",
            "=b",
            "A=b",
            "1=b",
            "-a=b",
            "a_b=c",
            "ä=b",
            "a=b c",
            "a=\u{e4}",
            "a=\t",
            "a b=c",
            "a=\u{7f}",
            &long_name,
            &long_value,
        ] {
            assert!(NameValue::parse(text).is_err(), "{text}");
        }
    }
}
