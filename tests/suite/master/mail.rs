//! Mails and codes: real daemons, a real mail server, and one that lies.

use super::mail_servers::{Aiosmtpd, has_aiosmtpd};
use papertrader::testkit::Deployment;

/// A deployment that sends its mails to this server.
fn with_mail(server: &Aiosmtpd) -> Deployment {
    let deployment = Deployment::new(1);
    let master = deployment.master();
    master.set("mail.url", format!("smtp://127.0.0.1:{}", server.port));
    master.set("mail.from", "Class 7b <no-reply@example.org>");
    deployment
}

#[test]
fn status_tells_of_mail_where_it_is_configured() {
    if !has_aiosmtpd() {
        return;
    }
    let server = Aiosmtpd::start(&[]);
    let deployment = with_mail(&server);
    deployment.start_all();
    let status = deployment.json("status");
    assert_eq!(status["mail"]["waiting"], 0, "{status}");
    assert!(
        deployment
            .done("status")
            .contains("mails: 0 wait, 0 sent, 0 given up")
    );
}

#[test]
fn a_mail_configuration_that_is_wrong_is_refused_at_the_start() {
    let check = |key: &str, value: &str| {
        let deployment = Deployment::new(1);
        let folder = deployment.dir().join("texts");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("reset-code.txt"), "Subject: x\n\n{username}\n").unwrap();
        let master = deployment.master();
        master.set("mail.from", "no-reply@example.org");
        master.set("mail.url", "smtp://127.0.0.1:25");
        master.set(key, value);
        let line = ["--config", "master.toml", "--check-config"];
        let output = deployment.run("papertrader-master", &line);
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    assert_eq!(check("mail.from", "a@example.org").0, Some(0));
    for (key, value, says) in [
        ("mail.url", "smtp://mail.example.org", "is not encrypted"),
        ("mail.url", "mail.example.org", "is not a URL"),
        (
            "mail.url",
            "smtps://me:geheim@mail.example.org",
            "credentials",
        ),
        ("mail.from", "x\r\nBcc: y@z", "is not a sender"),
        ("mail.credentials", "absent.key", "cannot be read"),
        (
            "mail.templates",
            "texts",
            "reset-code.txt, line 3: the text lacks {code}",
        ),
    ] {
        let (code, text) = check(key, value);
        assert_eq!(code, Some(78), "{key} = {value}: {text}");
        assert!(text.contains(says), "{key} = {value}: {text}");
    }
}
