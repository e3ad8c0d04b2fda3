//! All dialogues through plain `nc`: it carries the bytes of each connection, and a dialogue's hooks
//! are run beside it.

use crate::protocol::fixture_needs::FixtureRig;
use papertrader::dialogue::filter::follower::RequestFollower;
use papertrader::dialogue::filter::pipe::PipePeer;
use papertrader::dialogue::filter::{self, Requests};
use papertrader::dialogue::peer::{ConnectionRecorder, Peer};
use papertrader::dialogue::script::{Script, StepAction};
use papertrader::dialogue::servers::{Dialer, Servers};
use papertrader::dialogue::{Runner, Variables, fixtures};
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// -N: an end of what is sent becomes an end of the connection's sending side.
const COMMAND: &str = "exec nc -N %h %p";

/// Reaches the servers through nc, and keeps the bytes of each connection.
struct NcDialer<'a> {
    servers: Servers,
    rig: Option<&'a mut FixtureRig>,
    /// In the order of the dialogue's `connect` lines.
    recorders: Vec<ConnectionRecorder>,
}

impl Dialer for NcDialer<'_> {
    fn connect(&mut self, target: &str, _within: Duration) -> Result<Box<dyn Peer>, String> {
        let mut peer = PipePeer::spawn(COMMAND, &self.servers.resolve(target)?)?;
        let recorder = ConnectionRecorder::default();
        peer.record(recorder.clone());
        self.recorders.push(recorder);
        Ok(Box::new(peer))
    }

    fn hook(&mut self, name: &str) -> Result<(), String> {
        match &mut self.rig {
            Some(rig) => rig.hook(name),
            None => Err(format!("{name}: nobody does it here")),
        }
    }
}

/// Runs the dialogue through nc. Then `ptcat decode` must read what came on each connection by the
/// dialogue alone, as well as by the bytes that were sent. How many connections there were.
pub fn run_through_nc(
    script: &Script,
    servers: &Servers,
    rig: Option<&mut FixtureRig>,
    within: Duration,
) -> Result<usize, String> {
    let mut dialer = NcDialer {
        servers: servers.clone(),
        rig,
        recorders: Vec::new(),
    };
    Runner::new(&mut dialer, Variables::new(), within)
        .run(script)
        .map_err(|difference| difference.to_string())?;
    let numbers = script.steps.iter().filter_map(|step| match step.action {
        StepAction::Connect(number, _) => Some(number),
        _ => None,
    });
    // What a dialogue includes stands in its place, as `ptcat decode` reads it.
    let (_, text) = fixtures::dialogues()
        .find(|(name, _)| *name == script.name)
        .unwrap();
    let written = if Script::has_includes(text) {
        script.to_string()
    } else {
        text.to_owned()
    };
    for (number, recorder) in numbers.zip(&dialer.recorders) {
        let bytes = recorder.take().remove(0);
        let decoded = |requests| {
            let mut out = Vec::new();
            let outcome = filter::decode(&bytes.received[..], requests, &mut out);
            (String::from_utf8(out).unwrap(), outcome.is_ok())
        };
        let follower = RequestFollower::new(written.as_bytes(), Some(number), Variables::new());
        let (alone, with_bytes) = (
            decoded(Requests::Dialogue(Box::new(follower))),
            decoded(Requests::Sent(bytes.sent.clone())),
        );
        if alone != with_bytes {
            return Err(format!(
                "{}: connection {number} is decoded as\n{alone:?}\nby the dialogue, and as\n{with_bytes:?}\nby the bytes",
                script.name
            ));
        }
    }
    Ok(dialer.recorders.len())
}

/// Runs a dialogue of one connection by the pipeline that a tester writes; `decode` reads the same
/// bytes by the dialogue alone.
pub fn pipeline(script: &Script, address: &str, within: Duration) -> Result<(), String> {
    let (host, port) = address.rsplit_once(':').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ptcat = papertrader::testkit::program::find("ptcat");
    let ptcat = ptcat.display();
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(&script.name);
    let line = format!(
        "set -o pipefail; r={}/r; mkfifo $r; {ptcat} encode --replies $r --within {}s \
         | nc -N {host} {port} | tee $r | {ptcat} decode --requests {}",
        folder.path().display(),
        within.as_secs(),
        file.display()
    );
    // What hangs is a failure.
    let out = Command::new("timeout")
        .args(["-k", "5", "300", "bash", "-c", &line])
        .current_dir(file.parent().unwrap())
        .stdin(File::open(&file).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    let lines = String::from_utf8(out.stdout).unwrap();
    let least = script
        .steps
        .iter()
        .filter(|step| matches!(step.action, StepAction::Expect(..) | StepAction::Notice(..)))
        .count();
    if !out.status.success() || lines.lines().count() < least || lines.contains("malformed") {
        return Err(format!("{}: {}: {said}\n{lines}", script.name, out.status));
    }
    Ok(())
}
