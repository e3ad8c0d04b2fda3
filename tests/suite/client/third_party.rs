//! spec/cli/papertrader/commands/third_party.md · 3.1.3 (third parties)
//!
//! `papertrader`, the built program, signing in with a provider.

use super::cli::{Person, Ran};
use crate::master::third_party_accounts::deployment_with;
use papertrader::testkit::mock_provider::MockProvider;
use std::io::{BufRead, BufReader, Read};
use std::process::Child;

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
