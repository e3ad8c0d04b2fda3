//! Sessions on many workers: what ends anywhere has ended everywhere, and who was away catches up.
//! Times are measured, printed, and held to what is promised.

use papertrader::client::Client;
use papertrader::model::{Money, SessionId, Symbol};
use papertrader::testkit::deployment::DeploymentBuilder;
use papertrader::testkit::trader::{hashed, reason, register, username};
use papertrader::testkit::{Deployment, Market, busy, eventually};
use rustix::process::Signal;
use std::time::{Duration, Instant};

/// Within this, what has ended is gone everywhere, and who is back knows what the others know.
const PROMISED: Duration = Duration::from_secs(1);

fn up() -> Symbol {
    Symbol::parse("UP").unwrap()
}

/// One unit dearer at each update: a price tells its update.
fn two_workers() -> DeploymentBuilder {
    Deployment::builder()
        .workers(2)
        .market(Market::seconds("UP", 1000, 4000))
}

/// A session as it is used on one worker: by a connection that has been in the data state, and by
/// new ones.
struct Watch<'a> {
    deployment: &'a Deployment,
    worker: u16,
    bound: Client,
    session: SessionId,
}

impl<'a> Watch<'a> {
    fn new(deployment: &'a Deployment, worker: u16, session: &SessionId) -> Watch<'a> {
        let mut bound = deployment.connect(worker);
        bound.resume(session).unwrap();
        bound.quote(up()).unwrap();
        Watch {
            deployment,
            worker,
            bound,
            session: session.clone(),
        }
    }

    fn is_active(&mut self) -> bool {
        let mut other = self.deployment.connect(self.worker);
        other.set_session(Some(self.session.clone()));
        let (bound, switched) = (self.bound.quote(up()), other.quote(up()));
        for refused in [&bound, &switched]
            .into_iter()
            .filter_map(|result| result.as_ref().err())
        {
            assert_eq!(refused.code(), "session-expired", "{refused}");
        }
        bound.is_ok() || switched.is_ok()
    }

    /// Waits until the session is gone here.
    fn gone(mut self) {
        eventually("the session is gone", || (!self.is_active()).then_some(()));
        let again = self.deployment.connect(self.worker).resume(&self.session);
        assert_eq!(reason(again), "session-expired");
    }
}

/// How long a session that has ended at `ended` lasts on both workers.
fn lasts(what: &str, watches: [Watch<'_>; 2], ended: Instant) {
    let took = std::thread::scope(|scope| {
        let waiting = watches.map(|watch| {
            scope.spawn(move || {
                watch.gone();
                ended.elapsed()
            })
        });
        waiting.map(|thread| thread.join().unwrap())
    });
    println!("service: {what}: gone after {took:?}");
    assert!(
        took.iter().all(|took| *took < busy(PROMISED)),
        "{what}: {took:?}"
    );
}

#[test]
fn what_ends_anywhere_is_gone_everywhere_within_a_second() {
    let deployment = two_workers().start();
    let on_both =
        |session: &SessionId| [1, 2].map(|worker| Watch::new(&deployment, worker, session));

    let mut client = deployment.trader(1, "logout");
    let watches = on_both(client.session().unwrap());
    client.logout().unwrap();
    lasts("a logout", watches, Instant::now());

    let client = deployment.trader(2, "ended");
    let watches = on_both(client.session().unwrap());
    deployment.done("sessions end --user ended");
    lasts("an administrator's end", watches, Instant::now());

    let mut client = deployment.connect(1);
    register(&mut client, "closed");
    client
        .login(&username("closed"), &hashed("closed"), true)
        .unwrap();
    let watches = on_both(client.session().unwrap());
    drop(client);
    lasts(
        "an expirable session's closed connection",
        watches,
        Instant::now(),
    );
}

#[test]
fn what_expires_is_gone_everywhere_within_a_second() {
    const LIFETIME: Duration = Duration::from_secs(3);
    let deployment = two_workers().set("session_lifetime", "3s").start();
    let before = Instant::now();
    let client = deployment.trader(1, "alice");
    let after = Instant::now();
    let session = client.session().unwrap();
    let mut watches = [1, 2].map(|worker| Watch::new(&deployment, worker, session));
    if after.elapsed() < LIFETIME / 2 {
        assert!(
            watches.iter_mut().all(Watch::is_active),
            "it ends before its time"
        );
    }
    lasts("a session that expires", watches, after + LIFETIME);
    assert!(before.elapsed() >= LIFETIME, "it ends before its time");
}

/// Alice's session ends on the first worker while the second one is away; Bob watches prices on
/// both.
struct Absence {
    alice: Client,
    bob: SessionId,
}

impl Absence {
    fn new(deployment: &Deployment) -> Absence {
        let alice = deployment.trader(1, "alice");
        let bob = deployment.trader(1, "bob").session().unwrap().clone();
        Absence { alice, bob }
    }

    fn price(&self, deployment: &Deployment, worker: u16) -> Money {
        let mut client = deployment.connect(worker);
        client.set_session(Some(self.bob.clone()));
        client.quote(up()).unwrap().value
    }

    /// The second worker is back since `back`: how long it takes to know what the first one knows.
    fn caught_up(&self, what: &str, deployment: &Deployment, mut alice: Watch<'_>, back: Instant) {
        let now = self.price(deployment, 1);
        eventually("the prices are here", || {
            (self.price(deployment, 2) >= now).then_some(())
        });
        let prices = back.elapsed();
        eventually("the session is gone", || (!alice.is_active()).then_some(()));
        let session = back.elapsed();
        println!(
            "service: {what}: prices after {prices:?}, the ended session gone after {session:?}"
        );
        assert!(
            prices < busy(PROMISED) && session < busy(PROMISED),
            "{what}: {prices:?}, {session:?}"
        );
        alice.gone();
    }
}

/// Waits until so many updates have passed.
fn updates(absence: &Absence, deployment: &Deployment, count: i64) {
    let before = absence.price(deployment, 1);
    eventually("updates pass", || {
        (absence.price(deployment, 1).0 >= before.0 + count * 1_000_000).then_some(())
    });
}

#[test]
fn a_worker_that_was_halted_catches_up_within_a_second() {
    let deployment = two_workers().start();
    let mut absence = Absence::new(&deployment);
    let session = absence.alice.session().unwrap().clone();
    let watch = Watch::new(&deployment, 2, &session);
    deployment.worker(2).signal(Signal::STOP);
    absence.alice.logout().unwrap();
    updates(&absence, &deployment, 5);
    deployment.worker(2).signal(Signal::CONT);
    absence.caught_up("halted for a second", &deployment, watch, Instant::now());
}

#[test]
fn a_worker_whose_link_was_cut_meanwhile_catches_up_within_a_second() {
    let deployment = two_workers().start();
    let mut absence = Absence::new(&deployment);
    let session = absence.alice.session().unwrap().clone();
    let watch = Watch::new(&deployment, 2, &session);
    deployment.worker(2).signal(Signal::STOP);
    // The master has heard nothing for 15 s.
    deployment.await_state("worker-2", "away");
    absence.alice.logout().unwrap();
    updates(&absence, &deployment, 5);
    deployment.worker(2).signal(Signal::CONT);
    deployment.await_state("worker-2", "connected");
    absence.caught_up(
        "away until linked again",
        &deployment,
        watch,
        Instant::now(),
    );
}

#[test]
fn a_worker_that_was_killed_comes_back_with_what_the_others_know() {
    let deployment = two_workers().start();
    let mut absence = Absence::new(&deployment);
    let session = absence.alice.session().unwrap().clone();
    drop(Watch::new(&deployment, 2, &session));
    deployment.worker(2).kill();
    absence.alice.logout().unwrap();
    updates(&absence, &deployment, 5);
    deployment.worker(2).start();
    let back = Instant::now();
    let mut bound = deployment.connect(2);
    bound.set_session(Some(session.clone()));
    let alice = Watch {
        deployment: &deployment,
        worker: 2,
        bound,
        session,
    };
    absence.caught_up("killed, and started again", &deployment, alice, back);
}
