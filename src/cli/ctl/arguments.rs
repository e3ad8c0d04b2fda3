//! spec/cli/ctl.md · 3.1.5 Worker Management
//!
//! The command line of `papertraderctl`. The library defines it, so that the man page and
//! completions are generated from it. Its doc comments are the texts of `--help`.

use super::setup::arguments::SetupCommand;
use crate::admin::protocol::{DEFAULT_SOCKET, ReviewVerdict};
use crate::admin::warning::WarningKind;
use crate::cli::input::signed_amount;
use crate::model::word_list::word_list;
use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The default number of entries of `log tail`.
const TAIL_ENTRIES: usize = 50;

/// The default number of orders of `orders list`.
const NEWEST_ORDERS: usize = 100;

/// The heading of the options that stand before or after any command.
const EVERY_COMMAND: &str = "Options for every command";

/// The administrator's client of a PaperTrader master: speaks to it over its control socket.
#[derive(Debug, Parser)]
#[command(
    name = "papertraderctl",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  papertraderctl setup master --worker eu1
  papertraderctl status
  papertraderctl check -w disk=20
  papertraderctl workers register eu1 --key eu1.asc --ip 192.0.2.7 --address eu1.example.org:2049
  papertraderctl workers boot eu1 && papertraderctl sessions end --worker eu1
  papertraderctl sessions list --user alice --json
  papertraderctl accounts import class.csv --cards cards.html
  papertraderctl orders list --symbol AAPL
  papertraderctl market review
  papertraderctl backup /srv/papertrader-$(date +%F).db
  papertraderctl verify

Exit codes: 0 done, 1 refused (why, on standard error), 2 bad command line, 3 no master there;
those of check are its own."
)]
pub struct CtlCli {
    /// The master's control socket
    #[arg(long, global = true, value_name = "PATH", help_heading = EVERY_COMMAND, default_value = DEFAULT_SOCKET, env = "PAPERTRADER_SOCKET", value_hint = ValueHint::FilePath)]
    pub socket: PathBuf,
    /// Print JSON
    #[arg(long, global = true, help_heading = EVERY_COMMAND)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: CtlCommand,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum CtlCommand {
    /// Show how the master is doing: queue, updates, workers, accounts, sessions, prices, warnings;
    /// of one that stands by, who leads
    Status,
    /// Let the master that stands by lead in this one's place; this one stands by then
    StepDown,
    /// Say in one line whether all is well, for monitoring: exit 0 well, 1 warning, 2 critical, 3
    /// unknown
    #[command(
        after_help = "A warning of `papertraderctl status` is one here, too; those by which people are refused something,
and no answer of the master, are critical. 3 is for a check that could not be made.
Figures: queue and open (orders), disk (free, in percent), settlement (ms), update (seconds since the
last one), mails (that wait), workers (linked). A master that stands by is well while it sees who leads.
Example: papertraderctl check -w queue=10000 -c queue=500000 -w disk=20 --ignore market-paused"
    )]
    Check(CheckThresholds),
    /// Print the master's metrics, as Prometheus reads them
    Metrics,
    /// Set up a master or a worker of this machine: folders, keys, certificates, configuration, services
    Setup {
        /// What to set up.
        #[command(subcommand)]
        command: SetupCommand,
    },
    /// Show, register and steer workers
    Workers {
        /// What to do with them.
        #[command(subcommand)]
        command: WorkersCommand,
    },
    /// Show and end sessions and tokens
    Sessions {
        /// What to do with them.
        #[command(subcommand)]
        command: SessionsCommand,
    },
    /// Help people with their accounts
    Accounts {
        /// What to do with them.
        #[command(subcommand)]
        command: AccountsCommand,
    },
    /// Show and cancel orders that have no outcome yet
    Orders {
        /// What to do with them.
        #[command(subcommand)]
        command: OrdersCommand,
    },
    /// Pause the market, and review prices that are held because they are far from those before
    Market {
        /// What to do with it.
        #[command(subcommand)]
        command: MarketCommand,
    },
    /// Rebuild every balance and position from the transactions, and compare; exit 1 on a
    /// difference
    Verify {
        /// Check this file, a backup say, in place of the running master's database; needs no
        /// master
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// The same, as an option
        #[arg(long, value_name = "FILE", conflicts_with = "file", value_hint = ValueHint::FilePath)]
        database: Option<PathBuf>,
    },
    /// Write a consistent copy of the database while the master runs
    #[command(after_help = BACKUP_HELP)]
    Backup(BackupPlace),
    /// Put a backup in the database's place while no master runs; the replaced one is kept beside
    /// as .old
    #[command(
        after_help = "The backup is verified first. Sessions end with it: everybody logs in again.
It is for a database in a file: one on a PostgreSQL server is restored there, with pg_restore.
Example: systemctl stop papertrader-master && papertraderctl restore /srv/backup.db"
    )]
    Restore {
        /// The backup
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The configuration of the master whose database is replaced
        #[arg(long, value_name = "FILE", default_value = "/etc/papertrader/master.toml", value_hint = ValueHint::FilePath)]
        config: PathBuf,
        /// Restore a file that is written with a log and has none beside it, too: it may lack what
        /// was newest
        #[arg(long)]
        yes: bool,
    },
    /// Show the log's memory, or write it out
    Log {
        /// What to do with it.
        #[command(subcommand)]
        command: LogCommand,
    },
}

/// What `check` warns of beside what the master does.
#[derive(Debug, Clone, Args)]
pub struct CheckThresholds {
    /// Warn from this value of a figure on; below it for disk and workers
    #[arg(short, long, value_name = "FIGURE=N", value_parser = check_threshold)]
    pub warning: Vec<CheckThreshold>,
    /// The same, for critical
    #[arg(short, long, value_name = "FIGURE=N", value_parser = check_threshold)]
    pub critical: Vec<CheckThreshold>,
    /// Pass over a kind of warning, such as market-paused; `--json` of status has the kinds
    #[arg(long, value_name = "KIND", value_parser = warning_kind)]
    pub ignore: Vec<WarningKind>,
    /// Give up after so many seconds: unknown
    #[arg(long, value_name = "SECONDS", default_value_t = CHECK_TIMEOUT_SECONDS, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub timeout: u32,
}

/// How long `check` waits for the master unless `--timeout` says otherwise, as plugins do.
const CHECK_TIMEOUT_SECONDS: u32 = 10;

/// A value of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CheckThreshold {
    pub figure: CheckFigure,
    pub value: f64,
}

word_list! {
    /// A figure that `check` tells.
    CheckFigure {
        /// Orders that wait for the next update.
        Queue = "queue",
        /// Orders that wait for a price.
        Open = "open",
        /// Free space on the database's disk, in percent.
        Disk = "disk",
        /// The duration of the last settlement, in milliseconds.
        Settlement = "settlement",
        /// Seconds since the last update.
        Update = "update",
        /// Mails that wait.
        Mails = "mails",
        /// Workers that are linked.
        Workers = "workers",
    }
}

fn check_threshold(text: &str) -> Result<CheckThreshold, String> {
    let known = || {
        let all: Vec<&str> = CheckFigure::ALL.iter().map(|it| it.as_str()).collect();
        format!("write FIGURE=NUMBER; figures are {}", all.join(", "))
    };
    let (figure, value) = text.split_once('=').ok_or_else(known)?;
    let figure = CheckFigure::from_name(figure).ok_or_else(known)?;
    let value: f64 = value.parse().map_err(|_| known())?;
    if value.is_finite() && value >= 0.0 {
        Ok(CheckThreshold { figure, value })
    } else {
        Err(known())
    }
}

fn warning_kind(text: &str) -> Result<WarningKind, String> {
    WarningKind::from_name(text).ok_or_else(|| {
        let all: Vec<&str> = WarningKind::ALL.iter().map(|it| it.as_str()).collect();
        format!("kinds are {}", all.join(", "))
    })
}

/// Shown after the options of `backup`.
const BACKUP_HELP: &str =
    "The file is yours, and nobody else reads it. It is written as FILE.part and renamed when it is
whole, so a FILE is never a part of a backup. The master copies its database first, beside it.
A database on a PostgreSQL server is backed up there, with pg_dump.
Examples:
  papertraderctl backup /srv/papertrader.db
  papertraderctl backup - | zstd > papertrader.db.zst
  papertraderctl backup --folder /var/backups/papertrader --keep 14";

/// Where a backup goes.
#[derive(Debug, Clone, Args)]
pub struct BackupPlace {
    /// Must not be there yet; - writes to standard output
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "folder")]
    pub file: Option<PathBuf>,
    /// Write papertrader-TIME.db into this folder; TIME is in UTC
    #[arg(long, value_name = "FOLDER", conflicts_with = "file", value_hint = ValueHint::DirPath)]
    pub folder: Option<PathBuf>,
    /// Delete all but the newest N files of such a name in the folder, once the new one is whole
    #[arg(long, value_name = "N", requires = "folder", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub keep: Option<u32>,
}

/// What can be done with workers.
#[derive(Debug, Clone, Subcommand)]
pub enum WorkersCommand {
    /// List the registered workers
    List,
    /// Show a worker, and what it reports of itself
    Show {
        /// Its name
        name: String,
    },
    /// Register a worker, and print its new UUID
    #[command(
        after_help = "The worker's worker.toml gets the UUID, and the master's key as master_key.
Example: uuid=$(papertraderctl workers register eu1 --key eu1.asc --ip 192.0.2.7 --address eu1.example.org:2049)"
    )]
    Register {
        /// What it will be called: 1 to 64 of A-Z a-z 0-9 . _ -
        name: String,
        /// Its public key, as `gpg --armor --export FINGERPRINT` writes it; - reads standard input
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: PathBuf,
        /// The one address that it may connect from
        #[arg(long)]
        ip: IpAddr,
        /// Where clients reach it
        #[arg(long, value_name = "HOST:PORT")]
        address: String,
    },
    /// Change a worker's registration; it keeps its name and UUID
    #[command(
        after_help = "A link ends where key or IP address change; the worker links anew by itself.
Example: papertraderctl workers set eu1 --ip 192.0.2.8"
    )]
    Set(WorkerSettings),
    /// Register the worker of a request, and print the answer that ends its set-up
    #[command(
        after_help = "`papertraderctl setup worker` writes the request on the worker's machine, and takes the answer there.
Nothing in either is secret. Compare the fingerprints that are shown on both machines. Given again,
the request of a registered worker gets the same answer.
Example: papertraderctl workers accept eu1.request > eu1.answer"
    )]
    Accept {
        /// The request; - reads standard input
        #[arg(value_name = "REQUEST", value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// The address that the worker connects from, where it is another than the request says
        #[arg(long)]
        ip: Option<IpAddr>,
    },
    /// End a worker's link at once, and keep it out until it is admitted
    Boot {
        /// Its name
        name: String,
    },
    /// Let a booted worker in again
    Admit {
        /// Its name
        name: String,
    },
    /// End a registration for good; the name and key may be registered again, under a new UUID
    Unregister {
        /// Its name
        name: String,
    },
}

/// What changes of a worker's registration.
#[derive(Debug, Clone, Args)]
pub struct WorkerSettings {
    /// Its name
    pub name: String,
    #[command(flatten)]
    pub new: NewWorkerSettings,
}

/// At least one of these is there.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = true)]
pub struct NewWorkerSettings {
    /// The one address that it may connect from from now on
    #[arg(long)]
    pub ip: Option<IpAddr>,
    /// Where clients reach it from now on
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Its new public key, as `gpg --armor --export FINGERPRINT` writes it; - reads standard input
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub key: Option<PathBuf>,
}

/// What can be done with sessions.
#[derive(Debug, Clone, Subcommand)]
pub enum SessionsCommand {
    /// List the active sessions and tokens
    List {
        /// Of this account alone
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// End a session or token, all of a user, all that passed through a worker, or all
    End(SessionsToEnd),
}

/// What can be done with accounts.
#[derive(Debug, Clone, Subcommand)]
pub enum AccountsCommand {
    /// List the accounts, by name
    List {
        /// Those with this text in their name or e-mail address alone
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show an account, and what it has
    Show {
        /// Its name
        name: String,
    },
    /// Lock an account: its sessions and tokens end, its orders are cancelled, and nobody logs in to
    /// it
    Lock {
        /// Its name
        name: String,
    },
    /// Let people log in to a locked account again
    Unlock {
        /// Its name
        name: String,
    },
    /// Delete an account for good: its sessions and tokens end, its orders are cancelled, and its
    /// name and e-mail address are free
    #[command(
        after_help = "Its transactions stay under a number, so that the ledger adds up. The log and backups keep what
they have; who restores a backup from before has the account again. An update that is under way
comes first.
Example: papertraderctl accounts delete alice --yes"
    )]
    Delete {
        /// Its name
        name: String,
        /// That this is wanted: nobody can undo it
        #[arg(long)]
        yes: bool,
    },
    /// Make accounts with one-time codes for people without e-mail, and cards to hand out
    #[command(
        after_help = "The roster is CSV, with comma or semicolon, in UTF-8. Its first line names the columns: username
and, if wanted, email and name, which is printed on the card. A roster:
  username,name,email
  ada,Ada Lovelace,ada@example.org
  budi,Budi Santoso,
All rows are checked first; nothing is made unless all are right. Print the cards from a browser,
ten to a sheet of A4, at 100 %. If cards are lost, say the same with --again and a new file: whoever
has not entered his account gets a new code, and the old one is void; who is new gets an account;
who has entered is passed over. `papertraderctl accounts reset NAME` makes a code for one of them.
Example: papertraderctl accounts import class.csv --cards cards.html"
    )]
    Import {
        /// The roster, as shown below: at most 1,000 people; - reads standard input
        #[arg(value_name = "ROSTER", value_hint = ValueHint::FilePath)]
        roster: PathBuf,
        /// The file of the cards, which must not be there yet; it holds the codes, so it is its
        /// owner's alone; - writes to standard output
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        cards: PathBuf,
        /// What the cards are
        #[arg(long, value_enum, default_value = "html")]
        format: CardFormat,
        /// For how long the codes are valid, such as 2h, 7d; 366 days at most
        #[arg(long, value_name = "TIME", default_value = "30d", value_parser = humantime::parse_duration)]
        valid: Duration,
        /// Make new codes for those whose accounts are there from a roster and who have not entered
        /// them, and pass over those who have
        #[arg(long)]
        again: bool,
    },
    /// Give an account cash, or take some: a transaction that its owner reads
    #[command(
        after_help = "Cash never falls below 0: more than there is cannot be taken.
Example: papertraderctl accounts grant ada 500 --reason 'first prize, March'"
    )]
    Grant {
        /// The account's name
        name: String,
        /// How much, such as 1500 or 1,500.50; the point is decimal. With a minus before it, it is
        /// taken
        #[arg(value_parser = signed_amount, allow_hyphen_values = true)]
        amount: String,
        /// Why, for the account's owner: at most 200 bytes
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Let an account begin anew: its orders are cancelled, all units sold at their last price, and
    /// the cash is what the account began with; the history stays
    #[command(after_help = "Units of an asset without a price are sold for nothing.")]
    Restart {
        /// The account's name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Print a one-time code with which the owner of an account sets a new password; the one that
    /// was printed before it is void
    #[command(
        after_help = "Give the code to nobody but the account's owner, who enters it with
  papertrader password reset NAME"
    )]
    Reset {
        /// The account's name
        name: String,
        /// For how long the code is valid, such as 2h, 7d; 366 days at most
        #[arg(long, value_name = "TIME", default_value = "1d", value_parser = humantime::parse_duration)]
        valid: Duration,
    },
}

/// What can be done with orders.
#[derive(Debug, Clone, Subcommand)]
pub enum OrdersCommand {
    /// List the newest orders that are queued or open, and count the others
    List {
        /// Of this account alone
        #[arg(long, value_name = "NAME")]
        account: Option<String>,
        /// Of this asset alone
        #[arg(long)]
        symbol: Option<String>,
        /// How many; 50,000 at most
        #[arg(long, value_name = "N", default_value_t = NEWEST_ORDERS)]
        newest: usize,
    },
    /// Cancel an order, or all of an account; an update that is under way comes first
    #[command(
        after_help = "Whoever waits for an order is told, and its owner reads it in the history. What the account holds
back for it is free again.
Example: papertraderctl orders cancel --account alice"
    )]
    Cancel(OrdersToCancel),
}

/// Which orders are cancelled: exactly one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct OrdersToCancel {
    /// The transaction ID, or 8 or more digits of its beginning or end, as the list shows it
    #[arg(value_name = "ID")]
    pub id: Option<String>,
    /// All of this account
    #[arg(long, value_name = "NAME")]
    pub account: Option<String>,
}

/// Which sessions end: exactly one of these.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct SessionsToEnd {
    /// As much of a session's or token's ID, as the list shows it, as fits no other
    #[arg(value_name = "ID-PREFIX")]
    pub id: Option<String>,
    /// All of this account, its tokens too
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// All that were made through this worker or have passed through it, registered or not any
    /// more: after booting one that is not trusted
    #[arg(long, value_name = "NAME")]
    pub worker: Option<String>,
    /// All, tokens too: everybody logs in again, and programs need new tokens
    #[arg(long)]
    pub all: bool,
}

/// What can be done with the market.
#[derive(Debug, Clone, Subcommand)]
pub enum MarketCommand {
    /// List the assets whose price is held, or accept or refuse the price of one
    #[command(
        after_help = "While a price is held, quotes keep the old one and orders wait. An accepted price comes into
force with the next update. A refused one stays held until the price is back, or is accepted."
    )]
    Review {
        /// The asset
        #[arg(requires = "verdict")]
        symbol: Option<String>,
        /// What to do with its price
        #[arg(value_enum)]
        verdict: Option<VerdictArg>,
    },
    /// Make no update until it is resumed: prices and market time stand still
    #[command(
        after_help = "An update that is under way is not made. Orders are accepted, and wait. The pause outlives a
restart of the master."
    )]
    Pause,
    /// Let a paused market go on: the next update begins at once
    Resume,
}

/// What the cards of a roster are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CardFormat {
    /// A page for a browser, which prints it: ten cards to a sheet of A4, with marks to cut along
    Html,
    /// A table for other programs
    Csv,
}

/// What is said of a held price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum VerdictArg {
    /// It is right
    Accept,
    /// It is wrong
    Refuse,
}

impl VerdictArg {
    /// As requests have it.
    pub fn verdict(self) -> ReviewVerdict {
        match self {
            VerdictArg::Accept => ReviewVerdict::Accept,
            VerdictArg::Refuse => ReviewVerdict::Refuse,
        }
    }
}

/// What can be done with the log.
#[derive(Debug, Clone, Subcommand)]
pub enum LogCommand {
    /// Show the newest entries that are in memory
    Tail {
        /// How many
        #[arg(value_name = "N", default_value_t = TAIL_ENTRIES)]
        entries: usize,
    },
    /// Write the entries in memory out now
    Flush,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_accepts_and_refuses_as_defined() {
        CtlCli::command().debug_assert();
        let parse = |line: &str| CtlCli::try_parse_from(line.split(' '));
        assert!(parse("papertraderctl sessions end 0a --json").is_ok());
        assert!(parse("papertraderctl sessions end --all").is_ok());
        assert!(parse("papertraderctl market review").is_ok());
        assert!(parse("papertraderctl accounts grant ada -5.5 --reason x").is_ok());
        assert!(parse("papertraderctl accounts grant ada -1,500.50 --reason x").is_ok());
        assert!(parse("papertraderctl accounts grant ada 1,50 --reason x").is_err());
        assert!(parse("papertraderctl accounts restart ada --yes").is_ok());
        assert!(parse("papertraderctl market review A refuse").is_ok());
        assert!(parse("papertraderctl market pause").is_ok());
        assert!(parse("papertraderctl orders list --account ada --symbol A").is_ok());
        assert!(parse("papertraderctl orders cancel --account ada").is_ok());
        assert!(parse("papertraderctl market resume").is_ok());
        assert!(parse("papertraderctl accounts import a.csv --cards b --valid 7d").is_ok());
        for wrong in [
            "papertraderctl accounts import a.csv",
            "papertraderctl accounts import a.csv --cards b --format pdf",
            "papertraderctl accounts lock",
            "papertraderctl market pause A",
            "papertraderctl accounts grant ada 5",
            "papertraderctl accounts grant ada --reason x",
            "papertraderctl accounts restart",
            "papertraderctl market review A",
            "papertraderctl market review A believe",
            "papertraderctl",
            "papertraderctl reboot",
            "papertraderctl sessions end",
            "papertraderctl sessions end 0a --user alice",
            "papertraderctl sessions end --user alice --worker eu1",
            "papertraderctl sessions end --worker eu1 --all",
            "papertraderctl workers register eu1 --key k --ip localhost --address a:1",
            "papertraderctl workers register eu1 --ip ::1 --address a:1",
            "papertraderctl log tail -1",
            "papertraderctl orders cancel",
            "papertraderctl orders cancel --all",
            "papertraderctl orders cancel 0a --account ada",
            "papertraderctl orders list --newest many",
            "papertraderctl backup",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
