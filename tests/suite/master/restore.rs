//! `papertraderctl restore` and `verify --database`, run by root in folders that another user owns
//! and prepares. Without root these tests are skipped, with a message.

use papertrader::config::DatabaseUrl;
use papertrader::master::storage::{Storage, backup};
use papertrader::testkit::admin::texts;
use papertrader::testkit::program;
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// Another user than root: `nobody`, whether the machine has its name or not.
const OTHER: u32 = 65_534;

/// A data folder of another user, a backup of root's, and a folder that only root may write to.
struct Machine {
    folder: TempDir,
}

impl Machine {
    /// `None` without root, which a message says.
    fn new() -> Option<Machine> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can run a restore for another user");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let machine = Machine { folder };
        for (name, mode) in [
            ("data", 0o700),
            ("gnupg", 0o700),
            ("market", 0o755),
            ("roots", 0o755),
        ] {
            fs::DirBuilder::new()
                .mode(mode)
                .create(machine.path(name))
                .unwrap();
        }
        chown(machine.data(""), Some(OTHER), Some(OTHER)).unwrap();
        let made = machine.path("made.db");
        Storage::migrate(&DatabaseUrl::Sqlite(made.clone())).unwrap();
        backup::copy(
            &DatabaseUrl::Sqlite(made),
            &machine.path("backup.db"),
            &|| false,
        )
        .unwrap();
        machine.configure("data/master.db");
        Some(machine)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn data(&self, name: &str) -> PathBuf {
        self.path("data").join(name)
    }

    fn configure(&self, database: &str) {
        let text = format!(
            "data_dir = \"data\"\n[database]\nurl = \"sqlite:{}\"\n[gpg]\nhome = \"gnupg\"\n\
             key = \"{}\"\n[assets]\nsymbols = \"all\"\n[assets.replay]\ndirectory = \"market\"\n",
            self.path(database).display(),
            "0123456789".repeat(4)
        );
        fs::write(self.path("master.toml"), text).unwrap();
    }

    /// A link of the other user's in the data folder.
    fn plant(&self, name: &str, target: &Path) {
        symlink(target, self.data(name)).unwrap();
        std::os::unix::fs::lchown(self.data(name), Some(OTHER), Some(OTHER)).unwrap();
    }

    fn ctl(&self, arguments: &[&str]) -> Output {
        Command::new(program::find("papertraderctl"))
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn restore(&self) -> Output {
        self.ctl(&["--json", "restore", "backup.db", "--config", "master.toml"])
    }

    fn done(&self) -> Value {
        let output = self.restore();
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(0), "{text}{errors}");
        serde_json::from_str(&text).unwrap()
    }

    fn refused(&self) -> String {
        let output = self.restore();
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{text}{errors}");
        errors
    }

    /// The names in a folder.
    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.path(folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Root's folder is as it was.
    fn assert_roots_is_empty(&self) {
        assert_eq!(self.names("roots"), [""; 0]);
        let owner = fs::metadata(self.path("roots")).unwrap();
        assert_eq!((owner.uid(), owner.mode() & 0o7777), (0, 0o755));
    }

    /// Whatever stands in the data folder is its owner's.
    fn assert_data_is_its_owners(&self) {
        for name in self.names("data") {
            let file = fs::symlink_metadata(self.data(&name)).unwrap();
            assert_eq!(file.uid(), OTHER, "{name}");
        }
    }
}

#[test]
fn root_restores_as_the_owner_of_the_data_folder() {
    let Some(machine) = Machine::new() else {
        return;
    };
    assert_eq!(machine.done()["replaced"], Value::Null);
    let replaced = machine.done();
    assert_eq!(
        replaced["replaced"].as_str().unwrap(),
        machine.data("master.db.old").to_str().unwrap()
    );
    let database = fs::metadata(machine.data("master.db")).unwrap();
    assert_eq!((database.uid(), database.mode() & 0o7777), (OTHER, 0o600));
    machine.assert_data_is_its_owners();
    let text = machine.ctl(&["restore", "backup.db", "--config", "master.toml"]);
    assert!(texts(&text).0.contains("master.db.old2"), "{text:?}");
    let checked = machine.ctl(&["verify", "--database", "data/master.db"]);
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    machine.assert_data_is_its_owners();
    assert_eq!(fs::metadata(machine.path("backup.db")).unwrap().uid(), 0);
}

#[test]
fn a_planted_lock_makes_root_create_and_give_away_nothing() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.plant("master.lock", &machine.path("roots/ld.so.preload"));
    let why = machine.refused();
    machine.assert_roots_is_empty();
    assert!(why.contains("master.lock"), "{why}");
    // One that is there is not given away either.
    fs::write(machine.path("roots/secret"), "").unwrap();
    fs::remove_file(machine.data("master.lock")).unwrap();
    machine.plant("master.lock", &machine.path("roots/secret"));
    machine.refused();
    let secret = fs::metadata(machine.path("roots/secret")).unwrap();
    assert_eq!((secret.uid(), secret.len()), (0, 0));
}

#[test]
fn other_planted_links_lead_root_nowhere() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // A database of root's, which a restore would open and move aside.
    let other = machine.path("roots/other.db");
    Storage::migrate(&DatabaseUrl::Sqlite(other.clone())).unwrap();
    let before = fs::read(&other).unwrap();
    let names = machine.names("roots");
    machine.plant("master.db", &other);
    for name in [
        "master.db.new",
        "master.db.new.part",
        "master.db.new-journal",
    ] {
        machine.plant(name, &machine.path(&format!("roots/{name}")));
    }
    for name in ["master.db-wal", "master.db-shm"] {
        machine.plant(name, &machine.path(&format!("roots/{name}")));
    }
    machine.done();
    assert_eq!(machine.names("roots"), names);
    assert_eq!(fs::read(&other).unwrap(), before);
    assert_eq!(fs::metadata(&other).unwrap().uid(), 0);
    machine.assert_data_is_its_owners();
    assert!(
        fs::symlink_metadata(machine.data("master.db"))
            .unwrap()
            .is_file()
    );
}

#[test]
fn a_link_in_the_place_of_the_data_folder_is_refused() {
    let Some(machine) = Machine::new() else {
        return;
    };
    machine.plant("inner", &machine.path("roots"));
    machine.configure("data/inner/master.db");
    let why = machine.refused();
    machine.assert_roots_is_empty();
    assert!(why.contains("data/inner") && why.contains("link"), "{why}");
    // A folder further down is reached through the link.
    fs::create_dir(machine.path("roots/deep")).unwrap();
    machine.configure("data/inner/deep/master.db");
    let why = machine.refused();
    assert_eq!(machine.names("roots/deep"), [""; 0]);
    assert!(why.contains("data/inner") && why.contains("link"), "{why}");
}

#[test]
fn a_folder_of_roots_below_another_users_or_open_to_others_is_refused() {
    let Some(machine) = Machine::new() else {
        return;
    };
    // Its owner could put a link in its place at any time.
    fs::create_dir(machine.data("deep")).unwrap();
    machine.configure("data/deep/master.db");
    let why = machine.refused();
    assert_eq!(machine.names("data/deep"), [""; 0]);
    assert!(why.contains("data/deep"), "{why}");
    fs::set_permissions(machine.path("roots"), Permissions::from_mode(0o1777)).unwrap();
    machine.configure("roots/master.db");
    let why = machine.refused();
    assert_eq!(machine.names("roots"), [""; 0]);
    assert!(why.contains("roots: others may write"), "{why}");
}

#[test]
fn a_backup_is_no_link_and_no_secret_of_roots() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let secret = machine.path("roots/secret");
    fs::write(&secret, "root:$6$secret").unwrap();
    fs::set_permissions(&secret, Permissions::from_mode(0o600)).unwrap();
    let restore = |file: &str| {
        let output = machine.ctl(&["restore", file, "--config", "master.toml"]);
        let (text, errors) = texts(&output);
        assert_eq!(output.status.code(), Some(1), "{text}{errors}");
        assert_eq!(
            machine
                .names("data")
                .iter()
                .filter(|name| name.contains("new"))
                .count(),
            0
        );
        errors
    };
    machine.plant("backup.db", &secret);
    assert!(restore("data/backup.db").contains("link"));
    assert!(restore("roots/secret").contains("not a PaperTrader database"));
    // Nobody waits for a pipe.
    let pipe = machine.path("pipe");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    assert!(restore("pipe").contains("no regular file"));
}

/// A snapshot, a read-only mount, a folder of somebody else: SQLite cannot write beside the file.
#[test]
fn a_database_is_checked_where_nothing_can_be_written() {
    let Some(machine) = Machine::new() else {
        return;
    };
    let made = machine.path("made.db");
    let kept = machine.path("roots/kept.db");
    fs::copy(&made, &kept).unwrap();
    fs::set_permissions(&kept, Permissions::from_mode(0o444)).unwrap();
    let tool = machine.path("roots/papertraderctl");
    fs::copy(program::find("papertraderctl"), &tool).unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o755)).unwrap();
    let verify = || {
        let output = Command::new(&tool)
            .args(["--json", "verify", "--database"])
            .arg(&kept)
            .current_dir("/")
            .uid(OTHER)
            .gid(OTHER)
            .output()
            .unwrap();
        (output.status.code(), texts(&output))
    };
    let (code, (text, errors)) = verify();
    assert_eq!(code, Some(0), "{errors}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(report["lacks_log"], true, "{text}");
    assert_eq!(report["update"], 0, "{text}");
    // What stands in the log would be passed over.
    fs::write(machine.path("roots/kept.db-wal"), "a log").unwrap();
    let (code, (_, errors)) = verify();
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("copy both files"), "{errors}");
}
