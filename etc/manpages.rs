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
    /// Variables beside those of its options.
    environment: &'static [(&'static str, &'static str)],
    files: &'static [(&'static str, &'static str)],
    see_also: &'static [&'static str],
}

/// What programs for a terminal read.
const TERMINAL: &[(&str, &str)] = &[
    (
        "LC_ALL, LC_CTYPE, LANG",
        "the first that is not empty says whether the terminal shows UTF-8; elsewhere lines for people are ASCII",
    ),
    ("NO_COLOR", "no bold headings in --help, where it is set"),
];

/// What the client for people reads.
const PERSON: &[(&str, &str)] = &[
    (
        "PAPERTRADER_TOKEN",
        "a token, in place of a session that login saved; needs --user or PAPERTRADER_USER",
    ),
    (
        "XDG_STATE_HOME",
        "the folder of the sessions, in place of ~/.local/state",
    ),
    (
        "XDG_CACHE_HOME",
        "the folder of what a shell completes, in place of ~/.cache",
    ),
    (
        "BROWSER",
        "the program that opens a provider's page; names with a colon between them are tried in turn",
    ),
    TERMINAL[0],
    TERMINAL[1],
    ("TERM", "where it is dumb, watch does not redraw its table"),
];

/// What a daemon reads, as systemd sets it.
const DAEMON: &[(&str, &str)] = &[
    (
        "CREDENTIALS_DIRECTORY",
        "a folder whose files may hold secrets, whatever their modes",
    ),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "where the daemon says that it is ready and alive",
    ),
    (
        "JOURNAL_STREAM",
        "where it is standard error, lines of the log have the journal's levels",
    ),
];

#[allow(clippy::too_many_lines, reason = "a list")]
fn programs() -> Vec<Program> {
    vec![
        Program {
            command: papertrader::cli::papertrader::arguments::ClientCli::command(),
            section: "1",
            environment: PERSON,
            files: &[
                (
                    "~/.local/state/papertrader/sessions.json",
                    "sessions, readable by their owner alone",
                ),
                (
                    "~/.cache/papertrader/symbols",
                    "symbols that a shell completes, readable by their owner alone",
                ),
            ],
            see_also: &["papertrader-sandbox(1)", "papertrader-worker(8)"],
        },
        Program {
            command: papertrader::cli::sandbox::arguments::SandboxCli::command(),
            section: "1",
            environment: &[(
                "PATH",
                "where the daemons are looked for that are not beside this program",
            )],
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
            environment: TERMINAL,
            files: &[],
            see_also: &["papertrader(1)", "nc(1)"],
        },
        Program {
            command: papertrader::cli::bench::BenchCli::command(),
            section: "1",
            environment: &[("PATH", "where redis and PostgreSQL are looked for")],
            files: &[],
            see_also: &["papertrader-sandbox(1)", "redis-server(1)", "pgbench(1)"],
        },
        Program {
            command: papertrader::daemon::cli::MasterCli::command(),
            section: "8",
            environment: DAEMON,
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
            environment: DAEMON,
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
            environment: TERMINAL,
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
            see_also: &[
                "papertrader-setup(7)",
                "papertrader-master(8)",
                "papertrader-worker(8)",
            ],
        },
    ]
}

/// The guide of a set-up, as it stands in the specification.
const GUIDE: &str = include_str!("../spec/setup.md");

/// Every file and what it holds, by its path below `etc`.
pub fn generated() -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = vec![(
        PathBuf::from("man/papertrader-setup.7"),
        guide(GUIDE).unwrap_or_default(),
    )];
    for program in programs() {
        let mut command = program.command.clone();
        command.build();
        let name = command.get_name().to_owned();
        let page = page(&program, &command).unwrap_or_default();
        files.push((
            PathBuf::from(format!("man/{name}.{}", program.section)),
            page,
        ));
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = completion(shell, program.command.clone(), &name);
            files.push((
                PathBuf::from(format!("completions/{name}.{shell}")),
                script.into_bytes(),
            ));
        }
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
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let usage = command.clone().render_usage().to_string();
    roff.text([bold(usage.trim_start_matches("Usage: ").to_owned())]);
    roff.to_writer(&mut out)?;
    man.render_description_section(&mut out)?;
    let mut roff = Roff::new();
    options(&mut roff, "OPTIONS", "SH", command.get_arguments());
    if command.has_subcommands() {
        roff.control("SH", ["COMMANDS"]);
        commands(&mut roff, command, "");
    }
    let help = command.get_after_help().map(ToString::to_string);
    let help = Help::of(&help.unwrap_or_default());
    named(&mut roff, "EXIT STATUS", &help.codes);
    let mut variables = Vec::new();
    options_variables(command, &mut variables);
    let others = program.environment.iter();
    variables.extend(others.map(|(name, what)| ((*name).to_owned(), (*what).to_owned())));
    named(&mut roff, "ENVIRONMENT", &variables);
    let files = program.files.iter();
    let files: Vec<_> = files
        .map(|(file, what)| ((*file).to_owned(), (*what).to_owned()))
        .collect();
    named(&mut roff, "FILES", &files);
    for (heading, text) in [("NOTES", &help.notes), ("EXAMPLES", &help.examples)] {
        if !text.is_empty() {
            roff.control("SH", [heading]);
            verbatim(&mut roff, text);
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(program.see_also.join(", "))]);
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// A page of the specification as a man page: headings, paragraphs, lists, and blocks of commands.
fn guide(text: &str) -> io::Result<Vec<u8>> {
    let mut roff = Roff::new();
    let source = format!("PaperTrader {}", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["papertrader-setup", "7", "", &source, "PaperTrader"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(
        "papertrader-setup - from a bare machine to a person who trades",
    )]);
    roff.control("SH", ["DESCRIPTION"]);
    let mut paragraph = String::new();
    let mut in_block = false;
    // The first line is the title.
    for line in text.lines().skip(1).chain([""]) {
        if in_block {
            in_block = !line.starts_with("```");
            if in_block {
                roff.text([bold(line)]);
            } else {
                roff.control("fi", []);
                roff.control("RE", []);
            }
            continue;
        }
        let begins = ["#", "```", "- "].iter().any(|it| line.starts_with(it));
        let begins = begins || line.is_empty();
        if begins && !paragraph.is_empty() {
            roff.text(inlines(&std::mem::take(&mut paragraph)));
        }
        if line.starts_with("```") {
            in_block = true;
            roff.control("PP", []);
            roff.control("RS", ["4"]);
            roff.control("nf", []);
        } else if let Some(heading) = line.strip_prefix("## ") {
            roff.control("SH", [heading.to_uppercase().as_str()]);
        } else if let Some(item) = line.strip_prefix("- ") {
            roff.control("IP", ["\u{2022}", "2"]);
            paragraph = item.to_owned();
        } else if !line.is_empty() {
            if paragraph.is_empty() {
                roff.control("PP", []);
            } else {
                paragraph += " ";
            }
            paragraph += line.trim();
        }
    }
    roff.control("SH", ["SEE ALSO"]);
    roff.text([roman(
        "papertraderctl(8), papertrader-master(8), papertrader-worker(8), papertrader(1)",
    )]);
    let mut out = Vec::new();
    roff.to_writer(&mut out)?;
    Ok(out)
}

/// The parts of a paragraph: `code` is bold, *emphasis* italic, and a link is its text.
fn inlines(text: &str) -> Vec<Inline> {
    let mut parts = Vec::new();
    for (at, part) in text.split('`').enumerate() {
        if at % 2 == 1 {
            parts.push(bold(part));
            continue;
        }
        let linked: String = part
            .split('[')
            .map(|piece| match piece.split_once("](") {
                Some((shown, behind)) => {
                    shown.to_owned() + behind.split_once(')').map_or("", |(_, rest)| rest)
                }
                None => piece.to_owned(),
            })
            .collect();
        for (at, piece) in linked.split('*').enumerate() {
            parts.push(if at % 2 == 1 {
                italic(piece)
            } else {
                roman(piece)
            });
        }
    }
    parts
}

/// A section of names, each with what it is; none without any.
fn named(roff: &mut Roff, heading: &str, pairs: &[(String, String)]) {
    if pairs.is_empty() {
        return;
    }
    roff.control("SH", [heading]);
    for (name, what) in pairs {
        roff.control("TP", []);
        roff.text([bold(name.as_str())]);
        roff.text([roman(what.as_str())]);
    }
}

/// What stands behind the options in a program's help, by its sections in a page.
#[derive(Default)]
struct Help {
    /// Exit codes, each with what it means.
    codes: Vec<(String, String)>,
    examples: String,
    notes: String,
}

impl Help {
    fn of(text: &str) -> Help {
        let mut help = Help::default();
        let text = text.replace("\nExit codes: ", "\n\nExit codes: ");
        for paragraph in text.split("\n\n") {
            let paragraph = paragraph.trim();
            if let Some(codes) = paragraph.strip_prefix("Exit codes: ") {
                help.codes = codes_of(codes);
            } else if let Some(lines) = paragraph.strip_prefix("Examples:") {
                let lines = lines.trim_matches('\n');
                help.examples = lines.lines().map(|line| format!("{line}\n")).collect();
            } else if !paragraph.is_empty() {
                let gap = if help.notes.is_empty() { "" } else { "\n\n" };
                help.notes += &format!("{gap}{paragraph}");
            }
        }
        help
    }
}

/// The codes of a list such as `0 done, 1 failed (why, on standard error), 78 bad configuration.`
fn codes_of(text: &str) -> Vec<(String, String)> {
    let mut codes: Vec<(String, String)> = Vec::new();
    for part in text.trim_end_matches('.').split([',', ';']) {
        let part = part.trim();
        let (code, what) = part.split_once(' ').unwrap_or((part, ""));
        match codes.last_mut() {
            _ if code.bytes().all(|b| b.is_ascii_digit()) => {
                codes.push((code.to_owned(), what.to_owned()));
            }
            // The rest of a code's own sentence.
            Some((_, before)) => *before += &format!(", {part}"),
            None => {}
        }
    }
    codes
}

/// The variables of all options, each with the option whose value it is.
fn options_variables(command: &Command, found: &mut Vec<(String, String)>) {
    for arg in command.get_arguments() {
        let (Some(variable), Some(long)) = (arg.get_env(), arg.get_long()) else {
            continue;
        };
        let name = variable.to_string_lossy().into_owned();
        if !found.iter().any(|(known, _)| *known == name) {
            found.push((name, format!("the value of --{long} where it is not given")));
        }
    }
    for sub in command.get_subcommands() {
        options_variables(sub, found);
    }
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

/// A script that completes a program's command line. Clap makes it; where a command takes a symbol, or
/// an option an account, it asks the program for the names that there are.
fn completion(shell: Shell, mut command: Command, name: &str) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut script);
    let script = String::from_utf8(script).unwrap_or_default();
    if name != "papertrader" {
        return script;
    }
    let takers = symbol_takers(&command);
    match shell {
        Shell::Bash => bash_with_names(&script, &takers, &flags(&command)),
        Shell::Zsh => zsh_with_names(&script),
        _ => fish_with_names(&script, &takers),
    }
}

/// The commands that take a symbol, and whether they take several.
fn symbol_takers(command: &Command) -> Vec<(String, bool)> {
    let taker = |sub: &Command| {
        let first = sub.get_positionals().next()?;
        let several = first.get_id() == "symbols";
        (several || first.get_id() == "symbol").then(|| (sub.get_name().to_owned(), several))
    };
    command.get_subcommands().filter_map(taker).collect()
}

/// The options without a value: what stands behind one is an argument.
fn flags(command: &Command) -> Vec<String> {
    let all = command
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .chain(command.get_arguments());
    let named = all.filter(|arg| !arg.get_action().takes_values());
    let named = named.filter_map(|arg| Some(format!("--{}", arg.get_long()?)));
    let mut names: Vec<String> = named.collect();
    names.sort();
    names.dedup();
    names
}

fn bash_with_names(script: &str, takers: &[(String, bool)], flags: &[String]) -> String {
    let names = |several: bool| {
        let some = takers.iter().filter(|(_, takes)| *takes == several);
        let some: Vec<&str> = some.map(|(name, _)| name.as_str()).collect();
        some.join("|")
    };
    let own = format!(
        r#"# Completes symbols and accounts by what the program knows; all else by what stands above.
_papertrader_with_names() {{
    local cur="$2" prev="$3" kind="" command="" word
    _papertrader "$@"
    case "$prev" in
        --user) kind=users ;;
        {}) ;;
        -*) return 0 ;;
    esac
    if [[ -z "$kind" && "$cur" != -* ]]; then
        for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
            case "$command,$word" in
                *,-*) ;;
                ,{}) command=some kind=symbols ;;
                ,{}) command=one kind=symbols ;;
                one,*) kind="" ;;
            esac
        done
    fi
    [[ -n "$kind" ]] || return 0
    local IFS=$'\n'
    COMPREPLY=( $(papertrader __complete "$kind" "$cur" 2>/dev/null) )
}}

"#,
        flags.join("|"),
        names(true).replace('|', "|,"),
        names(false).replace('|', "|,"),
    );
    let (above, below) = script.split_at(script.rfind("if [[ \"${BASH_VERSINFO").unwrap_or(0));
    let below = below.replace(
        "complete -F _papertrader ",
        "complete -F _papertrader_with_names ",
    );
    format!("{above}{own}{below}")
}

fn zsh_with_names(script: &str) -> String {
    let names = r#"
# Symbols and accounts, by what the program knows.
(( $+functions[_papertrader_names] )) ||
_papertrader_names() {
    local -a found
    found=( ${(f)"$(papertrader __complete $1 "$PREFIX" 2>/dev/null)"} )
    compadd -M 'm:{[:lower:]}={[:upper:]}' -a found
}
"#;
    let line = |line: &str| {
        let is_symbol = ["':symbol --", "'*::symbols --"];
        let (from, kind) = if is_symbol.iter().any(|start| line.starts_with(start)) {
            (":_default'", "symbols")
        } else if line.starts_with("'--user=") {
            (":_default'", "users")
        } else {
            return format!("{line}\n");
        };
        let to = format!(":{{_papertrader_names {kind}}}'");
        format!("{}\n", line.replace(from, &to))
    };
    let script: String = script.lines().map(line).collect();
    let at = script
        .rfind("\nif [ \"$funcstack[1]\"")
        .unwrap_or(script.len());
    let (above, below) = script.split_at(at);
    format!("{above}{names}{below}")
}

fn fish_with_names(script: &str, takers: &[(String, bool)]) -> String {
    let ask =
        |kind: &str| format!("-a '(papertrader __complete {kind} (commandline -ct) 2>/dev/null)'");
    let mut out = script.to_owned();
    out += "# Symbols and accounts, by what the program knows.\n";
    for (name, _) in takers {
        let when = format!("-n \"__fish_papertrader_using_subcommand {name}\"");
        out += &format!("complete -c papertrader {when} -f {}\n", ask("symbols"));
    }
    out += &format!("complete -c papertrader -l user -x {}\n", ask("users"));
    out
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
