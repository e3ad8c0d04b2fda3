//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables, 3.2.1 Main Module: deployment
//!
//! The set-up of a worker.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use super::addresses::{address_towards, check_port, default_address, default_listen, free_port};
use super::arguments::SetupWorkerArgs;
use super::belongings::mend_below;
use super::certificates;
use super::config_file::{ConfigFile, given_values_are_not_taken};
use super::host::{LOG_MODE, SetupHost, SystemUser, WORKER_USER};
use super::questions::Questions;
use super::registrar::LocalMaster;
use super::registration::{MasterAnswer, WorkerAnswers, WorkerRequest, is_worker_name};
use super::report::SetupReport;
use super::services::{self, ServiceRefresh, systemd_runs, worker_unit};
use super::tasks::{DaemonKind, HomeKey, RegisteredAs, SetupTask, WantedKey, run_as};
use crate::config::{HostPort, WORKER_PORT, WorkerConfig};
use crate::model::Fingerprint;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use toml::{Table, Value};
use uuid::Uuid;

/// A worker that is set up.
struct WorkerSetup<'a> {
    host: &'a SetupHost,
    args: &'a SetupWorkerArgs,
    user: SystemUser,
    key: HomeKey,
    file: ConfigFile,
}

/// Sets a worker of this machine up.
///
/// # Errors
/// A step fails; those before it are done.
pub(super) fn set_up(
    host: &SetupHost,
    args: &SetupWorkerArgs,
    report: &mut SetupReport,
) -> Result<(), String> {
    let name = &args.name;
    let user = host.user(WORKER_USER)?;
    let path = host.worker_config(name);
    let kept = match ConfigFile::read(&path)? {
        Some(text) => {
            let parsed = WorkerConfig::parse(&text, &path).map_err(|error| error.to_string())?;
            Some((parsed.0, text))
        }
        None => None,
    };
    let config = kept.as_ref().map(|(config, _)| config);
    if let Some(config) = config {
        check_certificate_is_used(host, args, config)?;
    }
    make_folders(host, name, user, report)?;
    report.progress("the worker's key");
    let task = SetupTask::OwnKey {
        home: config.map_or_else(|| home(host, name), |config| config.gpg.home.clone()),
        user_id: format!("PaperTrader worker {name}"),
        wanted: WantedKey::of(
            args.common.gpg_key.as_deref(),
            config.map(|config| config.gpg.key),
        ),
    };
    let key: HomeKey = run_as(host, user, &task)?;
    report.key("the worker's key", &key.fingerprint, key.is_new);
    let setup = WorkerSetup {
        host,
        args,
        user,
        key,
        file: ConfigFile {
            kind: DaemonKind::Worker,
            path,
            reader: user,
        },
    };
    match kept {
        Some((config, _)) if args.request => setup.request_again(&config, report),
        Some((config, text)) => {
            let refresh = setup.mend(&config, &text, report)?;
            setup.start(refresh, report)
        }
        None => match setup.make(report)? {
            Some(config) => {
                setup.start(ServiceRefresh::Nothing, report)?;
                setup.tell_people(&config, report);
                Ok(())
            }
            // The master is elsewhere, and has not answered yet.
            None => Ok(()),
        },
    }
}

/// Checks that a certificate that is given is one that a worker which is there would use.
///
/// # Errors
/// One is given, and the configuration names other files, or none.
fn check_certificate_is_used(
    host: &SetupHost,
    args: &SetupWorkerArgs,
    config: &WorkerConfig,
) -> Result<(), String> {
    if args.certificate.is_none() || names_own_files(host, &args.name, config) {
        return Ok(());
    }
    let file = host.worker_config(&args.name);
    let (certificate, key) = certificates::worker_files(host, &args.name);
    let file = file.display();
    Err(match &config.tls {
        None => format!(
            "--certificate: {file} has no [tls], so the worker would not use it: write certificate = \"{}\" and key = \
             \"{}\" below [tls] there, and give the command again",
            certificate.display(),
            key.display()
        ),
        Some(tls) => format!(
            "--certificate: {file} names {} and {}, so the worker would not use a copy elsewhere: replace these \
             files yourself, then reload the worker",
            tls.certificate.display(),
            tls.key.display()
        ),
    })
}

/// Whether a configuration names the certificate and key that a set-up makes.
fn names_own_files(host: &SetupHost, name: &str, config: &WorkerConfig) -> bool {
    let (certificate, key) = certificates::worker_files(host, name);
    config
        .tls
        .as_ref()
        .is_some_and(|tls| tls.certificate == certificate && tls.key == key)
}

/// Checks a worker's name.
///
/// # Errors
/// Files and a service cannot be called by it.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    if is_worker_name(name) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is not a worker's name: files and the service are called by it, so it has 1 to 64 of A-Z a-z 0-9 . _ -, \
         and begins with a letter or digit"
    ))
}

fn home(host: &SetupHost, name: &str) -> PathBuf {
    host.etc().join(format!("gnupg-{name}"))
}

fn make_folders(
    host: &SetupHost,
    name: &str,
    user: SystemUser,
    report: &mut SetupReport,
) -> Result<(), String> {
    host.folder(&home(host, name), host.owned_by(user, 0o700), report)?;
    host.folder(&host.etc().join("tls"), host.public(0o755), report)?;
    host.folder_below("/var/lib/papertrader-worker", host.public(0o755), report)?;
    host.folder_below(
        &format!("/var/lib/papertrader-worker/{name}"),
        host.owned_by(user, 0o700),
        report,
    )?;
    host.folder_below(
        "/var/log/papertrader-worker",
        host.owned_by(user, 0o750),
        report,
    )?;
    let own = host.owned_by(user, 0o700);
    mend_below(&home(host, name), own, None, report)?;
    let state = host.path(&format!("/var/lib/papertrader-worker/{name}"));
    mend_below(&state, own, None, report)?;
    let logs = host.path("/var/log/papertrader-worker");
    mend_below(&logs, own, Some(LOG_MODE), report)
}

impl WorkerSetup<'_> {
    fn name(&self) -> &str {
        &self.args.name
    }

    /// Makes the configuration, and all that it names; `None` if only the request is made, because the
    /// master is on another machine.
    fn make(&self, report: &mut SetupReport) -> Result<Option<WorkerConfig>, String> {
        if let Some(file) = &self.args.answer {
            self.ip_is_not_taken(report);
            return self.make_from(&MasterAnswer::read(file)?, report).map(Some);
        }
        let local = match self.args.master {
            Some(_) => None,
            None => LocalMaster::find(self.host, report)?,
        };
        match local {
            Some(master) => {
                self.ip_is_not_taken(report);
                let (address, answers) = self.ask(master.address().to_string())?;
                let registered = self.register(&master, None, &address, report)?;
                self.finish(
                    registered.uuid,
                    &master.key()?.key,
                    &address,
                    &answers,
                    report,
                )
                .map(Some)
            }
            None => {
                self.request(report)?;
                Ok(None)
            }
        }
    }

    /// Says that `--ip` was given and is no part of what is done: only a request has it.
    fn ip_is_not_taken(&self, report: &mut SetupReport) {
        if let Some(ip) = self.args.ip {
            report.warn(format!(
                "--ip changes nothing: it is for a request to a master on another machine. Where the registration has \
                 another address, on the master's machine: `papertraderctl workers set {} --ip {ip}`",
                self.name()
            ));
        }
    }

    /// Registers this worker with the master of this machine, unless it is.
    fn register(
        &self,
        master: &LocalMaster<'_>,
        known: Option<Uuid>,
        address: &HostPort,
        report: &mut SetupReport,
    ) -> Result<RegisteredAs, String> {
        let (name, ip) = (self.name(), master.address().ip());
        if !master.is_running() {
            report.progress(
                "the master's database; one of an older version is copied and brought up to date now, which takes minutes \
                 where it is large",
            );
        }
        if let Some(found) = master.registered(name)? {
            return self.accept_registration(master, found, known, address, report);
        }
        let made = master.register(name, &self.key.key, ip, &address.to_string())?;
        report.made(format!("the registration of {name} as {}", made.uuid));
        Ok(made)
    }

    /// Takes a registration that is there, if it is this worker's. `known`: the UUID that this worker
    /// has already; then it may have a new key.
    fn accept_registration(
        &self,
        master: &LocalMaster<'_>,
        found: RegisteredAs,
        known: Option<Uuid>,
        address: &HostPort,
        report: &mut SetupReport,
    ) -> Result<RegisteredAs, String> {
        let name = self.name();
        if found.fingerprint != self.key.fingerprint {
            if self.args.common.gpg_key.is_some() && known == Some(found.uuid) {
                let changed = master.set_key(name, &self.key.key)?;
                report.made(format!("the registration of {name} with its new key"));
                return Ok(changed);
            }
            return Err(format!(
                "a worker is registered as {name} with another key, {}, and this one has {}: choose another name, or \
                 end that registration with `papertraderctl workers unregister {name}`",
                found.fingerprint, self.key.fingerprint
            ));
        }
        report.there(format!("the registration of {name} as {}", found.uuid));
        if found.address != address.to_string() {
            report.warn(format!(
                "{name} is registered with the address {}, which clients are told; to tell them {address}: \
                 `papertraderctl workers set {name} --address {address}`",
                found.address
            ));
        }
        Ok(found)
    }

    /// The address for clients, and what the configuration is made of.
    fn ask(&self, master: String) -> Result<(HostPort, WorkerAnswers), String> {
        let questions = Questions::new(self.args.common.yes);
        let port = free_port(self.host);
        let address = questions.value(
            self.args.address.clone(),
            "Where clients reach this worker",
            default_address(self.host, port)?,
        )?;
        let listen = questions.value(
            self.args.listen,
            "Where it listens for them",
            default_listen(&address),
        )?;
        let tls = !self.args.plain;
        if self.args.plain && !listen.ip().to_canonical().is_loopback() {
            return Err(format!(
                "--plain: clients would send passwords to {listen} in the clear; leave it out, or listen on loopback"
            ));
        }
        check_port(self.host, listen)?;
        let answers = WorkerAnswers {
            master,
            listen,
            tls,
            web: self.args.web,
        };
        Ok((address, answers))
    }

    /// Writes the request to the master on another machine.
    fn request(&self, report: &mut SetupReport) -> Result<(), String> {
        let host = self.host;
        let questions = Questions::new(self.args.common.yes);
        let master = match &self.args.master {
            Some(master) => master.clone(),
            None => {
                let stands_by = host.master_config().exists();
                let question = if stands_by {
                    "The master of this machine stands by. Where is the one that leads, HOST:PORT"
                } else {
                    "There is no master on this machine. Where is it, HOST:PORT"
                };
                let given = questions.value(None, question, String::new())?;
                if given.is_empty() && stands_by {
                    return Err(
                        "the master of this machine stands by: name the one that leads with --master HOST:PORT"
                            .to_owned(),
                    );
                }
                if given.is_empty() {
                    return Err(format!(
                        "there is no master on this machine, as {} is missing: set it up first with `papertraderctl setup \
                         master`, or name another machine's with --master HOST:PORT",
                        host.master_config().display()
                    ));
                }
                given.parse()?
            }
        };
        let ip = match self.args.ip {
            Some(ip) => ip,
            None => address_towards(&master)?,
        };
        let (address, answers) = self.ask(master.to_string())?;
        if answers.tls {
            self.certificate(address.host(), report)?;
        }
        self.write_request(ip, &address, answers, report)
    }

    /// Writes the request of a worker that is set up.
    fn request_again(&self, config: &WorkerConfig, report: &mut SetupReport) -> Result<(), String> {
        given_values_are_not_taken(&self.file.path, first_not_taken(self.args, config), report);
        let ip = match self.args.ip {
            Some(ip) => ip,
            None => address_towards(&config.master)?,
        };
        let answers = WorkerAnswers {
            master: config.master.to_string(),
            listen: config.listen,
            tls: config.tls.is_some(),
            web: config.web.as_ref().map(|web| web.listen),
        };
        self.write_request(ip, &config.advertise, answers, report)
    }

    fn write_request(
        &self,
        ip: IpAddr,
        address: &HostPort,
        here: WorkerAnswers,
        report: &mut SetupReport,
    ) -> Result<(), String> {
        let (name, host) = (self.name(), self.host);
        let request = WorkerRequest {
            name: name.to_owned(),
            ip,
            address: address.to_string(),
            fingerprint: self.key.fingerprint.clone(),
            key: self.key.key.clone(),
            here,
        };
        let file = self.request_file();
        let rights = host.public(0o644);
        host.file(&file, request.text()?.as_bytes(), rights, report)?;
        report.left(format!(
            "Take {} to the master's machine, and there:",
            file.display()
        ));
        report.left(format!(
            "  papertraderctl workers accept {name}.request > {name}.answer"
        ));
        report.left(format!(
            "It shows a key; compare it: {}",
            self.key.fingerprint
        ));
        report.left(format!("Bring {name}.answer here:"));
        report.left(format!(
            "  papertraderctl setup worker {name} --answer {name}.answer"
        ));
        Ok(())
    }

    fn request_file(&self) -> PathBuf {
        self.host
            .etc()
            .join(format!("worker-{}.request", self.name()))
    }

    /// Ends the set-up of a worker whose master has answered.
    fn make_from(
        &self,
        answer: &MasterAnswer,
        report: &mut SetupReport,
    ) -> Result<WorkerConfig, String> {
        self.check_answer(answer)?;
        let file = self.request_file();
        if !file.exists() {
            return Err(format!(
                "{} is missing, which the first half of the set-up wrote: run `papertraderctl setup worker {} --master \
                 HOST:PORT` again",
                file.display(),
                self.name()
            ));
        }
        let request = WorkerRequest::read(&file)?;
        if self.args.certificate.is_some() && !request.here.tls {
            return Err(format!(
                "--certificate: {} was made with --plain, so the worker would not use it: leave it out, or run \
                 `papertraderctl setup worker {} --master HOST:PORT` again without --plain",
                file.display(),
                self.name()
            ));
        }
        let address: HostPort = request.address.parse()?;
        let config = self.finish(answer.uuid, &answer.key, &address, &request.here, report)?;
        // It is done with, and would be misleading.
        let _ = fs::remove_file(&file);
        Ok(config)
    }

    fn check_answer(&self, answer: &MasterAnswer) -> Result<(), String> {
        let name = self.name();
        if answer.name != name {
            return Err(format!(
                "this answer is for the worker {}, and not for {name}",
                answer.name
            ));
        }
        if answer.worker != self.key.fingerprint {
            return Err(format!(
                "the master has registered {name} with the key {}, and this worker's is {}: give it the request of this \
                 machine, after `papertraderctl workers unregister {name}` there",
                answer.worker, self.key.fingerprint
            ));
        }
        Ok(())
    }

    /// Makes what is left once UUID and master's key are known.
    fn finish(
        &self,
        uuid: Uuid,
        master_key: &str,
        address: &HostPort,
        answers: &WorkerAnswers,
        report: &mut SetupReport,
    ) -> Result<WorkerConfig, String> {
        let master = self.import(&home(self.host, self.name()), master_key, report)?;
        if answers.tls {
            self.certificate(address.host(), report)?;
        }
        let config = self.config(uuid, master, address, answers)?;
        self.file
            .write_new(self.host, &config.to_toml(&self.file.path), report)?;
        Ok(config)
    }

    /// Adds the master's key to the GPG home, and returns its fingerprint.
    fn import(
        &self,
        home: &Path,
        key: &str,
        report: &mut SetupReport,
    ) -> Result<Fingerprint, String> {
        let task = SetupTask::Import {
            home: home.to_owned(),
            key: key.to_owned(),
        };
        let found: String = run_as(self.host, self.user, &task)?;
        let master = Fingerprint::parse(&found).map_err(|error| format!("{found}: {error}"))?;
        report.there(format!("the master's key in its GPG home, {master}"));
        Ok(master)
    }

    /// Makes or copies certificate and key.
    fn certificate(&self, host: &str, report: &mut SetupReport) -> Result<(), String> {
        let name = self.name();
        match (&self.args.certificate, &self.args.tls_key) {
            (Some(certificate), Some(key)) => {
                certificates::given(self.host, name, (certificate, key), self.user, report)?;
            }
            // An administrator's own certificate stays.
            _ if self.has_given_certificate() => {
                certificates::mend(self.host, name, self.user, report)?;
            }
            _ => {
                certificates::trial(self.host, name, host, self.user, report)?;
            }
        }
        Ok(())
    }

    /// Whether the certificate that is there is not by the CA of trials.
    fn has_given_certificate(&self) -> bool {
        let (certificate, key) = certificates::worker_files(self.host, self.name());
        certificate.exists() && key.exists() && !certificates::is_trial(&certificate)
    }

    fn config(
        &self,
        uuid: Uuid,
        master: Fingerprint,
        address: &HostPort,
        answers: &WorkerAnswers,
    ) -> Result<WorkerConfig, String> {
        let (name, host) = (self.name(), self.host);
        let path = |path: String| host.path(&path).display().to_string();
        let mut root = Table::new();
        for (key, value) in [
            ("name", name.to_owned()),
            ("uuid", uuid.hyphenated().to_string()),
            ("listen", answers.listen.to_string()),
            ("advertise", address.to_string()),
            ("master", answers.master.clone()),
        ] {
            root.insert(key.into(), value.into());
        }
        root.insert("allow_root".into(), host.daemons_are_roots().into());
        let table = |values: &[(&str, String)]| {
            let values = values.iter();
            let values =
                values.map(|(key, value)| ((*key).to_owned(), Value::from(value.as_str())));
            Value::from(Table::from_iter(values))
        };
        let gpg = [
            ("home", format!("gnupg-{name}")),
            ("key", self.key.fingerprint.clone()),
            ("master_key", master.to_string()),
        ];
        root.insert("gpg".into(), table(&gpg));
        let log = path(format!("/var/log/papertrader-worker/{name}.log"));
        root.insert("log".into(), table(&[("file", log)]));
        if answers.tls {
            let tls = [
                ("certificate", format!("tls/{name}.crt")),
                ("key", format!("tls/{name}.key")),
            ];
            root.insert("tls".into(), table(&tls));
        }
        if let Some(web) = answers.web {
            let mut page = Table::new();
            page.insert("listen".into(), web.to_string().into());
            let scheme = if answers.tls { "https" } else { "http" };
            let host = address.to_string();
            let host = host.rsplit_once(':').map_or("", |(host, _)| host);
            let origin = format!("{scheme}://{host}:{}", web.port());
            page.insert("origins".into(), vec![origin].into());
            root.insert("web".into(), page.into());
        }
        let text = toml::to_string(&root).map_err(|error| error.to_string())?;
        let parsed = WorkerConfig::parse(&text, &self.file.path);
        parsed
            .map(|(config, _)| config)
            .map_err(|error| error.to_string())
    }

    /// Mends what a configuration that is there names. Returns what a running worker has to do about
    /// it: to read its files again even where nothing is new, because a set-up before this one may have
    /// ended between a renewed certificate and the reload.
    fn mend(
        &self,
        config: &WorkerConfig,
        text: &str,
        report: &mut SetupReport,
    ) -> Result<ServiceRefresh, String> {
        given_values_are_not_taken(&self.file.path, first_not_taken(self.args, config), report);
        self.ip_is_not_taken(report);
        if names_own_files(self.host, self.name(), config) {
            self.certificate(config.advertise.host(), report)?;
        }
        let (before, before_key) = (config.uuid, config.gpg.master_key);
        let (uuid, master) = self.known_to_master(config, report)?;
        let is_new = self.key.fingerprint != config.gpg.key.to_string();
        if (uuid, master) == (before, before_key) && !is_new {
            self.file.check(self.host, report)?;
            return Ok(ServiceRefresh::Reload);
        }
        if master != before_key {
            report.warn(format!(
                "the master's key was {before_key}, and is {master} now: compare it with what the master's machine shows"
            ));
        }
        let own = self.own_fingerprint()?;
        let text = with_values(text, &self.file.path, config, (uuid, own, master))?;
        self.file.write(self.host, &text, report)?;
        if is_new && !self.is_known_here(config, report)? {
            self.tell_new_key(report)?;
        }
        Ok(ServiceRefresh::Restart)
    }

    /// This worker's UUID and the master's key, as the master has them where it is on this machine or
    /// has answered; else as the configuration has them. The key is in the GPG home then.
    fn known_to_master(
        &self,
        config: &WorkerConfig,
        report: &mut SetupReport,
    ) -> Result<(Uuid, Fingerprint), String> {
        let home = &config.gpg.home;
        match (&self.args.answer, &self.args.master) {
            (Some(file), _) => {
                let answer = MasterAnswer::read(file)?;
                self.check_answer(&answer)?;
                let master = self.import(home, &answer.key, report)?;
                return Ok((answer.uuid, master));
            }
            (None, Some(_)) => {}
            (None, None) => {
                if let Some(master) = LocalMaster::find(self.host, report)?
                    && is_at(&config.master, master.address())
                {
                    let registered =
                        self.register(&master, Some(config.uuid), &config.advertise, report)?;
                    let key = self.import(home, &master.key()?.key, report)?;
                    return Ok((registered.uuid, key));
                }
            }
        }
        Ok((config.uuid, config.gpg.master_key))
    }

    fn own_fingerprint(&self) -> Result<Fingerprint, String> {
        let own = &self.key.fingerprint;
        Fingerprint::parse(own).map_err(|error| format!("{own}: {error}"))
    }

    /// Whether the master that has this worker is the one of this machine, which was told.
    fn is_known_here(&self, config: &WorkerConfig, report: &SetupReport) -> Result<bool, String> {
        if self.args.master.is_some() || self.args.answer.is_some() {
            return Ok(false);
        }
        let local = LocalMaster::find(self.host, report)?;
        Ok(local.is_some_and(|master| is_at(&config.master, master.address())))
    }

    /// Writes this worker's new public key for a master on another machine, and says what is left.
    fn tell_new_key(&self, report: &mut SetupReport) -> Result<(), String> {
        let (name, host) = (self.name(), self.host);
        let file = host.etc().join(format!("worker-{name}.asc"));
        let rights = host.public(0o644);
        host.file(&file, self.key.key.as_bytes(), rights, report)?;
        report.left(format!(
            "The worker does not link until its master has the new key, {}. Take {} to the master's machine, and there:",
            self.key.fingerprint,
            file.display()
        ));
        report.left(format!(
            "  papertraderctl workers set {name} --key worker-{name}.asc"
        ));
        Ok(())
    }

    fn start(&self, refresh: ServiceRefresh, report: &mut SetupReport) -> Result<(), String> {
        let unit = worker_unit(self.name());
        let is_restart = refresh == ServiceRefresh::Restart;
        let start = if is_restart {
            "Start the worker; if it runs, end it first:"
        } else {
            "Start the worker:"
        };
        if self.host.is_own {
            report.left(start);
            report.left(format!(
                "  papertrader-worker --config {}",
                self.file.path.display()
            ));
        } else if self.args.common.no_start || !systemd_runs() {
            report.left(start);
            if is_restart {
                report.left(format!("  systemctl stop {unit}"));
            }
            report.left(format!("  systemctl enable --now --no-block {unit}"));
            if refresh == ServiceRefresh::Reload {
                report.left("If it runs already, it reads its files again by:");
                report.left(format!("  systemctl reload-or-restart --no-block {unit}"));
            }
        } else {
            services::start(&unit, refresh, report)?;
        }
        Ok(())
    }

    /// Tells how people reach the worker.
    fn tell_people(&self, config: &WorkerConfig, report: &mut SetupReport) {
        let ca = certificates::ca_files(self.host).0;
        let certificate = certificates::worker_files(self.host, self.name()).0;
        let ca = if config.tls.is_some() && certificates::is_trial(&certificate) {
            format!(" --ca {}", ca.display())
        } else {
            String::new()
        };
        let is_usual = config.listen.port() == WORKER_PORT
            && (config.listen.ip().is_unspecified() || config.listen.ip().is_loopback());
        // Where the certificate is for loopback, too, this machine's people need no name.
        let server = if is_usual && (!ca.is_empty() || config.tls.is_none()) {
            String::new()
        } else {
            format!(" --server {}", config.advertise)
        };
        report.left("A person, on this machine:");
        report.left(format!("  papertrader{server}{ca} register NAME EMAIL"));
        report.left(format!("  papertrader{server}{ca} login NAME"));
        if !ca.is_empty() {
            report.left(format!(
                "On other machines, with the file of the CA for trials: papertrader --server {} --ca ca.crt",
                config.advertise
            ));
        }
    }
}

/// The first of the options that were given and say something else than the configuration, which stays
/// as it is; `None` if there is none.
fn first_not_taken(args: &SetupWorkerArgs, config: &WorkerConfig) -> Option<&'static str> {
    fn differs<T: PartialEq>(given: &Option<T>, kept: &T) -> bool {
        given.as_ref().is_some_and(|given| given != kept)
    }
    let web = config.web.as_ref().map(|web| web.listen);
    let given = [
        ("--address", differs(&args.address, &config.advertise)),
        ("--listen", differs(&args.listen, &config.listen)),
        ("--master", differs(&args.master, &config.master)),
        ("--plain", args.plain && config.tls.is_some()),
        // The rest of what a certificate is given for is refused, or done.
        ("--certificate", args.certificate.is_some() && args.request),
        ("--web", args.web.is_some() && args.web != web),
    ];
    given.iter().find(|(_, is)| *is).map(|(option, _)| *option)
}

/// The text of a configuration with another UUID, own key and master's key, and all else as it was.
///
/// # Errors
/// They are not where the text has the old ones, which an administrator has written in another form.
fn with_values(
    text: &str,
    path: &Path,
    config: &WorkerConfig,
    (uuid, own, master): (Uuid, Fingerprint, Fingerprint),
) -> Result<String, String> {
    let text = text
        .replace(
            &config.uuid.hyphenated().to_string(),
            &uuid.hyphenated().to_string(),
        )
        .replace(&config.gpg.master_key.to_string(), &master.to_string())
        .replace(&config.gpg.key.to_string(), &own.to_string());
    let (now, _) = WorkerConfig::parse(&text, path).map_err(|error| error.to_string())?;
    if (now.uuid, now.gpg.key, now.gpg.master_key) == (uuid, own, master) {
        return Ok(text);
    }
    Err(format!(
        "{}: the master knows this worker as {uuid}, with the key {own}, and its own key is {master}: write uuid = \
         \"{uuid}\", and below [gpg] master_key = \"{master}\" and key = \"{own}\", then restart the worker",
        path.display()
    ))
}

/// Whether a configured master is the one at an address.
fn is_at(master: &HostPort, address: SocketAddr) -> bool {
    master.port() == address.port()
        && (master.host() == "localhost" || master.host().parse() == Ok(address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_files_and_services() {
        for good in ["eu1", "a", "EU-1.x_y", &"x".repeat(64)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        let long = "x".repeat(65);
        for wrong in ["", ".", "..", "-x", "a/b", "../x", "a b", "ä", "x\n", &long] {
            assert!(check_name(wrong).is_err(), "{wrong}");
        }
    }
}
