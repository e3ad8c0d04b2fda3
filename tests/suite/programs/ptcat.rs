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
    assert!(stdin.contains("-:1:3: `conect`"), "{stdin}");
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
    let expected = "ptcat: -:5: expected `1 < loginFail too-many-attempts *`, came `loginFail bad-credentials who are you`\n";
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

#[test]
fn a_conforming_section_passes_and_another_is_named() {
    let address = server(ANSWERS);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write(
        "a.pt",
        "section 4.1\n1 connect worker\n1 > ping\n1 < pong\nsection 4.6.1\n1 > login a b true\n1 < sessionID *\n",
    );
    write(
        "b.pt",
        "section 4.1\n1 connect worker\n1 > ping\n1 < pong\nsection 4.5\n1 > getAssetList\n1 < data List *\n",
    );
    write(
        "c.pt",
        "needs master-port\nsection 4.3.1\n1 connect master\n",
    );
    let folder = folder.path().to_str().unwrap();
    let out = ptcat(&["conform", &address, "--fixtures", folder], b"");
    assert_eq!(out.status.code(), Some(1));
    let told = text(&out.stdout);
    let line = |section: &str| {
        told.lines()
            .find(|l| l.starts_with(&format!("{section} ")))
            .unwrap()
    };
    assert!(
        line("4.1").ends_with("pass") && line("4.5").ends_with("pass"),
        "{told}"
    );
    assert!(
        line("4.6.1").ends_with("FAIL") && line("4.3.1").ends_with("skipped"),
        "{told}"
    );
    assert!(
        told.contains(
            "a.pt:7: expected `1 < sessionID *`, came `loginFail bad-credentials who are you`"
        ),
        "{told}"
    );
    assert!(told.contains("skipped c.pt: needs master-port"), "{told}");
    let out = ptcat(
        &[
            "conform",
            &address,
            "--fixtures",
            folder,
            "--only",
            "b.pt",
            "--json",
        ],
        b"",
    );
    assert!(out.status.success());
    let report: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    assert_eq!(report["ran"], 1);
    assert_eq!(report["sections"][0]["result"], "pass");
    assert_eq!(report["sections"][0]["section"], "4.1");
}
