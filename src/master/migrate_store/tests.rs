//! spec/master/migrate_store.md · 3.1.2

use super::*;
use crate::master::storage::testing::{Engine, execute};

fn arguments(from: &str, to: &str) -> MigrateStoreArguments {
    MigrateStoreArguments {
        from: from.to_owned(),
        to: to.to_owned(),
        password_file: None,
        json: false,
    }
}

#[test]
fn a_command_line_that_names_no_two_engines_is_a_bad_one() {
    let server = "postgres://pt@localhost/pt";
    for (from, to, says) in [
        (
            "master.db",
            server,
            "FROM: \"master.db\" is neither sqlite:FILE",
        ),
        (
            "sqlite:master.db",
            "mysql://x",
            "TO: \"mysql://x\" is neither",
        ),
        ("sqlite:master.db", "sqlite:other.db", "are both files"),
        ("sqlite:master.db", "sqlite:master.db", "the same database"),
        (
            server,
            server,
            "the same database, postgres://pt@localhost/pt",
        ),
        (server, "postgres://pt@localhost/other", "pg_dump"),
        (
            server,
            "postgres://pt:secret@localhost/other",
            "a file of its own",
        ),
    ] {
        let error = databases(&arguments(from, to)).unwrap_err();
        assert_eq!(error.code, BAD_USAGE);
        assert!(error.text.contains(says), "{error}");
        assert!(!error.text.contains("secret"), "{error}");
    }
    let mut with_password = arguments("sqlite:a.db", server);
    with_password.password_file = Some("/run/pw".into());
    let (from, to) = databases(&with_password).unwrap();
    assert!(from.file().unwrap().is_absolute());
    assert_eq!(to.password_file().unwrap().to_str(), Some("/run/pw"));
}

#[test]
fn a_database_that_does_not_add_up_is_not_moved() {
    let Some(engine) = Engine::postgres() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let to = DatabaseUrl::Sqlite(folder.path().join("moved.db"));
    let mut steps = Vec::new();
    let mut tell = |step: MoveStep| steps.push(step);
    let sql = "INSERT INTO accounts (account, username, username_key, is_password, created, starting_cash, boot, sequence)
         VALUES (1, 'a', 'a', 0, 0, 5, zeroblob(16), 1)";
    execute(&mut engine.storage(), sql);
    let report = move_database(engine.url(), &to, &|| false, &mut tell).unwrap();
    assert_eq!(
        (report.tables["accounts"], report.verification.accounts),
        (1, 1)
    );
    assert_eq!(report.rows, report.tables.values().sum::<u64>());
    assert!(shown(&report).contains("next: name"));
    assert!(matches!(steps.last(), Some(MoveStep::Checking)));
    std::fs::remove_file(to.file().unwrap()).unwrap();
    execute(&mut engine.storage(), "INSERT INTO balances VALUES (1, 4)");
    let refused = move_database(engine.url(), &to, &|| false, &mut |_| ()).unwrap_err();
    let text = why(&refused, &to);
    assert!(
        text.contains("does not add up") && text.contains('a'),
        "{text}"
    );
    assert!(!to.file().unwrap().exists());
    let stopped = move_database(engine.url(), &to, &|| true, &mut |_| ()).unwrap_err();
    assert!(why(&stopped, &to).starts_with("broken off"));
}
