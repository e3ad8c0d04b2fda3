//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! `papertrader tui`, the built program, on a pseudo terminal, with real servers.

use super::cli::Person;
use super::real_servers::person;
use papertrader::testkit::{Deployment, eventually};
use rustix::process::Signal;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A shell with job control that runs one command on a terminal of its own. What comes on standard
/// input is typed, what the terminal shows goes to standard output, and standard error tells what
/// the shell sees: the command's process, that it has stopped, that it has ended, each with whether
/// the terminal is as it was before. A line behind a zero byte is for the shell: `fg`, or a size.
const SHELL: &str = r"
import fcntl, os, pty, select, signal, struct, sys, termios
columns, rows, *command = sys.argv[1:]
master, slave = pty.openpty()
os.setsid()
fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
def resize(columns, rows):
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
def tell(text):
    sys.stderr.write(text + '\n')
    sys.stderr.flush()
resize(columns, rows)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
before = termios.tcgetattr(slave)
def modes():
    return 'restored' if termios.tcgetattr(slave) == before else 'changed'
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(slave, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    for number in range(3): os.dup2(slave, number)
    os.execvp(command[0], command)
tell(f'pid {child}')
def show():
    while select.select([master], [], [], 0)[0]:
        sys.stdout.buffer.write(os.read(master, 65536))
    sys.stdout.buffer.flush()
is_open = True
while True:
    ready, _, _ = select.select([master] + [0] * is_open, [], [], 0.02)
    if 0 in ready:
        typed = os.read(0, 65536)
        if not typed:
            is_open = False
            os.kill(child, signal.SIGKILL)
        elif typed[:1] == b'\0':
            for line in typed.decode().splitlines():
                words = line.strip('\0').split()
                if words == ['fg']:
                    os.tcsetpgrp(slave, child)
                    os.kill(child, signal.SIGCONT)
                else:
                    resize(*words)
        else:
            os.write(master, typed)
    show()
    got, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
    if got and os.WIFSTOPPED(status):
        show()
        tell('stopped ' + modes())
        os.tcsetpgrp(slave, os.getpid())
    elif got:
        show()
        tell(f'ended {os.waitstatus_to_exitcode(status)} {modes()}')
        break
";

/// What a terminal of this size shows, as far as the view uses it.
struct Grid {
    columns: usize,
    cells: Vec<char>,
    row: usize,
    column: usize,
    /// Whether the other screen is shown, which programs of the whole screen draw on.
    is_other: bool,
    /// What came to the usual screen.
    usual: String,
    /// What has come of a sequence or a character.
    rest: Vec<u8>,
}

impl Grid {
    fn new(columns: usize, rows: usize) -> Grid {
        Grid {
            columns,
            cells: vec![' '; columns * rows],
            row: 0,
            column: 0,
            is_other: false,
            usual: String::new(),
            rest: Vec::new(),
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let bytes = std::mem::take(&mut self.rest);
        let (text, rest) = match std::str::from_utf8(&bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) => {
                let (good, rest) = bytes.split_at(error.valid_up_to());
                (std::str::from_utf8(good).unwrap(), rest)
            }
        };
        let mut from = text;
        while let Some(c) = from.chars().next() {
            let after = &from[c.len_utf8()..];
            if c != '\u{1b}' {
                self.put(c);
                from = after;
                continue;
            }
            let Some(end) = after.find(|c: char| c.is_ascii_alphabetic()) else {
                break;
            };
            self.obey(&after[..=end]);
            from = &after[end + 1..];
        }
        self.rest = [from.as_bytes(), rest].concat();
    }

    fn put(&mut self, c: char) {
        if !self.is_other {
            self.usual.push(c);
            return;
        }
        let at = self.row * self.columns + self.column;
        if let Some(cell) = self.cells.get_mut(at) {
            *cell = c;
        }
        self.column += 1;
    }

    fn obey(&mut self, sequence: &str) {
        let number = |text: &str| text.parse::<usize>().map_or(0, |it| it.saturating_sub(1));
        match sequence {
            "[?1049h" => {
                self.is_other = true;
                self.cells.fill(' ');
            }
            "[?1049l" => self.is_other = false,
            "[2J" => self.cells.fill(' '),
            _ if sequence.ends_with('H') => {
                let place = sequence.trim_matches(['[', 'H']);
                let (row, column) = place.split_once(';').unwrap_or((place, ""));
                (self.row, self.column) = (number(row), number(column));
            }
            _ => {}
        }
    }

    fn text(&self) -> String {
        let rows = self.cells.chunks(self.columns);
        let line = |row: &[char]| row.iter().collect::<String>().trim_end().to_owned() + "\n";
        rows.map(line).collect()
    }
}

/// The view on a terminal.
struct View {
    shell: Child,
    keys: ChildStdin,
    grid: Arc<Mutex<Grid>>,
    /// What the shell tells.
    told: Arc<Mutex<Vec<String>>>,
}

impl View {
    fn open(person: &Person, line: &str, variables: &[(&str, &str)]) -> View {
        let (columns, rows) = (80, 24);
        let mut command = Command::new("python3");
        command
            .args(["-c", SHELL, &columns.to_string(), &rows.to_string()])
            .arg(papertrader::testkit::program::find("papertrader"))
            .args(line.split(' '))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", person.home.path())
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm-256color")
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut shell = command.spawn().unwrap();
        let grid = Arc::new(Mutex::new(Grid::new(columns, rows)));
        let told = Arc::new(Mutex::new(Vec::new()));
        let (seen, heard) = (Arc::clone(&grid), Arc::clone(&told));
        let (mut out, err) = (shell.stdout.take().unwrap(), shell.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut block = [0; 4096];
            while let Ok(read @ 1..) = out.read(&mut block) {
                seen.lock().unwrap().take(&block[..read]);
            }
        });
        std::thread::spawn(move || {
            for line in BufReader::new(err).lines() {
                heard.lock().unwrap().push(line.unwrap());
            }
        });
        let keys = shell.stdin.take().unwrap();
        View {
            shell,
            keys,
            grid,
            told,
        }
    }

    fn text(&self) -> String {
        self.grid.lock().unwrap().text()
    }

    /// Waits until the screen is so.
    fn becomes(&self, what: &str, is_so: impl Fn(&str) -> bool) -> String {
        eventually(&format!("{what} on the screen"), || {
            let text = self.text();
            let told = self.told.lock().unwrap();
            let end = told.iter().find(|line| line.starts_with("ended"));
            assert!(
                end.is_none(),
                "{what}: {told:?}\n{}",
                self.grid.lock().unwrap().usual
            );
            is_so(&text).then_some(text)
        })
    }

    /// Waits until the screen shows a text.
    fn shows(&self, text: &str) -> String {
        self.becomes(&format!("{text:?}"), |shown| shown.contains(text))
    }

    fn keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits until the shell has told something that begins so; the rest of its latest such line.
    fn told(&self, what: &str) -> String {
        eventually(&format!("the shell tells: {what}"), || {
            let told = self.told.lock().unwrap();
            let line = told.iter().rev().find_map(|line| line.strip_prefix(what));
            line.map(|rest| rest.trim().to_owned())
        })
    }

    fn signal(&self, name: &str) {
        let pid = self.told("pid");
        let kill = Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits for the end: exit code and modes, as the shell tells them, and what is on the usual
    /// screen.
    fn end(mut self) -> (String, String) {
        let end = self.told("ended");
        self.shell.wait().unwrap();
        eventually("all that was shown is read", || {
            let grid = self.grid.lock().unwrap();
            (!grid.is_other).then(|| (end.clone(), grid.usual.clone()))
        })
    }
}

impl Drop for View {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}\n{:?}", self.text(), self.told.lock());
        }
        // Its command goes with it.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn servers(workers: u16) -> Deployment {
    let builder = Deployment::builder().workers(workers);
    builder.update_interval(Duration::from_secs(1)).start()
}

#[test]
fn a_person_looks_orders_suspends_and_goes_on_when_a_worker_dies() {
    let deployment = servers(2);
    let addresses = deployment.addresses();
    // A login tells the workers that serve by then.
    eventually("both workers are told", || {
        let told = deployment.connect(1).workers().unwrap();
        (told.len() == 2).then_some(())
    });
    let ada = person("ada", &addresses[0], &[]);
    let mut view = View::open(&ada, "tui", &[]);
    let first = view.shows(" AAPL");
    assert!(first.contains("IBM") && first.contains(" next "), "{first}");
    view.keys("/goo");
    view.becomes("GOOG alone", |text| {
        text.contains("filter: goo") && text.contains("> GOOG") && !text.contains("IBM")
    });
    view.keys("\u{1b}");
    view.shows("IBM");
    view.keys("g\r");
    view.shows("1 day  2 week  3 month");
    view.becomes("a chart", |text| {
        text.contains("volume") && text.contains("since")
    });

    view.keys("b10\r");
    view.shows("Send this order?");
    view.becomes("an estimate", |text| {
        text.contains("buy 10 AAPL: at about") && text.contains("y: send")
    });
    view.keys("y");
    view.shows("Bought 10 AAPL at ");
    let portfolio = ada.run("--json portfolio").json();
    assert_eq!(portfolio["positions"][0]["quantity"], "10", "{portfolio}");

    view.keys(":buy IBM 5 --limit 1\r");
    view.shows("limit 1.00, gtc");
    view.becomes("a question", |text| text.contains("y: send"));
    view.keys("y");
    view.shows("waits for its price");
    view.keys("o");
    view.shows("> buy       5  IBM");
    view.keys("c");
    view.shows("Cancel this order?");
    view.keys("y");
    view.shows("no open orders");
    view.keys("h\r");
    view.shows("Receipt of");
    view.keys("\u{1b}p");
    view.shows("buying power");

    view.keys("\u{1a}");
    assert_eq!(view.told("stopped"), "restored");
    view.keys("\0fg\n");
    view.shows("buying power");
    // The grid is as wide before the view draws anew.
    view.grid.lock().unwrap().columns = 60;
    view.keys("\x0060 20\n");
    let shown = view.becomes("a worker", |text| {
        addresses.iter().any(|it| text.contains(it))
    });
    let (held, other) = if shown.contains(&addresses[0]) {
        (1, &addresses[1])
    } else {
        (2, &addresses[0])
    };
    deployment.worker(held).kill();
    view.shows(other);
    view.keys("a");
    view.shows("> AAPL");
    view.keys("q");
    let (end, usual) = view.end();
    assert_eq!(end, "0 restored");
    assert!(!usual.contains("AAPL"), "{usual}");
}

#[test]
fn the_terminal_is_given_back_however_the_view_ends() {
    let deployment = servers(1);
    let server = deployment.addresses().remove(0);
    let ada = person("ada", &server, &[]);
    for signal in ["-TERM", "-HUP", "-INT"] {
        let view = View::open(&ada, "tui", &[]);
        view.shows(" AAPL");
        view.signal(signal);
        assert_eq!(view.end().0, "0 restored", "{signal}");
    }
    let mut view = View::open(&ada, "tui", &[]);
    view.shows(" AAPL");
    view.keys("\u{3}");
    assert_eq!(view.end().0, "0 restored");

    let fault = [("PAPERTRADER_FAULT", "screen-drawn:2")];
    let (end, usual) = View::open(&ada, "tui", &fault).end();
    assert_eq!(end, "101 restored");
    assert!(usual.contains("the fail point screen-drawn"), "{usual}");

    // Its session ends while it runs.
    let view = View::open(&ada, "tui", &[]);
    view.shows(" AAPL");
    let others = ada.run("sessions end --all");
    assert_eq!(others.code, 0, "{}", others.err);
    let (end, usual) = view.end();
    assert_eq!(end, "4 restored");
    assert!(usual.contains("login ada"), "{usual}");

    let (end, usual) = View::open(&ada, "tui", &[]).end();
    assert_eq!(end, "4 restored");
    assert!(usual.contains("login"), "{usual}");
    let ran = ada.run("tui");
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("wants a terminal"), "{}", ran.err);
}

#[test]
fn a_server_that_is_silent_holds_no_key_up() {
    let deployment = servers(1);
    let server = deployment.addresses().remove(0);
    let ada = person("ada", &server, &[]);
    let mut view = View::open(&ada, "--timeout 2 tui", &[("NO_COLOR", "1")]);
    view.shows(" IBM");
    deployment.worker(1).signal(Signal::STOP);
    view.keys("/goo");
    view.becomes("GOOG alone", |text| {
        text.contains("> GOOG") && !text.contains("IBM")
    });
    view.shows("no server answers for");
    view.keys("\u{1b}:buy AAPL 1\r");
    view.shows("Send this order?");
    view.shows("no order was sent");
    deployment.worker(1).signal(Signal::CONT);
    view.shows("connected to");
    let rows = ada.run("--json transactions").json();
    assert_eq!(rows["transactions"].as_array().unwrap().len(), 0, "{rows}");

    // Who leaves before an order is answered is told how to find out what became of it.
    view.keys(":buy AAPL 1\r");
    view.shows("y: send");
    deployment.worker(1).signal(Signal::STOP);
    view.keys("y");
    view.shows("sending: buy 1 AAPL");
    view.keys("q");
    let (end, usual) = view.end();
    deployment.worker(1).signal(Signal::CONT);
    assert_eq!(end, "6 restored");
    assert!(usual.contains("--order-id"), "{usual}");
}
