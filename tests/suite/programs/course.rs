//! `ptcat course`, as a person runs it: against real workers, the reference solution, and servers
//! that are wrong.

use papertrader::course::{STAGES, market};
use papertrader::testkit::{Deployment, Market, eventually, folder, ports, program, until};
use rustix::process::{Pid, Signal, kill_process, test_kill_process_group};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn course(arguments: &[&str]) -> Output {
    Command::new(program::find("ptcat"))
        .arg("course")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    text(&output.stdout) + &text(&output.stderr)
}

/// The stages of a report that have this result.
fn with_result(report: &Value, result: &str) -> Vec<u64> {
    report["stages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|stage| stage["result"] == result)
        .map(|stage| stage["stage"].as_u64().unwrap())
        .collect()
}

/// The course's market, as the testkit takes one.
fn lab() -> Market {
    let rows = market::SYMBOLS.map(|symbol| {
        let file = market::file(symbol);
        let (_, rows) = file.split_once('\n').unwrap();
        (symbol, rows.to_owned())
    });
    let files: Vec<(&str, &str)> = rows
        .iter()
        .map(|(symbol, rows)| (*symbol, rows.as_str()))
        .collect();
    Market::files("1980-01-01", &files)
}

#[test]
fn real_workers_meet_all_stages_that_are_not_about_a_students_program() {
    let deployment = Deployment::builder()
        .workers(2)
        .market(lab())
        .update_interval(std::time::Duration::from_secs(1))
        .start();
    let [first, second] = deployment.addresses().try_into().unwrap();
    let output = course(&[
        "--target", &first, "--worker", &second, "--json", "--within", "30s",
    ]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let met: Vec<u64> = (1..=16).filter(|stage| ![14, 16].contains(stage)).collect();
    assert_eq!(with_result(&report, "met"), met, "{}", text(&output));
    assert_eq!(with_result(&report, "skipped"), [14, 16]);
    assert_eq!(report["asked"], 16);
    // What could not be judged is not passed.
    assert_eq!(output.status.code(), Some(1));
    let one = course(&["--target", &first, "--stage", "5", "--within", "30s"]);
    assert_eq!(one.status.code(), Some(0), "{}", text(&one));
    assert!(
        text(&one).starts_with("stage 5 of 16: register … met"),
        "{}",
        text(&one)
    );
}

/// The addresses of two free ports.
fn two_addresses() -> [String; 2] {
    let ports = ports::free(2).unwrap();
    [ports[0], ports[1]].map(|port| format!("127.0.0.1:{port}"))
}

/// The reference solution walks the whole path: its server is started, killed and started again by
/// the course, and its worker links to PaperTrader's master.
#[test]
fn the_reference_solution_meets_all_stages() {
    let solution = Path::new("etc/course/solution.py");
    if std::env::var_os("WITHOUT_PYTHON").is_some() {
        println!("SKIPPED: there is no python3");
        return;
    }
    assert!(solution.exists(), "{}", solution.display());
    let folder = folder();
    let (lab, data) = (folder.path().join("lab"), folder.path().join("data"));
    market::write(&lab).unwrap();
    let [first, second] = two_addresses();
    let serve = format!(
        "exec python3 -B {} serve --listen {first} --listen {second} --data {} --market {} \
         --interval 1 --start 1980-01-01",
        solution.display(),
        data.display(),
        lab.display()
    );
    let worker = format!(
        "exec python3 -B {} worker --listen {{listen}} --master {{master}} --id {{id}} --key {{key}} \
         --master-key {{master-key}} --gnupghome {{gnupghome}}",
        solution.display()
    );
    let output = course(&[
        "--target",
        &first,
        "--worker",
        &second,
        "--within",
        "30s",
        "--run",
        &serve,
        "--run-worker",
        &worker,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("Met: 16 of 16 stages"),
        "{}",
        text(&output)
    );
    // What the course started is gone.
    assert!(TcpStream::connect(&first).is_err());
}

#[test]
fn a_server_that_does_not_start_is_told_with_what_it_said() {
    let output = course(&[
        "--target",
        "127.0.0.1:1",
        "--run",
        "echo it fell; exit 3",
        "--json",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(with_result(&report, "not-met"), [1]);
    assert_eq!(with_result(&report, "not-reached").len(), 15);
    let came = report["stages"][0]["came"].as_str().unwrap();
    assert!(
        came.contains("exit status: 3") && came.contains("it fell"),
        "{came}"
    );
    assert_eq!(report["stages"][0]["section"], "4.3.2");
}

#[test]
fn a_server_that_runs_already_is_not_judged_in_the_place_of_the_command() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let output = course(&["--target", &address, "--run", "exit 0"]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    assert!(
        text.contains("another program serves there already"),
        "{text}"
    );
}

#[test]
fn an_interrupted_course_ends_what_it_has_started() {
    let folder = folder();
    let file = folder.path().join("pid");
    let command = format!("echo $$ > {}; sleep 1000 & wait", file.display());
    let mut child = Command::new(program::find("ptcat"))
        .args(["course", "--target", "127.0.0.1:1", "--run", &command])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let shell = eventually("the command runs", || {
        let text = std::fs::read_to_string(&file).ok()?;
        text.trim().parse::<i32>().ok()
    });
    let course = Pid::from_child(&child);
    kill_process(course, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let group = Pid::from_raw(shell).unwrap();
    until("its process group is gone", || {
        test_kill_process_group(group).is_err()
    });
}

/// A server that answers the bytes of each `recv` with what `answer` makes of them.
fn server(answer: fn(&[u8]) -> Option<Vec<u8>>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            std::thread::spawn(move || {
                let mut bytes = [0; 4096];
                while let Ok(size @ 1..) = stream.read(&mut bytes) {
                    let Some(reply) = answer(&bytes[..size]) else {
                        return;
                    };
                    let _ = stream.write_all(&reply);
                }
            });
        }
    });
    address
}

/// The first stage that a server does not meet, as JSON.
fn not_met(address: SocketAddr) -> Value {
    let output = course(&["--target", &address.to_string(), "--within", "2s", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stage = with_result(&report, "not-met")[0];
    assert_eq!(with_result(&report, "met").len() as u64, stage - 1);
    report["stages"][usize::try_from(stage).unwrap() - 1].clone()
}

#[test]
fn a_wrong_server_is_stopped_at_its_stage_in_the_specifications_words() {
    let http = not_met(server(|_| {
        Some(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())
    }));
    assert_eq!(
        (&http["name"], &http["section"]),
        (&"header".into(), &"4.4".into())
    );
    assert!(
        http["sentence"]
            .as_str()
            .unwrap()
            .starts_with("messageType is it a command")
    );
    assert!(
        http["bytes"][0]
            .as_str()
            .unwrap()
            .contains("as text: `HTTP/1.1 400 Bad ")
    );

    let mute = not_met(server(|_| Some(Vec::new())));
    assert_eq!(mute["name"], "header");
    assert_eq!(mute["came"], "nothing within 2s");
    assert_eq!(mute["bytes"], Value::Array(Vec::new()));

    let leaves = not_met(server(|_| None));
    assert_eq!(leaves["name"], "header");
    assert_eq!(leaves["came"], "the end of the connection");
    assert!(leaves["symptom"].as_str().unwrap().contains("exception"));

    // Six bytes are no message.
    let greets = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = greets.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut open = Vec::new();
        for stream in greets.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.write_all(b"hello\n");
            open.push(stream);
        }
    });
    let greeting = not_met(address);
    assert_eq!(greeting["name"], "accept");
}

/// A port whose connections are served one after the other: the second waits in the kernel's queue.
#[test]
fn a_server_of_one_client_at_a_time_is_found_at_stage_1() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = std::io::copy(&mut stream.unwrap(), &mut std::io::sink());
        }
    });
    let stage = not_met(address);
    assert_eq!(stage["name"], "accept");
    assert_eq!(stage["expected"], "2 closed");
    assert!(stage["hint"].as_str().unwrap().contains("a thread"));
}

#[test]
fn what_the_program_printed_is_told_where_a_stage_is_not_met() {
    if std::env::var_os("WITHOUT_PYTHON").is_some() {
        println!("SKIPPED: there is no python3");
        return;
    }
    let folder = folder();
    let file = folder.path().join("server.py");
    let server = "import socket, sys, threading\n\
        listener = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n\
        def serve(connection):\n    with connection:\n        if connection.recv(1): raise ValueError('of mine')\n\
        while True:\n    threading.Thread(target=serve, args=listener.accept()[:1]).start()\n";
    std::fs::write(&file, server).unwrap();
    let [address, _] = two_addresses();
    let (_, port) = address.split_once(':').unwrap();
    let command = format!("exec python3 -B {} {port}", file.display());
    let output = course(&["--target", &address, "--run", &command, "--to", "2"]);
    assert_eq!(output.status.code(), Some(1));
    let text = text(&output);
    for part in [
        "stage 1 of 16: accept … met",
        "\n  what your program printed last:\n",
        "ValueError: of mine\n",
        "\nMet: 1 of 2 stages.",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

/// A server between a client and a real worker, which changes what the worker answers.
fn between(worker: String, from: &'static [u8], to: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut client, mut server) = (stream.unwrap(), TcpStream::connect(&worker).unwrap());
            let (mut back, mut answers) =
                (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut client, &mut server);
                let _ = server.shutdown(std::net::Shutdown::Write);
            });
            std::thread::spawn(move || {
                let mut bytes = [0; 65_536];
                while let Ok(size @ 1..) = answers.read(&mut bytes) {
                    let mut answer = bytes[..size].to_vec();
                    if answer.starts_with(from) {
                        answer.splice(..from.len(), to.iter().copied());
                    }
                    if back.write_all(&answer).is_err() {
                        return;
                    }
                }
                let _ = back.shutdown(std::net::Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn one_wrong_answer_among_right_ones_is_found_at_its_line() {
    let deployment = Deployment::running(1);
    // registerSuccess becomes pong.
    let address = between(deployment.worker(1).address(), &[3, 3, 3], &[4, 4, 2]);
    let stage = not_met(address);
    assert_eq!(stage["name"], "register");
    assert_eq!(
        stage["sentence"],
        "On success, the server would return the 'registerSuccess' instruction."
    );
    assert_eq!(stage["came"], "`pong`");
    assert_eq!(stage["bytes"][1], "0402         instruction        pong");
    assert!(
        stage["sent"]
            .as_str()
            .unwrap()
            .starts_with("1 > register alice-")
    );
    let output = course(&["--target", &address.to_string(), "--from", "4"]);
    let text = text(&output);
    for part in [
        "stage 4 of 16: arguments … met",
        "stage 5 of 16: register … NOT MET\n\nThe specification, 4.6.3:\n  On success,",
        "\n  expected  1 < registerSuccess\n  came      `pong`\n",
        "\nWhat goes wrong usually:\n  registerSuccess has no arguments",
        "\nMet: 1 of 13 stages. The stage's page: ptcat course --page 5\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn stages_pages_and_the_market_are_told() {
    let list = course(&["--list"]);
    assert_eq!(list.status.code(), Some(0));
    assert_eq!(text(&list).lines().count(), STAGES.len() + 1);
    let page = course(&["--page", "16"]);
    assert!(
        text(&page).starts_with("# Stage 16: kill\n"),
        "{}",
        text(&page)
    );
    let folder = folder();
    let lab = folder.path().join("lab");
    let written = course(&["--market", lab.to_str().unwrap()]);
    assert_eq!(written.status.code(), Some(0));
    assert_eq!(
        std::fs::read_to_string(lab.join("WALK.csv")).unwrap(),
        market::file("WALK")
    );
    // A market of the product, too.
    let checked = Command::new(program::find("papertrader-sandbox"))
        .args(["check-market", lab.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked));
    for wrong in [
        &["--page", "17"][..],
        &["--stage", "0", "--target", "h:1"],
        &["--target", "23049"],
        &["--target", "h:0"],
        &["--target", "h:1", "--from", "3", "--to", "2"],
        &["--target", "h:1", "--stage", "3", "--to", "4"],
        &[],
        &["--list", "--page", "1"],
    ] {
        assert_eq!(course(wrong).status.code(), Some(2), "{wrong:?}");
    }
}
