//! A worker whose system has fewer tasks or descriptors than its clients would take. It stays
//! linked, and says what is missing.

use papertrader::model::{OpenValue, ProtocolFault, Side};
use papertrader::testkit::deployment::DeploymentBuilder;
use papertrader::testkit::task_limit::TaskLimit;
use papertrader::testkit::trader::{hashed, register, trade, username};
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually, until};
use papertrader::wire::{FrameBuffer, FrameHeader, Reply, Request};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};
use std::io::{ErrorKind, Read};
use std::net::TcpStream;

/// Connections that say nothing, more than there is room for.
const CROWD: usize = 250;
/// How often the worker says that it is linked, in its log.
const LINKED: &str = "is open";

/// Connections that never say anything.
struct Crowd(Vec<TcpStream>);

impl Crowd {
    /// Connects so many.
    fn connect(address: &str, count: usize) -> Crowd {
        let connect = |_| {
            let socket = TcpStream::connect(address).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        Crowd((0..count).map(connect).collect())
    }

    /// How many are open still. Every other has been told `too-many-connections`, and was closed
    /// without a reset.
    fn open(&mut self) -> usize {
        self.0.retain_mut(|socket| {
            let mut bytes = [0; 1024];
            match socket.peek(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => true,
                Err(error) => panic!("no answer, but {error}"),
                Ok(_) => {
                    is_told(socket);
                    false
                }
            }
        });
        self.0.len()
    }
}

fn is_told(socket: &mut TcpStream) {
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
    let mut said = Vec::new();
    socket.read_to_end(&mut said).unwrap();
    let mut buffer = FrameBuffer::new();
    buffer.extend(&said);
    let (header, data) = buffer.next(FrameHeader::check).unwrap().expect("a frame");
    let reply = Reply::read(&header, data);
    assert!(
        matches!(
            reply,
            Ok(Reply::ProtocolError(
                OpenValue::Known(ProtocolFault::TooManyConnections),
                _
            ))
        ),
        "{reply:?}"
    );
}

/// A deployment whose worker is started by `prefix`.
fn deployment(prefix: Vec<String>) -> DeploymentBuilder {
    Deployment::builder().workers_under(prefix)
}

/// Restarts the master without its worker being told, and waits until the worker is linked again.
fn restart_master(deployment: &Deployment) {
    let links = || deployment.worker(1).log().matches(LINKED).count();
    // What the log says of the link before may be on its way still.
    until("the worker has linked", || links() > 0);
    let before = links();
    deployment.master().kill();
    deployment.master().start();
    until("the worker links again", || links() > before);
}

/// Somebody logs in and buys, among all who are silent.
fn somebody_trades(deployment: &Deployment, name: &str) {
    let mut client = eventually("somebody gets in", || {
        let mut client = deployment.connect(1);
        let pong = client.connection().call(&Request::Ping);
        pong.is_ok().then_some(client)
    });
    register(&mut client, name);
    client.login(&username(name), &hashed(name), false).unwrap();
    trade(&mut client, Side::Buy, "AAPL", "1").unwrap();
}

#[test]
fn a_worker_with_few_tasks_stays_linked_through_a_masters_restart() {
    let Some(tasks) = TaskLimit::new("few-tasks", 150) else {
        println!("skipped: no right to make control groups");
        return;
    };
    let deployment = deployment(tasks.prefix()).start();
    let said = deployment.worker(1).log();
    assert!(said.contains("systemd: TasksMax"), "{said}");
    let mut crowd = Crowd::connect(&deployment.worker(1).address(), CROWD);
    until("whom there is no room for is told", || crowd.open() < 130);
    let served = crowd.open();
    assert!(served > 60, "{served} of 150 tasks are clients'");
    restart_master(&deployment);
    somebody_trades(&deployment, "alice");
    crowd.open();
    assert!(tasks.used() <= 150);
}

#[test]
fn a_worker_that_the_system_gives_no_more_tasks_makes_room_for_its_link() {
    let Some(tasks) = TaskLimit::new("fewer-tasks", 100_000) else {
        println!("skipped: no right to make control groups");
        return;
    };
    let deployment = deployment(tasks.prefix()).start();
    let address = deployment.worker(1).address();
    let mut crowd = Crowd::connect(&address, 60);
    until("all are served", || tasks.used() > 70);
    // Another service of the machine has taken the rest.
    tasks.set(tasks.used() + 10);
    let mut late = Crowd::connect(&address, 30);
    eventually("the worker says what is missing", || {
        let said = deployment.worker(1).log();
        said.contains("the system has no more tasks").then_some(())
    });
    until("some are told", || late.open() < 30);
    restart_master(&deployment);
    somebody_trades(&deployment, "bob");
    crowd.open();
}

#[test]
fn a_worker_with_few_descriptors_stays_linked_through_a_masters_restart() {
    let prefix = ["prlimit", "--nofile=200:200"].map(str::to_owned).to_vec();
    let deployment = deployment(prefix).start();
    let said = deployment.worker(1).log();
    assert!(said.contains("systemd: LimitNOFILE"), "{said}");
    let mut crowd = Crowd::connect(&deployment.worker(1).address(), CROWD);
    until("whom there is no room for is told", || crowd.open() < 180);
    let served = crowd.open();
    assert!(served > 60, "{served} of 200 descriptors are clients'");
    restart_master(&deployment);
    somebody_trades(&deployment, "carol");
    // The system takes back what it had promised, and peers come until something is missing.
    let pid = Pid::from_raw(i32::try_from(deployment.worker(1).pid()).unwrap());
    let address = deployment.worker(1).address();
    let mut late = Crowd(Vec::new());
    eventually("the worker says what is missing", || {
        let open = u64::try_from(deployment.worker(1).resources().descriptors).unwrap();
        let limit = Rlimit {
            current: Some(open + 4),
            maximum: Some(200),
        };
        prlimit(pid, Resource::Nofile, limit).unwrap();
        if late.0.len() < CROWD {
            late.0.extend(Crowd::connect(&address, 10).0);
        }
        let said = deployment.worker(1).log();
        said.contains("the system has no more descriptors")
            .then_some(())
    });
    restart_master(&deployment);
    somebody_trades(&deployment, "dave");
    crowd.open();
    late.open();
    deployment.worker(1).signal(Signal::TERM);
}
