//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! The sign-ins under way: who began each, how far it is, and until when it is kept. No I/O, and no
//! clock but the one it is given. `W` is what waits for an answer.
//!
//! Tests: `src/master/third_party/sign_ins/tests.rs`.

use super::error::VouchError;
use super::id_token::VouchedPerson;
use super::thread::{BegunFlow, SecretText, SignInNumber};
use crate::model::{SessionHash, SignInHandle, SignInHash, SignInMethod};
use crate::runtime::dynamic_share::{DynamicShare, PlaceHolder};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use thiserror::Error;
use uuid::Uuid;

/// How long a redirect flow may take; a device flow as long as its provider says.
pub const SIGN_IN_TIMEOUT: Duration = Duration::from_secs(600);

/// How long a client waits for its provider: beginning a flow, redeeming its code. Auth looks once
/// a second, so that it answers within 10 s.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(9);

/// How long a sign-in that is over is kept, so that a client whose answer was lost may repeat.
pub const REPEAT_INTERVAL: Duration = Duration::from_secs(60);

/// Most sign-ins under way.
pub const SIGN_INS_MAX: usize = 1_000;

/// Most sign-ins under way that one neighbourhood began.
pub const SIGN_INS_PER_NEIGHBOURHOOD_MAX: usize = 8;

/// Most sign-ins that are over and kept; beyond that, the oldest is forgotten.
const OVER_MAX: usize = 1_000;

/// Why a sign-in cannot be begun or goes no further. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SignInError {
    /// No provider of this name. The text is its list of names.
    #[error("there is no such provider here; there are: {0}")]
    UnknownProvider(String),
    #[error("this deployment has no third parties; sign in with a password")]
    NoProviders,
    #[error("{0} cannot be used this way here; use the other method")]
    MethodNotOffered(String),
    #[error(
        "the redirect URI must be http://127.0.0.1:PORT/…, http://[::1]:PORT/…, or one that the \
         administrator has listed"
    )]
    RedirectUri,
    #[error("too many sign-ins are under way from this address; finish one, or try again later")]
    TooMany,
    #[error("too many sign-ins are under way; try again in a moment")]
    Overloaded,
    #[error("{0} cannot be asked now; try again later, or sign in with a password")]
    Unavailable(String),
    #[error("you declined at the provider, or it declined for you")]
    Denied,
    #[error("this sign-in has expired or is over; begin anew")]
    Over,
    #[error("this answer is not for this sign-in: the state is another")]
    OtherState,
}

/// Who begins a sign-in: a neighbourhood as a worker names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SignInOrigin {
    pub worker: Uuid,
    pub near: Neighbourhood,
}

impl SignInOrigin {
    fn holder(self) -> PlaceHolder<SignInOrigin, Uuid> {
        PlaceHolder {
            asker: self,
            near: Some(self.near),
            source: Some(self.worker),
        }
    }
}

/// How far a sign-in is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInProgress {
    /// The person is not done yet.
    Pending,
    /// The provider has said who the person is.
    Vouched(VouchedPerson),
    /// It is used up, since a moment: a session was made, or, without one, the identity linked.
    Repeated(VouchedPerson, Option<SessionHash>),
}

/// A sign-in that was begun, for its provider.
pub struct NewSignIn {
    pub number: SignInNumber,
    /// The state of a redirect flow.
    pub state: SecretText,
    pub expires: Instant,
    pub deadline: Instant,
}

/// What a client is told of a flow that has begun.
#[derive(Debug)]
pub struct StartedSignIn {
    pub handle: SignInHandle,
    pub flow: BegunFlow,
}

struct SignIn<W> {
    number: SignInNumber,
    provider: usize,
    origin: SignInOrigin,
    began: Instant,
    expires: Instant,
    stage: Stage<W>,
}

enum Stage<W> {
    /// The provider is asked to begin.
    Beginning {
        waiting: W,
        handle: SignInHandle,
        state: Option<SecretText>,
        deadline: Instant,
    },
    /// Device: the provider is asked until the person has decided.
    AwaitsPerson,
    /// Redirect: the browser is to bring a code and this state.
    AwaitsCode(SecretText),
    /// The provider is asked for the token.
    Redeeming {
        waiting: W,
        deadline: Instant,
    },
    /// The person is known; what is to be done is not.
    Vouched(VouchedPerson),
    /// It is over, and repeats are answered.
    Done(VouchedPerson, Option<SessionHash>),
    Failed(SignInError),
}

impl<W> Stage<W> {
    /// Whether it takes no place any more.
    fn is_over(&self) -> bool {
        match self {
            Stage::Done(..) | Stage::Failed(_) => true,
            Stage::Beginning { .. }
            | Stage::AwaitsPerson
            | Stage::AwaitsCode(_)
            | Stage::Redeeming { .. }
            | Stage::Vouched(_) => false,
        }
    }
}

/// The sign-ins under way, and those that were over a moment ago.
pub struct SignIns<W> {
    open: HashMap<SignInHash, SignIn<W>>,
    numbers: HashMap<SignInNumber, SignInHash>,
    places: DynamicShare<SignInOrigin, Uuid>,
    last: u64,
}

impl<W> Default for SignIns<W> {
    fn default() -> Self {
        SignIns {
            open: HashMap::new(),
            numbers: HashMap::new(),
            places: DynamicShare::new(SIGN_INS_MAX),
            last: 0,
        }
    }
}

impl<W> SignIns<W> {
    /// Sign-ins under way.
    pub fn held(&self) -> usize {
        self.places.held()
    }

    /// The provider of a sign-in, by its handle's hash.
    pub fn provider_of(&self, hash: &SignInHash) -> Option<usize> {
        self.open.get(hash).map(|sign_in| sign_in.provider)
    }

    /// When a sign-in was begun, by its handle's hash.
    pub fn began(&self, hash: &SignInHash) -> Option<Instant> {
        self.open.get(hash).map(|sign_in| sign_in.began)
    }

    /// The provider of a sign-in.
    pub fn provider(&self, number: SignInNumber) -> Option<usize> {
        let hash = self.numbers.get(&number)?;
        self.open.get(hash).map(|sign_in| sign_in.provider)
    }

    /// Whether there is a place for one more sign-in of this origin.
    ///
    /// # Errors
    /// [`SignInError::TooMany`], [`SignInError::Overloaded`]
    pub fn check(&self, origin: SignInOrigin) -> Result<(), SignInError> {
        if self.places.held_by(&origin) >= SIGN_INS_PER_NEIGHBOURHOOD_MAX {
            return Err(SignInError::TooMany);
        }
        let refused = |_| SignInError::Overloaded;
        self.places.check(&origin.holder()).map_err(refused)
    }

    /// Takes a place for a sign-in with this handle and state, both from the system's random
    /// source.
    pub fn begin(
        &mut self,
        waiting: W,
        (provider, method): (usize, SignInMethod),
        origin: SignInOrigin,
        (handle, state): (SignInHandle, SecretText),
        now: Instant,
    ) -> NewSignIn {
        self.last += 1;
        let number = SignInNumber(self.last);
        let (expires, deadline) = (now + SIGN_IN_TIMEOUT, now + ANSWER_TIMEOUT);
        let hash = handle.hash();
        self.places.take(&origin.holder());
        self.numbers.insert(number, hash);
        let stage = Stage::Beginning {
            waiting,
            handle,
            state: (method == SignInMethod::Redirect).then(|| state.clone()),
            deadline,
        };
        let sign_in = SignIn {
            number,
            provider,
            origin,
            began: now,
            expires,
            stage,
        };
        self.open.insert(hash, sign_in);
        NewSignIn {
            number,
            state,
            expires,
            deadline,
        }
    }

    /// Notes that the provider has begun a flow, or has not. Returns who waits for it and the
    /// answer; `None` if nobody does any more.
    pub fn begun(
        &mut self,
        number: SignInNumber,
        result: Result<BegunFlow, SignInError>,
    ) -> Option<(W, Result<StartedSignIn, SignInError>)> {
        let hash = *self.numbers.get(&number)?;
        let mut sign_in = self.take(&hash)?;
        let Stage::Beginning {
            waiting,
            handle,
            state,
            ..
        } = sign_in.stage
        else {
            self.put(hash, sign_in);
            return None;
        };
        let flow = match result {
            Ok(flow) => flow,
            Err(error) => {
                self.forget(&sign_in.number, sign_in.origin);
                return Some((waiting, Err(error)));
            }
        };
        sign_in.expires = flow.expires;
        sign_in.stage = state.map_or(Stage::AwaitsPerson, Stage::AwaitsCode);
        self.put(hash, sign_in);
        Some((waiting, Ok(StartedSignIn { handle, flow })))
    }

    /// Takes the code that a browser brought: compares the state, and says whom to ask with it.
    /// `None`: the sign-in is at another stage, and [`SignIns::progress`] says which; `waiting` is
    /// then given back.
    ///
    /// # Errors
    /// [`SignInError::OtherState`], [`SignInError::Over`]
    pub fn redeem(
        &mut self,
        waiting: W,
        hash: &SignInHash,
        state: &str,
        now: Instant,
    ) -> Result<(usize, SignInNumber, Instant), (W, Option<SignInError>)> {
        let Some(sign_in) = self.open.get_mut(hash).filter(|it| it.expires > now) else {
            return Err((waiting, Some(SignInError::Over)));
        };
        let Stage::AwaitsCode(wanted) = &sign_in.stage else {
            return Err((waiting, None));
        };
        if !bool::from(wanted.0.as_bytes().ct_eq(state.as_bytes())) {
            return Err((waiting, Some(SignInError::OtherState)));
        }
        let deadline = now + ANSWER_TIMEOUT;
        sign_in.stage = Stage::Redeeming { waiting, deadline };
        Ok((sign_in.provider, sign_in.number, deadline))
    }

    /// Notes who the provider says the person is. Returns who waits for it, and the sign-in.
    pub fn ended(
        &mut self,
        number: SignInNumber,
        result: Result<VouchedPerson, SignInError>,
        now: Instant,
    ) -> Option<(W, SignInHash)> {
        let hash = *self.numbers.get(&number)?;
        let sign_in = self.take(&hash)?;
        let (waiting, origin) = match sign_in.stage {
            Stage::Redeeming { waiting, .. } => (Some(waiting), sign_in.origin),
            Stage::AwaitsPerson => (None, sign_in.origin),
            _ => {
                self.put(hash, sign_in);
                return None;
            }
        };
        let (stage, expires) = match result {
            Ok(person) => (Stage::Vouched(person), sign_in.expires),
            Err(error) => {
                self.places.free(&origin.holder());
                (Stage::Failed(error), now + REPEAT_INTERVAL)
            }
        };
        let kept = SignIn {
            number,
            provider: sign_in.provider,
            origin,
            began: sign_in.began,
            expires,
            stage,
        };
        self.put(hash, kept);
        self.forget_surplus();
        waiting.map(|waiting| (waiting, hash))
    }

    /// How far a sign-in is.
    ///
    /// # Errors
    /// It is over, or was never begun: a client cannot tell which.
    pub fn progress(&self, hash: &SignInHash, now: Instant) -> Result<SignInProgress, SignInError> {
        let Some(sign_in) = self.open.get(hash).filter(|it| it.expires > now) else {
            return Err(SignInError::Over);
        };
        match &sign_in.stage {
            Stage::Beginning { .. }
            | Stage::AwaitsPerson
            | Stage::AwaitsCode(_)
            | Stage::Redeeming { .. } => Ok(SignInProgress::Pending),
            Stage::Vouched(person) => Ok(SignInProgress::Vouched(person.clone())),
            Stage::Done(person, session) => Ok(SignInProgress::Repeated(person.clone(), *session)),
            Stage::Failed(error) => Err(error.clone()),
        }
    }

    /// Uses a sign-in up: it led to this session, or, without one, to a link. For a minute from the
    /// first time on, a repeat finds it.
    pub fn done(&mut self, hash: &SignInHash, session: Option<SessionHash>, now: Instant) {
        let Some(sign_in) = self.open.get_mut(hash) else {
            return;
        };
        match &mut sign_in.stage {
            Stage::Vouched(person) => {
                sign_in.stage = Stage::Done(person.clone(), session);
                sign_in.expires = now + REPEAT_INTERVAL;
                self.places.free(&sign_in.origin.holder());
            }
            Stage::Done(_, last) => *last = session,
            Stage::Beginning { .. }
            | Stage::AwaitsPerson
            | Stage::AwaitsCode(_)
            | Stage::Redeeming { .. }
            | Stage::Failed(_) => {}
        }
        self.forget_surplus();
    }

    /// Forgets what has expired. Returns the sign-ins for whose provider somebody has waited too
    /// long: who waits, which provider, and which sign-in.
    pub fn expire(&mut self, now: Instant) -> Vec<LateSignIn<W>> {
        let due: Vec<SignInHash> = self
            .open
            .iter()
            .filter(|(_, it)| it.expires <= now || it.stage.deadline().is_some_and(|at| at <= now))
            .map(|(hash, _)| *hash)
            .collect();
        let mut late = Vec::new();
        for hash in due {
            let Some(sign_in) = self.take(&hash) else {
                continue;
            };
            self.numbers.remove(&sign_in.number);
            if !sign_in.stage.is_over() {
                self.places.free(&sign_in.origin.holder());
            }
            let (provider, number) = (sign_in.provider, sign_in.number);
            let waiting = match sign_in.stage {
                Stage::Beginning { waiting, .. } | Stage::Redeeming { waiting, .. } => waiting,
                _ => continue,
            };
            late.push(LateSignIn {
                waiting,
                provider,
                number,
            });
        }
        late
    }

    fn take(&mut self, hash: &SignInHash) -> Option<SignIn<W>> {
        self.open.remove(hash)
    }

    fn put(&mut self, hash: SignInHash, sign_in: SignIn<W>) {
        self.open.insert(hash, sign_in);
    }

    fn forget(&mut self, number: &SignInNumber, origin: SignInOrigin) {
        self.numbers.remove(number);
        self.places.free(&origin.holder());
    }

    fn forget_surplus(&mut self) {
        while self.open.len() > self.places.held() + OVER_MAX {
            let over = self.open.iter().filter(|(_, it)| it.stage.is_over());
            let oldest = over.min_by_key(|(_, it)| (it.expires, it.number));
            let Some((hash, number)) = oldest.map(|(hash, it)| (*hash, it.number)) else {
                return;
            };
            self.open.remove(&hash);
            self.numbers.remove(&number);
        }
    }
}

impl<W> Stage<W> {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Stage::Beginning { deadline, .. } | Stage::Redeeming { deadline, .. } => {
                Some(*deadline)
            }
            Stage::AwaitsPerson
            | Stage::AwaitsCode(_)
            | Stage::Vouched(_)
            | Stage::Done(..)
            | Stage::Failed(_) => None,
        }
    }
}

/// A sign-in whose provider did not answer in time.
#[derive(Debug, PartialEq, Eq)]
pub struct LateSignIn<W> {
    pub waiting: W,
    pub provider: usize,
    pub number: SignInNumber,
}

impl SignInError {
    /// What a person is told of a provider's failure.
    pub fn of(error: &VouchError, label: &str) -> SignInError {
        match error {
            VouchError::Unavailable(_)
            | VouchError::Refused(_)
            | VouchError::Untrusted(_)
            | VouchError::Pending
            | VouchError::SlowDown => SignInError::Unavailable(label.to_owned()),
            VouchError::Denied => SignInError::Denied,
            VouchError::Expired => SignInError::Over,
        }
    }
}

#[cfg(test)]
mod tests;
