//! spec/master/assets/providers/http.md · 3.1.6 (communicate with the assets API)
//!
//! One HTTP call to a provider's API. Every failure becomes an error that an administrator can act
//! on.

use super::super::budget::{CallBudget, Purpose};
use super::super::price::parse_price;
use super::super::provider::{AssetsError, ProviderError};
use crate::model::{Bar, Money, Ratio, Symbol, Timestamp, ValueError};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use ureq::http::{Response, StatusCode};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error};

/// Longest answer, in bytes; the largest known one is some 15 MiB.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Time limit for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for a call, whatever its deadline.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Back-off after a 429 without a header that says how long.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(60);

/// Longest back-off that an API can request.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// Characters of an error's answer that are shown.
const ERROR_TEXT_MAX: usize = 160;

/// An HTTP client for one API.
pub struct ProviderHttp {
    agent: Agent,
    budget: Arc<CallBudget>,
    purpose: Purpose,
    headers: Vec<(&'static str, String)>,
}

impl ProviderHttp {
    /// Creates a client. `headers` are sent with every call; `ca` is a file of certificates that
    /// are trusted in addition to the system's.
    ///
    /// # Errors
    /// The file of certificates cannot be read.
    pub fn new(
        budget: Arc<CallBudget>,
        purpose: Purpose,
        headers: Vec<(&'static str, String)>,
        ca: Option<&Path>,
    ) -> Result<ProviderHttp, AssetsError> {
        let mut roots: Vec<Certificate<'static>> = rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect();
        if let Some(path) = ca {
            let pem = std::fs::read(path)
                .map_err(|e| AssetsError::in_file(path, format!("cannot be read: {e}")))?;
            for item in parse_pem(&pem) {
                match item {
                    Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
                    Ok(_) => {}
                    Err(e) => {
                        return Err(AssetsError::in_file(path, format!("no certificate: {e}")));
                    }
                }
            }
        }
        let agent = Agent::config_builder()
            .tls_config(
                TlsConfig::builder()
                    .root_certs(RootCerts::from(roots))
                    .build(),
            )
            .http_status_as_error(false)
            // Redirects are not followed: a key must not be sent to the address in an answer.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .user_agent(concat!("papertrader/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(ProviderHttp {
            agent,
            budget,
            purpose,
            headers,
        })
    }

    /// Makes one call and returns the answer as text.
    ///
    /// # Errors
    /// The answer is incomplete, or its status is not 200.
    pub fn get(
        &self,
        url: &str,
        query: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<String, ProviderError> {
        let host = host_of(url);
        let now = Instant::now();
        let left = deadline.saturating_duration_since(now).min(CALL_TIMEOUT);
        if left.is_zero() {
            return Err(ProviderError::Unreachable(format!(
                "no time was left to ask {host}"
            )));
        }
        self.budget.take(self.purpose, now)?;
        let mut request = self.agent.get(url).query_pairs(query.iter().copied());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let response = request
            .config()
            .timeout_global(Some(left))
            .build()
            .call()
            .map_err(|error| provider_error(&host, &error))?;
        let status = response.status();
        if status == StatusCode::OK {
            return read(&host, response);
        }
        Err(status_error(&host, status, response))
    }
}

/// The host of a URL, for messages.
fn host_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}

fn read(host: &str, response: Response<Body>) -> Result<String, ProviderError> {
    let mut bytes = Vec::new();
    let reader = response
        .into_body()
        .into_with_config()
        .limit(ANSWER_BYTES_MAX)
        .reader();
    reader
        .take(ANSWER_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| provider_error(host, &Error::from(error)))?;
    String::from_utf8(bytes)
        .map_err(|_| ProviderError::Broken(format!("{host} answered something that is no text")))
}

/// Turns an answer with a status other than 200 into an error.
fn status_error(host: &str, status: StatusCode, response: Response<Body>) -> ProviderError {
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    let code = status.as_u16();
    if matches!(code, 418 | 429) {
        let (after, until) = (header("retry-after"), header("x-ratelimit-reset"));
        // Both times are by the API's clock, and ours may be wrong.
        let now = header("date").and_then(date);
        let now = now.unwrap_or_else(OffsetDateTime::now_utc);
        return ProviderError::Limited(retry_after(after, until, now));
    }
    if status.is_redirection() {
        let to = header("location").unwrap_or("nowhere").to_owned();
        return ProviderError::Refused(format!(
            "{host} redirects to {}; redirects are not followed, so set the URL to the right address",
            excerpt(&to)
        ));
    }
    let said = response
        .into_body()
        .into_with_config()
        .limit(4096)
        .lossy_utf8(true)
        .read_to_string()
        .unwrap_or_default();
    let said = if said.is_empty() {
        String::new()
    } else {
        format!(", saying {}", excerpt(&said))
    };
    match code {
        401 => ProviderError::Refused(format!("{host} does not accept the key (401){said}")),
        403 => ProviderError::Refused(format!(
            "{host} does not allow this with this key (403){said}"
        )),
        400 | 422 => ProviderError::BadRequest(format!("{host} answered {code}{said}")),
        500..=599 => {
            ProviderError::Unreachable(format!("{host} has trouble of its own ({code}){said}"))
        }
        _ => ProviderError::Refused(format!("{host} answered {code}{said}")),
    }
}

/// An API's text for messages: short, in quotes, without control characters.
pub(in crate::master::assets) fn excerpt(text: &str) -> String {
    let mut short: String = text
        .trim()
        .chars()
        .take(ERROR_TEXT_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.trim().chars().count() > ERROR_TEXT_MAX {
        short.push('…');
    }
    format!("{short:?}")
}

/// A date of HTTP.
fn date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&text.replace("GMT", "+0000"), &Rfc2822).ok()
}

/// The back-off that an API requests: Retry-After (seconds, or a date), or else X-RateLimit-Reset
/// (seconds since 1970).
fn retry_after(after: Option<&str>, until: Option<&str>, now: OffsetDateTime) -> Duration {
    let second = |text: &str| OffsetDateTime::from_unix_timestamp(text.trim().parse().ok()?).ok();
    let left = |until: OffsetDateTime| Duration::try_from(until - now).unwrap_or_default();
    let wait = match after {
        Some(after) => match after.trim().parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => date(after).map(left),
        },
        // Both clocks count whole seconds, so one is added to avoid an early call.
        None => until
            .and_then(second)
            .map(|until| left(until) + Duration::from_secs(1)),
    };
    wait.unwrap_or(RETRY_AFTER_DEFAULT).min(RETRY_AFTER_MAX)
}

/// Turns an error of the HTTP client into one of the provider.
fn provider_error(host: &str, error: &Error) -> ProviderError {
    let inner = match error {
        // The client wraps its own errors where only an I/O error fits.
        Error::Io(io) => io.get_ref().and_then(|inner| inner.downcast_ref::<Error>()),
        _ => None,
    };
    match inner.unwrap_or(error) {
        Error::Timeout(_) => ProviderError::Unreachable(format!("{host} did not answer in time")),
        Error::HostNotFound => {
            ProviderError::Unreachable(format!("{host} is not known to the name servers"))
        }
        Error::BodyExceedsLimit(_) => ProviderError::Broken(format!(
            "{host} answered more than {} MiB",
            ANSWER_BYTES_MAX / (1024 * 1024)
        )),
        Error::Tls(reason) => {
            ProviderError::Refused(format!("{host} could not prove who it is: {reason}"))
        }
        Error::Rustls(reason) => tls_failure(host, reason),
        Error::Pem(reason) => ProviderError::Refused(format!("{host}: {reason}")),
        Error::Io(io) => match io
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            Some(reason) => tls_failure(host, reason),
            None => ProviderError::Unreachable(format!("{host} cannot be reached: {io}")),
        },
        Error::Protocol(reason) => {
            ProviderError::Broken(format!("{host} does not speak HTTP: {reason}"))
        }
        other => ProviderError::Unreachable(format!("{host} cannot be reached: {other}")),
    }
}

fn tls_failure(host: &str, reason: &rustls::Error) -> ProviderError {
    ProviderError::Refused(format!(
        "{host} could not prove who it is: {reason}; is the URL right, and the clock, and does anything intercept TLS?"
    ))
}

/// Parses an answer as JSON.
///
/// # Errors
/// The answer is not of the documented form; the error shows its beginning.
pub(in crate::master::assets) fn json<'a, T: Deserialize<'a>>(
    what: &str,
    text: &'a str,
) -> Result<T, ProviderError> {
    serde_json::from_str(text).map_err(|error| {
        let start = text.trim_start();
        let kind = if start.starts_with('<') {
            "a web page"
        } else {
            "something else"
        };
        ProviderError::Broken(format!(
            "{what} is expected, and {kind} came ({error}): {}",
            excerpt(start)
        ))
    })
}

/// Reads each element of a list by itself, so that one of another form costs no other. Returns
/// those that can be read.
///
/// # Errors
/// There are elements, and none can be read.
pub(in crate::master::assets) fn each<'a, T: Deserialize<'a>>(
    what: &str,
    elements: &[&'a RawValue],
) -> Result<Vec<T>, ProviderError> {
    let mut fault = None;
    let mut read = Vec::with_capacity(elements.len());
    for element in elements {
        match serde_json::from_str(element.get()) {
            Ok(it) => read.push(it),
            Err(error) => fault = fault.or(Some((error, element.get()))),
        }
    }
    if let Some((error, text)) = fault {
        let (bad, all) = (elements.len() - read.len(), elements.len());
        let said = format!(
            "{bad} of {all} elements of {what} cannot be read ({error}): {}",
            excerpt(text)
        );
        if read.is_empty() {
            return Err(ProviderError::Broken(said));
        }
        crate::warn!("{said}; they are left out");
    }
    Ok(read)
}

/// Keeps the days of a page of the past that can be used, and warns of the others.
///
/// # Errors
/// There are days, and none can be used.
pub(in crate::master::assets) fn usable_days(
    symbol: &Symbol,
    days: impl Iterator<Item = Result<Bar, String>>,
) -> Result<Vec<Bar>, ProviderError> {
    let (mut bars, mut bad, mut first) = (Vec::new(), 0u32, None);
    for day in days {
        match day {
            Ok(bar) => bars.push(bar),
            Err(reason) => {
                bad += 1;
                first = first.or(Some(reason));
            }
        }
    }
    if let Some(reason) = first {
        if bars.is_empty() {
            return Err(ProviderError::Broken(format!("{symbol}: {reason}")));
        }
        crate::warn!("{bad} past days of {symbol} are left out; the first: {reason}");
    }
    Ok(bars)
}

/// A sorted list of symbols without duplicates. Names that are not valid symbols are left out,
/// since no request can contain them.
pub(in crate::master::assets) fn symbols<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Symbol> {
    let symbols: BTreeSet<Symbol> = names.filter_map(|name| Symbol::parse(name).ok()).collect();
    symbols.into_iter().collect()
}

/// The digits of a number as they were sent, bare or in quotes.
fn digits(raw: &RawValue) -> &str {
    let text = raw.get();
    text.strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'))
        .unwrap_or(text)
}

/// Parses a price from its digits, without floats.
pub(in crate::master::assets) fn price(raw: &RawValue) -> Result<Money, String> {
    parse_price(digits(raw), 0)
        .map_err(|error| format!("its price {} is {error}", excerpt(digits(raw))))
}

/// Parses a volume and cuts it to whole units.
pub(in crate::master::assets) fn volume(raw: &RawValue) -> Result<u64, ValueError> {
    super::market_file::volume(digits(raw))
}

/// Parses the ratio of two numbers; `None` if one of them is none, or is not above 0.
pub(in crate::master::assets) fn ratio(after: &RawValue, before: &RawValue) -> Option<Ratio> {
    Ratio::quotient(&plain(after)?, &plain(before)?)
}

/// Parses a rate above 0.
pub(in crate::master::assets) fn rate(raw: &RawValue) -> Option<Ratio> {
    Ratio::parse(&plain(raw)?).ok()
}

/// The digits of a number without an exponent.
fn plain(raw: &RawValue) -> Option<std::borrow::Cow<'_, str>> {
    let text = digits(raw);
    if text.contains(['e', 'E']) {
        Some(Money::parse_rounded(text).ok()?.to_string().into())
    } else {
        Some(text.into())
    }
}

/// Parses a time in RFC 3339, to the millisecond.
pub(in crate::master::assets) fn moment(text: &str) -> Result<Timestamp, String> {
    let moment = OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| format!("its time {} is no time", excerpt(text)))?;
    let millis = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    i64::try_from(millis)
        .map(Timestamp)
        .map_err(|_| format!("its time {} is no time", excerpt(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_and_holds_symbols_alone() {
        let list = symbols(["MSFT", "not a symbol", "AAPL", "MSFT", ""].into_iter());
        let names: Vec<&str> = list.iter().map(Symbol::as_str).collect();
        assert_eq!(names, ["AAPL", "MSFT"]);
    }

    #[test]
    fn a_back_off_is_in_seconds_or_a_date() {
        let now = OffsetDateTime::parse("Wed, 21 Oct 2015 07:28:00 +0000", &Rfc2822).unwrap();
        let after = |text| retry_after(Some(text), None, now);
        assert_eq!(retry_after(None, None, now), RETRY_AFTER_DEFAULT);
        assert_eq!(after("7"), Duration::from_secs(7));
        assert_eq!(
            after("Wed, 21 Oct 2015 07:30:00 GMT"),
            Duration::from_secs(120)
        );
        assert_eq!(after("Wed, 21 Oct 2015 07:00:00 GMT"), Duration::ZERO);
        assert_eq!(after("soon"), RETRY_AFTER_DEFAULT);
        assert_eq!(after("99999999999"), RETRY_AFTER_MAX);
        let until = |text| retry_after(None, Some(text), now);
        assert_eq!(until("1445412492"), Duration::from_secs(13));
        assert_eq!(until("1445412000"), Duration::from_secs(1), "over already");
        assert_eq!(until("soon"), RETRY_AFTER_DEFAULT);
        assert_eq!(until("99999999999999999"), RETRY_AFTER_DEFAULT);
        assert_eq!(
            retry_after(Some("7"), Some("1445412492"), now),
            Duration::from_secs(7)
        );
    }

    #[test]
    fn numbers_keep_their_digits() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        assert_eq!(price(&raw("0.1")), Ok(Money(100_000)));
        assert_eq!(price(&raw("\"27123.45000000\"")), Ok(Money(27_123_450_000)));
        assert_eq!(price(&raw("1e-3")), Ok(Money(1000)));
        assert_eq!(
            price(&raw("9007199254740.993001")).ok(),
            None,
            "beyond the limit of values"
        );
        assert_eq!(
            price(&raw("900719925474.993001")),
            Ok(Money(900_719_925_474_993_001))
        );
        for bad in ["0", "-1", "0.0000001", "\"x\"", "null", "true", "[]"] {
            assert!(price(&raw(bad)).is_err(), "{bad}");
        }
        assert_eq!(volume(&raw("12.9")), Ok(12));
        assert_eq!(
            moment("2021-05-11T20:00:00.435997104Z"),
            Ok(Timestamp(1_620_763_200_435))
        );
        assert!(moment("yesterday").is_err());
    }

    #[test]
    fn an_excerpt_is_short_and_plain() {
        assert_eq!(excerpt("a\nb\u{1b}[0m"), "\"a b [0m\"");
        assert!(excerpt(&"x".repeat(1000)).len() < 200);
        assert_eq!(
            host_of("https://data.example.org:8443/v2/x"),
            "data.example.org:8443"
        );
    }
}
