//! spec/master/auth/third_parties.md · 3.1.3 (third parties)
//!
//! `impl Auth`: sign-ins with providers of identities, the accounts that they make, and identities
//! that are linked to accounts.
//!
//! Tests: `src/master/auth/third_parties/tests.rs`, `tests/suite/master/third_party_accounts.rs`.

use super::Auth;
use super::accounts::{AccountOwner, hidden_email, succeed, tell_owner_of};
use super::commit::AuthSuccess;
use super::conflict_refusal;
use crate::config::ThirdPartySettings;
use crate::master::messages::{AccountEvent, PendingSignIn};
use crate::master::reply_to::ReplyTo;
use crate::master::storage::StorageError;
use crate::master::storage::accounts::{Credentials, NameConflict, NewAccount};
use crate::master::storage::identities::StoredIdentity;
use crate::master::storage::login_places::LoginPlace;
use crate::master::third_party::{
    ProviderNews, SignInAnswer, SignInError, SignInNews, SignInOrigin, SignInProgress,
    StartedSignIn, VouchedPerson,
};
use crate::model::{
    AccountId, BrowserSecret, Email, Identity, IdentityProviderName, OwnerNotice, Reason,
    SessionHash, SessionId, SessionKind, SignInHandle, SignInHash, SignInMethod, Timestamp,
    Username,
};
use crate::runtime::neighbourhood::Neighbourhood;
use crate::wire::payload::{OwnIdentities, OwnIdentity, Payload};
use crate::wire::{Instruction, Refusal, Reply};
use std::time::Instant;

/// Sign-ins that a neighbourhood may begin in any 60 s. Each costs a call to the provider.
pub const SIGN_INS_PER_MINUTE_MAX: u32 = 30;

impl Auth {
    /// Begins a sign-in. The answer comes with the provider's news.
    pub(super) fn begin_third_party(
        &mut self,
        reply_to: ReplyTo,
        provider: &IdentityProviderName,
        method: SignInMethod,
        redirect_uri: Option<&str>,
    ) {
        let instruction = Instruction::BeginThirdParty;
        let origin = SignInOrigin {
            worker: reply_to.peer.worker.uuid,
            near: Neighbourhood::of(reply_to.client_ip()),
        };
        let now = Instant::now();
        if !self.sign_ins.allows(origin.worker, origin.near, now) {
            return reply_to.fail(instruction, &refusal_of(&SignInError::TooMany));
        }
        let waiting = PendingSignIn {
            reply_to,
            instruction,
            handle: None,
        };
        let asked = (provider.as_str(), method);
        let begun = self
            .third_parties
            .begin(waiting, origin, asked, redirect_uri, now);
        match begun {
            Ok(()) => self.sign_ins.count(origin.worker, origin.near, now),
            Err((waiting, error)) => waiting.fail(&error),
        }
    }

    /// Tells how far a sign-in is.
    pub(super) fn await_third_party(&mut self, reply_to: ReplyTo, handle: SignInHandle) {
        let progress = self.progress(&handle.hash());
        let waiting = PendingSignIn {
            reply_to,
            instruction: Instruction::AwaitThirdParty,
            handle: Some(handle),
        };
        self.answer_sign_in(waiting, progress);
    }

    /// Has the provider asked about what a browser has brought back.
    pub(super) fn complete_third_party(
        &mut self,
        reply_to: ReplyTo,
        handle: SignInHandle,
        code: &BrowserSecret,
        state: &BrowserSecret,
    ) {
        let waiting = PendingSignIn {
            reply_to,
            instruction: Instruction::CompleteThirdParty,
            handle: Some(handle.clone()),
        };
        self.commit_session_of(&handle.hash());
        let asked = self
            .third_parties
            .complete(waiting, &handle, (code, state), Instant::now());
        match asked {
            SignInAnswer::Later => {}
            SignInAnswer::Now(waiting, progress) => self.answer_sign_in(waiting, progress),
        }
    }

    /// A provider has begun a flow, or said who a person is.
    pub(super) fn on_third_party(&mut self, news: ProviderNews) {
        match self.third_parties.on_news(news, Instant::now()) {
            SignInNews::Started(waiting, Ok(started)) => tell_started(&waiting, started),
            SignInNews::Started(waiting, Err(error)) => waiting.fail(&error),
            SignInNews::Redeemed(waiting, hash) => {
                let progress = self.progress(&hash);
                self.answer_sign_in(waiting, progress);
            }
            SignInNews::Nobody => {}
        }
    }

    /// Ends sign-ins that are too old, and answers whose provider is too slow.
    pub(super) fn expire_sign_ins(&mut self) {
        for (late, error) in self.third_parties.expire(Instant::now()) {
            late.waiting.fail(&error);
        }
    }

    /// How far a sign-in is, after the commit of what this turn has made of it.
    ///
    /// # Errors
    /// It failed, is over, or was never begun.
    fn progress(&mut self, hash: &SignInHash) -> Result<SignInProgress, SignInError> {
        self.commit_session_of(hash);
        self.third_parties.progress(hash, Instant::now())
    }

    /// Commits the turn if it has made a session of this sign-in: only the commit uses a sign-in
    /// up, so that one whose session cannot be stored may be repeated, and no two sessions of one
    /// may wait for it.
    fn commit_session_of(&mut self, hash: &SignInHash) {
        let is_of = |success: &AuthSuccess| match success {
            AuthSuccess::Session { sign_in, .. } => sign_in.as_ref() == Some(hash),
            AuthSuccess::Registered | AuthSuccess::LoggedOut => false,
        };
        if self.answers.iter().any(|answer| is_of(&answer.success)) {
            self.commit();
        }
    }

    /// Answers awaitThirdParty and completeThirdParty.
    fn answer_sign_in(
        &mut self,
        waiting: PendingSignIn,
        progress: Result<SignInProgress, SignInError>,
    ) {
        let Some(handle) = waiting.handle.clone() else {
            return;
        };
        let (person, previous) = match progress {
            Ok(SignInProgress::Pending) => {
                return waiting
                    .reply_to
                    .send(|out| Reply::ThirdPartyPending.write(out));
            }
            Ok(SignInProgress::Vouched(person)) => (person, None),
            Ok(SignInProgress::Repeated(person, Some(session))) => (person, Some(session)),
            Ok(SignInProgress::Repeated(_, None)) => return waiting.fail(&SignInError::Over),
            Err(error) => return waiting.fail(&error),
        };
        match self.account_of(&person.identity) {
            Err(refusal) => waiting.refuse(&refusal),
            Ok(Some(credentials)) => {
                self.sign_in(waiting, &handle.hash(), credentials, previous);
            }
            Ok(None) if previous.is_some() => waiting.fail(&SignInError::Over),
            Ok(None) => waiting.reply_to.send(|out| {
                Reply::ThirdPartyUnknown {
                    handle,
                    suggestion: person.suggestion,
                }
                .write(out);
            }),
        }
    }

    /// Logs in to the account of a sign-in's identity. The commit uses the sign-in up.
    fn sign_in(
        &mut self,
        waiting: PendingSignIn,
        hash: &SignInHash,
        credentials: Credentials,
        previous: Option<SessionHash>,
    ) {
        if credentials.is_locked {
            return waiting.refuse(&Refusal::account_locked());
        }
        let began = self.third_parties.began(hash);
        if began.is_none_or(|began| self.is_shut_out(credentials.account, began)) {
            return waiting.fail(&SignInError::Over);
        }
        // A repeat: its first answer was lost, or read by somebody else.
        if let Some(previous) = previous {
            if self.sessions.get(&previous, Timestamp::now()).is_none() {
                return waiting.fail(&SignInError::Over);
            }
            self.end(&previous, "again");
        }
        let method = self.provider_name(hash);
        let PendingSignIn {
            reply_to,
            instruction,
            ..
        } = waiting;
        self.create_session(
            reply_to,
            instruction,
            credentials,
            method,
            false,
            Some(*hash),
        );
    }

    fn account_of(&mut self, identity: &Identity) -> Result<Option<Credentials>, Refusal> {
        self.storage
            .read(|snapshot| snapshot.account_of(identity))
            .map_err(|error| unread(&error))
    }

    /// Makes an account without a password for the person of a sign-in, and logs in.
    pub(super) fn register_third_party(
        &mut self,
        reply_to: ReplyTo,
        handle: SignInHandle,
        username: Username,
        email: Option<Email>,
    ) {
        let hash = handle.hash();
        let waiting = PendingSignIn {
            reply_to,
            instruction: Instruction::RegisterThirdParty,
            handle: Some(handle),
        };
        let (person, previous) = match self.progress(&hash) {
            Ok(SignInProgress::Vouched(person)) => (person, None),
            Ok(SignInProgress::Repeated(person, Some(session))) => (person, Some(session)),
            Ok(SignInProgress::Repeated(_, None)) => return waiting.fail(&SignInError::Over),
            Ok(SignInProgress::Pending) => {
                let text = "the provider has not said yet who you are";
                return waiting.refuse(&Refusal::new(Reason::CodeInvalid, text));
            }
            Err(error) => return waiting.fail(&error),
        };
        // What this turn has registered counts.
        self.commit();
        match self.account_of(&person.identity) {
            Err(refusal) => return waiting.refuse(&refusal),
            // A repeat, or another of the person's programs was first.
            Ok(Some(credentials)) if credentials.username.key() == username.key() => {
                return self.sign_in(waiting, &hash, credentials, previous);
            }
            Ok(Some(_)) => return waiting.refuse(&identity_taken()),
            Ok(None) => {}
        }
        let provider = self.provider_name(&hash);
        let named = (&person, provider.as_str());
        match self.store_third_party(&waiting.reply_to, named, username, email) {
            Ok(credentials) => self.sign_in(waiting, &hash, credentials, None),
            Err(refusal) => waiting.refuse(&refusal),
        }
    }

    /// Stores an account with its identity, in one commit.
    fn store_third_party(
        &mut self,
        reply_to: &ReplyTo,
        (person, provider): (&VouchedPerson, &str),
        username: Username,
        email: Option<Email>,
    ) -> Result<Credentials, Refusal> {
        if let Some(refusal) = email.as_ref().and_then(hidden_email) {
            return Err(refusal);
        }
        let (now, worker) = (Instant::now(), reply_to.peer.worker.uuid);
        let near = Neighbourhood::of(reply_to.client_ip());
        if !self.registrations.allows(worker, near, now) {
            let text = "too many registrations from this address; wait a minute and try again";
            return Err(Refusal::new(Reason::TooManyAttempts, text));
        }
        // Who asks whether a name or an e-mail address is taken pays for it.
        self.registrations.count(worker, near, now);
        let conflict = self
            .storage
            .read(|snapshot| snapshot.name_conflict(&username, email.as_ref()))
            .map_err(|error| unread(&error))?;
        if conflict != NameConflict::Neither {
            return Err(conflict_refusal(conflict));
        }
        let new = NewAccount {
            username,
            email,
            pass_hash: None,
            created: Timestamp::now(),
            starting_cash: self.starting_cash,
            worker,
            boot: reply_to.peer.boot,
            sequence: reply_to.sequence,
            near,
        };
        let place = LoginPlace::of(&new.username.key(), &worker, near);
        let stored = self.storage.write(|tx| {
            let account = tx.insert_account(&new)?;
            tx.store_login_place(account, &place, new.created)?;
            tx.insert_identity(account, &person.identity, provider, new.created)?;
            Ok(account)
        });
        let account = stored.map_err(|error| unstored(&error))?;
        self.count(AccountEvent::Registration, 1);
        if let Some(more) = self.throttle.allow("registration") {
            crate::audit!("registration", user = new.username, identity = person.identity.issuer; more);
        }
        Ok(Credentials {
            account,
            username: new.username,
            pass_hash: None,
            is_locked: false,
        })
    }

    /// Lets the person of a sign-in log in to the asker's account.
    pub(super) fn link_third_party(
        &mut self,
        reply_to: &ReplyTo,
        session: &SessionId,
        handle: &SignInHandle,
    ) {
        let instruction = Instruction::LinkThirdParty;
        let Some(owner) = self.owner(reply_to, instruction, session) else {
            return;
        };
        if !owner.is_fresh {
            return reply_to.fail(instruction, &Refusal::login_again());
        }
        match self.link(owner.account, &handle.hash()) {
            Ok(()) => succeed(reply_to, None),
            Err(refusal) => reply_to.fail(instruction, &refusal),
        }
    }

    fn link(&mut self, account: AccountId, hash: &SignInHash) -> Result<(), Refusal> {
        let progress = self.progress(hash);
        let (person, is_repeat) = match progress.map_err(|error| refusal_of(&error))? {
            SignInProgress::Vouched(person) => (person, false),
            SignInProgress::Repeated(person, None) => (person, true),
            // It has logged in to an account: that of its identity.
            SignInProgress::Repeated(_, Some(_)) => return Err(identity_taken()),
            SignInProgress::Pending => {
                let text = "the provider has not said yet who you are";
                return Err(Refusal::new(Reason::CodeInvalid, text));
            }
        };
        self.commit();
        match self.account_of(&person.identity)? {
            Some(owner) if owner.account == account => {}
            Some(_) => return Err(identity_taken()),
            // It was linked and unlinked since, and leads into no other account.
            None if is_repeat => return Err(refusal_of(&SignInError::Over)),
            None => {
                let issuer = &person.identity.issuer;
                let name = self.provider_name(hash);
                self.change_account(account, &[], |tx| {
                    tx.insert_identity(account, &person.identity, &name, Timestamp::now())?;
                    tell_owner_of(tx, account, OwnerNotice::IdentityLinked, &name)
                })?;
                crate::audit!("identity link", account = account.0, identity = issuer);
            }
        }
        let sign_ins = self.third_parties.sign_ins();
        sign_ins.done(hash, None, Instant::now());
        Ok(())
    }

    /// Takes the identities of a provider from the asker's account, but not its last way in. The
    /// sessions that they have led to end, but the asker's.
    pub(super) fn unlink_third_party(
        &mut self,
        reply_to: &ReplyTo,
        session: &SessionId,
        provider: &IdentityProviderName,
    ) {
        let instruction = Instruction::UnlinkThirdParty;
        let Some(owner) = self.owner(reply_to, instruction, session) else {
            return;
        };
        if !owner.is_fresh {
            return reply_to.fail(instruction, &Refusal::login_again());
        }
        match self.unlink(&owner, provider, reply_to.again) {
            Ok(()) => succeed(reply_to, None),
            Err(refusal) => reply_to.fail(instruction, &refusal),
        }
    }

    fn unlink(
        &mut self,
        owner: &AccountOwner,
        provider: &IdentityProviderName,
        again: bool,
    ) -> Result<(), Refusal> {
        let (account, username, own) = (owner.account, &owner.username, &owner.session);
        self.commit();
        let read = self.storage.read(|snapshot| {
            let identities = snapshot.identities(account)?;
            Ok((identities, snapshot.credentials(username)?))
        });
        let (identities, credentials) = read.map_err(|error| unread(&error))?;
        let named: Vec<&StoredIdentity> = identities
            .iter()
            .filter(|it| self.speaks_for(provider, it))
            .collect();
        let is_gone = |it: &StoredIdentity| {
            let mut gone = named.iter();
            gone.any(|gone| gone.identity.issuer == it.identity.issuer)
        };
        if named.is_empty() {
            let text = format!("no identity of {provider} is linked to this account");
            return match self.third_parties.provider(provider) {
                _ if again => Ok(()),
                Some(_) => Err(Refusal::new(Reason::NoData, text)),
                None => Err(refusal_of(&self.third_parties.unknown())),
            };
        }
        // An identity of a provider that is not configured logs in nowhere.
        let logs_in = |issuer: &str| {
            let mut known = self.third_parties.providers();
            known.any(|provider| provider.issuer == issuer)
        };
        let has_password = credentials.is_some_and(|it| it.pass_hash.is_some());
        let mut left = identities.iter().filter(|it| !is_gone(it));
        if !has_password && !left.any(|it| logs_in(&it.identity.issuer)) {
            let text =
                "this is the only way into the account; set a password first, or link another";
            return Err(Refusal::new(Reason::ThirdPartyLogin, text));
        }
        let ended = self.sessions_by(account, &named, own);
        self.change_account(account, &ended, |tx| {
            for gone in &named {
                tx.delete_identities(account, &gone.identity.issuer)?;
            }
            tell_owner_of(
                tx,
                account,
                OwnerNotice::IdentityUnlinked,
                provider.as_str(),
            )
        })?;
        self.shut_out(account);
        crate::audit!(
            "identity unlink",
            account = account.0,
            identity = provider,
            sessions = ended.len(),
        );
        Ok(())
    }

    /// The sessions of an account that the providers of these identities have led to, but this one.
    fn sessions_by(
        &self,
        account: AccountId,
        identities: &[&StoredIdentity],
        kept: &SessionHash,
    ) -> Vec<SessionHash> {
        let names = identities.iter().flat_map(|it| self.speakers(it));
        let names: Vec<&str> = names.collect();
        let is_by = |kind: &SessionKind| match kind {
            SessionKind::Login(method) => names.contains(&method.as_str()),
            SessionKind::Token { .. } => false,
        };
        self.sessions
            .of(account)
            .filter(|stored| is_by(&stored.session.kind))
            .map(|stored| stored.session.hash)
            .filter(|hash| hash != kept)
            .collect()
    }

    /// Sends the owner of an account the identities by which it is entered.
    pub(super) fn send_own_identities(&mut self, reply_to: &ReplyTo, session: &SessionId) {
        let instruction = Instruction::GetIdentities;
        let Some(owner) = self.owner(reply_to, instruction, session) else {
            return;
        };
        let read = self.storage.read(|it| it.identities(owner.account));
        let identities = match read {
            Ok(identities) => identities,
            Err(error) => return reply_to.fail(instruction, &unread(&error)),
        };
        let own = |stored: StoredIdentity| OwnIdentity {
            providers: self.speakers(&stored).join(","),
            issuer: stored.identity.issuer,
            subject: stored.identity.subject,
            linked: stored.linked,
        };
        let all = identities.into_iter().map(own).collect();
        reply_to.data(&OwnIdentities(all).to_bytes());
    }

    /// The names by which an identity's provider is known: those that are configured for its issuer;
    /// where there is none, the one that it had when the account got the identity.
    fn speakers<'a>(&'a self, stored: &'a StoredIdentity) -> Vec<&'a str> {
        let names: Vec<&str> = self
            .third_parties
            .providers()
            .filter(|provider| provider.issuer == stored.identity.issuer)
            .map(|provider| provider.name.as_str())
            .collect();
        if names.is_empty() && !stored.provider.is_empty() {
            vec![&stored.provider]
        } else {
            names
        }
    }

    /// Whether a provider is one of an identity's.
    fn speaks_for(&self, provider: &IdentityProviderName, stored: &StoredIdentity) -> bool {
        self.speakers(stored).contains(&provider.as_str())
    }

    /// The name of a sign-in's provider.
    fn provider_name(&self, hash: &SignInHash) -> String {
        let provider = self.third_parties.provider_of(hash);
        provider.map_or_else(String::new, |provider| provider.name.to_string())
    }

    /// What a login with a password to an account without one is told: with whom to sign in. `None`
    /// where there is nobody either.
    pub(super) fn third_party_login(&mut self, account: AccountId) -> Option<Refusal> {
        let identities = self.storage.read(|snapshot| snapshot.identities(account));
        let identities = match identities {
            Ok(identities) if !identities.is_empty() => identities,
            Ok(_) => return None,
            Err(error) => return Some(unread(&error)),
        };
        let is_linked = |provider: &&ThirdPartySettings| {
            let mut issuers = identities.iter().map(|it| &it.identity.issuer);
            issuers.any(|issuer| *issuer == provider.issuer)
        };
        let names: Vec<&str> = self
            .third_parties
            .providers()
            .filter(is_linked)
            .map(|provider| provider.name.as_str())
            .collect();
        let text = if names.is_empty() {
            "this account has no password, and its provider is not available here now; ask the \
             administrator"
                .to_owned()
        } else {
            format!(
                "this account has no password; sign in with {}",
                names.join(" or ")
            )
        };
        Some(Refusal::new(Reason::ThirdPartyLogin, text))
    }
}

fn tell_started(waiting: &PendingSignIn, started: StartedSignIn) {
    let flow = started.flow;
    let left = flow.expires.saturating_duration_since(Instant::now());
    let reply = Reply::ThirdPartyStarted {
        handle: started.handle,
        poll: u16::try_from(flow.poll.as_secs().max(1)).unwrap_or(u16::MAX),
        expiry: Timestamp::now().after(left),
        user_code: flow.user_code,
        url: flow.url,
    };
    waiting.reply_to.send(|out| reply.write(out));
}

impl PendingSignIn {
    fn fail(&self, error: &SignInError) {
        self.refuse(&refusal_of(error));
    }

    fn refuse(&self, refusal: &Refusal) {
        self.reply_to.fail(self.instruction, refusal);
    }
}

/// The refusal of a sign-in that goes no further.
fn refusal_of(error: &SignInError) -> Refusal {
    let reason = match error {
        SignInError::UnknownProvider(_) | SignInError::NoProviders => Reason::ProviderUnknown,
        SignInError::MethodNotOffered(_) | SignInError::RedirectUri => Reason::ArgumentInvalid,
        SignInError::TooMany => Reason::TooManyAttempts,
        SignInError::Overloaded => Reason::Overloaded,
        SignInError::Unavailable(_) => Reason::ProviderUnavailable,
        SignInError::Denied => Reason::BadCredentials,
        SignInError::Over | SignInError::OtherState => Reason::CodeInvalid,
    };
    Refusal::new(reason, error.to_string())
}

fn identity_taken() -> Refusal {
    let text = "this person of the provider has another account here";
    Refusal::new(Reason::IdentityTaken, text)
}

fn unread(error: &StorageError) -> Refusal {
    crate::error!("an identity could not be read: {error}");
    Refusal::not_stored()
}

fn unstored(error: &StorageError) -> Refusal {
    crate::error!("an account could not be stored: {error}");
    Refusal::not_stored()
}

#[cfg(test)]
mod tests;
