//! spec/model.md · 2.1.2 (what the outer world sees), 2.4.4 (what a log holds)
//!
//! Which characters a text from elsewhere may bring to a terminal or into a line of a file.

/// Characters of a line that a terminal or a program acts on instead of showing them: those that
/// change the direction of writing, those without a width or a sign of their own (Unicode's
/// Default_Ignorable_Code_Point), line separators, and marks of annotations.
const INVISIBLE: &[(char, char)] = &[
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character may be shown as it is: no control character (C0, DEL, C1), and none that is
/// invisible or changes the direction of writing.
pub fn is_printable(c: char) -> bool {
    !c.is_control()
        && !INVISIBLE
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// Whether a text holds printable characters alone. The empty text does.
pub fn is_printable_text(text: &str) -> bool {
    text.chars().all(is_printable)
}

/// The text with U+FFFD in place of each character that is not printable. It is one line.
pub fn clean(text: &str) -> String {
    let shown = |c| if is_printable(c) { c } else { '\u{fffd}' };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_replaced_and_the_rest_kept() {
        for text in [
            "a\u{1b}[2Jb",
            "\0",
            "\u{7f}",
            "\u{9b}31m",
            "a\nb",
            "a\rb",
            "a\tb",
            "\u{85}",
            "\u{202e}",
            "\u{2066}",
            "\u{200b}",
            "\u{200d}",
            "\u{feff}",
            "\u{2028}",
            "\u{e0041}",
        ] {
            assert!(!is_printable_text(text), "{text:?}");
            let cleaned = clean(text);
            assert!(is_printable_text(&cleaned), "{cleaned:?}");
            assert_eq!(cleaned.chars().count(), text.chars().count());
        }
        for text in ["", "plain text", "é – … × 日本 Ω ✓ 🦀", "\u{a0}\u{fffd}"] {
            assert_eq!(clean(text), text);
        }
    }
}
