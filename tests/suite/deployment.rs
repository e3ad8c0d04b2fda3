//! A master and its workers as real processes, for the dialogues: each deployment with what a fixture needs.

use papertrader::config::MasterConfig;
use papertrader::dialogue::dial::Servers;
use papertrader::dialogue::script::Need;
use papertrader::link::keyring::{Fingerprint, Keyring};
use papertrader::master::workers::{register_offline, registry::Registration};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use toml::{Table, Value};

/// How long a daemon may take to serve.
const START: Duration = Duration::from_secs(60);
/// How long it may take to end, by its own promise.
const STOP: Duration = Duration::from_secs(5);

/// The GPG homes of a master and two workers, which know each other. Making keys takes its time, so all deployments
/// of a test have the same, each in homes of its own: a daemon that stops ends its home's agent.
pub struct Keys {
    folder: tempfile::TempDir,
    homes: Vec<(Keyring, Fingerprint)>,
}

/// The names of the homes; the first is the master's.
const HOMES: [&str; 3] = ["m", "w1", "w2"];

impl Keys {
    pub fn make() -> Keys {
        let folder = tempfile::tempdir().unwrap();
        let home = |name: &str| {
            let keyring = Keyring::create(&folder.path().join(name)).unwrap();
            let key = keyring.generate(name).unwrap();
            (keyring, key)
        };
        let homes: Vec<_> = HOMES.into_iter().map(home).collect();
        let (master, master_key) = &homes[0];
        for (worker, key) in &homes[1..] {
            worker.import(&master.export(*master_key).unwrap()).unwrap();
            master.import(&worker.export(*key).unwrap()).unwrap();
        }
        let keys = Keys { folder, homes };
        keys.homes.iter().for_each(|(home, _)| home.stop().unwrap());
        keys
    }

    /// Homes with these keys in another folder.
    fn copy_to(&self, folder: &Path) {
        for name in HOMES {
            copy(&self.folder.path().join(name), &folder.join(name));
        }
    }
}

/// Copies a GPG home, without the sockets of its agent.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let place = to.join(entry.file_name());
        if kind.is_dir() {
            copy(&entry.path(), &place);
        } else if kind.is_file() {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        for (home, _) in &self.homes {
            let _ = home.stop();
        }
    }
}

/// One daemon.
struct Daemon {
    program: &'static str,
    config: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// Starts it and waits until it says that it serves.
    fn start(&mut self) {
        let notify = self.config.with_extension("n");
        let _ = fs::remove_file(&notify);
        let ready = UnixDatagram::bind(&notify).unwrap();
        ready.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut child = Command::new(self.program)
            .arg("--config")
            .arg(&self.config)
            .env("NOTIFY_SOCKET", &notify)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.config.with_extension("err")).unwrap())
            .spawn()
            .unwrap();
        let until = Instant::now() + START;
        let mut message = [0; 4096];
        loop {
            let size = ready.recv(&mut message).unwrap_or(0);
            if String::from_utf8_lossy(&message[..size])
                .lines()
                .any(|line| line == "READY=1")
            {
                break;
            }
            let ended = child.try_wait().unwrap().is_some();
            assert!(
                !ended && Instant::now() < until,
                "{} does not serve:\n{}",
                self.program,
                self.said()
            );
        }
        self.child = Some(child);
    }

    /// What it has said on standard error and in its log.
    fn said(&self) -> String {
        let read = |end: &str| fs::read_to_string(self.config.with_extension(end)).unwrap_or_default();
        read("err") + &read("log")
    }

    /// Ends it as a crash would.
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it as systemd would, and waits until it has.
    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        if let Some(pid) = Pid::from_raw(i32::try_from(child.id()).unwrap()) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let until = Instant::now() + STOP;
        while Instant::now() < until {
            if child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        let _ = child.wait();
        assert!(
            std::thread::panicking(),
            "{} did not stop within {STOP:?}:\n{}",
            self.program,
            self.said()
        );
    }
}

/// A running deployment.
pub struct Deployment {
    master: Daemon,
    workers: Vec<Daemon>,
    pub servers: Servers,
    _folder: tempfile::TempDir,
}

fn port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the needs ask for beyond the defaults.
struct Wishes {
    workers: usize,
    market: PathBuf,
    start: String,
    interval: String,
    master: Vec<String>,
    worker: Vec<String>,
}

impl Wishes {
    fn of(needs: &[Need]) -> Wishes {
        let mut wishes = Wishes {
            workers: 1,
            market: root().join("etc/market"),
            start: "2012-01-03".into(),
            interval: "1s".into(),
            master: Vec::new(),
            worker: Vec::new(),
        };
        for need in needs {
            let word = need.words.join(" ");
            match need.what.as_str() {
                "master-port" => {}
                "workers" => wishes.workers = word.parse().unwrap(),
                "market" if word == "sample" => {}
                "market" => wishes.market = root().join("tests/fixtures/markets").join(word),
                "start" => wishes.start = word,
                "interval" => wishes.interval = word,
                "master" => wishes.master.push(word),
                "worker" => wishes.worker.push(word),
                other => panic!("{other}: a need that nobody knows how to meet"),
            }
        }
        wishes
    }
}

/// Sets `a.b=VALUE`, written in TOML, in a configuration.
fn set(table: &mut Table, line: &str) {
    let (path, value) = line.split_once('=').unwrap();
    let value: Table = format!("v = {value}").parse().unwrap();
    let mut at = table;
    let mut names: Vec<&str> = path.split('.').collect();
    let last = names.pop().unwrap();
    for name in names {
        at = at
            .entry(name)
            .or_insert_with(|| Value::Table(Table::new()))
            .as_table_mut()
            .unwrap();
    }
    at.insert(last.to_owned(), value["v"].clone());
}

impl Deployment {
    /// Makes it, and waits until all of it serves.
    pub fn start(keys: &Keys, needs: &[Need]) -> Deployment {
        let wishes = Wishes::of(needs);
        let folder = tempfile::tempdir().unwrap();
        keys.copy_to(folder.path());
        let (listen, home) = (port(), |name: &str| {
            folder.path().join(name).display().to_string()
        });
        let mut table: Table = format!(
            "listen = \"{listen}\"\ndata_dir = \"data\"\ncontrol_socket = \"c.sock\"\nupdate_interval = \"{}\"\n\
             expected_workers = {}\n[database]\nurl = \"sqlite:master.db\"\n\
             [gpg]\nhome = \"{}\"\nkey = \"{}\"\n[log]\nfile = \"master.log\"\n\
             [assets]\nsymbols = \"all\"\nprovider = \"replay\"\n\
             [assets.replay]\ndirectory = \"{}\"\nstart = \"{}\"\n\
             [accounts]\nbcrypt_cost = 4\n[limits]\nfailed_logins_per_minute_per_address = 100000\n\
             registrations_per_minute_per_address = 100000\norders_per_minute_per_account = 10000000\n",
            wishes.interval,
            wishes.workers,
            home("m"),
            keys.homes[0].1,
            wishes.market.display(),
            wishes.start,
        )
        .parse()
        .unwrap();
        wishes.master.iter().for_each(|line| set(&mut table, line));
        let config = folder.path().join("master.toml");
        fs::write(&config, table.to_string()).unwrap();
        let database = MasterConfig::load(&config).unwrap().0.database;
        let mut workers = Vec::new();
        let mut addresses = Vec::new();
        for (number, (_, key)) in keys.homes.iter().enumerate().skip(1).take(wishes.workers) {
            let client_port = port();
            let registration = Registration {
                name: HOMES[number].into(),
                fingerprint: key.to_string(),
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                address: client_port.to_string(),
            };
            let worker = register_offline(&database, &registration).unwrap();
            let mut table: Table = format!(
                "name = \"{name}\"\nuuid = \"{}\"\nlisten = \"{client_port}\"\nadvertise = \"{client_port}\"\n\
                 master = \"{listen}\"\ndata_dir = \"data\"\n[gpg]\nhome = \"{}\"\nkey = \"{key}\"\n\
                 master_key = \"{}\"\n[log]\nfile = \"{name}.log\"\n[limits]\nmax_connections_per_ip = 10000\n",
                worker.uuid,
                home(HOMES[number]),
                keys.homes[0].1,
                name = HOMES[number],
            )
            .parse()
            .unwrap();
            wishes.worker.iter().for_each(|line| set(&mut table, line));
            let config = folder.path().join(HOMES[number]).with_extension("toml");
            fs::write(&config, table.to_string()).unwrap();
            workers.push(Daemon {
                program: env!("CARGO_BIN_EXE_papertrader-worker"),
                config,
                child: None,
            });
            addresses.push(client_port.to_string());
        }
        let master = Daemon {
            program: env!("CARGO_BIN_EXE_papertrader-master"),
            config,
            child: None,
        };
        let servers = Servers {
            workers: addresses,
            master: Some(listen.to_string()),
            ..Servers::default()
        };
        let mut deployment = Deployment {
            master,
            workers,
            servers,
            _folder: folder,
        };
        deployment.master.start();
        deployment.workers.iter_mut().for_each(Daemon::start);
        deployment
    }

    /// Does what a fixture's `do NAME` asks for.
    pub fn hook(&mut self, name: &str) -> Result<(), String> {
        match name {
            "stop-master" => self.master.stop(),
            "start-master" => {
                let before = self.links();
                self.master.start();
                // The dialogue goes on with the link; on a machine with much to do that may take its time.
                let until = Instant::now() + START;
                while self.links() == before && Instant::now() < until {
                    std::thread::sleep(Duration::from_millis(50));
                }
            }
            "stop-worker" => self.workers[0].stop(),
            "start-worker" => self.workers[0].start(),
            "kill-worker" => self.workers[0].kill(),
            "kill-master" => self.master.kill(),
            _ => return Err(format!("{name}: nobody knows how")),
        }
        Ok(())
    }

    /// The master's database.
    pub fn database(&self) -> PathBuf {
        MasterConfig::load(&self.master.config).unwrap().0.database
    }

    /// How often the master has said that a worker is linked.
    fn links(&self) -> usize {
        self.master.said().matches(" is linked from ").count()
    }

    /// What the daemons have said, for a test that fails.
    pub fn said(&self) -> String {
        [&self.master]
            .into_iter()
            .chain(&self.workers)
            .map(Daemon::said)
            .collect()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(Daemon::stop);
        self.master.stop();
    }
}
