//! spec/cli.md · 4.7 Communication
//!
//! `ptcat record`: what a client and its workers say, as a dialogue.
//!
//! Tests: `tests/suite/programs/ptcat_record.rs`.

use super::failure::Failure;
use super::print::print;
use crate::cli::output::clean_lines;
use crate::cli::signals;
use crate::dialogue::recording::proxy::{RecordedServer, RecordingProxy};
use crate::model::Timestamp;
use clap::Args;
use signal_hook::iterator::Signals;
use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;

/// Characters of a day in a time as text.
const DAY_LENGTH: usize = 10;

#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// Where clients connect; a port alone is of 127.0.0.1. May be given more than once, each with
    /// its --to
    #[arg(long, value_name = "[HOST:]PORT", required = true)]
    listen: Vec<String>,

    /// The worker to which what they say is passed on, and which the dialogue calls `worker`,
    /// `worker2` and so on
    #[arg(long, value_name = "HOST:PORT", required = true)]
    to: Vec<String>,

    /// The file of the dialogue [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Runs the subcommand until a signal ends it.
pub(super) fn run(args: &RecordArgs) -> Result<bool, Failure> {
    if args.listen.len() != args.to.len() {
        return Err(Failure::Mistake(format!(
            "{} --listen and {} --to: each --listen needs its --to",
            args.listen.len(),
            args.to.len()
        )));
    }
    let named = |what: &str, e: io::Error| format!("{what}: {e}");
    // The file is opened first: what was recorded is not to be lost for want of a folder. An older
    // recording stays in it until there is a new one.
    let file = match &args.output {
        Some(path) => {
            let mut options = File::options();
            let opened = options.write(true).create(true).truncate(false).open(path);
            Some(opened.map_err(|e| named(&path.display().to_string(), e))?)
        }
        None => None,
    };
    let mut signals = Signals::new(signals::ending()).map_err(|e| e.to_string())?;
    let news = |text: &str| {
        let _ = writeln!(io::stderr(), "ptcat: {}", clean_lines(text));
    };
    let proxy = RecordingProxy::new(Arc::new(news));
    for (index, (listen, to)) in args.listen.iter().zip(&args.to).enumerate() {
        let address = match listen.contains(':') {
            true => listen.clone(),
            false => format!("127.0.0.1:{listen}"),
        };
        let listener = TcpListener::bind(&address).map_err(|e| named(&address, e))?;
        let bound = listener.local_addr().map_err(|e| named(&address, e))?;
        let server = RecordedServer {
            index,
            address: to.clone(),
        };
        proxy
            .start(listener, server)
            .map_err(|e| named(&address, e))?;
        news(&format!(
            "listening on {bound}, recording to {to}; Ctrl-C ends it"
        ));
    }
    // Without a signal that is heeded only kill -9 ends it.
    let _ = signals.forever().next();
    let (text, connections, messages) = proxy.recording(|recording| {
        let text = recording.dialogue(&header(recording.connections()));
        (text, recording.connections(), recording.messages())
    });
    match file {
        Some(file) => write_anew(file, &text).map_err(|e| e.to_string())?,
        None => print(text.trim_end())?,
    }
    news(&format!(
        "{connections} connections, {messages} messages recorded"
    ));
    Ok(true)
}

/// Writes a text in the place of what a file has.
fn write_anew(mut file: File, text: &str) -> io::Result<()> {
    // A FIFO or a terminal has no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

/// The first comment of a recording.
fn header(connections: usize) -> String {
    let day: String = Timestamp::now()
        .to_string()
        .chars()
        .take(DAY_LENGTH)
        .collect();
    format!(
        "Recorded on {day}, {connections} connections. Passwords, sessions, tokens, addresses and\n\
         transactions have names in braces; what depends on the time or the market is `*`."
    )
}
