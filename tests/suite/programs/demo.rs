//! `etc/demo.sh`, on the programs as they were built for the tests.

use papertrader::testkit::{folder, processes_about, program};
use std::fs;
use std::process::{Command, Stdio};

#[test]
fn a_worker_is_booted_halfway_and_trading_goes_on() {
    let folder = folder();
    let output = Command::new("etc/demo.sh")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("BIN", program::find("papertrader").parent().unwrap())
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}\n{errors}");
    // Three fills, then the boot, then two more, and a list without the booted worker.
    let place = |what: &str| {
        text.find(what)
            .unwrap_or_else(|| panic!("no {what} in {text}"))
    };
    let booted = place("worker-1 is booted");
    let fills = |text: &str| {
        let is_fill = |line: &&str| line.starts_with("Bought ") || line.starts_with("Sold ");
        text.lines().filter(is_fill).count()
    };
    assert_eq!(fills(&text[..booted]), 3, "{text}");
    assert_eq!(fills(&text[booted..]), 2, "{text}");
    let first = text
        .lines()
        .find(|line| line.starts_with("$ papertrader --server "))
        .unwrap();
    let first = first.split(' ').nth(3).unwrap();
    let after = &text[place("$ papertrader workers")..place("$ papertrader sell")];
    assert!(!after.contains(first), "{first} was booted: {after}");
    assert!(text.ends_with("No process is left.\n"), "{text}");
    // Nor a file, nor an agent of GPG's.
    assert_eq!(processes_about(folder.path()), Vec::<String>::new());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
