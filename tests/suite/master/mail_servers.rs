//! A mail server for the tests: aiosmtpd, in a process of its own. And mails handed to it and to
//! exim, which was not fitted to us.

use papertrader::config::MailSettings;
use papertrader::master::mail::smtp::{MailServer, OutgoingMail, SmtpError, SmtpTimeouts};
use papertrader::runtime::Stop;
use papertrader::testkit::eventually;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// Whether the tests with a part run. `tests/run` sets the variable where the part cannot be had,
/// and counts them as skipped.
fn has(without: &str) -> bool {
    let skipped = std::env::var_os(without).is_some();
    if skipped {
        println!("skipped: {without} is set");
    }
    !skipped
}

/// Whether there is aiosmtpd.
pub fn has_aiosmtpd() -> bool {
    has("WITHOUT_AIOSMTPD")
}

/// aiosmtpd, which keeps what it gets.
pub struct Aiosmtpd {
    folder: TempDir,
    process: Child,
    pub port: u16,
}

impl Aiosmtpd {
    /// Starts a server: see `smtp_server.py`.
    pub fn start(options: &[&str]) -> Aiosmtpd {
        let folder = tempfile::tempdir().unwrap();
        certify(folder.path());
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/master/smtp_server.py");
        // Debian's Python has Debian's packages; another one that comes first may lack them.
        let mut process = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(folder.path())
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // It warns of logins without TLS.
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("python3: {error}; `make deps` installs it"));
        let mut line = String::new();
        let out = process.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let port = line.trim().parse();
        Aiosmtpd {
            folder,
            process,
            port: port.expect("no aiosmtpd; `make deps` installs python3-aiosmtpd"),
        }
    }

    /// The certificate of the server.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The mail of this number, from 1, when it has come.
    pub fn mail(&self, number: usize) -> String {
        let path = self.folder.path().join(format!("{number}.eml"));
        eventually("a mail arrives", || fs::read_to_string(&path).ok())
    }

    /// How many mails have come.
    pub fn count(&self) -> usize {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let is_mail = |name: &Path| name.extension().is_some_and(|end| end == "eml");
        entries
            .filter(|entry| is_mail(&entry.as_ref().unwrap().path()))
            .count()
    }
}

impl Drop for Aiosmtpd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A new certificate for localhost.
fn certify(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
}

fn settings(url: &str, folder: &Path, ca: Option<PathBuf>, password: Option<&str>) -> MailSettings {
    let credentials = password.map(|password| {
        let path = folder.join("mail.key");
        fs::write(&path, format!("me\n{password}\n")).unwrap();
        path
    });
    MailSettings {
        url: url.parse().unwrap(),
        from: "PaperTrader <no-reply@example.org>".parse().unwrap(),
        credentials,
        ca,
        templates: None,
    }
}

fn mail(to: &str) -> OutgoingMail {
    OutgoingMail {
        number: 1,
        from: "no-reply@example.org".parse().unwrap(),
        to: to.parse().unwrap(),
        bytes: Zeroizing::new(b"Subject: x\r\n\r\n.a line\r\n.\r\nthe end\r\n".to_vec()),
    }
}

fn send(settings: &MailSettings, to: &str) -> Result<(), SmtpError> {
    let server = MailServer::open(settings, SmtpTimeouts::DEFAULT).unwrap();
    server.send(&mail(to), &Stop::new())
}

#[test]
fn aiosmtpd_takes_mails_over_tls_of_both_kinds_and_with_a_login() {
    if !has_aiosmtpd() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (scheme, options) in [
        ("smtp+starttls", &["--starttls", "--login"][..]),
        ("smtps", &["--tls", "--login"]),
        ("smtp", &["--login"]),
        ("smtp", &[]),
    ] {
        let server = Aiosmtpd::start(options);
        let url = format!("{scheme}://localhost:{}", server.port);
        let with = |ca: Option<PathBuf>, password| settings(&url, folder.path(), ca, password);
        let ca = Some(server.certificate());
        let password = options.contains(&"--login").then_some("geheim");
        send(&with(ca.clone(), password), "alice@example.org").unwrap();
        let mail = server.mail(1);
        let (head, rest) = mail.split_once("\nTLS ").unwrap();
        assert_eq!(head, "FROM no-reply@example.org\nTO alice@example.org");
        let is_tls = if scheme == "smtp" { "False" } else { "True" };
        // What aiosmtpd knows of TLS is its own alone.
        if scheme == "smtp+starttls" {
            assert!(rest.starts_with(is_tls), "{mail}");
        }
        assert!(mail.ends_with("\r\n.a line\r\n.\r\nthe end\r\n"), "{mail}");
        send(&with(ca.clone(), password), "\u{e4}@example.org").unwrap();
        assert!(server.mail(2).contains("TO \u{e4}@example.org"));
        if password.is_some() {
            let error = send(&with(ca, Some("falsch")), "a@example.org").unwrap_err();
            assert!(matches!(error, SmtpError::Server(_)), "{error:?}");
            assert!(error.to_string().contains("AUTH: 535"), "{error}");
        }
        if scheme != "smtp" {
            let error = send(&with(None, password), "a@example.org").unwrap_err();
            assert!(matches!(error, SmtpError::Server(_)), "{error:?}");
            assert!(error.to_string().contains("certificate"), "{error}");
        }
        assert_eq!(server.count(), 2);
    }
}

#[test]
fn exim_takes_a_mail_over_starttls() {
    if !has("WITHOUT_EXIM") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    certify(path);
    // exim becomes its own user.
    for (name, mode) in [("", 0o777), ("key.pem", 0o644), ("cert.pem", 0o644)] {
        fs::set_permissions(path.join(name), PermissionsExt::from_mode(mode)).unwrap();
    }
    let at = path.display();
    let config = format!(
        "primary_hostname = localhost\nspool_directory = {at}/spool\nlog_file_path = {at}/log-%s\n\
         queue_only = true\nacl_smtp_rcpt = take\ntls_advertise_hosts = *\n\
         tls_certificate = {at}/cert.pem\ntls_privatekey = {at}/key.pem\n\
         begin acl\ntake:\n  require domains = example.org\n  accept\n"
    );
    let file = path.join("exim.conf");
    fs::write(&file, config).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = std::thread::spawn(move || {
        for _ in 0..2 {
            let socket = OwnedFd::from(listener.accept().unwrap().0);
            let mut exim = Command::new("/usr/sbin/exim4")
                .args(["-bs", "-C"])
                .arg(&file)
                .stdin(socket.try_clone().unwrap())
                .stdout(socket)
                .spawn()
                .unwrap_or_else(|error| panic!("exim4: {error}; install exim4-daemon-light"));
            exim.wait().unwrap();
        }
    });
    let url = format!("smtp+starttls://localhost:{port}");
    let settings = settings(&url, path, Some(path.join("cert.pem")), None);
    send(&settings, "alice@example.org").unwrap();
    let error = send(&settings, "alice@elsewhere.org").unwrap_err();
    assert!(matches!(error, SmtpError::Refused(_)), "{error:?}");
    serving.join().unwrap();
    let input = fs::read_dir(path.join("spool/input")).unwrap();
    let data: Vec<PathBuf> = input
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with("-D"))
        .collect();
    let text = fs::read_to_string(&data[0]).unwrap();
    assert_eq!(data.len(), 1);
    assert!(text.ends_with("\n.a line\n.\nthe end\n"), "{text}");
}
