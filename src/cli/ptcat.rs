//! spec/cli.md · 4.7 Communication
//!
//! The command line of `ptcat`. Its doc comments are the texts of `--help`.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use crate::cli::output::{clean_lines, pretty_json};
use crate::description::{self, pages};
use crate::dialogue::conform::{self, ConformPlan};
use crate::dialogue::filter::{self, FilterError, FrameSource};
use crate::dialogue::report::{ConformReport, SectionResult};
use crate::dialogue::runner::Runner;
use crate::dialogue::script::{ConnectionNumber, Script};
use crate::dialogue::servers::Servers;
use crate::dialogue::variables::Variables;
use crate::model::printable::clean;
use clap::{Args, Parser, Subcommand};
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  Ask a worker by hand, with nc between two filters:
    printf 'ping\\n' | ptcat encode | nc -q1 127.0.0.1 2049 | ptcat decode

  Run one dialogue, telling each message:
    ptcat run -v tests/fixtures/purchase.pt 127.0.0.1:2049

  Run all of them against a sandbox, section by section:
    ptcat conform 127.0.0.1:2049 --master 127.0.0.1:2048

Exit codes: 0 done and as expected, 1 something differed or failed, 2 bad command line.";

/// The testers' tool of PaperTrader: frames from text, text from frames, and dialogues with a
/// worker.
///
/// A dialogue is a file that a person can read aloud: connections by number, what is sent (`>`),
/// what is expected (`<`), raw bytes (`x`), expected silence and expected ends. Names in braces
/// capture what came and put it in again.
#[derive(Debug, Parser)]
#[command(name = "ptcat", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct PtcatCli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Turn the sends of a dialogue on standard input into frames on standard output
    ///
    /// Each line's frame is written as soon as the line is there. A line may be a fixture's (`1 >
    /// ping`, `x 04 0401 …`) or an instruction alone (`ping`). Lines that send nothing are passed
    /// over; `half` and `close` end it. What another line would capture cannot be known here: give
    /// it with --set.
    Encode(FilterArgs),

    /// Turn frames on standard input into one line of text each on standard output
    ///
    /// Bytes that are no message are shown as a line that begins with `malformed:`, and the exit
    /// code is 1. Without --requests the payload of a data transfer is shown in hexadecimal, since
    /// its bytes do not say what it is.
    Decode {
        /// The dialogue that asked: says which payload each data transfer carries
        #[arg(long, value_name = "FILE")]
        requests: Option<PathBuf>,

        #[command(flatten)]
        filter: FilterArgs,
    },

    /// Run a dialogue against a worker, and name the first line that differs
    Run {
        /// The dialogue, or `-` for standard input
        file: PathBuf,

        #[command(flatten)]
        target: TargetArgs,

        /// Tell every message that is sent and that comes, on standard error
        #[arg(short, long)]
        verbose: bool,
    },

    /// Run all dialogues against a deployment, and say of each section of the specification whether
    /// it passes
    ///
    /// A section fails where a line that shows it differs; the first difference is told. Dialogues
    /// that need what this deployment does not offer (limits of its own, a special market, a
    /// stopped master) are skipped and named. Every run registers accounts with names of its own,
    /// so it can be repeated.
    Conform {
        #[command(flatten)]
        target: TargetArgs,

        /// Run the dialogues of this folder in place of those that this program carries
        #[arg(long, value_name = "DIR")]
        fixtures: Option<PathBuf>,

        /// Run only dialogues whose name contains this; may be given more than once
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,

        /// The deployment does not trade the sample market: skip what depends on its prices
        #[arg(long)]
        other_market: bool,

        /// How many dialogues run at the same time
        #[arg(long, value_name = "NUMBER", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
        jobs: u16,

        /// Print the report as JSON
        #[arg(long)]
        json: bool,
    },

    /// Print the description of the protocol as JSON
    ///
    /// It has the header, the types of arguments with their grammars, the instructions with their
    /// answers, the layouts of payloads, the lists of codes, limits and test vectors. Whoever has
    /// it can write a client; spec/writing_a_client.md goes from it to one.
    Describe {
        /// Instead write it and the tables made from it into the pages of this folder
        #[arg(long, value_name = "DIR")]
        pages: Option<PathBuf>,
    },
}

/// What both filters take.
#[derive(Debug, Args)]
struct FilterArgs {
    /// The connection whose lines count, where a dialogue has several [default: the first]
    #[arg(long, value_name = "NUMBER")]
    connection: Option<ConnectionNumber>,

    /// Give {NAME} a value; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

/// What is run against.
#[derive(Debug, Args)]
struct TargetArgs {
    /// The worker, which dialogues call `worker` or `worker1`
    #[arg(value_name = "HOST:PORT")]
    worker: String,

    /// A further worker (`worker2` and so on); may be given more than once
    #[arg(long = "worker", value_name = "HOST:PORT")]
    workers: Vec<String>,

    /// The master, for dialogues that speak to port 2048
    #[arg(long, value_name = "HOST:PORT")]
    master: Option<String>,

    /// Give {NAME} a value; may be given more than once
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,

    /// The shell command that does what a dialogue's `do NAME` asks for; may be given more than
    /// once
    #[arg(long = "on", value_name = "NAME=COMMAND", value_parser = pair)]
    hooks: Vec<(String, String)>,

    /// How long a line may take that does not say so itself; a purchase waits for the next price
    /// update
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    within: Duration,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    if name.is_empty() {
        return Err("a name is missing before the =".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn values(set: &[(String, String)]) -> Variables {
    let mut values = Variables::new();
    for (name, value) in set {
        values.set(name, value);
    }
    values
}

impl TargetArgs {
    fn servers(&self) -> Servers {
        Servers {
            workers: [&self.worker]
                .into_iter()
                .chain(&self.workers)
                .cloned()
                .collect(),
            master: self.master.clone(),
            hooks: self.hooks.iter().cloned().collect(),
            recorder: None,
        }
    }
}

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let outcome = match PtcatCli::parse().command {
        Command::Encode(filter) => encode(&filter),
        Command::Decode { requests, filter } => decode(requests.as_deref(), &filter),
        Command::Run {
            file,
            target,
            verbose,
        } => run(&file, &target, verbose),
        Command::Conform {
            target,
            fixtures,
            only,
            other_market,
            jobs,
            json,
        } => {
            let plan = ConformPlan {
                servers: target.servers(),
                values: values(&target.set),
                within: target.within,
                sample_market: !other_market,
                jobs: usize::from(jobs),
            };
            conform(&plan, fixtures.as_deref(), &only, json)
        }
        Command::Describe { pages } => describe(pages.as_deref()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(text) => {
            // An empty text means that the reader has closed the pipe; there is nothing to report.
            if !text.is_empty() {
                let _ = writeln!(io::stderr(), "ptcat: {}", clean_lines(&text));
            }
            ExitCode::FAILURE
        }
    }
}

/// The text of a filter's error; empty if the reader has closed the pipe.
fn error_text(error: FilterError) -> String {
    match error {
        FilterError::Mistake(text) => text,
        FilterError::Io(e) if e.kind() == io::ErrorKind::BrokenPipe => String::new(),
        FilterError::Io(e) => e.to_string(),
    }
}

fn encode(args: &FilterArgs) -> Result<bool, String> {
    let source = FrameSource::new(io::stdin().lock(), args.connection, values(&args.set));
    filter::encode(source, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(error_text)
}

fn decode(requests: Option<&Path>, args: &FilterArgs) -> Result<bool, String> {
    let open = |path: &Path| {
        let file = File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok::<_, String>(FrameSource::new(
            BufReader::new(file),
            args.connection,
            values(&args.set),
        ))
    };
    let requests = requests.map(open).transpose()?;
    filter::decode(io::stdin().lock(), requests, &mut io::stdout().lock())
        .map(|()| true)
        .map_err(error_text)
}

fn run(file: &Path, target: &TargetArgs, verbose: bool) -> Result<bool, String> {
    let named = |e: io::Error| format!("{}: {e}", file.display());
    let mut text = String::new();
    if file == Path::new("-") {
        io::stdin()
            .lock()
            .read_to_string(&mut text)
            .map_err(named)?;
    } else {
        text = std::fs::read_to_string(file).map_err(named)?;
    }
    let script = Script::parse(&file.display().to_string(), &text).map_err(|e| e.to_string())?;
    let mut servers = target.servers();
    let mut tell = |line: &str| {
        let _ = writeln!(io::stderr(), "{}", clean(line));
    };
    let mut runner = Runner::new(&mut servers, values(&target.set), target.within);
    if verbose {
        runner = runner.with_transcript(&mut tell);
    }
    runner
        .run(&script)
        .map(|()| true)
        .map_err(|difference| difference.to_string())
}

fn conform(
    plan: &ConformPlan,
    fixtures: Option<&Path>,
    only: &[String],
    json: bool,
) -> Result<bool, String> {
    let mut scripts = match fixtures {
        Some(path) => conform::folder(path)?,
        None => conform::built_in().map_err(|e| e.to_string())?,
    };
    scripts.retain(|script| only.is_empty() || only.iter().any(|part| script.name.contains(part)));
    if scripts.is_empty() {
        return Err("no dialogue has such a name".to_owned());
    }
    let report = conform::run(plan, &scripts);
    let text = if json {
        pretty_json(&report).map_err(|e| e.to_string())?
    } else {
        clean_lines(&table(&report))
    };
    print(&text)?;
    Ok(report.is_good())
}

fn describe(pages: Option<&Path>) -> Result<bool, String> {
    match pages {
        Some(folder) => {
            for page in pages::update(folder)? {
                print(&format!("{}", page.display()))?;
            }
        }
        None => print(
            description::describe()
                .json()
                .map_err(|e| e.to_string())?
                .trim_end(),
        )?,
    }
    Ok(true)
}

/// Prints a text and the end of its last line. A reader that has closed the pipe is no error.
fn print(text: &str) -> Result<(), String> {
    match writeln!(io::stdout().lock(), "{text}") {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(e.to_string()),
        _ => Ok(()),
    }
}

/// The report for people: a line for each section, with the difference below a failed one.
fn table(report: &ConformReport) -> String {
    let mut lines = Vec::new();
    for section in &report.sections {
        let (number, title, result) = (&section.section, &section.title, section.result.as_str());
        lines.push(format!("{number:<8}{title:<52}{result}"));
        if let Some(difference) = &section.difference {
            lines.push(format!("        {difference}"));
        }
    }
    for skipped in &report.skipped {
        lines.push(format!("skipped {}: {}", skipped.fixture, skipped.why));
    }
    let count = |result| {
        report
            .sections
            .iter()
            .filter(|s| s.result == result)
            .count()
    };
    lines.push(format!(
        "{} sections pass, {} fail, {} not reached, {} skipped; {} dialogues ran, {} differed, {} were skipped",
        count(SectionResult::Pass),
        count(SectionResult::Fail),
        count(SectionResult::NotReached),
        count(SectionResult::Skipped),
        report.ran,
        report.failed,
        report.skipped.len(),
    ));
    lines.join("\n")
}
