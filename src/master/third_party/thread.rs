//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! The thread of one provider: does what auth asks for, and asks the provider about the device
//! flows under way as RFC 8628 says.
//!
//! Tests: `tests/suite/master/third_party.rs`.

use super::error::VouchError;
use super::id_token::VouchedPerson;
use super::provider::{DeviceFlow, IdentityProvider, RedirectSecrets};
use crate::model::BrowserSecret;
use crate::runtime::Stop;
use crate::runtime::log::Throttle;
use crossbeam_channel::{Receiver, select};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Time limit for one question about a device flow, and as much again for the provider's keys if it
/// brings a token. Who begins a flow or brings a code meanwhile waits for no more than both.
const POLL_TIMEOUT: Duration = Duration::from_secs(3);

/// How much slower to ask after each `slow_down` (RFC 8628, section 3.5).
const SLOW_DOWN_STEP: Duration = Duration::from_secs(5);

/// The longest time between two questions about a device flow while the provider cannot be reached.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// Most log lines a minute about failures of a provider, for each reason.
const FAILURES_LOGGED_MAX: u32 = 10;

/// Number of a sign-in in this process. It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignInNumber(pub u64);

/// What auth wants of a provider.
pub enum ProviderJob {
    /// Begin a device flow.
    Device {
        number: SignInNumber,
        deadline: Instant,
    },
    /// Begin a redirect flow.
    Redirect {
        number: SignInNumber,
        redirect_uri: String,
        state: SecretText,
        expires: Instant,
        deadline: Instant,
    },
    /// Redeem the code of a redirect flow.
    Redeem {
        number: SignInNumber,
        code: BrowserSecret,
        deadline: Instant,
    },
    /// Ask no more about a device flow.
    Forget(SignInNumber),
}

/// A text that is wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretText(pub String);

/// What a provider did with which sign-in.
#[derive(Debug)]
pub struct ProviderNews {
    pub number: SignInNumber,
    pub event: ProviderEvent,
}

/// What a provider did with one sign-in.
#[derive(Debug)]
pub enum ProviderEvent {
    /// A flow has begun: what the person is shown.
    Begun(Result<BegunFlow, VouchError>),
    /// A flow has ended: who the person is.
    Ended(Result<VouchedPerson, VouchError>),
}

/// What a person is shown of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunFlow {
    /// None in a redirect flow.
    pub user_code: Option<String>,
    pub url: String,
    /// How often a client need not ask more often than.
    pub poll: Duration,
    pub expires: Instant,
}

/// The thread's whole state.
pub struct ProviderThread<N> {
    label: String,
    provider: IdentityProvider,
    /// Device flows, by the time of the next question, and how long the wait for it was.
    polls: BTreeMap<(Instant, SignInNumber), (DeviceFlow, Duration)>,
    redirects: HashMap<SignInNumber, (RedirectSecrets, Instant)>,
    throttle: Throttle,
    news: N,
}

/// How often a client of a redirect flow need not ask more often than: it knows when the browser
/// is back.
const REDIRECT_POLL: Duration = Duration::from_secs(5);

impl<N: Fn(ProviderNews)> ProviderThread<N> {
    /// The thread of a provider. `news` tells auth; it may wait for it.
    pub fn new(label: String, provider: IdentityProvider, news: N) -> ProviderThread<N> {
        ProviderThread {
            label,
            provider,
            polls: BTreeMap::new(),
            redirects: HashMap::new(),
            throttle: Throttle::new(FAILURES_LOGGED_MAX, Duration::from_secs(60)),
            news,
        }
    }

    /// Runs until the signal to stop, or until nobody can ask any more. Jobs come before questions
    /// about device flows: somebody waits for them.
    pub fn run(mut self, jobs: &Receiver<ProviderJob>, stop: &Stop) {
        loop {
            let due = self.polls.first_key_value().map(|(key, _)| key.0);
            let wait = due.map_or(BACK_OFF_MAX, |due| {
                due.saturating_duration_since(Instant::now())
            });
            if stop.is_requested() {
                return;
            }
            if let Ok(job) = jobs.try_recv() {
                self.work(job);
                continue;
            }
            select! {
                recv(jobs) -> job => match job {
                    Ok(job) => self.work(job),
                    Err(_) => return,
                },
                recv(stop.receiver()) -> _ => return,
                default(wait) => self.ask_next(),
            }
        }
    }

    fn work(&mut self, job: ProviderJob) {
        match job {
            ProviderJob::Device { number, deadline } => {
                let begun = self.provider.begin_device(deadline);
                let begun = begun.map(|flow| {
                    let shown = BegunFlow {
                        user_code: Some(flow.user_code.clone()),
                        url: flow.url.clone(),
                        poll: flow.interval,
                        expires: flow.expires,
                    };
                    // Whoever began it is gone by now otherwise.
                    if Instant::now() < deadline {
                        let first = Instant::now() + flow.interval;
                        let wait = flow.interval;
                        self.polls.insert((first, number), (flow, wait));
                    }
                    shown
                });
                self.tell(number, ProviderEvent::Begun(begun));
            }
            ProviderJob::Redirect {
                number,
                redirect_uri,
                state,
                expires,
                deadline,
            } => {
                self.forget_expired();
                let begun = self
                    .provider
                    .begin_redirect(&redirect_uri, &state.0, deadline);
                let begun = begun.map(|flow| {
                    self.redirects.insert(number, (flow.secrets, expires));
                    BegunFlow {
                        user_code: None,
                        url: flow.url,
                        poll: REDIRECT_POLL,
                        expires,
                    }
                });
                self.tell(number, ProviderEvent::Begun(begun));
            }
            ProviderJob::Redeem {
                number,
                code,
                deadline,
            } => {
                let ended = match self.redirects.remove(&number) {
                    Some((secrets, _)) => {
                        self.provider.redeem_code(&secrets, code.expose(), deadline)
                    }
                    None => Err(VouchError::Expired),
                };
                self.tell(number, ProviderEvent::Ended(ended));
            }
            ProviderJob::Forget(number) => {
                self.polls.retain(|(_, other), _| *other != number);
                self.redirects.remove(&number);
            }
        }
    }

    /// Asks about the device flow that is due.
    fn ask_next(&mut self) {
        let now = Instant::now();
        let Some(entry) = self.polls.first_entry() else {
            return;
        };
        if entry.key().0 > now {
            return;
        }
        let ((_, number), (mut flow, mut wait)) = entry.remove_entry();
        if flow.expires <= now {
            return self.tell(number, ProviderEvent::Ended(Err(VouchError::Expired)));
        }
        match self.provider.ask_device(&flow, POLL_TIMEOUT) {
            Err(VouchError::Pending) => wait = flow.interval,
            Err(VouchError::SlowDown) => {
                flow.interval += SLOW_DOWN_STEP;
                wait = flow.interval;
            }
            Err(VouchError::Unavailable(why)) => {
                self.log("asks", format_args!("{why}; its device flows go on"));
                wait = (wait * 2).min(BACK_OFF_MAX).max(flow.interval);
            }
            ended => return self.tell(number, ProviderEvent::Ended(ended)),
        }
        // What is asked for after the end is not asked for: it only tells of it.
        let next = (Instant::now() + wait).min(flow.expires);
        self.polls.insert((next, number), (flow, wait));
    }

    fn forget_expired(&mut self) {
        let now = Instant::now();
        self.redirects.retain(|_, (_, expires)| *expires > now);
    }

    fn tell(&self, number: SignInNumber, event: ProviderEvent) {
        match &event {
            ProviderEvent::Begun(Err(why)) | ProviderEvent::Ended(Err(why)) => match why {
                VouchError::Unavailable(_) | VouchError::Refused(_) | VouchError::Untrusted(_) => {
                    self.log("ends", format_args!("a sign-in failed: {why}"));
                }
                VouchError::Pending
                | VouchError::SlowDown
                | VouchError::Denied
                | VouchError::Expired => {}
            },
            ProviderEvent::Begun(Ok(_)) | ProviderEvent::Ended(Ok(_)) => {}
        }
        (self.news)(ProviderNews { number, event });
    }

    /// Logs what an administrator may have to mend. Strangers can cause it, so it is throttled.
    fn log(&self, reason: &'static str, text: std::fmt::Arguments<'_>) {
        if let Some(more) = self.throttle.allow(reason) {
            crate::warn!("{}: {text}{more}", self.label);
        }
    }
}
