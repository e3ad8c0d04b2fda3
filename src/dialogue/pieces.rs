//! spec/dialogue/pieces.md · 4.7 Communication
//!
//! The parts of an expected word: text, `*` and `{name}`. Tests: with the comparison, in
//! `src/dialogue/pattern.rs`.

use super::raw;

/// A part of an expected word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPiece {
    /// Literal text.
    Text(String),
    /// `*`: any characters, or none.
    Any,
    /// `{…}`: a known value, or one to capture.
    Name(String),
}

/// Splits a text into literals, `*` and `{…}`, and resolves escapes.
///
/// # Errors
/// An unclosed brace, or an unknown escape.
pub fn pieces(text: &str) -> Result<Vec<PatternPiece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut literal = String::new();
    let flush = |literal: &mut String, pieces: &mut Vec<PatternPiece>| -> Result<(), String> {
        if !literal.is_empty() {
            pieces.push(PatternPiece::Text(raw::unescape(&std::mem::take(literal))?));
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
                pieces.push(PatternPiece::Any);
            }
            '{' => {
                flush(&mut literal, &mut pieces)?;
                let end = rest
                    .find('}')
                    .ok_or(format!("{text}: a brace that is not closed"))?;
                pieces.push(PatternPiece::Name(rest[1..end].to_owned()));
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
