//! spec/cli/papertrader/commands/third_party.md · 3.1.3 (third parties)
//!
//! `papertrader`, the built program, signing in with a provider.

use super::cli::{Person, Ran};
use crate::master::third_party_accounts::deployment_with;
use papertrader::testkit::mock_provider::MockProvider;
use papertrader::testkit::trader::{hashed, username};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use url::Url;

/// Waits for a command's end, and acts as the browser where it shows the address of a redirect flow.
fn browse(mut child: Child, cookies: bool) -> Ran {
    let mut err = String::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    while lines.read_line(&mut err).unwrap() > 0 {
        let line = err.lines().last().unwrap().trim();
        if cookies && line.starts_with("http://") {
            // Follows the provider's redirect back to the program.
            let mut answer = ureq::get(line).call().unwrap();
            let page = answer.body_mut().read_to_string().unwrap();
            assert!(page.contains("close this page"), "{page}");
        }
    }
    let mut out = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    Ran {
        code: child.wait().unwrap().code().unwrap(),
        out,
        err,
    }
}

#[test]
fn a_person_signs_in_by_both_flows_and_links() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let run = |words: &[&str], is_browser: bool| {
        let mut line = vec!["--server", server.as_str()];
        line.extend(words);
        let mut child = person.spawn(&line);
        drop(child.stdin.take());
        browse(child, is_browser)
    };
    let shown = run(&["server"], false);
    assert!(shown.out.contains("password, mock"), "{}", shown.out);

    let first = run(
        &["login", "ada", "--with", "mock", "--method", "device"],
        false,
    );
    assert_eq!(first.code, 0, "{}", first.err);
    assert!(
        first.err.contains("WDJB-MJHT") && first.err.contains("/activate"),
        "{}",
        first.err
    );
    assert!(first.out.contains("Logged in as ada"), "{}", first.out);
    let user = run(&["user"], false);
    assert!(user.out.contains("third party"), "{}", user.out);

    let second = run(
        &["login", "ada", "--with", "mock", "--method", "redirect"],
        true,
    );
    assert_eq!(second.code, 0, "{}", second.err);
    // Who gives another's name is told, and keeps no session.
    let wrong = run(
        &["login", "eve", "--with", "mock", "--method", "device"],
        false,
    );
    assert_eq!(wrong.code, 5, "{}", wrong.err);

    let refused = person.run_with(
        &["--server", &server, "login", "ada", "--password-stdin"],
        "correct horse\n",
    );
    assert_eq!(refused.code, 5);
    assert!(refused.err.contains("sign in with mock"), "{}", refused.err);
    let last = run(&["account", "unlink", "mock"], false);
    assert_eq!(last.code, 5, "{}", last.err);
    assert!(last.err.contains("only way"), "{}", last.err);
    let unknown = run(&["login", "ada", "--with", "google"], false);
    assert_eq!(unknown.code, 5, "{}", unknown.err);
    assert!(unknown.err.contains("mock"), "{}", unknown.err);

    // Somebody with a password links the provider.
    provider.set_subject("bob");
    for words in [
        &["register", "bob", "bob@example.org"][..],
        &["login", "bob"],
    ] {
        let mut line = vec!["--server", server.as_str()];
        line.extend(words);
        line.push("--password-stdin");
        let ran = person.run_with(&line, "correct horse\n");
        assert_eq!(ran.code, 0, "{}", ran.err);
    }
    let linked = run(&["account", "link", "mock", "--method", "redirect"], true);
    assert_eq!(linked.code, 0, "{}", linked.err);
    assert!(
        linked.out.contains("bob can log in with mock"),
        "{}",
        linked.out
    );
    let account = run(&["account"], false);
    assert!(account.out.contains("providers"), "{}", account.out);
    // A change of the password keeps the provider, and says so.
    let line = [
        "--server",
        &server,
        "password",
        "change",
        "--password-stdin",
    ];
    let changed = person.run_with(&line, "correct horse\nbattery staple\n");
    assert_eq!(changed.code, 0, "{}", changed.err);
    assert!(
        changed.err.contains("can still log in to it: mock"),
        "{}",
        changed.err
    );
    let by_link = run(
        &["login", "bob", "--with", "mock", "--method", "device"],
        false,
    );
    assert_eq!(by_link.code, 0, "{}", by_link.err);
    let unlinked = run(&["account", "unlink", "mock"], false);
    assert_eq!(unlinked.code, 0, "{}", unlinked.err);
}

#[test]
fn an_old_login_is_noticed_before_the_provider_is_asked() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let run = |words: &str| {
        let mut line = vec!["--server", server.as_str()];
        line.extend(words.split(' '));
        person.run_with(&line, "")
    };
    let first = run("login ada --with mock --method device");
    assert_eq!(first.code, 0, "{}", first.err);
    deployment.stop_all();
    let database = rusqlite::Connection::open(deployment.database_path()).unwrap();
    let back = "UPDATE sessions SET since = since - 900001";
    assert_eq!(database.execute(back, []).unwrap(), 1);
    drop(database);
    deployment.start_all();
    let asked = provider.calls("/device");
    for words in [
        "account link mock --method device",
        "account unlink mock",
        "tokens create desk --scope trade",
    ] {
        let ran = run(words);
        assert_ne!(ran.code, 0, "{words}");
        assert!(
            ran.err.contains("log in anew with its provider"),
            "{words}: {}",
            ran.err
        );
    }
    assert_eq!(provider.calls("/device"), asked);
}

/// Starts a redirect flow, and returns the provider's address and the program's port.
fn redirecting(
    person: &Person,
    server: &str,
) -> (Child, BufReader<std::process::ChildStderr>, Url, u16) {
    let line = [
        "--server", server, "login", "ada", "--with", "mock", "--method", "redirect",
    ];
    let mut child = person.spawn(&line);
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.trim().starts_with("http://") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0);
    }
    let url = Url::parse(line.trim()).unwrap();
    let back = url.query_pairs().find(|(name, _)| name == "redirect_uri");
    let port = Url::parse(&back.unwrap().1).unwrap().port().unwrap();
    (child, said, url, port)
}

/// What the program answers to a request for this path.
fn answer(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn connections_that_stay_silent_keep_no_browser_out() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let (mut child, _said, url, port) = redirecting(&person, &server);
    let begun = std::time::Instant::now();
    // More than are held; one has sent a part, and one far too much.
    let mut silent: Vec<TcpStream> = (0..40)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    silent[39].write_all(b"GET /").unwrap();
    // It may be closed before it has taken all.
    let _ = silent[38].write_all(&[b'x'; 64 * 1024]);
    let stranger = answer(port, "/?code=x&state=another");
    assert!(stranger.starts_with("HTTP/1.1 404"), "{stranger}");
    let start = answer(port, "/start");
    assert!(start.starts_with("HTTP/1.1 302"), "{start}");
    assert!(
        start.contains(&format!("\r\nLocation: {url}\r\n")),
        "{start}"
    );
    let mut page = ureq::get(url.as_str()).call().unwrap();
    let page = page.body_mut().read_to_string().unwrap();
    assert!(page.contains("close this page"), "{page}");
    assert!(child.wait().unwrap().success());
    // Each of them may take 5 s: one after the other would be minutes.
    assert!(begun.elapsed() < std::time::Duration::from_secs(60));
}

#[test]
fn another_user_of_the_machine_is_not_sent_to_the_provider() {
    if !rustix::process::getuid().is_root() {
        println!("skipped: only root can be another user");
        return;
    }
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let (mut child, _said, url, port) = redirecting(&person, &server);
    let script = format!(
        "import socket
s = socket.create_connection(('127.0.0.1', {port}))
s.sendall(b'GET /start HTTP/1.1\\r\\n\\r\\n')
print(s.makefile().read())"
    );
    let mut other = Command::new("/usr/bin/python3");
    other
        .args(["-c", &script])
        .current_dir("/")
        .uid(65_534)
        .gid(65_534);
    let said = String::from_utf8(other.output().unwrap().stdout).unwrap();
    assert!(said.starts_with("HTTP/1.1 404"), "{said}");
    assert!(
        !said.contains("Location") && !said.contains("state"),
        "{said}"
    );
    ureq::get(url.as_str()).call().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_identity_of_a_provider_that_is_gone_is_named_and_unlinked() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let run = |words: &str, input: &str| {
        let mut line = vec!["--server", server.as_str()];
        line.extend(words.split(' '));
        person.run_with(&line, input)
    };
    for (words, input) in [
        ("login ada --with mock --method device", ""),
        ("password change --password-stdin", "correct horse\n"),
    ] {
        let ran = run(words, input);
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    }
    deployment.stop_all();
    deployment.master().set_toml("third_party", "[]");
    let database = rusqlite::Connection::open(deployment.database_path()).unwrap();
    let back = "UPDATE sessions SET since = since - 900001";
    assert_eq!(database.execute(back, []).unwrap(), 1);
    drop(database);
    deployment.start_all();
    let account = run("account", "");
    let row = account
        .out
        .lines()
        .find(|line| line.starts_with("providers"));
    assert!(
        row.is_some_and(|row| row.ends_with(" mock")),
        "{}",
        account.out
    );
    // A name that is none of this account's, where no provider is configured.
    let other = run("account unlink google --password-stdin", "correct horse\n");
    assert_eq!(other.code, 5, "{}", other.err);
    assert!(other.err.contains("has no third parties"), "{}", other.err);
    let ran = run("account unlink mock --password-stdin", "correct horse\n");
    assert_eq!(ran.code, 0, "{}", ran.err);
    let account = run("account", "");
    assert!(!account.out.contains("providers"), "{}", account.out);
    let mut client = deployment.connect(1);
    let refused = client.login(&username("ada"), &hashed("x"), false);
    assert_eq!(refused.unwrap_err().code(), "bad-credentials");
}

#[test]
fn an_old_login_is_renewed_with_a_password_from_standard_input() {
    let provider = MockProvider::start();
    let deployment = deployment_with(&provider);
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let run = |words: &str| {
        let mut line = vec!["--server", server.as_str()];
        line.extend(words.split(' '));
        let ran = person.run_with(&line, "correct horse\n");
        assert_eq!(ran.code, 0, "{words}: {}", ran.err);
    };
    run("register bob bob@example.org --password-stdin");
    run("login bob --password-stdin");
    for words in [
        "account link mock --method device --password-stdin",
        "account unlink mock --password-stdin",
    ] {
        deployment.stop_all();
        let database = rusqlite::Connection::open(deployment.database_path()).unwrap();
        let back = "UPDATE sessions SET since = since - 900001";
        database.execute(back, []).unwrap();
        drop(database);
        deployment.start_all();
        run(words);
    }
}
