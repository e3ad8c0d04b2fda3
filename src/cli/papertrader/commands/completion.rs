//! spec/cli/papertrader/commands.md · 2.1.4 (what a shell completes)
//!
//! Names for a shell that completes a command line: `papertrader __complete symbols PREFIX`. It is
//! called at the press of a key, so it is quick and says nothing of what fails.
//!
//! Tests: below, in `tests/suite/client/cli.rs`, and with real shells in `tests/suite/packaging.rs`.

use super::{ReadySession, print};
use crate::cli::papertrader::arguments::{ClientCli, GlobalArgs};
use crate::client::store::SavedSession;
use crate::client::{Client, SessionFile};
use crate::model::Symbol;
use crate::runtime::ownership::create_private_folder;
use clap::Parser;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The word that begins such a command line.
pub const COMMAND: &str = "__complete";

/// How long a server may take before the shell goes on with what is known.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(700);
/// How long known symbols are used without asking.
const REFRESH_INTERVAL: Duration = Duration::from_secs(3600);
/// How long after a failure no server is asked.
const RETRY_INTERVAL: Duration = Duration::from_secs(60);
/// The most symbols that are kept and told.
const SYMBOLS_MAX: usize = 10_000;
/// The largest file of symbols that is read, in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// Prints the names of a kind (`symbols`, `users`) that begin with a text, one a line; nothing where
/// they are not known.
pub fn run(arguments: &[OsString]) {
    let text = |at: usize| arguments.get(at).and_then(|it| it.to_str()).unwrap_or("");
    let found = match text(0) {
        "symbols" => symbols(text(1)),
        "users" => users(text(1)),
        _ => None,
    };
    // A closed output is the shell's own affair.
    let _ = print(&found.unwrap_or_default());
}

/// What holds for every command, from the environment alone.
fn global() -> Option<GlobalArgs> {
    let cli = ClientCli::try_parse_from(["papertrader", "ping"]).ok()?;
    Some(GlobalArgs {
        timeout: 1,
        ..cli.global
    })
}

fn users(prefix: &str) -> Option<String> {
    let saved = SessionFile::standard().ok()?.load().ok()?;
    let there = saved.iter().filter(|saved| saved.ended.is_none());
    let mut names: Vec<&str> = there.map(SavedSession::name).collect();
    names.sort_unstable();
    names.dedup();
    let like = names.into_iter().filter(|name| name.starts_with(prefix));
    Some(like.map(|name| format!("{name}\n")).collect())
}

fn symbols(prefix: &str) -> Option<String> {
    let mut session = ReadySession::open(&global()?).ok()?;
    let cache = SymbolCache::standard(&session.saved.servers)?;
    let (known, age) = cache.read().unwrap_or_default();
    let is_due = match age {
        None => true,
        Some(age) if known.is_empty() => age > RETRY_INTERVAL,
        Some(age) => age > REFRESH_INTERVAL,
    };
    let symbols = if is_due {
        let (sender, answer) = crossbeam_channel::bounded(1);
        // The thread ends with the process.
        let ask = move || {
            let _ = sender.send(session.pool.call(Client::list));
        };
        let thread = std::thread::Builder::new().name("ask".to_owned());
        let _ = thread.spawn(ask);
        match answer.recv_timeout(ANSWER_TIMEOUT) {
            Ok(Ok(mut there)) => {
                there.truncate(SYMBOLS_MAX);
                cache.write(&there);
                there
            }
            // What is known is used until the next time, a failure too.
            Ok(Err(_)) | Err(_) => {
                cache.write(&known);
                known
            }
        }
    } else {
        known
    };
    let prefix = prefix.to_ascii_uppercase();
    let like = symbols.iter().filter(|it| it.as_str().starts_with(&prefix));
    Some(like.map(|symbol| format!("{symbol}\n")).collect())
}

/// The symbols of one deployment, in a file that no other user can read: the servers that the person
/// named, then a symbol a line. Its time is that of the last try to learn them.
struct SymbolCache {
    folder: PathBuf,
    servers: String,
}

impl SymbolCache {
    /// The file in `$XDG_CACHE_HOME/papertrader`, else in `~/.cache/papertrader`.
    fn standard(servers: &[String]) -> Option<SymbolCache> {
        let absolute = |name: &str| {
            let path = std::env::var_os(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let cache = absolute("XDG_CACHE_HOME");
        let cache = cache.or_else(|| Some(absolute("HOME")?.join(".cache")))?;
        Some(SymbolCache {
            folder: cache.join("papertrader"),
            servers: servers.join(","),
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("symbols")
    }

    /// The symbols, and how old they are; `None` where there are none of this deployment. An age that
    /// is not known is `None`, too.
    fn read(&self) -> Option<(Vec<Symbol>, Option<Duration>)> {
        let file = File::open(self.path()).ok()?;
        let about = file.metadata().ok()?;
        let is_own = about.uid() == rustix::process::geteuid().as_raw();
        if !is_own || about.len() > FILE_BYTES {
            return None;
        }
        let mut text = String::new();
        file.take(FILE_BYTES).read_to_string(&mut text).ok()?;
        let (servers, symbols) = text.split_once('\n')?;
        if servers != self.servers {
            return None;
        }
        let symbols = symbols.lines().take(SYMBOLS_MAX);
        let symbols = symbols.map(Symbol::parse).collect::<Result<_, _>>().ok()?;
        let written = about.modified().ok()?;
        Some((symbols, SystemTime::now().duration_since(written).ok()))
    }

    /// Replaces the file. What fails is tried again the next time.
    fn write(&self, symbols: &[Symbol]) {
        let lines: String = symbols.iter().map(|symbol| format!("{symbol}\n")).collect();
        let write = || {
            create_private_folder(&self.folder)?;
            let part = self.folder.join(format!("symbols.{}", std::process::id()));
            let mut file = OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&part)?;
            let written = file.write_all(format!("{}\n{lines}", self.servers).as_bytes());
            let placed = written.and_then(|()| std::fs::rename(&part, self.path()));
            placed.inspect_err(|_| {
                let _ = std::fs::remove_file(&part);
            })
        };
        let _: std::io::Result<()> = write();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_kept_for_one_deployment_and_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let cache = |servers: &str| SymbolCache {
            folder: folder.path().join("papertrader"),
            servers: servers.to_owned(),
        };
        let symbols = ["AAPL", "IBM"].map(|it| Symbol::parse(it).unwrap());
        let here = cache("eu1:2049");
        assert!(here.read().is_none());
        here.write(&symbols);
        let (known, age) = here.read().unwrap();
        assert_eq!(known, symbols);
        assert!(age.unwrap() < REFRESH_INTERVAL);
        let mode = here.path().metadata().unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(cache("eu2:2049").read().is_none());
        here.write(&[]);
        assert_eq!(here.read().unwrap().0, []);
        assert_eq!(std::fs::read_dir(&here.folder).unwrap().count(), 1);
        // What is no file of ours is passed over.
        for text in ["", "eu1:2049", "eu1:2049\n\u{1b}[31m\n"] {
            std::fs::write(here.path(), text).unwrap();
            assert!(here.read().is_none(), "{text:?}");
        }
        let large = "A\n".repeat(usize::try_from(FILE_BYTES).unwrap());
        std::fs::write(here.path(), format!("eu1:2049\n{large}")).unwrap();
        assert!(here.read().is_none());
    }
}
