//! spec/cli/papertrader/commands/third_party.md · 3.1.3 (third parties)
//!
//! `papertrader`, the built program, in a terminal of its own, with providers of identities that
//! others wrote: from a first sign-in to a filled order, and on to a password.

use super::cli::Person;
use crate::master::real_providers::{
    Browser, Glewlwyd, OidcProvider, PLAIN_SECRET, SECRET, location,
};
use papertrader::testkit::{Deployment, eventually};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};

/// Runs a command on a terminal of its own, and is the person there: what comes on standard input is
/// typed, and what the terminal shows goes to standard output. It ends as the command does.
const TERMINAL: &str = r"
import fcntl, os, pty, select, struct, subprocess, sys, termios
columns, rows, *command = sys.argv[1:]
master, slave = pty.openpty()
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
os.close(slave)
sources = [master, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed: os.write(master, typed)
        else: sources.remove(0)
    if master in ready:
        try: shown = os.read(master, 65536)
        except OSError: break
        if not shown: break
        sys.stdout.buffer.write(shown)
        sys.stdout.buffer.flush()
sys.exit(child.wait())
";

/// A command in a terminal.
pub(super) struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Arc<Mutex<String>>,
    reader: Option<std::thread::JoinHandle<()>>,
}

/// The program that a person has set as their browser: it writes down what it is to open.
const NOTING_BROWSER: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >\"$HOME/opened.part\"\nmv \"$HOME/opened.part\" \"$HOME/opened\"\n";

impl Terminal {
    /// Runs a command line of `papertrader`. A browser is there if `has_browser`.
    pub(super) fn run(person: &Person, server: &str, line: &str, has_browser: bool) -> Terminal {
        let mut command = std::process::Command::new("python3");
        command
            .args(["-c", TERMINAL, "200", "70"])
            .arg(papertrader::testkit::program::find("papertrader"))
            .args(["--server", server])
            .args(line.split(' '))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", person.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        if has_browser {
            let program = person.home.path().join("browser");
            std::fs::write(&program, NOTING_BROWSER).unwrap();
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(&program, mode).unwrap();
            command.env("BROWSER", program);
        }
        let mut child = command.spawn().unwrap();
        let (keys, mut out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let shown = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&shown);
        let reader = std::thread::spawn(move || {
            let (mut bytes, mut block) = (Vec::new(), [0; 4096]);
            while let Ok(read @ 1..) = out.read(&mut block) {
                bytes.extend_from_slice(&block[..read]);
                *seen.lock().unwrap() = String::from_utf8_lossy(&bytes).replace('\r', "");
            }
        });
        Terminal {
            child,
            keys,
            shown,
            reader: Some(reader),
        }
    }

    /// Waits until the terminal shows a text. Returns all that it has shown.
    pub(super) fn shows(&self, text: &str) -> String {
        let what = format!("{text:?} in the terminal");
        eventually(&what, || {
            let mut reader = self.reader.iter();
            let has_ended = reader.all(std::thread::JoinHandle::is_finished);
            let shown = self.shown.lock().unwrap().clone();
            if has_ended {
                assert!(shown.contains(text), "{what}: {shown}");
            }
            shown.contains(text).then_some(shown)
        })
    }

    /// Types a line once the terminal shows a text.
    pub(super) fn answer(mut self, question: &str, line: &str) -> Terminal {
        self.shows(question);
        writeln!(self.keys, "{line}").unwrap();
        self
    }

    /// Waits for the command's end. Its exit code, and all that was shown.
    pub(super) fn end(mut self) -> (i32, String) {
        let status = self.child.wait().unwrap();
        self.reader.take().unwrap().join().unwrap();
        let shown = self.shown.lock().unwrap().clone();
        (status.code().unwrap(), shown)
    }

    /// The same, where the command is to succeed.
    fn succeeds(self) -> String {
        let (code, shown) = self.end();
        assert_eq!(code, 0, "{shown}");
        shown
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The command has ended, unless the test fails: then its terminal goes, and it with it.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address that a terminal shows in a line of its own.
fn address(shown: &str) -> String {
    let mut lines = shown.lines().map(str::trim);
    lines.find(|it| it.starts_with("http")).unwrap().to_owned()
}

/// From a first sign-in with the provider `name` to a filled order, and on to a password.
/// `sign_in` is the person's browser: it opens an address of the provider as a person, and returns
/// where it is sent back to, if it is.
fn first_sign_in(
    (name, issuer, secret): (&str, &str, &str),
    mut sign_in: impl FnMut(&str, &str) -> String,
) {
    let deployment = Deployment::new(1);
    deployment.set_provider(name, issuer, ("papertrader", secret));
    deployment.start_all();
    let server = deployment.addresses().remove(0);
    let person = Person::new();
    let run = |line: &str| Terminal::run(&person, &server, line, false);

    // The device flow, with a name that is asked for at the first time.
    let terminal = run(&format!("login --with {name}"));
    let shown = terminal.shows("Waiting…");
    assert!(shown.contains("this code:"), "{shown}");
    assert!(shown.contains('█') && shown.contains('▀'), "no QR: {shown}");
    sign_in(&address(&shown), "ada");
    let shown = terminal.answer("Choose a username", "ada").succeeds();
    assert!(shown.contains("Made the account ada."), "{shown}");
    assert!(shown.contains("Logged in as ada"), "{shown}");

    let bought = run("buy AAPL 2").succeeds();
    assert!(bought.contains("Bought 2 AAPL"), "{bought}");
    let portfolio = run("portfolio").succeeds();
    assert!(portfolio.contains("AAPL"), "{portfolio}");

    // By password it is refused, and the provider is named.
    let by_password = |password: &str| run("login ada").answer("Password of ada:", password).end();
    let (code, shown) = by_password("correct horse");
    assert_eq!(code, 5, "{shown}");
    let says = format!("this account has no password; sign in with {name}");
    assert!(shown.contains(&says), "{shown}");

    // A password is added, without an old one, and is a way in from then on.
    let shown = run("password change")
        .answer("New password of ada:", "correct horse")
        .answer("Once more", "correct horse")
        .succeeds();
    assert!(!shown.contains("correct horse"), "an echo: {shown}");
    let (code, shown) = by_password("correct horse");
    assert_eq!(code, 0, "{shown}");
    let portfolio = run("portfolio").succeeds();
    assert!(portfolio.contains("AAPL"), "{portfolio}");

    // The redirect flow leads into the same account.
    let line = format!("login ada --with {name}");
    let terminal = Terminal::run(&person, &server, &line, true);
    let shown = terminal.shows("Waiting for the browser");
    let opened = eventually("a browser is opened", || {
        std::fs::read_to_string(person.home.path().join("opened")).ok()
    });
    let opened = opened.trim();
    // All that `ps` shows.
    assert!(
        opened.starts_with("http://127.0.0.1:") && opened.ends_with("/start"),
        "{opened}"
    );
    let url = location(opened);
    assert_eq!(url, address(&shown));
    let back = sign_in(&url, "ada");
    assert!(back.starts_with(opened.trim_end_matches("start")), "{back}");
    let page = ureq::get(&back).call().unwrap().body_mut().read_to_string();
    assert!(page.unwrap().contains("close this page"));
    let shown = terminal.succeeds();
    assert!(shown.contains("Logged in as ada"), "{shown}");
    let account = run("account").succeeds();
    assert!(account.contains("password"), "{account}");
    assert!(account.contains(name), "{account}");
}

#[test]
fn another_password_takes_the_place_of_a_weak_one() {
    let deployment = Deployment::running(1);
    let (server, person) = (deployment.addresses().remove(0), Person::new());
    let good = "fern oxide tuba plank";
    let offer = "Once more, or Enter to choose another: ";
    let shown = Terminal::run(&person, &server, "register ada ada@example.org", false)
        .answer("New password of ada:", "zxcvbnm,./")
        .answer(offer, "")
        .answer(&format!("{offer}\nNew password of ada:"), good)
        .answer("Once more: ", good)
        .succeeds();
    assert!(
        shown.contains("very weak") || shown.contains("weak;"),
        "{shown}"
    );
    let login = format!("\n  papertrader --server {server} login ada\n");
    assert!(shown.contains(&login), "{shown}");
    let line = "login ada";
    let entered = Terminal::run(&person, &server, line, false).answer("Password of ada:", good);
    entered.succeeds();
}

#[test]
fn a_first_sign_in_with_npms_oidc_provider_leads_to_a_filled_order() {
    let Some(provider) = OidcProvider::start() else {
        return;
    };
    first_sign_in(("school", &provider.issuer, SECRET), |url, person| {
        Browser::default().sign_in(url, person)
    });
}

#[test]
fn a_first_sign_in_with_debians_glewlwyd_leads_to_a_filled_order() {
    let Some(mut provider) = Glewlwyd::start() else {
        return;
    };
    let issuer = provider.issuer.clone();
    first_sign_in(("glewlwyd", &issuer, PLAIN_SECRET), |url, person| {
        provider.sign_in(person, url)
    });
}
