//! Whom `papertrader` tells a password or a session, and over what: names that nobody vouches for
//! get nothing, a name that leads to this machine gets no plain text, and what a deployment lists
//! does not move another's session.

use super::cli::{Person, nowhere};
use super::fake_worker::Fake;
use std::io::Read;
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

/// What the first who connects says first.
fn listen(listener: TcpListener) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut said = vec![0; 4096];
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let size = stream.read(&mut said).unwrap_or(0);
        said.truncate(size);
        said
    })
}

fn login(person: &Person, options: &[&str]) -> super::cli::Ran {
    let line = [options, &["login", "alice", "--password-stdin"]].concat();
    person.run_with(&line, "secret word\n")
}

#[test]
fn nobody_whom_a_master_alone_names_is_told_a_password() {
    let (master, thief) = (Fake::start(), Fake::start_at("127.0.0.2"));
    master.tell(|t| t.workers = vec![thief.address.clone()]);
    thief.tell(|t| t.workers = vec![thief.address.clone()]);
    let person = Person::new();
    let at = ["--server", &nowhere(), "--master", &master.address];
    let ran = login(&person, &at);
    assert_eq!(ran.code, 3, "{}", ran.out);
    let accept = format!("--server {}", thief.address);
    assert!(
        ran.err.contains("nobody vouches") && ran.err.contains(&accept),
        "{}",
        ran.err
    );
    assert!(!person.file().exists());
    // What is to be typed again is nothing that a shell would run.
    let names = ["$(reboot):1", "-x:1", "a;b:1", thief.address.as_str()];
    master.tell(|t| t.workers = names.map(str::to_owned).to_vec());
    let ran = login(&person, &at);
    assert!(ran.err.contains(&accept), "{}", ran.err);
    master.tell(|t| t.workers = vec![thief.address.clone()]);
    let told = format!("--master {} workers", master.address);
    assert_eq!(person.run(&told).out, format!("{}\n", thief.address));
    // Nor is anybody told a session, whose worker is down: the thief is not even connected to.
    let worker = Fake::start();
    let options = ["--server", &worker.address, "--master", &master.address];
    assert_eq!(login(&person, &options).code, 0);
    let kept = std::fs::read_to_string(person.file()).unwrap();
    worker.tell(|t| t.fault = Some(papertrader::model::ProtocolFault::ShuttingDown.into()));
    let ran = person.run("quote AAPL");
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains(&accept), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(person.file()).unwrap(), kept);
    // Who is accepted is used.
    assert_eq!(login(&person, &["--server", &thief.address]).code, 0);
}

#[test]
fn what_a_master_names_is_tried_at_a_host_that_was_named() {
    let (master, worker) = (Fake::start(), Fake::start());
    master.tell(|t| t.workers = vec![worker.address.clone()]);
    let person = Person::new();
    let at = ["--server", &nowhere(), "--master", &master.address];
    let ran = login(&person, &at);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(person.run("quote AAPL").code, 0);
}

#[test]
fn a_name_that_leads_to_this_machine_is_told_nothing_in_plain_text() {
    // `127.1` is a name to this program, and leads to 127.0.0.1 by the system's resolver.
    for (host, is_plain) in [("127.0.0.1", true), ("localhost", true), ("127.1", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let said = listen(listener);
        let person = Person::new();
        let ran = login(&person, &["--server", &format!("{host}:{port}")]);
        assert_eq!(ran.code, 3);
        let said = said.join().unwrap();
        let is_told = said.windows(5).any(|bytes| bytes == b"alice");
        assert_eq!(is_told, is_plain, "{host}");
    }
}

#[test]
fn a_deployment_that_names_anothers_worker_displaces_nothing() {
    let (honest, hostile) = (Fake::start(), Fake::start());
    let person = Person::at(&honest);
    hostile.tell(|t| t.workers = vec![hostile.address.clone(), honest.address.clone()]);
    assert_eq!(login(&person, &["--server", &hostile.address]).code, 0);
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(person.file()).unwrap()).unwrap();
    let servers: Vec<_> = kept["sessions"].as_array().unwrap().iter().collect();
    assert_eq!(servers.len(), 2, "{kept}");
    // The honest server gets its own session. The hostile one does not get a word of it.
    hostile.tell(|t| t.expired = true);
    let ran = person.run(&format!("--server {} quote AAPL", honest.address));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(honest.told.lock().unwrap().quotes, 1);
}

#[test]
fn a_session_made_over_tls_is_never_sent_in_plain_text() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    // As if this worker's address had been one that speaks TLS, and another listens there now.
    let kept = std::fs::read_to_string(person.file()).unwrap();
    let over_tls = kept.replace("\"tls\": false", "\"tls\": true");
    assert_ne!(kept, over_tls);
    std::fs::write(person.file(), &over_tls).unwrap();
    for line in [
        "quote AAPL",
        "--plain quote AAPL",
        "login alice --password-stdin",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = person.run_with(&words, "secret word\n");
        let code = if words[0] == "--plain" { 1 } else { 3 };
        assert_eq!(ran.code, code, "{line}");
    }
    assert!(
        person
            .run("--plain quote AAPL")
            .err
            .contains("made over TLS")
    );
    assert_eq!(fake.told.lock().unwrap().quotes, 0);
    // A login may be made otherwise, if the person says so; and it has to be said.
    assert_eq!(login(&person, &["--plain"]).code, 0);
    assert_eq!(std::fs::read_to_string(person.file()).unwrap(), kept);
    assert_eq!(person.run("quote AAPL").code, 0);
}

/// A server that changed from a pinned certificate to another would be refused for ever.
#[test]
fn a_logout_forgets_a_server_that_is_not_trusted_any_more() {
    let worker = Fake::start();
    let person = Person::at(&worker);
    let kept = std::fs::read_to_string(person.file()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let pinned = kept
        .replace(&worker.address, &listener.local_addr().unwrap().to_string())
        .replace("\"tls\": false", "\"tls\": true")
        .replace(
            "\"pins\": []",
            &format!("\"pins\": [\"{}\"]", "0".repeat(64)),
        );
    assert_ne!(pinned, kept);
    std::fs::write(person.file(), pinned).unwrap();
    // It hears the beginning of TLS, and answers nothing.
    let said = listen(listener);
    let ran = person.run("logout");
    assert_eq!(said.join().unwrap()[..2], [0x16, 3]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.err.contains("forgotten here"), "{}", ran.err);
    let kept: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(person.file()).unwrap()).unwrap();
    let kept = &kept["sessions"][0];
    assert_eq!(
        (&kept["tls"], &kept["pins"]),
        (&false.into(), &serde_json::json!([]))
    );
    assert_eq!(
        (&kept["ended"], &kept["session"]),
        (&"logged-out".into(), &"0".repeat(64).into())
    );
    assert_eq!(login(&person, &["--server", &worker.address]).code, 0);
}
