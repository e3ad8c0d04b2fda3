//! spec/cli/ctl/setup.md · 2.2 Infrastructure Model, 2.3 Global Deployment Variables, 3.1.5 Worker Management
//!
//! `papertraderctl setup`: makes what a master or a worker needs on this machine, changes nothing that
//! is right, and says what it has done and what is left. `workers accept` answers a worker's request.
//!
//! Tests: `tests/suite/programs/setup.rs`.

mod addresses;
pub mod arguments;
mod belongings;
mod certificates;
mod config_file;
mod host;
mod master;
mod questions;
mod registrar;
mod registration;
mod report;
mod services;
mod tasks;
mod worker;

use super::{CtlFailure, ask, print, refused};
use crate::admin::model::WorkerStatus;
use crate::admin::protocol::{AdminAnswer, AdminRequest};
use crate::cli::ctl::arguments::CtlCli;
use crate::cli::output::pretty_json;
use crate::cli::terminal::for_people;
use arguments::{SetupArgs, SetupCommand, SetupWorkerArgs};
use host::SetupHost;
use registration::{MasterAnswer, WorkerRequest};
use report::SetupReport;
use std::ffi::OsString;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

/// Does a child's task of a set-up and answers it; `None` if it is none.
pub(super) fn perform(arguments: &[OsString]) -> Option<io::Result<()>> {
    tasks::perform(arguments)
}

/// Sets up what the command line says.
///
/// # Errors
/// A step fails. Those before it are done, and the same command goes on from there.
pub(super) fn setup(cli: &CtlCli, command: &SetupCommand) -> Result<(), String> {
    let common = match command {
        SetupCommand::Master(args) => &args.common,
        SetupCommand::Worker(args) => &args.common,
    };
    let name = match command {
        SetupCommand::Master(args) => args.worker.as_ref(),
        SetupCommand::Worker(args) => Some(&args.name),
    };
    // Before anything is made.
    name.map_or(Ok(()), |name| worker::check_name(name))?;
    let host = SetupHost::new(common.root.as_deref())?;
    let mut report = SetupReport::new(cli.json);
    let done = run(&host, command, &mut report);
    if cli.json && done.is_ok() {
        let text = pretty_json(&report).map_err(|error| error.to_string())? + "\n";
        let written = io::stdout().lock().write_all(text.as_bytes());
        return written.map_err(|error| format!("standard output: {error}"));
    }
    done.map_err(|why| {
        // The problems of a configuration are a line each.
        let why = why.trim_end().replace('\n', "; ");
        if report.has_changed() {
            format!("{why}. Once that is mended, give the same command again: it goes on from here")
        } else {
            why
        }
    })?;
    report.print_left();
    Ok(())
}

fn run(host: &SetupHost, command: &SetupCommand, report: &mut SetupReport) -> Result<(), String> {
    let _lock = host.lock(report)?;
    match command {
        SetupCommand::Master(args) => {
            master::set_up(host, args, report)?;
            let Some(name) = &args.worker else {
                return Ok(());
            };
            let worker = SetupWorkerArgs {
                name: name.clone(),
                common: SetupArgs {
                    gpg_key: None,
                    ..args.common.clone()
                },
                ..SetupWorkerArgs::default()
            };
            worker::set_up(host, &worker, report)
        }
        SetupCommand::Worker(args) => worker::set_up(host, args, report),
    }
}

/// Registers the worker of a request, unless it is, and prints the answer.
///
/// # Errors
/// The request is none; the master refuses it, or has another worker of the name.
pub(super) fn accept(cli: &CtlCli, file: &Path, ip: Option<IpAddr>) -> Result<(), CtlFailure> {
    let request = WorkerRequest::read(file).map_err(refused)?;
    let name = &request.name;
    let AdminAnswer::MasterKey(key) = ask(cli, &AdminRequest::MasterKey)? else {
        return Err(refused("the master answered something else"));
    };
    let AdminAnswer::Workers(workers) = ask(cli, &AdminRequest::WorkersList)? else {
        return Err(refused("the master answered something else"));
    };
    let known = workers.into_iter().find(|worker| worker.name == *name);
    let (worker, is_new) = match known {
        Some(known) => (known, false),
        None => (register(cli, &request, ip)?, true),
    };
    if worker.fingerprint != request.fingerprint {
        if is_new {
            let request = AdminRequest::WorkersUnregister { name: name.clone() };
            ask(cli, &request)?;
        }
        return Err(refused(format!(
            "{name} is registered with the key {}, and the request names {}: nothing was changed; if this is a new worker, \
             end the old registration first, with `papertraderctl workers unregister {name}`",
            worker.fingerprint, request.fingerprint
        )));
    }
    let answer = MasterAnswer {
        name: name.clone(),
        uuid: worker
            .uuid
            .parse()
            .map_err(|error| refused(format!("the UUID of {name}: {error}")))?,
        worker: worker.fingerprint.clone(),
        fingerprint: key.fingerprint,
        key: key.key,
    };
    let text = answer.text().map_err(refused)?;
    print(cli, &answer, &text)?;
    tell_accepted(&worker, &answer, is_new);
    Ok(())
}

fn register(
    cli: &CtlCli,
    request: &WorkerRequest,
    ip: Option<IpAddr>,
) -> Result<WorkerStatus, CtlFailure> {
    let registration = AdminRequest::WorkersRegister {
        name: request.name.clone(),
        key: request.key.clone(),
        ip: ip.unwrap_or(request.ip),
        address: request.address.clone(),
    };
    match ask(cli, &registration)? {
        AdminAnswer::Worker(worker) => Ok(*worker),
        _ => Err(refused("the master answered something else")),
    }
}

/// Tells the administrator, beside the answer on standard output, whom it has let in.
fn tell_accepted(worker: &WorkerStatus, answer: &MasterAnswer, is_new: bool) {
    let text = format!(
        "{} {}: it may connect from {}, and clients reach it at {}\n\
         its key, to compare on its machine:  {}\n\
         the master's key, to compare there:  {}\n\
         the answer goes back to its machine: papertraderctl setup worker {} --answer FILE\n",
        worker.name,
        if is_new {
            "is registered"
        } else {
            "was registered before"
        },
        worker.ip,
        worker.address,
        worker.fingerprint,
        answer.fingerprint,
        worker.name
    );
    // A closed standard error is no reason to fail.
    let _ = io::stderr().lock().write_all(for_people(&text).as_bytes());
}
