//! spec/wire/argument_type.md · 4.5, 4.6 (what an argument may be)
//!
//! The grammar of each type of argument, as data: for the description of the protocol and for
//! programs that are made from it. The codecs read by hand, and a property test compares the two.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::ArgumentType;
use crate::model::account::{EMAIL_MAX, EMAIL_MIN};
use crate::model::money::{MILLION, MILLIONTHS_MAX};
use crate::model::reset_code::{RESET_CODE_CHARS, RESET_CODE_TEXT_MAX};
use crate::model::third_party::{USER_CODE_MAX, WEB_ADDRESS_MAX, WEB_TEXT_MAX};
use crate::wire::reply::TEXT_MAX;

/// The texts that a type of argument accepts: those that the pattern matches as a whole and that
/// are within the other bounds.
#[derive(Debug, Clone, Copy)]
pub struct Grammar {
    /// The form in words.
    pub about: &'static str,
    /// A regular expression that matches the whole text, or `None` for any text. It means the same
    /// in Rust, Python, JavaScript (with or without its flags), Java and .NET: literals, classes,
    /// `\uXXXX`, `(?: )`, `|`, `?`, `+`, `*` and counts.
    pub pattern: Option<&'static str>,
    /// The fewest and the most characters (code points), where the pattern does not say it.
    pub length: Option<(usize, usize)>,
    /// The most bytes, where the pattern does not say it.
    pub bytes_max: Option<usize>,
    /// Whether the number must be above 0. The pattern does not say it.
    pub above_zero: bool,
    /// The largest number, where the pattern does not say it.
    pub maximum: Option<i64>,
    /// The list that has the words.
    pub list: Option<&'static str>,
    /// The text that stands for "none".
    pub none: Option<&'static str>,
    /// Texts that it accepts.
    pub examples: &'static [&'static str],
    /// Texts that it refuses.
    pub wrong: &'static [&'static str],
}

/// The characters that Unicode calls white space, for a class.
macro_rules! white_space {
    () => {
        r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}

/// Control characters, those that show nothing or change the direction of writing, and those for
/// private use, for a class. Of the first 65,536: beyond, languages disagree on what a character is.
macro_rules! hidden {
    () => {
        concat!(
            r"\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f",
            r"\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ue000-\uf8ff\ufe00-\ufe0f\ufeff\uffa0",
            r"\ufff0-\ufffb"
        )
    };
}

/// A day that exists, as `YYYY-MM-DD`: the days that every year has, and 29 February.
macro_rules! day {
    () => {
        concat!(
            "(?:[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])",
            "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))",
            "|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29)"
        )
    };
}

/// Hours, minutes and seconds.
macro_rules! time_of_day {
    () => {
        "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    };
}

/// A group of an IPv6 address (RFC 3986, `h16`).
macro_rules! group {
    () => {
        "[0-9A-Fa-f]{1,4}"
    };
}

/// The last 32 bits of an IPv6 address (RFC 3986, `ls32`).
macro_rules! last_groups {
    () => {
        concat!(
            "(?:",
            group!(),
            ":",
            group!(),
            r"|(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])\.){3}",
            "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9]))"
        )
    };
}

/// What stands before `::`: nothing, or up to one group more than `$more`.
macro_rules! groups_before {
    ($more:literal) => {
        concat!("(?:(?:", group!(), ":){0,", $more, "}", group!(), ")?::")
    };
}

/// An IPv6 address (RFC 3986, `IPv6address`).
macro_rules! ipv6 {
    () => {
        concat!(
            "(?:(?:",
            group!(),
            ":){6}",
            last_groups!(),
            "|::(?:",
            group!(),
            ":){5}",
            last_groups!(),
            "|",
            groups_before!(0),
            "(?:",
            group!(),
            ":){4}",
            last_groups!(),
            "|",
            groups_before!(1),
            "(?:",
            group!(),
            ":){3}",
            last_groups!(),
            "|",
            groups_before!(2),
            "(?:",
            group!(),
            ":){2}",
            last_groups!(),
            "|",
            groups_before!(3),
            group!(),
            ":",
            last_groups!(),
            "|",
            groups_before!(4),
            last_groups!(),
            "|",
            groups_before!(5),
            group!(),
            "|",
            groups_before!(6),
            ")"
        )
    };
}

/// A decimal above 0 with at most 12 digits before its point and 6 after it.
macro_rules! above_zero {
    () => {
        concat!(
            "(?:(?:[1-9][0-9]{0,11}|0[1-9][0-9]{0,10}|0{2}[1-9][0-9]{0,9}|0{3}[1-9][0-9]{0,8}",
            "|0{4}[1-9][0-9]{0,7}|0{5}[1-9][0-9]{0,6}|0{6}[1-9][0-9]{0,5}|0{7}[1-9][0-9]{0,4}",
            "|0{8}[1-9][0-9]{0,3}|0{9}[1-9][0-9]{0,2}|0{10}[1-9][0-9]?|0{11}[1-9])",
            r"(?:\.[0-9]{1,6})?|0{1,12}\.(?:[1-9][0-9]{0,5}|0[1-9][0-9]{0,4}|0{2}[1-9][0-9]{0,3}",
            "|0{3}[1-9][0-9]{0,2}|0{4}[1-9][0-9]?|0{5}[1-9]))"
        )
    };
}

/// A percentage above 0 and below 100, of at most 4 places.
macro_rules! percent {
    () => {
        concat!(
            r"(?:(?:[1-9][0-9]?|0[1-9])(?:\.[0-9]{1,4})?",
            r"|0{1,2}\.(?:[1-9][0-9]{0,3}|0[1-9][0-9]{0,2}|0{2}[1-9][0-9]?|0{3}[1-9]))\u0025"
        )
    };
}

/// Visible ASCII characters.
const VISIBLE: &str = r"[\u0021-\u007e]+";
const CODE: &str = r"[A-Za-z][A-Za-z0-9\-]{0,63}";
const CLIENT_ORDER_ID: &str = r"[A-Za-z0-9._:\-]{1,64}";
const SECRET: &str = "[0-9a-f]{64}";
/// A character of an e-mail address beside its `@`.
macro_rules! of_email {
    () => {
        concat!("[^@", white_space!(), hidden!(), "]")
    };
}

/// A decimal in its one form, at most [`MILLIONTHS_MAX`].
macro_rules! canonical_money {
    () => {
        concat!(r"(?:(?:0|[1-9][0-9]{0,11}|[1-8][0-9]{12})(?:\.[0-9]{0,5}[1-9])?|9000000000000)")
    };
}

/// A symbol.
macro_rules! symbol {
    () => {
        r"[A-Z0-9.\/=\-]{1,16}"
    };
}

const SECRET_OR_DASH: &str = "[0-9a-f]{64}|-";
const CANONICAL: &str = r"(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{0,5}[1-9])?";

/// A grammar that is a pattern alone.
const fn pattern(
    about: &'static str,
    pattern: &'static str,
    examples: &'static [&'static str],
) -> Grammar {
    Grammar {
        about,
        pattern: Some(pattern),
        length: None,
        bytes_max: None,
        above_zero: false,
        maximum: None,
        list: None,
        none: None,
        examples,
        wrong: &[],
    }
}

/// The grammar of the codes of a list. Readers accept codes that are not on it.
const fn code(
    about: &'static str,
    list: &'static str,
    example: &'static [&'static str],
) -> Grammar {
    Grammar {
        list: Some(list),
        ..pattern(about, CODE, example)
    }
}

/// A grammar with texts that it refuses.
const fn wrong(wrong: &'static [&'static str], grammar: Grammar) -> Grammar {
    Grammar { wrong, ..grammar }
}

/// The grammar of a decimal in its one form.
const fn canonical(about: &'static str) -> Grammar {
    Grammar {
        maximum: Some(MILLIONTHS_MAX / MILLION),
        ..pattern(about, CANONICAL, &["0", "10.5", "0.000001"])
    }
}

/// The grammar of each type, in the order of the types.
pub const GRAMMARS: &[(ArgumentType, Grammar)] = &[
    (
        ArgumentType::Username,
        wrong(
            &["", "-alice", "alice bob", "ä"],
            pattern(
                "1 to 24 of `A-Z a-z 0-9 . _ -`, the first a letter or digit; unique and looked up without case; replies carry the registered spelling",
                r"[A-Za-z0-9][A-Za-z0-9._\-]{0,23}",
                &["alice", "Alice.B_c-9"],
            ),
        ),
    ),
    (
        ArgumentType::Email,
        wrong(
            &[
                "",
                "a",
                "alice",
                "a@b@c",
                "a b@c",
                "a\u{1b}@b",
                "a\u{202e}@b",
                "a@b\u{200b}",
            ],
            Grammar {
                length: Some((EMAIL_MIN, EMAIL_MAX)),
                ..pattern(
                    "3 to 321 Unicode characters, exactly one `@`, no Unicode white space, control, invisible or private-use character; a server refuses further invisible, private-use and unassigned characters that its version of Unicode knows of; unique under NFKC and full case folding, the domain under IDNA",
                    concat!(
                        "[^@",
                        white_space!(),
                        hidden!(),
                        "]*@[^@",
                        white_space!(),
                        hidden!(),
                        "]*"
                    ),
                    &["alice@example.org", "älice@example.org"],
                )
            },
        ),
    ),
    (
        ArgumentType::HashedPass,
        wrong(
            &[
                "",
                "0",
                "GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG",
            ],
            pattern(
                "64 of `0-9 a-f`, derived from the password",
                SECRET,
                &["43065a2069777dfb258964e513b8385f1211b535546876a93fc3936cb575e33d"],
            ),
        ),
    ),
    (
        ArgumentType::HashedPassOrDash,
        wrong(
            &["", "0", "--"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "64 of `0-9 a-f`, derived from the password, or `-` if the account has none",
                    SECRET_OR_DASH,
                    &[
                        "43065a2069777dfb258964e513b8385f1211b535546876a93fc3936cb575e33d",
                        "-",
                    ],
                )
            },
        ),
    ),
    (
        ArgumentType::UsernameOrEmail,
        wrong(
            &["", "a b", "@", "_alice", "a@b@c", "a@b\u{200b}"],
            Grammar {
                length: Some((1, EMAIL_MAX)),
                ..pattern(
                    "a username, or an e-mail address",
                    concat!(
                        r"[A-Za-z0-9][A-Za-z0-9._\-]{0,23}|",
                        of_email!(),
                        of_email!(),
                        "+@",
                        of_email!(),
                        "*|",
                        of_email!(),
                        "@",
                        of_email!(),
                        "+|@",
                        of_email!(),
                        of_email!(),
                        "+"
                    ),
                    &["alice", "alice@example.org"],
                )
            },
        ),
    ),
    (
        ArgumentType::ResetCode,
        wrong(
            &["", "ABCDE-01FGH-JKMNP-QRST", "ABCDE-01FGH-JKMNP-QRSTU", "-"],
            Grammar {
                length: Some((RESET_CODE_CHARS, RESET_CODE_TEXT_MAX)),
                ..pattern(
                    "20 letters and digits without U, as somebody typed them: a hyphen behind a character and case count for nothing, I and L are 1, O is 0",
                    "(?:[0-9ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz]-?){20}",
                    &["ABCDE-01FGH-JKMNP-QRSTV", "abcdeolfghjkmnpqrstv"],
                )
            },
        ),
    ),
    (
        ArgumentType::SessionId,
        wrong(
            &[
                "",
                "000000000000000000000000000000000000000000000000000000000000000",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ],
            pattern(
                "64 of `0-9 a-f`",
                SECRET,
                &["00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"],
            ),
        ),
    ),
    (
        ArgumentType::EmailOrDash,
        wrong(
            &["", "--", "alice", "a b@c"],
            Grammar {
                length: Some((1, EMAIL_MAX)),
                none: Some("-"),
                ..pattern(
                    "as Email, or `-` for none",
                    concat!(
                        "-|[^@",
                        white_space!(),
                        hidden!(),
                        "]+@[^@",
                        white_space!(),
                        hidden!(),
                        "]+|[^@",
                        white_space!(),
                        hidden!(),
                        "][^@",
                        white_space!(),
                        hidden!(),
                        "]+@|@[^@",
                        white_space!(),
                        hidden!(),
                        "][^@",
                        white_space!(),
                        hidden!(),
                        "]+"
                    ),
                    &["alice@example.org", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::TokenName,
        wrong(
            &["", "a b", "a/b", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"],
            pattern(
                "1 to 32 of `A-Z a-z 0-9 . _ -`, unique in its account",
                r"[A-Za-z0-9._\-]{1,32}",
                &["nightly-report", "a"],
            ),
        ),
    ),
    (
        ArgumentType::TokenScope,
        wrong(
            &["", "Read", "account"],
            pattern("`read` or `trade`", "read|trade", &["read", "trade"]),
        ),
    ),
    (
        ArgumentType::Days,
        wrong(
            &["", "0", "01", "367", "-1"],
            pattern(
                "a number of days, 1 to 366",
                "[1-9][0-9]?|[12][0-9]{2}|3[0-5][0-9]|36[0-6]",
                &["30", "366"],
            ),
        ),
    ),
    (
        ArgumentType::SessionSelection,
        wrong(
            &["", "0123456", "0123456789abcdef0", "ALL", "0123456F"],
            pattern(
                "`others`, `all`, or the first 8 to 16 digits of a session's `id` as getSessions tells it",
                "others|all|[0-9a-f]{8,16}",
                &["others", "all", "0123456789abcdef"],
            ),
        ),
    ),
    (
        ArgumentType::AccountValue,
        wrong(
            &["", "01", "4294967296", "-1"],
            pattern(
                "what the request asked for: a number of sessions, or a token, which is 64 of `0-9 a-f`",
                concat!(
                    "(?:0|[1-9][0-9]{0,8}|[1-3][0-9]{9}|4(?:[01][0-9]{8}|2(?:[0-8][0-9]{7}",
                    "|9(?:[0-3][0-9]{6}|4(?:[0-8][0-9]{5}|9(?:[0-5][0-9]{4}|6(?:[0-6][0-9]{3}",
                    "|7(?:[01][0-9]{2}|2(?:[0-8][0-9]|9[0-5]))))))))|[0-9a-f]{64})"
                ),
                &[
                    "3",
                    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
                ],
            ),
        ),
    ),
    (
        ArgumentType::IdentityProviderName,
        wrong(
            &["", "Google", "a b", "a_b", "ppppppppppppppppppppppppp"],
            pattern(
                "1 to 24 of `a-z 0-9 -`: a name of serverInfo's `login`",
                r"[a-z0-9\-]{1,24}",
                &["google", "our-school-2"],
            ),
        ),
    ),
    (
        ArgumentType::SignInMethod,
        wrong(
            &["", "Device", "browser"],
            pattern(
                "`device` (RFC 8628) or `redirect` (RFC 8252)",
                "device|redirect",
                &["device", "redirect"],
            ),
        ),
    ),
    (
        ArgumentType::SignInHandle,
        wrong(
            &[
                "",
                "0",
                "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
            ],
            pattern(
                "64 of `0-9 a-f`: a secret, as a session ID is",
                SECRET,
                &["00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"],
            ),
        ),
    ),
    (
        ArgumentType::RedirectUri,
        wrong(
            &["", "http://127.0.0.1:1/ä", "a b"],
            Grammar {
                length: Some((1, WEB_TEXT_MAX)),
                ..pattern(
                    "visible ASCII characters: `http://127.0.0.1:PORT/…`, `http://[::1]:PORT/…`, or an address that the administrator has listed",
                    VISIBLE,
                    &["http://127.0.0.1:4711/back"],
                )
            },
        ),
    ),
    (
        ArgumentType::BrowserSecret,
        wrong(
            &["", "a b", "ä"],
            Grammar {
                length: Some((1, WEB_TEXT_MAX)),
                ..pattern(
                    "visible ASCII characters, as the browser brought them, decoded",
                    VISIBLE,
                    &["4/0AX4XfWi"],
                )
            },
        ),
    ),
    (
        ArgumentType::PollSeconds,
        wrong(
            &["", "0", "05", "10000", "-1"],
            pattern("a number of seconds", "[1-9][0-9]{0,3}", &["5", "60"]),
        ),
    ),
    (
        ArgumentType::UserCode,
        wrong(
            &["", "a b", "ä"],
            Grammar {
                length: Some((1, USER_CODE_MAX)),
                none: Some("-"),
                ..pattern(
                    "visible ASCII characters, for people to type; `-`: there is nothing to type",
                    VISIBLE,
                    &["WDJB-MJHT", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::WebAddress,
        wrong(
            &["", "https://a b", "https://ä"],
            Grammar {
                length: Some((1, WEB_ADDRESS_MAX)),
                ..pattern(
                    "visible ASCII characters: https, or http on loopback",
                    VISIBLE,
                    &["https://id.example/device"],
                )
            },
        ),
    ),
    (
        ArgumentType::UsernameOrDash,
        wrong(
            &["", "--", "-alice", "ä"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "a username, or `-` for none",
                    r"[A-Za-z0-9][A-Za-z0-9._\-]{0,23}|-",
                    &["alice", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::Symbol,
        wrong(
            &["", "aapl", "A B", "ABCDEFGHIJKLMNOPQ"],
            pattern(
                "1 to 16 of `A-Z 0-9 . - / =`",
                r"[A-Z0-9.\/=\-]{1,16}",
                &["AAPL", "BRK.B", "BTC/USDT", "EURUSD=X"],
            ),
        ),
    ),
    (
        ArgumentType::Quantity,
        wrong(
            &[
                "",
                "0",
                "0.0",
                ".5",
                "5.",
                "-1",
                "1e3",
                "1.0000001",
                "1234567890123",
            ],
            Grammar {
                above_zero: true,
                ..pattern(
                    "a decimal above 0: at most 12 digits before the point and 6 after it, a digit on both sides of a point, no sign, no exponent",
                    r"[0-9]{1,12}(?:\.[0-9]{1,6})?",
                    &["10", "2.5", "007.50", "0.000001"],
                )
            },
        ),
    ),
    (
        ArgumentType::CanonicalQuantity,
        wrong(
            &["007", "7.50", "-1", "9000000000000.000001"],
            canonical("a decimal without needless zeros"),
        ),
    ),
    (
        ArgumentType::CanonicalMoney,
        wrong(
            &["1.", "0.10", "1,5"],
            canonical("a decimal without needless zeros, in the account currency"),
        ),
    ),
    (
        ArgumentType::Date,
        wrong(
            &[
                "",
                "2013-02-29",
                "2013-3-1",
                "2013-03-01T24:00:00Z",
                "2013-03-01 00:00:00",
            ],
            pattern(
                "`YYYY-MM-DD`, which is that day's midnight, or `YYYY-MM-DDTHH:MM:SS[.fff]Z`; in UTC, of a day that exists",
                concat!(day!(), "(?:T", time_of_day!(), r"(?:\.[0-9]{3})?Z)?"),
                &[
                    "2013-03-01",
                    "2013-03-01T12:30:15Z",
                    "2012-02-29T23:59:59.999Z",
                ],
            ),
        ),
    ),
    (
        ArgumentType::CanonicalTime,
        wrong(
            &["2013-03-01", "2013-03-01T00:00:00Z"],
            pattern(
                "`YYYY-MM-DDTHH:MM:SS.fffZ`, in UTC, of a day that exists",
                concat!(day!(), "T", time_of_day!(), r"\.[0-9]{3}Z"),
                &["2026-01-02T03:04:05.678Z"],
            ),
        ),
    ),
    (
        ArgumentType::Flag,
        wrong(
            &["", "True", "1"],
            pattern("`true` or `false`", "true|false", &["true", "false"]),
        ),
    ),
    (
        ArgumentType::Adjustment,
        wrong(
            &["Raw", "adj"],
            pattern(
                "`raw`, which is the default, or `adjusted` for splits and dividends",
                "raw|adjusted",
                &["raw", "adjusted"],
            ),
        ),
    ),
    (
        ArgumentType::State,
        wrong(
            &["", "DATA"],
            pattern("`command` or `data`", "command|data", &["command", "data"]),
        ),
    ),
    (
        ArgumentType::ClientOrderId,
        wrong(
            &["", "a b", "a/b"],
            pattern(
                "1 to 64 of `A-Z a-z 0-9 . _ : -`, case-sensitive. `-` alone is one, too: replies cannot tell it from none",
                CLIENT_ORDER_ID,
                &["desk-1:2013.03_01", "z"],
            ),
        ),
    ),
    (
        ArgumentType::ClientOrderIdOrDash,
        wrong(
            &["", "a b"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "the clientOrderID of the request, or `-` if it had none",
                    CLIENT_ORDER_ID,
                    &["desk-1:2013.03_01", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::TransactionId,
        wrong(
            &[
                "",
                "01890A5D-AC96-774B-BCCE-B302099A8057",
                "01890a5dac96774bbcceb302099a8057",
            ],
            pattern(
                "a UUID in lower case with hyphens; ours are version 7",
                "[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
                &["01890a5d-ac96-774b-bcce-b302099a8057"],
            ),
        ),
    ),
    (
        ArgumentType::TransactionIdOrDash,
        wrong(
            &["", "--", "01890A5D-AC96-774B-BCCE-B302099A8057"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "a transactionID, or `-` for none",
                    "-|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}",
                    &["01890a5d-ac96-774b-bcce-b302099a8057", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::PageCount,
        wrong(
            &["", "0", "01", "1001", "-1"],
            pattern(
                "a number of rows, 1 to 1,000",
                "[1-9][0-9]{0,2}|1000",
                &["100", "1000"],
            ),
        ),
    ),
    (
        ArgumentType::OrderSide,
        wrong(
            &["", "Buy", "split", "-"],
            pattern("`buy` or `sell`", "buy|sell", &["buy", "sell"]),
        ),
    ),
    (
        ArgumentType::OrderAmount,
        wrong(
            &["", "0", "-1", "cash:", "cash:0", "Cash:1", "cash:1e3", "-"],
            pattern(
                "a quantity; or, for purchases alone, `cash:` and an amount of money of a quantity's form: as many units as it buys, fee and slippage included",
                concat!("(?:cash:)?", above_zero!()),
                &["10", "2.5", "cash:500"],
            ),
        ),
    ),
    (
        ArgumentType::OrderAmountOrDash,
        wrong(
            &["", "0", "cash:0", "--"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "as OrderAmount, or `-`: as it was",
                    concat!("-|(?:cash:)?", above_zero!()),
                    &["10", "cash:500", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::OrderKind,
        wrong(
            &["", "Limit", "stop limit", "-"],
            pattern(
                "`market`, `limit`, `stop`, `stop-limit` or `trailing`",
                "market|limit|stop|stop-limit|trailing",
                &["limit", "stop-limit"],
            ),
        ),
    ),
    (
        ArgumentType::PriceOrDash,
        wrong(
            &["", "0", "-1", "1.0000001", "1234567890123", "5%"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "the price of one unit, a decimal above 0 of a quantity's form; `-`: none, or as it was",
                    concat!("-|", above_zero!()),
                    &["101.5", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::StopOrDash,
        wrong(
            &["", "0", "0%", "100%", "1.00001%", "5 %", "-5"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "as PriceOrDash; of a trailing order the distance, in money or as `N%` above 0 and below 100 with at most 4 places",
                    concat!("-|", above_zero!(), "|", percent!()),
                    &["98.25", "2.5%", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::TimeInForce,
        wrong(
            &["", "GTC", "Day", "2013-02-29", "-"],
            pattern(
                "`day`: through the UTC day of the asset's first new price; `gtc`: 180 days; a date: through that day; a time: until then; all in market time",
                concat!(
                    "day|gtc|",
                    day!(),
                    "(?:T",
                    time_of_day!(),
                    r"(?:\.[0-9]{3})?Z)?"
                ),
                &["day", "gtc", "2013-03-01", "2013-03-01T16:00:00Z"],
            ),
        ),
    ),
    (
        ArgumentType::StatusWord,
        wrong(
            &["", "0", "of_later"],
            code(
                "a word of the list of statuses; a reader accepts others",
                "statuses",
                &["queued", "open"],
            ),
        ),
    ),
    (
        ArgumentType::CanonicalMoneyOrDash,
        wrong(
            &["", "1.", "0.10", "--", "9000000000000.000001"],
            Grammar {
                none: Some("-"),
                ..pattern(
                    "a decimal without needless zeros, in the account currency, or `-` for none",
                    concat!("-|", canonical_money!()),
                    &["0", "10.5", "-"],
                )
            },
        ),
    ),
    (
        ArgumentType::Topic,
        wrong(
            &["", "Orders", "quotes:", "quotes:aapl", "orders:AAPL"],
            pattern(
                "`orders`: the ends of the account's orders; `quotes`: new prices of all assets; `quotes:` and a symbol: of that asset",
                concat!("orders|quotes(?::", symbol!(), ")?"),
                &["orders", "quotes", "quotes:AAPL"],
            ),
        ),
    ),
    (
        ArgumentType::QuoteValue,
        wrong(
            &["", "AAPL", "AAPL=", "=1", "aapl=1", "AAPL=1.50"],
            pattern(
                "`SYMBOL=value`: a symbol, which may contain `=`, and behind the last `=` its price, a decimal without needless zeros",
                concat!(symbol!(), "=", canonical_money!()),
                &["AAPL=10.5", "BTC/USDT=42000"],
            ),
        ),
    ),
    (
        ArgumentType::DroppedCount,
        wrong(
            &["", "01", "-1", "1000000000"],
            pattern(
                "a number of notices, 0 to 999,999,999; more are told as so many",
                "0|[1-9][0-9]{0,8}",
                &["1", "250"],
            ),
        ),
    ),
    (
        ArgumentType::EndReasonCode,
        wrong(
            &["", "no_data"],
            code(
                "a code of the list of reasons; a reader accepts others",
                "reasons",
                &["insufficient-funds", "expired"],
            ),
        ),
    ),
    (
        ArgumentType::WorkerAddress,
        wrong(
            &[
                "",
                "host",
                "host:",
                "host:0",
                "host:65536",
                "::1:2049",
                "[x]:1",
            ],
            pattern(
                "`host:port`; an IPv6 address is in brackets, `[addr]:port`; ports from 1 to 65535",
                concat!(
                    r"(?:[^:\[\]",
                    white_space!(),
                    r"]+|\[",
                    ipv6!(),
                    r"\]):",
                    "(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
                ),
                &["127.0.0.1:2049", "eu1.example.org:2049", "[::1]:2049"],
            ),
        ),
    ),
    (
        ArgumentType::NameValue,
        wrong(
            &["", "a", "=b", "A=b", "a="],
            pattern(
                "`name=value`: the name is 1 to 32 of `a-z 0-9 -`, the first a letter; the value is 1 to 256 visible ASCII characters, further `=` among them",
                r"[a-z][a-z0-9\-]{0,31}=[\u0021-\u007e]{1,256}",
                &["market=replay", "steps-left=12"],
            ),
        ),
    ),
    (
        ArgumentType::ReasonCode,
        wrong(
            &["", "no_data", "1x"],
            code(
                "a code of the list of reasons; a reader accepts others",
                "reasons",
                &["unknown-asset", "clientOrderID-reused"],
            ),
        ),
    ),
    (
        ArgumentType::FaultCode,
        wrong(
            &["", "bad frame"],
            code(
                "a code of the list of faults; a reader accepts others",
                "faults",
                &["bad-frame"],
            ),
        ),
    ),
    (
        ArgumentType::LinkCode,
        wrong(
            &["", "-x"],
            code(
                "a code of the list of link refusals; a reader accepts others",
                "linkRefusals",
                &["not-admitted"],
            ),
        ),
    ),
    (
        ArgumentType::Text,
        Grammar {
            pattern: None,
            bytes_max: Some(TEXT_MAX),
            ..pattern(
                "a sentence for people, the rest of the data, spaces included; at most 1,024 bytes",
                "",
                &["there is no asset XYZ"],
            )
        },
    ),
];

impl ArgumentType {
    /// The texts that the type accepts.
    pub fn grammar(self) -> &'static Grammar {
        &GRAMMARS[self as usize].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_its_grammar() {
        for (index, (kind, _)) in GRAMMARS.iter().enumerate() {
            assert_eq!(*kind as usize, index, "{kind:?}");
        }
        let last = ArgumentType::Text as usize;
        assert_eq!(GRAMMARS.len(), last + 1, "Text is the last type");
    }
}
