//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! Sign-ins with a clock that the test moves; who waits is a word.

use super::*;
use crate::model::Identity;

fn origin(last: u8) -> SignInOrigin {
    SignInOrigin {
        worker: Uuid::nil(),
        near: Neighbourhood::of([10, 0, 0, last].into()),
    }
}

fn handle(number: u16) -> SignInHandle {
    let mut bytes = [0; 32];
    bytes[..2].copy_from_slice(&number.to_be_bytes());
    SignInHandle::from_bytes(bytes)
}

fn session(byte: u8) -> SessionHash {
    SessionHash([byte; 32])
}

fn flow(expires: Instant) -> BegunFlow {
    BegunFlow {
        user_code: None,
        url: "https://id.example/".to_owned(),
        poll: Duration::from_secs(5),
        expires,
    }
}

fn ada() -> VouchedPerson {
    VouchedPerson {
        identity: Identity {
            issuer: "https://id.example".to_owned(),
            subject: "ada".to_owned(),
        },
        suggestion: None,
    }
}

fn vouched() -> Result<SignInProgress, SignInError> {
    Ok(SignInProgress::Vouched(ada()))
}

fn repeated(session: Option<SessionHash>) -> Result<SignInProgress, SignInError> {
    Ok(SignInProgress::Repeated(ada(), session))
}

type Table = SignIns<&'static str>;

fn begin(table: &mut Table, method: SignInMethod, number: u16, now: Instant) -> SignInNumber {
    let secrets = (handle(number), SecretText("state".to_owned()));
    table
        .begin("begins", (0, method), origin(1), secrets, now)
        .number
}

/// A sign-in that has begun.
fn begun(table: &mut Table, method: SignInMethod, number: u16, now: Instant) -> SignInNumber {
    let it = begin(table, method, number, now);
    let answer = table.begun(it, Ok(flow(now + SIGN_IN_TIMEOUT)));
    let (waiting, started) = answer.unwrap();
    assert_eq!(waiting, "begins");
    assert_eq!(started.unwrap().handle, handle(number));
    it
}

#[test]
fn a_device_flow_goes_from_pending_to_a_session_that_may_be_repeated_for_a_minute() {
    let (mut table, now) = (Table::default(), Instant::now());
    let it = begun(&mut table, SignInMethod::Device, 1, now);
    let hash = handle(1).hash();
    assert_eq!(table.progress(&hash, now), Ok(SignInProgress::Pending));
    assert_eq!(
        table.progress(&handle(2).hash(), now),
        Err(SignInError::Over)
    );
    assert_eq!(table.ended(it, Ok(ada()), now), None);
    assert_eq!(table.progress(&hash, now), vouched());
    table.done(&hash, Some(session(1)), now);
    assert_eq!(table.held(), 0);
    assert_eq!(table.progress(&hash, now), repeated(Some(session(1))));
    // A repeat does not begin the minute anew.
    let later = now + REPEAT_INTERVAL / 2;
    table.done(&hash, Some(session(2)), later);
    assert_eq!(table.progress(&hash, later), repeated(Some(session(2))));
    let after = now + REPEAT_INTERVAL;
    assert_eq!(table.progress(&hash, after), Err(SignInError::Over));
    assert!(table.expire(after).is_empty());
    assert!(table.open.is_empty() && table.numbers.is_empty());
}

#[test]
fn a_code_is_redeemed_once_and_with_its_state() {
    let (mut table, now) = (Table::default(), Instant::now());
    let it = begun(&mut table, SignInMethod::Redirect, 1, now);
    let hash = handle(1).hash();
    let mut redeem = |state: &str| table.redeem("redeems", &hash, state, now);
    for other in ["", "stat", "statf", "state "] {
        assert_eq!(
            redeem(other),
            Err(("redeems", Some(SignInError::OtherState))),
            "{other}"
        );
    }
    assert_eq!(redeem("state"), Ok((0, it, now + ANSWER_TIMEOUT)));
    assert_eq!(redeem("state"), Err(("redeems", None)), "it is under way");
    assert_eq!(table.progress(&hash, now), Ok(SignInProgress::Pending));
    assert_eq!(table.ended(it, Ok(ada()), now), Some(("redeems", hash)));
    assert_eq!(
        table.redeem("redeems", &hash, "state", now),
        Err(("redeems", None))
    );
    assert_eq!(table.progress(&hash, now), vouched());
    table.done(&hash, None, now);
    assert_eq!(table.progress(&hash, now), repeated(None));
    assert_eq!(table.held(), 0);
}

#[test]
fn a_failure_is_told_for_a_minute_and_takes_no_place() {
    let (mut table, now) = (Table::default(), Instant::now());
    let it = begun(&mut table, SignInMethod::Device, 1, now);
    table.ended(it, Err(SignInError::Denied), now);
    assert_eq!(table.held(), 0);
    let hash = handle(1).hash();
    assert_eq!(table.progress(&hash, now), Err(SignInError::Denied));
    let after = now + REPEAT_INTERVAL;
    assert_eq!(table.progress(&hash, after), Err(SignInError::Over));
    assert!(table.expire(after).is_empty());
    assert_eq!((table.held(), table.open.len()), (0, 0));
    // One that never began is forgotten at once.
    let it = begin(&mut table, SignInMethod::Device, 2, now);
    let answer = table.begun(it, Err(SignInError::Denied)).unwrap();
    assert_eq!(answer.1.err(), Some(SignInError::Denied));
    assert_eq!((table.held(), table.open.len()), (0, 0));
}

#[test]
fn who_waits_for_a_silent_provider_is_answered() {
    let (mut table, now) = (Table::default(), Instant::now());
    let first = begin(&mut table, SignInMethod::Device, 1, now);
    let second = begun(&mut table, SignInMethod::Redirect, 2, now);
    let redeemed = table.redeem("redeems", &handle(2).hash(), "state", now);
    assert!(redeemed.is_ok());
    assert!(table.expire(now + ANSWER_TIMEOUT / 2).is_empty());
    let mut late = table.expire(now + ANSWER_TIMEOUT);
    late.sort_by_key(|it| it.number);
    let late: Vec<_> = late.iter().map(|it| (it.waiting, it.number)).collect();
    assert_eq!(late, [("begins", first), ("redeems", second)]);
    assert_eq!(table.held(), 0);
    // What the provider says then reaches nobody.
    assert!(table.begun(first, Ok(flow(now))).is_none());
    assert!(table.ended(second, Ok(ada()), now).is_none());
}

#[test]
fn a_neighbourhood_has_eight_and_all_have_a_thousand() {
    let (mut table, now) = (Table::default(), Instant::now());
    for number in 0..8 {
        assert_eq!(table.check(origin(1)), Ok(()));
        begin(&mut table, SignInMethod::Device, number, now);
    }
    assert_eq!(table.check(origin(1)), Err(SignInError::TooMany));
    assert_eq!(table.check(origin(2)), Ok(()));
    // A worker that invents neighbourhoods leaves room for another's.
    let mut taken = 8;
    for number in 0..2_000_u16 {
        let origin = SignInOrigin {
            worker: Uuid::nil(),
            near: Neighbourhood::of([11, 0, (number >> 8) as u8, number as u8].into()),
        };
        if table.check(origin).is_ok() {
            let secrets = (handle(1_000 + number), SecretText(String::new()));
            table.begin("begins", (0, SignInMethod::Device), origin, secrets, now);
            taken += 1;
        }
    }
    assert!((500..SIGN_INS_MAX).contains(&taken), "{taken}");
    assert_eq!(table.check(origin(3)), Err(SignInError::Overloaded));
    let honest = SignInOrigin {
        worker: Uuid::max(),
        near: origin(4).near,
    };
    assert_eq!(table.check(honest), Ok(()));
    assert_eq!(table.expire(now + ANSWER_TIMEOUT).len(), taken);
    assert_eq!(table.held(), 0);
}

#[test]
fn what_is_over_is_kept_in_bounds() {
    for result in [Ok(ada()), Err(SignInError::Denied)] {
        let (mut table, now) = (Table::default(), Instant::now());
        for number in 0..1_500 {
            let it = begun(&mut table, SignInMethod::Device, number, now);
            table.ended(it, result.clone(), now);
            table.done(&handle(number).hash(), Some(session(1)), now);
        }
        let kept = (table.open.len(), table.numbers.len());
        assert_eq!(kept, (OVER_MAX, OVER_MAX), "{result:?}");
    }
}

#[test]
fn failures_that_nobody_asks_about_are_kept_in_bounds() {
    let (mut table, now) = (Table::default(), Instant::now());
    for number in 0..1_500 {
        let it = begun(&mut table, SignInMethod::Device, number, now);
        table.ended(it, Err(SignInError::Denied), now);
    }
    assert_eq!(table.open.len(), OVER_MAX);
    assert_eq!(table.began(&handle(1_499).hash()), Some(now));
}
