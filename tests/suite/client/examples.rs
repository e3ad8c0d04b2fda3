//! `etc/examples`: programs in Python that know of the protocol only what
//! `spec/wire/papertrader.json` says, as `spec/writing_a_client.md` explains them.

use super::cli::Ran;
use papertrader::model::HashedPass;
use papertrader::testkit::{Deployment, trader};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

/// The most lines and columns of the client.
const CLIENT_LINES_MAX: usize = 60;
const CLIENT_COLUMNS_MAX: usize = 100;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> String {
    fs::read_to_string(root().join("etc/examples").join(name)).unwrap()
}

fn description() -> Value {
    let text = fs::read_to_string(root().join("spec/wire/papertrader.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Whether the tests of the examples run. `tests/run` sets the variable where there is no Python,
/// and counts them as skipped.
fn has_python() -> bool {
    let skipped = std::env::var_os("WITHOUT_PYTHON").is_some();
    if skipped {
        println!("skipped: WITHOUT_PYTHON is set");
    }
    !skipped
}

/// Runs an example to its end.
fn python(name: &str, arguments: &[&str]) -> Ran {
    let output = Command::new("python3")
        .arg(format!("etc/examples/{name}"))
        .args(arguments)
        .current_dir(root())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap_or_else(|error| panic!("python3: {error}; `make deps` installs it"));
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a program says that has failed: one line.
fn failure(ran: &Ran) -> &str {
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    ran.err.trim_end()
}

#[test]
fn the_client_is_short() {
    let client = example("client.py");
    assert!(client.lines().count() <= CLIENT_LINES_MAX);
    for line in client.lines() {
        assert!(line.chars().count() <= CLIENT_COLUMNS_MAX, "{line}");
    }
}

#[test]
fn the_page_shows_the_examples_as_they_are() {
    let page = fs::read_to_string(root().join("spec/writing_a_client.md")).unwrap();
    for name in ["client.py", "portfolio.py", "check_vectors.py"] {
        let shown = format!("\n```python\n{}```\n", example(name));
        assert!(page.contains(&shown), "the page shows another {name}");
    }
}

#[test]
fn the_page_shows_a_test_vector_byte_by_byte() {
    let page = fs::read_to_string(root().join("spec/writing_a_client.md")).unwrap();
    let description = description();
    let frames = description["vectors"]["frames"].as_array().unwrap();
    let vector = frames
        .iter()
        .find(|frame| frame["name"] == "0201-getAssetInfo");
    let mut rest = vector.unwrap()["hex"].as_str().unwrap();
    let mut parts = Vec::new();
    for field in description["header"]["fields"].as_array().unwrap() {
        let digits = 2 * usize::try_from(field["bytes"].as_u64().unwrap()).unwrap();
        parts.push(&rest[..digits]);
        rest = &rest[digits..];
    }
    parts.push(rest);
    let shown = parts.join(" ");
    assert!(page.contains(&format!("\n{shown}\n")), "{shown}");
}

#[test]
fn a_client_made_from_the_description_registers_logs_in_and_buys() {
    if !has_python() {
        return;
    }
    let deployment = Deployment::running(1);
    let server = deployment.addresses().remove(0);
    let buy = |arguments: &[&str]| python("client.py", &[&[server.as_str()], arguments].concat());

    let bought = buy(&["alice", "correct horse", "AAPL", "10"]);
    assert_eq!(bought.code, 0, "{}", bought.err);
    let [queued, fill] = bought.out.lines().collect::<Vec<_>>()[..] else {
        panic!("{}", bought.out);
    };
    assert!(queued.starts_with("transactionQueued "), "{queued}");
    assert!(fill.starts_with("bought 10 AAPL at "), "{fill}");
    // The name is taken now, and the same person logs in.
    let bought = buy(&["alice", "correct horse", "AAPL", "2.5"]);
    assert_eq!(bought.code, 0, "{}", bought.err);
    assert!(bought.out.contains("bought 2.5 AAPL at "), "{}", bought.out);

    let refused = buy(&["alice", "wrong horse", "AAPL", "1"]);
    let told = "client: loginFail bad-credentials ";
    assert!(failure(&refused).starts_with(told), "{}", refused.err);
    let refused = buy(&["alice", "correct horse", "NONE", "1"]);
    let told = "client: purchaseFail unknown-asset ";
    assert!(failure(&refused).starts_with(told), "{}", refused.err);
    let refused = buy(&["alice", "correct horse", "AAPL", "900000"]);
    let told = "client: purchaseFail insufficient-funds ";
    assert!(failure(&refused).starts_with(told), "{}", refused.err);
    // These are not sent: the client compares them with the grammars of the description.
    for (arguments, told) in [
        (["al ice", "x", "AAPL", "1"], "username 'al ice' is wrong"),
        (
            ["alice", "correct horse", "aapl", "1"],
            "name 'aapl' is wrong",
        ),
        (
            ["alice", "correct horse", "AAPL", "-1"],
            "quantity '-1' is wrong",
        ),
    ] {
        let refused = buy(&arguments);
        let told = format!("client: {told}; it must be ");
        assert!(failure(&refused).starts_with(&told), "{}", refused.err);
    }
    assert_eq!(buy(&["alice"]).code, 2);

    // What it bought is there, as our own client sees it, and as the description's layouts do.
    let mut alice = deployment.connect(1);
    let name = trader::username("alice");
    let hashed = HashedPass::derive(&name, "correct horse");
    alice.login(&name, &hashed, true).unwrap();
    let (cash, holdings) = trader::portfolio(&mut alice, "alice");
    assert_eq!(holdings.len(), 1);
    assert_eq!(holdings[0].quantity.to_string(), "12.5");
    let shown = python("portfolio.py", &[&server, "alice", "correct horse"]);
    assert_eq!(
        shown.out,
        format!("cash {cash}\nAAPL 12.5\n"),
        "{}",
        shown.err
    );
    let refused = python("portfolio.py", &[&server, "alice", "wrong horse"]);
    assert!(failure(&refused).contains("bad-credentials"));
}

#[test]
fn the_examples_read_and_write_the_test_vectors() {
    if !has_python() {
        return;
    }
    let ran = python("check_vectors.py", &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let vectors = &description()["vectors"];
    let count = |kind: &str| vectors[kind].as_array().unwrap().len();
    for kind in ["frames", "payloads", "hashedPass"] {
        let told = format!("{} of {kind}", count(kind));
        assert!(count(kind) > 0 && ran.out.contains(&told), "{}", ran.out);
    }
}

/// A message as bytes, written by hand: its number, and its arguments with `separator` between
/// them.
fn message(number: u16, arguments: &[&str], separator: &str) -> Vec<u8> {
    let data = arguments.join(separator);
    let mut bytes = vec![number.to_be_bytes()[0]];
    bytes.extend(number.to_be_bytes());
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend(u16::try_from(arguments.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0, 0, 1, 0, 0, 0, 1]);
    bytes.extend(data.as_bytes());
    bytes
}

/// The number and data of the next request; none at the end.
fn request(stream: &mut TcpStream) -> Option<(u16, String)> {
    let mut head = [0; 17];
    stream.read_exact(&mut head).ok()?;
    let size = u32::from_be_bytes([head[3], head[4], head[5], head[6]]);
    let mut data = vec![0; size as usize];
    stream.read_exact(&mut data).ok()?;
    let number = u16::from_be_bytes([head[1], head[2]]);
    Some((number, String::from_utf8(data).unwrap()))
}

/// A server for one client. It answers each request by its number, with the bytes in `answers`, and
/// ends the connection at one that has none. Returns what it received.
fn serve(answers: BTreeMap<u16, Vec<u8>>) -> (String, std::thread::JoinHandle<Vec<(u16, String)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        while let Some((number, data)) = request(&mut stream) {
            received.push((number, data));
            let Some(answer) = answers.get(&number) else {
                break;
            };
            stream.write_all(answer).unwrap();
        }
        received
    });
    (address, server)
}

const SESSION: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const FILL: [&str; 6] = [
    "01890a5d-ac96-774b-bcce-b302099a8057",
    "AAPL",
    "10",
    "430.47",
    "4304.7",
    "2013-03-01T00:00:00.000Z",
];

/// The answers to registering, logging in and buying, with what a later edition sends before each.
fn later_edition(purchase: Vec<u8>) -> BTreeMap<u16, Vec<u8>> {
    let notice = message(0x040F, &["EURUSD=1.1", "IBM=200.5"], " ");
    let after_notice = |answer: Vec<u8>| [notice.clone(), answer].concat();
    BTreeMap::from([
        (0x0103, after_notice(message(0x0303, &[], " "))),
        (
            0x0101,
            after_notice(message(0x0302, &[SESSION, "eu1:2049", "[::1]:2049"], " ")),
        ),
        (0x0104, after_notice(purchase)),
    ])
}

fn buy_at(address: &str, more: &[&str]) -> Ran {
    let arguments = [address, "alice", "secret", "AAPL", "10"];
    python("client.py", &[&arguments[..], more].concat())
}

#[test]
fn notices_and_codes_of_a_later_edition_are_shown_and_do_no_harm() {
    if !has_python() {
        return;
    }
    let (address, server) = serve(later_edition(message(0x0305, &FILL, " ")));
    let bought = buy_at(&address, &[]);
    assert_eq!(bought.code, 0, "{}", bought.err);
    let fill = "\nbought 10 AAPL at 430.47, 4304.7 in all\n";
    assert!(bought.out.ends_with(fill), "{}", bought.out);
    let received = server.join().unwrap();
    let numbers: Vec<u16> = received.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [0x0103, 0x0101, 0x0104]);

    let refusal = message(0x0306, &["of-edition-9", "come back on Monday"], " ");
    let (address, server) = serve(later_edition(refusal));
    let told = "client: purchaseFail of-edition-9 come back on Monday";
    assert_eq!(failure(&buy_at(&address, &[])), told);
    server.join().unwrap();
}

/// A packet of a payload.
fn packet(number: u8, of: u8, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![3, 0x03, 0x0B];
    bytes.extend(u32::try_from(data.len()).unwrap().to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0, number, 0, 0, 0, of]);
    bytes.extend(data);
    bytes
}

#[test]
fn a_notice_between_two_packets_does_no_harm() {
    if !has_python() {
        return;
    }
    let description = description();
    let payloads = description["vectors"]["payloads"].as_array().unwrap();
    let vector = payloads.iter().find(|it| it["name"] == "Portfolio-private");
    let payload = hex::decode(vector.unwrap()["hex"].as_str().unwrap()).unwrap();
    let (first, second) = payload.split_at(20);
    let notice = message(0x040F, &["IBM=200.5"], " ");
    let mut answers = later_edition(Vec::new());
    answers.insert(0x0106, message(0x0309, &["data"], " "));
    answers.insert(
        0x0209,
        [packet(1, 2, first), notice, packet(2, 2, second)].concat(),
    );
    let (address, server) = serve(answers);
    let shown = python("portfolio.py", &[&address, "alice", "secret"]);
    let told = "\ncash 95695.3\nAAPL 10\nZZZ 0.000001\n";
    assert!(shown.out.ends_with(told), "{}{}", shown.out, shown.err);
    server.join().unwrap();
}

#[test]
fn the_end_of_a_connection_and_a_wrong_answer_are_told() {
    if !has_python() {
        return;
    }
    let fault = message(0x0405, &["shutting-down", "the worker is stopping"], " ");
    let other = message(0x0307, &FILL, " ");
    // It reads no more than a message may have.
    let large = [&message(0x0303, &[], " ")[..3], &[0xFF; 14 + 8192]].concat();
    for (number, answer, told) in [
        (
            0x0101,
            fault,
            "protocolError shutting-down the worker is stopping",
        ),
        (0x0104, other, "sellSuccess 01890a5d-"),
        (0x0104, message(0x037F, &["x"], " "), "unknown message x"),
        // What a server says does not write to the terminal.
        (
            0x0101,
            message(0x0301, &["bad-credentials", "no\u{1b}[2J\u{202e}"], " "),
            "loginFail bad-credentials no\\x1b[2J\\u202e",
        ),
        (0x0101, message(0x0301, &[], " "), "loginFail"),
        (
            0x0103,
            large,
            "the connection ended, or a message is larger",
        ),
    ] {
        let mut answers = later_edition(Vec::new());
        answers.insert(number, answer);
        let (address, server) = serve(answers);
        let ran = buy_at(&address, &[]);
        let told = format!("client: {told}");
        assert!(failure(&ran).starts_with(&told), "{}", ran.err);
        server.join().unwrap();
    }
    let (address, server) = serve(BTreeMap::new());
    assert!(failure(&buy_at(&address, &[])).contains("the connection ended"));
    server.join().unwrap();
}

#[test]
fn the_client_knows_nothing_but_the_description() {
    if !has_python() {
        return;
    }
    // Another protocol of the same kind: other numbers, another separator, another salt.
    let mut other = description();
    other["header"]["separator"] = json!("|");
    other["hashedPass"]["salt"] = json!("pepper/");
    other["hashedPass"]["rounds"] = json!(1);
    let renumbered = |value: &mut Value| {
        let number = value["number"].as_u64().unwrap();
        value["number"] = json!(number + 0x40);
    };
    for row in other["instructions"].as_array_mut().unwrap() {
        renumbered(row);
        row["answers"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .for_each(renumbered);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.json");
    fs::write(&path, other.to_string()).unwrap();
    let taken = ["username-taken", "another account has the username"];
    let (address, server) = serve(BTreeMap::from([
        (0x0143, message(0x0344, &taken, "|")),
        (0x0141, message(0x0342, &[SESSION, "eu1:2049"], "|")),
        (0x0144, message(0x0345, &FILL, "|")),
    ]));
    let bought = buy_at(&address, &[path.to_str().unwrap()]);
    assert_eq!(bought.code, 0, "{}", bought.err);
    assert_eq!(bought.out, "bought 10 AAPL at 430.47, 4304.7 in all\n");
    let received = server.join().unwrap();
    assert_eq!(received[1].0, 0x0141);
    let login: Vec<&str> = received[1].1.split('|').collect();
    assert_eq!((login[0], login[1].len(), login[2]), ("alice", 64, "true"));
    let order: Vec<&str> = received[2].1.split('|').collect();
    assert_eq!(order[..3], [SESSION, "AAPL", "10"]);
    assert_eq!(order.len(), 4, "a purchase has a clientOrderID");
}
