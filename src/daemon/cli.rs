//! spec/daemon.md · 3.1.1 and 3.2.1 Main Module: the binary is run
//!
//! The command lines of both daemons. They are in the library because man pages and completions are
//! generated from them.

use clap::{Args, Parser, Subcommand, ValueHint};
use std::path::PathBuf;

/// PaperTrader's master server: accounts, portfolios and prices. It talks to registered workers
/// alone.
#[derive(Debug, Parser)]
#[command(
    name = "papertrader-master",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Signals: SIGTERM and SIGINT stop, SIGHUP opens the log anew and reads the configuration again.\n\
    Exit codes: 0 done, 1 failed while running, 2 bad command line, 75 another master leads, 78 bad configuration."
)]
pub struct MasterCli {
    /// The configuration, as etc/master.toml explains it
    #[arg(long, value_name = "FILE", default_value = "/etc/papertrader/master.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Say what is wrong with the configuration and the files it names, and exit with 0 or 78; with 1 where
    /// that cannot be found out, as where the database's server is away
    #[arg(long)]
    pub check_config: bool,
    /// Stop when standard input ends, too: for a parent that may be killed
    #[arg(long)]
    pub stop_with_input: bool,
    /// Run as root, which is refused otherwise
    #[arg(long)]
    pub allow_root: bool,
    /// Refuse to start where there is no database yet, instead of making an empty one
    #[arg(long)]
    pub existing: bool,
    /// What is done instead of serving
    #[command(subcommand)]
    pub command: Option<MasterCommand>,
}

/// What the master's program does beside serving.
#[derive(Debug, Subcommand)]
pub enum MasterCommand {
    /// Move a stopped master's database from a file to a PostgreSQL server, or back
    ///
    /// FROM is only read. TO is a file that is not there yet, or an empty database on a server: all rows are
    /// written, and checked as papertraderctl verify does, before TO is there for a master. A move that was
    /// broken off leaves nothing in TO; the same command begins it anew. No master may use either meanwhile.
    ///
    /// Run it as the master's user: runuser -u papertrader -- papertrader-master migrate-store FROM TO.
    /// Afterwards name TO in database.url of master.toml. A master must not be started on FROM again.
    #[command(
        max_term_width = 100,
        after_help = "Exit codes: 0 done, 1 not moved (why, on standard error), 2 bad command line, 78 root in another user's folder."
    )]
    MigrateStore(MigrateStoreArguments),
}

/// The command line of `papertrader-master migrate-store`.
#[derive(Debug, Clone, Args)]
pub struct MigrateStoreArguments {
    /// The database with the data, as in database.url: sqlite:FILE or postgres://USER@HOST/DATABASE
    #[arg(value_name = "FROM")]
    pub from: String,
    /// The new database, of the other engine
    #[arg(value_name = "TO")]
    pub to: String,
    /// The file with the password of the user on the server, as database.password_file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub password_file: Option<PathBuf>,
    /// Print what was moved as JSON
    #[arg(long)]
    pub json: bool,
}

/// PaperTrader's worker server: clients speak to it, and it passes on to the master what it cannot
/// answer.
#[derive(Debug, Parser)]
#[command(
    name = "papertrader-worker",
    version,
    max_term_width = 100,
    after_help = "Signals: SIGTERM and SIGINT stop, SIGHUP opens the log anew and reads configuration and certificate again.\n\
    Exit codes: 0 done, 1 failed while running, 2 bad command line, 78 bad configuration."
)]
pub struct WorkerCli {
    /// The configuration, as etc/worker.toml explains it
    #[arg(long, value_name = "FILE", default_value = "/etc/papertrader/worker.toml", value_hint = ValueHint::FilePath)]
    pub config: PathBuf,
    /// Say what is wrong with the configuration and the files it names, and exit with 0 or 78
    #[arg(long)]
    pub check_config: bool,
    /// Stop when standard input ends, too: for a parent that may be killed
    #[arg(long)]
    pub stop_with_input: bool,
    /// Run as root, which is refused otherwise
    #[arg(long)]
    pub allow_root: bool,
}

/// The options that both command lines have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaemonArguments {
    /// The file of the configuration.
    pub config: PathBuf,
    /// Whether to check the configuration and exit.
    pub check_config: bool,
    /// Whether the end of standard input stops the daemon.
    pub stop_with_input: bool,
    /// Whether it may run as root.
    pub allow_root: bool,
    /// Whether a start that finds no data is refused.
    pub existing: bool,
}

impl From<MasterCli> for DaemonArguments {
    fn from(cli: MasterCli) -> Self {
        DaemonArguments {
            config: cli.config,
            check_config: cli.check_config,
            stop_with_input: cli.stop_with_input,
            allow_root: cli.allow_root,
            existing: cli.existing,
        }
    }
}

impl From<WorkerCli> for DaemonArguments {
    fn from(cli: WorkerCli) -> Self {
        DaemonArguments {
            config: cli.config,
            check_config: cli.check_config,
            stop_with_input: cli.stop_with_input,
            allow_root: cli.allow_root,
            // A worker keeps no data.
            existing: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_lines_are_sound() {
        MasterCli::command().debug_assert();
        WorkerCli::command().debug_assert();
    }
}
