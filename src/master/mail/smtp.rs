//! spec/master/mail.md · 4.1 (basic error handling)
//!
//! Hands one mail to the mail server. A server that is slow, silent or lies costs this thread a
//! bounded time and bounded memory, and nobody else anything.
//!
//! Tests: `src/master/mail/smtp/tests.rs`.

mod socket;

use crate::config::{MailSecurity, MailSettings, MailUrl};
use crate::model::printable::clean;
use crate::net::certificate;
use crate::runtime::Stop;
use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use socket::{SmtpSocket, WaitError};
use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The longest line of a server's answer, in bytes. RFC 5321 has 512.
const LINE_BYTES: usize = 2_000;
/// The most lines of an answer.
const LINES_MAX: usize = 100;
/// Characters of a server's answer that are shown.
const ANSWER_SHOWN_MAX: usize = 200;
/// The most questions that a server asks before it knows who we are.
const AUTH_STEPS_MAX: usize = 4;

/// How long a mail server may take.
#[derive(Debug, Clone, Copy)]
pub struct SmtpTimeouts {
    /// For looking its name up and connecting.
    pub connect: Duration,
    /// For the TLS handshake, and for each answer.
    pub answer: Duration,
    /// For the answer to a whole mail.
    pub delivery: Duration,
}

impl SmtpTimeouts {
    /// Those in force. RFC 5321 (4.5.3.2) allows 5 and 10 minutes, for servers that pass mail on
    /// while their client waits.
    pub const DEFAULT: SmtpTimeouts = SmtpTimeouts {
        connect: Duration::from_secs(15),
        answer: Duration::from_secs(30),
        delivery: Duration::from_secs(120),
    };
}

/// Why a mail was not handed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SmtpError {
    /// The server cannot be used now, for any mail.
    #[error("{0}")]
    Server(String),
    /// The server refuses this mail for now.
    #[error("{0}")]
    Deferred(String),
    /// The server refuses this mail for good.
    #[error("{0}")]
    Refused(String),
    /// The server had the whole mail and did not say whether it took it.
    #[error("{0}")]
    Unknown(String),
    /// The master stops.
    #[error("the master stops")]
    Stopped,
}

/// A mail as it goes over the wire. It may hold a code, so it is wiped when dropped.
pub struct OutgoingMail {
    /// The number of its row in the outbox.
    pub number: i64,
    pub from: Address,
    pub to: Address,
    /// Header and text, lines ending in CR LF.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// The mail server, with all that is needed to use it.
#[derive(Clone)]
pub struct MailServer {
    url: MailUrl,
    credentials: Option<Credentials>,
    tls: Option<Arc<ClientConfig>>,
    timeouts: SmtpTimeouts,
}

impl MailServer {
    /// The server of a configuration. Reads the files of credentials and of trusted roots.
    ///
    /// # Errors
    /// A file cannot be read or has another form. The text names the key.
    pub fn open(settings: &MailSettings, timeouts: SmtpTimeouts) -> Result<MailServer, String> {
        let credentials = settings.credentials.as_deref().map(credentials).transpose();
        let tls = match settings.url.security {
            MailSecurity::Plain => None,
            MailSecurity::Tls | MailSecurity::StartTls => {
                let roots = roots(settings.ca.as_deref()).map_err(|e| format!("mail.ca: {e}"))?;
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(|e| format!("mail.url: {e}"))?
                    .with_root_certificates(roots)
                    .with_no_client_auth();
                Some(Arc::new(config))
            }
        };
        Ok(MailServer {
            url: settings.url.clone(),
            credentials: credentials.map_err(|e| format!("mail.credentials: {e}"))?,
            tls,
            timeouts,
        })
    }

    /// Hands one mail over, on a connection of its own.
    ///
    /// # Errors
    /// The mail was not handed over, or nobody knows.
    pub fn send(&self, mail: &OutgoingMail, stop: &Stop) -> Result<(), SmtpError> {
        let mut session = Session::open(self, stop)?;
        let mut parameters = Vec::new();
        if !mail.to.to_string().is_ascii() {
            if !session.has("SMTPUTF8") {
                return Err(SmtpError::Refused(
                    "the server takes no address with other than ASCII characters".to_owned(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let from = Mail::new(Some(mail.from.clone()), parameters);
        session.judged("MAIL", &from)?;
        session.judged("RCPT", &Rcpt::new(mail.to.clone(), Vec::new()))?;
        let answer = session.ask("DATA", &Data)?;
        if answer.code != 354 {
            return Err(answer.judgement("DATA"));
        }
        session.deliver(&mail.bytes)?;
        session.quit();
        Ok(())
    }
}

/// Reads the two lines of the file of credentials.
fn credentials(path: &Path) -> Result<Credentials, String> {
    let name = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| format!("{name} cannot be read: {e}"))?;
    let text = Zeroizing::new(text);
    let mut lines = text.lines().map(str::trim_end);
    let mut line = |number: u32, what: &str| {
        let line = lines.next().unwrap_or_default();
        if line.is_empty() || line.chars().any(char::is_control) {
            return Err(format!(
                "{name}, line {number}: this line must be the {what} and nothing else"
            ));
        }
        Ok(line.to_owned())
    };
    Ok(Credentials::new(line(1, "name")?, line(2, "password")?))
}

/// The system's roots, and those of a file.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca {
        certificate::add_roots(&mut roots, path)?;
    }
    if roots.is_empty() {
        return Err(
            "this machine has no trust roots: install ca-certificates, or name a file".to_owned(),
        );
    }
    Ok(roots)
}

/// A server's answer.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: u16,
    lines: Vec<String>,
}

impl Answer {
    fn is_success(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// What the answer means for a mail that it does not accept.
    fn judgement(&self, command: &str) -> SmtpError {
        let text = self.shown(command);
        match self.code {
            // The server closes, for all mails.
            421 => SmtpError::Server(text),
            500..600 => SmtpError::Refused(text),
            400..500 => SmtpError::Deferred(text),
            _ => SmtpError::Server(text),
        }
    }

    /// The answer on one line, for the log and for administrators, without addresses.
    fn shown(&self, command: &str) -> String {
        let text: String = without_addresses(&clean(&self.lines.join(" ")))
            .chars()
            .take(ANSWER_SHOWN_MAX)
            .collect();
        format!("{command}: {} {text}", self.code)
            .trim_end()
            .to_owned()
    }
}

/// What a server says, without the addresses that it often repeats, however it spells them: every
/// word with an `@`.
fn without_addresses(text: &str) -> String {
    let words = text.split(' ');
    let hidden = words.map(|word| match word.contains('@') {
        true => "(an address)",
        false => word,
    });
    hidden.collect::<Vec<_>>().join(" ")
}

/// A conversation with the server, up to a mail.
struct Session<'a> {
    server: &'a MailServer,
    socket: SmtpSocket,
    /// The lines that the server has answered to EHLO: what it can.
    abilities: Vec<String>,
}

impl<'a> Session<'a> {
    /// Connects, turns TLS on, and says who we are.
    fn open(server: &'a MailServer, stop: &Stop) -> Result<Session<'a>, SmtpError> {
        let MailServer { url, timeouts, .. } = server;
        let failed = |step: &str, error: WaitError| server_error(url, step, error);
        let socket = SmtpSocket::connect(&url.server, timeouts.connect, stop)
            .map_err(|e| failed("connecting", e))?;
        let mut session = Session {
            server,
            socket,
            abilities: Vec::new(),
        };
        if url.security == MailSecurity::Tls {
            session.turn_tls_on()?;
        }
        let greeting = session.answer("the greeting", timeouts.answer)?;
        session.expect("the greeting", &greeting)?;
        session.hello()?;
        if url.security == MailSecurity::StartTls {
            if !session.has("STARTTLS") {
                return Err(session.fault("it does not offer STARTTLS"));
            }
            let answer = session.ask("STARTTLS", &Starttls)?;
            session.expect("STARTTLS", &answer)?;
            session.turn_tls_on()?;
            session.hello()?;
        }
        session.log_in()?;
        Ok(session)
    }

    fn turn_tls_on(&mut self) -> Result<(), SmtpError> {
        let (Some(config), host) = (&self.server.tls, self.server.url.server.host()) else {
            return Err(self.fault("there is no TLS configuration"));
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| self.fault("its name fits no certificate"))?;
        self.socket
            .turn_tls_on(Arc::clone(config), name, self.server.timeouts.answer)
            .map_err(|e| server_error(&self.server.url, "TLS", e))
    }

    fn hello(&mut self) -> Result<(), SmtpError> {
        let client = match self.socket.local_ip() {
            std::net::IpAddr::V4(ip) => ClientId::Ipv4(ip),
            std::net::IpAddr::V6(ip) => ClientId::Ipv6(ip),
        };
        let answer = self.ask("EHLO", &Ehlo::new(client))?;
        self.expect("EHLO", &answer)?;
        self.abilities = answer.lines;
        Ok(())
    }

    /// Whether a server can something, by the first word of a line of its answer to EHLO.
    fn has(&self, ability: &str) -> bool {
        self.words(ability).is_some()
    }

    /// The further words of such a line.
    fn words(&self, ability: &str) -> Option<impl Iterator<Item = &str>> {
        let lines = self.abilities.iter().skip(1);
        let mut split = lines.map(|line| line.split_whitespace());
        split.find_map(|mut words| {
            words
                .next()
                .is_some_and(|word| word.eq_ignore_ascii_case(ability))
                .then_some(words)
        })
    }

    fn log_in(&mut self) -> Result<(), SmtpError> {
        let Some(credentials) = self.server.credentials.clone() else {
            return Ok(());
        };
        let offers = |name: &str| {
            let mut offered = self.words("AUTH").into_iter().flatten();
            offered.any(|word| word.eq_ignore_ascii_case(name))
        };
        let mechanism = if offers("PLAIN") {
            Mechanism::Plain
        } else if offers("LOGIN") {
            Mechanism::Login
        } else {
            return Err(self.fault("it offers neither AUTH PLAIN nor AUTH LOGIN"));
        };
        let failed = |session: &Self, error: lettre::transport::smtp::Error| {
            session.fault(&format!("AUTH: {error}"))
        };
        let first = Auth::new(mechanism, credentials.clone(), None).map_err(|e| failed(self, e))?;
        let mut answer = self.ask("AUTH", &first)?;
        for _ in 0..AUTH_STEPS_MAX {
            if answer.code != 334 {
                break;
            }
            let challenge = answer.to_response(self)?;
            let next = Auth::new_from_response(mechanism, credentials.clone(), &challenge)
                .map_err(|e| failed(self, e))?;
            answer = self.ask("AUTH", &next)?;
        }
        self.expect("AUTH", &answer)
    }

    /// Sends a command that the server accepts or refuses for this mail.
    fn judged(&mut self, name: &str, command: &impl Display) -> Result<(), SmtpError> {
        let answer = self.ask(name, command)?;
        if answer.is_success() {
            Ok(())
        } else {
            Err(answer.judgement(name))
        }
    }

    fn ask(&mut self, name: &str, command: &impl Display) -> Result<Answer, SmtpError> {
        let timeout = self.server.timeouts.answer;
        let line = Zeroizing::new(command.to_string());
        self.socket
            .write(line.as_bytes(), timeout)
            .map_err(|e| server_error(&self.server.url, name, e))?;
        self.answer(name, timeout)
    }

    fn answer(&mut self, name: &str, timeout: Duration) -> Result<Answer, SmtpError> {
        read_answer(&mut self.socket, timeout).map_err(|e| server_error(&self.server.url, name, e))
    }

    fn expect(&self, name: &str, answer: &Answer) -> Result<(), SmtpError> {
        if answer.is_success() {
            Ok(())
        } else {
            Err(self.fault(&answer.shown(name)))
        }
    }

    /// Sends the mail itself. From its last byte on the server may have it.
    fn deliver(&mut self, mail: &[u8]) -> Result<(), SmtpError> {
        const WHAT: &str = "the mail";
        let timeout = self.server.timeouts.delivery;
        let url = &self.server.url;
        let stuffed = dot_stuffed(mail);
        self.socket
            .write(&stuffed, timeout)
            .map_err(|e| server_error(url, WHAT, e))?;
        let unknown = |error: WaitError| match error {
            WaitError::Stopped => SmtpError::Stopped,
            other => SmtpError::Unknown(format!("{}: {WHAT}: {other}", url.server)),
        };
        self.socket.write(b".\r\n", timeout).map_err(unknown)?;
        let answer = read_answer(&mut self.socket, timeout).map_err(unknown)?;
        if answer.is_success() {
            return Ok(());
        }
        // Its text may quote the mail, which may have a code.
        let lines = Vec::new();
        Err(Answer { lines, ..answer }.judgement(WHAT))
    }

    /// Says good-bye. The mail is handed over, so nothing depends on the answer.
    fn quit(&mut self) {
        let line = Quit.to_string();
        let _ = self
            .socket
            .write(line.as_bytes(), self.server.timeouts.answer);
    }

    fn fault(&self, text: &str) -> SmtpError {
        SmtpError::Server(format!("{}: {text}", self.server.url.server))
    }
}

impl Answer {
    /// The answer in the form of lettre.
    fn to_response(
        &self,
        session: &Session<'_>,
    ) -> Result<lettre::transport::smtp::response::Response, SmtpError> {
        let text = self.lines.first().map(String::as_str).unwrap_or_default();
        format!("{} {text}\r\n", self.code)
            .parse()
            .map_err(|_| session.fault("AUTH: an answer that cannot be read"))
    }
}

fn server_error(url: &MailUrl, step: &str, error: WaitError) -> SmtpError {
    match error {
        WaitError::Stopped => SmtpError::Stopped,
        other => SmtpError::Server(format!("{}: {step}: {other}", url.server)),
    }
}

/// Reads the lines of one answer: three digits, a hyphen before the last line's blank, a text.
fn read_answer(socket: &mut SmtpSocket, timeout: Duration) -> Result<Answer, WaitError> {
    let deadline = std::time::Instant::now() + timeout;
    let mut lines = Vec::new();
    loop {
        let line = socket.line(LINE_BYTES, deadline)?;
        let line = String::from_utf8_lossy(&line).into_owned();
        let code = line.get(..3).and_then(|digits| digits.parse().ok());
        let (Some(code), mark) = (code, line.get(3..4).unwrap_or(" ")) else {
            return Err(WaitError::Nonsense(
                "an answer without a code; is this a mail server?".to_owned(),
            ));
        };
        let text = line.get(4..).unwrap_or_default().to_owned();
        lines.push(text);
        match mark {
            "-" if lines.len() < LINES_MAX => {}
            "-" => {
                return Err(WaitError::Nonsense(format!(
                    "an answer of more than {LINES_MAX} lines"
                )));
            }
            _ => return Ok(Answer { code, lines }),
        }
    }
}

/// The mail with a second dot where a line begins with one, so that none of its lines ends it.
fn dot_stuffed(mail: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut stuffed = Zeroizing::new(Vec::with_capacity(mail.len() + mail.len() / 8 + 4));
    for line in mail.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed
}

#[cfg(test)]
mod tests;
