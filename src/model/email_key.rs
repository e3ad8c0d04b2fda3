//! spec/model/email_key.md · 2.4.1 (email), 2.1.9 User Accounts
//!
//! The key under which an email address is unique, and the characters that no new address may have.
//! The tables are Unicode's, of the version of the ICU4X crates.

use icu_casemap::CaseMapper;
use icu_normalizer::{ComposingNormalizer, DecomposingNormalizer};
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use idna::AsciiDenyList;

/// How often a domain is mapped at most: a bound, which no text known to us comes near.
const DOMAIN_TURNS_MAX: usize = 8;

/// The key of an address: two addresses are the same if their keys are equal. What stands before
/// the `@` is compared by compatibility (NFKC) and without case (full case folding), the domain as
/// the names of hosts are (IDNA, UTS 46). What is no domain is compared like what stands before.
///
/// ```
/// # use papertrader::model::email_key::email_key;
/// assert_eq!(email_key("STRASSE@Example.org"), email_key("straße@example.org."));
/// assert_eq!(email_key("a@bücher.example"), "a@xn--bcher-kva.example");
/// ```
pub fn email_key(address: &str) -> String {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return folded(address);
    };
    format!("{}@{}", folded(local), domain_key(domain))
}

/// The domain as hosts are compared. What is folded because it is no domain may be one then (U+2024
/// becomes a dot, say), so it is mapped until nothing changes; a domain needs one turn and a look.
fn domain_key(domain: &str) -> String {
    let mut key = domain.to_owned();
    for _ in 0..DOMAIN_TURNS_MAX {
        let trimmed = key.trim_end_matches('.');
        let mapped = match idna::domain_to_ascii_cow(trimmed.as_bytes(), AsciiDenyList::EMPTY) {
            Ok(ascii) => ascii.into_owned(),
            Err(_) => folded(trimmed),
        };
        if mapped == key {
            break;
        }
        key = mapped;
    }
    key
}

/// Unicode's compatibility caseless form (D146): folded twice, because what is taken apart may fold
/// again.
fn folded(text: &str) -> String {
    let (nfkc, fold) = (ComposingNormalizer::new_nfkc(), CaseMapper::new());
    let apart = DecomposingNormalizer::new_nfd().normalize(text);
    let once = fold.fold_string(&apart).into_owned();
    let once = nfkc.normalize(&once);
    let twice = fold.fold_string(&once).into_owned();
    nfkc.normalize(&twice).into_owned()
}

/// The first character that is a control or format character, for private use, not assigned, or
/// shows nothing by itself.
///
/// ```
/// # use papertrader::model::email_key::hidden_character;
/// assert_eq!(hidden_character("älice@example.org"), None);
/// assert_eq!(hidden_character("a\u{200b}lice@example.org"), Some('\u{200b}'));
/// ```
pub fn hidden_character(text: &str) -> Option<char> {
    let category = CodePointMapData::<GeneralCategory>::new();
    let ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>();
    text.chars().find(|c| {
        ignorable.contains(*c)
            || matches!(
                category.get(*c),
                GeneralCategory::Control
                    | GeneralCategory::Format
                    | GeneralCategory::PrivateUse
                    | GeneralCategory::Surrogate
                    | GeneralCategory::Unassigned
            )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_have_one_key() {
        for spellings in [
            &[
                "Alice@Example.org",
                "alice@example.org",
                "ALICE@EXAMPLE.ORG.",
            ][..],
            &["ΟΔΟΣ@x.org", "οδοσ@x.org", "οδος@x.org"],
            &[
                "STRASSE@x.org",
                "straße@x.org",
                "STRAẞE@x.org",
                "straſſe@x.org",
            ],
            &["é@x.org", "e\u{301}@x.org", "É@x.org", "E\u{301}@X.ORG"],
            &["ﬁn@x.org", "fin@x.org", "ｆｉｎ@x.org", "FIN@x.org"],
            &["İ@x.org", "i\u{307}@x.org"],
            &["\u{345}a@x.org", "ιa@x.org"],
            &["K@x.org", "k@x.org", "\u{212a}@x.org"],
            &[
                "a@bücher.example",
                "a@BÜCHER.example",
                "a@xn--bcher-kva.example",
                "a@bücher。example",
            ],
            &["a@b\u{75}\u{308}cher.example", "a@XN--BCHER-KVA.example"],
            &["a@example\u{2024}", "a@example"],
            &["a@\u{2024}\u{116d0}", "a@.\u{116d0}"],
        ] {
            for spelling in spellings {
                assert_eq!(email_key(spelling), email_key(spellings[0]), "{spelling}");
            }
        }
        // The two are domains of different owners.
        assert_ne!(email_key("a@faß.example"), email_key("a@fass.example"));
        assert_ne!(email_key("a.b@x.org"), email_key("ab@x.org"));
        assert_ne!(email_key("e@x.org"), email_key("é@x.org"));
    }

    #[test]
    fn an_address_in_ascii_has_its_lower_case_as_key() {
        for address in [
            "a@b",
            "A.B+c@Example.Org",
            "x@[192.0.2.1]",
            "x@a_b",
            "@@",
            "a@-",
            "x@",
        ] {
            assert_eq!(email_key(address), address.to_ascii_lowercase());
        }
        // Nothing that IDNA knows: folded.
        assert_eq!(email_key("x@XN--a-é"), "x@xn--a-é");
    }

    #[test]
    fn characters_that_nobody_sees_are_found() {
        for hidden in [
            '\0',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{600}',
            '\u{115f}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{202e}',
            '\u{2066}',
            '\u{feff}',
            '\u{fe0f}',
            '\u{e000}',
            '\u{fdd0}',
            '\u{ffff}',
            '\u{378}',
            '\u{1bca0}',
            '\u{e0041}',
            '\u{f0000}',
            '\u{10ffff}',
            '\u{e01ef}',
        ] {
            assert_eq!(hidden_character(&format!("é{hidden}@x")), Some(hidden));
        }
        for text in ["alice@example.org", "é@日本.jp", "Ω✓🦀@x", "e\u{301}@x"] {
            assert_eq!(hidden_character(text), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn a_key_is_its_own_key(local in "\\PC{0,20}", domain in "\\PC{0,20}") {
            let local = local.replace('@', "");
            let domain = domain.replace('@', "");
            let key = email_key(&format!("{local}@{domain}"));
            proptest::prop_assert!(key.contains('@'));
            // A compatibility form of `@`, `＠`, moves where the domain begins.
            if key.matches('@').count() == 1 {
                proptest::prop_assert_eq!(email_key(&key), key);
            }
        }
    }
}
