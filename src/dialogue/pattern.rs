//! spec/dialogue/pattern.md · 4.7 Communication
//!
//! What a fixture expects, compared with what came: words with `*` for anything and `{name}` for a value, known
//! or to be captured.

use super::{Values, raw};

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Itself.
    Text(String),
    /// `*`
    Any,
    /// `{…}`
    Name(String),
}

/// Takes a text apart into literals, `*` and `{…}`; escapes are undone.
///
/// # Errors
/// A brace that is not closed, an unknown escape.
pub fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut literal = String::new();
    let flush = |literal: &mut String, pieces: &mut Vec<Piece>| -> Result<(), String> {
        if !literal.is_empty() {
            pieces.push(Piece::Text(raw::unescape(&std::mem::take(literal))?));
        }
        Ok(())
    };
    while let Some(c) = rest.chars().next() {
        let size = c.len_utf8();
        match c {
            '\\' => {
                let two: String = rest.chars().take(2).collect();
                literal.push_str(&two);
                rest = &rest[two.len()..];
                continue;
            }
            '*' => {
                flush(&mut literal, &mut pieces)?;
                pieces.push(Piece::Any);
            }
            '{' => {
                flush(&mut literal, &mut pieces)?;
                let end = rest
                    .find('}')
                    .ok_or(format!("{text}: a brace that is not closed"))?;
                pieces.push(Piece::Name(rest[1..end].to_owned()));
                rest = &rest[end + 1..];
                continue;
            }
            c => literal.push(c),
        }
        rest = &rest[size..];
    }
    flush(&mut literal, &mut pieces)?;
    Ok(pieces)
}

/// Compares a message's text with the words that are expected: `None` where all of it fits, else the place of the
/// first word that does not, from 0. What an earlier word captured counts for the later ones; it is kept only where
/// all of the message fits.
///
/// # Errors
/// An expectation that cannot be evaluated.
pub fn differs(expected: &[String], came: &str, values: &mut Values) -> Result<Option<usize>, String> {
    let mut trial = values.clone();
    let difference = first_difference(expected, came, &mut trial)?;
    if difference.is_none() {
        *values = trial;
    }
    Ok(difference)
}

fn first_difference(expected: &[String], came: &str, values: &mut Values) -> Result<Option<usize>, String> {
    let words: Vec<&str> = if came.is_empty() {
        Vec::new()
    } else {
        came.split(' ').collect()
    };
    for (index, pattern) in expected.iter().enumerate() {
        let last = index + 1 == expected.len();
        if last && pattern == "*" {
            return Ok(None);
        }
        if let Some(name) = pattern
            .strip_prefix('{')
            .and_then(|p| p.strip_suffix("...}"))
            .filter(|_| last)
        {
            let rest = words.get(index..).unwrap_or_default().join(" ");
            if let Some(value) = values.value(name)? {
                return Ok((value != rest).then_some(index));
            }
            values.set(name, &rest);
            return Ok(None);
        }
        let Some(word) = words.get(index) else {
            return Ok(Some(index));
        };
        let mut captured = Vec::new();
        if !fits(&known(pieces(pattern)?, values)?, word, &mut captured) {
            return Ok(Some(index));
        }
        for (name, value) in captured {
            values.set(&name, &value);
        }
    }
    Ok((words.len() > expected.len()).then_some(expected.len()))
}

/// Puts what is known in the place of names; those that stay are to be captured.
fn known(pieces: Vec<Piece>, values: &mut Values) -> Result<Vec<Piece>, String> {
    let mut out = Vec::new();
    for piece in pieces {
        out.push(match piece {
            Piece::Name(name) => values.value(&name)?.map_or(Piece::Name(name), Piece::Text),
            // What the message spells with a backslash, the pattern does too.
            Piece::Text(text) => Piece::Text(raw::escape(&text)),
            Piece::Any => Piece::Any,
        });
    }
    Ok(out)
}

/// Whether a word is made of these pieces, tried from the shortest capture on.
fn fits(pieces: &[Piece], word: &str, captured: &mut Vec<(String, String)>) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return word.is_empty();
    };
    match first {
        Piece::Text(text) => word
            .strip_prefix(text.as_str())
            .is_some_and(|word| fits(rest, word, captured)),
        Piece::Any => ends(word, 0).any(|end| fits(rest, &word[end..], captured)),
        Piece::Name(name) => ends(word, 1).any(|end| {
            // The same name twice in a word is the same value twice.
            if captured
                .iter()
                .any(|(n, value)| n == name && value != &word[..end])
            {
                return false;
            }
            captured.push((name.clone(), word[..end].to_owned()));
            fits(rest, &word[end..], captured) || {
                captured.pop();
                false
            }
        }),
    }
}

/// Where a piece of at least `least` characters may end.
fn ends(word: &str, least: usize) -> impl Iterator<Item = usize> + '_ {
    word.char_indices()
        .map(|(at, _)| at)
        .chain([word.len()])
        .skip(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, came: &str, values: &mut Values) -> bool {
        let words: Vec<String> = expected.split(' ').map(str::to_owned).collect();
        differs(&words, came, values).unwrap().is_none()
    }

    #[test]
    fn words_captures_and_the_rest() {
        let mut v = Values::new();
        assert!(check("sessionID {sid} *", "sessionID abc h:1 h:2", &mut v));
        assert_eq!(v.get("sid"), Some("abc"));
        assert!(check("sessionID {sid} *", "sessionID abc", &mut v));
        assert!(!check("sessionID {sid} *", "sessionID abd", &mut v));
        assert!(!check("sessionID {x}", "sessionID abc h:1", &mut v));
        assert_eq!(
            v.get("x"),
            None,
            "nothing is captured where the whole does not fit"
        );
        assert!(check("a * c", "a b c", &mut v));
        assert!(!check("a * c", "a b b c", &mut v));
        assert!(check(
            "data time={t} value=*.5",
            "data time=12:30 value=7.5",
            &mut v
        ));
        assert_eq!(v.get("t"), Some("12:30"));
        assert!(check("{y}={y}", "7=7", &mut v));
        assert!(!check("{z} {z}", "7 8", &mut v));
        assert!(check("fail {why...}", "fail one two", &mut v));
        assert_eq!(v.get("why"), Some("one two"));
        assert!(!check("fail {why...}", "fail one", &mut v));
        assert!(check("name=a\\sb", "name=a\\sb", &mut v));
    }

    #[test]
    fn what_is_known_is_compared() {
        let mut v = Values::new();
        v.set("cash", "100");
        assert!(check("fill {price} {cost:10:price}", "fill 2.5 25", &mut v));
        assert!(!check("fill {other} {cost:10:other}", "fill 2.5 26", &mut v));
        assert!(check("cash={minus:cash:1}", "cash=99", &mut v));
        assert!(!check("cash={minus:cash:1}", "cash=98", &mut v));
        assert!(differs(&["{open".to_owned()], "x", &mut v).is_err());
        let words = ["a", "b*", "c"].map(str::to_owned);
        for (came, place) in [("x", 0), ("a x", 1), ("a bb", 2), ("a bb x", 2), ("a b c d", 3)] {
            assert_eq!(differs(&words, came, &mut v), Ok(Some(place)), "{came}");
        }
    }
}
