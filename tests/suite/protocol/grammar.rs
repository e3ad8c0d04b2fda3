//! The grammar of each type of argument, as the description has it, against the Rust codec: what it
//! generates is accepted, and what breaks it in one place is refused with the reason described.

use crate::protocol::codec_agreement::{
    ClientMessage, DESCRIPTION, client_message, server_message,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::string::string_regex;
use proptest::test_runner::{Config, TestRunner};
use regex::Regex;
use serde_json::Value;
use std::cell::Cell;
use std::net::Ipv6Addr;

/// How many messages a run breaks, and the fewest of them that must then break the grammar.
const CASES: u32 = 2000;
const BROKEN_MIN: usize = 500;

/// A row of the description, and the place of one of its arguments.
#[derive(Debug, Clone, Copy)]
struct Slot {
    row: &'static Value,
    place: usize,
}

impl Slot {
    fn number(self) -> u64 {
        self.row["number"].as_u64().unwrap()
    }

    /// The columns up to this argument's, and those behind it.
    fn columns(self) -> &'static [Value] {
        self.row["arguments"].as_array().unwrap()
    }

    fn kind(self) -> &'static str {
        kind(&self.columns()[self.place])
    }
}

fn kind(column: &'static Value) -> &'static str {
    column["type"].as_str().unwrap()
}

fn form(kind: &str) -> &'static Value {
    &DESCRIPTION.json["argumentTypes"][kind]
}

/// Every argument of what clients send, or of what servers send to them.
fn slots(by_client: bool) -> Vec<Slot> {
    let directions: &[&str] = if by_client {
        &["request", "both"]
    } else {
        &["return", "notice"]
    };
    let rows = DESCRIPTION.json["instructions"].as_array().unwrap().iter();
    let rows = rows.filter(|row| directions.contains(&row["direction"].as_str().unwrap()));
    rows.flat_map(|row| {
        let places = 0..row["arguments"].as_array().unwrap().len();
        places.map(move |place| Slot { row, place })
    })
    .collect()
}

/// Texts that a type accepts, from its grammar.
fn good(kind: &'static str) -> BoxedStrategy<String> {
    let form = form(kind);
    let words = match form["pattern"].as_str() {
        None => "\\PC{1,60}".prop_map(|text| text).boxed(),
        Some(pattern) => string_regex(pattern)
            .unwrap()
            .prop_filter("within the bounds", move |text| {
                DESCRIPTION.accepts(kind, text)
            })
            .boxed(),
    };
    match form["none"].as_str() {
        None => words,
        Some(none) => prop_oneof![9 => words, 1 => Just(none.to_owned())].boxed(),
    }
}

/// A change of a text in one place.
#[derive(Debug, Clone)]
enum Change {
    Insert(char),
    Delete,
    Replace(char),
    /// The character, so many times.
    Repeat(usize),
    /// A character behind the last: a newline, for instance.
    Append(char),
}

fn change() -> impl Strategy<Value = Change> {
    const OFTEN: &str = "0159afgAFGzZ.-_:@/=[]+%eE\n\t\0é٣\u{a0}\u{3000}";
    let character = prop_oneof![
        4 => prop::sample::select(OFTEN.chars().collect::<Vec<_>>()),
        1 => any::<char>().prop_filter("parts arguments", |c| *c != ' '),
    ];
    prop_oneof![
        character.clone().prop_map(Change::Insert),
        Just(Change::Delete),
        character.clone().prop_map(Change::Replace),
        (2_usize..400).prop_map(Change::Repeat),
        character.prop_map(Change::Append),
    ]
}

impl Change {
    fn apply(&self, text: &str, at: prop::sample::Index) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let place = at.index(characters.len());
        match self {
            Change::Insert(character) => characters.insert(place, *character),
            Change::Delete => drop(characters.remove(place)),
            Change::Replace(character) => characters[place] = *character,
            Change::Repeat(times) => {
                let repeated = std::iter::repeat_n(characters[place], *times);
                characters.splice(place..=place, repeated);
            }
            Change::Append(character) => characters.push(*character),
        }
        characters.into_iter().collect()
    }
}

/// A message that is right, and a text that replaces one of its arguments.
#[derive(Debug, Clone)]
struct Broken {
    slot: Slot,
    arguments: Vec<String>,
    text: String,
}

impl Broken {
    fn right(&self) -> Vec<u8> {
        DESCRIPTION.message(self.slot.number(), &self.arguments)
    }

    fn wrong(&self) -> Vec<u8> {
        let mut arguments = self.arguments.clone();
        arguments[self.slot.place].clone_from(&self.text);
        DESCRIPTION.message(self.slot.number(), &arguments)
    }
}

/// Messages with all their arguments, or with those up to the one that is broken.
fn broken(slots: Vec<Slot>) -> impl Strategy<Value = Broken> {
    let one = (prop::sample::select(slots), any::<bool>()).prop_flat_map(|(slot, all)| {
        let is_needed = |column: &Value| column["optional"] != true && column["repeated"] != true;
        let columns = slot.columns().iter().enumerate();
        let columns =
            columns.filter(|(place, column)| all || *place <= slot.place || is_needed(column));
        let texts: Vec<_> = columns.map(|(_, column)| good(kind(column))).collect();
        (Just(slot), texts, change(), any::<prop::sample::Index>())
    });
    one.prop_map(|(slot, arguments, change, at)| {
        let text = change.apply(&arguments[slot.place], at);
        Broken {
            slot,
            arguments,
            text,
        }
    })
}

/// Runs so many cases; a failure names the seed that repeats it.
fn run<S: Strategy>(strategy: &S, test: impl Fn(S::Value)) {
    let config = Config {
        cases: CASES,
        source_file: Some(file!()),
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(strategy, |case| {
        test(case);
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

#[test]
fn a_request_that_breaks_the_grammar_in_one_place_gets_the_reason_described() {
    let (refused, kept) = (Cell::new(0), Cell::new(0));
    run(&broken(slots(true)), |case| {
        let number = case.slot.number();
        let right = ClientMessage::Good(number, case.arguments.clone());
        assert_eq!(client_message(&mut &case.right()[..]), right);
        let said = client_message(&mut &case.wrong()[..]);
        if case.text.is_empty() {
            assert!(matches!(said, ClientMessage::Fault(_)), "{said:?}");
        } else if DESCRIPTION.accepts(case.slot.kind(), &case.text) {
            assert!(matches!(said, ClientMessage::Good(..)), "{said:?}");
            kept.set(kept.get() + 1);
        } else {
            let reason = case.slot.columns()[case.slot.place]["reason"]
                .as_str()
                .unwrap();
            assert_eq!(said, ClientMessage::Refused(number, reason.to_owned()));
            refused.set(refused.get() + 1);
        }
    });
    let (refused, kept) = (refused.get(), kept.get());
    println!("{refused} of {CASES} broken requests refused, {kept} still of the grammar");
    assert!(refused >= BROKEN_MIN, "only {refused} broke the grammar");
}

#[test]
fn an_answer_that_breaks_the_grammar_in_one_place_is_malformed() {
    let (refused, kept) = (Cell::new(0), Cell::new(0));
    run(&broken(slots(false)), |case| {
        let kind = case.slot.kind();
        server_message(&mut &case.right()[..]).unwrap();
        let bytes = case.wrong();
        let said = server_message(&mut &bytes[..]);
        let is_good = !case.text.is_empty() && DESCRIPTION.accepts(kind, &case.text);
        assert_eq!(said.is_ok(), is_good, "{kind} {:?}", case.text);
        let count = if is_good { &kept } else { &refused };
        count.set(count.get() + 1);
    });
    let (refused, kept) = (refused.get(), kept.get());
    println!("{refused} of {CASES} broken answers refused, {kept} still of the grammar");
    assert!(refused >= BROKEN_MIN, "only {refused} broke the grammar");
}

/// Texts at the edges of a type: those that it accepts, and those that it does not.
fn edges(kind: &str) -> (Vec<String>, Vec<String>) {
    let owned = |texts: &[&str]| {
        texts
            .iter()
            .map(|text| (*text).to_owned())
            .collect::<Vec<_>>()
    };
    let long = |text: &str, times: usize| text.repeat(times);
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    let (fit, wrong): (&[&str], &[&str]) = match kind {
        "Username" => {
            good.push(long("a", 24));
            bad.push(long("a", 25));
            (
                &["0", "a.", "A_-."],
                &[".a", "-", "_a", "ä", "a\n", "a@b", "a\u{a0}"],
            )
        }
        "Email" => {
            good.extend([long("ä", 319) + "@x", "@".to_owned() + &long("x", 320)]);
            bad.extend([long("ä", 320) + "@x", long("a", 322)]);
            let fit = &["a@b", "@ab", "ab@", "é\u{301}@\u{fffd}", "\u{10ffff}@x"];
            let wrong = &[
                "@",
                "a@",
                "ab",
                "abc",
                "a@b@c",
                "a@b\n",
                "a\u{0}@b",
                "a@\u{200b}",
                "a@b\u{202e}",
                "\u{e000}@b",
                "a\t@b",
                "a\u{a0}@b",
                "a\u{85}@b",
                "a\u{1680}@b",
                "a\u{2000}@b",
                "a\u{200a}@b",
                "a\u{2028}@b",
                "a\u{2029}@b",
                "a\u{202f}@b",
                "a\u{205f}@b",
                "a\u{3000}@b",
                "a\u{b}@b",
            ];
            (fit, wrong)
        }
        "HashedPass" | "SessionId" => {
            good.extend([long("0", 64), long("f", 64)]);
            bad.extend([long("0", 63), long("0", 65), long("F", 64), long("g", 64)]);
            bad.extend([long("0", 64) + "\n", long("٣", 64)]);
            (&[], &["-"])
        }
        "Symbol" => {
            good.push(long("=", 16));
            bad.push(long("=", 17));
            (&["-", ".", "A/B", "0"], &["a", "A_", "Ä", "A\n", "A:B"])
        }
        "Quantity" => (
            &[
                "0.000001",
                "000000000001",
                "999999999999.999999",
                "1.000000",
                "00.1",
            ],
            &[
                "0",
                "0.0",
                "000000000000",
                "0.000000",
                "1000000000000",
                "0000000000001",
                "0.0000001",
                "1.0000000",
                "1.",
                ".5",
                ".",
                "+1",
                "-1",
                "1e3",
                "1,5",
                "1\n",
                "٣",
                "0x1",
                "1_000",
                "inf",
                "NaN",
                "1.5.5",
            ],
        ),
        "CanonicalQuantity" | "CanonicalMoney" => (
            &[
                "0",
                "0.1",
                "0.000001",
                "9000000000000",
                "8999999999999.999999",
                "10",
            ],
            &[
                "9000000000000.000001",
                "9000000000001",
                "9999999999999",
                "10000000000000",
                "00",
                "01",
                "0.0",
                "1.0",
                "1.10",
                "0.0000001",
                ".1",
                "1.",
                "-1",
                "+1",
                "1\n",
                "1e1",
            ],
        ),
        "Date" => (
            &[
                "2012-02-29",
                "2000-02-29",
                "0000-02-29",
                "0000-01-01",
                "9999-12-31",
                "2013-04-30",
                "2013-12-31T23:59:59Z",
                "2013-12-31T23:59:59.999Z",
                "2400-02-29T00:00:00Z",
            ],
            &[
                "2013-02-29",
                "1900-02-29",
                "2100-02-29",
                "2012-02-30",
                "2013-00-01",
                "2013-13-01",
                "2013-01-00",
                "2013-01-32",
                "2013-04-31",
                "2013-3-1",
                "13-03-01",
                "+2013-03-01",
                "2013-03-01T24:00:00Z",
                "2013-03-01T23:60:00Z",
                "2013-03-01T23:59:60Z",
                "2013-03-01T00:00:00",
                "2013-03-01T00:00:00z",
                "2013-03-01t00:00:00Z",
                "2013-03-01T00:00:00.1Z",
                "2013-03-01T00:00:00.1234Z",
                "2013-03-01T00:00Z",
                "2013-03-01T00:00:00+00:00",
                "2013-03-01\n",
                "20130301",
                "10000-01-01",
                "-001-01-01",
                "2013-03-01Z",
                "2013/03/01",
                "٢٠١٣-03-01",
            ],
        ),
        "CanonicalTime" => (
            &[
                "2012-02-29T23:59:59.999Z",
                "0000-01-01T00:00:00.000Z",
                "9999-12-31T00:00:00.000Z",
            ],
            &[
                "2012-02-29",
                "2012-02-29T23:59:59Z",
                "2013-02-29T00:00:00.000Z",
                "2012-02-29T24:00:00.000Z",
                "2012-02-29T23:59:60.000Z",
                "2012-02-29T00:00:00.0Z",
                "2012-02-29T00:00:00.000Z\n",
                "2012-02-29T00:00:00.0000Z",
            ],
        ),
        "Flag" => (
            &[],
            &[
                "True",
                "TRUE",
                "1",
                "0",
                "yes",
                "true\n",
                "tru",
                "truefalse",
            ],
        ),
        "Adjustment" => (
            &[],
            &["Raw", "none", "raw\n", "adjuste", "rawadjusted", "-"],
        ),
        "State" => (&[], &["Command", "command\n", "dat", "commanddata", "0"]),
        "ClientOrderId" => {
            good.push(long("a", 64));
            bad.push(long("a", 65));
            (
                &["-", ":", ".", "_", "--"],
                &["ä", "a/b", "a\n", "a=b", "a@b"],
            )
        }
        "ClientOrderIdOrDash" => {
            good.push(long("-", 64));
            bad.push(long("a", 65));
            (&["-", "--", "a"], &["ä", "a/b", "-\n"])
        }
        "TransactionId" => (
            &[
                "00000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ],
            &[
                "01890A5D-ac96-774b-bcce-b302099a8057",
                "01890a5dac96774bbcceb302099a8057",
                "{01890a5d-ac96-774b-bcce-b302099a8057}",
                "01890a5d-ac96-774b-bcce-b302099a805",
                "01890a5d-ac96-774b-bcce-b302099a80577",
                "01890a5d-ac96-774b-bcce-b302099a8057\n",
                "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
                "01890a5d-ac96774b-bcce-b302-099a8057",
                "0189ga5d-ac96-774b-bcce-b302099a8057",
            ],
        ),
        "TransactionIdOrDash" => (
            &["00000000-0000-0000-0000-000000000000"],
            &[
                "--",
                "-\n",
                "01890a5dac96774bbcceb302099a8057",
                "01890A5D-ac96-774b-bcce-b302099a8057",
            ],
        ),
        "PageCount" => (
            &["1", "999", "1000"],
            &["0", "01", "1001", "-1", "+1", "1\n", "1e2", "10000"],
        ),
        "OrderSide" => (&[], &["Buy", "buy\n", "split", "buysell", "1"]),
        "OrderAmount" | "OrderAmountOrDash" => {
            good.push(long("9", 12));
            bad.push(long("9", 13));
            good.push(format!("cash:{}1", long("0", 11)));
            bad.push(format!("cash:{}1", long("0", 12)));
            (
                &[
                    "000000000000.000001",
                    "cash:0.10",
                    "cash:999999999999.999999",
                ],
                &[
                    "0.000000", "cash:0", "cash:", "cash:-", "1cash:", "--", ".5", "5.",
                ],
            )
        }
        "OrderKind" => (&[], &["Market", "stop_limit", "stop-", "limit\n", "0"]),
        "PriceOrDash" => (
            &["000000000000.000001", "999999999999.999999", "00.50"],
            &[
                "0",
                "00.000000",
                "1.",
                ".1",
                "1e1",
                "5%",
                "--",
                "1000000000000",
            ],
        ),
        "StopOrDash" => (
            &["0.000001", "99.9999%", "00.0001%", "01%", "10.5%"],
            &[
                "0%", "00.0000%", "100%", "1.00001%", "1.%", ".5%", "%", "-%", "0",
            ],
        ),
        "TimeInForce" => (
            &["2012-02-29", "9999-12-31", "2012-02-29T23:59:59.999Z"],
            &[
                "GTC",
                "days",
                "2013-02-29",
                "2012-02-29T24:00:00Z",
                "gtc\n",
                "-",
            ],
        ),
        "StatusWord" => {
            good.push(long("a", 64));
            bad.push(long("a", 65));
            (&["of-later"], &["0", "_", "-"])
        }
        "WorkerAddress" => (
            &[
                "h:1",
                "h:65535",
                "1.2.3.4:2049",
                "ä:9",
                "[::]:1",
                "[1:2:3:4:5:6:7:8]:1",
                "[1:2:3:4:5:6:7::]:1",
                "[::2:3:4:5:6:7:8]:1",
                "[::ffff:255.255.255.255]:1",
                "[1::8]:10000",
                "%:1",
            ],
            &[
                "h",
                "h:",
                ":1",
                "h:0",
                "h:65536",
                "h:65540",
                "h:65600",
                "h:66000",
                "h:70000",
                "h:100000",
                "h:01",
                "h:+1",
                "h:-1",
                "h:1\n",
                "::1:5",
                "[x]:1",
                "[::1]",
                "[::1]:0",
                "[:::]:1",
                "[1::2::3]:1",
                "[1:2:3:4:5:6:7]:1",
                "[1:2:3:4:5:6:7:8:9]:1",
                "[12345::]:1",
                "[::256.1.1.1]:1",
                "[::01.1.1.1]:1",
                "[::1.1.1]:1",
                "[fe80::1%eth0]:1",
                "a[b:1",
                "[]:1",
                "h\u{3000}:1",
                "a:b:1",
                "[1::2:3:4:5:6:7:8]:1",
                "h:١",
            ],
        ),
        "HashedPassOrDash" => {
            good.push(long("f", 64));
            bad.extend([long("f", 63), long("f", 65), long("F", 64), long("-", 64)]);
            (&["-"], &["--", "-\n", "0", "none"])
        }
        "UsernameOrEmail" => {
            good.extend([long("a", 24), long("ä", 319) + "@x"]);
            bad.extend([long("a", 25), long("ä", 320) + "@x", long("a", 322)]);
            (
                &["a", "0", "a.b_c-d", "a@b", "@ab", "ab@", "\u{10ffff}@x"],
                &[
                    "_a",
                    "-a",
                    "@",
                    "a@",
                    "a@b@c",
                    "a\n",
                    "a@b\n",
                    "ä",
                    "a@\u{200b}",
                ],
            )
        }
        "ResetCode" => {
            good.extend([long("0", 20), "z-".repeat(20)]);
            bad.extend([
                long("0", 19),
                long("0", 21),
                "-".to_owned() + &long("z", 20),
                long("z", 20) + "--",
            ]);
            (
                &["ABCDE-01FGH-JKMNP-QRSTV", "iIlLoO00000000000000"],
                &[
                    "ABCDE-01FGH-JKMNP-QRSTU",
                    "ABCDE-01FGH-JKMNP-QRSTu",
                    "ABCDE--01FGH-JKMNP-QRSTV",
                    "00000000000000000000\n",
                    "--------------------",
                ],
            )
        }
        "IdentityProviderName" => {
            good.push(long("z", 24));
            bad.push(long("z", 25));
            (&["-", "0", "password"], &["A", "a_b", "a.b", "a\n", "ä"])
        }
        "SignInMethod" => (&[], &["Device", "device\n", "redirec", "deviceredirect"]),
        "SignInHandle" => {
            good.push(long("f", 64));
            bad.extend([long("f", 63), long("f", 65), long("F", 64)]);
            (&[], &["-", "0"])
        }
        "RedirectUri" | "BrowserSecret" => {
            good.push(long("~", 2048));
            bad.push(long("~", 2049));
            (&["-", "!", "%20"], &["a\n", "\u{7f}", "ä"])
        }
        "PollSeconds" => (&["1", "9999"], &["0", "00", "10000", "+1", "1\n", "1.0"]),
        "UserCode" => {
            good.push(long("~", 64));
            bad.push(long("~", 65));
            (&["-", "--", "1"], &["a\n", "\u{7f}", "ä"])
        }
        "WebAddress" => {
            good.push(long("~", 6000));
            bad.push(long("~", 6001));
            (&["-", "x"], &["a\n", "\u{7f}", "ä"])
        }
        "UsernameOrDash" => {
            good.push(long("a", 24));
            bad.push(long("a", 25));
            (&["-", "a-", "0"], &["--", "-a", ".a", "-\n"])
        }
        "EmailOrDash" => (
            &["-", "a@b", "@bb", "aa@", "-@-"],
            &["--", "a@", "@b", "@", "-\n", "a@b@c", "ab", "a@\u{200b}"],
        ),
        "TokenName" => {
            good.push(long("_", 32));
            bad.push(long("a", 33));
            (&["-", ".", "a", "0"], &["ä", "a/b", "a\n", "a:b", "a=b"])
        }
        "TokenScope" => (&[], &["Read", "read\n", "account", "readtrade", "-"]),
        "Days" => (
            &[
                "1", "9", "10", "99", "100", "299", "300", "359", "360", "365",
            ],
            &["00", "007", "1000", "370", "400", "1.0", "+1", "1\n", "١"],
        ),
        "SessionSelection" => {
            good.extend([long("0", 8), long("f", 16)]);
            bad.extend([long("0", 7), long("f", 17), long("F", 8), long("g", 8)]);
            (
                &["others", "all"],
                &["other", "All", "all\n", "allothers", "-"],
            )
        }
        "AccountValue" => {
            good.push(long("0", 64));
            bad.extend([long("0", 63), long("f", 65), long("F", 64)]);
            (
                &[
                    "0",
                    "1",
                    "999999999",
                    "4294967295",
                    "4199999999",
                    "3999999999",
                ],
                &[
                    "01",
                    "4294967296",
                    "5000000000",
                    "10000000000",
                    "+1",
                    "-1",
                    "1\n",
                    "a",
                ],
            )
        }
        "NameValue" => {
            good.push(format!("{}={}", long("a", 32), long("=", 256)));
            bad.push(format!("{}=x", long("a", 33)));
            bad.push(format!("x={}", long("a", 257)));
            (
                &["a=b", "a9-=~", "a=!"],
                &[
                    "a", "=b", "a=", "A=b", "9a=b", "-a=b", "a=ä", "a=b\n", "a_b=c",
                ],
            )
        }
        "CanonicalMoneyOrDash" => (
            &["0", "9000000000000", "8999999999999.999999", "0.000001"],
            &[
                "9000000000000.000001",
                "9000000000001",
                "10000000000000",
                "00",
                "1.0",
                ".1",
                "1.",
                "-1",
                "--",
                "-\n",
            ],
        ),
        "Topic" => {
            good.push(format!("quotes:{}", long("=", 16)));
            bad.push(format!("quotes:{}", long("A", 17)));
            (
                &["quotes:-", "quotes:./"],
                &[
                    "Quotes",
                    "orders\n",
                    "quotes:",
                    "quotes:a",
                    "quotes::",
                    "orders:A",
                    "quotesquotes",
                    "-",
                ],
            )
        }
        "QuoteValue" => {
            good.push(format!("{}=0", long("=", 16)));
            bad.push(format!("{}=0", long("A", 17)));
            (
                &["A==1", "A=9000000000000", "-=0.000001", "1=1"],
                &[
                    "A",
                    "A=",
                    "=1",
                    "a=1",
                    "A=01",
                    "A=1.0",
                    "A=-1",
                    "A=9000000000001",
                    "A=1\n",
                ],
            )
        }
        "DroppedCount" => (
            &["0", "9", "999999999"],
            &["00", "01", "1000000000", "-1", "+1", "1.0", "1\n"],
        ),
        "ReasonCode" | "FaultCode" | "EndReasonCode" => {
            (&[], &["-a", "9a", "ä", "a_b", "a\n", "a.b"])
        }
        "Text" => (&["a", "\n", "\u{0}"], &[]),
        other => panic!("{other}: a type without texts at its edges"),
    };
    good.extend(owned(fit));
    bad.extend(owned(wrong));
    (good, bad)
}

/// The first example of each argument of a row, and the text in this place.
fn with_examples(slot: Slot, text: &str) -> Broken {
    let example = |column: &'static Value| form(kind(column))["examples"][0].as_str().unwrap();
    let examples = slot
        .columns()
        .iter()
        .map(|column| example(column).to_owned());
    Broken {
        slot,
        arguments: examples.collect(),
        text: text.to_owned(),
    }
}

#[test]
fn the_edges_of_each_type_are_the_rust_codecs() {
    let mut texts = 0;
    for slot in slots(true) {
        let (good, bad) = edges(slot.kind());
        let reason = slot.columns()[slot.place]["reason"].as_str().unwrap();
        for text in &good {
            let said = client_message(&mut &with_examples(slot, text).wrong()[..]);
            assert!(
                matches!(said, ClientMessage::Good(..)),
                "{text:?}: {said:?}"
            );
        }
        for text in &bad {
            let said = client_message(&mut &with_examples(slot, text).wrong()[..]);
            let refused = ClientMessage::Refused(slot.number(), reason.to_owned());
            assert_eq!(said, refused, "{} {text:?}", slot.kind());
        }
        // No argument of a request is empty or has a space, wherever it stands.
        for text in ["", " ", "a ", " a", "a b"] {
            let said = client_message(&mut &with_examples(slot, text).wrong()[..]);
            assert!(
                matches!(said, ClientMessage::Fault(_)),
                "{text:?}: {said:?}"
            );
        }
        texts += good.len() + bad.len();
    }
    for slot in slots(false) {
        let (good, bad) = edges(slot.kind());
        for (text, is_good) in good
            .iter()
            .map(|t| (t, true))
            .chain(bad.iter().map(|t| (t, false)))
        {
            let bytes = with_examples(slot, text).wrong();
            let said = server_message(&mut &bytes[..]);
            assert_eq!(said.is_ok(), is_good, "{} {text:?}", slot.kind());
        }
        texts += good.len() + bad.len();
    }
    println!("{texts} texts at the edges");
}

/// Two reasons at once: the first from the left is given.
#[test]
fn the_first_argument_without_its_form_gives_the_reason() {
    for slot in slots(true) {
        let mut arguments = with_examples(slot, "").arguments;
        arguments[slot.place..]
            .iter_mut()
            .for_each(|text| *text = "\u{1}".to_owned());
        let bytes = DESCRIPTION.message(slot.number(), &arguments);
        let reason = slot.columns()[slot.place]["reason"].as_str().unwrap();
        let refused = ClientMessage::Refused(slot.number(), reason.to_owned());
        assert_eq!(client_message(&mut &bytes[..]), refused);
    }
}

/// An IPv6 address in one of its forms, or nearly one.
fn address() -> impl Strategy<Value = String> {
    let written = any::<u128>().prop_map(|bits| Ipv6Addr::from_bits(bits).to_string());
    let group = prop_oneof![9 => "[0-9a-fA-F]{1,4}", 1 => "[0-9a-fA-F]{5}", 1 => ""];
    let groups = vec(group, 0..10).prop_map(|groups| groups.join(":"));
    let byte = prop_oneof![9 => "25[0-6]|[1-9]?[0-9]|[12][0-9][0-9]", 1 => "0[0-9]|[0-9]{4}"];
    let v4 = vec(byte, 3..6).prop_map(|bytes| bytes.join("."));
    let two =
        (groups.clone(), groups.clone()).prop_map(|(before, after)| format!("{before}::{after}"));
    let mapped = (two.clone(), v4).prop_map(|(groups, v4)| {
        let colon = if groups.ends_with(':') { "" } else { ":" };
        format!("{groups}{colon}{v4}")
    });
    let near = (written.clone(), change(), any::<prop::sample::Index>())
        .prop_map(|(text, change, at)| change.apply(&text, at));
    prop_oneof![written, groups, two, mapped, near, "[0-9a-f:.]{0,40}"]
}

#[test]
fn ipv6_addresses_are_those_that_rust_parses() {
    let (good, bad) = (Cell::new(0), Cell::new(0));
    run(&address(), |text| {
        let is_good = text.parse::<Ipv6Addr>().is_ok();
        let address = format!("[{text}]:1");
        assert_eq!(
            DESCRIPTION.accepts("WorkerAddress", &address),
            is_good,
            "{text}"
        );
        let count = if is_good { &good } else { &bad };
        count.set(count.get() + 1);
    });
    assert!(
        good.get() > 200 && bad.get() > 200,
        "{good:?} good, {bad:?} bad"
    );
}

/// Patterns have what the dialects of regular expressions share: literals, classes without sets,
/// `\uXXXX`, `(?: )`, `|`, and greedy `?`, `*`, `+` and counts.
fn is_portable(pattern: &str) -> bool {
    let escape = r"\\u[0-9a-f]{4}|\\[.\[\]/-]";
    let range = r"(?:A-Z|a-z|A-F|a-f|[0-9]-[0-9]|\\u[0-9a-f]{4}-\\u[0-9a-f]{4})";
    // JavaScript's flag `v` wants a hyphen and a slash in a class to be escaped.
    let class = format!(r"\[\^?(?:{range}|[A-Za-z0-9:@.=_]|{escape})+\]");
    let atom = format!(r"(?:[A-Za-z0-9:@=_-]|{escape}|{class}|\))");
    let count = r"(?:[?*+]|\{[0-9]+(?:,[0-9]+)?\})?";
    let whole = Regex::new(&format!(r"\A(?:{atom}{count}|\(\?:|\|)*\z")).unwrap();
    whole.is_match(pattern)
}

#[test]
fn patterns_use_what_all_dialects_share() {
    for (name, kind) in DESCRIPTION.json["argumentTypes"].as_object().unwrap() {
        if let Some(pattern) = kind["pattern"].as_str() {
            assert!(is_portable(pattern), "{name}: {pattern}");
        }
    }
    for pattern in [
        "^a",
        "a$",
        ".",
        r"\d",
        r"\w+",
        r"\p{L}",
        "a*?",
        "a++",
        "(a)",
        "(?i:a)",
        "(?=a)",
        "[a&&b]",
        "[[:alpha:]]",
        r"\x41",
        r"\u{41}",
        "a{,3}",
        "a{2,}",
        r"\bA",
        "[a~~b]",
        "[a-]",
        "[a/]",
        "é",
    ] {
        assert!(!is_portable(pattern), "{pattern}");
    }
}
