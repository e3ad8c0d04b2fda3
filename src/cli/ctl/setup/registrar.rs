//! spec/cli/ctl/setup.md · 3.1.5 Worker Management
//!
//! The master of this machine, as a worker's set-up needs it: asked over its control socket while it
//! runs, and worked on as its user while it does not.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use super::host::{MASTER_USER, SetupHost, at};
use super::report::SetupReport;
use super::services::{MASTER_UNIT, is_up, systemd_runs, wait_for};
use super::tasks::{HomeKey, RegisteredAs, SetupTask, WantedKey, run_as};
use crate::admin::model::WorkerStatus;
use crate::admin::protocol::{AdminAnswer, AdminRequest, AdminResponse};
use crate::cli::ctl::client::{self, CtlError};
use crate::config::MasterConfig;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The master of this machine.
pub(super) struct LocalMaster<'a> {
    host: &'a SetupHost,
    file: PathBuf,
    config: MasterConfig,
    is_running: bool,
}

impl<'a> LocalMaster<'a> {
    /// The master that is set up here, if one is. Waits for one that starts just now. One that stands by
    /// for another machine's is none: workers are registered there.
    ///
    /// # Errors
    /// Its configuration is wrong, or it does not answer.
    pub(super) fn find(
        host: &'a SetupHost,
        report: &SetupReport,
    ) -> Result<Option<LocalMaster<'a>>, String> {
        let file = host.master_config();
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(at(&file, &error)),
        };
        let (config, _) = MasterConfig::parse(&text, &file).map_err(|error| error.to_string())?;
        let mut master = LocalMaster {
            host,
            file,
            config,
            is_running: false,
        };
        master.is_running = master.answers()?;
        if !master.is_running && !host.is_own && systemd_runs() && is_up(MASTER_UNIT) {
            report.progress("the master starts");
            let mut why = Ok(false);
            wait_for(MASTER_UNIT, || {
                why = master.answers();
                !matches!(why, Ok(false))
            });
            master.is_running = why?;
        }
        if let Some(leader) = master.stands_by_for()? {
            report.progress(&format!(
                "the master of this machine stands by: workers are registered at the one that leads, {leader}"
            ));
            return Ok(None);
        }
        Ok(Some(master))
    }

    fn answers(&self) -> Result<bool, String> {
        match client::ask(&self.config.control_socket, &AdminRequest::MasterKey) {
            Ok(_) => Ok(true),
            Err(CtlError::NoMaster(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Who leads, where this master runs and stands by.
    fn stands_by_for(&self) -> Result<Option<String>, String> {
        if !self.is_running || self.config.database.file().is_some() {
            return Ok(None);
        }
        match self.ask(&AdminRequest::Status)? {
            AdminAnswer::StandingBy(status) => Ok(Some(status.leader)),
            _ => Ok(None),
        }
    }

    /// Whether it runs; else its files are worked on.
    pub(super) fn is_running(&self) -> bool {
        self.is_running
    }

    /// Where a worker of this machine reaches it.
    pub(super) fn address(&self) -> SocketAddr {
        let listen = self.config.listen;
        let ip = match listen.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, listen.port())
    }

    /// Its public key.
    ///
    /// # Errors
    /// It does not answer, or its key is missing or unfit.
    pub(super) fn key(&self) -> Result<HomeKey, String> {
        if self.is_running {
            return match self.ask(&AdminRequest::MasterKey)? {
                AdminAnswer::MasterKey(key) => Ok(HomeKey {
                    fingerprint: key.fingerprint,
                    key: key.key,
                    is_new: false,
                }),
                _ => Err(SOMETHING_ELSE.to_owned()),
            };
        }
        let task = SetupTask::OwnKey {
            home: self.config.gpg.home.clone(),
            user_id: String::new(),
            wanted: WantedKey::This(self.config.gpg.key.to_string()),
        };
        run_as(self.host, self.host.user(MASTER_USER)?, &task)
    }

    /// The worker that is registered under a name.
    ///
    /// # Errors
    /// The master does not answer, or its database cannot be used.
    pub(super) fn registered(&self, name: &str) -> Result<Option<RegisteredAs>, String> {
        if self.is_running {
            return match self.ask(&AdminRequest::WorkersList)? {
                AdminAnswer::Workers(workers) => {
                    let found = workers.into_iter().find(|worker| worker.name == name);
                    found.map(registered_as).transpose()
                }
                _ => Err(SOMETHING_ELSE.to_owned()),
            };
        }
        let task = SetupTask::Find {
            config: self.file.clone(),
            name: name.to_owned(),
        };
        run_as(self.host, self.host.user(MASTER_USER)?, &task)
    }

    /// Registers a worker.
    ///
    /// # Errors
    /// The master refuses.
    pub(super) fn register(
        &self,
        name: &str,
        key: &str,
        ip: IpAddr,
        address: &str,
    ) -> Result<RegisteredAs, String> {
        if self.is_running {
            let request = AdminRequest::WorkersRegister {
                name: name.to_owned(),
                key: key.to_owned(),
                ip,
                address: address.to_owned(),
            };
            return match self.ask(&request)? {
                AdminAnswer::Worker(worker) => registered_as(*worker),
                _ => Err(SOMETHING_ELSE.to_owned()),
            };
        }
        let task = SetupTask::Register {
            config: self.file.clone(),
            name: name.to_owned(),
            key: key.to_owned(),
            ip,
            address: address.to_owned(),
        };
        run_as(self.host, self.host.user(MASTER_USER)?, &task)
    }

    /// Tells the master a registered worker's new key.
    ///
    /// # Errors
    /// It does not run, or refuses.
    pub(super) fn set_key(&self, name: &str, key: &str) -> Result<RegisteredAs, String> {
        if !self.is_running {
            return Err(format!(
                "the master does not run, and takes {name}'s new key only while it does: start it first, with `systemctl \
                 start {MASTER_UNIT}`"
            ));
        }
        let request = AdminRequest::WorkersSet {
            name: name.to_owned(),
            key: Some(key.to_owned()),
            ip: None,
            address: None,
        };
        match self.ask(&request)? {
            AdminAnswer::Worker(worker) => registered_as(*worker),
            _ => Err(SOMETHING_ELSE.to_owned()),
        }
    }

    fn ask(&self, request: &AdminRequest) -> Result<AdminAnswer, String> {
        match client::ask(&self.config.control_socket, request) {
            Ok(AdminResponse::Done(answer)) => Ok(answer),
            Ok(AdminResponse::Refused(why)) => Err(why),
            Ok(AdminResponse::Working | AdminResponse::Piece(_)) => Err(SOMETHING_ELSE.to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// The text for an answer of another kind.
const SOMETHING_ELSE: &str = "the master answered something else";

fn registered_as(worker: WorkerStatus) -> Result<RegisteredAs, String> {
    let uuid = worker
        .uuid
        .parse()
        .map_err(|error| format!("the master says that {} is the UUID: {error}", worker.uuid))?;
    Ok(RegisteredAs {
        uuid,
        fingerprint: worker.fingerprint,
        ip: worker.ip,
        address: worker.address,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::model::StandbyStatus;
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_master_that_stands_by_registers_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let host = SetupHost::new(Some(folder.path())).unwrap();
        let socket = folder.path().join("s");
        fs::create_dir_all(host.etc()).unwrap();
        let text = format!(
            "control_socket = {:?}\n[gpg]\nkey = \"{}\"\n[database]\nurl = \"postgres://pt@db/pt\"\n[assets]\nsymbols = \"all\"\n\
             provider = \"simulated\"\n[assets.simulated]\nsymbols = 3\n",
            socket.display().to_string(),
            "A".repeat(40)
        );
        fs::write(host.master_config(), text).unwrap();
        let listener = UnixListener::bind(&socket).unwrap();
        let status = StandbyStatus {
            version: "1".to_owned(),
            pid: 1,
            since: String::new(),
            listen: String::new(),
            leader: "m1 (10.0.0.1:2048)".to_owned(),
            problem: None,
        };
        let found = std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    let (stream, _) = listener.accept().unwrap();
                    let mut line = String::new();
                    BufReader::new(&stream).read_line(&mut line).unwrap();
                    let response = match serde_json::from_str(&line).unwrap() {
                        AdminRequest::Status => {
                            AdminResponse::Done(AdminAnswer::StandingBy(status.clone()))
                        }
                        _ => AdminResponse::Refused("this master stands by".to_owned()),
                    };
                    let mut text = serde_json::to_string(&response).unwrap();
                    text.push('\n');
                    (&stream).write_all(text.as_bytes()).unwrap();
                }
            });
            LocalMaster::find(&host, &SetupReport::new(true)).unwrap()
        });
        assert!(found.is_none(), "workers are registered at the leader");
    }
}
