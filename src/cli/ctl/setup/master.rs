//! spec/cli/ctl/setup.md · 2.3 Global Deployment Variables, 3.1.1 Main Module: deployment
//!
//! The set-up of a master.
//!
//! Tests: `tests/suite/programs/setup.rs`.

use super::arguments::{SetupMarket, SetupMasterArgs};
use super::belongings::{mend_below, mend_file};
use super::config_file::{ConfigFile, given_values_are_not_taken};
use super::host::{LOG_MODE, MASTER_USER, SetupHost, SystemUser, read_file};
use super::questions::Questions;
use super::report::SetupReport;
use super::services::{self, MASTER_UNIT, ServiceRefresh, systemd_runs};
use super::tasks::{DaemonKind, HomeKey, SetupTask, WantedKey, run_as};
use crate::config::{DatabaseUrl, MasterConfig, SymbolSelection};
use crate::model::Money;
use crate::testkit::market::{SAMPLE_START, first_bar};
use std::collections::BTreeSet;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::{Table, Value};

/// The sample market of the package, and how it lies beside the programs.
const SAMPLE_MARKET: &str = "share/papertrader/market";
/// Where a packaged program has what it shares.
const PACKAGED: &str = "/usr";
/// Folders that the master's service does not see: it has temporary folders of its own, and no homes.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// How often prices change unless something else is wanted.
const UPDATE_INTERVAL: Duration = Duration::from_secs(60);
/// The port on which a master listens (4.3.1).
const PORT: u16 = crate::config::MASTER_PORT;

/// Sets the master of this machine up.
///
/// # Errors
/// A step fails; those before it are done.
pub(super) fn set_up(
    host: &SetupHost,
    args: &SetupMasterArgs,
    report: &mut SetupReport,
) -> Result<(), String> {
    let user = host.user(MASTER_USER)?;
    let questions = Questions::new(args.common.yes);
    let file = host.master_config();
    let kept = match ConfigFile::read(&file)? {
        Some(text) => {
            let (config, _) =
                MasterConfig::parse(&text, &file).map_err(|error| error.to_string())?;
            Some((config, text))
        }
        None => None,
    };
    make_folders(host, user, report)?;
    let gpg = kept.as_ref().map(|(config, _)| &config.gpg);
    let wanted = WantedKey::of(args.common.gpg_key.as_deref(), gpg.map(|gpg| gpg.key));
    let home = gpg.map_or_else(|| host.etc().join("gnupg"), |gpg| gpg.home.clone());
    report.progress("the master's key");
    let task = SetupTask::OwnKey {
        home,
        user_id: "PaperTrader master".to_owned(),
        wanted,
    };
    let key: HomeKey = run_as(host, user, &task)?;
    report.key("the master's key", &key.fingerprint, key.is_new);

    let config = ConfigFile {
        kind: DaemonKind::Master,
        path: file.clone(),
        reader: user,
    };
    let has_new_credentials = copy_credentials(
        host,
        args,
        kept.as_ref().map(|(config, _)| config),
        user,
        report,
    )?;
    let mut refresh = ServiceRefresh::Nothing;
    let mut has_new_key = false;
    let database = kept.as_ref().map(|(config, _)| config.database.clone());
    match kept {
        Some((kept, text)) => {
            given_values_are_not_taken(&file, first_not_taken(host, args, &kept), report);
            let old = kept.gpg.key.to_string();
            if has_new_credentials {
                refresh = ServiceRefresh::Restart;
            }
            if key.fingerprint == old {
                config.check(host, report)?;
            } else {
                has_new_key = true;
                let text = with_key(&text, &file, &old, &key.fingerprint)?;
                config.write(host, &text, report)?;
                refresh = ServiceRefresh::Restart;
                tell_workers(&key.fingerprint, report);
            }
        }
        None => {
            let answers = ask(host, args, questions)?;
            let text = written(host, &file, &answers, &key.fingerprint)?;
            config.write_new(host, &text, report)?;
        }
    }
    start(
        host,
        args,
        (&file, database),
        (refresh, has_new_key),
        report,
    )
}

/// The text of a configuration with another key of the master's, and all else as it was.
///
/// # Errors
/// The old one is not there in the form that a set-up writes.
fn with_key(text: &str, file: &Path, old: &str, new: &str) -> Result<String, String> {
    let text = text.replace(old, new);
    let (now, _) = MasterConfig::parse(&text, file).map_err(|error| error.to_string())?;
    if now.gpg.key.to_string() == new {
        return Ok(text);
    }
    Err(format!(
        "{}: the old key is written there in another form: write key = \"{new}\" below [gpg] yourself",
        file.display()
    ))
}

/// Says what workers need once the master has another key.
fn tell_workers(key: &str, report: &mut SetupReport) {
    report.left(format!(
        "No worker links until it has the master's new key, {key}. For each worker of this machine:"
    ));
    report.left("  papertraderctl setup worker NAME");
    report.left("For each of another machine, there:");
    report.left("  papertraderctl setup worker NAME --request");
}

fn make_folders(
    host: &SetupHost,
    user: SystemUser,
    report: &mut SetupReport,
) -> Result<(), String> {
    host.folder(
        &host.etc().join("gnupg"),
        host.owned_by(user, 0o700),
        report,
    )?;
    let mut folders = vec![
        ("/var/lib/papertrader", 0o700),
        ("/var/log/papertrader", 0o750),
    ];
    // systemd makes this one for the service.
    if host.is_own || !systemd_runs() {
        folders.push(("/run/papertrader", 0o750));
    }
    for (path, mode) in folders {
        host.folder_below(path, host.owned_by(user, mode), report)?;
    }
    let own = host.owned_by(user, 0o700);
    mend_below(&host.etc().join("gnupg"), own, None, report)?;
    mend_below(&host.path("/var/lib/papertrader"), own, None, report)?;
    let logs = host.path("/var/log/papertrader");
    mend_below(&logs, own, Some(LOG_MODE), report)
}

/// What a new configuration is made of.
struct MasterAnswers {
    listen: SocketAddr,
    name: String,
    market: Table,
    update_interval: Duration,
    starting_cash: String,
}

fn ask(
    host: &SetupHost,
    args: &SetupMasterArgs,
    questions: Questions,
) -> Result<MasterAnswers, String> {
    let listen = questions.value(
        args.listen,
        "Where workers connect; 0.0.0.0:2048 lets workers of other machines in",
        SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)),
    )?;
    let name = questions.value(
        args.name.clone(),
        "The deployment's name",
        "PaperTrader".to_owned(),
    )?;
    let update_interval: humantime::Duration = questions.value(
        args.update_interval.map(Into::into),
        "How often prices change and orders are settled",
        UPDATE_INTERVAL.into(),
    )?;
    let starting_cash = questions.value(
        args.starting_cash.clone(),
        "Cash of a new account",
        "100000".to_owned(),
    )?;
    let market = market(host, args, questions)?;
    Ok(MasterAnswers {
        listen,
        name,
        market,
        update_interval: *update_interval,
        starting_cash,
    })
}

/// The table `[assets]`.
fn market(host: &SetupHost, args: &SetupMasterArgs, questions: Questions) -> Result<Table, String> {
    let provider = args.provider.unwrap_or(SetupMarket::Replay);
    let mut assets = Table::new();
    assets.insert("provider".into(), provider.name().into());
    let symbols = match args.symbols.as_slice() {
        [] => Value::from("all"),
        listed => listed.to_vec().into(),
    };
    assets.insert("symbols".into(), symbols);
    let mut own = Table::new();
    match provider {
        SetupMarket::Replay => {
            let sample = sample_market(host);
            let folder = questions.value(
                args.market.as_ref().map(|path| path.display().to_string()),
                "The folder of market files",
                sample.display().to_string(),
            )?;
            let folder = std::path::absolute(&folder).map_err(|e| format!("{folder}: {e}"))?;
            let start = if folder == sample {
                SAMPLE_START
            } else {
                first_bar(&folder)
            };
            let start = start.ok_or_else(|| {
                format!(
                    "{}: no market is there: a folder of files SYMBOL.csv with the columns \
                     Date,Open,High,Low,Close,Volume is needed; or say --provider simulated",
                    folder.display()
                )
            })?;
            if let Some(hidden) = hidden_from_service(&folder)
                && !host.is_own
                && systemd_runs()
            {
                return Err(format!(
                    "{}: the master's service does not see what is below {hidden}: copy the folder to where it does, below \
                     /srv say, with `cp -r`, and name that one",
                    folder.display()
                ));
            }
            own.insert("directory".into(), folder.display().to_string().into());
            own.insert("start".into(), start.to_string().into());
            own.insert("at_end".into(), "simulate".into());
        }
        SetupMarket::Alpaca if args.credentials.is_none() => {
            return Err("alpaca needs --credentials FILE: two lines, key ID and secret".to_owned());
        }
        SetupMarket::Alpaca => {
            let file = credentials(host);
            own.insert("credentials".into(), file.display().to_string().into());
        }
        SetupMarket::Simulated | SetupMarket::Binance => {}
    }
    assets.insert(provider.name().into(), own.into());
    Ok(assets)
}

/// The first of [`HIDDEN`] that a folder, or what a link in its path leads to, is below.
fn hidden_from_service(folder: &Path) -> Option<&'static str> {
    let real = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    HIDDEN
        .into_iter()
        .find(|hidden| folder.starts_with(hidden) || real.starts_with(hidden))
}

/// The sample market, beside the programs that run or where the package has it.
fn sample_market(host: &SetupHost) -> PathBuf {
    let beside = std::env::current_exe().ok().and_then(|program| {
        let prefix = program.parent()?.parent()?;
        Some(prefix.join(SAMPLE_MARKET))
    });
    beside
        .filter(|folder| folder.is_dir())
        .unwrap_or_else(|| host.path(PACKAGED).join(SAMPLE_MARKET))
}

/// Where a provider's credentials are kept.
fn credentials(host: &SetupHost) -> PathBuf {
    host.etc().join("alpaca.key")
}

/// Whether a configuration names the file that credentials are copied to.
fn names_own_credentials(host: &SetupHost, config: &MasterConfig) -> bool {
    let alpaca = config.assets.alpaca.as_ref();
    alpaca.is_some_and(|alpaca| alpaca.credentials == credentials(host))
}

/// Copies the credentials that are given, unless the configuration that is there names another file or
/// none. Returns whether they are others than before.
fn copy_credentials(
    host: &SetupHost,
    args: &SetupMasterArgs,
    config: Option<&MasterConfig>,
    user: SystemUser,
    report: &mut SetupReport,
) -> Result<bool, String> {
    let (file, rights) = (credentials(host), host.readable_by(user));
    let is_used = config.is_none_or(|config| names_own_credentials(host, config));
    match &args.credentials {
        Some(from) if is_used => {
            let (given, before) = (read_file(from)?, read_file(&file));
            host.file(&file, &given, rights, report)?;
            Ok(before != Ok(given))
        }
        _ => mend_file(host, &file, rights, report).map(|()| false),
    }
}

/// The configuration's text.
fn written(
    host: &SetupHost,
    file: &Path,
    answers: &MasterAnswers,
    key: &str,
) -> Result<String, String> {
    let path = |path: &str| host.path(path).display().to_string();
    let interval = humantime::format_duration(answers.update_interval);
    let mut root = Table::new();
    for (name, value) in [
        ("name", answers.name.clone()),
        ("listen", answers.listen.to_string()),
        ("data_dir", path("/var/lib/papertrader")),
        ("control_socket", path("/run/papertrader/master.sock")),
        ("update_interval", interval.to_string()),
        ("starting_cash", answers.starting_cash.clone()),
    ] {
        root.insert(name.into(), value.into());
    }
    root.insert("allow_root".into(), host.daemons_are_roots().into());
    root.insert("assets".into(), answers.market.clone().into());
    let gpg = [("home", "gnupg"), ("key", key)];
    let gpg = gpg.map(|(name, value)| (name.to_owned(), Value::from(value)));
    root.insert("gpg".into(), Table::from_iter(gpg).into());
    let log = (
        "file".to_owned(),
        path("/var/log/papertrader/master.log").into(),
    );
    root.insert("log".into(), Table::from_iter([log]).into());
    let text = toml::to_string(&root).map_err(|error| error.to_string())?;
    let (config, _) = MasterConfig::parse(&text, file).map_err(|error| error.to_string())?;
    Ok(config.to_toml(file))
}

/// The first of the options that were given and say something else than the configuration, which stays
/// as it is; `None` if there is none.
fn first_not_taken(
    host: &SetupHost,
    args: &SetupMasterArgs,
    config: &MasterConfig,
) -> Option<&'static str> {
    let assets = &config.assets;
    let symbols: BTreeSet<String> = match &assets.symbols {
        SymbolSelection::All => BTreeSet::new(),
        SymbolSelection::Listed(listed) => listed.iter().map(ToString::to_string).collect(),
    };
    let provider = assets.providers.first().map(|provider| provider.name());
    let folder = assets.replay.as_ref().map(|replay| &replay.directory);
    let cash = args.starting_cash.as_deref().map(Money::parse_rounded);
    let market = args.market.as_ref().map(std::path::absolute);
    let given = [
        (
            "--listen",
            args.listen.is_some_and(|it| it != config.listen),
        ),
        (
            "--name",
            args.name.as_ref().is_some_and(|it| *it != config.name),
        ),
        (
            "--provider",
            args.provider.is_some_and(|it| Some(it.name()) != provider),
        ),
        (
            "--market",
            market.is_some_and(|it| it.ok().as_ref() != folder),
        ),
        (
            "--symbols",
            !args.symbols.is_empty()
                && args.symbols.iter().cloned().collect::<BTreeSet<_>>() != symbols,
        ),
        (
            "--update-interval",
            args.update_interval
                .is_some_and(|it| it != config.update_interval),
        ),
        (
            "--starting-cash",
            cash.is_some_and(|it| it.ok() != Some(config.starting_cash)),
        ),
        (
            "--credentials",
            args.credentials.is_some() && !names_own_credentials(host, config),
        ),
    ];
    given.iter().find(|(_, is)| *is).map(|(option, _)| *option)
}

fn start(
    host: &SetupHost,
    args: &SetupMasterArgs,
    (file, database): (&Path, Option<DatabaseUrl>),
    (refresh, has_new_key): (ServiceRefresh, bool),
    report: &mut SetupReport,
) -> Result<(), String> {
    let has_more = args.worker.is_some();
    let is_restart = refresh == ServiceRefresh::Restart;
    if !host.is_own && !args.common.no_start && systemd_runs() {
        services::start(MASTER_UNIT, refresh, report)?;
        services::enable_backups(database.as_ref(), report);
    } else if is_restart && !host.is_own {
        report.left(if has_new_key {
            "Restart the master before that:"
        } else {
            "Restart the master, which reads its credentials when it starts:"
        });
        report.left(format!("  systemctl restart {MASTER_UNIT}"));
    } else if !has_more {
        report.left(match (is_restart, has_new_key) {
            (true, true) => "Start the master before that; if it runs, end it first:",
            (true, false) => "Start the master; if it runs, end it first:",
            (false, _) => "Start the master:",
        });
        report.left(if host.is_own {
            format!("  papertrader-master --config {}", file.display())
        } else {
            format!("  systemctl enable --now {MASTER_UNIT}")
        });
    }
    if !has_more && !is_restart {
        report.left("A worker, which people connect to; on this machine:");
        report.left("  papertraderctl setup worker eu1");
        report.left("or on another one:");
        report.left("  papertraderctl setup worker eu1 --master THIS-HOST:2048");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    fn a_market_that_the_service_does_not_see_is_known() {
        for (folder, hidden) in [
            ("/home/ada/market", Some("/home")),
            ("/root", Some("/root")),
            ("/var/tmp/market", Some("/var/tmp")),
            ("/homes/market", None),
            ("/srv/tmp/market", None),
            ("/usr/share/papertrader/market", None),
        ] {
            assert_eq!(hidden_from_service(Path::new(folder)), hidden, "{folder}");
        }
        // What a link leads to counts; this one is the open folder's.
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let open = fs::File::open(folder.path()).unwrap();
        let link = format!("/proc/self/fd/{}", open.as_raw_fd());
        assert_eq!(hidden_from_service(Path::new(&link)), Some("/var/tmp"));
    }
}
