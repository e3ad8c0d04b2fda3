//! What is installed: man pages and completions that are current, units that systemd understands,
//! samples that load.

use papertrader::config::{MasterConfig, WorkerConfig};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[path = "../../etc/manpages.rs"]
mod manpages;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether a tool that not every machine has is here.
fn has(tool: &str) -> bool {
    Command::new("sh")
        .args(["-c", &format!("command -v {tool}")])
        .output()
        .unwrap()
        .status
        .success()
}

#[test]
fn man_pages_and_completions_are_current() {
    let generated = manpages::generated();
    for (path, bytes) in &generated {
        let kept = fs::read(root().join("etc").join(path)).unwrap_or_default();
        assert!(
            kept == *bytes,
            "{} is not current: run make man",
            path.display()
        );
    }
    for folder in ["man", "completions"] {
        for entry in fs::read_dir(root().join("etc").join(folder)).unwrap() {
            let path = Path::new(folder).join(entry.unwrap().file_name());
            assert!(
                generated.iter().any(|(known, _)| *known == path),
                "{} belongs to no program",
                path.display()
            );
        }
    }
}

#[test]
fn completions_are_scripts_that_bash_reads() {
    if !has("bash") {
        return;
    }
    for entry in fs::read_dir(root().join("etc/completions")).unwrap() {
        let path = entry.unwrap().path();
        let output = Command::new("bash").arg("-n").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }
    // What the shell offers after `papertraderctl workers re`.
    let script = r#"
        . etc/completions/papertraderctl.bash
        COMP_WORDS=(papertraderctl workers re); COMP_CWORD=2
        _papertraderctl papertraderctl re workers
        echo "${COMPREPLY[@]}""#;
    let output = Command::new("bash")
        .args(["--norc", "-c", script])
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(said(&output).trim(), "register");
}

/// Installs below a folder of the test's own, as if it were the whole system.
fn install(folder: &Path) -> PathBuf {
    let built = papertrader::testkit::program::folder();
    let output = Command::new("make")
        .arg("install")
        .arg(format!("BUILT={}", built.display()))
        .arg(format!("PREFIX={}/usr", folder.display()))
        .arg(format!("SYSCONFDIR={}/etc", folder.display()))
        .current_dir(root())
        .env_remove("DESTDIR")
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    folder.join("usr")
}

#[test]
fn an_installation_is_whole_and_systemd_takes_its_units() {
    let folder = tempfile::tempdir().unwrap();
    let usr = install(folder.path());
    for file in [
        "bin/papertrader",
        "bin/papertraderctl",
        "bin/papertrader-master",
        "bin/papertrader-worker",
        "bin/papertrader-sandbox",
        "bin/papertrader-bench",
        "bin/ptcat",
        "share/man/man1/papertrader.1",
        "share/man/man8/papertraderctl.8",
        "share/bash-completion/completions/papertraderctl",
        "share/papertrader/market/AAPL.csv",
        "share/papertrader/mail/reset-code.txt",
        "share/doc/papertrader/LICENSE",
        "lib/sysusers.d/papertrader.conf",
        "lib/tmpfiles.d/papertrader.conf",
    ] {
        assert!(usr.join(file).is_file(), "{file}");
    }
    let output = Command::new(usr.join("bin/papertraderctl"))
        .arg("--version")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let units = usr.join("lib/systemd/system");
    for unit in ["papertrader-master.service", "papertrader-worker@.service"] {
        let text = fs::read_to_string(units.join(unit)).unwrap();
        for setting in [
            "StartLimitIntervalSec=0",
            "Restart=on-failure",
            "RestartSec=1s",
            "RestartSteps=8",
            "RestartMaxDelaySec=60s",
            "RestartPreventExitStatus=78",
        ] {
            assert!(
                text.lines().any(|line| line == setting),
                "{unit}: {setting}"
            );
        }
        for target in ["network-online.target", "time-sync.target"] {
            let after = text.lines().find(|line| line.starts_with("After="));
            assert!(after.unwrap().contains(target), "{unit}: {target}");
        }
        // Of [Unit]; elsewhere systemd passes over it.
        let limit = text.find("StartLimitIntervalSec").unwrap();
        assert!(limit < text.find("[Service]").unwrap(), "{unit}");
    }
    let master = fs::read_to_string(units.join("papertrader-master.service")).unwrap();
    let binary = usr.join("bin/papertrader-master");
    assert!(
        master.contains(&format!("ExecStart={} ", binary.display())),
        "{master}"
    );
    if !has("systemd-analyze") {
        return;
    }
    let verify = || {
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .arg(units.join("papertrader-master.service"))
            .arg(units.join("papertrader-worker@.service"))
            .output()
            .unwrap();
        (output.status.success(), said(&output))
    };
    let (mut taken, mut text) = verify();
    if text.contains("Unknown key 'RestartSteps'") {
        // A systemd before 254 passes over these two settings, and says so.
        for unit in ["papertrader-master.service", "papertrader-worker@.service"] {
            let whole = fs::read_to_string(units.join(unit)).unwrap();
            let known = |line: &&str| {
                !line.starts_with("RestartSteps") && !line.starts_with("RestartMaxDelaySec")
            };
            let kept: Vec<&str> = whole.lines().filter(known).collect();
            fs::write(units.join(unit), kept.join("\n") + "\n").unwrap();
        }
        (taken, text) = verify();
    }
    let ours = text.lines().any(|line| line.contains("papertrader"));
    assert!(taken && !ours, "{text}");
}

#[test]
fn samples_load_once_their_keys_are_filled_in() {
    let folder = tempfile::tempdir().unwrap();
    install(folder.path());
    let read = |name: &str| {
        let path = folder
            .path()
            .join(format!("etc/papertrader/{name}.toml.sample"));
        let text = fs::read_to_string(&path).unwrap();
        let text = text
            .replace(
                "master_key = \"FINGERPRINT\"",
                &format!("master_key = \"{}\"", "B".repeat(40)),
            )
            .replace("FINGERPRINT", &"A".repeat(40))
            .replace("\"UUID\"", "\"00000000-0000-4000-8000-000000000001\"");
        (text, path)
    };
    let (text, path) = read("master");
    let (master, _) = MasterConfig::parse(&text, &path).unwrap();
    let market = folder.path().join("usr/share/papertrader/market");
    assert_eq!(master.assets.replay.unwrap().directory, market);
    assert_eq!(master.gpg.home, folder.path().join("etc/papertrader/gnupg"));
    let (text, path) = read("worker");
    WorkerConfig::parse(&text, &path).unwrap();
}

#[test]
fn a_second_installation_leaves_configurations_alone() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("etc/papertrader/master.toml");
    fs::create_dir_all(own.parent().unwrap()).unwrap();
    fs::write(&own, "mine").unwrap();
    install(folder.path());
    install(folder.path());
    assert_eq!(fs::read(&own).unwrap(), b"mine");
}
