//! The audit lines of a real master, and the page that has all of them.

use papertrader::model::{Email, HashedPass};
use papertrader::testkit::trader::{hashed, username};
use papertrader::testkit::{Deployment, until};
use regex::Regex;
use std::fs;
use std::path::Path;

/// The audit lines so far, without time and place, with stars for what differs between two runs.
fn audited(deployment: &Deployment) -> Vec<String> {
    deployment.done("log flush");
    let changing = [
        (r"client=127\.0\.0\.1:\d+", "client=*"),
        (r"session=[0-9a-f]{8}\b", "session=*"),
        (r"sha256=[0-9a-f]{64}", "sha256=*"),
        (r"bytes=\d+", "bytes=*"),
        (r"(since|cash|cash_before|in_force|address)=\S+", "$1=*"),
        (r#"by="user [^"]+""#, "by=*"),
    ]
    .map(|(pattern, put)| (Regex::new(pattern).unwrap(), put));
    let log = deployment.log();
    let lines = log.lines().filter_map(|line| {
        let (_, act) = line.split_once(" INFO  audit: ")?;
        let (act, _) = act.rsplit_once(" (src/")?;
        let mut act = act.to_owned();
        for (pattern, put) in &changing {
            act = pattern.replace_all(&act, *put).into_owned();
        }
        Some(act)
    });
    lines.collect()
}

fn assert_lines(deployment: &Deployment, wanted: &[&str]) {
    let found = audited(deployment);
    let mut rest = found.iter();
    for line in wanted {
        assert!(
            rest.any(|it| it == line),
            "{line:?} is not there, or before another: {found:#?}"
        );
    }
}

#[test]
fn what_people_do_is_logged_and_what_they_mistype_is_not() {
    let deployment = Deployment::builder()
        .set("limits.failed_logins_per_minute", 3)
        .start();
    let mut alice = deployment.trader(1, "alice");
    let wrong = |name: &str| {
        let mut client = deployment.connect(1);
        let pass = HashedPass::parse(&"0".repeat(64)).unwrap();
        assert!(client.login(&username(name), &pass, false).is_err());
    };
    alice.logout().unwrap();
    wrong("alice");
    wrong("hunter2secret");
    let again = deployment
        .connect(1)
        .register(
            &username("ALICE"),
            &Email::parse("else@example.org").unwrap(),
            &hashed("alice"),
        )
        .unwrap_err();
    assert!(again.to_string().contains("taken") || again.to_string().contains("account"));
    deployment.done("accounts lock alice");
    let mut locked = deployment.connect(1);
    assert!(
        locked
            .login(&username("alice"), &hashed("alice"), false)
            .is_err()
    );
    deployment.done("accounts unlock alice");
    for _ in 0..3 {
        wrong("bob");
    }
    assert_lines(
        &deployment,
        &[
            "registration user=alice worker=worker-1 client=*",
            "login ok user=alice worker=worker-1 client=* session=* method=password",
            "session end reason=logout user=alice session=*",
            "login failed reason=wrong-password user=alice worker=worker-1 client=*",
            "login failed reason=unknown-name user=- worker=worker-1 client=*",
            "registration refused reason=taken worker=worker-1 client=*",
            "account lock user=alice by=* sessions=0",
            "login failed reason=locked user=alice worker=worker-1 client=*",
            "account unlock user=alice by=*",
            "login failed reason=unknown-name user=- worker=worker-1 client=*",
        ],
    );
    until("attempts are refused", || {
        wrong("bob");
        audited(&deployment).contains(
            &"login refused reason=too-many-of-address user=- worker=worker-1 client=*".to_owned(),
        )
    });
    let log = deployment.log();
    assert!(!log.contains("hunter2secret"), "{log}");
    assert!(!log.contains("alice@"), "{log}");
}

#[test]
fn what_administrators_do_is_logged_with_who_they_are() {
    let deployment = Deployment::builder().in_a_file().start();
    let _alice = deployment.trader(1, "alice");
    let copy = deployment.dir().join("copy.db");
    for command in [
        "sessions end --user alice",
        "accounts grant alice 5 --reason prize",
        "accounts restart alice --yes",
        "accounts reset alice",
        "market pause",
        "market resume",
        &format!("backup {}", copy.display()),
        "workers boot worker-1",
        "workers admit worker-1",
        "accounts delete alice --yes",
        "workers unregister worker-1",
    ] {
        deployment.done(command);
    }
    assert_lines(
        &deployment,
        &[
            "session end reason=administrator user=alice session=*",
            "sessions end which=user:alice by=* sessions=1 tokens=0",
            "account grant user=alice amount=5 cash=* reason=prize by=*",
            "account restart user=alice orders=0 sold=0 cash_before=* cash=* by=*",
            "account reset user=alice by=*",
            "market pause by=*",
            "market resume since=* by=*",
            "backup by=* bytes=* sha256=*",
            "worker boot worker=worker-1 by=*",
            "worker admit worker=worker-1 by=*",
            "account delete user=alice account=1 by=* sessions=0 orders=0",
            "worker unregister worker=worker-1 by=*",
        ],
    );
    let number = rustix::process::geteuid().as_raw();
    let log = deployment.log();
    let by = format!("({number})\"");
    let acts = log.lines().filter(|line| line.contains(" by=\"user "));
    assert!(acts.clone().count() > 0 && acts.clone().all(|line| line.contains(&by)));
}

fn sources(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|end| end == "rs") {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn the_page_has_every_audit_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("spec/master/audit.md")).unwrap();
    let mut texts = Vec::new();
    sources(&root.join("src/master"), &mut texts);
    let call = Regex::new(r#"(?s)audit!\(\s*"([^"]+)"(.*?)\)?;"#).unwrap();
    let key = Regex::new(r"\b([a-z_]+) = ").unwrap();
    let mut acts = 0;
    for text in &texts {
        for found in call.captures_iter(text) {
            acts += 1;
            let act = &found[1];
            let keys: Vec<String> = key
                .captures_iter(&found[2])
                .map(|key| format!("{}=", &key[1]))
                .collect();
            let has_all = |row: &str| {
                row.contains(&format!("`{act}")) && keys.iter().all(|key| row.contains(key))
            };
            assert!(
                page.lines().any(has_all),
                "spec/master/audit.md has no row of {act:?} with {keys:?}"
            );
        }
    }
    assert!(acts > 30, "{acts}");
}
