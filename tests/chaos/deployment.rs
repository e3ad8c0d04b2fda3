//! A master and its workers as real processes in a folder of their own.

use papertrader::config::{MasterConfig, WorkerConfig};
use papertrader::link::keyring::Keyring;
use papertrader::master::workers::{register_offline, registry::Registration};
use papertrader::model::Fingerprint;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::disk::Disk;
use crate::proxy::Proxy;

/// Room for the database of a long run.
const DISK_MEGABYTES: u32 = 1024;
/// How long a daemon may take to serve.
const START: Duration = Duration::from_secs(60);

/// One daemon.
pub struct Daemon {
    program: &'static str,
    config: PathBuf,
    notify: PathBuf,
    child: Option<Child>,
}

impl Daemon {
    /// Starts it, with a fault armed if there is one.
    pub fn start(&mut self, fault: Option<&str>) -> UnixDatagram {
        assert!(self.child.is_none(), "{} runs already", self.program);
        let _ = fs::remove_file(&self.notify);
        let ready = UnixDatagram::bind(&self.notify).unwrap();
        let mut command = Command::new(self.program);
        command
            .arg("--config")
            .arg(&self.config)
            .env("NOTIFY_SOCKET", &self.notify);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(fault) = fault {
            command.env(papertrader::runtime::failpoint::VARIABLE, fault);
        }
        self.child = Some(command.spawn().unwrap());
        ready
    }

    /// Waits until it serves; false where it died first.
    pub fn wait_ready(&mut self, ready: &UnixDatagram) -> bool {
        let until = Instant::now() + START;
        ready.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut message = [0; 4096];
        while Instant::now() < until {
            if let Ok(size) = ready.recv(&mut message)
                && String::from_utf8_lossy(&message[..size])
                    .lines()
                    .any(|line| line == "READY=1")
            {
                return true;
            }
            if self.has_died() {
                return false;
            }
        }
        panic!(
            "{} with {} does not serve within {START:?}",
            self.program,
            self.config.display()
        );
    }

    pub fn run(&mut self) {
        let ready = self.start(None);
        let serves = self.wait_ready(&ready);
        let said = fs::read_to_string(self.config.with_extension("err")).unwrap_or_default();
        assert!(serves, "{} died at its start:\n{said}", self.program);
    }

    pub fn has_died(&mut self) -> bool {
        // Once it is waited for, its number may be another process's: nothing is sent to it any more.
        if let Some(child) = &mut self.child
            && child.try_wait().unwrap().is_some()
        {
            self.child = None;
        }
        self.child.is_none()
    }

    /// Ends the test where it has died though nobody killed it.
    fn must_not_have_fallen(&mut self) {
        if let Some(child) = &mut self.child
            && let Some(status) = child.try_wait().unwrap()
        {
            panic!(
                "{} with {} died by itself: {status}",
                self.program,
                self.config.display()
            );
        }
    }

    fn pid(&self) -> Option<Pid> {
        self.child
            .as_ref()
            .and_then(|child| Pid::from_raw(child.id() as i32))
    }

    /// Its process ID, while it runs.
    pub fn process(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid() {
            let _ = kill_process(pid, signal);
        }
    }

    /// Kills it as nothing else does, and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Waits until it has died by itself, or kills it.
    pub fn outlive(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            if self.has_died() {
                self.child = None;
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.kill();
        false
    }
}

/// All of it.
pub struct Deployment {
    pub folder: PathBuf,
    pub database: PathBuf,
    pub master: Daemon,
    pub workers: Vec<Daemon>,
    pub addresses: Vec<String>,
    pub proxy: Proxy,
    /// Where the database lies; dropped last.
    pub disk: Option<Disk>,
    /// The master's GPG home, then each worker's.
    pub homes: Vec<Keyring>,
    pub master_key: Fingerprint,
}

fn port() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap()
}

impl Deployment {
    /// Keys, configurations and registrations for `workers` workers.
    pub fn make(folder: &Path, workers: usize, interval: &str) -> Deployment {
        let home = |name: &str| {
            let keyring = Keyring::create(&folder.join(name)).unwrap();
            let key = keyring.generate(name).unwrap();
            (keyring, key)
        };
        let (master_home, master_key) = home("m");
        let listen = port();
        let proxy = Proxy::start(listen);
        let text = format!(
            "listen = \"{listen}\"\ndata_dir = \"data\"\ncontrol_socket = \"c.sock\"\nupdate_interval = \"{interval}\"\n\
             starting_cash = \"1000000\"\n[database]\nurl = \"sqlite:master.db\"\n[gpg]\nhome = \"m\"\nkey = \"{master_key}\"\n\
             [log]\nfile = \"master.log\"\n[assets]\nsymbols = \"all\"\nprovider = \"simulated\"\n[assets.simulated]\n\
             symbols = 5\nseed = 1\n[accounts]\nbcrypt_cost = 4\n[limits]\nfailed_logins_per_minute_per_address = 100000\n\
             registrations_per_minute_per_address = 100000\norders_per_minute_per_account = 10000000\n"
        );
        let disk = Disk::mount(&folder.join("data"), DISK_MEGABYTES);
        let config = folder.join("master.toml");
        fs::write(&config, text).unwrap();
        let database = MasterConfig::load(&config).unwrap().0.database;
        let mut deployment = Deployment {
            folder: folder.to_owned(),
            database,
            master: Daemon {
                program: env!("CARGO_BIN_EXE_papertrader-master"),
                config,
                notify: folder.join("n0"),
                child: None,
            },
            workers: Vec::new(),
            addresses: Vec::new(),
            proxy,
            disk,
            homes: vec![master_home],
            master_key,
        };
        for number in 1..=workers {
            deployment.add_worker(number, home(&format!("w{number}")), master_key);
        }
        deployment
    }

    fn add_worker(&mut self, number: usize, (keyring, key): (Keyring, Fingerprint), master_key: Fingerprint) {
        keyring
            .import(&self.homes[0].export(master_key).unwrap())
            .unwrap();
        self.homes[0].import(&keyring.export(key).unwrap()).unwrap();
        let listen = port();
        let worker = register_offline(
            &self.database,
            &Registration {
                name: format!("w{number}"),
                fingerprint: key,
                ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
                address: listen.to_string(),
            },
        )
        .unwrap();
        let text = format!(
            "name = \"w{number}\"\nuuid = \"{}\"\nlisten = \"{listen}\"\nadvertise = \"{listen}\"\nmaster = \"{}\"\n\
             data_dir = \"data\"\n[gpg]\nhome = \"w{number}\"\nkey = \"{key}\"\nmaster_key = \"{master_key}\"\n\
             [log]\nfile = \"w{number}.log\"\n[limits]\nmax_connections_per_ip = 10000\n",
            worker.uuid, self.proxy.address
        );
        let config = self.folder.join(format!("w{number}.toml"));
        fs::write(&config, text).unwrap();
        WorkerConfig::load(&config).unwrap();
        self.workers.push(Daemon {
            program: env!("CARGO_BIN_EXE_papertrader-worker"),
            config,
            notify: self.folder.join(format!("n{number}")),
            child: None,
        });
        self.addresses.push(listen.to_string());
        self.homes.push(keyring);
    }

    /// Starts what was killed, master first. What ended without that is a defect.
    pub fn heal(&mut self) {
        self.master.must_not_have_fallen();
        self.workers.iter_mut().for_each(Daemon::must_not_have_fallen);
        if self.master.has_died() {
            self.master.child = None;
            self.master.run();
        }
        let mut starting = Vec::new();
        for worker in &mut self.workers {
            if worker.has_died() {
                worker.child = None;
                starting.push((worker.start(None), worker));
            }
        }
        for (ready, worker) in starting {
            assert!(worker.wait_ready(&ready), "a worker died at its start");
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.workers.iter_mut().for_each(Daemon::kill);
        self.master.kill();
        for home in &self.homes {
            let _ = home.stop();
        }
    }
}
