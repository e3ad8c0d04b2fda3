//! spec/master/mail.md · 3.1.3, 4.1 (basic error handling)
//!
//! Sends the mails of the outbox, and queues the code that somebody asked for. It draws a code when
//! its mail leaves, so that no code stands in the outbox. It never waits for the mail server: the
//! thread `mail_sender` does.
//!
//! Tests: `src/master/mail/tests.rs`.

mod compose;
pub mod smtp;
pub mod templates;

use super::messages::{MailMessage, MailStatus, ResetRequest};
use super::storage::deletion::LogEmptying;
use super::storage::outbox::QueuedMail;
use super::storage::{Storage, StorageError};
use crate::config::MasterConfig;
use crate::model::reset_code::RESET_CODE_CHARS;
use crate::model::{OwnerNotice, ResetCode, ResetCodeHash, Timestamp};
use crate::runtime::backoff::{Backoff, about};
use crate::runtime::failpoint;
use crate::runtime::log::Throttle;
use crate::runtime::neighbourhood::Neighbourhood;
use crate::runtime::rate_limiter::KeyedRateLimiter;
use crate::runtime::{Module, Stop};
use crossbeam_channel::{Receiver, Sender, select};
use lettre::message::Mailbox;
use smtp::{MailServer, OutgoingMail, SmtpError, SmtpTimeouts};
use std::time::{Duration, Instant};
use templates::Templates;
use uuid::Uuid;
use zeroize::Zeroize;

/// How long a code that was sent by mail is valid, from its sending.
pub const CODE_LIFETIME: Duration = Duration::from_secs(20 * 60);
/// Mails with codes in an hour, for an account and for an address.
pub const RESET_MAILS_PER_HOUR_MAX: u64 = 3;
/// Requests for codes in an hour, from a neighbourhood as one worker names it.
pub const RESET_REQUESTS_PER_HOUR_MAX: u32 = 20;
/// The pause after a mail's first attempt. It doubles with each further one.
pub const RETRY_INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause between two attempts.
pub const RETRY_INTERVAL_MAX: Duration = Duration::from_secs(15 * 60);
/// The pause after an attempt of which nobody knows whether the server took the mail.
pub const UNKNOWN_RETRY_INTERVAL: Duration = Duration::from_secs(20 * 60);
/// The longest pause of all mails after the server could not be used.
pub const SERVER_RETRY_INTERVAL_MAX: Duration = Duration::from_secs(5 * 60);
/// A mail with a code that could not be sent for this long is given up: nobody waits for it.
pub const CODE_MAIL_AGE_MAX: Duration = Duration::from_secs(3600);
/// Any other mail that could not be sent for this long is given up.
pub const MAIL_AGE_MAX: Duration = Duration::from_secs(2 * 86_400);
/// How long mails that have ended are remembered.
pub const ENDED_AGE_MAX: Duration = Duration::from_secs(30 * 86_400);
/// How often mails of deleted accounts are forgotten, an hour after they were caused.
const ERASED_INTERVAL: Duration = Duration::from_secs(60);
/// How often ended mails are forgotten.
const FORGET_INTERVAL: Duration = Duration::from_secs(3600);
/// The most mails that are given up in one turn.
const GIVE_UP_BATCH_MAX: usize = 64;
/// Most log lines a minute about requests that were passed over.
const PASSED_OVER_LOGGED_MAX: u32 = 20;
/// Mails that may wait for the sending thread.
pub const SENDER_INBOX_MAX: usize = 1;

/// Who the mails are from.
pub struct MailIdentity {
    /// The deployment's name.
    pub deployment: String,
    pub from: Mailbox,
}

/// All that a configuration says of mail, read and checked.
pub struct MailSetup {
    identity: MailIdentity,
    templates: Templates,
    server: MailServer,
}

impl MailSetup {
    /// Reads templates, credentials and trusted roots; `None` where no mail is configured.
    ///
    /// # Errors
    /// The text names the key, or the file and line.
    pub fn open(config: &MasterConfig) -> Result<Option<MailSetup>, String> {
        let Some(settings) = &config.mail else {
            return Ok(None);
        };
        let templates = Templates::open(settings.templates.as_deref())
            .map_err(|e| format!("mail.templates: {e}"))?;
        Ok(Some(MailSetup {
            identity: MailIdentity {
                deployment: config.name.clone(),
                from: settings.from.clone(),
            },
            templates,
            server: MailServer::open(settings, SmtpTimeouts::DEFAULT)?,
        }))
    }

    /// The module, and the server for [`run_sender`].
    pub fn module(self, storage: Storage, jobs: Sender<OutgoingMail>) -> (Mail, MailServer) {
        let mail = Mail::new(storage, self.identity, self.templates, jobs);
        (mail, self.server)
    }
}

/// Notes in the database whether mails are sent, so that what happens to an account is queued only
/// then.
///
/// # Errors
/// The database fails.
pub fn note_whether_sent(storage: &mut Storage, is_sent: bool) -> Result<(), StorageError> {
    storage.write(|tx| tx.set_outbox_open(is_sent))
}

/// Hands mails over, one after the other, until the signal to stop.
pub fn run_sender(
    server: &MailServer,
    jobs: &Receiver<OutgoingMail>,
    results: &Sender<MailMessage>,
    stop: &Stop,
) {
    loop {
        let mail = select! {
            recv(jobs) -> mail => mail,
            recv(stop.receiver()) -> _ => return,
        };
        let Ok(mail) = mail else {
            // The module has ended, which it does after the signal.
            return;
        };
        let result = server.send(&mail, stop);
        if results
            .send(MailMessage::Attempted(mail.number, result))
            .is_err()
        {
            return;
        }
    }
}

/// A moment by both clocks: mails tell and keep the wall's time, pauses are waited for by the other,
/// which nobody sets.
#[derive(Debug, Clone, Copy)]
struct MailMoment {
    wall: Timestamp,
    steady: Instant,
}

impl MailMoment {
    fn now() -> MailMoment {
        MailMoment {
            wall: Timestamp::now(),
            steady: Instant::now(),
        }
    }
}

/// The mail that the sending thread has.
#[derive(Debug)]
struct MailAttempt {
    number: i64,
    kind: OwnerNotice,
    /// The code that it carries, as a hash.
    code: Option<ResetCodeHash>,
}

/// The module's whole state.
pub struct Mail {
    storage: Storage,
    identity: MailIdentity,
    templates: Templates,
    jobs: Sender<OutgoingMail>,
    requests: KeyedRateLimiter<(Uuid, Neighbourhood)>,
    in_flight: Option<MailAttempt>,
    /// Pauses of all mails.
    backoff: Backoff,
    /// No mail leaves before; `None`: mails leave.
    paused_until: Option<Instant>,
    sent: u64,
    failed: u64,
    /// Mails since the start that found no room, as last looked at.
    dropped: u64,
    last_error: Option<(Timestamp, String)>,
    /// When ended mails were last forgotten; `None`: not in this process.
    forgot: Option<Instant>,
    /// The same of mails of deleted accounts.
    forgot_erased: Option<Instant>,
    /// Empties the database's log after the last mail of a deleted account.
    log_emptying: LogEmptying,
    throttle: Throttle,
}

impl Module for Mail {
    type Message = MailMessage;

    fn on_message(&mut self, message: MailMessage) {
        match message {
            MailMessage::Reset(request) => self.on_reset_request(&request, Timestamp::now()),
            MailMessage::Attempted(number, result) => {
                self.on_attempted(number, result, MailMoment::now());
            }
            MailMessage::Status(reply) => {
                let _ = reply.try_send(self.status());
            }
        }
    }

    fn on_turn_end(&mut self) {
        self.send_next(MailMoment::now());
    }

    fn on_tick(&mut self, now: Instant) {
        self.forget(now);
        self.look_for_dropped();
        self.send_next(MailMoment::now());
        self.log_emptying.go_on(&self.storage, now);
    }
}

impl Mail {
    fn new(
        storage: Storage,
        identity: MailIdentity,
        templates: Templates,
        jobs: Sender<OutgoingMail>,
    ) -> Mail {
        Mail {
            storage,
            identity,
            templates,
            jobs,
            requests: KeyedRateLimiter::per_hour(RESET_REQUESTS_PER_HOUR_MAX),
            in_flight: None,
            backoff: Backoff::new(RETRY_INTERVAL, SERVER_RETRY_INTERVAL_MAX),
            paused_until: None,
            sent: 0,
            failed: 0,
            dropped: 0,
            last_error: None,
            forgot: None,
            forgot_erased: None,
            log_emptying: LogEmptying::default(),
            throttle: Throttle::new(PASSED_OVER_LOGGED_MAX, Duration::from_secs(60)),
        }
    }

    fn status(&mut self) -> MailStatus {
        self.look_for_dropped();
        let waiting = self.storage.read(|snapshot| snapshot.waiting_mails());
        MailStatus {
            waiting: waiting.unwrap_or_default(),
            sent: self.sent,
            failed: self.failed,
            dropped: self.dropped,
            last_error: self.last_error.clone(),
        }
    }

    /// Says in the log how many mails have found no room since it last looked.
    fn look_for_dropped(&mut self) {
        let Ok(dropped) = self.storage.read(|snapshot| snapshot.dropped_mails()) else {
            // The next look into the outbox says so.
            return;
        };
        let more = dropped.saturating_sub(self.dropped);
        if more > 0 {
            crate::warn!("{more} mails to owners of accounts found no room and are not sent");
        }
        self.dropped = dropped;
    }

    /// Queues a mail with a code for the account with this name or address, if there is one. Its
    /// requester has been answered, and hears nothing of what happens here.
    fn on_reset_request(&mut self, request: &ResetRequest, now: Timestamp) {
        let key = (request.worker, request.near);
        let at = Instant::now();
        if !self.requests.allows(&key, at) {
            return self.pass_over("its neighbourhood has asked for too many codes");
        }
        self.requests.count(&key, at);
        let hour_ago = now.before(Duration::from_secs(3600));
        let queued = self.storage.write(|tx| {
            let Some(recipient) = tx.mail_recipient(&request.name_or_address)? else {
                return Ok(Some("no account with an address has this name"));
            };
            if tx.reset_mails_since(&recipient, hour_ago)? >= RESET_MAILS_PER_HOUR_MAX {
                return Ok(Some(
                    "the account or its address got enough codes in this hour",
                ));
            }
            if !tx.insert_reset_mail(&recipient, now)? {
                return Ok(Some("too many mails wait"));
            }
            Ok(None)
        });
        match queued {
            Ok(None) => failpoint::point("mail-queued"),
            Ok(Some(why)) => self.pass_over(why),
            Err(error) => crate::error!("a mail with a code could not be queued: {error}"),
        }
    }

    fn pass_over(&mut self, why: &str) {
        if let Some(more) = self.throttle.allow("reset") {
            crate::info!("a request for a code was passed over: {why}{more}");
        }
    }

    /// Gives the next mail that is due to the sending thread, unless that has one. Gives up mails
    /// that have waited for too long.
    fn send_next(&mut self, moment: MailMoment) {
        let is_paused = self.paused_until.is_some_and(|until| moment.steady < until);
        if self.in_flight.is_some() || is_paused {
            return;
        }
        let now = moment.wall;
        for _ in 0..GIVE_UP_BATCH_MAX {
            let mail = match self.storage.read(|snapshot| snapshot.due_mail(now)) {
                Ok(Some(mail)) => mail,
                Ok(None) => return,
                Err(error) => return self.storage_failed(&error, moment.steady),
            };
            let age_max = match mail.kind {
                OwnerNotice::ResetCode => CODE_MAIL_AGE_MAX,
                _ => MAIL_AGE_MAX,
            };
            if mail.created >= now.before(age_max) {
                if let Err(error) = self.attempt(mail, moment) {
                    self.storage_failed(&error, moment.steady);
                }
                return;
            }
            let why = "it could not be sent in time";
            self.give_up(mail.number, mail.kind, why, moment);
        }
    }

    /// Without the database no mail is found, nor ended.
    fn storage_failed(&mut self, error: &StorageError, at: Instant) {
        crate::error!("the outbox could not be read or written: {error}");
        self.paused_until = at.checked_add(self.backoff.next_wait());
    }

    /// Begins an attempt: counts it, draws the code, and hands the mail on.
    fn attempt(&mut self, mut mail: QueuedMail, moment: MailMoment) -> Result<(), StorageError> {
        let now = moment.wall;
        mail.attempts = mail.attempts.saturating_add(1);
        let code = match (mail.kind, mail.account) {
            (OwnerNotice::ResetCode, Some(account)) => match draw_code() {
                Ok(code) => Some((account, code)),
                Err(error) => {
                    return Err(StorageError::Other(format!("no random bytes: {error}")));
                }
            },
            _ => None,
        };
        let due = now.after(about(pause(mail.attempts)));
        self.storage.write(|tx| {
            tx.begin_mail_attempt(mail.number, due)?;
            if let Some((account, code)) = &code {
                let times = (now, now.after(CODE_LIFETIME));
                tx.store_mailed_code(*account, &code.hash(), &mail.address, times)?;
            }
            Ok(())
        })?;
        failpoint::point("mail-code-stored");
        let code = code.as_ref().map(|(_, code)| code);
        let hash = code.map(ResetCode::hash);
        let out = match compose::compose(&self.identity, &self.templates, &mail, code) {
            Ok(out) => out,
            Err(why) => {
                self.give_up(mail.number, mail.kind, &why, moment);
                return Ok(());
            }
        };
        if self.jobs.try_send(out).is_ok() {
            self.in_flight = Some(MailAttempt {
                number: mail.number,
                kind: mail.kind,
                code: hash,
            });
        }
        Ok(())
    }

    /// An attempt has ended.
    fn on_attempted(&mut self, number: i64, result: Result<(), SmtpError>, moment: MailMoment) {
        let now = moment.wall;
        failpoint::point("mail-attempted");
        let Some(mail) = self.in_flight.take_if(|mail| mail.number == number) else {
            return;
        };
        let kind = mail.kind;
        self.note_end(kind);
        if !matches!(result, Err(SmtpError::Server(_) | SmtpError::Stopped)) {
            self.backoff.reset();
        }
        let stored = match result {
            Ok(()) => {
                self.sent += 1;
                crate::info!("mail {number} ({kind}) was handed to the mail server");
                self.storage.write(|tx| tx.end_mail(number, true, now))
            }
            Err(SmtpError::Refused(text)) => {
                self.give_up(number, kind, &text, moment);
                // Nobody got it, and the server has read it.
                mail.code.as_ref().map_or(Ok(()), |code| {
                    self.storage.write(|tx| tx.delete_reset_code(code))
                })
            }
            Err(SmtpError::Deferred(text)) => {
                self.note_error(number, kind, &text, now);
                Ok(())
            }
            Err(SmtpError::Unknown(text)) => {
                self.note_error(number, kind, &text, now);
                let due = now.after(about(UNKNOWN_RETRY_INTERVAL));
                self.storage.write(|tx| tx.postpone_mail(number, due))
            }
            Err(SmtpError::Server(text)) => {
                self.note_error(number, kind, &text, now);
                let wait = about(self.backoff.next_wait());
                self.paused_until = moment.steady.checked_add(wait);
                Ok(())
            }
            Err(SmtpError::Stopped) => Ok(()),
        };
        if let Err(error) = stored {
            self.storage_failed(&error, moment.steady);
        }
    }

    fn note_error(&mut self, number: i64, kind: OwnerNotice, why: &str, now: Timestamp) {
        crate::warn!("mail {number} ({kind}) was not sent yet: {why}");
        self.last_error = Some((now, why.to_owned()));
    }

    /// A mail may end. That of a deleted account leaves the log soon.
    fn note_end(&mut self, kind: OwnerNotice) {
        if kind == OwnerNotice::AccountDeleted {
            self.log_emptying.ask();
        }
    }

    /// Ends a mail that was not sent.
    fn give_up(&mut self, number: i64, kind: OwnerNotice, why: &str, moment: MailMoment) {
        let now = moment.wall;
        self.note_end(kind);
        crate::warn!("mail {number} ({kind}) was given up: {why}");
        self.failed += 1;
        self.last_error = Some((now, why.to_owned()));
        if let Err(error) = self.storage.write(|tx| tx.end_mail(number, false, now)) {
            self.storage_failed(&error, moment.steady);
        }
    }

    /// Forgets mails that ended long ago, once in [`FORGET_INTERVAL`], and those of deleted accounts,
    /// once in [`ERASED_INTERVAL`].
    fn forget(&mut self, now: Instant) {
        self.requests.tidy(now);
        let is_due = |forgot: Option<Instant>, interval: Duration| {
            forgot.is_none_or(|at| now.saturating_duration_since(at) >= interval)
        };
        if is_due(self.forgot_erased, ERASED_INTERVAL) {
            self.forgot_erased = Some(now);
            let forgotten = self
                .storage
                .write(|tx| tx.delete_erased_mails(Timestamp::now()));
            if let Err(error) = forgotten {
                crate::error!("mails of deleted accounts could not be forgotten: {error}");
            }
        }
        if is_due(self.forgot, FORGET_INTERVAL) {
            self.forgot = Some(now);
            let before = Timestamp::now().before(ENDED_AGE_MAX);
            if let Err(error) = self.storage.write(|tx| tx.delete_ended_mails(before)) {
                crate::error!("old mails could not be forgotten: {error}");
            }
        }
    }
}

/// Draws a code.
///
/// # Errors
/// The system has no random bytes.
pub fn draw_code() -> Result<ResetCode, getrandom::Error> {
    let mut bytes = [0; RESET_CODE_CHARS];
    getrandom::fill(&mut bytes)?;
    let code = ResetCode::from_bytes(&bytes);
    bytes.zeroize();
    Ok(code)
}

/// The pause after so many attempts.
fn pause(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    RETRY_INTERVAL
        .saturating_mul(1 << doublings)
        .min(RETRY_INTERVAL_MAX)
}

#[cfg(test)]
mod tests;
