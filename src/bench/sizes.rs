//! spec/bench.md · 2.2 Infrastructure Model (what a deployment takes)
//!
//! Measures what one more of everything takes: a client of a worker, and an account, a transaction
//! and a price in the master's database.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::deployment::{BenchDeployment, BenchSetting};
use super::fill::Filler;
use super::market;
use super::measure::grouped;
use super::table::{Figure, ResultRow};
use crate::client::{Client, ConnectOptions as ClientOptions};
use crate::master::storage::bulk::EvenAccounts;
use crate::model::Timestamp;
use crate::net::ClientTls;
use crate::net::client_tls::TlsMode;
use crate::testkit::{Deployment, deployment};
use crate::wire::Request;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How long one call of a client may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the clients are idle before memory is read.
const IDLE_TIME: Duration = Duration::from_secs(1);
/// The asset that all filled accounts hold.
const SYMBOL: &str = "S0001";

/// How much is made of each.
struct Counts {
    clients: usize,
    accounts: u64,
    transactions: u64,
    symbols: u32,
    minutes: u32,
}

const FULL: Counts = Counts {
    clients: 2_000,
    accounts: 200_000,
    transactions: 1_000_000,
    symbols: 200,
    minutes: 5_000,
};
const SHORT: Counts = Counts {
    clients: 20,
    accounts: 500,
    transactions: 1_000,
    symbols: 5,
    minutes: 50,
};

/// Measures all of them.
///
/// # Errors
/// A daemon does not start, a client is not served, or a file cannot be written.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let counts = if scale.is_short { SHORT } else { FULL };
    let mut rows = Vec::new();
    let clients = grouped(counts.clients as u64);
    tell(&format!("sizes: {clients} plain clients …"));
    rows.push(row(
        "a worker's memory for an idle client",
        clients_of(&counts, None)?,
    ));
    let folder = deployment::folder();
    match certificate(folder.path()) {
        Ok(certificate) => {
            tell(&format!("sizes: {clients} clients that speak TLS …"));
            let each = clients_of(&counts, Some(&certificate))?;
            rows.push(row("a worker's memory for an idle client by TLS", each));
        }
        Err(_) if scale.is_short => {}
        Err(error) => return Err(error),
    }
    tell("sizes: accounts and transactions …");
    rows.extend(ledger(&counts)?);
    tell("sizes: prices …");
    rows.push(row(
        "the database for a price of an asset",
        prices(&counts)?,
    ));
    Ok(rows)
}

fn row(what: &str, each: u64) -> ResultRow {
    ResultRow::ours(what, Figure::Bytes(each), None)
}

/// A certificate for loopback, and its key.
struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
}

/// Makes a certificate with the `openssl` of the machine.
fn certificate(folder: &Path) -> Result<CertificateFiles, String> {
    let files = CertificateFiles {
        certificate: folder.join("worker.crt"),
        key: folder.join("worker.key"),
    };
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-days", "2"])
        .args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=bench"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&files.key)
        .arg("-out")
        .arg(&files.certificate)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let made = openssl.status().map_err(|e| format!("openssl: {e}"))?;
    made.success()
        .then_some(files)
        .ok_or_else(|| format!("openssl: {made}"))
}

/// The worker's resident memory for each of many clients that have got one answer.
fn clients_of(counts: &Counts, tls: Option<&CertificateFiles>) -> Result<u64, String> {
    let deployment = BenchDeployment::make(BenchSetting::default())?;
    let mut options = ClientOptions {
        deadline: CALL_TIMEOUT,
        ..ClientOptions::default()
    };
    if let Some(files) = tls {
        deployment.set_workers("tls.certificate", &files.certificate);
        deployment.set_workers("tls.key", &files.key);
        let ca = Some(files.certificate.clone());
        options.security = ClientTls::new(TlsMode::Always, ca, Vec::new());
    }
    deployment.start_all()?;
    let address = deployment.worker()?.to_string();
    let connect = || {
        let failed = |e: crate::client::ClientError| e.to_string();
        let mut client = Client::open(&address, &options, None).map_err(failed)?;
        client.connection().call(&Request::Ping).map_err(failed)?;
        Ok::<_, String>(client)
    };
    // The first ones make what all have in common.
    let mut clients = (0..counts.clients / 10)
        .map(|_| connect())
        .collect::<Result<Vec<_>, _>>()?;
    let before = deployment.worker_resident()?;
    for _ in 0..counts.clients {
        clients.push(connect()?);
    }
    std::thread::sleep(IDLE_TIME);
    let after = deployment.worker_resident()?;
    Ok(after.saturating_sub(before) / counts.clients as u64)
}

/// What an account takes of the database and of the master's memory, and what a transaction takes.
fn ledger(counts: &Counts) -> Result<[ResultRow; 3], String> {
    let deployment = BenchDeployment::make(BenchSetting::default())?;
    // The first start writes what every deployment has.
    deployment.start_master()?;
    let bare = deployment.master_resident()?;
    deployment.stop();
    let database = deployment.database();
    let empty = size(&database)?;
    let mut filler = Filler::open(&database)?;
    filler.accounts(counts.accounts, SYMBOL)?;
    filler.close()?;
    let with_accounts = size(&database)?;
    let mut filler = Filler::open(&database)?;
    let all = EvenAccounts {
        accounts: counts.accounts,
        first: 1,
        step: 1,
    };
    filler.transactions(counts.transactions, all, SYMBOL)?;
    filler.close()?;
    let with_transactions = size(&database)?;
    deployment.start_master()?;
    let filled = deployment.master_resident()?;
    let of = |after: u64, before: u64, count: u64| after.saturating_sub(before) / count;
    Ok([
        row(
            "the database for an account with a position",
            of(with_accounts, empty, counts.accounts),
        ),
        row(
            "a master's memory for an account, after its start",
            of(filled, bare, counts.accounts),
        ),
        row(
            "the database for a settled transaction",
            of(with_transactions, with_accounts, counts.transactions),
        ),
    ])
}

/// The bytes of the database for one price of an asset a minute, with its part of days and months.
fn prices(counts: &Counts) -> Result<u64, String> {
    let folder = deployment::folder();
    let minute = |number: u32| {
        /// 2000-01-01.
        const BEGIN: i64 = 946_684_800_000;
        Timestamp(BEGIN + i64::from(number) * 60_000).to_string()
    };
    let in_file = |number: u32| {
        let text = minute(number);
        text.get(..19).unwrap_or_default().replace('T', " ")
    };
    let (market, _) = market::write(folder.path(), counts.symbols, counts.minutes, in_file)?;
    let kit = Deployment::builder()
        .in_a_file()
        .update_interval(Duration::from_secs(3600))
        .set("assets.replay.directory", market.to_string_lossy().as_ref())
        .set("assets.replay.start", minute(counts.minutes - 1))
        .try_make()
        .map_err(|e| e.to_string())?;
    let database = kit.database_path();
    let before = size(&database)?;
    kit.master().try_start().map_err(|e| e.to_string())?;
    kit.master().stop();
    let rows = u64::from(counts.symbols) * u64::from(counts.minutes);
    Ok(size(&database)?.saturating_sub(before) / rows)
}

/// The bytes of a database, its write-ahead log included.
fn size(database: &Path) -> Result<u64, String> {
    let bytes = |file: &Path| fs::metadata(file).map(|found| found.len());
    let own = bytes(database).map_err(|e| format!("{}: {e}", database.display()))?;
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    Ok(own + bytes(Path::new(&log)).unwrap_or(0))
}
