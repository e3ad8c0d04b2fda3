//! `papertrader`, the built program, on terminals of several sizes: what is on the screen in the
//! end.

use super::cli::Person;
use super::fake_worker::{Fake, Orders};
use papertrader::testkit::eventually::until;
use std::process::Stdio;

/// Runs a command on a terminal of its own, and writes what came there. Types Ctrl-C once a text is
/// there, if one is given. Python has what it needs.
const ON_A_TERMINAL: &str = r"
import fcntl, os, pty, signal, struct, subprocess, sys, termios
columns, rows, until, *command = sys.argv[1:]
seen = b''
master, slave = pty.openpty()
# As a shell, this process leads the session: when a leader ends, its terminal forgets what it was
# sent and nobody has read.
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
signal.signal(signal.SIGINT, signal.SIG_IGN)
def interruptible():
    signal.signal(signal.SIGINT, signal.SIG_DFL)
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=interruptible)
os.close(slave)
while True:
    try: part = os.read(master, 65536)
    except OSError: break
    if not part: break
    sys.stdout.buffer.write(part)
    seen += part
    if until and until.encode() in seen:
        os.write(master, b'\x03')
        until = ''
sys.exit(child.wait())
";

/// A terminal that knows what `papertrader` says to one.
struct Screen {
    columns: usize,
    rows: usize,
    /// Lines that have left the screen at its top, then those on it.
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn new(columns: usize, rows: usize) -> Screen {
        Screen {
            columns,
            rows,
            lines: vec![Vec::new()],
            row: 0,
            column: 0,
        }
    }

    fn top(&self) -> usize {
        self.lines.len().saturating_sub(self.rows)
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.lines.len() {
            self.lines.push(Vec::new());
        }
    }

    fn put(&mut self, c: char) {
        if self.column == self.columns {
            self.down();
            self.column = 0;
        }
        let line = &mut self.lines[self.row];
        line.resize(line.len().max(self.column + 1), ' ');
        line[self.column] = c;
        self.column += 1;
    }

    fn show(mut self, text: &str) -> String {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '\n' => self.down(),
                '\r' => self.column = 0,
                '\u{1b}' => {
                    assert_eq!(chars.next(), Some('['));
                    let mut number = String::new();
                    let end = chars.find(|c| {
                        number.push(*c);
                        c.is_ascii_alphabetic()
                    });
                    let number = number.trim_end_matches(char::is_alphabetic).parse();
                    match end {
                        Some('F') => {
                            self.row = self.row.saturating_sub(number.unwrap()).max(self.top());
                            self.column = 0;
                        }
                        Some('J') => {
                            self.lines.truncate(self.row + 1);
                            self.lines[self.row].truncate(self.column);
                        }
                        Some('K') => self.lines[self.row].truncate(self.column),
                        other => panic!("{other:?}"),
                    }
                }
                c => self.put(c),
            }
        }
        let lines = self.lines.iter().map(|line| line.iter().collect());
        lines.collect::<Vec<String>>().join("\n")
    }
}

/// What is on a screen of this size after a command; with a locale of this name.
fn shown(person: &Person, size: (usize, usize), locale: &str, line: &str) -> String {
    let (code, screen) = interrupted(person, size, locale, line, "");
    assert_eq!(code, 0, "{line}: {screen}");
    screen
}

/// As [`shown`], with Ctrl-C once the terminal has had the text `until`; and the exit code.
pub(super) fn interrupted(
    person: &Person,
    (columns, rows): (usize, usize),
    locale: &str,
    line: &str,
    until: &str,
) -> (i32, String) {
    let program = papertrader::testkit::program::find("papertrader");
    let mut command = std::process::Command::new("python3");
    command
        .args(["-c", ON_A_TERMINAL, &columns.to_string(), &rows.to_string()])
        .arg(until)
        .arg(program)
        .args(line.split(' '))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", person.home.path())
        .env("LC_ALL", locale)
        .env("TERM", "xterm")
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    let screen = Screen::new(columns, rows).show(&String::from_utf8(output.stdout).unwrap());
    (output.status.code().unwrap(), screen)
}

#[test]
fn watching_leaves_one_table_on_a_screen_of_any_size() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for (size, symbols) in [
        ((80, 24), "AAPL IBM"),
        ((100, 8), "A B C D E F G H I J"),
        ((40, 24), "AAPL IBM MSFT"),
        ((12, 3), "AAPL IBM MSFT"),
    ] {
        let line = format!("watch {symbols} --count 4 --interval 100ms");
        let screen = shown(&person, size, "C.UTF-8", &line);
        let heads = |line: &&str| line.trim_start().starts_with("symbol");
        assert_eq!(
            screen.lines().filter(heads).count(),
            1,
            "{size:?}: {screen}"
        );
        assert!(screen.lines().count() <= size.1, "{size:?}: {screen}");
    }
    // What does not fit is told.
    let screen = shown(
        &person,
        (100, 8),
        "C.UTF-8",
        "watch A B C D E F G H I J --count 2",
    );
    assert!(screen.contains("… and 6 more rows"), "{screen}");
}

#[test]
fn tables_fit_the_terminal_and_a_pipe_has_them_whole() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    let whole = person.run("transactions").out;
    assert!(
        whole.contains("01900000-0000-7000-8000-000000000001"),
        "{whole}"
    );
    for columns in [40, 80] {
        for line in ["transactions", "portfolio", "quote AAPL IBM", "assets"] {
            let screen = shown(&person, (columns, 50), "C.UTF-8", line);
            let table = screen
                .lines()
                .take_while(|line| !line.starts_with("The newest"));
            for row in table {
                assert!(row.chars().count() <= columns, "{line}: {screen}");
            }
        }
        let screen = shown(&person, (columns, 50), "C.UTF-8", "transactions");
        assert!(
            screen.contains("Left out:") && screen.contains("ID"),
            "{screen}"
        );
    }
}

#[test]
fn a_terminal_without_utf8_is_sent_ascii() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for line in [
        "portfolio",
        "chart AAPL",
        "transactions",
        "watch AAPL --count 2",
        "buy AAPL 1",
    ] {
        let screen = shown(&person, (100, 40), "C", line);
        assert!(screen.is_ascii(), "{line}: {screen}");
    }
    let screen = shown(&person, (100, 40), "C.UTF-8", "portfolio");
    assert!(screen.contains('─'), "{screen}");
}

#[test]
fn an_order_that_is_interrupted_says_how_it_stands() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.orders = Orders::Queue);
    let size = (80, 24);
    let line = "buy AAPL 3 --order-id mine.7";
    let (code, screen) = interrupted(&person, size, "C.UTF-8", line, "settles in 1 s");
    assert_eq!(code, 6, "{screen}");
    for part in [
        "alice: the order is queued and stands",
        "buy 3 AAPL",
        "order ID    mine.7\n",
        "transaction 01900000-0000-7000-8000-000000000001\n",
        "Its outcome:\n  papertrader transactions\n",
    ] {
        assert!(screen.contains(part), "{part}: {screen}");
    }
    assert!(
        screen.lines().all(|line| line.chars().count() <= 80),
        "{screen}"
    );
    // A program reads one object.
    let line = format!("--json {line}");
    let (code, screen) = interrupted(&person, (2000, 24), "C.UTF-8", &line, "settles in 1 s");
    assert_eq!(code, 6, "{screen}");
    let object = screen.lines().find(|line| line.starts_with('{')).unwrap();
    let object: serde_json::Value = serde_json::from_str(object).unwrap();
    assert_eq!(object["status"], "queued");
    assert_eq!(object["order_id"], "mine.7");
    assert_eq!(object["error"]["code"], "outcome-unknown");
    assert_eq!(screen.matches("outcome-unknown").count(), 1, "{screen}");

    // Before the server has said that it has it, nobody knows.
    fake.tell(|t| t.orders = Orders::Silence);
    let child = person.spawn(&["buy", "AAPL", "1", "--order-id", "mine.8"]);
    let has_come = || {
        fake.told
            .lock()
            .unwrap()
            .order_ids
            .contains(&"mine.8".to_owned())
    };
    until("the order", has_come);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(told.contains("--order-id mine.8"), "{told}");
}

#[test]
fn an_order_goes_on_over_a_signal_that_is_ignored() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.orders = Orders::QueueAndLeave);
    let order = [
        "buy",
        "AAPL",
        "1",
        "--order-id",
        "mine.9",
        "--patience",
        "2",
    ];
    let ours = person.command(&order);
    // As nohup starts it.
    let mut command = std::process::Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    command.arg(ours.get_program()).args(ours.get_args());
    command.env_clear();
    command.envs(
        ours.get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let child = command
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let has_come = || {
        let told = fake.told.lock().unwrap();
        told.order_ids.contains(&"mine.9".to_owned())
    };
    until("the order", has_come);
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::HUP).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{told}");
    assert!(!told.contains("interrupted"), "{told}");
}

#[test]
fn an_order_whose_servers_go_away_stands_with_an_unknown_outcome() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.orders = Orders::QueueAndLeave);
    let ran = person.run("buy AAPL 1 --patience 1");
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    assert!(
        ran.err.contains("the order is queued and stands") && ran.err.contains("transactions"),
        "{}",
        ran.err
    );
    fake.tell(|t| t.orders = Orders::QueueAndLeave);
    let ran = person.run("--json buy AAPL 1 --patience 1");
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(told["status"], "queued");
    assert!(told["transaction"].is_string(), "{told}");
    assert_eq!(told["error"]["code"], "outcome-unknown", "{told}");
}

#[test]
fn an_error_is_told_once_on_a_terminal() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    fake.tell(|t| t.expired = true);
    for line in ["--json quote AAPL", "--json buy AAPL 1"] {
        let (code, screen) = interrupted(&person, (2000, 24), "C.UTF-8", line, "");
        assert_eq!(code, 4, "{screen}");
        assert_eq!(screen.matches("\"error\"").count(), 1, "{screen}");
    }
}

#[test]
fn a_narrow_terminal_is_told_which_columns_it_lacks() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for (columns, line) in [(36, "portfolio"), (22, "watch AAPL --count 2")] {
        let wide = shown(&person, (100, 24), "C.UTF-8", line);
        assert!(
            wide.contains(" in %") && !wide.contains("Left out"),
            "{wide}"
        );
        let narrow = shown(&person, (columns, 24), "C.UTF-8", line);
        assert!(!narrow.contains(" in % "), "{narrow}");
        assert_eq!(narrow.matches("Left out: ").count(), 1, "{narrow}");
        let told = narrow
            .split("Left out: ")
            .nth(1)
            .unwrap()
            .replace('\n', " ");
        assert!(told.contains("in %") && told.contains("wider"), "{narrow}");
    }
}

#[test]
fn a_chart_fits_the_height_of_the_terminal() {
    let fake = Fake::start();
    let person = Person::at(&fake);
    for rows in [10, 24] {
        let screen = shown(&person, (80, rows), "C.UTF-8", "chart AAPL");
        // The last line is the prompt's.
        assert_eq!(screen.split('\n').count(), rows, "{screen}");
    }
}
