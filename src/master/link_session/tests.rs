//! spec/master/link_session.md · 4.3.1 Master-Worker Server Connection, 3.1.5

use super::*;
use crate::link::handshake::{BudgetLimits, GpgBudget};
use crate::link::keyring::testing::{TempHome, parties};
use crate::link::message::{self, WorkerAbout};
use crate::master::testing::{FakeLink, MasterRig, login, quantity, reason, symbol};
use crate::model::{Reason, SessionId, Side};
use crate::wire::{ConnectionState, Reply};
use crossbeam_channel::Receiver;

fn rig() -> (MasterRig, FakeLink) {
    let mut rig = MasterRig::new();
    let link = rig.link("eu1");
    (rig, link)
}

/// What a message is taken for that holds these frames.
fn decoded(
    link: &FakeLink,
    sequence: u64,
    fill: impl FnOnce(&mut Vec<u8>),
) -> Result<Option<(ReplyTo, LinkRequest)>, ValueError> {
    let mut body = Vec::new();
    fill(&mut body);
    let envelope = LinkMessage {
        header: link.header(sequence),
        body: &body,
    };
    let mut sequences = SequenceHistory::default().enter(link.peer.worker.uuid, link.peer.boot);
    decode(&link.peer, &mut sequences, &envelope)
}

fn asked(link: &FakeLink, request: &Request) -> Result<Option<(ReplyTo, LinkRequest)>, ValueError> {
    decoded(link, 5, |out| request.write(out))
}

fn session() -> SessionId {
    SessionId::from_bytes([3; 32])
}

fn report() -> WorkerReport {
    WorkerReport {
        version: "test".into(),
        uptime: 1,
        connections: 2,
        sessions: 3,
        cached: 4,
        cached_bytes: 5,
        parked: 6,
        about: WorkerAbout::default(),
    }
}

// --- one message
// -----------------------------------------------------------------------------------------

#[test]
fn a_clients_request_goes_to_auth_or_to_assets_with_the_way_back() {
    let (_rig, link) = rig();
    let (reply_to, request) = asked(&link, &login("alice", true)).unwrap().unwrap();
    assert!(matches!(
        request,
        LinkRequest::Auth(AuthRequest::Request(Request::Login { .. }))
    ));
    assert_eq!((reply_to.sequence, reply_to.again), (5, false));
    assert_eq!(reply_to.client, link.header(5).client);
    let order = Request::Order {
        session: session(),
        side: Side::Sell,
        symbol: symbol("AAPL"),
        quantity: quantity("1"),
        id: None,
    };
    let (_, request) = asked(&link, &order).unwrap().unwrap();
    assert!(matches!(request, LinkRequest::Auth(AuthRequest::Request(read)) if read == order));
    let (_, request) = asked(&link, &Request::AssetList).unwrap().unwrap();
    assert!(matches!(request, LinkRequest::Asset(Request::AssetList)));
}

#[test]
fn a_message_that_comes_again_says_so() {
    let (_rig, link) = rig();
    let again = |out: &mut Vec<u8>| {
        frame::write_binary(out, Instruction::LinkAgain, &[]);
        Request::AssetList.write(out);
    };
    let (reply_to, _) = decoded(&link, 5, again).unwrap().unwrap();
    assert!(reply_to.again);
    let only = |out: &mut Vec<u8>| frame::write_binary(out, Instruction::LinkAgain, &[]);
    assert!(decoded(&link, 5, only).is_err(), "nothing comes again");
}

#[test]
fn what_a_worker_says_for_itself_is_read() {
    let (_rig, link) = rig();
    let hash = session().hash();
    let say = |instruction, bytes: Vec<u8>| {
        decoded(&link, 5, move |out| {
            frame::write_binary(out, instruction, &bytes);
        })
    };
    let (_, request) = say(Instruction::LinkReport, report().to_bytes())
        .unwrap()
        .unwrap();
    assert!(matches!(request, LinkRequest::Report(read) if read == report()));
    let (_, request) = say(Instruction::LinkSession, hash.0.to_vec())
        .unwrap()
        .unwrap();
    assert!(matches!(request, LinkRequest::Auth(AuthRequest::Session(read)) if read == hash));
    let hashes = SessionHashes(vec![hash]).to_bytes();
    let (_, request) = say(Instruction::LinkConnectionClosed, hashes)
        .unwrap()
        .unwrap();
    assert!(matches!(
        request,
        LinkRequest::Auth(AuthRequest::ConnectionClosed(read)) if read == [hash]
    ));
    for (instruction, bytes) in [
        (Instruction::LinkReport, vec![1]),
        (Instruction::LinkSession, vec![1; 31]),
        (Instruction::LinkConnectionClosed, vec![1; 33]),
    ] {
        assert!(say(instruction, bytes).is_err(), "{instruction}");
    }
}

#[test]
fn what_a_worker_answers_itself_and_what_no_client_sends_is_nonsense() {
    let (_rig, link) = rig();
    let switch = Request::SwitchState {
        session: session(),
        state: ConnectionState::Data,
    };
    for request in [switch, Request::Ping, Request::Pong, Request::GetWorkerList] {
        assert!(asked(&link, &request).is_err(), "{request:?}");
    }
    let reply = |out: &mut Vec<u8>| Reply::LogoutSuccess.write(out);
    assert!(decoded(&link, 5, reply).is_err(), "a server's reply");
    let foreign = |out: &mut Vec<u8>| message::write(out, Instruction::LinkPrices, &report());
    assert!(decoded(&link, 5, foreign).is_err(), "a master's push");
    assert!(decoded(&link, 5, |_| {}).is_err(), "no frame");
    assert!(
        decoded(&link, 5, |out| out.extend_from_slice(&[0; 17])).is_err(),
        "no frame's bytes"
    );
    let unnumbered = decoded(&link, 0, |out| Request::AssetList.write(out));
    assert!(unnumbered.is_err(), "no number to answer under");
}

#[test]
fn a_request_whose_arguments_are_wrong_is_answered_here() {
    let (_rig, mut link) = rig();
    let bad = |out: &mut Vec<u8>| frame::write(out, Instruction::GetAssetInfo, &["!"]);
    assert!(decoded(&link, 9, bad).unwrap().is_none());
    let reply = link.reply(9);
    assert_eq!(reason(&reply), Reason::UnknownAsset);
}

#[test]
fn a_worker_may_prove_itself_under_its_uuid_from_its_address() {
    let (mut rig, link) = rig();
    let (uuid, ip) = (link.peer.worker.uuid, link.peer.worker.ip);
    let found = |rig: &MasterRig, uuid, ip| registered_worker(&rig.shared.registry, uuid, ip);
    assert_eq!(found(&rig, uuid, ip).unwrap().name, "eu1");
    let mapped: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    assert!(found(&rig, uuid, mapped).is_ok());
    let why = |result: Result<RegisteredWorker, HandshakeError>| result.unwrap_err().as_str();
    assert_eq!(
        why(found(&rig, Uuid::nil(), ip)),
        HandshakeError::UnknownUuid.as_str()
    );
    assert_eq!(why(found(&rig, uuid, [127, 0, 0, 2].into())), "wrong-ip");
    let (sender, answer) = bounded(1);
    let boot = WorkersMessage::Boot("eu1".into(), sender);
    crate::runtime::Module::on_message(&mut rig.workers, boot);
    answer.try_recv().unwrap().unwrap();
    assert!(found(&rig, uuid, ip).is_ok(), "it is told inside the link");
}

// --- a link's life
// ---------------------------------------------------------------------------------------

/// What a link's thread needs, with the ends of its channels.
struct Context {
    sessions: LinkSessions,
    router: Receiver<RouterMessage>,
    workers: Receiver<WorkersMessage>,
    /// Whether workers admits who links.
    admits: bool,
    _home: TempHome,
}

fn context(rig: &MasterRig) -> Context {
    let home = parties().master.home(&[]);
    let budget = GpgBudget::new(BudgetLimits::default());
    let identity =
        MasterIdentity::new(home.keyring.clone(), parties().master.fingerprint, budget).unwrap();
    let ((to_router, router), (to_workers, workers)) = (bounded(8), bounded(8));
    Context {
        sessions: LinkSessions {
            identity,
            shared: rig.shared.clone(),
            router: to_router,
            workers: to_workers,
            sequences: SequenceHistory::default(),
            flusher: Flusher::new().unwrap(),
            refusals: Arc::default(),
            throttle: Throttle::new(100, Duration::from_secs(60)),
            stands_by: false,
            stop: Stop::new(),
        },
        router,
        workers,
        admits: true,
        _home: home,
    }
}

impl Context {
    /// Runs a link to its end, while what workers is told is answered; what it was told.
    fn run(&self, link: &mut FakeLink) -> Vec<&'static str> {
        let session = LinkSession {
            context: &self.sessions,
            link: Arc::clone(&link.peer.link),
            uuid: link.peer.worker.uuid,
            introduced: None,
        };
        let opener = link.masters_opener.take().unwrap();
        std::thread::scope(|scope| {
            let running = scope.spawn(|| session.run(opener, Vec::new()));
            let mut told = Vec::new();
            while !running.is_finished() || !self.workers.is_empty() {
                match self.workers.recv_timeout(Duration::from_millis(5)) {
                    Ok(WorkersMessage::Linked(_, done)) => {
                        told.push("linked");
                        done.send(self.admits).unwrap();
                    }
                    Ok(WorkersMessage::Unlinked(_)) => told.push("unlinked"),
                    Ok(other) => panic!("{other:?}"),
                    Err(_) => {}
                }
            }
            told
        })
    }

    fn refusals(&self, reason: &str) -> u64 {
        self.sessions
            .refusals
            .lock()
            .get(reason)
            .copied()
            .unwrap_or(0)
    }

    /// The numbers of the messages that the router was given, by read.
    fn passed_on(&self) -> Vec<u64> {
        self.router
            .try_iter()
            .flat_map(|RouterMessage(requests)| requests)
            .map(|(reply_to, _)| reply_to.sequence)
            .collect()
    }
}

fn ask(link: &mut FakeLink, sequence: u64, request: &Request) {
    let header = link.header(sequence);
    link.say(&header, |out| request.write(out));
}

#[test]
fn a_link_is_introduced_by_its_first_message_and_read_until_it_is_cut() {
    let (mut rig, first) = rig();
    let context = context(&rig);
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    ask(&mut link, 1, &Request::AssetList);
    ask(&mut link, 2, &login("alice", false));
    link.cut_sending();
    assert_eq!(context.run(&mut link), ["linked", "unlinked"]);
    assert_eq!(context.passed_on(), [1, 2]);
    assert_eq!(context.refusals(RecordError::Cut.as_str()), 1);
    rig.run();
}

#[test]
fn a_link_that_says_what_no_worker_says_is_cut() {
    let (rig, first) = rig();
    let context = context(&rig);
    let switch = Request::SwitchState {
        session: session(),
        state: ConnectionState::Command,
    };
    for (count, request) in [switch, Request::Ping].iter().enumerate() {
        let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
        ask(&mut link, 1, &Request::AssetList);
        ask(&mut link, 2, request);
        assert_eq!(context.run(&mut link), ["linked", "unlinked"]);
        assert_eq!(
            context.refusals(NONSENSE_REASON),
            count as u64 + 1,
            "{request:?}"
        );
        link.heard();
        assert!(link.is_over);
    }
}

#[test]
fn a_boot_id_that_changes_within_a_link_cuts_it() {
    let (rig, first) = rig();
    let context = context(&rig);
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    ask(&mut link, 1, &Request::AssetList);
    let mut header = link.header(2);
    header.boot = Uuid::from_u128(9);
    link.say(&header, |out| Request::AssetList.write(out));
    context.run(&mut link);
    assert_eq!(context.refusals(NONSENSE_REASON), 1);
}

#[test]
fn a_worker_that_is_registered_no_more_is_not_introduced() {
    let (rig, _first) = rig();
    let context = context(&rig);
    let mut stranger = rig.shared.registry.load().by_name("eu1").cloned().unwrap();
    stranger.uuid = Uuid::from_u128(77);
    let mut link = rig.open_link(&stranger, Uuid::from_u128(8));
    ask(&mut link, 1, &Request::AssetList);
    assert_eq!(context.run(&mut link), [""; 0]);
    assert!(context.passed_on().is_empty());
}

#[test]
fn a_master_that_stops_leaves_a_full_router() {
    let (rig, first) = rig();
    let mut context = context(&rig);
    let (router, inbox) = bounded(0);
    context.sessions.router = router;
    context.sessions.stop.request();
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    ask(&mut link, 1, &Request::AssetList);
    assert_eq!(context.run(&mut link), ["linked", "unlinked"]);
    assert!(inbox.is_empty());
}

#[test]
fn numbers_rise_over_all_links_of_a_process_or_the_link_is_cut() {
    let (rig, first) = rig();
    let context = context(&rig);
    let boot = Uuid::from_u128(8);
    let try_numbers = |context: &Context, boot, numbers: &[u64]| {
        let mut link = rig.open_link(&first.peer.worker, boot);
        for number in numbers {
            ask(&mut link, *number, &Request::AssetList);
        }
        link.cut_sending();
        let before = context.refusals(NONSENSE_REASON);
        context.run(&mut link);
        (
            context.passed_on(),
            context.refusals(NONSENSE_REASON) - before,
        )
    };
    let highest = i64::MAX as u64;
    // A gap is no fault: messages are lost with a link.
    assert_eq!(try_numbers(&context, boot, &[3, 4, 9]), (vec![3, 4, 9], 0));
    assert_eq!(try_numbers(&context, boot, &[10, 10]), (vec![], 1));
    assert_eq!(try_numbers(&context, boot, &[12, 11]), (vec![], 1));
    // What an earlier link brought is known.
    assert_eq!(try_numbers(&context, boot, &[12]), (vec![], 1));
    assert_eq!(try_numbers(&context, boot, &[13]), (vec![13], 0));
    // Another process begins anew.
    let next = Uuid::from_u128(9);
    assert_eq!(try_numbers(&context, next, &[1]), (vec![1], 0));
    assert_eq!(try_numbers(&context, next, &[highest]), (vec![highest], 0));
    assert_eq!(try_numbers(&context, next, &[highest]), (vec![], 1));
    let other = Uuid::from_u128(10);
    assert_eq!(try_numbers(&context, other, &[highest + 1]), (vec![], 1));
    assert_eq!(try_numbers(&context, other, &[u64::MAX]), (vec![], 1));
}

#[test]
fn a_message_that_comes_again_has_a_number_of_its_own_past() {
    let (rig, first) = rig();
    let context = context(&rig);
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    let again = |link: &mut FakeLink, number| {
        let header = link.header(number);
        link.say(&header, |out| {
            frame::write_binary(out, Instruction::LinkAgain, &[]);
            Request::AssetList.write(out);
        });
    };
    ask(&mut link, 5, &Request::AssetList);
    again(&mut link, 5);
    again(&mut link, 2);
    ask(&mut link, 6, &Request::AssetList);
    link.cut_sending();
    context.run(&mut link);
    assert_eq!(context.passed_on(), [5, 5, 2, 6]);
    assert_eq!(context.refusals(NONSENSE_REASON), 0);
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    again(&mut link, 1 << 63);
    context.run(&mut link);
    assert_eq!(context.refusals(NONSENSE_REASON), 1);
}

#[test]
fn nothing_of_a_booted_worker_is_passed_on() {
    let (rig, first) = rig();
    let mut context = context(&rig);
    context.admits = false;
    let mut link = rig.open_link(&first.peer.worker, Uuid::from_u128(8));
    ask(&mut link, 1, &Request::AssetList);
    ask(&mut link, 2, &login("alice", false));
    link.cut_sending();
    assert_eq!(context.run(&mut link), ["linked"]);
    assert!(context.passed_on().is_empty());
    assert_eq!(context.refusals(BOOTED_REASON), 1);
}
