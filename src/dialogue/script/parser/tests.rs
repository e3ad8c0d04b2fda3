//! spec/dialogue/script.md · 4.7 Communication

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn every_kind_of_line_is_parsed() {
    let text = "# login, then a purchase\nneeds master-port\nuser alice\nsection 4.6.1 4.6.18\n\
        1 connect worker\n1 > login {alice} {hash:alice} false # comment\nwithin 9s\n1 < sessionID {sid} *\n\
        section 4.4\nrule 4.4-utf-8 login/sessionID\n1 within 2s x 01 0101 \"a b\" # raw\n2 repeat 3 > ping\n1 closed\n1 silence 300ms\n\
        1 half\n1 close\n1 await ping x < pong *\npause 1s\ndo stop-master\n> ping\n\
        check {a} within 5s of {b}\nsection 4.4\ncheck {a} != 1\n1 row last {r},*\nrow 12 x\n1 packets 2 8192 {rest...}\n\
        1 within 2s not-before {t} < pong\n1 not-before 2013-03-01 closed\n";
    let script = Script::parse("example.pt", text).unwrap();
    assert_eq!(script.needs[0].to_string(), "master-port");
    assert_eq!(script.hooks().collect::<Vec<_>>(), ["stop-master"]);
    let at = |i: usize| &script.steps[i];
    assert_eq!(
        at(0).action,
        StepAction::Let("alice".into(), "{unique:alice}".into())
    );
    assert_eq!(at(2).sections, ["4.6.1", "4.6.18"]);
    assert_eq!(
        (at(2).within, at(3).within),
        (None, Some(Duration::from_secs(9)))
    );
    assert_eq!(
        (at(4).within, at(4).line),
        (Some(Duration::from_secs(2)), 11)
    );
    assert_eq!(at(4).rules, ["4.4-utf-8", "login/sessionID"]);
    assert_eq!(at(4).sections, ["4.4", "4.6.1"]);
    assert!(at(3).rules.is_empty());
    let pings = script
        .steps
        .iter()
        .filter(|s| matches!(&s.action, StepAction::Send(2, _)))
        .count();
    assert_eq!(pings, 3);
    let last = script.steps.last().unwrap();
    assert_eq!(last.not_before.as_deref(), Some("2013-03-01"));
    // As it is printed, it is parsed again.
    let printed = script.to_string();
    let again = Script::parse("example.pt", &printed).unwrap();
    assert_eq!(without_places(again), without_places(script), "{printed}");
}

/// A script whose steps say nothing of where their lines stand.
fn without_places(script: Script) -> Script {
    let steps = script.steps.into_iter().map(|step| Step {
        line: 0,
        column: 0,
        text: String::new(),
        file: "".into(),
        ..step
    });
    Script {
        steps: steps.collect(),
        ..script
    }
}

#[test]
fn every_mistake_of_a_line_is_told_with_its_place() {
    let mut other = Vec::new();
    for (bad, column, part) in [
        ("hello", 1, "begins no line"),
        ("1 expct pong", 3, "`expct` begins no line"),
        ("1 slience 5s", 3, "Did you mean silence?"),
        ("secton 4.4", 1, "Did you mean section?"),
        ("1 await ping", 3, "N await INSTRUCTION ARGUMENTS < WORDS"),
        ("1 await < pong", 3, "await"),
        ("1 await ping <", 3, "await"),
        ("  1", 3, "nothing to do with it"),
        ("1 connect", 3, "N connect TARGET"),
        ("1 <", 3, "N < WORDS"),
        ("1 closed now", 3, "N closed"),
        ("within", 1, "`within` is written: within TIME"),
        ("1 silence soon", 11, "soon: not a time"),
        ("1 within 2h < x", 10, "2h: not a time"),
        ("within 61m", 8, "up to an hour"),
        ("section", 1, "section NUMBERS"),
        ("section 4.4 x", 13, "x: no section"),
        ("section 4.6.81", 9, "Did you mean"),
        ("rule", 1, "rule IDS"),
        ("rule 4.4-utf8", 6, "Did you mean 4.4-utf-8?"),
        ("needs luck", 7, "luck: no such need"),
        ("needs worker", 7, "KEY=VALUE"),
        ("needs workers two", 15, "a number is 1 to"),
        ("needs wokers 2", 7, "Did you mean workers or worker?"),
        ("needs start soon", 7, "DATE"),
        ("needs interval soon", 16, "soon: not a time"),
        ("needs updates 0", 15, "a number is 1 to"),
        ("1 repeat x > ping", 10, "a number of times is 1 to 100000"),
        ("1 repeat 0 > ping", 10, "a number of times is 1 to 100000"),
        ("1 repeat 100001 > ping", 10, "a number of times"),
        ("do", 1, "do NAME"),
        ("let a", 1, "let NAME VALUE"),
        ("let a:b 1", 5, "a value's name"),
        ("user alice now", 12, "has a value of this name already"),
        ("70000 > ping", 1, "0 to 65535"),
        ("check {a} {b}", 1, "check VALUE SIGN VALUE"),
        ("check {a} =< {b}", 11, "a SIGN is one of"),
        ("check {a} within 5s {b}", 1, "within TOLERANCE of"),
        ("1 row frist x", 7, "Did you mean first?"),
        ("1 row 0 x", 7, "no choice of rows"),
        ("1 row each a b", 3, "N row WHICH PATTERN"),
        ("1 packets", 3, "N packets COUNT SIZES"),
        ("1 not-before {t} > ping", 3, "not-before stands before"),
        ("1 not-before {t}", 3, "not-before stands before"),
        ("1 x \"a", 5, "a quote that is not closed"),
        ("include x.pt", 9, "no other file"),
        ("include", 1, "include FILE"),
    ] {
        let mistakes = Script::parse("f.pt", &format!("\n{bad}\n")).unwrap_err();
        let text = mistakes.to_string();
        let place = format!("f.pt:2:{column}: ");
        if mistakes.told.len() != 1 || !text.starts_with(&place) || !text.contains(part) {
            other.push(format!("{bad}: {column} {part}\n  {text}"));
        }
    }
    assert!(other.is_empty(), "{}", other.join("\n"));
}

#[test]
fn a_line_without_a_number_uses_connection_1() {
    let script = Script::parse("f.pt", "within 5s < pong\nrepeat 2 > ping\nclosed").unwrap();
    let first = &script.steps[0];
    assert_eq!(first.action, StepAction::Expect(1, vec!["pong".into()]));
    assert_eq!(first.within, Some(Duration::from_secs(5)));
    assert_eq!(script.steps[1].within, None);
    assert!(
        script
            .steps
            .iter()
            .all(|s| s.action.connection() == Some(1))
    );
}

#[test]
fn all_mistakes_are_told_up_to_a_number() {
    let mistakes = Script::parse("f.pt", "hello\n> ping\nneeds luck\n").unwrap_err();
    let lines: Vec<usize> = mistakes.told.iter().map(|m| m.line).collect();
    assert_eq!((lines, mistakes.more), (vec![1, 3], 0));
    let mistakes = Script::parse("f.pt", &"hello\n".repeat(22)).unwrap_err();
    assert_eq!((mistakes.told.len(), mistakes.more), (MISTAKES_MAX, 2));
    assert!(mistakes.to_string().ends_with("\nand 2 mistakes more"));
    let steps = "repeat 100000 > ping\n".repeat(6);
    let mistakes = Script::parse("f.pt", &steps).unwrap_err();
    assert_eq!(mistakes.told[0].line, 6, "{mistakes}");
}

/// Parses the first of these files. The others can be included.
fn with_files(files: &[(&str, &str)]) -> Result<Script, ScriptErrors> {
    let all: BTreeMap<PathBuf, &str> = files
        .iter()
        .map(|(name, text)| (PathBuf::from(name), *text))
        .collect();
    let read = |path: &Path| {
        let text = all.get(path).ok_or("no such file")?;
        Ok((*text).to_owned())
    };
    Script::parse_with(files[0].0, files[0].1, &read)
}

#[test]
fn an_included_file_stands_in_the_place_of_its_line() {
    let script = with_files(&[
        ("d/a.pt", "section 4.4\ninclude common/b.pt\n> pong\n"),
        ("d/common/b.pt", "within 9s\n> ping\ninclude ../c.pt"),
        ("d/c.pt", "needs master-port\nsection 4.6.1\nclose"),
    ])
    .unwrap();
    let shown: Vec<_> = script
        .steps
        .iter()
        .map(|step| (&*step.file, step.line, step.sections[0].as_str()))
        .collect();
    let expected = [
        ("d/common/b.pt", 2, "4.4"),
        ("d/c.pt", 3, "4.6.1"),
        ("d/a.pt", 3, "4.6.1"),
    ];
    assert_eq!(shown, expected);
    assert_eq!(script.steps[2].within, Some(Duration::from_secs(9)));
    assert_eq!(script.needs.len(), 1);
}

#[test]
fn files_that_cannot_be_included_are_mistakes() {
    let told = |files: &[(&str, &str)]| with_files(files).unwrap_err().to_string();
    assert_eq!(
        told(&[("a.pt", "> ping\ninclude b.pt")]),
        "a.pt:2:9: b.pt: no such file"
    );
    let inside = told(&[("a.pt", "include b.pt"), ("b.pt", "\nhello")]);
    assert!(inside.starts_with("b.pt:2:1: `hello`"), "{inside}");
    let circle = told(&[
        ("d/a.pt", "include b.pt"),
        ("d/b.pt", "include ../d/./a.pt"),
    ]);
    assert!(
        circle.starts_with("d/b.pt:1:9: ../d/./a.pt: this file"),
        "{circle}"
    );
    let whole = told(&[("a.pt", "include /etc/passwd")]);
    assert!(whole.contains("from the folder of this one"), "{whole}");
    let names: Vec<(String, String)> = (0..12)
        .map(|n| (format!("{n}"), format!("include {}", n + 1)))
        .collect();
    let files: Vec<(&str, &str)> = names.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert!(told(&files).contains("at most 8 deep"));
    let many = "include b.pt\n".repeat(201);
    let many = told(&[("a.pt", &many), ("b.pt", "> ping")]);
    assert!(many.starts_with("a.pt:201:9"), "{many}");
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in any_script()) {
        if let Ok(script) = Script::parse("f.pt", &text) {
            let _ = script.check(&crate::dialogue::Variables::new());
            let printed = script.to_string();
            let again = Script::parse("f.pt", &printed).unwrap();
            prop_assert_eq!(without_places(again), without_places(script), "{}", printed);
        }
    }
}

/// Lines made of the language's words, of words in braces and of anything else.
fn any_script() -> impl Strategy<Value = String> {
    let known: Vec<&str> = LINES
        .iter()
        .chain(VERBS)
        .map(|(name, _)| *name)
        .chain([
            "1",
            "2",
            "5s",
            "1500us",
            "=",
            "within",
            "of",
            "4.4",
            "4.6.1",
            "ping",
            "pong",
            "data",
            "Bars",
            "count=2",
            "{a}",
            "{a...}",
            "{hash:a}",
            "{cost:1:a}",
            "*",
            "each",
            "worker",
            "\"a b\"",
            "01ff",
            "\\s",
            "loginFail",
            "scope",
            "market",
            "# x",
        ])
        .collect();
    let word = prop_oneof![
        6 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => "[{}*:\\\\\"a. ]{0,6}",
    ];
    let line = proptest::collection::vec(word, 0..7).prop_map(|words| words.join(" "));
    proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n"))
}

#[test]
fn a_line_that_includes_is_seen_wherever_it_begins() {
    for text in [
        "include a.pt",
        "> ping\n  include a.pt",
        "\tinclude a.pt # it",
    ] {
        assert!(Script::has_includes(text), "{text:?}");
    }
    for text in ["", "# include a.pt", "> include", "1 < includes"] {
        assert!(!Script::has_includes(text), "{text:?}");
    }
}
