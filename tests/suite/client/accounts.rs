//! What a person changes of an account with `papertrader`: against a worker of the tests' own, and
//! against real daemons.

use super::cli::Person;
use super::fake_worker::Fake;
use papertrader::testkit::Deployment;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

/// Runs a command that asks for passwords, each in a line of `input`.
fn with_input(person: &Person, line: &str, input: &str) -> super::cli::Ran {
    person.run_with(&line.split(' ').collect::<Vec<_>>(), input)
}

/// A person who has registered as `name` at this worker, and has logged in.
fn registered(server: &str, name: &str, password: &str) -> Person {
    let person = Person::new();
    let email = format!("{name}@example.org");
    let ran = with_input(
        &person,
        &format!("--server {server} register {name} {email} --password-stdin"),
        &format!("{password}\n"),
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    log_in(&person, server, name, password);
    person
}

fn log_in(person: &Person, server: &str, name: &str, password: &str) {
    let line = format!("--server {server} login {name} --password-stdin");
    let ran = with_input(person, &line, &format!("{password}\n"));
    assert_eq!(ran.code, 0, "{}", ran.err);
}

#[test]
fn an_account_its_sessions_and_its_tokens_are_shown() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let account = person.run("--json account").json();
    assert_eq!(account["account"], "alice");
    assert_eq!(
        (&account["sessions"], &account["tokens"]),
        (&json!(2), &json!(3))
    );
    let sessions = person.run("--json sessions").json();
    assert_eq!(sessions["sessions"][0]["id"], "0123456789abcdef");
    assert_eq!(sessions["sessions"][0]["current"], true);
    assert_eq!(sessions["sessions"][1]["used_worker"], "eu1");
    let shown = person.run("sessions").out;
    assert!(
        shown.contains("0123456789abcdef*") && shown.contains("fedcba9876543210"),
        "{shown}"
    );
    let tokens = person.run("--json tokens").json();
    assert_eq!(tokens["tokens"][0]["scope"], "trade");
    assert_eq!(tokens["tokens"][1]["used"], json!(null));
    // A scope of a later edition is shown as it is.
    assert_eq!(tokens["tokens"][2]["scope"], "of-edition-9");
    let shown = person.run("tokens").out;
    assert!(
        shown.contains("of-edition-9") && shown.contains("report"),
        "{shown}"
    );
    let ended = person.run("--json sessions end fedcba9876543210").json();
    assert_eq!(ended, json!({"account": "alice", "ended": 2}));
    let token = person.run("tokens create desk --scope read");
    assert_eq!(token.out, format!("{}\n", "70".repeat(32)), "{}", token.err);
    for told in [
        "shown this once",
        "chmod 600",
        "--user alice --token-file FILE",
    ] {
        assert!(token.err.contains(told), "{}", token.err);
    }
    let revoked = person.run("--json tokens revoke desk").json();
    assert_eq!(revoked, json!({"account": "alice", "revoked": "desk"}));
    // The session in use is over with all.
    assert_eq!(person.run("sessions end --all").code, 0);
    assert_eq!(person.run("portfolio").code, 4);
}

#[test]
fn a_new_password_is_checked_before_anything_is_sent() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for (new, why) in [
        ("short", "at least 8"),
        ("ALICE@example.org", "e-mail address"),
    ] {
        let input = format!("secret\n{new}\n");
        let ran = with_input(&person, "password change --password-stdin", &input);
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    let line = format!(
        "--server {} register alice.b a@b --password-stdin",
        fake.address
    );
    for (password, why) in [("short", "at least 8"), ("Alice.B", "at least 8")] {
        let ran = with_input(&person, &line, &format!("{password}\n"));
        assert_eq!(ran.code, 1);
        assert!(ran.err.contains(why), "{}", ran.err);
    }
    let input = "secret\nlong enough\n";
    let ran = with_input(&person, "password change --password-stdin --json", input);
    assert_eq!(
        ran.json(),
        json!({"account": "alice", "changed": "password"})
    );
    assert_eq!(ran.err, "");
    // A weak one is taken, with an advice; one of several words has none.
    for (new, is_told) in [("12345678", true), ("fern oxide tuba plank", false)] {
        let input = format!("secret\n{new}\n");
        let ran = with_input(&person, "password change --password-stdin", &input);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(
            ran.err.contains("0 of 4, very weak"),
            is_told,
            "{}",
            ran.err
        );
        assert!(
            !ran.out.contains("of 4") && !ran.err.contains(new),
            "{}",
            ran.err
        );
    }
}

#[test]
fn a_changed_password_leaves_a_thief_nothing() {
    let running = Deployment::running(2);
    let [one, two] = running.addresses().try_into().unwrap();
    let alice = registered(&one, "alice", "password of alice");
    let thief = Person::new();
    log_in(&thief, &two, "alice", "password of alice");
    let token = thief.run_with(
        &[
            "tokens",
            "create",
            "backdoor",
            "--scope",
            "trade",
            "--password-stdin",
        ],
        "",
    );
    assert_eq!(token.code, 0, "{}", token.err);
    let seen = alice.run("--json account").json();
    assert_eq!((&seen["sessions"], &seen["tokens"]), (&json!(2), &json!(1)));
    let wrong = "password of thief\nquite another one\n";
    let ran = with_input(&alice, "password change --password-stdin", wrong);
    assert_eq!(ran.code, 5);
    assert!(ran.err.contains("bad-credentials"), "{}", ran.err);
    assert!(ran.err.contains("not the password of alice"), "{}", ran.err);
    assert!(!ran.err.contains("register"), "{}", ran.err);
    // No mail is sent here.
    assert!(ran.err.contains("ask the administrator"), "{}", ran.err);
    assert!(
        ran.err.ends_with("papertrader password reset alice\n"),
        "{}",
        ran.err
    );
    let right = "password of alice\nquite another one\n";
    let ran = with_input(&alice, "password change --password-stdin", right);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // On the other worker, too, and the token with it.
    assert_eq!(thief.run("portfolio").code, 4);
    let mut command = thief.command(&["--server", &two, "--user", "alice", "portfolio"]);
    let output = command
        .env("PAPERTRADER_TOKEN", token.out.trim())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    assert_eq!(
        alice.run("portfolio").code,
        0,
        "the session that asked goes on"
    );
    let line = format!("--server {two} login alice --password-stdin");
    assert_eq!(with_input(&thief, &line, "password of alice\n").code, 5);
    log_in(&thief, &two, "alice", "quite another one");
}

#[test]
fn after_a_login_at_another_worker_commands_act_for_its_account() {
    let running = Deployment::running(2);
    let [one, two] = running.addresses().try_into().unwrap();
    let person = registered(&one, "budi", "password of budi");
    let card = registered(&two, "murid10", "password of murid10");
    drop(card);
    let at_one = |line: &str| {
        let line: Vec<&str> = line.split(' ').collect();
        let mut command = person.command(&line);
        let output = command.env("PAPERTRADER_SERVER", &one).output().unwrap();
        let out: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        out["account"].clone()
    };
    assert_eq!(at_one("--json portfolio"), "budi");
    log_in(&person, &two, "murid10", "password of murid10");
    assert_eq!(at_one("--json portfolio"), "murid10");
    assert_eq!(at_one("--json --user budi portfolio"), "budi");
}

#[test]
fn one_password_is_one_however_its_characters_are_composed() {
    let running = Deployment::running(1);
    let server = running.addresses().remove(0);
    let composed = "fa\u{e7}ade-bank-77";
    let apart = "fac\u{327}ade-bank-77";
    registered(&server, "alice", composed);
    let person = registered(&server, "bob", apart);
    for (name, password) in [("alice", apart), ("alice", composed), ("bob", composed)] {
        log_in(&person, &server, name, password);
    }
    // An account of an older client, which hashed what was typed.
    let mut old = running.connect(1);
    let name = papertrader::model::Username::parse("carol").unwrap();
    let email = papertrader::model::Email::parse("carol@example.org").unwrap();
    let pass = papertrader::model::HashedPass::derive_as_typed(&name, apart);
    old.register(&name, &email, &pass).unwrap();
    log_in(&person, &server, "carol", apart);
    let ran = with_input(
        &person,
        "password change --password-stdin",
        &format!("{apart}\n{apart}\n"),
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    log_in(&person, &server, "carol", composed);
}

#[test]
fn a_program_reads_with_its_token_until_it_is_revoked() {
    let running = Deployment::running(1);
    let server = running.addresses().remove(0);
    let alice = registered(&server, "alice", "password of alice");
    let token = alice.run("tokens create report --scope read --days 7");
    assert_eq!(token.code, 0, "{}", token.err);
    let program = Person::new();
    let file = program.home.path().join("token");
    std::fs::write(&file, &token.out).unwrap();
    let given = format!(
        "--server {server} --user alice --token-file {}",
        file.display()
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = program.run(&format!("{given} portfolio"));
    assert!(
        ran.code == 1 && ran.err.contains(&format!("chmod 600 {}\n", file.display())),
        "{}",
        ran.err
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(
        program.run(&format!("{given} --json portfolio")).json()["account"],
        "alice"
    );
    let account = program.run(&format!("{given} --json account")).json();
    assert_eq!(account["sessions"], json!(null), "it may not see them");
    for command in ["buy AAPL 1", "sessions", "tokens", "sessions end --others"] {
        let ran = program.run(&format!("{given} {command}"));
        assert_eq!(ran.code, 5, "{command}: {}", ran.err);
        assert!(ran.err.contains("scope"), "{}", ran.err);
        let advice = if command == "buy AAPL 1" {
            &format!("papertrader --server {server} tokens create NAME --scope trade")
        } else {
            "Leave --token-file"
        };
        assert!(ran.err.contains(advice), "{command}: {}", ran.err);
    }
    // It is not ended for good by a word that people know of sessions.
    let ran = program.run(&format!("{given} logout"));
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(
        ran.err
            .contains(&format!("papertrader --server {server} tokens revoke NAME")),
        "{}",
        ran.err
    );
    assert_eq!(program.run(&format!("{given} portfolio")).code, 0);
    assert!(!program.file().exists(), "a token is not saved");
    assert_eq!(alice.run("tokens revoke report").code, 0);
    let ran = program.run(&format!("{given} portfolio"));
    assert!(ran.code == 4 && ran.err.contains("revoked"), "{}", ran.err);
    assert!(
        ran.err.contains("tokens create NAME --scope read"),
        "{}",
        ran.err
    );
    let ran = program.run(&format!(
        "--server {server} --token-file {} portfolio",
        file.display()
    ));
    assert!(ran.code == 1 && ran.err.contains("--user"), "{}", ran.err);
}

#[test]
fn who_deletes_an_account_confirms_it_and_leaves_nothing() {
    let running = Deployment::running(2);
    let servers = running.addresses();
    let alice = registered(&servers[0], "alice", "password of alice");
    // Another of her devices, at another worker.
    let phone = Person::new();
    log_in(&phone, &servers[1], "alice", "password of alice");
    let input = "password of alice\n";
    let ran = with_input(&alice, "account delete --password-stdin", input);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("--yes"), "{}", ran.err);
    let wrong = with_input(
        &alice,
        "account delete --yes --password-stdin",
        "guess of alice\n",
    );
    assert_eq!(wrong.code, 5, "{}", wrong.err);
    let ran = with_input(
        &alice,
        "--json account delete --yes --password-stdin",
        input,
    );
    assert_eq!(
        ran.json(),
        json!({"account": "alice", "changed": "deleted"})
    );
    let after = alice.run(&format!("--server {} account", servers[0]));
    assert_eq!(after.code, 4);
    let advice = format!(
        "alice was deleted from here, and its name is free. Log in to another:\n  papertrader \
         --server {} login NAME",
        servers[0]
    );
    assert!(after.err.contains(&advice), "{}", after.err);
    assert_eq!(alice.run("account").code, 4);
    assert_eq!(phone.run("account").code, 4);
    // The name is free.
    registered(&servers[1], "alice", "another person's");
}

#[test]
fn who_has_no_password_hears_of_an_old_login_before_a_question() {
    let running = Deployment::builder().in_a_file().start();
    let server = running.addresses().remove(0);
    let alice = registered(&server, "alice", "password of alice");
    running.stop_all();
    let database = rusqlite::Connection::open(running.database_path()).unwrap();
    let changes = "UPDATE sessions SET since = since - 900001;
        UPDATE accounts SET is_password = 0, pass_hash = NULL;";
    database.execute_batch(changes).unwrap();
    drop(database);
    running.start_all();
    let commands = [
        "account delete",
        "account delete --yes",
        "password change",
        "account email other@example.org",
        "tokens create desk --scope read",
    ];
    for command in commands {
        let ran = alice.run(&format!("--server {server} {command}"));
        assert_eq!(ran.code, 5, "{command}: {}", ran.err);
        let advice = format!("papertrader --server {server} login alice --with PROVIDER");
        assert!(
            ran.err.contains("15 minutes") && ran.err.replace('\n', " ").contains(&advice),
            "{command}: {}",
            ran.err
        );
    }
}

#[test]
fn an_old_login_is_made_anew_by_the_way() {
    let running = Deployment::builder().in_a_file().start();
    let server = running.addresses().remove(0);
    let alice = registered(&server, "alice", "password of alice");
    running.stop_all();
    let database = rusqlite::Connection::open(running.database_path()).unwrap();
    let back = "UPDATE sessions SET since = since - 900001";
    assert_eq!(database.execute(back, []).unwrap(), 1);
    drop(database);
    running.start_all();
    let ran = with_input(
        &alice,
        "tokens create desk --scope trade --password-stdin",
        "password of alice\n",
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    // The old session is gone, and the new one is the one in use.
    let sessions = alice.run("--json sessions").json();
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(sessions["sessions"][0]["current"], true);
    // Now it is fresh.
    let input = "password of alice\n";
    let ran = with_input(
        &alice,
        "account email new@example.org --password-stdin",
        input,
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(
        alice.run("--json account").json()["email"],
        "new@example.org"
    );
    running.trader(1, "bob");
    let taken = with_input(
        &alice,
        "account email bob@example.org --password-stdin",
        input,
    );
    assert!(taken.err.contains("email-taken"), "{}", taken.err);
    assert!(!taken.err.contains("login"), "{}", taken.err);
    let ran = with_input(&alice, "account email - --password-stdin", input);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(alice.run("--json account").json()["email"], json!(null));
    assert!(alice.run("account").out.contains("none"));
}
