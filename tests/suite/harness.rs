//! Real deployments for tests: daemons as processes, each in a folder of its own. How it is used stands in
//! tests/README.md.
// What one test does not use, the next one may.
#![allow(dead_code)]

use papertrader::client::{self, Answer, Client, Connection};
use papertrader::model::{Amount, ClientOrderId, Email, HashedPass, Money, Side, Stamp, Symbol, Username};
use papertrader::testkit::process::Process;
use papertrader::testkit::state::State;
use papertrader::testkit::{self, Layout, Options, layout, ports};
use papertrader::wire::payload::{Entry, Holding, Portfolio};
use papertrader::wire::reply::Fill;
use papertrader::wire::{self, Reply, Request};
use rusqlite::{Connection as Database, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// What a test waits for comes within this, or never; a busy machine is slow.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What the servers promise to do within `promised`, as a test may judge it: on a machine whose cores do other things
/// too, everything takes longer. Exact times are the bench's affair.
pub fn busy(promised: Duration) -> Duration {
    promised * 3
}

/// A built program of ours.
pub fn program(name: &str) -> PathBuf {
    PathBuf::from(match name {
        "papertrader-master" => env!("CARGO_BIN_EXE_papertrader-master"),
        "papertrader-worker" => env!("CARGO_BIN_EXE_papertrader-worker"),
        "papertrader-sandbox" => env!("CARGO_BIN_EXE_papertrader-sandbox"),
        "papertrader" => env!("CARGO_BIN_EXE_papertrader"),
        "papertraderctl" => env!("CARGO_BIN_EXE_papertraderctl"),
        "ptcat" => env!("CARGO_BIN_EXE_ptcat"),
        other => panic!("there is no program {other}"),
    })
}

/// A folder that goes away with the test; its path is short enough for GPG.
pub fn folder() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("pt").tempdir().unwrap()
}

/// A file below a template's folder: its path there, its mode, what it holds.
struct Item {
    path: PathBuf,
    mode: u32,
    bytes: Vec<u8>,
}

/// Files of a sandbox that was made and never run.
type Template = Arc<Vec<Item>>;

/// Sandboxes by their number of workers, made once a process and kept in memory, so that no folder outlives the tests.
fn template(workers: u16) -> Template {
    static MADE: OnceLock<Mutex<Vec<(u16, Template)>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap();
    if let Some((_, template)) = made.iter().find(|(count, _)| *count == workers) {
        return Arc::clone(template);
    }
    let folder = folder();
    let options = Options {
        workers,
        update_interval: Duration::from_millis(200),
        // Four minutes of updates: the market of a test that a slow machine runs does not come to its end.
        start: Some(Stamp::parse("2008-01-02").unwrap()),
        bcrypt_cost: 4,
        ..Options::new(folder.path())
    };
    let layout = testkit::init(&options, &mut |_| {}).unwrap();
    let mut items = Vec::new();
    read(layout.dir(), Path::new(""), &mut items);
    let template = Arc::new(items);
    made.push((workers, Arc::clone(&template)));
    template
}

fn read(folder: &Path, under: &Path, items: &mut Vec<Item>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (meta, path) = (entry.metadata().unwrap(), under.join(entry.file_name()));
        let mode = meta.permissions().mode();
        if meta.is_dir() {
            items.push(Item {
                path: path.clone(),
                mode,
                bytes: Vec::new(),
            });
            read(&entry.path(), &path, items);
        } else if meta.is_file() && path.extension().is_none_or(|e| e != "lock") {
            let bytes = fs::read(entry.path()).unwrap();
            items.push(Item { path, mode, bytes });
        }
    }
}

fn write(items: &[Item], to: &Path) {
    for item in items {
        let path = to.join(&item.path);
        // The type's bits of the mode: a folder's are 0o040000.
        if item.mode & 0o170_000 == 0o040_000 {
            fs::create_dir(&path).unwrap();
        } else {
            fs::write(&path, &item.bytes).unwrap();
        }
        fs::set_permissions(&path, Permissions::from_mode(item.mode & 0o7777)).unwrap();
    }
}

/// A deployment in a folder of its own: one master and its workers. Nothing runs until it is told to; all of it is
/// killed and removed when dropped.
pub struct Deployment {
    pub layout: Layout,
    /// The master, then worker 1, and so on.
    processes: Vec<Option<Process>>,
    _folder: tempfile::TempDir,
}

impl Deployment {
    /// A master and workers on the sample market, with free ports, an update every 200 ms and quick hashes. Change
    /// its settings and market, then start it.
    pub fn new(workers: u16) -> Deployment {
        let folder = folder();
        write(&template(workers), folder.path());
        let layout = Layout::new(folder.path()).unwrap();
        ports::settle(&layout, true).unwrap();
        State::planned(&layout).unwrap().write(&layout).unwrap();
        Deployment {
            layout,
            processes: (0..=workers).map(|_| None).collect(),
            _folder: folder,
        }
    }

    /// As [`Deployment::new`], with everything running.
    pub fn running(workers: u16) -> Deployment {
        let mut deployment = Deployment::new(workers);
        deployment.start_all();
        deployment
    }

    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    pub fn workers(&self) -> u16 {
        u16::try_from(self.processes.len() - 1).unwrap()
    }

    /// The configuration of the master (0) or a worker (from 1).
    pub fn config(&self, place: u16) -> PathBuf {
        match place {
            0 => self.layout.master_config(),
            number => self.layout.worker_config(number),
        }
    }

    /// Sets a key in a configuration, `update_interval` or `accounts.bcrypt_cost`; the value as TOML writes it,
    /// `"\"5s\""` or `"12"`.
    pub fn set(&self, place: u16, key: &str, value: &str) {
        let path = self.config(place);
        let text = fs::read_to_string(&path).unwrap();
        let (table, key) = key.rsplit_once('.').unwrap_or(("", key));
        let mut within = String::new();
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut found = None;
        let mut header = (table.is_empty()).then_some(0);
        for (at, line) in text.lines().enumerate() {
            if let Some(name) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
                within = name.to_owned();
                if within == table {
                    header = Some(at + 1);
                }
            } else if within == table && line.split_once(" = ").is_some_and(|(name, _)| name == key) {
                found = Some(at);
            }
        }
        let line = format!("{key} = {value}");
        match (found, header) {
            (Some(at), _) => lines[at] = line,
            (None, Some(at)) => lines.insert(at, line),
            (None, None) => lines.extend([format!("[{table}]"), line]),
        }
        fs::write(&path, lines.join("\n") + "\n").unwrap();
    }

    /// Puts other market files in place of the sample: names without `.csv`, and what they hold below the headline.
    pub fn market(&self, start: &str, files: &[(&str, &str)]) {
        let market = self.layout.market();
        fs::remove_dir_all(&market).unwrap();
        fs::create_dir(&market).unwrap();
        for (name, rows) in files {
            let headline = match *name {
                "actions" => "Date,Symbol,Action,Value",
                _ => "Date,Open,High,Low,Close,Volume",
            };
            fs::write(market.join(format!("{name}.csv")), format!("{headline}\n{rows}")).unwrap();
        }
        self.set(0, "assets.replay.start", &format!("\"{start}\""));
    }

    /// A market of one asset, one bar a second from 2020-01-01 00:00:00 on, whose Nth close (from 0) is `first + N`.
    pub fn market_of_seconds(&self, symbol: &str, first: u32, bars: u32) {
        let mut rows = String::new();
        let begin = Stamp::parse("2020-01-01").unwrap();
        for number in 0..bars {
            let time = Stamp(begin.0 + i64::from(number) * 1000).to_string();
            let price = first + number;
            rows += &format!(
                "{} {},{price},{price},{price},{price},1000\n",
                &time[..10],
                &time[11..19]
            );
        }
        self.market("2020-01-01", &[(symbol, &rows)]);
    }

    /// Where the master (0) or a worker (from 1) listens.
    pub fn address(&self, place: u16) -> String {
        let state = State::planned(&self.layout).unwrap();
        state.programs().nth(usize::from(place)).unwrap().address.clone()
    }

    /// Where the master listens.
    pub fn master(&self) -> String {
        self.address(0)
    }

    /// Where a worker listens, from 1.
    pub fn worker(&self, number: u16) -> String {
        assert!(number > 0, "workers are numbered from 1");
        self.address(number)
    }

    /// Starts the master (0) or a worker (from 1) without waiting.
    pub fn spawn(&mut self, place: u16) {
        assert!(
            self.processes[usize::from(place)].is_none(),
            "{place} runs already"
        );
        let name = layout::names(WORKERS).nth(usize::from(place)).unwrap();
        let program = program(if place == 0 {
            "papertrader-master"
        } else {
            "papertrader-worker"
        });
        let config = match place {
            0 => self.layout.master_config(),
            number => self.layout.worker_config(number),
        };
        let socket = self.layout.notify_socket(&name);
        // What it says of its configuration before it can log.
        let errors = File::create(self.dir().join("log").join(format!("{name}.err"))).unwrap();
        let process = Process::daemon(&program, &config, &socket, errors.into()).unwrap();
        self.processes[usize::from(place)] = Some(process);
    }

    /// Waits until it says that it serves.
    pub fn wait_ready(&mut self, place: u16) {
        let process = self.process(place);
        if !process.wait_ready(Instant::now() + PATIENCE) {
            let ended = process.ended();
            panic!("{place} does not serve ({ended:?}):\n{}", self.log(place));
        }
    }

    /// Starts it, and waits until it serves.
    pub fn start(&mut self, place: u16) {
        self.spawn(place);
        self.wait_ready(place);
    }

    /// Starts the master, then all workers, and waits until they serve.
    pub fn start_all(&mut self) {
        self.start(0);
        for number in 1..=self.workers() {
            self.spawn(number);
        }
        for number in 1..=self.workers() {
            self.wait_ready(number);
        }
    }

    pub fn process(&mut self, place: u16) -> &mut Process {
        self.processes[usize::from(place)]
            .as_mut()
            .expect("it does not run")
    }

    /// Sends a signal: `Signal::STOP`, `Signal::CONT`, `Signal::HUP`.
    pub fn signal(&self, place: u16, signal: Signal) {
        let process = self.processes[usize::from(place)]
            .as_ref()
            .expect("it does not run");
        let pid = i32::try_from(process.pid()).unwrap();
        // Nobody waits for it but through this deployment, so that its ID is still its own.
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
    }

    /// Kills it as the power fails.
    pub fn kill(&mut self, place: u16) {
        let mut process = self.processes[usize::from(place)]
            .take()
            .expect("it does not run");
        process.signal(Signal::KILL);
        process
            .wait_end(Instant::now() + PATIENCE)
            .expect("SIGKILL ends it");
    }

    /// Asks it to stop, and waits; how it ended, and how long that took.
    pub fn stop(&mut self, place: u16) -> (ExitStatus, Duration) {
        let mut process = self.processes[usize::from(place)]
            .take()
            .expect("it does not run");
        let begun = Instant::now();
        process.signal(Signal::TERM);
        let status = process.wait_end(begun + PATIENCE).expect("SIGTERM stops it");
        (status, begun.elapsed())
    }

    /// Waits until it ends by itself; how.
    pub fn wait_end(&mut self, place: u16) -> ExitStatus {
        let mut process = self.processes[usize::from(place)]
            .take()
            .expect("it does not run");
        process.wait_end(Instant::now() + PATIENCE).expect("it ends")
    }

    /// Stops workers, then the master; each must end with 0.
    pub fn stop_all(&mut self) {
        for place in (0..=self.workers()).rev() {
            if self.processes[usize::from(place)].is_some() {
                let (status, _) = self.stop(place);
                assert!(
                    status.success(),
                    "{place} ended with {status}:\n{}",
                    self.log(place)
                );
            }
        }
    }

    /// What it has said and logged.
    pub fn log(&self, place: u16) -> String {
        let name = layout::names(WORKERS).nth(usize::from(place)).unwrap();
        ["err", "log"]
            .map(|end| self.dir().join("log").join(format!("{name}.{end}")))
            .map(|path| fs::read_to_string(path).unwrap_or_default())
            .concat()
    }

    /// A connection of the client library to a worker, without a session.
    pub fn connect(&self, worker: u16) -> Client {
        // A worker that has just been let in opens its port a moment after the master counts it.
        let begun = Instant::now();
        let connection = loop {
            match Connection::connect(&self.worker(worker), PATIENCE) {
                Err(client::Error::Unreachable { .. }) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                connected => break connected.unwrap(),
            }
        };
        Client::new(connection, None)
    }

    /// A new account of that name, logged in through that worker; the session outlives the connection.
    pub fn trader(&self, worker: u16, name: &str) -> Client {
        let mut client = self.connect(worker);
        register(&mut client, name);
        client.login(&username(name), &hashed(name), false).unwrap();
        client
    }

    /// The database, to read from, whether the master runs or not.
    pub fn database(&self) -> Database {
        let path = self.dir().join("data/master/master.db");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Database::open_with_flags(path, flags).unwrap();
        database.busy_timeout(PATIENCE).unwrap();
        database
    }

    /// Runs one of our programs to its end, with nothing to read.
    pub fn run(&self, name: &str, arguments: &[&str]) -> Output {
        Command::new(program(name))
            .args(arguments)
            .current_dir(self.dir())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }
}

/// More names than any test has workers.
const WORKERS: u16 = testkit::WORKERS_MAX;

impl Drop for Deployment {
    fn drop(&mut self) {
        // Workers first, as in a stop in order; dropped processes are killed.
        while let Some(process) = self.processes.pop() {
            drop(process);
        }
        self.layout.stop_agents();
    }
}

pub fn username(name: &str) -> Username {
    Username::parse(name).unwrap()
}

/// A hashedPass that is made up: the servers cannot tell, and 600,000 rounds take their time.
pub fn hashed(name: &str) -> HashedPass {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    HashedPass::parse(&format!("{digits:0<64}")[..64]).unwrap()
}

pub fn register(client: &mut Client, name: &str) {
    let email = Email::parse(&format!("{name}@example.org")).unwrap();
    client.register(&username(name), &email, &hashed(name)).unwrap();
}

/// Asks again until it is so: for what has no event to wait for. Panics when it never comes.
pub fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = ask() {
            return found;
        }
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes with this text among their arguments.
pub fn processes_about(text: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        if let Ok(line) = fs::read(entry.path().join("cmdline")) {
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            if line.contains(text.to_str().unwrap()) {
                found.push(line);
            }
        }
    }
    found
}

/// A refusal's reason.
pub fn reason<T: std::fmt::Debug>(result: Result<T, client::Error>) -> &'static str {
    result.expect_err("it was to be refused").code()
}

/// An order of this client's session.
pub fn order(client: &Client, side: Side, symbol: &str, quantity: &str, id: Option<&str>) -> Request {
    Request::Order {
        session: client.session().expect("logged in").clone(),
        side,
        symbol: Symbol::parse(symbol).unwrap(),
        quantity: Amount::parse_quantity(quantity).unwrap(),
        id: id.map(|id| ClientOrderId::parse(id).unwrap()),
    }
}

/// Sends an order and waits for its fill.
pub fn trade(client: &mut Client, side: Side, symbol: &str, quantity: &str) -> Result<Fill, client::Error> {
    client.enter(wire::State::Command)?;
    let order = order(client, side, symbol, quantity, None);
    match client.connection().call(&order)? {
        Answer::Message(Reply::Filled(fill)) => Ok(fill),
        other => panic!("{other:?} answers an order"),
    }
}

pub fn buy(client: &mut Client, symbol: &str, quantity: &str) -> Fill {
    trade(client, Side::Buy, symbol, quantity).unwrap()
}

pub fn sell(client: &mut Client, symbol: &str, quantity: &str) -> Fill {
    trade(client, Side::Sell, symbol, quantity).unwrap()
}

/// A client's own cash and positions.
pub fn portfolio(client: &mut Client, name: &str) -> (Money, Vec<Holding>) {
    match client.portfolio(&username(name)).unwrap() {
        Portfolio::Private(cash, holdings) => (cash, holdings),
        Portfolio::Public(_) => panic!("{name} sees an own portfolio as others do"),
    }
}

/// A client's own history.
pub fn history(client: &mut Client, name: &str) -> Vec<Entry> {
    let history = client.history(&username(name)).unwrap();
    assert!(history.private);
    history.entries
}
