//! spec/dialogue/pattern.md · 4.7 Communication
//!
//! Compares a received message with an expectation: words in which `*` matches anything and
//! `{name}` matches a known value or captures a new one.

use super::pieces::{PatternPiece, pieces};
use super::{Variables, raw};

/// The most parts of one expected word. The search recurses once a part.
pub const PIECES_MAX: usize = 1000;

/// The most steps of one word's search. Names that occur twice in a word can be captured in a
/// number of ways that grows with a power of its length; expectations that people write need some
/// dozens of steps.
const STEPS_MAX: usize = 200_000;

/// The name in `{name...}`, which as an expectation's last word stands for the rest of the line.
pub fn rest_name(word: &str) -> Option<&str> {
    word.strip_prefix('{')?.strip_suffix("...}")
}

/// Compares a message's text with the expected words. Returns `None` where the whole message
/// matches, else the index of the first word that does not. Later words see the values that earlier
/// words captured; `values` keeps them only where the whole message matches.
///
/// # Errors
/// An expectation that cannot be evaluated, or whose search exceeds `STEPS_MAX`.
pub fn differs(
    expected: &[String],
    came: &str,
    values: &mut Variables,
) -> Result<Option<usize>, String> {
    let mut trial = values.clone();
    let difference = first_difference(expected, came, &mut trial)?;
    if difference.is_none() {
        *values = trial;
    }
    Ok(difference)
}

fn first_difference(
    expected: &[String],
    came: &str,
    values: &mut Variables,
) -> Result<Option<usize>, String> {
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
        if let Some(name) = rest_name(pattern).filter(|_| last) {
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
        let pieces = resolve(pieces(pattern)?, values)?;
        let mut search = Search::new(&pieces, word);
        if !search.matches(0, 0)? {
            return Ok(Some(index));
        }
        for (name, value) in search.captured {
            values.set(&name, &value);
        }
    }
    Ok((words.len() > expected.len()).then_some(expected.len()))
}

/// Replaces names by their values. A name without a value stays and captures.
fn resolve(pieces: Vec<PatternPiece>, values: &mut Variables) -> Result<Vec<PatternPiece>, String> {
    let mut out = Vec::new();
    for piece in pieces {
        let piece = match piece {
            PatternPiece::Name(name) => values
                .value(&name)?
                .map_or(PatternPiece::Name(name), PatternPiece::Text),
            // The received text is escaped, so the literal must be escaped in the same way.
            PatternPiece::Text(text) => PatternPiece::Text(raw::escape(&text)),
            PatternPiece::Any => PatternPiece::Any,
        };
        let redundant = match &piece {
            PatternPiece::Text(text) => text.is_empty(),
            PatternPiece::Any => out.last() == Some(&PatternPiece::Any),
            PatternPiece::Name(_) => false,
        };
        if !redundant {
            out.push(piece);
        }
    }
    if out.len() > PIECES_MAX {
        return Err(format!("a word of more than {PIECES_MAX} parts"));
    }
    Ok(out)
}

/// A backtracking search for a way to match a word, with the shortest captures first.
struct Search<'a> {
    pieces: &'a [PatternPiece],
    word: &'a str,
    captured: Vec<(String, String)>,
    /// For each piece, whether no name before it occurs again from it on. Then its match does not
    /// depend on earlier captures.
    independent: Vec<bool>,
    /// For each independent `*` or name, the first position in the word at which it is known not to
    /// match. It does not match at any later position either.
    failed_from: Vec<usize>,
    steps: usize,
}

impl<'a> Search<'a> {
    fn new(pieces: &'a [PatternPiece], word: &'a str) -> Search<'a> {
        let last = |piece: &PatternPiece| pieces.iter().rposition(|other| other == piece);
        // The last occurrence of any name seen so far.
        let mut reach = 0;
        let mut independent = Vec::with_capacity(pieces.len());
        for (at, piece) in pieces.iter().enumerate() {
            independent.push(at > reach || reach == 0);
            if matches!(piece, PatternPiece::Name(_)) {
                reach = reach.max(last(piece).filter(|last| *last > at).unwrap_or(0));
            }
        }
        Search {
            pieces,
            word,
            captured: Vec::new(),
            independent,
            failed_from: vec![usize::MAX; pieces.len()],
            steps: 0,
        }
    }

    /// Whether the word from byte `at` on matches the pieces from `piece` on.
    fn matches(&mut self, piece: usize, at: usize) -> Result<bool, String> {
        self.step()?;
        let (pieces, word) = (self.pieces, &self.word[at..]);
        let Some(first) = pieces.get(piece) else {
            return Ok(word.is_empty());
        };
        if at >= self.failed_from[piece] {
            return Ok(false);
        }
        let found = match first {
            PatternPiece::Text(text) => {
                word.starts_with(text.as_str()) && self.matches(piece + 1, at + text.len())?
            }
            PatternPiece::Any => {
                let mut ways = ends(word, 0);
                loop {
                    match ways.next() {
                        None => break false,
                        Some(end) if self.matches(piece + 1, at + end)? => break true,
                        Some(_) => {}
                    }
                }
            }
            PatternPiece::Name(name) => {
                let mut ways = ends(word, 1);
                loop {
                    let Some(end) = ways.next() else { break false };
                    if self.captures(name, &word[..end], piece + 1, at + end)? {
                        break true;
                    }
                }
            }
        };
        if !found && self.independent[piece] && !matches!(first, PatternPiece::Text(_)) {
            self.failed_from[piece] = at;
        }
        Ok(found)
    }

    /// Counts a step of the search.
    fn step(&mut self) -> Result<(), String> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return Err(format!(
                "a word of {} bytes can fit in too many ways",
                self.word.len()
            ));
        }
        Ok(())
    }

    /// Captures `value` and goes on; undoes the capture where the rest does not match.
    fn captures(
        &mut self,
        name: &str,
        value: &str,
        piece: usize,
        at: usize,
    ) -> Result<bool, String> {
        self.step()?;
        // A name that occurs twice in a word has the same value both times.
        if self
            .captured
            .iter()
            .any(|(n, other)| n == name && other != value)
        {
            return Ok(false);
        }
        self.captured.push((name.to_owned(), value.to_owned()));
        let found = self.matches(piece, at)?;
        if !found {
            self.captured.pop();
        }
        Ok(found)
    }
}

/// The byte positions at which a piece of at least `least` characters may end.
fn ends(word: &str, least: usize) -> impl Iterator<Item = usize> + '_ {
    word.char_indices()
        .map(|(at, _)| at)
        .chain([word.len()])
        .skip(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expected: &str, came: &str, values: &mut Variables) -> bool {
        let words: Vec<String> = expected.split(' ').map(str::to_owned).collect();
        differs(&words, came, values).unwrap().is_none()
    }

    #[test]
    fn words_captures_and_the_rest_of_a_line_match() {
        let mut v = Variables::new();
        assert!(check("sessionID {sid} *", "sessionID abc h:1 h:2", &mut v));
        assert_eq!(v.get("sid"), Some("abc"));
        assert!(check("sessionID {sid} *", "sessionID abc", &mut v));
        assert!(!check("sessionID {sid} *", "sessionID abd", &mut v));
        assert!(!check("sessionID {x}", "sessionID abc h:1", &mut v));
        assert_eq!(
            v.get("x"),
            None,
            "nothing is captured where the message does not match"
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
    fn a_search_without_a_match_ends() {
        let mut v = Variables::new();
        let long = "ab".repeat(500);
        assert!(!check(&format!("{}c", "*a*b".repeat(20)), &long, &mut v));
        assert!(check(&"*a*b".repeat(20), &long, &mut v));
        assert!(check(&"*".repeat(5000), &long, &mut v));
        assert!(!check("{a}{b}{c}{d}*c", &long, &mut v));
        // The second {p} may match later: its first occurrence can be captured in another way.
        assert!(check("{p}-*{p}", "aa-xa-aa-xa", &mut v));
        assert_eq!(v.get("p"), Some("aa-xa"));
        let words = [format!("{}!", "{a}{b}{c}{d}{e}".repeat(2))];
        assert!(
            differs(&words, &long, &mut v)
                .unwrap_err()
                .contains("too many ways")
        );
        let words = ["*a".repeat(501)];
        assert!(
            differs(&words, &long, &mut v)
                .unwrap_err()
                .contains("1000 parts")
        );
    }

    #[test]
    fn a_known_value_is_compared() {
        let mut v = Variables::new();
        v.set("cash", "100");
        assert!(check("fill {price} {cost:10:price}", "fill 2.5 25", &mut v));
        assert!(!check(
            "fill {other} {cost:10:other}",
            "fill 2.5 26",
            &mut v
        ));
        assert!(check("cash={minus:cash:1}", "cash=99", &mut v));
        assert!(!check("cash={minus:cash:1}", "cash=98", &mut v));
        assert!(differs(&["{open".to_owned()], "x", &mut v).is_err());
        let words = ["a", "b*", "c"].map(str::to_owned);
        for (came, place) in [
            ("x", 0),
            ("a x", 1),
            ("a bb", 2),
            ("a bb x", 2),
            ("a b c d", 3),
        ] {
            assert_eq!(differs(&words, came, &mut v), Ok(Some(place)), "{came}");
        }
    }
}
