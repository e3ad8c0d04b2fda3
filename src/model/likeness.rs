//! spec/model.md · 2.1.4 (what people mistype)
//!
//! Which of the names that there are somebody may have meant who typed another one.

/// The most names that are suggested.
pub const SUGGESTIONS_MAX: usize = 3;

/// Longer texts are like none.
const LENGTH_MAX: usize = 64;

/// The names that are most like what was typed, the best first, at most [`SUGGESTIONS_MAX`]; case does
/// not matter. Few letters may be wrong, missing, too many or in the other's place: one of up to three,
/// two of more. A name that begins with what was typed is like it, too.
pub fn most_like<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    if typed.is_empty() || typed.len() > LENGTH_MAX {
        return Vec::new();
    }
    let typed = typed.to_lowercase();
    let letters = typed.chars().count();
    let most = if letters <= 3 { 1 } else { 2 };
    let mut like: Vec<(usize, &str)> = Vec::new();
    for name in names {
        if name.len() > LENGTH_MAX {
            continue;
        }
        let other = name.to_lowercase();
        let off = strsim::osa_distance(&typed, &other);
        // One letter in the place of another one is no likeness.
        if off <= most && off < letters {
            like.push((off, name));
        } else if letters > 1 && other.starts_with(&typed) {
            like.push((most + 1, name));
        }
    }
    like.sort_unstable();
    like.truncate(SUGGESTIONS_MAX);
    like.into_iter().map(|(_, name)| name).collect()
}

/// The question after a mistake: `Did you mean AAPL or APPS?`; `None` without a suggestion.
pub fn did_you_mean(names: &[&str]) -> Option<String> {
    let (last, others) = names.split_last()?;
    Some(if others.is_empty() {
        format!("Did you mean {last}?")
    } else {
        format!("Did you mean {} or {last}?", others.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_what_was_typed_is_suggested() {
        let names = [
            "AAPL", "FB", "GOOG", "IBM", "MSFT", "BTCUSDT", "BTCEUR", "A",
        ];
        let like = |typed| most_like(typed, names);
        assert_eq!(like("APPL"), ["AAPL"]);
        assert_eq!(like("aple"), ["AAPL"]);
        assert_eq!(like("IMB"), ["IBM"]);
        assert_eq!(like("MFST"), ["MSFT"]);
        assert_eq!(like("GOOGL"), ["GOOG"]);
        assert_eq!(like("BTC"), ["BTCEUR", "BTCUSDT"]);
        assert_eq!(like("XXX"), [""; 0]);
        assert_eq!(like("X"), [""; 0]);
        assert_eq!(like(""), [""; 0]);
        assert_eq!(like(&"A".repeat(100)), [""; 0]);
        assert_eq!(did_you_mean(&[]), None);
        assert_eq!(did_you_mean(&["A"]).unwrap(), "Did you mean A?");
        let three = did_you_mean(&["A", "B", "C"]).unwrap();
        assert_eq!(three, "Did you mean A, B or C?");
    }

    #[test]
    fn ten_thousand_names_make_three_suggestions() {
        let names: Vec<String> = (0..10_000).map(|n| format!("S{n:05}")).collect();
        let like = most_like("S0420", names.iter().map(String::as_str));
        assert_eq!(like.len(), SUGGESTIONS_MAX);
        assert!(like.contains(&"S00420"), "{like:?}");
    }
}
