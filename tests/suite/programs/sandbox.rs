//! papertrader-sandbox as a program: what it prints, how it ends, and that it leaves nothing
//! behind.

use papertrader::client::{Client, ConnectOptions, ServerConnection, ServerInfo};
use papertrader::model::{MarketKind, MarketState, SessionId, Timestamp};
use papertrader::runtime::failpoint;
use papertrader::testkit::Layout;
use papertrader::testkit::state::SandboxState;
use papertrader::testkit::{TEST_TIMEOUT, eventually, folder, processes_about, program, trader};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

/// A small market: one asset, three days.
const ROWS: &str = "Date,Open,High,Low,Close,Volume\n2020-01-02,1,2,1,2,10\n2020-01-03,2,3,2,3,10\n2020-01-06,3,4,3,4,10\n";

fn sandbox(dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program::find("papertrader-sandbox"));
    command
        .args(&arguments[..1])
        .arg("--dir")
        .arg(dir)
        .args(&arguments[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn ends(dir: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = sandbox(dir, arguments).output().unwrap();
    (status.code(), String::from_utf8_lossy(&stderr).into_owned())
}

/// A sandbox that runs. Told to stop when dropped.
struct Running {
    child: Child,
    ready: String,
}

impl Running {
    fn start(dir: &Path, arguments: &[&str]) -> Running {
        let mut child = sandbox(dir, arguments)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut ready)
            .unwrap();
        Running {
            child,
            ready: ready.trim_end().to_owned(),
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn stop(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        let mut rest = String::new();
        self.child
            .stdout
            .as_mut()
            .unwrap()
            .read_to_string(&mut rest)
            .unwrap();
        let is_page = |line: &str| line.starts_with("page http://127.0.0.1:");
        assert!(rest.lines().all(is_page), "behind the ready line: {rest}");
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

fn answers(address: &str) {
    let mut connection = ServerConnection::connect(address, TEST_TIMEOUT).unwrap();
    connection.call(&papertrader::wire::Request::Ping).unwrap();
}

#[test]
fn it_runs_in_the_foreground_and_leaves_nothing() {
    let folder = folder();
    let dir = folder.path().join("s");
    let market = folder.path().join("market");
    fs::create_dir(&market).unwrap();
    fs::write(market.join("AAA.csv"), ROWS).unwrap();
    let running = Running::start(
        &dir,
        &[
            "run",
            "--workers",
            "2",
            "--seed-market",
            market.to_str().unwrap(),
            "--update-interval",
            "50ms",
            "--bcrypt-cost",
            "4",
        ],
    );
    let layout = Layout::new(&dir).unwrap();
    let state = SandboxState::read(&layout).unwrap();
    assert_eq!(running.ready, state.ready_line());
    assert_eq!(state.workers.len(), 2);
    assert!(state.ready);
    assert_eq!(state.pid, Some(running.child.id()));
    for program in state.programs() {
        let pid = program.pid.expect("it runs");
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap();
        assert!(name.starts_with("papertrader-"), "{name}");
    }
    for worker in &state.workers {
        answers(&worker.address);
    }
    // It is held: not run twice, not made anew, not changed.
    let (code, said) = ends(&dir, &["run"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("runs already"), "{said}");
    let (code, said) = ends(&dir, &["init"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("not empty"), "{said}");
    for wish in [
        &["run", "--workers", "2"][..],
        &["run", "--seed-market", "/"],
        &["run", "--start", "2020-01-03"],
        &["run", "--update-interval", "1s"],
        &["run", "--bcrypt-cost", "4"],
        &["run", "--end-of-market", "stop"],
    ] {
        assert_eq!(ends(&dir, wish).0, Some(2), "{wish:?}");
    }

    let status = running.stop(Signal::INT);
    assert_eq!(status.code(), Some(0));
    assert_eq!(processes_about(&dir), Vec::<String>::new());
    let state = SandboxState::read(&layout).unwrap();
    assert!(!state.ready && state.pid.is_none());
    assert!(state.programs().all(|program| program.pid.is_none()));

    // Again, on the same ports, without a wish; JSON this time, and SIGTERM.
    let again = Running::start(&dir, &["run", "--json"]);
    let told: SandboxState = serde_json::from_str(&again.ready).unwrap();
    assert_eq!(told, SandboxState::read(&layout).unwrap());
    assert_eq!(told.ready_line(), state.ready_line());
    assert_eq!(again.stop(Signal::TERM).code(), Some(0));
    assert_eq!(processes_about(&dir), Vec::<String>::new());
}

#[test]
fn killed_itself_it_leaves_nothing_either() {
    let folder = folder();
    let dir = folder.path().join("s");
    let mut running = Running::start(&dir, &["run", "--bcrypt-cost", "4"]);
    running.signal(Signal::KILL);
    running.child.wait().unwrap();
    eventually("daemons and agents are gone", || {
        processes_about(&dir).is_empty().then_some(())
    });
    // And it can be run again.
    let running = Running::start(&dir, &["run"]);
    assert_eq!(running.stop(Signal::TERM).code(), Some(0));
    assert_eq!(processes_about(&dir), Vec::<String>::new());
}

#[test]
fn a_daemon_that_falls_is_started_again_and_one_that_is_stopped_stays() {
    let folder = folder();
    let dir = folder.path().join("s");
    let running = Running::start(&dir, &["run", "--bcrypt-cost", "4"]);
    let layout = Layout::new(&dir).unwrap();
    let before = SandboxState::read(&layout).unwrap();
    for place in [0, 1] {
        let program = before.programs().nth(place).unwrap();
        let pid = i32::try_from(program.pid.unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
        let after = eventually("it serves again", || {
            let now = SandboxState::read(&layout).unwrap();
            let is_new = now.programs().nth(place).is_some_and(|p| p.restarts == 1);
            (is_new && now.ready).then_some(now)
        });
        let program = after.programs().nth(place).unwrap();
        assert_ne!(program.pid, before.programs().nth(place).unwrap().pid);
    }
    answers(&before.workers[0].address);
    // By hand: the worker is stopped, and started without the sandbox.
    let pid = SandboxState::read(&layout).unwrap().workers[0].pid.unwrap();
    kill_process(
        Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(),
        Signal::TERM,
    )
    .unwrap();
    eventually("the worker is gone, and said to be", || {
        let now = SandboxState::read(&layout).unwrap();
        (now.workers[0].pid.is_none() && !now.ready).then_some(())
    });
    let mut by_hand = Command::new(program::find("papertrader-worker"))
        .arg("--config")
        .arg(layout.worker_config(1))
        .arg("--stop-with-input")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the worker serves, started by hand", || {
        std::net::TcpStream::connect(&before.workers[0].address).ok()
    });
    answers(&before.workers[0].address);
    drop(by_hand.stdin.take());
    assert!(by_hand.wait().unwrap().success());
    assert_eq!(running.stop(Signal::INT).code(), Some(0));
    assert_eq!(processes_about(&dir), Vec::<String>::new());
}

#[test]
fn sandboxes_stand_side_by_side_and_move_out_of_the_way() {
    let folder = folder();
    let (one, copy) = (folder.path().join("one"), folder.path().join("copy"));
    assert_eq!(ends(&one, &["init", "--bcrypt-cost", "4"]).0, Some(0));
    assert_eq!(processes_about(&one), Vec::<String>::new());
    // A copy has the same ports, until both run.
    let copied = Command::new("cp")
        .arg("-a")
        .args([&one, &copy])
        .status()
        .unwrap();
    assert!(copied.success());
    let first = Running::start(&one, &["run"]);
    let second = Running::start(&copy, &["run"]);
    assert_ne!(first.ready, second.ready);
    for dir in [&one, &copy] {
        let state = SandboxState::read(&Layout::new(dir).unwrap()).unwrap();
        let worker = &state.workers[0].address;
        answers(worker);
        let page = state.workers[0].page.as_ref().unwrap();
        let page = page.strip_prefix("http://").unwrap().trim_end_matches('/');
        assert_ne!(page, worker);
        std::net::TcpStream::connect(page).unwrap();
        // The master tells clients of the worker where it is now.
        let mut connection =
            ServerConnection::connect(&state.master.address, TEST_TIMEOUT).unwrap();
        let list = connection
            .call(&papertrader::wire::Request::GetWorkerList)
            .unwrap();
        assert!(format!("{list:?}").contains(worker.as_str()), "{list:?}");
    }
    assert_eq!(second.stop(Signal::TERM).code(), Some(0));
    assert_eq!(first.stop(Signal::TERM).code(), Some(0));
}

#[test]
fn a_sandbox_is_its_owners_alone() {
    let folder = folder();
    let dir = folder.path().join("given");
    fs::create_dir(&dir).unwrap();
    for mode in [0o755, 0o701, 0o777] {
        fs::set_permissions(&dir, Permissions::from_mode(mode)).unwrap();
        let (code, said) = ends(&dir, &["init"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("chmod 700"), "{said}");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }
    fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
    assert_eq!(ends(&dir, &["init", "--bcrypt-cost", "4"]).0, Some(0));
    let mut folders = vec![dir.clone()];
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, 0o700, "{}", folder.display());
        let entries = fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
    }
    // One that was opened afterwards is not run.
    fs::set_permissions(&dir, Permissions::from_mode(0o750)).unwrap();
    let (code, said) = ends(&dir, &["run"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("mode 0750"), "{said}");
    if rustix::process::geteuid().is_root() {
        fs::set_permissions(&dir, Permissions::from_mode(0o700)).unwrap();
        std::os::unix::fs::chown(&dir, Some(65_534), None).unwrap();
        let (code, said) = ends(&dir, &["run"]);
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("belongs to user 65534"), "{said}");
    } else {
        eprintln!("skipped: only root can give a folder away");
    }
}

#[test]
fn what_is_wrong_is_said() {
    let folder = folder();
    let here = |name: &str| folder.path().join(name);
    // Too long for sockets, with its length.
    let long = here(&"x".repeat(90));
    let (code, said) = ends(&long, &["run"]);
    assert_eq!(code, Some(1));
    let length = long.as_os_str().len();
    assert!(said.contains(&format!("{length} bytes")), "{said}");
    assert!(!long.exists());
    // Not a sandbox.
    fs::create_dir(here("photos")).unwrap();
    fs::write(here("photos").join("cat.jpg"), "").unwrap();
    let (code, said) = ends(&here("photos"), &["run"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("no sandbox"), "{said}");
    // A market that is broken: each fault once. A run makes nothing of it; what is only made can be
    // mended.
    let market = here("market");
    fs::create_dir(&market).unwrap();
    fs::write(
        market.join("AAA.csv"),
        format!("{ROWS}2020-01-07,1,1,x,1,1\n"),
    )
    .unwrap();
    fs::write(market.join("bbb.csv"), ROWS).unwrap();
    let market = market.to_str().unwrap();
    let (code, said) = ends(&here("broken"), &["run", "--seed-market", market]);
    assert_eq!(code, Some(78), "{said}");
    let fault = format!("{market}/AAA.csv, line 5");
    assert_eq!(said.matches(&fault).count(), 1, "{said}");
    assert!(said.contains("name it BBB.csv"), "{said}");
    assert!(!here("broken").exists());
    let (code, said) = ends(&here("broken"), &["init", "--seed-market", market]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: the master will not start"),
        "{said}"
    );
    assert_eq!(said.matches("AAA.csv, line 5").count(), 1, "{said}");
    let (code, said) = ends(&here("broken"), &["run"]);
    assert_eq!(code, Some(78), "{said}");
    assert_eq!(said.matches("AAA.csv, line 5").count(), 1, "{said}");
    // One that breaks later: the master says so, once.
    let good = here("good");
    assert_eq!(ends(&good, &["init"]).0, Some(0));
    fs::write(good.join("market/actions.csv"), "x").unwrap();
    let (code, said) = ends(&good, &["run"]);
    assert_eq!(code, Some(78), "{said}");
    assert_eq!(said.matches("actions.csv, line 1").count(), 1, "{said}");
    assert_eq!(processes_about(folder.path()), Vec::<String>::new());
    // Command lines.
    for bad in [
        &["run", "--workers", "0"][..],
        &["run", "--workers", "65"],
        &["init", "--start", "yesterday"],
        &["init", "--start", "2020-02-30"],
        &["init", "--update-interval", "1ms"],
        &["init", "--update-interval", "soon"],
        &["init", "--bcrypt-cost", "3"],
        &["init", "--no-restart"],
        &["sing"],
    ] {
        assert_eq!(ends(&here("never"), bad).0, Some(2), "{bad:?}");
    }
    assert!(!here("never").exists());
    let (code, said) = ends(&here("nowhere"), &["init", "--seed-market", "/nonexistent"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(!here("nowhere").exists());
}

#[test]
fn without_the_daemons_programs_no_folder_is_made() {
    let folder = folder();
    let dir = folder.path().join("sandbox");
    // Two folders away from the daemons, where they are not looked for.
    let away = tempfile::tempdir_in(program::folder()).unwrap();
    let away = away.path().join("bin");
    fs::create_dir(&away).unwrap();
    let alone = away.join("papertrader-sandbox");
    fs::hard_link(program::find("papertrader-sandbox"), &alone).unwrap();
    let output = Command::new(&alone)
        .args(["run", "--dir"])
        .arg(&dir)
        .env("PATH", &away)
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("papertrader-master is neither"), "{said}");
    assert!(!dir.exists());
}

#[test]
fn a_market_folder_is_shown_as_it_is_understood() {
    let folder = tempfile::tempdir().unwrap();
    let market = folder.path();
    let check = |options: &[&str]| {
        let output = Command::new(program::find("papertrader-sandbox"))
            .arg("check-market")
            .arg(market)
            .args(options)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    // Of a sandbox the market is meant.
    let (code, shown, errors) = check(&[]);
    assert_eq!((code, shown.as_str()), (Some(78), ""), "{errors}");
    assert!(
        errors.contains("no market file (SYMBOL.csv) is here\n"),
        "{errors}"
    );
    fs::write(market.join("master.toml"), "").unwrap();
    fs::create_dir(market.join("market")).unwrap();
    let (_, shown, errors) = check(&[]);
    assert_eq!(shown, "");
    let own = format!(
        "it is a sandbox, whose market is {}",
        market.join("market").display()
    );
    assert!(errors.contains(&own), "{errors}");
    fs::remove_dir(market.join("market")).unwrap();
    fs::remove_file(market.join("master.toml")).unwrap();
    fs::write(market.join("AAA.csv"), ROWS).unwrap();
    let (code, shown, errors) = check(&[]);
    assert_eq!((code, errors.as_str()), (Some(0), ""), "{shown}");
    assert!(shown.contains("2020-01-06"), "{shown}");
    let jump = format!("{ROWS}2020-01-07,300,400,300,400,10\n");
    fs::write(market.join("AAA.csv"), jump).unwrap();
    fs::write(
        market.join("BBB.csv"),
        format!("{ROWS}\u{9b}31m,1,2,1,2,10\n"),
    )
    .unwrap();
    let (code, shown, errors) = check(&[]);
    assert_eq!(code, Some(78), "{shown}");
    assert!(
        shown.contains("AAA.csv: line 5: the price goes from 4 (line 4) to 400"),
        "{shown}"
    );
    assert!(shown.contains("BBB.csv, line 5: Date"), "{shown}");
    assert!(
        !shown.contains('\u{9b}') && errors.contains("with faults: BBB.csv. Such"),
        "{shown}{errors}"
    );
    let (code, json, _) = check(&["--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (code, json["files"][0]["rows"].as_u64()),
        (Some(78), Some(4))
    );
    // A disk that fails for a moment is no fault of a file. Nothing is at address 0 of a process.
    for name in ["EEE.csv", "actions.csv", "symbols.csv"] {
        let link = market.join(name);
        std::os::unix::fs::symlink("/proc/self/mem", &link).unwrap();
        let (code, shown, errors) = check(&[]);
        assert_eq!((code, shown.as_str()), (Some(1), ""), "{errors}");
        assert!(
            errors.contains(&format!("{name}: cannot be read")),
            "{errors}"
        );
        fs::remove_file(&link).unwrap();
    }
    // What is not read is told, and so is an action of no file.
    for name in ["ccc.csv", "DDD.xlsx", "AAA.CSV", "README.txt", "notes"] {
        fs::write(market.join(name), ROWS).unwrap();
    }
    let actions = "Date,Symbol,Action,Value\n2020-01-06,AAB,split,2\n2020-01-06,AAA,split,2\n";
    fs::write(market.join("actions.csv"), actions).unwrap();
    let (_, shown, _) = check(&[]);
    for told in [
        "ccc.csv: passed over, since its name is not a symbol",
        "name it CCC.csv",
        "DDD.xlsx: passed over, since it is a spreadsheet: save it as CSV",
        "AAA.CSV is of the same symbol: keep one",
        "not read, since a market file ends in .csv: README.txt, notes",
        "actions.csv, line 2: AAB has no file in this folder: its actions change nothing unless \
         accounts still hold it",
        "factor",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(!shown.contains("line 3: AAA"), "{shown}");
    // Two hundred faulty files make one report that can be read.
    for number in 0..200 {
        let faulty = format!("{ROWS}x\ny\nz\n");
        fs::write(market.join(format!("F{number}.csv")), faulty).unwrap();
    }
    let (code, shown, errors) = check(&[]);
    assert!(errors.contains("F105.csv and 191 more. Such"), "{errors}");
    let report: Vec<&str> = shown
        .lines()
        .skip_while(|line| !line.contains(" actions (splits"))
        .collect();
    assert_eq!((code, report.len()), (Some(78), 61), "{shown}");
    assert!(
        report.iter().any(|line| line.contains("F0.csv, line 5")),
        "{shown}"
    );
    assert!(report.last().unwrap().contains("--json has"), "{shown}");
    let dir = tempfile::tempdir().unwrap();
    let new = dir.path().join("sandbox");
    let (code, said) = ends(&new, &["init", "--seed-market", market.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    let warnings = said.lines().filter(|line| line.contains("warning: "));
    assert_eq!(warnings.count(), 60, "{said}");
    let (code, ..) = check(&["--nonsense"]);
    assert_eq!(code, Some(2));
}

#[test]
fn an_asset_of_too_fine_prices_is_offered_by_the_lot() {
    let folder = tempfile::tempdir().unwrap();
    let market = folder.path().join("market");
    fs::create_dir(&market).unwrap();
    let row = "0.00000734,0.00000734,0.00000734,0.00000734,1000000\n";
    let rows = format!("Date,Open,High,Low,Close,Volume\n2020-01-02,{row}2020-01-03,{row}");
    fs::write(market.join("FINE.csv"), rows).unwrap();
    let dir = folder.path().join("sandbox");
    let (code, said) = ends(&dir, &["init", "--seed-market", market.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("FINE: its prices are finer") && said.contains("lots of 100 units"),
        "{said}"
    );
    let listed = fs::read_to_string(dir.join("market/symbols.csv")).unwrap();
    assert_eq!(listed, "Symbol,File,Name,Currency,Factor\nFINE,,,,100\n");
}

/// What the sandbox's first worker tells about itself.
fn told(running: &Running) -> ServerInfo {
    let worker = running.ready.split("worker=").nth(1).unwrap();
    let options = ConnectOptions::default();
    let mut client = Client::open(worker, &options, None).unwrap();
    client.server_info().unwrap().unwrap()
}

/// What the administrator is shown.
fn status(dir: &Path) -> String {
    let socket = dir.join("master.sock");
    let output = Command::new(program::find("papertraderctl"))
        .arg("--socket")
        .arg(socket)
        .arg("status")
        .output()
        .unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_market_goes_on_after_its_last_bar_or_stops_and_says_so() {
    let folder = folder();
    let market = folder.path().join("market");
    fs::create_dir(&market).unwrap();
    fs::write(market.join("AAA.csv"), ROWS).unwrap();
    let market = market.to_str().unwrap();
    let run = |name: &str, more: &[&str]| {
        let wishes = ["run", "--seed-market", market, "--update-interval", "50ms"];
        let arguments = [&wishes[..], &["--bcrypt-cost", "4"], more].concat();
        Running::start(&folder.path().join(name), &arguments)
    };
    let going = run("going", &[]);
    let info = eventually("the market is simulated", || {
        let info = told(&going);
        (info.market == Some(MarketKind::Simulated.into())).then_some(info)
    });
    assert_eq!(info.state, Some(MarketState::Open.into()));
    assert_eq!(info.steps_left, None);
    assert!(info.market_time > papertrader::model::Timestamp::from_date(2020, 1, 7));
    let shown = status(&folder.path().join("going"));
    assert!(
        shown.contains("simulated, open")
            && shown.contains("prices from        simulated")
            && !shown.contains("has ended"),
        "{shown}"
    );
    let log = |file: &str| fs::read_to_string(folder.path().join(file)).unwrap_or_default();
    // The log reaches the file a moment later.
    for (file, line) in [
        (
            "going/log/master.log",
            "has ended with the prices of 2020-01-06",
        ),
        ("going/log/worker-1.log", "the market: simulated, open"),
    ] {
        eventually(line, || log(file).contains(line).then_some(()));
    }
    assert_eq!(going.stop(Signal::TERM).code(), Some(0));

    let stopping = run("stopping", &["--end-of-market", "stop"]);
    let info = eventually("the market has ended", || {
        let info = told(&stopping);
        (info.state == Some(MarketState::Ended.into())).then_some(info)
    });
    assert_eq!(info.market, Some(MarketKind::Replay.into()));
    assert_eq!(info.steps_left, Some(0));
    let shown = status(&folder.path().join("stopping"));
    assert!(
        shown.contains("it has ended") && shown.contains("orders are refused"),
        "{shown}"
    );
    let master = log("stopping/log/master.log");
    assert!(master.contains("the replay ends after"), "{master}");
    assert_eq!(stopping.stop(Signal::TERM).code(), Some(0));
}

/// A trader's client at the sandbox's first worker, with the session of before, where there is one.
fn trader(running: &Running, session: Option<&SessionId>) -> Client {
    let worker = running.ready.split("worker=").nth(1).unwrap();
    let mut client = Client::open(worker, &ConnectOptions::default(), None).unwrap();
    match session {
        Some(session) => drop(client.resume(session).unwrap()),
        None => {
            trader::register(&mut client, "ann");
            let (name, pass) = (trader::username("ann"), trader::hashed("ann"));
            client.login(&name, &pass, false).unwrap();
        }
    }
    client
}

/// What a check of the sandbox's database ends with.
fn verified(dir: &Path) -> Option<i32> {
    let output = Command::new(program::find("papertraderctl"))
        .args(["verify", "--database"])
        .arg(dir.join("data/master/master.db"))
        .output()
        .unwrap();
    output.status.code()
}

#[test]
fn a_market_begins_anew_whenever_that_is_broken_off() {
    let folder = folder();
    let dir = folder.path().join("sandbox");
    let wishes = ["run", "--update-interval", "200ms", "--bcrypt-cost", "4"];
    let running = Running::start(&dir, &wishes);
    let mut client = trader(&running, None);
    let session = client.session().unwrap().clone();
    let (first, _) = trader::portfolio(&mut client, "ann");
    trader::buy(&mut client, "AAPL", "1");
    // It runs; nobody says yes; there is no such bar.
    let reset = |date: &'static str| ["run", "--yes", "--reset-market", date];
    let (code, said) = ends(&dir, &reset("2005-01-03"));
    assert!(code == Some(1) && said.contains("runs already"), "{said}");
    assert_eq!(running.stop(Signal::TERM).code(), Some(0));
    let (code, said) = ends(&dir, &["run", "--reset-market", "2005-01-03"]);
    assert!(code == Some(2) && said.contains("--yes"), "{said}");
    let (code, said) = ends(&dir, &reset("2035-01-03"));
    assert!(code == Some(78) && said.contains("no bar"), "{said}");
    // Nobody is asked about what is refused anyhow.
    let (code, said) = ends(&dir, &["run", "--reset-market", "2035-01-03"]);
    assert!(code == Some(78) && said.contains("no bar"), "{said}");
    let other = ["run", "--reset-market", "2005-01-03", "--workers", "2"];
    let (code, said) = ends(&dir, &other);
    assert!(code == Some(2) && said.contains("made already"), "{said}");
    let (code, said) = ends(&folder.path().join("none"), &reset("2005-01-03"));
    assert!(code == Some(2) && said.contains("--start"), "{said}");
    let running = Running::start(&dir, &["run"]);
    let mut client = trader(&running, Some(&session));
    assert_eq!(trader::history(&mut client, "ann").len(), 1, "as it was");
    assert_eq!(running.stop(Signal::TERM).code(), Some(0));

    let before = Timestamp::parse("2012-01-03").unwrap();
    for (point, date) in [
        ("reset-decided", "2005-01-03"),
        ("reset-stored", "2006-01-03"),
        ("reset-configured", "2007-01-03"),
    ] {
        let killed = sandbox(&dir, &reset(date))
            .env(failpoint::VARIABLE, format!("{point}:1"))
            .output()
            .unwrap();
        assert!(killed.status.code().is_none(), "{killed:?}");
        let running = Running::start(&dir, &["run"]);
        let start = Timestamp::parse(date).unwrap();
        let time = told(&running).market_time.unwrap();
        assert!(time >= start && time < before, "{point}: {time}");
        let mut client = trader(&running, Some(&session));
        let (cash, holdings) = trader::portfolio(&mut client, "ann");
        assert_eq!((cash, holdings.len()), (first, 0), "{point}");
        assert!(trader::history(&mut client, "ann").is_empty(), "{point}");
        trader::buy(&mut client, "IBM", "1");
        assert_eq!(running.stop(Signal::TERM).code(), Some(0));
        assert_eq!(verified(&dir), Some(0), "{point}");
        assert!(!dir.join("reset.json").exists());
    }
    // The people, too: the name is free.
    let all = [&reset("2008-01-03")[..], &["--reset-accounts"]].concat();
    let running = Running::start(&dir, &all);
    let mut client = trader(&running, None);
    assert_eq!(trader::portfolio(&mut client, "ann").0, first);
    assert_eq!(running.stop(Signal::TERM).code(), Some(0));
    assert_eq!(verified(&dir), Some(0));
}

#[test]
fn a_reset_that_was_broken_off_is_completed_beside_another_program() {
    let folder = folder();
    let dir = folder.path().join("sandbox");
    let (code, said) = ends(&dir, &["init", "--bcrypt-cost", "4"]);
    assert_eq!(code, Some(0), "{said}");
    let killed = sandbox(&dir, &["run", "--yes", "--reset-market", "2005-01-03"])
        .env(failpoint::VARIABLE, "reset-decided:1")
        .output()
        .unwrap();
    assert!(killed.status.code().is_none(), "{killed:?}");
    let state = SandboxState::planned(&Layout::new(&dir).unwrap()).unwrap();
    let worker = &state.workers[0];
    // A worker that somebody has started is told apart, though it serves nobody yet.
    let mut own = Command::new(program::find("papertrader-worker"))
        .current_dir(&dir)
        .arg("--config")
        .arg(worker.config.strip_prefix(&dir).unwrap())
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (code, said) = ends(&dir, &["run"]);
    own.kill().unwrap();
    own.wait().unwrap();
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(&format!("worker-1 runs as process {}", own.id()))
            && !said.contains("nothing was changed"),
        "{said}"
    );
    assert!(dir.join("reset.json").exists());
    let other = std::net::TcpListener::bind(&worker.address).unwrap();
    let running = Running::start(&dir, &["run"]);
    let begin = Timestamp::parse("2005-01-03").unwrap();
    let time = told(&running).market_time.unwrap();
    assert!(time >= begin && time < Timestamp::from_date(2012, 1, 3).unwrap());
    assert!(
        !running.ready.contains(&worker.address),
        "{}",
        running.ready
    );
    assert!(!dir.join("reset.json").exists());
    drop(other);
    assert_eq!(running.stop(Signal::TERM).code(), Some(0));
}
