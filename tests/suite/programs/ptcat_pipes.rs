//! `ptcat encode --replies`, `ptcat run --through` and `ptcat decode --sent`: dialogues through
//! other programs.

use crate::programs::ptcat::{ANSWERS, ptcat, server, text};
use papertrader::testkit::program::find;
use std::process::{Command, Output};

const DIALOGUE: &str = "1 connect worker\n1 > ping\n1 < pong\n1 > login a b true\n1 < loginFail {code} {why...}\n\
    1 > login {code} b true\n1 < loginFail {code} *\n1 silence 50ms\n1 > getAssetList\n1 < data List count=1 X\n1 half\n1 closed\n";

/// Runs the lines of shell in a folder that has the dialogue as `f.pt`, with `ptcat` in the PATH,
/// HOST, PORT and WORKER set.
fn shell(dialogue: &str, address: &str, lines: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("f.pt"), dialogue).unwrap();
    let (host, port) = address.split_once(':').unwrap();
    let ptcat = find("ptcat");
    let path = std::env::var("PATH").unwrap();
    // What hangs is a failure.
    Command::new("timeout")
        .args([
            "-k",
            "5",
            "300",
            "bash",
            "-c",
            &format!("set -o pipefail\n{lines}"),
        ])
        .current_dir(folder.path())
        .envs([("HOST", host), ("PORT", port), ("WORKER", address)])
        .env(
            "PATH",
            format!("{}:{path}", ptcat.parent().unwrap().display()),
        )
        .output()
        .unwrap()
}

/// The shell commands of the page, in their order.
fn examples() -> Vec<String> {
    let page = include_str!("../../../spec/dialogue/filter.md");
    let blocks = page.split("```sh\n").skip(1);
    blocks
        .filter_map(|block| Some(block.split_once("```")?.0.to_owned()))
        .collect()
}

#[test]
fn the_pages_pipelines_run_as_they_stand() {
    let address = server(ANSWERS);
    let examples = examples();
    assert!(examples.len() >= 4, "{examples:?}");
    let (plain, captures) = (DIALOGUE.replace("{code}", "*"), DIALOGUE);
    for example in &examples {
        let has_replies = example.contains("--replies") || example.contains("--through");
        let dialogue = if has_replies { captures } else { &plain };
        let out = shell(dialogue, &address, example);
        assert!(out.status.success(), "{example}: {}", text(&out.stderr));
        assert!(!text(&out.stdout).contains("malformed"), "{example}");
        if example.contains("| ptcat decode") {
            let came = text(&out.stdout);
            assert!(came.starts_with("pong\nloginFail "), "{example}: {came}");
            assert!(came.ends_with("data List count=1 X\n"), "{example}: {came}");
        }
    }
}

#[test]
fn a_difference_and_a_mistake_end_the_pipeline() {
    let pipeline =
        "mkfifo r\nptcat encode -v --replies r --within 20s < f.pt | nc -N $HOST $PORT > r";
    let address = server(ANSWERS);
    let differs = DIALOGUE.replace("count=1 X", "count=2 *");
    let out = shell(&differs, &address, pipeline);
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stderr);
    assert!(told.contains("1 > ping\n1 < pong\n"), "{told}");
    assert!(
        told.contains(
            "standard input:10: expected `1 < data List count=2 *`, came `data List count=1 X`"
        ),
        "{told}"
    );
    for (bad, why) in [
        ("ping\nnonsense\n", "standard input:2:1: "),
        ("1 > ping\n2 > ping\n", "--connection"),
    ] {
        let out = shell(bad, &address, pipeline);
        assert_eq!(out.status.code(), Some(2), "{bad}");
        assert!(text(&out.stderr).contains(why), "{}", text(&out.stderr));
    }
    let no_fifo = "touch r\nptcat encode --replies r < f.pt";
    let out = shell(DIALOGUE, &address, no_fifo);
    assert_eq!(out.status.code(), Some(2));
    assert!(text(&out.stderr).contains("`mkfifo r` makes one"));
    // Nobody listens: nc ends, and so does all of it.
    let out = shell(DIALOGUE, "127.0.0.1:1", pipeline);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stderr).contains("came the end of the connection"));
}

#[test]
fn one_of_several_connections_is_chosen() {
    let dialogue = "1 connect worker\n2 connect worker\n1 > ping\n2 > login {name} b true\n\
        2 < loginFail *\n1 < pong\n";
    let pipeline = "mkfifo r\nptcat encode --replies r --connection 2 --set name=a < f.pt | nc -N $HOST $PORT \
        | tee r | ptcat decode --requests f.pt --connection 2";
    let out = shell(dialogue, &server(ANSWERS), pipeline);
    assert!(out.status.success(), "{}", text(&out.stderr));
    assert_eq!(text(&out.stdout), "loginFail bad-credentials who are you\n");
}

#[test]
fn a_run_goes_through_any_program() {
    let address = server(ANSWERS);
    let several = format!("{DIALOGUE}2 connect {address}\n2 > ping\n2 < pong\n2 close\n");
    let out = shell(
        &several,
        &address,
        "ptcat run f.pt $WORKER --through 'nc -N %h %p'",
    );
    assert!(out.status.success(), "{}", text(&out.stderr));
    let out = shell(
        &several,
        &address,
        "ptcat run f.pt $WORKER --through 'exit 3; %h %p'",
    );
    assert_eq!(out.status.code(), Some(1));
    let evil = "1 connect {evil}\n";
    let line = "ptcat run f.pt $WORKER --set 'evil=$(touch x):1' --through 'nc -N %h %p'; s=$?; ls; exit $s";
    let out = shell(evil, &address, line);
    assert_eq!(out.status.code(), Some(1));
    assert_eq!(text(&out.stdout), "f.pt\n", "nothing of an address is run");
}

#[test]
fn captured_bytes_of_both_sides_are_read() {
    let sent = ptcat(&["encode"], b"ping\ngetAssetList\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sent");
    std::fs::write(&file, sent.stdout).unwrap();
    let came = ptcat(
        &["encode"],
        b"> pong\nx 03 030b 00000007 0000 00000001 00000001 00000001 0001 \"X\"\n",
    );
    let out = ptcat(&["decode", "--sent", file.to_str().unwrap()], &came.stdout);
    assert_eq!(text(&out.stdout), "pong\ndata List count=1 X\n");
}
