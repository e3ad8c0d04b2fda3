//! `papertraderctl backup`: what a running master sends, and who writes it.

use papertrader::testkit::admin::texts;
use papertrader::testkit::small_disk::SmallDisk;
use papertrader::testkit::trader::buy;
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually, folder, program, until};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A user who is in no group of ours.
const NOBODY: u32 = 65_534;

/// Rows that make the database larger than any buffer on the way of a backup.
const MANY_BARS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
    INSERT INTO bars SELECT (SELECT min(id) FROM assets), i, i + (1 << 40), i + (1 << 40), i + (1 << 40),
        i + (1 << 40), i + (1 << 40) FROM n";

/// A deployment whose database has several MiB, and in which somebody has traded.
fn large() -> Deployment {
    let deployment = Deployment::builder().in_a_file().start();
    let mut alice = deployment.trader(1, "alice");
    buy(&mut alice, "AAPL", "1");
    let connection = rusqlite::Connection::open(deployment.database_path()).unwrap();
    connection.busy_timeout(TEST_TIMEOUT).unwrap();
    connection.execute(MANY_BARS, []).unwrap();
    deployment
}

/// `papertraderctl` as a child with these arguments.
fn ctl(deployment: &Deployment, arguments: &[&str]) -> Command {
    let mut command = Command::new(program::find("papertraderctl"));
    command
        .arg("--socket")
        .arg(deployment.socket())
        .args(arguments)
        .current_dir(deployment.dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A backup on a pipe that nobody reads beyond its first bytes.
fn unread(deployment: &Deployment) -> Child {
    let mut child = ctl(deployment, &["backup", "-"]).spawn().unwrap();
    let mut first = [0; 16];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut first)
        .unwrap();
    assert_eq!(&first, b"SQLite format 3\0");
    child
}

/// The names of what a master makes to send in its data folder.
fn left(deployment: &Deployment) -> Vec<String> {
    names(deployment.database_path().parent().unwrap(), ".sending")
}

fn names(folder: &Path, with: &str) -> Vec<String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains(with))
        .collect()
}

#[test]
fn a_backup_is_the_callers_and_whole_in_every_form() {
    let deployment = large();
    let made = deployment.json("backup copy.db");
    let copy = deployment.dir().join("copy.db");
    let bytes = fs::read(&copy).unwrap();
    assert!(bytes.len() > 2 << 20, "{}", bytes.len());
    assert_eq!(made["bytes"], bytes.len());
    assert_eq!(made["sha256"], hex::encode(Sha256::digest(&bytes)));
    let file = fs::metadata(&copy).unwrap();
    assert_eq!(file.mode() & 0o7777, 0o600);
    assert_eq!(file.uid(), rustix::process::geteuid().as_raw());

    let piped = ctl(&deployment, &["backup", "-"]).output().unwrap();
    assert_eq!(piped.status.code(), Some(0), "{:?}", texts(&piped).1);
    fs::write(deployment.dir().join("piped.db"), piped.stdout).unwrap();
    for name in ["copy.db", "piped.db"] {
        let checked = deployment.json(&format!("verify {name}"));
        assert_eq!(checked["accounts"], 1, "{name}");
        assert_eq!(checked["differences"].as_array().unwrap().len(), 0);
        assert_eq!(checked["lacks_log"], false);
        assert!(checked["newest_transaction"].is_string(), "{checked}");
        assert!(checked["schema"].as_u64().unwrap() > 10, "{checked}");
    }
    // The master knows when it was, and that it was written.
    let status = deployment.json("status");
    assert!(status["last_backup"].is_string(), "{status}");
    assert_eq!(
        status["conditions"].as_array().unwrap().len(),
        0,
        "{status}"
    );
    let metrics = deployment.json("metrics");
    let metrics = metrics.as_str().unwrap();
    assert!(
        metrics.contains("\npapertrader_backup_timestamp_seconds "),
        "{metrics}"
    );
    let refused = ctl(&deployment, &["--json", "backup", "-"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(1));

    assert!(left(&deployment).is_empty() && names(deployment.dir(), ".part").is_empty());
    // The log is written once a second.
    let user = rustix::process::geteuid().as_raw();
    until("the log has who took a backup", || {
        let log = deployment.log();
        log.contains("audit: backup by=\"user ") && log.contains(&format!("({user})\" bytes="))
    });
}

#[test]
fn the_newest_backups_of_a_folder_are_kept() {
    let deployment = Deployment::builder().in_a_file().start();
    let folder = deployment.dir().join("daily");
    fs::create_dir(&folder).unwrap();
    for old in ["20260101", "20260102", "20260103"] {
        fs::write(folder.join(format!("papertrader-{old}T030000Z.db")), "old").unwrap();
    }
    fs::write(
        folder.join("papertrader-20260103T030000Z.db.part"),
        "killed",
    )
    .unwrap();
    fs::write(folder.join("mine.db"), "mine").unwrap();
    let made = deployment.json(&format!("backup --folder {} --keep 2", folder.display()));
    assert_eq!(made["deleted"].as_array().unwrap().len(), 2, "{made}");
    let mut left = names(&folder, "");
    left.sort();
    assert_eq!(left.len(), 3, "{left:?}");
    assert_eq!(left[0], "mine.db");
    assert_eq!(left[1], "papertrader-20260103T030000Z.db");
    let newest = deployment.json(&format!("verify {}", folder.join(&left[2]).display()));
    assert_eq!(newest["differences"].as_array().unwrap().len(), 0);
}

#[test]
fn a_kill_leaves_a_whole_file_or_a_part() {
    let deployment = large();
    let whole = deployment.dir().join("killed.db");
    let part = deployment.dir().join("killed.db.part");
    // A fast machine may have done it before each kill comes.
    for at_least in [0, 1, 256 << 10, 1 << 20, 2 << 20] {
        let mut child = ctl(&deployment, &["backup", "killed.db"]).spawn().unwrap();
        until("the file is this large, or whole", || {
            let size = fs::metadata(&part).map(|it| it.len());
            size.is_ok_and(|size| size >= at_least) || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        child.wait().unwrap();
        if whole.exists() {
            assert!(
                deployment
                    .done("verify killed.db")
                    .contains("every balance")
            );
            fs::remove_file(&whole).unwrap();
        } else {
            assert!(part.exists());
        }
        // The master soon knows that nobody reads any more.
        eventually("another backup is made", || {
            let again = deployment.ctl("backup killed.db");
            (again.status.code() == Some(0)).then_some(())
        });
        assert!(
            deployment
                .done("verify killed.db")
                .contains("every balance")
        );
        assert!(!part.exists());
        fs::remove_file(&whole).unwrap();
    }
    assert!(left(&deployment).is_empty());
}

#[test]
fn a_reader_that_stops_holds_nobody() {
    let deployment = large();
    let mut slow = unread(&deployment);
    // One copy at a time takes room; everything else goes on.
    assert!(
        deployment
            .refused("backup other.db")
            .contains("wait for it")
    );
    assert!(!deployment.dir().join("other.db.part").exists());
    deployment.assert_sound("while a reader stops");
    buy(&mut deployment.trader(1, "bob"), "IBM", "1");
    assert!(left(&deployment).is_empty(), "the copy has no name");
    slow.kill().unwrap();
    slow.wait().unwrap();
    eventually("the turn is free", || {
        (deployment.ctl("backup other.db").status.code() == Some(0)).then_some(())
    });

    // A master that stops ends what it sends.
    let slow = unread(&deployment);
    deployment.stop_all();
    let output = slow.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(texts_of(&output.stderr).contains("closed the connection"));

    // One that was killed while it copied leaves a file, which the next start removes.
    let left_over = deployment
        .database_path()
        .with_file_name("master.db.sending");
    fs::write(&left_over, "part of a copy").unwrap();
    deployment.start_all();
    assert!(!left_over.exists());
}

fn texts_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_killed_master_leaves_no_file_behind() {
    let deployment = large();
    let mut child = ctl(&deployment, &["backup", "cut.db"]).spawn().unwrap();
    until("the backup has begun", || {
        deployment.dir().join("cut.db.part").exists() || child.try_wait().unwrap().is_some()
    });
    deployment.master().kill();
    let output = child.wait_with_output().unwrap();
    // Whatever was first: a backup that is whole, or none.
    if output.status.code() == Some(0) {
        assert!(deployment.done("verify cut.db").contains("every balance"));
    } else {
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(names(deployment.dir(), "cut.db").is_empty());
    }
    deployment.master().start();
    assert!(left(&deployment).is_empty());
}

#[test]
fn a_full_disk_of_the_caller_leaves_nothing() {
    let deployment = large();
    let folder = deployment.dir().join("small");
    let Some(disk) = SmallDisk::mount(&folder, 1) else {
        eprintln!("skipped: only root can mount a small disk");
        return;
    };
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let why = deployment.refused("backup small/copy.db");
    assert!(why.contains("small/copy.db.part: No space left"), "{why}");
    assert!(names(&folder, "copy").is_empty());
    drop(disk);
    deployment.assert_sound("after a failed backup");
}

#[test]
fn the_callers_rights_decide_where_a_backup_goes() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root can be several users");
        return;
    }
    let deployment = large();
    let open = folder();
    fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
    for (name, owner) in [("roots", 0), ("theirs", NOBODY)] {
        fs::create_dir(open.path().join(name)).unwrap();
        chown(open.path().join(name), Some(owner), Some(owner)).unwrap();
    }
    let socket = open.path().join("master.sock");
    deployment.stop_all();
    let told = socket.to_str().unwrap();
    deployment.master().set("control_socket", told);
    deployment.master().start();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let backup = |to: &str, user: u32| {
        let mut command = Command::new(program::find("papertraderctl"));
        command
            .args(["--socket", told, "backup"])
            .arg(open.path().join(to));
        command.uid(user).gid(user).current_dir("/");
        // Where the program lies in a folder that a stranger cannot enter, there is nothing to try.
        command.output().ok().map(|output| {
            let (text, errors) = texts(&output);
            (output.status.code(), text + &errors)
        })
    };
    let owner = |name: &str| {
        let file = fs::metadata(open.path().join(name)).unwrap();
        (file.uid(), file.mode() & 0o7777)
    };
    if let Some((code, text)) = backup("roots/copy.db", NOBODY) {
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("copy.db.part: Permission denied"), "{text}");
        let (code, text) = backup("theirs/own.db", NOBODY).unwrap();
        assert_eq!(code, Some(0), "{text}");
        assert_eq!(owner("theirs/own.db"), (NOBODY, 0o600));
    }
    // Root works in a folder with its owner's rights.
    eventually("root's backup is made", || {
        let (code, _) = backup("theirs/given.db", 0).unwrap();
        (code == Some(0)).then_some(())
    });
    assert_eq!(owner("theirs/given.db"), (NOBODY, 0o600));
    std::os::unix::fs::symlink(
        open.path().join("roots/x"),
        open.path().join("theirs/link.db"),
    )
    .unwrap();
    let (code, text) = backup("theirs/link.db", 0).unwrap();
    assert_eq!((code, text.contains("exists")), (Some(1), true), "{text}");
    assert!(names(&open.path().join("roots"), "").is_empty());
}

#[test]
fn the_request_of_an_earlier_client_is_refused_with_advice() {
    let deployment = Deployment::builder().in_a_file().start();
    let mut stream = UnixStream::connect(deployment.socket()).unwrap();
    stream.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let file = deployment.dir().join("copy.db");
    writeln!(stream, "{{\"backup\":{{\"file\":{file:?}}}}}").unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    let answer: Value = serde_json::from_str(&line).unwrap();
    let why = answer["refused"].as_str().unwrap();
    assert!(why.contains("papertraderctl of its version"), "{why}");
    assert!(!file.exists());
}
