//! spec/bench/account_times.md · 3.1.3 Account Management & Authorization
//!
//! Measures whether the time of an answer tells a stranger what account there is: of logins with a
//! wrong password, and of requests for a code.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::Scale;
use super::measure::{MeasuredRatio, median};
use super::table::{Figure, Goal, ResultRow};
use crate::client::third_party::ThirdPartyProgress;
use crate::client::{Client, ClientError};
use crate::model::{
    Email, HashedPass, IdentityProviderName, Reason, SignInMethod, Username, UsernameOrEmail,
};
use crate::testkit::Deployment;
use crate::testkit::mock_provider::{CLIENT_ID, CLIENT_SECRET, MockProvider};
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Tries of each kind that count.
const ROUNDS: usize = 200;
/// Rounds before them, which do not count.
const WARM_UP_ROUNDS: usize = 5;
/// The cost of old hashes; new ones have one more.
const OLD_COST: i64 = 9;
/// The medians of two kinds may differ by this part, in thousandths.
const DIFFERENCE_GOAL: MeasuredRatio = MeasuredRatio(50);
/// Or by this time.
const DIFFERENCE_TIME_GOAL: Duration = Duration::from_millis(1);
/// The failed logins that the master's limits let through.
const FAILED_LOGINS_MAX: i64 = 1_000_000;
/// How often to ask for the provider's word, and for how long.
const SIGN_IN_INTERVAL: Duration = Duration::from_millis(100);
const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(60);

/// What a name stands for. The first is what the others are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Known,
    /// Another of the first kind: what the machine alone does to the times.
    KnownToo,
    Unknown,
    Locked,
    ThirdPartyOnly,
    OldCost,
}

const KINDS: [Kind; 6] = [
    Kind::Known,
    Kind::KnownToo,
    Kind::Unknown,
    Kind::Locked,
    Kind::ThirdPartyOnly,
    Kind::OldCost,
];

impl Kind {
    fn title(self) -> &'static str {
        match self {
            Kind::Known => "a known name",
            Kind::KnownToo => "another known name",
            Kind::Unknown => "an unknown name",
            Kind::Locked => "a locked account",
            Kind::ThirdPartyOnly => "an account without a password",
            Kind::OldCost => "a hash of an older cost",
        }
    }

    /// A name of this kind. An unknown one is another in each round.
    fn name(self, round: usize) -> String {
        match self {
            Kind::Known => "known".to_owned(),
            Kind::KnownToo => "known-too".to_owned(),
            Kind::Unknown => format!("nobody-{round}"),
            Kind::Locked => "locked".to_owned(),
            Kind::ThirdPartyOnly => "without".to_owned(),
            Kind::OldCost => "old".to_owned(),
        }
    }
}

/// Measures logins with a wrong password, then requests for a code.
///
/// # Errors
/// A server fails, or sends a wrong reply.
pub fn measure(scale: &Scale, tell: &dyn Fn(&str)) -> Result<Vec<ResultRow>, String> {
    let cost = if scale.is_short { 4 } else { OLD_COST };
    let rounds = if scale.is_short { 3 } else { ROUNDS };
    let provider = MockProvider::start();
    let deployment = deployment(&provider)?;
    fill(&deployment, cost)?;
    let mut client = connect(&deployment)?;
    tell(&format!("account times: {rounds} logins of each kind …"));
    let wrong = pass("b")?;
    let mut login = |name: &Username| match client.login(name, &wrong, false) {
        Err(ClientError::Refused(refusal))
            if refusal.reason == Reason::BadCredentials
                || refusal.reason == Reason::ThirdPartyLogin =>
        {
            Ok(())
        }
        other => Err(format!("a login of {name}: {other:?}")),
    };
    let mut rows = compare("login", scale, rounds, &mut login)?;
    tell(&format!("account times: {rounds} requests of each kind …"));
    let mut client = connect(&deployment)?;
    let mut request = |name: &Username| {
        let asked = UsernameOrEmail::parse(name.as_str()).map_err(|e| e.to_string())?;
        client.request_reset(&asked).map_err(|e| e.to_string())
    };
    rows.extend(compare("request for a code", scale, rounds, &mut request)?);
    Ok(rows)
}

/// Asks about all kinds in turn, in another order each time, and compares the medians.
fn compare(
    what: &str,
    scale: &Scale,
    rounds: usize,
    ask: &mut dyn FnMut(&Username) -> Result<(), String>,
) -> Result<Vec<ResultRow>, String> {
    let mut times = vec![Vec::with_capacity(rounds); KINDS.len()];
    for round in 0..rounds + WARM_UP_ROUNDS {
        let mut order: Vec<usize> = (0..KINDS.len()).collect();
        let mut ranks = [0; KINDS.len()];
        getrandom::fill(&mut ranks).map_err(|e| e.to_string())?;
        order.sort_by_key(|at| ranks[*at]);
        for at in order {
            let name = Username::parse(&KINDS[at].name(round)).map_err(|e| e.to_string())?;
            let began = Instant::now();
            ask(&name)?;
            let took = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            if round >= WARM_UP_ROUNDS {
                times[at].push(took);
            }
        }
    }
    let most = u64::try_from(DIFFERENCE_TIME_GOAL.as_nanos()).unwrap_or(u64::MAX);
    let goal = Goal::Within(DIFFERENCE_GOAL, Figure::Nanoseconds(most));
    let known = median(&times[0]);
    let row = |at: usize| {
        let turns = times[at].iter().zip(&times[0]);
        let ratios: Vec<_> = turns
            .map(|(one, other)| MeasuredRatio::of(*one, *other))
            .collect();
        ResultRow {
            what: format!(
                "{what}, {}; theirs: {}",
                KINDS[at].title(),
                KINDS[0].title()
            ),
            ours: Figure::Nanoseconds(median(&times[at]).unwrap_or(0)),
            theirs: known.map(Figure::Nanoseconds),
            ratio: median(&ratios),
            goal: (!scale.is_short).then_some(goal),
        }
    };
    Ok((1..KINDS.len()).map(row).collect())
}

/// A deployment that does not run, whose limits let all failed logins through, with a provider of
/// identities and a mail server.
fn deployment(provider: &MockProvider) -> Result<Deployment, String> {
    let mut kit = Deployment::builder().in_a_file();
    for limit in [
        "failed_logins_per_minute",
        "failed_logins_per_minute_per_address",
        "failed_logins_per_hour_per_name",
        "failed_logins_per_minute_per_worker",
    ] {
        kit = kit.set(&format!("limits.{limit}"), FAILED_LOGINS_MAX);
    }
    let mails = take_mails().map_err(|e| e.to_string())?;
    let kit = kit
        .set("mail.url", format!("smtp://127.0.0.1:{mails}"))
        .set("mail.from", "no-reply@example.org")
        .try_make()
        .map_err(|e| e.to_string())?;
    kit.set_provider("mock", &provider.issuer(), (CLIENT_ID, CLIENT_SECRET));
    Ok(kit)
}

/// Makes an account of each kind, and leaves the deployment running at the new cost.
fn fill(deployment: &Deployment, old_cost: i64) -> Result<(), String> {
    let start = |cost: i64| {
        deployment.master().set("accounts.bcrypt_cost", cost);
        deployment.try_start_all().map_err(|e| e.to_string())
    };
    start(old_cost)?;
    register(&mut connect(deployment)?, Kind::OldCost)?;
    deployment.stop_all();
    start(old_cost + 1)?;
    let mut client = connect(deployment)?;
    for kind in [Kind::Known, Kind::KnownToo, Kind::Locked] {
        register(&mut client, kind)?;
    }
    register_without(&mut client)?;
    let locked = deployment.ctl(&format!("accounts lock {}", Kind::Locked.name(0)));
    if !locked.status.success() {
        return Err(String::from_utf8_lossy(&locked.stderr).into_owned());
    }
    Ok(())
}

fn connect(deployment: &Deployment) -> Result<Client, String> {
    let address = deployment.worker(1).address();
    Client::open(&address, &crate::client::ConnectOptions::default(), None)
        .map_err(|e| e.to_string())
}

fn register(client: &mut Client, kind: Kind) -> Result<(), String> {
    let (username, email) = account(kind)?;
    let registered = client.register(&username, &email, &pass("a")?);
    registered.map(drop).map_err(|e| e.to_string())
}

/// Makes the account without a password, which the provider's person has.
fn register_without(client: &mut Client) -> Result<(), String> {
    let provider = IdentityProviderName::parse("mock").map_err(|e| e.to_string())?;
    let start = client
        .begin_third_party(&provider, SignInMethod::Device, None)
        .map_err(|e| e.to_string())?;
    let began = Instant::now();
    loop {
        match client.await_third_party(&start.handle) {
            Ok(ThirdPartyProgress::Pending) if began.elapsed() < SIGN_IN_TIMEOUT => {
                std::thread::sleep(SIGN_IN_INTERVAL);
            }
            Ok(ThirdPartyProgress::Unknown(_)) => break,
            other => return Err(format!("a sign-in: {other:?}")),
        }
    }
    let (username, email) = account(Kind::ThirdPartyOnly)?;
    client
        .register_third_party(&start.handle, &username, Some(&email))
        .map_err(|e| e.to_string())?;
    Ok(())
}

fn account(kind: Kind) -> Result<(Username, Email), String> {
    let name = kind.name(0);
    let email = Email::parse(&format!("{name}@example.org")).map_err(|e| e.to_string())?;
    let username = Username::parse(&name).map_err(|e| e.to_string())?;
    Ok((username, email))
}

/// A made-up hashedPass of one digit.
fn pass(digit: &str) -> Result<HashedPass, String> {
    HashedPass::parse(&digit.repeat(64)).map_err(|e| e.to_string())
}

/// Takes all mails that come to the port that it returns, and keeps none, until the program ends.
fn take_mails() -> io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    let serve = move || {
        for stream in listener.incoming().flatten() {
            // A mail server that has gone is no failure of the measurement.
            let _ = take_mail(stream);
        }
    };
    std::thread::Builder::new()
        .name("mails".to_owned())
        .spawn(serve)?;
    Ok(port)
}

/// Speaks SMTP, to the end of a connection.
fn take_mail(stream: TcpStream) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    out.write_all(b"220 bench\r\n")?;
    let mut is_text = false;
    for line in BufReader::new(stream).lines() {
        let line = line?;
        let answer = match line.get(..4) {
            _ if is_text && line != "." => continue,
            Some("DATA") => "354 go on",
            Some("QUIT") => "221 bye",
            _ => "250 taken",
        };
        is_text = answer.starts_with("354");
        out.write_all(format!("{answer}\r\n").as_bytes())?;
    }
    Ok(())
}
