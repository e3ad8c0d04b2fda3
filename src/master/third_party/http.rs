//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! One HTTP call to a provider of identities: bounded in size and time, no redirect followed.
//!
//! Tests: `tests/suite/master/third_party.rs`.

use super::error::VouchError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::io::Read;
use std::time::{Duration, Instant};
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};
use url::Url;

/// Longest answer, in bytes, after decompression.
pub const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Time limit for a call, from the look-up of the host's name to the answer's last byte.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Characters of an answer that are shown.
const EXCERPT_MAX: usize = 160;

/// How this deployment proves to a provider who it is (RFC 6749, section 2.3).
#[derive(Debug, Clone, Copy)]
pub enum ClientProof<'a> {
    /// A value of the `Authorization` header.
    Header(&'a str),
    /// Fields of the form.
    Fields(&'a [(&'static str, &'a str)]),
}

/// An HTTP client for one provider.
pub struct IdentityHttp {
    agent: Agent,
}

impl IdentityHttp {
    /// A client that trusts the certificates that the system trusts.
    pub fn open() -> IdentityHttp {
        let roots: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        let agent = Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::from(roots))
                    .build(),
            )
            .http_status_as_error(false)
            // Redirects are not followed: a secret must not be sent to the address in an answer.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("papertrader/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .build()
            .new_agent();
        IdentityHttp { agent }
    }

    /// Gets a JSON document.
    ///
    /// # Errors
    /// [`VouchError::Unavailable`]: no whole document of the right form came in time.
    pub fn get<T: DeserializeOwned>(&self, url: &Url, deadline: Instant) -> Result<T, VouchError> {
        let response = self
            .agent
            .get(url.as_str())
            .config()
            .timeout_global(Some(time_left(url, deadline)?))
            .build()
            .call()
            .map_err(|error| failed(url, &error))?;
        let (status, body) = read(url, response)?;
        if status != StatusCode::OK {
            return Err(unexpected(url, status, &excerpt(&body)));
        }
        json(url, &body)
    }

    /// Posts a form. Returns the status and the answer, whatever they are.
    ///
    /// # Errors
    /// [`VouchError::Unavailable`]: no whole answer came in time.
    pub fn post(
        &self,
        url: &Url,
        form: &[(&str, &str)],
        proof: ClientProof<'_>,
        deadline: Instant,
    ) -> Result<(StatusCode, Vec<u8>), VouchError> {
        let mut request = self.agent.post(url.as_str());
        let fields: &[(&str, &str)] = match proof {
            ClientProof::Header(value) => {
                request = request.header("authorization", value);
                &[]
            }
            ClientProof::Fields(fields) => fields,
        };
        let response = request
            .config()
            .timeout_global(Some(time_left(url, deadline)?))
            .build()
            .send_form(form.iter().chain(fields).copied())
            .map_err(|error| failed(url, &error))?;
        read(url, response)
    }
}

/// The time that a call has.
fn time_left(url: &Url, deadline: Instant) -> Result<Duration, VouchError> {
    let left = deadline
        .saturating_duration_since(Instant::now())
        .min(CALL_TIMEOUT);
    if left.is_zero() {
        let text = format!("no time was left to ask {}", host(url));
        return Err(VouchError::Unavailable(text));
    }
    Ok(left)
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

fn read(url: &Url, response: Response<Body>) -> Result<(StatusCode, Vec<u8>), VouchError> {
    let status = response.status();
    if status.is_redirection() {
        let text = format!("{} redirects, and redirects are not followed", host(url));
        return Err(VouchError::Unavailable(text));
    }
    let mut bytes = Vec::new();
    let reader = response
        .into_body()
        .into_with_config()
        .limit(ANSWER_BYTES_MAX)
        .reader();
    reader
        .take(ANSWER_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| failed(url, &ureq::Error::from(error)))?;
    Ok((status, bytes))
}

/// Turns an error of the HTTP client into one of the provider.
fn failed(url: &Url, error: &ureq::Error) -> VouchError {
    let inner = match error {
        // The client wraps its own errors where only an I/O error fits.
        ureq::Error::Io(io) => io
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<ureq::Error>()),
        _ => None,
    };
    let host = host(url);
    VouchError::Unavailable(match inner.unwrap_or(error) {
        ureq::Error::Timeout(_) => format!("{host} did not answer in time"),
        ureq::Error::HostNotFound => format!("{host} is not known to the name servers"),
        ureq::Error::BodyExceedsLimit(_) => {
            format!("{host} answered more than {} KiB", ANSWER_BYTES_MAX / 1024)
        }
        other => format!(
            "{host} cannot be reached: {}",
            excerpt(other.to_string().as_bytes())
        ),
    })
}

/// The error that an answer names (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct ErrorAnswer {
    error: String,
}

/// The error that an answer names, if it is one: all that may be shown of an answer that may hold a
/// token or a code.
pub(super) fn named_error(body: &[u8]) -> Option<String> {
    let said: Option<ErrorAnswer> = serde_json::from_slice(body).ok();
    said.map(|said| said.error)
}

/// What a status means that no protocol gives a meaning to, of an answer that may hold a token or
/// a code.
pub(super) fn refused(url: &Url, status: StatusCode, body: &[u8]) -> VouchError {
    let said = named_error(body);
    let shown = said.map_or_else(
        || "nothing that is an error".to_owned(),
        |error| excerpt(error.as_bytes()),
    );
    unexpected(url, status, &shown)
}

/// What a status means that no protocol gives a meaning to. `said` goes into the log.
fn unexpected(url: &Url, status: StatusCode, said: &str) -> VouchError {
    let text = format!("{} answered {status}, saying {said}", host(url));
    if status.is_client_error() {
        VouchError::Refused(text)
    } else {
        VouchError::Unavailable(text)
    }
}

/// Parses an answer as JSON.
pub(super) fn json<T: DeserializeOwned>(url: &Url, body: &[u8]) -> Result<T, VouchError> {
    serde_json::from_slice(body).map_err(|error| {
        let text = format!(
            "{} answered in another form than it should: {}",
            host(url),
            json_fault(&error)
        );
        VouchError::Unavailable(text)
    })
}

/// Where a JSON document is wrong, without what stands there: that may be a token.
pub(super) fn json_fault(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        Category::Io => "it cannot be read",
        Category::Syntax => "it is no JSON",
        Category::Data => "a value is missing or another",
        Category::Eof => "it ends too early",
    };
    format!("{kind}, line {}, column {}", error.line(), error.column())
}

/// A text from elsewhere for messages: short, in quotes, without control characters.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut short: String = text
        .trim()
        .chars()
        .take(EXCERPT_MAX)
        .map(|c| {
            if crate::model::printable::is_printable(c) {
                c
            } else {
                ' '
            }
        })
        .collect();
    if text.trim().chars().count() > EXCERPT_MAX {
        short.push('…');
    }
    format!("{short:?}")
}
