//! `ptcat` as a program: its filters around a plain `nc`, its reports, its exit codes.

use papertrader::dialogue::message::{MessageDecoder, StreamPart, encode};
use papertrader::dialogue::raw;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::process::{Command, Output, Stdio};

/// Runs `ptcat` with these arguments and this input.
pub fn ptcat(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(papertrader::testkit::program::find("ptcat"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A server that answers each line that begins so with these, and ends its side when the client
/// has.
pub fn server(answers: &'static [(&'static str, &'static str)]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut decoder = MessageDecoder::default();
                let mut bytes = [0; 4096];
                while let Ok(size @ 1..) = stream.read(&mut bytes) {
                    decoder.extend(&bytes[..size]);
                    while let Some(StreamPart::Message(line)) = decoder.next_message() {
                        for (_, reply) in
                            answers.iter().filter(|(start, _)| line.starts_with(start))
                        {
                            let bytes = match reply.strip_prefix("x ") {
                                Some(hex) => raw::bytes(&raw::words(hex)).unwrap(),
                                None => encode(&raw::words(reply)).unwrap(),
                            };
                            stream.write_all(&bytes).unwrap();
                        }
                    }
                }
                let _ = stream.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

/// Some of its answers.
pub const ANSWERS: &[(&str, &str)] = &[
    ("ping", "pong"),
    ("login", "loginFail bad-credentials who are you"),
    (
        "getServerInfo",
        "protocolError unknown-instruction of a later edition",
    ),
    (
        "getAssetList",
        "x 03 030b 00000007 0000 00000001 00000001 00000001 0001 \"X\"",
    ),
];

#[test]
fn lines_become_the_golden_frames() {
    let golden = |name: &str| {
        let path = format!(
            "{}/tests/fixtures/frames/{name}.hex",
            env!("CARGO_MANIFEST_DIR")
        );
        raw::read(&std::fs::read_to_string(path).unwrap()).unwrap()
    };
    let session = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    let lines = format!("ping\n1 > logout {session} # the end\npurchaseAsset {{sid}} AAPL 10\n");
    let out = ptcat(
        &["encode", "--set", &format!("sid={session}")],
        lines.as_bytes(),
    );
    assert!(out.status.success());
    let expected = [
        golden("0401-ping"),
        golden("0107-logout"),
        golden("0104-purchaseAsset"),
    ]
    .concat();
    assert_eq!(hex::encode(&out.stdout), hex::encode(expected));
    let back = ptcat(&["decode"], &out.stdout);
    assert!(back.status.success());
    assert_eq!(
        text(&back.stdout),
        format!("ping\nlogout {session}\npurchaseAsset {session} AAPL 10\n")
    );
}

#[test]
fn mistakes_are_named_and_the_exit_code_tells() {
    let out = ptcat(&["encode"], b"ping\n> login {sid}\n");
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text(&out.stderr).contains("line 2: nothing was captured as {sid}"),
        "{}",
        text(&out.stderr)
    );
    assert_eq!(out.stdout.len(), 17, "what was good before was written");
    let out = ptcat(&["decode"], &[9; 20]);
    assert_eq!(out.status.code(), Some(1));
    assert!(
        text(&out.stdout).starts_with("malformed: bad-frame"),
        "{}",
        text(&out.stdout)
    );
    for bad in [
        &["run"][..],
        &["nothing"],
        &["run", "f.pt", "a:1", "--within", "soon"],
        &["conform", "a:1", "--jobs", "0"],
    ] {
        assert_eq!(ptcat(bad, b"").status.code(), Some(2), "{bad:?}");
    }
    assert_eq!(
        ptcat(&["run", "/nowhere.pt", "a:1"], b"").status.code(),
        Some(1)
    );
    assert!(ptcat(&["--version"], b"").status.success());
    let help = ptcat(&["--help"], b"");
    assert!(text(&help.stdout).contains("Examples:"));
}

/// A mistake is told before anything is sent: nobody listens at the address.
#[test]
fn a_mistake_in_a_dialogue_is_told_before_anything_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.pt",
        "include b.inc\n1 > pnig\n1 < pong\n2 > ping {who}\n",
    );
    write("b.inc", "1 connect worker\n1 < purchaseSucces *\n");
    write("c.pt", "1 conect worker\n");
    let file = folder.path().join("a.pt");
    let file = file.to_str().unwrap();
    let told = |arguments: &[&str], input: &[u8]| {
        let out = ptcat(arguments, input);
        assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
        assert!(out.stdout.is_empty(), "{}", text(&out.stdout));
        text(&out.stderr).to_owned()
    };
    let inc = file.replace("a.pt", "b.inc");
    let expected = format!(
        "ptcat: {inc}:2:5: purchaseSucces: no message has this name. Did you mean purchaseSuccess?\n\
        {file}:2:5: pnig: no instruction has this name, nor is it four hexadecimal digits. Did you mean ping or pong?\n\
        {file}:4:1: connection 2 is used before `2 connect`\n\
        {file}:4:10: nothing sets or captures {{who}} before this line\n"
    );
    assert_eq!(told(&["run", file, "127.0.0.1:1"], b""), expected);
    // What the command line sets has a value, and standard input is checked as a file is.
    let set = told(&["run", file, "127.0.0.1:1", "--set", "who=x"], b"");
    assert!(!set.contains("{who}"), "{set}");
    let stdin = told(&["run", "-", "127.0.0.1:1"], b"1 conect worker\n");
    assert!(stdin.contains("standard input:1:3: `conect`"), "{stdin}");
    // A folder's mistakes are told together; the parser's come first.
    let folder = folder.path().to_str().unwrap();
    let all = told(&["conform", "127.0.0.1:1", "--fixtures", folder], b"");
    assert!(all.contains("c.pt:1:3: `conect` begins no line"), "{all}");
    std::fs::remove_file(format!("{folder}/c.pt")).unwrap();
    let all = told(&["conform", "127.0.0.1:1", "--fixtures", folder], b"");
    assert!(
        all.contains("a.pt:2:5: pnig") && all.contains("b.inc:2:5: "),
        "{all}"
    );
}

#[test]
fn plain_nc_between_the_filters_drives_a_server() {
    let address = server(ANSWERS);
    let (host, port) = address.split_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.pt");
    std::fs::write(
        &file,
        "1 connect worker\n1 > ping\n1 > login a b true\n1 > getAssetList\n1 > ping\n",
    )
    .unwrap();
    let program = papertrader::testkit::program::find("ptcat");
    let (program, file) = (program.display(), file.display());
    let line = format!(
        "{program} encode < {file} | nc -N {host} {port} | {program} decode --requests {file}"
    );
    let out = Command::new("sh").arg("-c").arg(line).output().unwrap();
    let expected = "pong\nloginFail bad-credentials who are you\ndata List count=1 X\npong\n";
    assert_eq!(text(&out.stdout), expected, "{}", text(&out.stderr));
}

#[test]
fn a_run_tells_the_first_line_that_differs() {
    let address = server(ANSWERS);
    let good = "1 connect worker\n1 > ping\n1 < pong\n";
    let out = ptcat(&["run", "-v", "-", &address], good.as_bytes());
    assert!(out.status.success());
    assert_eq!(
        text(&out.stderr),
        format!("1 connect worker\n1 > ping\n1 < pong\n")
    );
    let bad = format!("{good}1 > login a b true\n1 < loginFail too-many-attempts *\n");
    let out = ptcat(&["run", "-", &address], bad.as_bytes());
    assert_eq!(out.status.code(), Some(1));
    let expected = "ptcat: standard input:5: expected `1 < loginFail too-many-attempts *`, came `loginFail bad-credentials who are you`\n";
    assert_eq!(text(&out.stderr), expected);
    // Two workers, and one by its address.
    let two =
        format!("1 connect worker2\n1 > ping\n1 < pong\n2 connect {address}\n2 half\n2 closed\n");
    assert!(
        ptcat(
            &["run", "-", "127.0.0.1:1", "--worker", &address],
            two.as_bytes()
        )
        .status
        .success()
    );
}

/// A folder of dialogues: one that differs, one that passes, one that needs more.
fn dialogues() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.pt",
        "section 4.1\n1 connect worker\n1 > ping\n1 < pong\nsection 4.2\n1 > login a b true\n1 < sessionID *\n\
         2 connect worker\n2 > ping\n2 < pong\n",
    );
    write(
        "b.pt",
        "section 4.1\n1 connect worker\n1 > ping\n1 < pong\nsection 4.5\n1 > getAssetList\n1 < data List *\n",
    );
    write(
        "c.pt",
        "needs master-port\nsection 3.1.5\n1 connect master\n1 > getWorkerList\n1 < workerList *\n",
    );
    write(
        "d.pt",
        "section 3.1.7\n1 connect worker\n1 > placeOrder a\n1 < orderFail *\n",
    );
    folder
}

/// What `conform` says of a section.
fn section<'a>(told: &'a str, number: &str) -> &'a str {
    let start = format!("{number} ");
    told.lines().find(|line| line.starts_with(&start)).unwrap()
}

#[test]
fn a_conforming_section_passes_and_another_is_named() {
    let address = server(ANSWERS);
    let folder = dialogues();
    let folder = folder.path().to_str().unwrap();
    let out = ptcat(&["conform", &address, "--fixtures", folder], b"");
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stdout);
    // All sections of the specification, in its order.
    let listed = told
        .lines()
        .filter(|l| l.starts_with(|c: char| c.is_ascii_digit()));
    assert_eq!(listed.count(), 92, "{told}");
    // The pong of a.pt's second connection was not reached.
    assert!(section(told, "4.1").ends_with(" partly 4/5"), "{told}");
    assert!(section(told, "4.5").ends_with(" pass 1/1"), "{told}");
    // The request that the line answers, the reply, and what the `section` line says.
    for number in ["4.6.1", "4.6.18"] {
        assert!(section(told, number).ends_with(" FAIL 0/1"), "{told}");
    }
    assert!(section(told, "4.2").ends_with(" FAIL 0/3"), "{told}");
    assert!(
        section(told, "3.1.5").ends_with(" skipped: needs the master's port (--master HOST:PORT)"),
        "{told}"
    );
    assert!(
        section(told, "3.1.7")
            .ends_with(" skipped: the server is of edition 1, and placeOrder of edition 2"),
        "{told}"
    );
    assert!(
        section(told, "2.1.3").ends_with(" no dialogue: see spec/glossary.md"),
        "{told}"
    );
    let difference =
        "a.pt:7: expected `1 < sessionID *`, came `loginFail bad-credentials who are you`";
    assert!(
        told.contains(&format!("differed {difference} [4.2 4.6.1 4.6.18]")),
        "{told}"
    );
    let end = "dialogues: 1 pass, 1 differed, 2 skipped\n";
    assert!(told.ends_with(end), "{told}");
    let summary = told.split("\n\n").last().unwrap();
    assert!(summary.lines().count() <= 24, "{summary}");
}

#[test]
fn the_report_has_forms_for_programs() {
    let address = server(ANSWERS);
    let folder = dialogues();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (junit, html) = (path("report.xml"), path("report.html"));
    let fixtures = path("");
    let arguments = ["conform", &address, "--fixtures", &fixtures];
    let more = ["--json", "--junit", &junit, "--html", &html, "--keep-going"];
    let out = ptcat(&[&arguments[..], &more].concat(), b"");
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!((&report["ran"], &report["failed"]), (&2.into(), &1.into()));
    assert_eq!(report["server"]["edition"], 1);
    assert_eq!(report["sections"].as_array().unwrap().len(), 92);
    let ping = report["sections"].as_array().unwrap();
    let ping = ping.iter().find(|s| s["section"] == "4.1").unwrap();
    // The second connection of a.pt goes on after the difference on the first.
    assert_eq!(
        (&ping["result"], &ping["met"], &ping["lines"]),
        (&"pass".into(), &5.into(), &5.into())
    );
    let a = &report["dialogues"][0];
    assert_eq!(
        (&a["fixture"], &a["result"]),
        (&"a.pt".into(), &"fail".into())
    );
    assert_eq!(a["differences"][0]["line"], 7);
    assert_eq!(a["differences"][0]["sections"][0], "4.2");
    assert_eq!(a["differences"].as_array().unwrap().len(), 1);
    assert_eq!(report["skipped"][0]["fixture"], "c.pt");

    // JUnit's XML is read by another program's parser.
    let script = "import sys, xml.etree.ElementTree as E\nr = E.parse(sys.argv[1]).getroot()\n\
        c = r.findall('.//testcase')\nprint(r.tag, r.get('tests'), r.get('failures'), r.get('skipped'))\n\
        print([(x.get('name'), [y.tag for y in x]) for x in c])\nprint(c[0][0].get('message'))";
    let out = Command::new("python3")
        .args(["-c", script, &junit])
        .output()
        .unwrap();
    assert_eq!(
        text(&out.stdout),
        "testsuites 4 1 2\n\
         [('a.pt', ['failure']), ('b.pt', []), ('c.pt', ['skipped']), ('d.pt', ['skipped'])]\n\
         a.pt:7: expected `1 < sessionID *`, came `loginFail bad-credentials who are you` [4.2 4.6.1 4.6.18]\n",
        "{}",
        text(&out.stderr)
    );

    let page = std::fs::read_to_string(html).unwrap();
    for part in [
        "<meta name=\"viewport\"",
        "came on connection 1: <code>loginFail bad-credentials who are you</code>",
        "instruction 0301 loginFail, dataSize 27, argumentCount 2, packet 1 of 1",
        "62 61 64 2d 63 72 65 64",
    ] {
        assert!(page.contains(part), "{part}");
    }

    let out = ptcat(&[&arguments[..], &["--tap"]].concat(), b"");
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stdout);
    assert!(
        told.starts_with("TAP version 13\n1..4\nnot ok 1 - a.pt\n  ---\n"),
        "{told}"
    );
    assert!(
        told.contains("\nok 2 - b.pt\nok 3 - c.pt # SKIP needs the master's port"),
        "{told}"
    );
}

#[test]
fn sections_and_dialogues_are_chosen_by_words() {
    let address = server(ANSWERS);
    let folder = dialogues();
    let fixtures = ["--fixtures", folder.path().to_str().unwrap()];
    let run = |words: &[&str]| ptcat(&[&["conform"][..], words, &fixtures].concat(), b"");
    let out = run(&[&address, "4.5"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stdout));
    let told = text(&out.stdout);
    assert!(told.starts_with("4.5     Instructions "), "{told}");
    assert!(
        !told.contains("4.6.1 ") && told.contains("dialogues: 1 pass, 0 differed, 0 skipped"),
        "{told}"
    );
    let out = run(&["a.pt", &address]);
    assert_eq!(out.status.code(), Some(1));
    assert!(text(&out.stdout).contains("dialogues: 0 pass, 1 differed, 0 skipped"));
    let out = run(&["--list", "4"]);
    assert_eq!(out.status.code(), Some(0));
    assert!(
        text(&out.stdout).contains("c.pt\n    sections 3.1.5 4.3.1\n    needs master-port\n"),
        "{}",
        text(&out.stdout)
    );
    for (words, why) in [
        (&[][..], "HOST:PORT is missing"),
        (&[&address, "a:1"], "one HOST:PORT"),
        (&[&address, "4.9"], "4.9: neither a section"),
        (&[&address, "2.1.3"], "no dialogue shows it"),
        (&["--sandbox", &address], "take no HOST:PORT"),
    ] {
        let out = run(words);
        assert_eq!(out.status.code(), Some(2), "{words:?}");
        assert!(text(&out.stderr).contains(why), "{}", text(&out.stderr));
    }
}

/// A server that sends this to everyone, reads what comes, and then closes or stays.
fn rude_server(says: &'static [u8], stays: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(says);
            if stays {
                open.push(stream);
            } else {
                // Read first: bytes that nobody has read would turn the end into a reset.
                let _ = stream.read(&mut [0; 64]);
            }
        }
    });
    address
}

#[test]
fn what_is_no_worker_is_told_in_one_line_before_anything_runs() {
    let refused = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    for (address, why) in [
        (refused, "refused"),
        (
            rude_server(b"", true),
            "answers neither ping nor login within 2s",
        ),
        (
            rude_server(b"", false),
            "closes each connection without an answer",
        ),
        (
            rude_server(b"HTTP/1.1 400 Bad Request\r\n\r\n", false),
            "it speaks HTTP",
        ),
        (rude_server(b"SSH-2.0-OpenSSH_9\r\n", true), "it speaks SSH"),
        (
            rude_server(&[0x15, 3, 3, 0, 2, 2, 10], false),
            "it speaks TLS: say --tls",
        ),
        (
            rude_server(b"hello", true),
            "it speaks another protocol, and sends 68656c6c6f (\"hello\")",
        ),
    ] {
        let out = ptcat(&["conform", &address, "--within", "2s"], b"");
        assert_eq!(out.status.code(), Some(1), "{why}");
        let told = text(&out.stderr);
        assert!(
            told.starts_with(&format!("ptcat: no worker at {address}: ")),
            "{told}"
        );
        assert!(told.contains(why) && told.lines().count() == 1, "{told}");
        assert!(out.stdout.is_empty(), "{}", text(&out.stdout));
    }
    // One that is wrong about every message, but speaks the protocol, is worth a report. Its two
    // connections count, since a message came on each.
    let wrong = server(&[("", "protocolError not-allowed no")]);
    let folder = dialogues();
    let fixtures = folder.path().to_str().unwrap();
    let out = ptcat(
        &["conform", &wrong, "--fixtures", fixtures, "--within", "2s"],
        b"",
    );
    assert_eq!(out.status.code(), Some(1));
    assert!(
        section(text(&out.stdout), "4.1").ends_with(" FAIL 2/5"),
        "{}",
        text(&out.stdout)
    );
    // The report of an earlier run is not taken for this one's.
    let (junit, html) = (folder.path().join("j.xml"), folder.path().join("h.html"));
    std::fs::write(&junit, "<testsuites errors=\"0\"/>").unwrap();
    std::fs::write(&html, "all passed").unwrap();
    let reports = [
        "--junit",
        junit.to_str().unwrap(),
        "--html",
        html.to_str().unwrap(),
    ];
    let out = ptcat(
        &[&["conform", "127.0.0.1:1", "--tap"], &reports[..]].concat(),
        b"",
    );
    assert!(text(&out.stdout).contains("\nBail out! no worker at 127.0.0.1:1"));
    let told = std::fs::read_to_string(&junit).unwrap();
    assert!(
        told.contains("<error message=\"no worker at 127.0.0.1:1"),
        "{told}"
    );
    assert!(!html.exists());
}

/// A server that takes one order of one connection, and settles it three seconds later, as it has
/// announced.
fn slow_market() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let settled = papertrader::model::Timestamp::now().0 + 3000;
        let settled = papertrader::model::Timestamp(settled).to_string();
        let id = "00000000-0000-7000-8000-000000000000";
        let mut send = |line: &str| {
            let bytes = encode(&raw::words(line)).unwrap();
            stream.write_all(&bytes).unwrap();
        };
        send(&format!("transactionQueued {id} - {settled}"));
        std::thread::sleep(std::time::Duration::from_secs(3));
        send(&format!("purchaseSuccess {id} A 1 2 2 {settled}"));
        let _ = stream.read(&mut [0; 4096]);
    });
    address
}

#[test]
fn an_order_is_awaited_until_the_settlement_that_the_server_announced() {
    // In the second the announcement comes while the line waits for the settlement.
    for lines in [
        "1 < transactionQueued {tx} - *\n1 < purchaseSuccess {tx} A 1 2 2 *\n",
        "1 < purchaseSuccess {tx} A 1 2 2 *\n1 ~ transactionQueued {tx} - *\n",
    ] {
        let dialogue = format!("1 connect worker\n1 > purchaseAsset s A 1\n{lines}");
        let address = slow_market();
        let arguments = ["run", "-", &address, "--within", "1500ms"];
        let out = ptcat(&arguments, dialogue.as_bytes());
        assert!(out.status.success(), "{}", text(&out.stderr));
    }
}

#[test]
fn instructions_are_shown_by_name_and_number() {
    let out = ptcat(&["instructions"], b"");
    let told = text(&out.stdout);
    assert!(
        told.contains("purchaseAsset(sessionID, name, quantity[, clientOrderID])"),
        "{told}"
    );
    let rows = papertrader::wire::instruction::TABLE;
    let is_named = |row: &papertrader::wire::instruction::InstructionRow| {
        told.contains(&format!("{:04X}", row.number))
    };
    assert!(rows.iter().all(is_named), "{told}");
    let by_name = ptcat(&["instructions", "purchaseasset"], b"");
    let told = text(&by_name.stdout);
    for part in [
        "number       0104",
        "section      4.6.4",
        "states       command",
        "quantity-invalid",
        "purchaseFail",
        "insufficient-funds",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(ptcat(&["instructions", "0104"], b"").stdout, by_name.stdout);
    // Two have this name.
    let out = ptcat(&["instructions", "login", "--json"], b"");
    let both: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(both["instructions"].as_array().unwrap().len(), 2);
    assert!(both["argumentTypes"]["SessionId"]["pattern"].is_string());
    let out = ptcat(&["instructions", "purchase"], b"");
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).contains("purchaseAsset"),
        "{}",
        text(&out.stderr)
    );
}
