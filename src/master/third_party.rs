//! spec/master/third_party.md · 3.1.3 Account Management & Authorization (third parties)
//!
//! Sign-in with providers of identities (OpenID Connect). Auth owns [`ThirdParties`] and never
//! waits; each provider has a thread that does. Client secrets, device codes, PKCE verifiers,
//! nonces and tokens stay in that thread.
//!
//! Tests: `tests/suite/master/third_party.rs`.

pub mod error;
pub mod http;
pub mod id_token;
mod keys;
pub mod provider;
pub mod sign_ins;
pub mod thread;

pub use error::VouchError;
pub use id_token::VouchedPerson;
pub use sign_ins::{LateSignIn, SignInError, SignInOrigin, SignInProgress, SignIns, StartedSignIn};
pub use thread::{BegunFlow, ProviderEvent, ProviderNews};

use crate::config::ThirdPartySettings;
use crate::model::third_party::{WEB_TEXT_MAX, is_visible_ascii};
use crate::model::{BrowserSecret, IdentityProviderName, SignInHandle, SignInHash, SignInMethod};
use crate::runtime::{self, Stop};
use crossbeam_channel::{Sender, bounded};
use provider::IdentityProvider;
use std::time::Instant;
use thread::{ProviderJob, ProviderThread, SecretText};

/// Most jobs that wait for a provider's thread.
const JOBS_MAX: usize = sign_ins::SIGN_INS_MAX;

/// The third parties of a deployment, and the sign-ins with them. `W` is what waits for an answer.
pub struct ThirdParties<W> {
    providers: Vec<KnownProvider>,
    sign_ins: SignIns<W>,
}

struct KnownProvider {
    settings: ThirdPartySettings,
    jobs: Sender<ProviderJob>,
}

/// What became of a request.
#[derive(Debug)]
pub enum SignInAnswer<W> {
    /// Its provider is asked; the answer comes with the provider's news.
    Later,
    /// The answer is known now.
    Now(W, Result<SignInProgress, SignInError>),
}

/// What a provider's news mean for those who wait.
#[derive(Debug)]
pub enum SignInNews<W> {
    /// A flow has begun, or cannot be.
    Started(W, Result<StartedSignIn, SignInError>),
    /// A code was redeemed; [`ThirdParties::progress`] tells what came of it.
    Redeemed(W, SignInHash),
    /// Nobody waits.
    Nobody,
}

impl<W> Default for ThirdParties<W> {
    fn default() -> Self {
        ThirdParties {
            providers: Vec::new(),
            sign_ins: SignIns::default(),
        }
    }
}

/// Reads the client secrets without starting a thread.
///
/// # Errors
/// A client secret cannot be read. The text names its key.
pub fn check(settings: &[ThirdPartySettings]) -> Result<(), String> {
    settings.iter().try_for_each(|it| open(it).map(drop))
}

fn open(settings: &ThirdPartySettings) -> Result<IdentityProvider, String> {
    IdentityProvider::open(settings)
        .map_err(|why| format!("third_party {}: client_secret_file: {why}", settings.name))
}

impl<W> ThirdParties<W> {
    /// Reads the client secrets and starts a thread for each provider. `news` is called on these
    /// threads, and may wait for auth's inbox. They end with `stop`, and are not waited for: a
    /// thread may be in a call of 10 s, and holds nothing that must be written.
    ///
    /// # Errors
    /// A client secret cannot be read, or the system cannot start a thread.
    pub fn start<N>(
        settings: &[ThirdPartySettings],
        stop: &Stop,
        news: N,
    ) -> Result<ThirdParties<W>, String>
    where
        N: Fn(ProviderNews) + Clone + Send + 'static,
    {
        let mut providers = Vec::new();
        for settings in settings {
            let provider = open(settings)?;
            let (jobs, inbox) = bounded(JOBS_MAX);
            let thread = ProviderThread::new(settings.label.clone(), provider, news.clone());
            let stop = stop.clone();
            runtime::spawn(format!("id-{}", settings.name), move || {
                thread.run(&inbox, &stop)
            })
            .map_err(|why| format!("third_party {}: {why}", settings.name))?;
            providers.push(KnownProvider {
                settings: settings.clone(),
                jobs,
            });
        }
        Ok(ThirdParties {
            providers,
            sign_ins: SignIns::default(),
        })
    }

    /// The settings of the providers, in the order of the configuration.
    pub fn providers(&self) -> impl Iterator<Item = &ThirdPartySettings> {
        self.providers.iter().map(|provider| &provider.settings)
    }

    /// The settings of the provider with this name.
    pub fn provider(&self, name: &IdentityProviderName) -> Option<&ThirdPartySettings> {
        self.providers().find(|it| it.name == *name)
    }

    /// The settings of a sign-in's provider.
    pub fn provider_of(&self, hash: &SignInHash) -> Option<&ThirdPartySettings> {
        let at = self.sign_ins.provider_of(hash)?;
        self.providers.get(at).map(|provider| &provider.settings)
    }

    /// When a sign-in was begun.
    pub fn began(&self, hash: &SignInHash) -> Option<Instant> {
        self.sign_ins.began(hash)
    }

    /// Why there is no provider of a name.
    pub fn unknown(&self) -> SignInError {
        let names: Vec<_> = self.providers().map(|it| it.name.as_str()).collect();
        if names.is_empty() {
            SignInError::NoProviders
        } else {
            SignInError::UnknownProvider(names.join(", "))
        }
    }

    /// Sign-ins under way.
    pub fn under_way(&self) -> usize {
        self.sign_ins.held()
    }

    /// Begins a sign-in. The answer comes with the provider's news, or from [`Self::expire`].
    ///
    /// # Errors
    /// It cannot be begun; who waits is given back.
    pub fn begin(
        &mut self,
        waiting: W,
        origin: SignInOrigin,
        (name, method): (&str, SignInMethod),
        redirect_uri: Option<&str>,
        now: Instant,
    ) -> Result<(), (W, SignInError)> {
        let checked = self.check(origin, name, method, redirect_uri);
        let (at, redirect_uri, handle, state) = match checked {
            Ok(checked) => checked,
            Err(error) => return Err((waiting, error)),
        };
        let secrets = (handle, SecretText(state));
        let new = self
            .sign_ins
            .begin(waiting, (at, method), origin, secrets, now);
        let (number, deadline) = (new.number, new.deadline);
        let job = match method {
            SignInMethod::Device => ProviderJob::Device { number, deadline },
            SignInMethod::Redirect => ProviderJob::Redirect {
                number,
                redirect_uri,
                state: new.state,
                expires: new.expires,
                deadline,
            },
        };
        if self.send(at, job) {
            return Ok(());
        }
        match self.sign_ins.begun(number, Err(SignInError::Overloaded)) {
            Some((waiting, _)) => Err((waiting, SignInError::Overloaded)),
            None => Ok(()),
        }
    }

    fn check(
        &self,
        origin: SignInOrigin,
        name: &str,
        method: SignInMethod,
        redirect_uri: Option<&str>,
    ) -> Result<(usize, String, SignInHandle, String), SignInError> {
        let mut known = self.providers().enumerate();
        let Some((at, settings)) = known.find(|(_, it)| it.name.as_str() == name) else {
            return Err(self.unknown());
        };
        if !settings.methods.contains(&method) {
            return Err(SignInError::MethodNotOffered(settings.label.clone()));
        }
        let redirect_uri = match (method, redirect_uri) {
            (SignInMethod::Device, None) => "",
            (SignInMethod::Redirect, Some(uri)) if may_redirect(uri, &settings.redirect_uris) => {
                uri
            }
            (SignInMethod::Device, Some(_)) | (SignInMethod::Redirect, _) => {
                return Err(SignInError::RedirectUri);
            }
        };
        self.sign_ins.check(origin)?;
        let failed = |why: VouchError| {
            crate::error!("no sign-in can be begun: {why}");
            SignInError::Overloaded
        };
        let mut bytes = [0; crate::model::third_party::HANDLE_BYTES];
        getrandom::fill(&mut bytes)
            .map_err(|error| failed(VouchError::Unavailable(error.to_string())))?;
        let handle = SignInHandle::from_bytes(bytes);
        zeroize::Zeroize::zeroize(&mut bytes);
        let state = provider::random_text().map_err(failed)?;
        Ok((at, redirect_uri.to_owned(), handle, state))
    }

    /// Takes the code and the state that a browser brought back. A state that is not the one of
    /// this sign-in costs it nothing.
    pub fn complete(
        &mut self,
        waiting: W,
        handle: &SignInHandle,
        (code, state): (&BrowserSecret, &BrowserSecret),
        now: Instant,
    ) -> SignInAnswer<W> {
        let hash = handle.hash();
        let (at, number, deadline) = match self.sign_ins.redeem(waiting, &hash, state.expose(), now)
        {
            Ok(found) => found,
            Err((waiting, Some(error))) => return SignInAnswer::Now(waiting, Err(error)),
            Err((waiting, None)) => return SignInAnswer::Now(waiting, self.progress(&hash, now)),
        };
        let job = ProviderJob::Redeem {
            number,
            code: code.clone(),
            deadline,
        };
        if self.send(at, job) {
            return SignInAnswer::Later;
        }
        match self
            .sign_ins
            .ended(number, Err(SignInError::Overloaded), now)
        {
            Some((waiting, _)) => SignInAnswer::Now(waiting, Err(SignInError::Overloaded)),
            None => SignInAnswer::Later,
        }
    }

    /// How far a sign-in is.
    ///
    /// # Errors
    /// It failed, is over, or was never begun.
    pub fn progress(&self, hash: &SignInHash, now: Instant) -> Result<SignInProgress, SignInError> {
        self.sign_ins.progress(hash, now)
    }

    /// The sign-ins, to use one up.
    pub fn sign_ins(&mut self) -> &mut SignIns<W> {
        &mut self.sign_ins
    }

    /// Takes the news of a provider in.
    pub fn on_news(&mut self, news: ProviderNews, now: Instant) -> SignInNews<W> {
        let number = news.number;
        let label = self.label_of(number);
        let failed = |error: VouchError| SignInError::of(&error, &label);
        match news.event {
            ProviderEvent::Begun(result) => {
                match self.sign_ins.begun(number, result.map_err(failed)) {
                    Some((waiting, answer)) => SignInNews::Started(waiting, answer),
                    None => SignInNews::Nobody,
                }
            }
            ProviderEvent::Ended(result) => {
                match self.sign_ins.ended(number, result.map_err(failed), now) {
                    Some((waiting, hash)) => SignInNews::Redeemed(waiting, hash),
                    None => SignInNews::Nobody,
                }
            }
        }
    }

    /// Forgets what has expired, and returns who waited too long for a provider, with the answer.
    pub fn expire(&mut self, now: Instant) -> Vec<(LateSignIn<W>, SignInError)> {
        let mut answers = Vec::new();
        for late in self.sign_ins.expire(now) {
            self.send(late.provider, ProviderJob::Forget(late.number));
            let label = self.label(late.provider);
            answers.push((late, SignInError::Unavailable(label)));
        }
        answers
    }

    fn label(&self, at: usize) -> String {
        let provider = self.providers.get(at);
        provider.map_or_else(String::new, |it| it.settings.label.clone())
    }

    fn label_of(&self, number: thread::SignInNumber) -> String {
        self.sign_ins
            .provider(number)
            .map_or_else(String::new, |at| self.label(at))
    }

    /// Sends a job. False if the provider's thread has too much to do.
    fn send(&self, at: usize, job: ProviderJob) -> bool {
        self.providers
            .get(at)
            .is_some_and(|provider| provider.jobs.try_send(job).is_ok())
    }
}

/// Whether a browser may be sent back to this address: to a program on the person's own machine, by
/// number (RFC 8252, section 7.3), or to a page that the administrator has listed, byte for byte.
fn may_redirect(uri: &str, listed: &[String]) -> bool {
    if !is_visible_ascii(uri, WEB_TEXT_MAX) || uri.contains('#') {
        return false;
    }
    if listed.iter().any(|known| known == uri) {
        return true;
    }
    let rest = uri
        .strip_prefix("http://127.0.0.1:")
        .or_else(|| uri.strip_prefix("http://[::1]:"));
    let Some((port, _)) = rest.and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let is_number = !port.starts_with('0') && port.bytes().all(|b| b.is_ascii_digit());
    is_number && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_is_sent_back_to_its_own_machine_or_to_a_listed_page() {
        let listed = ["https://trade.example/back".to_owned()];
        for good in [
            "http://127.0.0.1:4711/",
            "http://[::1]:1/back?x=1",
            "https://trade.example/back",
        ] {
            assert!(may_redirect(good, &listed), "{good}");
        }
        for bad in [
            "",
            "http://127.0.0.1/",
            "http://127.0.0.1:4711",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:65536/",
            "http://127.0.0.1:04711/",
            "http://127.0.0.1:1@evil.example/",
            "http://127.0.0.1:80.evil.example/",
            "http://localhost:4711/",
            "https://127.0.0.1:4711/",
            "http://127.0.0.1:4711/#x",
            "http://127.0.0.1:4711/ x",
            "https://trade.example/back/",
            "https://trade.example/back?x",
            "HTTPS://trade.example/back",
        ] {
            assert!(!may_redirect(bad, &listed), "{bad}");
        }
    }
}
