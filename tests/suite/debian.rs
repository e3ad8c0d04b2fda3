//! The Debian packages as far as they can be seen without building them: every file has its package,
//! and changelog, licences and scripts are whole. `make deb` builds them, and tests/system installs
//! them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What a program of `etc/debian` prints; it must succeed.
fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(root().join("etc/debian").join(program))
        .args(arguments)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The lines of all files that say which package gets what.
fn installed() -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(root().join("etc/debian")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "install") {
            let text = fs::read_to_string(&path).unwrap();
            lines.extend(text.lines().map(|line| {
                let place = line.split_whitespace().next().unwrap();
                place.to_owned()
            }));
        }
    }
    lines
}

#[test]
fn every_program_page_and_completion_is_in_one_package() {
    let installed = installed();
    let mut wanted = Vec::new();
    for entry in fs::read_dir(root().join("bin")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        wanted.push(format!("usr/bin/{name}"));
        for (folder, file) in [
            ("bash-completion/completions", name.to_owned()),
            ("fish/vendor_completions.d", format!("{name}.fish")),
            ("zsh/site-functions", format!("_{name}")),
        ] {
            wanted.push(format!("usr/share/{folder}/{file}"));
        }
    }
    for entry in fs::read_dir(root().join("etc/man")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let section = name.rsplit_once('.').unwrap().1;
        // What administrators read is all of one package.
        wanted.push(match section {
            "1" => format!("usr/share/man/man1/{name}"),
            other => format!("usr/share/man/man{other}"),
        });
    }
    for place in wanted {
        let count = installed.iter().filter(|line| **line == place).count();
        assert_eq!(count, 1, "{place}");
    }
    let different: BTreeSet<&String> = installed.iter().collect();
    assert_eq!(different.len(), installed.len(), "{installed:?}");
}

#[test]
fn the_servers_have_their_pages_and_a_readme_that_names_what_is_there() {
    let docs = read("etc/debian/papertrader-server.docs");
    let operation = ["setup", "metrics", "sizing", "container"];
    let several_machines = [
        "master/standby",
        "master/storage/patroni",
        "master/storage/postgres",
    ];
    for page in operation.iter().chain(&several_machines) {
        let page = format!("spec/{page}.md");
        assert!(docs.lines().any(|line| line == page), "{page}");
    }
    for file in docs.lines() {
        assert!(root().join(file).is_file(), "{file}");
    }
    let readme = read("etc/debian/papertrader-server.README.Debian");
    let folders = read("etc/tmpfiles.d/papertrader.conf");
    let folders = folders.lines().filter(|line| line.starts_with("d "));
    let mut count = 0;
    for folder in folders.filter_map(|line| line.split_whitespace().nth(1)) {
        // Those of workers are named beside the master's.
        let name = folder.rsplit('/').next().unwrap();
        assert!(readme.contains(folder) || readme.contains(name), "{folder}");
        count += 1;
    }
    assert!(count > 5);
    for unit in ["papertrader-master.service", "papertrader-backup.timer"] {
        assert!(readme.contains(unit), "{unit}");
    }
}

#[test]
fn the_changelog_has_the_programs_version_first_and_any_that_is_asked_for() {
    let first = |version: &str| {
        let text = printed(
            "changelog.sh",
            &[version, "A <a@example.org>", "1795641000"],
        );
        assert!(text.contains("\n -- A <a@example.org>  "), "{text}");
        text.lines().next().unwrap().to_owned()
    };
    let ours = env!("CARGO_PKG_VERSION");
    let line = |version: &str| format!("papertrader ({version}) unstable; urgency=medium");
    assert_eq!(first(""), line(&format!("{ours}-1")));
    assert_eq!(first("7.0.1"), line("7.0.1-1"));
    assert_eq!(first("7.0.1-2"), line("7.0.1-2"));
    // A version that has been released has the date of its release.
    let text = printed(
        "changelog.sh",
        &["0.1.0", "A <a@example.org>", "1795641000"],
    );
    assert!(text.contains("Tue, 24 Nov 2026 00:00:00 +0000"), "{text}");
    assert_eq!(text.matches("papertrader (").count(), 1, "{text}");
}

#[test]
fn each_crate_has_its_copyright_and_each_licence_its_text() {
    if std::env::var_os("WITHOUT_PYTHON").is_some() {
        return;
    }
    let text = printed("copyright.py", &[]);
    let (mut named, mut texts) = (BTreeSet::new(), BTreeSet::new());
    for paragraph in text.split("\n\n").skip(1) {
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines
                .find_map(|line| line.strip_prefix(name))
                .map(str::trim)
        };
        let licence = field("License:").unwrap();
        if field("Files:").is_some() {
            assert!(
                field("Copyright:").is_some_and(|it| !it.is_empty()),
                "{paragraph}"
            );
            named.extend(licence.split(" and "));
        } else {
            assert!(paragraph.lines().count() > 1, "{paragraph}");
            texts.insert(licence);
        }
    }
    assert_eq!(named, texts);
    for name in ["rusqlite", "gpgme", "ring", "rustls"] {
        assert!(text.contains(&format!("\nFiles: vendor/{name}-")), "{name}");
    }
    // Tests' crates are in no program.
    assert!(!text.contains("vendor/proptest-"));
}

#[test]
fn the_scripts_are_scripts_and_stop_at_the_first_error() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("etc/debian")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap_or_default();
        if !text.starts_with("#!/bin/sh\n") {
            continue;
        }
        count += 1;
        let status = Command::new("sh").arg("-n").arg(&path).status().unwrap();
        assert!(status.success(), "{}", path.display());
        let stops = text
            .lines()
            .any(|line| line == "set -e" || line == "set -eu");
        assert!(stops, "{}", path.display());
    }
    assert!(count >= 5, "{count}");
}

/// A worker comes ready with its first link: whoever waits for it waits for a master elsewhere.
#[test]
fn an_upgrade_restarts_the_master_first_and_waits_for_no_worker() {
    let script = read("etc/debian/papertrader-server.postinst");
    let master = script
        .find("deb-systemd-invoke try-restart \"$master\"")
        .unwrap();
    let worker = script
        .find("systemctl --no-block try-restart 'papertrader-worker@*.service'")
        .unwrap();
    assert!(master < worker);
    for started in ["systemctl start", "systemctl enable", "--now"] {
        let is_text = |line: &str| line.trim_start().starts_with("echo");
        let mut lines = script.lines().filter(|line| line.contains(started));
        assert!(lines.all(is_text), "{started}");
    }
}
