//! spec/dialogue/check.md · 4.7 Communication

use super::*;

fn check(text: &str) -> Result<(), ScriptErrors> {
    Script::parse("f.pt", text)
        .unwrap()
        .check(&Variables::new())
}

/// The mistakes as `LINE:COLUMN: TEXT`.
fn told(text: &str) -> Vec<String> {
    let mistakes = check(text).map_or_else(|mistakes| mistakes.told, |()| Vec::new());
    mistakes
        .iter()
        .map(|m| format!("{}:{}: {}", m.line, m.column, m.text))
        .collect()
}

#[test]
fn each_mistake_is_told_with_its_place() {
    let mut other = Vec::new();
    for (line, expected) in [
        // What is sent.
        ("1 > pnig", "2:5: pnig: no instruction has this name"),
        ("1 > getUserInf a b", "Did you mean getUserInfo?"),
        ("1 > 01fg", "2:5: 01fg: no instruction"),
        (
            "1 > login {alice}",
            "2:11: nothing sets or captures {alice}",
        ),
        (
            "let asset A\n1 > getAssetInfo {aset}",
            "3:18: nothing sets or captures {aset} before this line. Did you mean asset?",
        ),
        ("1 > login {open", "2:11: {open: a brace that is not closed"),
        ("1 > login a\\q", "2:11: \\q: no such escape"),
        ("1 x 0", "2:5: 0: neither hexadecimal"),
        ("1 x 01 \"{sid}\"", "2:8: nothing sets or captures {sid}"),
        (
            "1 x 01 \"{sid\"",
            "2:8: \"{sid\": a brace that is not closed",
        ),
        ("1 await pnig < pong", "2:9: pnig"),
        (
            "1 await ping < pang",
            "2:16: pang: no message has this name. Did you mean ping or pong?",
        ),
        // Functions.
        (
            "1 > login {hsh:alice} x",
            "2:11: {hsh:alice}: hsh is no function. Did you mean hash?",
        ),
        ("1 > login {cost:1}", "cost takes 2 arguments, not 1"),
        (
            "1 > login {hash:a:b:c}",
            "hash takes 1 or 2 arguments, not 3",
        ),
        ("1 > login {hash:.a}", ".a is not a username"),
        ("1 > login {repeat:a:b}", "b is not a number of times"),
        ("1 > login {days:now:1}", "now is not a day"),
        (
            "1 < purchaseSuccess {tx} A 1 * {cost:1:price} *",
            "2:32: {cost:1:price}: price is not a decimal, and nothing sets or captures it before this line",
        ),
        // Connections.
        ("2 > ping", "2:1: connection 2 is used before `2 connect`"),
        (
            "1 close\n1 > ping",
            "3:1: connection 1 is used after `1 close`",
        ),
        (
            "1 close\n1 close",
            "3:1: connection 1 is used after `1 close`",
        ),
        ("1 half\n1 > ping", "3:1: connection 1 sends after `1 half`"),
        (
            "1 closed\n1 < pong",
            "3:1: nothing comes on connection 1 after `1 closed`",
        ),
        ("1 closed\n1 silence 1s", "3:1: nothing comes"),
        (
            "2 connect wroker",
            "2:11: wroker: a target is worker, workerN, master, link or HOST:PORT. Did you mean worker?",
        ),
        ("2 connect worker0", "2:11: worker0: a target is"),
        (
            "2 connect {where}",
            "2:11: nothing sets or captures {where}",
        ),
        // Expectations that nothing can meet.
        (
            "1 < purchaseSucces *",
            "2:5: purchaseSucces: no message has this name. Did you mean purchaseSuccess?",
        ),
        (
            "1 < purchaseAsset *",
            "2:5: purchaseAsset: a server does not send this",
        ),
        ("1 < 0301 *", "shown by its name, loginFail"),
        ("1 < 040f *", "passed over"),
        ("1 < 03FE *", "lower case"),
        (
            "1 < pong x",
            "2:5: pong has no arguments, and this line expects 1",
        ),
        (
            "1 < purchaseSuccess {tx} A 1 2 2",
            "purchaseSuccess has 6 arguments, and this line expects 5",
        ),
        (
            "1 < purchaseSuccess * * * * * * * *",
            "this line expects at least 7",
        ),
        (
            "1 < loginFail bad-credentials",
            "loginFail has at least 2, and this line expects 1",
        ),
        (
            "1 < loginFail bad-credential *",
            "2:15: bad-credential: no such code. Did you mean bad-credentials?",
        ),
        ("1 < protocolError bad-frames *", "Did you mean bad-frame?"),
        (
            "1 < stateSwitchSuccess dta",
            "2:24: dta: a state is command or data",
        ),
        ("1 < purchaseSuccess {tx} A 1.0 2 2 *", "2:28: 1.0: "),
        ("1 < purchaseSuccess {tx} a 1 2 2 *", "2:26: a: "),
        ("1 < loginFail scope a\\sb", "2:21: a space"),
        ("1 < data", "2:5: data has at least one word more"),
        (
            "1 < data Bar *",
            "2:10: Bar: no kind of payload. Did you mean Bars?",
        ),
        (
            "1 < data Quote time={t}",
            "data Quote has 2 words more, and this line expects 1",
        ),
        ("1 < data Quote * * * *", "this line expects at least 3"),
        ("1 < data Quote {t} * {u} *", "this line expects at least 3"),
        (
            "1 < data UserInfo private=true * * * {x}",
            "data UserInfo has 4 or 6 words more",
        ),
        (
            "1 < data Quote tme={t} *",
            "2:16: tme={t}: this word of the payload begins with time=",
        ),
        (
            "1 < data Bars 2 *",
            "2:15: 2: this word of the payload begins with count=",
        ),
        (
            "1 < loginFail {a}{b} *",
            "2:15: {a}{b}: nothing stands between {a} and {b}",
        ),
        ("1 < sessionID {a}* *", "nothing stands between {a} and *"),
        (
            "1 < loginFail {a...} x",
            "2:15: {a...}: the rest of a line is its last word",
        ),
        (
            "1 < loginFail {a.b} *",
            "2:15: {a.b}: a.b: a value's name consists of",
        ),
        ("1 < loginFail {} *", "a value's name consists of"),
        (
            "1 < loginFail {came} *",
            "nothing has come before this line",
        ),
        ("1 < loginFail \\q *", "\\q: no such escape"),
        ("1 ~ pong", "2:5: pong is no notice"),
        (
            "1 ~ transactionQueued {t} - *\n1 < transactionQueued * - *",
            "3:5: connection 1 expects notices with ~",
        ),
        // Values that are compared, and rows.
        ("check {a} < 1", "2:7: nothing sets or captures {a}"),
        (
            "check 1 within {t} of 1",
            "2:16: nothing sets or captures {t}",
        ),
        ("let t {came}", "2:7: nothing sets or captures {came}"),
        ("1 not-before soon < pong", "2:14: soon: a time is written"),
        (
            "1 not-before {t} < pong",
            "2:14: nothing sets or captures {t}",
        ),
        (
            "1 row last *",
            "2:1: `row` stands behind a line that expects data",
        ),
        (
            "1 < pong\n1 row last *",
            "3:1: `row` is about data, and the line before expects pong",
        ),
        (
            "1 < data Quote *\n1 row last *",
            "3:1: data Quote has no rows",
        ),
        (
            "1 < data List *\n1 row ascending *",
            "3:1: row ascending needs one name",
        ),
        (
            "1 < data List *\n1 row each {x}\nlet y {x}",
            "4:7: nothing sets or captures {x}",
        ),
        ("1 packets 2 *", "2:1: `packets` stands behind"),
        ("  1 > ping {x}", "2:12: nothing sets"),
    ] {
        let text = format!("1 connect worker\n{line}\n");
        let mistakes = told(&text);
        if mistakes.len() != 1 || !mistakes[0].contains(expected) {
            other.push(format!("{line}: {expected}\n  {mistakes:?}"));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
fn what_a_tester_wants_on_purpose_is_no_mistake() {
    for line in [
        "1 > ping x",
        "1 > login",
        "1 > sessionID a",
        "1 > 01ff a b",
        "1 > ping \\e",
        "1 > getAssetInfo *",
        "1 > login .a {repeat:é:307} {random}",
        "1 x \"{uuid}\"*3 ff*17",
        "1 < 0399 *",
        "1 < *",
        "1 < {name} {rest...}",
        "1 < loginFail {code} {why...}",
        "1 < loginFail {code} who are you",
        "1 < serverInfo *",
        "1 < data bytes=16 *",
        "1 < data UserInfo private=false * * *",
        "1 < data Quote time={t} value={v}",
        "1 < data {kind} *",
        "1 < data Portfolio private=true count=1 cash=5 A,quantity=1,*",
        "1 < workerList {host}:{port} *",
        "1 < accountSuccess",
        "1 < accountSuccess 3",
        "1 < orderNotice * * * * - - *",
        "1 closed\n1 > ping",
        "1 half\n1 < pong\n1 closed",
        "1 close\n1 connect worker\n1 > ping",
        "2 connect worker2\n3 connect master\n4 connect 127.0.0.1:2049",
        "1 < workerList {first}\n2 connect {first}",
        "1 < purchaseSuccess {tx} A 1 {price} {cost:1:price} *",
        "1 await ping < transactionQueued *",
        "1 repeat 3 < sessionID {sid} *\n1 > logout {sid}",
        "1 < pong\nlet t {came}\ncheck {t} <= {now}\n1 not-before {later:t:1} < pong",
        "1 < data List *\n1 row one {x}\ncheck {x} != {run}\n1 packets {n} *\ncheck {n} >= 2",
        "1 < data Bars *\n1 row ascending {t},*",
        "user alice\n1 > login {alice} {hash:alice} {hash:alice:new} {upper:alice}",
    ] {
        let text = format!("1 connect worker\n{line}\n");
        assert_eq!(told(&text), [""; 0], "{line}");
    }
}

#[test]
fn values_from_outside_count_as_set() {
    let script = Script::parse("f.pt", "connect worker\n> login {sid} {cost:2:price}").unwrap();
    let mut values = Variables::new();
    values.set("sid", "x");
    values.set("price", "3");
    assert_eq!(script.check(&values), Ok(()));
    let mistakes = script.check(&Variables::new()).unwrap_err();
    assert_eq!(mistakes.told.len(), 2);
}

#[test]
fn a_repeated_line_is_told_once_and_an_included_one_by_its_file() {
    assert_eq!(told("1 repeat 100000 > ping").len(), 1);
    let read = |_: &std::path::Path| Ok("\n> pnig".to_owned());
    let script = Script::parse_with("a.pt", "connect worker\ninclude b.pt", &read).unwrap();
    let mistakes = script.check(&Variables::new()).unwrap_err().to_string();
    assert!(mistakes.starts_with("b.pt:2:3: pnig"), "{mistakes}");
}

#[test]
fn a_dialogue_that_does_nothing_is_a_mistake() {
    for text in ["", "# nothing\n", "section 4.3\nwithin 2s\n"] {
        assert_eq!(
            told(text),
            ["1:1: the dialogue has no line that does anything"],
            "{text:?}"
        );
    }
}
