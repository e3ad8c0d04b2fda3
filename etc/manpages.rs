//! Writes the man pages and completions of all programs, from their own command lines: `make man`.

use clap::{Arg, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, italic, roman};
use std::io;
use std::path::{Path, PathBuf};

/// A program with what its page adds to its command line.
struct Program {
    command: Command,
    section: &'static str,
    files: &'static [(&'static str, &'static str)],
    see_also: &'static [&'static str],
}

#[allow(clippy::too_many_lines, reason = "a list")]
fn programs() -> Vec<Program> {
    vec![
        Program {
            command: papertrader::cli::papertrader::arguments::ClientCli::command(),
            section: "1",
            files: &[(
                "~/.local/state/papertrader",
                "sessions, readable by their owner alone",
            )],
            see_also: &["papertrader-sandbox(1)", "papertrader-worker(8)"],
        },
        Program {
            command: papertrader::cli::sandbox::arguments::SandboxCli::command(),
            section: "1",
            files: &[
                ("DIR/master.toml, DIR/worker-1.toml", "the configurations"),
                (
                    "DIR/sandbox.json",
                    "addresses and process IDs while it runs",
                ),
            ],
            see_also: &[
                "papertrader(1)",
                "papertrader-master(8)",
                "papertrader-worker(8)",
            ],
        },
        Program {
            command: papertrader::cli::ptcat::PtcatCli::command(),
            section: "1",
            files: &[],
            see_also: &["papertrader(1)", "nc(1)"],
        },
        Program {
            command: papertrader::cli::bench::BenchCli::command(),
            section: "1",
            files: &[],
            see_also: &["papertrader-sandbox(1)", "redis-server(1)", "pgbench(1)"],
        },
        Program {
            command: papertrader::daemon::cli::MasterCli::command(),
            section: "8",
            files: &[
                ("/etc/papertrader/master.toml", "the configuration"),
                (
                    "/etc/papertrader/gnupg",
                    "its key, and those of its workers",
                ),
                (
                    "/var/lib/papertrader/master.db",
                    "accounts, the ledger, past prices",
                ),
                ("/run/papertrader/master.sock", "the control socket"),
                ("/var/log/papertrader/master.log", "the log"),
            ],
            see_also: &["papertraderctl(8)", "papertrader-worker(8)"],
        },
        Program {
            command: papertrader::daemon::cli::WorkerCli::command(),
            section: "8",
            files: &[
                ("/etc/papertrader/worker.toml", "the configuration"),
                ("/etc/papertrader/gnupg", "its key, and its master's"),
                ("/var/log/papertrader/worker.log", "the log"),
            ],
            see_also: &["papertraderctl(8)", "papertrader-master(8)"],
        },
        Program {
            command: papertrader::cli::ctl::arguments::CtlCli::command(),
            section: "8",
            files: &[
                (
                    "/run/papertrader/master.sock",
                    "the master's control socket",
                ),
                (
                    "/etc/papertrader/master.toml",
                    "the master's configuration, for restore",
                ),
            ],
            see_also: &["papertrader-master(8)", "papertrader-worker(8)"],
        },
    ]
}

/// Every file and what it holds, by its path below `etc`.
pub fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for program in programs() {
        let mut command = program.command.clone();
        command.build();
        let name = command.get_name().to_owned();
        let page = page(&program, &command).unwrap_or_default();
        files.push((
            PathBuf::from(format!("man/{name}.{}", program.section)),
            page,
        ));
        let mut completion = Vec::new();
        clap_complete::generate(
            Shell::Bash,
            &mut program.command.clone(),
            &name,
            &mut completion,
        );
        files.push((
            PathBuf::from(format!("completions/{name}.bash")),
            completion,
        ));
    }
    files
}

fn page(program: &Program, command: &Command) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    // Examples and exit codes get a section of their own, with their lines kept.
    let bare = command.clone().after_help("").after_long_help("");
    let man = Man::new(bare)
        .section(program.section)
        .date("")
        .source(format!("PaperTrader {}", env!("CARGO_PKG_VERSION")))
        .manual("PaperTrader");
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    let mut roff = Roff::new();
    options(&mut roff, "OPTIONS", "SH", command.get_arguments());
    if command.has_subcommands() {
        roff.control("SH", ["COMMANDS"]);
        commands(&mut roff, command, "");
    }
    if let Some(text) = command.get_after_help() {
        roff.control("SH", ["NOTES"]);
        verbatim(&mut roff, &text.to_string());
    }
    if !program.files.is_empty() {
        roff.control("SH", ["FILES"]);
        for (file, what) in program.files {
            roff.control("TP", []);
            roff.text([italic(*file)]);
            roff.text([roman(*what)]);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(program.see_also.join(", "))]);
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// Every command that does something, with the words that lead to it.
fn commands(roff: &mut Roff, command: &Command, before: &str) {
    for sub in command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help")
    {
        let name = format!("{before}{}", sub.get_name());
        if sub.is_subcommand_required_set() {
            commands(roff, sub, &format!("{name} "));
            continue;
        }
        roff.control("SS", [name.as_str()]);
        let usage = sub.clone().render_usage().to_string();
        roff.text([bold(usage.trim_start_matches("Usage: ").to_owned())]);
        if let Some(about) = sub.get_long_about().or(sub.get_about()) {
            roff.control("PP", []);
            paragraphs(roff, &about.to_string());
        }
        // What holds for every command stands above.
        let own = sub.get_arguments().filter(|arg| !arg.is_global_set());
        options(roff, "", "", own);
        if let Some(text) = sub.get_after_help() {
            roff.control("PP", []);
            verbatim(roff, &text.to_string());
        }
        // Of a command that does something by itself, too.
        commands(roff, sub, &format!("{name} "));
    }
}

fn options<'a>(
    roff: &mut Roff,
    title: &str,
    heading: &str,
    arguments: impl Iterator<Item = &'a Arg>,
) {
    let shown: Vec<&Arg> = arguments
        .filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
        .collect();
    if shown.is_empty() {
        return;
    }
    if !heading.is_empty() {
        roff.control(heading, [title]);
    }
    for arg in shown {
        roff.control("TP", []);
        roff.text(name(arg));
        let mut help = arg
            .get_long_help()
            .or(arg.get_help())
            .map(ToString::to_string)
            .unwrap_or_default();
        help += &values(arg);
        let defaults: Vec<_> = arg
            .get_default_values()
            .iter()
            .map(|value| value.to_string_lossy())
            .collect();
        if !defaults.is_empty() && !matches!(arg.get_action(), clap::ArgAction::SetTrue) {
            help += &format!(" [default: {}]", defaults.join(", "));
        }
        if let Some(variable) = arg.get_env() {
            help += &format!(" [env: {}]", variable.to_string_lossy());
        }
        roff.text([roman(help)]);
    }
}

/// The values that an option takes, where each has a text of its own.
fn values(arg: &Arg) -> String {
    if !arg.get_action().takes_values() {
        return String::new();
    }
    let named = arg.get_possible_values().into_iter().filter_map(|value| {
        let help = value.get_help()?;
        Some(format!("{} ({help})", value.get_name()))
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        String::new()
    } else {
        format!(": {}", named.join(", or "))
    }
}

fn name(arg: &Arg) -> Vec<Inline> {
    let mut line = Vec::new();
    if let Some(short) = arg.get_short() {
        line.push(bold(format!("-{short}")));
    }
    if let Some(long) = arg.get_long() {
        if !line.is_empty() {
            line.push(roman(", "));
        }
        line.push(bold(format!("--{long}")));
    }
    if arg.get_action().takes_values() {
        let values = arg.get_value_names().unwrap_or_default().join(" ");
        if !line.is_empty() {
            line.push(roman(" "));
        }
        line.push(italic(values));
    }
    line
}

fn paragraphs(roff: &mut Roff, text: &str) {
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph.trim().replace('\n', " "))]);
    }
}

fn verbatim(roff: &mut Roff, text: &str) {
    roff.control("nf", []);
    for line in text.trim_end().lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
}

/// Writes them.
#[allow(dead_code)]
fn main() -> io::Result<()> {
    let etc = Path::new(env!("CARGO_MANIFEST_DIR")).join("etc");
    for (path, bytes) in generated() {
        let path = etc.join(path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, bytes)?;
        println!("{}", path.display());
    }
    Ok(())
}
