//! spec/cli.md · 4.7 Communication
//!
//! The command line of `ptcat`. Its doc comments are the texts of `--help`; each subcommand has a
//! file of its own.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

mod arguments;
mod conform;
mod course;
mod course_text;
mod decode;
mod describe;
mod encode;
mod failure;
mod instructions;
mod print;
mod record;
mod requirements;
mod run;

use crate::cli::output::clean_lines;
use clap::{Parser, Subcommand};
use conform::ConformArgs;
use course::CourseArgs;
use decode::DecodeArgs;
use describe::DescribeArgs;
use encode::EncodeArgs;
use failure::Failure;
use instructions::InstructionsArgs;
use record::RecordArgs;
use requirements::RequirementsArgs;
use run::RunDialogueArgs;
use std::io::{self, Write};
use std::process::ExitCode;

/// The exit code of a bad command line or script, as that of clap.
const BAD_COMMAND: u8 = 2;

const EXAMPLES: &str = "\
Examples:
  Ask a worker by hand, with nc between two filters:
    printf 'ping\\n' | ptcat encode | nc -N 127.0.0.1 2049 | ptcat decode

  Run one dialogue, telling each message:
    ptcat run -v tests/fixtures/purchase.pt 127.0.0.1:2049

  Play one connection of a dialogue through nc, or all of them:
    mkfifo r
    ptcat encode --replies r < ping.pt | nc -N 127.0.0.1 2049 > r
    ptcat run purchase.pt 127.0.0.1:2049 --through 'nc -N %h %p'

  Run all of them against a sandbox, section by section:
    ptcat conform 127.0.0.1:2049 --master 127.0.0.1:2048

  Only what is about registering, and a page of HTML with all messages:
    ptcat conform 127.0.0.1:2049 4.6.3 --html report.html

Exit codes: 0 done and as expected, 1 something differed or failed, 2 bad command line or script.";

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
    ///
    /// With --replies the whole dialogue of one connection is played: it is read first, lines that
    /// expect wait for the server's messages and capture from them, and the first line that differs
    /// is told on standard error.
    Encode(EncodeArgs),

    /// Turn frames on standard input into one line of text each on standard output
    ///
    /// Bytes that are no message are shown as a line that begins with `malformed:`, and the exit
    /// code is 1. Without --requests or --sent the payload of a data transfer is shown in hexadecimal, since
    /// its bytes do not say what it is.
    Decode(DecodeArgs),

    /// Run a dialogue against a worker, and name the first line that differs
    Run(RunDialogueArgs),

    /// Run all dialogues against a deployment, and say of each section of the specification whether
    /// it passes
    ///
    /// A section passes if every line that shows it was met, in all dialogues that could run; else
    /// the report says how many were, and the first difference. Dialogues that need what this
    /// deployment does not offer are skipped and named with the reason; --sandbox starts what they
    /// need. Every run registers accounts with names of its own, so it can be repeated as often as
    /// the server's limit of registrations allows.
    Conform(ConformArgs),

    /// Show the table of instructions, or all of one instruction
    ///
    /// Number, name, direction, states, arguments with their grammars, answers with the reasons of
    /// their failures, and the section of the specification.
    Instructions(InstructionsArgs),
    /// Judge a server of your own, stage by stage, from the first connection to a whole deployment
    ///
    /// Sixteen stages, each with a page: what to read, what to build, how it is judged, what goes
    /// wrong usually. The course stops at the first line that is not met, and tells it in the
    /// specification's words. --list shows the stages, --page 1 is the first page.
    Course(CourseArgs),
    /// Pass on what clients and workers say, and write it as a dialogue
    ///
    /// The dialogue runs again against any deployment: users, passwords, sessions, tokens,
    /// addresses and transactions have names in it, and what depends on the time or the market is
    /// `*`. It is written when Ctrl-C or SIGTERM ends the recording.
    Record(RecordArgs),

    /// Print the description of the protocol as JSON
    ///
    /// It has the header, the types of arguments with their grammars, the instructions with their
    /// answers, the layouts of payloads, the lists of codes, limits and test vectors. Whoever has
    /// it can write a client; spec/writing_a_client.md goes from it to one.
    Describe(DescribeArgs),

    /// List what a server must do, each with its ID, and the dialogues that show it
    Requirements(RequirementsArgs),
}

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    let outcome = match PtcatCli::parse().command {
        Command::Encode(args) => encode::run(&args),
        Command::Decode(args) => decode::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Conform(args) => conform::run(&args),
        Command::Instructions(args) => instructions::run(&args),
        Command::Course(args) => course::run(&args),
        Command::Record(args) => record::run(&args),
        Command::Describe(args) => describe::run(&args),
        Command::Requirements(args) => requirements::run(&args),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Failure::Failed(text)) => {
            if !text.is_empty() {
                tell(&text);
            }
            ExitCode::FAILURE
        }
        Err(Failure::Mistake(text)) => {
            tell(&text);
            ExitCode::from(BAD_COMMAND)
        }
    }
}

/// A closed standard error is no reason to stop.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "ptcat: {}", clean_lines(text));
}
