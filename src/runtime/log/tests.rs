//! spec/runtime/log.md · 3.1.4 Log System
//!
//! Tests of the log.

use super::*;
use log::Log;
use std::fs;
use std::path::Path;
use std::process::Command;

fn open(file: &Path, memory_entries: usize) -> (LogHandle, Logger) {
    build(LogConfig {
        to: LogDestination::Both,
        file: file.to_owned(),
        level: LevelFilter::Info,
        memory_entries,
    })
    .unwrap()
}

fn entry(message: &str) -> LogEntry {
    LogEntry::from_record(
        &log::Record::builder()
            .level(Level::Info)
            .file_static(Some("src/some.rs"))
            .line(Some(7))
            .key_values(&(FUNCTION_KEY, "some::function"))
            .args(format_args!("{message}"))
            .build(),
    )
}

fn messages(file: &Path) -> Vec<String> {
    fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(|line| {
            let message = line.strip_suffix(" (src/some.rs:7 some::function)");
            message
                .and_then(|line| line.split_once(" INFO  "))
                .map_or(line, |(_, message)| message)
                .to_owned()
        })
        .collect()
}

#[test]
fn a_function_knows_its_name() {
    fn here() {}
    let own = "papertrader::runtime::log::tests::a_function_knows_its_name";
    assert_eq!(function_name(here), own);
    let inside = || {
        fn here() {}
        [(); 1].map(|()| function_name(here))[0]
    };
    assert_eq!(inside(), own);
}

#[test]
fn an_entry_is_one_line() {
    let entry = entry("two\nlines \u{1b}[31m \u{202e} back\\slash é");
    assert_eq!(entry.funcname, "some::function");
    let line = entry.to_string();
    assert!(
        line.ends_with(
            " INFO  two\\nlines \\u{1b}[31m \\u{202e} back\\\\slash é (src/some.rs:7 some::function)"
        ),
        "{line}"
    );
    // 2026-01-02 03:04:05.678
    assert_eq!(line.find(" INFO"), Some(23), "{line}");
}

#[test]
fn long_messages_are_cut_between_characters() {
    let entry = entry(&"é".repeat(5000));
    assert_eq!(entry.message, format!("{}…", "é".repeat(2048)));
}

#[test]
fn no_entry_is_lost_and_memory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    for bound in [1, 2, 7, 1000] {
        let file = dir.path().join(format!("{bound}.log"));
        let (handle, logger) = open(&file, bound);
        for number in 0..100 {
            // A long time-out: this test is about the bound, not about the disk.
            logger
                .0
                .memory
                .push(entry(&number.to_string()), Duration::from_secs(30), || {
                    logger.0.wake();
                });
            assert!(handle.tail(usize::MAX).len() <= bound);
        }
        handle
            .stop(Instant::now() + Duration::from_secs(10))
            .unwrap();
        let expected: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(messages(&file), expected, "bound {bound}");
        assert_eq!(handle.lost(), 0);
        let tail = handle.tail(3);
        assert_eq!(tail.len(), bound.min(3));
        assert_eq!(tail.last().unwrap().message, "99");
    }
}

#[test]
fn the_thread_writes_without_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    let (_handle, logger) = open(&file, 1000);
    logger.0.push(entry("alone"));
    let begun = Instant::now();
    while messages(&file).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::yield_now();
    }
    assert_eq!(messages(&file), ["alone"]);
}

#[test]
fn a_full_disk_loses_the_oldest_entries_and_the_file_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let (file, name) = (dir.path().join("log"), dir.path().join("name"));
    fs::write(&file, "").unwrap();
    // Every write to /dev/full fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", &name).unwrap();
    let (handle, logger) = open(&name, 4);
    for number in 0..10 {
        logger
            .0
            .memory
            .push(entry(&number.to_string()), Duration::from_millis(1), || {});
        assert!(handle.flush().is_err());
    }
    assert_eq!(handle.lost(), 6);
    assert_eq!(handle.tail(9).len(), 4);
    fs::remove_file(&name).unwrap();
    std::os::unix::fs::symlink(&file, &name).unwrap();
    handle.reopen().unwrap();
    handle.flush().unwrap();
    assert_eq!(
        messages(&file),
        [
            "-- 6 entries were lost here: the file could not be written",
            "6",
            "7",
            "8",
            "9"
        ]
    );
}

#[test]
fn reopen_opens_the_file_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let (file, moved) = (dir.path().join("log"), dir.path().join("log.1"));
    let (handle, logger) = open(&file, 10);
    logger.0.push(entry("before"));
    handle.flush().unwrap();
    fs::rename(&file, &moved).unwrap();
    logger.0.push(entry("between"));
    handle.reopen().unwrap();
    logger.0.push(entry("after"));
    handle.flush().unwrap();
    assert_eq!(messages(&moved), ["before", "between"]);
    assert_eq!(messages(&file), ["after"]);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let missing = Path::new("/nonexistent/folder/log");
    let config = LogConfig {
        to: LogDestination::Both,
        file: missing.to_owned(),
        level: LevelFilter::Info,
        memory_entries: 1,
    };
    let error = build(config).err().unwrap().to_string();
    assert!(error.contains("/nonexistent/folder/log"), "{error}");
}

#[test]
fn entries_of_libraries_are_logged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    let (handle, logger) = open(&file, 10);
    let before = log::max_level();
    handle.set_level(LevelFilter::Info);
    let record = |level, text: &str| {
        logger.log(
            &log::Record::builder()
                .level(level)
                .target("some_library")
                .args(format_args!("{text}"))
                .build(),
        );
    };
    record(Level::Warn, "kept");
    record(Level::Debug, "not kept");
    handle.set_level(before);
    let tail = handle.tail(9);
    assert_eq!(tail.len(), 1);
    assert_eq!(
        (&*tail[0].filename, &*tail[0].funcname),
        ("some_library", "-")
    );
}

/// Runs only as a child process of the tests below.
#[test]
fn child_panics_with_a_log() {
    let Some(file) = std::env::var_os("PAPERTRADER_TEST_LOG") else {
        return;
    };
    runtime::install_panic_hook();
    let handle = start(LogConfig {
        to: match std::env::var("PAPERTRADER_TEST_TO").as_deref() {
            Ok("file") => LogDestination::File,
            Ok("journal") => LogDestination::Journal,
            _ => LogDestination::Both,
        },
        file: file.into(),
        level: LevelFilter::Info,
        memory_entries: 1000,
    })
    .unwrap();
    crate::info!("the answer is {}", 42);
    crate::debug!("nobody sees {}", "this");
    // Without the writing thread, only the panic hook can write the last entries.
    handle
        .stop(Instant::now() + Duration::from_secs(10))
        .unwrap();
    crate::warn!("just before");
    let doomed = runtime::spawn("doomed", || panic!("on purpose")).unwrap();
    doomed.join(Instant::now() + Duration::from_secs(30));
    std::process::exit(0);
}

#[test]
fn a_panic_is_in_the_file_after_all_earlier_entries() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "runtime::log::tests::child_panics_with_a_log",
            "--nocapture",
        ])
        .env("PAPERTRADER_TEST_LOG", &file)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    let place = "papertrader::runtime::log::tests::child_panics_with_a_log)";
    assert!(
        lines[0].contains(" INFO  the answer is 42 (src/runtime/log/tests.rs:")
            && lines[0].ends_with(place),
        "{text}"
    );
    assert!(lines[1].contains(" WARN  just before (src"), "{text}");
    let last = " ERROR thread doomed panicked, the process ends: on purpose (";
    assert!(lines[2].contains(last), "{text}");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        stderr.contains("just before") && !stderr.contains("the answer"),
        "{stderr}"
    );
}

/// What the child writes to a journal, and to the file if there is one.
fn journal_and_file(to: &str) -> (String, Option<String>) {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    let (journal, log) = (dir.path().join("journal"), dir.path().join("log"));
    let stderr = fs::File::create(&journal).unwrap();
    let it = stderr.metadata().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "runtime::log::tests::child_panics_with_a_log",
            "--nocapture",
        ])
        .env("PAPERTRADER_TEST_LOG", &log)
        .env("PAPERTRADER_TEST_TO", to)
        .env("JOURNAL_STREAM", format!("{}:{}", it.dev(), it.ino()))
        .stdout(std::process::Stdio::null())
        .stderr(stderr)
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
    let journal = fs::read_to_string(&journal).unwrap();
    (journal, fs::read_to_string(log).ok())
}

#[test]
fn a_journal_gets_all_entries_with_priorities() {
    for to in ["both", "journal"] {
        let (journal, file) = journal_and_file(to);
        for start in [
            "<6>the answer is 42 (src/",
            "<4>just before (src/",
            "<3>thread doomed panicked, the process ends: on purpose (",
        ] {
            let found = journal.lines().filter(|line| line.starts_with(start));
            assert_eq!(found.count(), 1, "{start}: {journal}");
        }
        let lines = file.map(|text| text.lines().count());
        assert_eq!(lines, (to == "both").then_some(3), "{to}");
    }
}

#[test]
fn a_file_alone_leaves_errors_alone_to_the_journal() {
    let (journal, file) = journal_and_file("file");
    assert_eq!(file.unwrap().lines().count(), 3);
    assert!(journal.contains("<3>thread doomed panicked"), "{journal}");
    assert!(
        !journal.contains("just before") && !journal.contains("the answer"),
        "{journal}"
    );
}

#[test]
fn the_group_reads_a_new_file_whatever_the_umask_is() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
    let (new, old) = (dir.path().join("new"), dir.path().join("old"));
    fs::write(&old, "").unwrap();
    fs::set_permissions(&old, fs::Permissions::from_mode(0o600)).unwrap();
    open(&new, 10).0.flush().unwrap();
    open(&old, 10).0.flush().unwrap();
    assert_eq!((mode(&new), mode(&old)), (0o640, 0o600));
}
