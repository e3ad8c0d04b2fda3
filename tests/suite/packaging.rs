//! What is installed: man pages and completions that are current, units that systemd understands,
//! samples that load.

use papertrader::config::{MasterConfig, WorkerConfig};
use std::fs;
use std::os::unix::fs::PermissionsExt;
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
        if path.extension().is_none_or(|it| it != "bash") {
            continue;
        }
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

/// Whether a test of a tool is passed over: `tests/run` says aloud that it is not here.
fn is_without(tool: &str) -> bool {
    std::env::var_os(format!("WITHOUT_{}", tool.to_uppercase())).is_some()
}

/// A folder with a program of the client's name that knows two symbols and an account, and tells with
/// what else it is called.
fn folder_of_names() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("papertrader");
    let script = r#"#!/bin/sh
case "$1 $2 $3" in
  "__complete symbols "[aA]*) echo AAPL ;;
  "__complete symbols ") printf 'AAPL\nIBM\n' ;;
  "__complete users "*) echo ada ;;
  __complete*) ;;
  *) echo "RAN: $*" ;;
esac
"#;
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// What a shell says to a script of its own, with that program in front of all others.
fn shell(program: &str, arguments: &[&str]) -> String {
    let names = folder_of_names();
    let path = format!("{}:/usr/bin:/bin", names.path().display());
    let output = Command::new(program)
        .args(arguments)
        .current_dir(root())
        .env("PATH", path)
        .env("HOME", names.path())
        .env("XDG_CONFIG_HOME", names.path())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    said(&output)
}

#[test]
fn bash_completes_symbols_and_accounts() {
    if !has("bash") {
        return;
    }
    let complete = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let (last, before) = (words[words.len() - 1], words[words.len() - 2]);
        let script = format!(
            ". etc/completions/papertrader.bash; COMP_WORDS=({line}); COMP_CWORD={}; \
             _papertrader_with_names papertrader '{last}' '{before}'; echo \"${{COMPREPLY[@]}}\"",
            words.len() - 1
        );
        let script = if last.is_empty() {
            script.replace(&format!("({line})"), &format!("({line} '')"))
        } else {
            script
        };
        shell("bash", &["--norc", "-c", &script]).trim().to_owned()
    };
    assert_eq!(complete("papertrader quote aa"), "AAPL");
    assert_eq!(complete("papertrader quote AAPL "), "AAPL IBM");
    assert_eq!(complete("papertrader buy a"), "AAPL");
    assert_eq!(complete("papertrader chart --year a"), "AAPL");
    assert_eq!(complete("papertrader --user a"), "ada");
    // One symbol alone; and what clap knows.
    assert_eq!(complete("papertrader info AAPL A"), "");
    assert_eq!(complete("papertrader por"), "portfolio");
    assert_eq!(complete("papertrader chart AAPL --ra"), "--raw");
}

#[test]
fn fish_completes_symbols_and_accounts() {
    if is_without("fish") {
        return;
    }
    let complete = |line: &str| {
        let script = format!("source etc/completions/papertrader.fish; complete -C '{line}'");
        let told = shell("fish", &["--no-config", "-c", &script]);
        let words = told.lines().filter_map(|line| line.split('\t').next());
        words.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(complete("papertrader quote aa"), "AAPL");
    assert_eq!(complete("papertrader sell "), "AAPL IBM");
    assert_eq!(complete("papertrader --user a"), "ada");
    assert_eq!(complete("papertrader por"), "portfolio");
    assert!(complete("papertrader chart AAPL --ra").contains("--raw"));
    for program in ["papertraderctl", "papertrader-master", "ptcat"] {
        let script = format!("source etc/completions/{program}.fish; complete -C '{program} --he'");
        let told = shell("fish", &["--no-config", "-c", &script]);
        assert!(told.starts_with("--help"), "{told}");
    }
}

#[test]
fn zsh_completes_symbols_and_accounts() {
    if is_without("zsh") {
        return;
    }
    // The functions are found by their names, as they are installed.
    let functions = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("etc/completions")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "zsh") {
            let name = path.file_stem().unwrap().to_str().unwrap();
            fs::copy(&path, functions.path().join(format!("_{name}"))).unwrap();
        }
    }
    // Types the line, with Tab and Return, into a shell at a terminal of its own, and waits for what
    // the program says it was called with.
    let complete = |line: &str, ran: &str| {
        let script = format!(
            r#"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1=''; fpath=({} \$fpath); autoload -Uz compinit; compinit -u -D; echo REA''DY"
zpty -r shell out '*READY*'
zpty -n -w shell $'{line}\t\n'
zpty -r shell out '*RAN: {ran}*'
print -r -- "$out"
zpty -d shell
"#,
            functions.path().display()
        );
        let told = shell("timeout", &["60", "zsh", "-f", "-c", &script]);
        assert!(told.contains(&format!("RAN: {ran}")), "{line}: {told}");
    };
    complete("papertrader quote aa", "quote AAPL");
    complete("papertrader quote IBM a", "quote IBM AAPL");
    complete("papertrader --user a", "--user ada");
    complete("papertrader chart --ra", "chart --raw");
    for entry in fs::read_dir(functions.path()).unwrap() {
        let path = entry.unwrap().path();
        let told = shell("zsh", &["-n", path.to_str().unwrap()]);
        assert_eq!(told, "", "{}", path.display());
    }
}

#[test]
fn man_pages_have_their_sections_and_no_faults() {
    let has_man = !is_without("man");
    for entry in fs::read_dir(root().join("etc/man")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        // A guide has no program.
        let is_guide = path.extension().is_some_and(|end| end == "7");
        let sections: &[&str] = if is_guide {
            &["NAME", "\"SEE ALSO\""]
        } else {
            &["SYNOPSIS", "\"EXIT STATUS\"", "ENVIRONMENT", "\"SEE ALSO\""]
        };
        for section in sections {
            let heading = format!(".SH {section}");
            assert!(
                text.lines().any(|line| line == heading),
                "{}: {section}",
                path.display()
            );
        }
        if has_man {
            let page = path.to_str().unwrap();
            let output = Command::new("man")
                .args(["--warnings", "-E", "UTF-8", "-l", page])
                .env("LC_ALL", "C.UTF-8")
                .env("MANWIDTH", "80")
                .output()
                .unwrap();
            let faults = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && faults.is_empty(),
                "{page}: {faults}"
            );
        }
    }
    let client = fs::read_to_string(root().join("etc/man/papertrader.1")).unwrap();
    for part in [
        ".SH FILES",
        ".SH EXAMPLES",
        "PAPERTRADER_SERVER",
        "PAPERTRADER_TOKEN",
        "the outcome is unknown",
    ] {
        assert!(client.contains(part), "{part}");
    }
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
        "share/zsh/site-functions/_papertrader",
        "share/fish/vendor_completions.d/papertrader.fish",
        "share/papertrader/market/AAPL.csv",
        "share/papertrader/mail/reset-code.txt",
        "share/papertrader/wireshark/papertrader.lua",
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
            "RestartSec=5s",
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
    // Debian 12's, too, has nothing to say of a line.
    let output = Command::new("systemd-analyze")
        .args(["verify", "--man=no", "--recursive-errors=no"])
        .arg(units.join("papertrader-master.service"))
        .arg(units.join("papertrader-worker@.service"))
        .output()
        .unwrap();
    let (taken, text) = (output.status.success(), said(&output));
    let ours = text.lines().any(|line| line.contains("papertrader"));
    assert!(taken && !ours, "{text}");
}

/// The values of a setting of a unit, those of all its lines.
fn values<'a>(unit: &'a str, setting: &str) -> Vec<&'a str> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    let ours = lines.filter(|(name, _)| *name == setting);
    ours.flat_map(|(_, value)| value.split_whitespace())
        .collect()
}

/// The folders that a unit may write to, of whatever instance.
fn writable(unit: &str) -> Vec<String> {
    let managed = [
        ("StateDirectory", "/var/lib"),
        ("LogsDirectory", "/var/log"),
        ("RuntimeDirectory", "/run"),
    ];
    let managed = managed.iter().flat_map(|(setting, below)| {
        let names = values(unit, setting).into_iter();
        names.map(move |name| format!("{below}/{name}"))
    });
    let others = values(unit, "ReadWritePaths").into_iter();
    managed
        .chain(others.map(|path| path.trim_start_matches('-').to_owned()))
        .collect()
}

#[test]
fn a_worker_and_the_master_share_nothing_on_one_machine() {
    let read = |name: &str| fs::read_to_string(root().join("etc/systemd").join(name)).unwrap();
    let master = read("papertrader-master.service");
    let worker = read("papertrader-worker@.service");
    for setting in ["User", "Group"] {
        assert_ne!(values(&master, setting), values(&worker, setting));
    }
    let users = fs::read_to_string(root().join("etc/sysusers.d/papertrader.conf")).unwrap();
    for user in [values(&master, "User"), values(&worker, "User")].concat() {
        assert!(users.contains(&format!("\nu {user} - ")), "{user}");
    }
    for (unit, other) in [(&master, &worker), (&worker, &master)] {
        assert_eq!(values(unit, "ProtectSystem"), ["strict"]);
        assert_eq!(values(unit, "PrivateTmp"), ["yes"]);
        let hidden = values(other, "InaccessiblePaths");
        assert!(writable(unit).len() > 2, "{:?}", writable(unit));
        for path in writable(unit) {
            for others in writable(other) {
                let apart = |one: &str, two: &str| !Path::new(one).starts_with(two);
                assert!(apart(&path, &others) && apart(&others, &path), "{path}");
            }
            // The homes of workers' keys have names that the master's unit does not know.
            let is_hidden = hidden
                .iter()
                .any(|hidden| Path::new(&path).starts_with(hidden.trim_start_matches('-')));
            assert!(
                is_hidden || path.ends_with("gnupg-%i"),
                "{path}: {hidden:?}"
            );
        }
    }
}

/// The rule of spec/daemon.md, for the limits by default.
#[test]
fn the_units_allow_as_many_tasks_and_descriptors_as_connections_need() {
    let folder = root().join("etc");
    let samples = ["master.toml", "worker.toml"].map(|name| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let table: toml::Table = text.parse().unwrap();
        table["limits"]["max_connections"].as_integer().unwrap()
    });
    let units = ["papertrader-master.service", "papertrader-worker@.service"];
    for (connections, unit) in samples.into_iter().zip(units) {
        let text = fs::read_to_string(folder.join("systemd").join(unit)).unwrap();
        let limit = |setting| -> i64 { values(&text, setting)[0].parse().unwrap() };
        assert!(limit("TasksMax") >= connections + 500, "{unit}");
        assert!(limit("LimitNOFILE") >= connections + 1000, "{unit}");
    }
    let worker = fs::read_to_string(folder.join("systemd").join(units[1])).unwrap();
    assert_eq!(
        values(&worker, "TasksMax"),
        [(samples[1] + 2000).to_string()]
    );
}

/// What `systemd-analyze security` counts for a unit, with a drop-in behind it.
fn exposure(unit: &str, drop_in: Option<&str>) -> f64 {
    let systemd = root().join("etc/systemd");
    let mut text = fs::read_to_string(systemd.join(unit)).unwrap();
    if let Some(name) = drop_in {
        text += &fs::read_to_string(systemd.join("examples").join(name)).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(unit);
    fs::write(&file, text).unwrap();
    let output = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager"])
        .arg(&file)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let told = said(&output);
    let overall = told.lines().find(|line| line.contains("Overall exposure"));
    let figure = overall.and_then(|line| line.rsplit_once(": "));
    let figure = figure.and_then(|(_, rest)| rest.split_whitespace().next());
    figure.and_then(|it| it.parse().ok()).expect(&told)
}

#[test]
fn systemd_counts_little_exposure() {
    if is_without("systemd") || !has("systemd-analyze") {
        eprintln!("skipped: there is no systemd-analyze");
        return;
    }
    for unit in ["papertrader-master.service", "papertrader-worker@.service"] {
        for (drop_in, most) in [
            (None, 1.1),
            (Some("networks.conf"), 0.9),
            (Some("credentials.conf"), 1.1),
            (Some("more-connections.conf"), 1.1),
        ] {
            let found = exposure(unit, drop_in);
            assert!(found <= most, "{unit} with {drop_in:?}: {found}");
        }
    }
    let master = |drop_in| exposure("papertrader-master.service", Some(drop_in));
    assert!(master("master-hashing-priority.conf") <= 1.2);
    assert!(master("master-callers-by-name.conf") <= 1.3);
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
