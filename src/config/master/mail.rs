//! spec/config/master/mail.md · 2.3 Global Deployment Variables, 4.1 (basic error handling)
//!
//! The `[mail]` table: by which server mails leave, from whom, and with which texts.
//!
//! Tests: `src/config/tests.rs`.

use crate::config::check;
use crate::config::reader::{ConfigReport, ConfigTable, IfAbsent};
use crate::config::values::{HostPort, is_loopback};
use crate::config::writer::TomlValues;
use lettre::message::Mailbox;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// How a mail server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte: `smtps://`.
    Tls,
    /// Plain text until STARTTLS, which is required: `smtp+starttls://`.
    StartTls,
    /// Plain text, on loopback alone: `smtp://`.
    Plain,
}

impl MailSecurity {
    const ALL: [MailSecurity; 3] = [
        MailSecurity::Tls,
        MailSecurity::StartTls,
        MailSecurity::Plain,
    ];

    fn scheme(self) -> &'static str {
        match self {
            MailSecurity::Tls => "smtps://",
            MailSecurity::StartTls => "smtp+starttls://",
            MailSecurity::Plain => "smtp://",
        }
    }

    /// The port that is usual for it.
    fn default_port(self) -> u16 {
        match self {
            MailSecurity::Tls => 465,
            MailSecurity::StartTls => 587,
            MailSecurity::Plain => 25,
        }
    }
}

/// The URL of a mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailUrl {
    pub security: MailSecurity,
    pub server: HostPort,
}

impl FromStr for MailUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str =
            "such as \"smtps://mail.example.org:465\" or \"smtp+starttls://mail.example.org\"";
        let found = MailSecurity::ALL
            .into_iter()
            .find_map(|security| Some((security, text.strip_prefix(security.scheme())?)));
        let (security, rest) = found.ok_or_else(|| format!("{text:?} is not a URL {FORM}"))?;
        if rest.contains('@') {
            return Err(
                "name and password stand in the file of `credentials`, not here".to_owned(),
            );
        }
        let with_port = if rest.ends_with(']') || !rest.contains(':') {
            format!("{rest}:{}", security.default_port())
        } else {
            rest.to_owned()
        };
        let server: HostPort = with_port
            .parse()
            .map_err(|_| format!("{text:?} is not a URL {FORM}"))?;
        let host = server.host();
        let loopback = host == "localhost" || host.parse().is_ok_and(is_loopback);
        if security == MailSecurity::Plain && !loopback {
            return Err(format!(
                "{text:?} is not encrypted: smtp: is accepted on loopback only, use smtps: or smtp+starttls:"
            ));
        }
        Ok(MailUrl { security, server })
    }
}

impl fmt::Display for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.security.scheme(), self.server)
    }
}

/// `[mail]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailSettings {
    pub url: MailUrl,
    /// The sender of all mails.
    pub from: Mailbox,
    /// A file of two lines, name and password. `None`: the server asks for none.
    pub credentials: Option<PathBuf>,
    /// A PEM file of roots that are trusted beside the system's.
    pub ca: Option<PathBuf>,
    /// A folder of texts that replace the built-in ones of the same name.
    pub templates: Option<PathBuf>,
}

/// Reads `[mail]`; `None` where it is absent.
pub(super) fn read(root: &mut ConfigTable<'_, '_>) -> Option<MailSettings> {
    let mut table = root.table("mail")?;
    let url = table.parsed("url", IfAbsent::Required(None), |text| {
        text.parse().map(Some)
    });
    let from = table.parsed("from", IfAbsent::Required(None), |text| {
        from(text).map(Some)
    });
    let mut file = |key: &'static str| table.has(key).then(|| table.path(key, None));
    let credentials = file("credentials").map(check::or_credential);
    let (ca, templates) = (file("ca"), file("templates"));
    table.finish();
    // A missing or wrong one was reported.
    Some(MailSettings {
        url: url?,
        from: from?,
        credentials,
        ca,
        templates,
    })
}

fn from(text: &str) -> Result<Mailbox, String> {
    let form =
        || format!("{text:?} is not a sender such as \"PaperTrader <no-reply@example.org>\"");
    if text.chars().any(char::is_control) {
        return Err(form());
    }
    let mailbox: Mailbox = text.parse().map_err(|_| form())?;
    if mailbox.email.to_string().is_ascii() {
        Ok(mailbox)
    } else {
        Err(format!(
            "{text:?}: a sender's address is of ASCII characters; write a domain of others as xn--…"
        ))
    }
}

impl MailSettings {
    pub(super) fn check_files(&self, report: &ConfigReport) {
        if let Some(credentials) = &self.credentials {
            check::secret_file(report, "mail.credentials", credentials);
        }
        if let Some(ca) = &self.ca {
            check::readable_file(report, "mail.ca", ca);
        }
        if let Some(templates) = &self.templates {
            check::folder(report, "mail.templates", templates);
        }
    }

    pub(super) fn write(&self, values: &mut TomlValues) {
        values.text("mail.url", &self.url);
        values.text("mail.from", &self.from);
        for (key, path) in [
            ("mail.credentials", &self.credentials),
            ("mail.ca", &self.ca),
            ("mail.templates", &self.templates),
        ] {
            if let Some(path) = path {
                values.path(key, path);
            }
        }
    }
}
