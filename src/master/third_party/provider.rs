//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! What this deployment says to one provider of identities: discovery, keys, the two flows
//! (OpenID Connect Core 1.0, Discovery 1.0, RFC 7636, RFC 8628). It waits for answers, so it runs on
//! the provider's thread alone.
//!
//! Tests: `tests/suite/master/third_party.rs`.

use super::error::VouchError;
use super::http::{self, ClientProof, IdentityHttp};
use super::id_token::{self, ExpectedToken, VouchedPerson};
use super::keys::{CachedKeys, KeyDocument, KeySet, use_ring};
use crate::config::ThirdPartySettings;
use crate::model::third_party::{USER_CODE_MAX, WEB_ADDRESS_MAX, WEB_TEXT_MAX, is_visible_ascii};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs;
use std::time::{Duration, Instant};
use ureq::http::StatusCode;
use url::Url;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// How long a provider's own description is used before it is asked for again.
const DESCRIPTION_AGE_MAX: Duration = Duration::from_secs(3600);

/// How long a provider that failed is not asked for its description again.
const FAILURE_PAUSE: Duration = Duration::from_secs(2);

/// The longest device code, in characters.
const DEVICE_CODE_MAX: usize = 4_096;

/// Bounds of the time between two questions about a device code, and what holds where the provider
/// does not say (RFC 8628, section 3.2), in seconds.
const POLL_SECONDS: std::ops::RangeInclusive<u64> = 1..=60;
const POLL_SECONDS_DEFAULT: u64 = 5;

/// The longest life of a device code, whatever the provider says.
pub const DEVICE_CODE_AGE_MAX: Duration = Duration::from_secs(30 * 60);

/// The claims that are asked for: who the person is, and names that a username may be made of.
const SCOPE: &str = "openid profile";

/// The grant of the device flow.
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// A provider, with what is known of it.
pub struct IdentityProvider {
    settings: ThirdPartySettings,
    secret: Option<Zeroizing<String>>,
    http: IdentityHttp,
    description: Option<(ProviderDescription, Instant)>,
    keys: Option<CachedKeys>,
    /// When the description could not be had, and why.
    failure: Option<(VouchError, Instant)>,
}

/// What a provider says of itself (Discovery 1.0, section 3).
#[derive(Debug, Clone, Deserialize)]
struct DescriptionDocument {
    issuer: String,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    scopes_supported: Option<Vec<String>>,
}

/// A description whose addresses are checked.
#[derive(Debug, Clone)]
struct ProviderDescription {
    authorization: Option<Url>,
    device: Option<Url>,
    token: Url,
    keys: Url,
    /// Whether the client's secret goes into the header, and not into the form.
    header_proof: bool,
    scope: String,
}

/// A device flow that the provider has begun.
pub struct DeviceFlow {
    device_code: Zeroizing<String>,
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub url: String,
    pub expires: Instant,
    /// How long to wait before asking again.
    pub interval: Duration,
}

/// What the master keeps of a redirect flow, and nobody else knows.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RedirectSecrets {
    redirect_uri: String,
    /// PKCE's `code_verifier`.
    verifier: String,
    nonce: String,
}

/// A redirect flow: its secrets, and where the browser is sent.
pub struct RedirectFlow {
    pub secrets: RedirectSecrets,
    pub url: String,
}

#[derive(Deserialize)]
struct DeviceAnswer {
    device_code: String,
    user_code: String,
    /// Some call it by the name that drafts of RFC 8628 gave it.
    #[serde(alias = "verification_url")]
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u64,
    interval: Option<u64>,
}

#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
struct TokenAnswer {
    id_token: Option<String>,
}

impl IdentityProvider {
    /// A provider, and its client secret, which is read here.
    ///
    /// # Errors
    /// The secret's file cannot be read, or is no secret.
    pub fn open(settings: &ThirdPartySettings) -> Result<IdentityProvider, String> {
        use_ring();
        let secret = match &settings.client_secret_file {
            None => None,
            Some(file) => {
                let text = fs::read_to_string(file)
                    .map(Zeroizing::new)
                    .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
                let line = text.trim();
                if !is_visible_ascii(line, WEB_TEXT_MAX) {
                    return Err(format!(
                        "{} must have one line, the client secret, and nothing else",
                        file.display()
                    ));
                }
                Some(Zeroizing::new(line.to_owned()))
            }
        };
        Ok(IdentityProvider {
            settings: settings.clone(),
            secret,
            http: IdentityHttp::open(),
            description: None,
            keys: None,
            failure: None,
        })
    }

    /// Begins a device flow (RFC 8628, section 3.1).
    ///
    /// # Errors
    /// The provider cannot be reached, refuses, or has no such flow.
    pub fn begin_device(&mut self, deadline: Instant) -> Result<DeviceFlow, VouchError> {
        let known = self.description(deadline)?;
        let Some(url) = &known.device else {
            return Err(VouchError::Refused("it has no device flow".to_owned()));
        };
        let client_id = self.settings.client_id.clone();
        let form = [("client_id", client_id.as_str()), ("scope", &known.scope)];
        let now = Instant::now();
        let (status, body) = self.post(&known, url, &form, deadline)?;
        let body = Zeroizing::new(body);
        if status != StatusCode::OK {
            return Err(http::refused(url, status, &body));
        }
        let answer: DeviceAnswer = http::json(url, &body)?;
        let device_code = Zeroizing::new(answer.device_code);
        let page = answer
            .verification_uri_complete
            .unwrap_or(answer.verification_uri);
        if !is_visible_ascii(&device_code, DEVICE_CODE_MAX)
            || !is_visible_ascii(&answer.user_code, USER_CODE_MAX)
        {
            let text = "its device code or user code has another form".to_owned();
            return Err(VouchError::Unavailable(text));
        }
        let page = self.address(&page)?;
        // Reading has escaped some characters, so that it is longer now.
        if page.as_str().len() > WEB_ADDRESS_MAX {
            let text = "the address of its page is too long".to_owned();
            return Err(VouchError::Refused(text));
        }
        let seconds = answer.interval.unwrap_or(POLL_SECONDS_DEFAULT);
        let seconds = seconds.clamp(*POLL_SECONDS.start(), *POLL_SECONDS.end());
        Ok(DeviceFlow {
            device_code,
            user_code: answer.user_code,
            url: page.to_string(),
            expires: now + Duration::from_secs(answer.expires_in).min(DEVICE_CODE_AGE_MAX),
            interval: Duration::from_secs(seconds),
        })
    }

    /// Asks once what became of a device flow.
    ///
    /// # Errors
    /// [`VouchError::Pending`] and [`VouchError::SlowDown`] mean to ask again; so does
    /// [`VouchError::Unavailable`].
    pub fn ask_device(
        &mut self,
        flow: &DeviceFlow,
        timeout: Duration,
    ) -> Result<VouchedPerson, VouchError> {
        let form = [
            ("grant_type", DEVICE_GRANT),
            ("device_code", flow.device_code.as_str()),
        ];
        let token = self.ask_token(&form, Instant::now() + timeout)?;
        // The code is used up: the keys have a time of their own.
        self.vouch(&token, None, Instant::now() + timeout)
    }

    /// Begins a redirect flow: makes state, nonce and PKCE's verifier, and asks nobody but for the
    /// provider's description.
    ///
    /// # Errors
    /// The provider cannot be reached, or has no such flow; the system has no random bytes.
    pub fn begin_redirect(
        &mut self,
        redirect_uri: &str,
        state: &str,
        deadline: Instant,
    ) -> Result<RedirectFlow, VouchError> {
        let known = self.description(deadline)?;
        let Some(mut url) = known.authorization else {
            return Err(VouchError::Refused("it has no redirect flow".to_owned()));
        };
        let secrets = RedirectSecrets {
            redirect_uri: redirect_uri.to_owned(),
            verifier: random_text()?,
            nonce: random_text()?,
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&secrets.verifier));
        // The query that the provider's own address may have is kept (RFC 6749, section 3.1).
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &known.scope)
            .append_pair("state", state)
            .append_pair("nonce", &secrets.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        if url.as_str().len() > WEB_ADDRESS_MAX {
            let text = "the address of its page would be too long".to_owned();
            return Err(VouchError::Refused(text));
        }
        Ok(RedirectFlow {
            secrets,
            url: url.to_string(),
        })
    }

    /// Redeems the code that a browser brought back.
    ///
    /// # Errors
    /// The provider cannot be reached, refuses the code, or its token proves nothing.
    pub fn redeem_code(
        &mut self,
        secrets: &RedirectSecrets,
        code: &str,
        deadline: Instant,
    ) -> Result<VouchedPerson, VouchError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", secrets.redirect_uri.as_str()),
            ("code_verifier", secrets.verifier.as_str()),
        ];
        let token = self.ask_token(&form, deadline)?;
        self.vouch(&token, Some(&secrets.nonce), deadline)
    }

    /// Asks the token endpoint for an ID token.
    fn ask_token(
        &mut self,
        form: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<Zeroizing<String>, VouchError> {
        let known = self.description(deadline)?;
        let (status, body) = self.post(&known, &known.token, form, deadline)?;
        let body = Zeroizing::new(body);
        if status != StatusCode::OK {
            return Err(token_error(&known.token, status, &body));
        }
        let mut answer: TokenAnswer = http::json(&known.token, &body)?;
        let token = answer.id_token.take().map(Zeroizing::new);
        token.ok_or_else(|| VouchError::Untrusted("there is none".to_owned()))
    }

    /// Checks an ID token.
    fn vouch(
        &mut self,
        token: &str,
        nonce: Option<&str>,
        deadline: Instant,
    ) -> Result<VouchedPerson, VouchError> {
        let known = self.description(deadline)?;
        let header = id_token::header(token)?;
        let wanted = ExpectedToken {
            issuer: &self.settings.issuer,
            audience: &self.settings.client_id,
            nonce,
        };
        let keys = fitting_keys(&self.http, &mut self.keys, &known.keys, &header, deadline)?;
        id_token::verify(token, &header, keys, &wanted)
    }

    fn post(
        &self,
        known: &ProviderDescription,
        url: &Url,
        form: &[(&str, &str)],
        deadline: Instant,
    ) -> Result<(StatusCode, Vec<u8>), VouchError> {
        let client_id = self.settings.client_id.as_str();
        let is_named = form.iter().any(|(name, _)| *name == "client_id");
        let name: &[_] = if is_named {
            &[]
        } else {
            &[("client_id", client_id)]
        };
        match &self.secret {
            // A client without a secret says who it is, and proves nothing.
            None => self
                .http
                .post(url, form, ClientProof::Fields(name), deadline),
            Some(secret) if known.header_proof => {
                let encode = |text: &str| {
                    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                };
                let pair = format!("{}:{}", encode(client_id), encode(secret));
                let pair = Zeroizing::new(pair);
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                self.http
                    .post(url, form, ClientProof::Header(&value), deadline)
            }
            Some(secret) => {
                let mut fields = name.to_vec();
                fields.push(("client_secret", secret.as_str()));
                self.http
                    .post(url, form, ClientProof::Fields(&fields), deadline)
            }
        }
    }

    /// The provider's description, asked for where there is none or only an old one. One that
    /// cannot be renewed stays.
    fn description(&mut self, deadline: Instant) -> Result<ProviderDescription, VouchError> {
        let now = Instant::now();
        let kept = match &self.description {
            Some((known, asked)) if now < *asked + DESCRIPTION_AGE_MAX => return Ok(known.clone()),
            Some((known, _)) => Some(known.clone()),
            None => None,
        };
        let asked = match &self.failure {
            Some((failure, when)) if now < *when + FAILURE_PAUSE => Err(failure.clone()),
            Some(_) | None => self.ask_description(deadline).inspect_err(|failure| {
                self.failure = Some((failure.clone(), Instant::now()));
            }),
        };
        match (asked, kept) {
            (Ok(known), _) => {
                self.failure = None;
                self.description = Some((known.clone(), now));
                Ok(known)
            }
            (Err(_), Some(known)) => Ok(known),
            (Err(failure), None) => Err(failure),
        }
    }

    fn ask_description(&self, deadline: Instant) -> Result<ProviderDescription, VouchError> {
        let issuer = self.settings.issuer.as_str();
        let path = "/.well-known/openid-configuration";
        let url = self.address(&format!("{}{path}", issuer.trim_end_matches('/')))?;
        let said: DescriptionDocument = self.http.get(&url, deadline)?;
        if said.issuer != issuer {
            let shown = http::excerpt(said.issuer.as_bytes());
            return Err(VouchError::Refused(format!(
                "it calls itself {shown}, and the configured issuer is {issuer:?}"
            )));
        }
        let known = |list: &Option<Vec<String>>, word: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|it| it == word))
        };
        let optional =
            |text: &Option<String>| text.as_deref().map(|it| self.address(it)).transpose();
        let scopes = SCOPE
            .split(' ')
            .filter(|word| *word == "openid" || known(&said.scopes_supported, word));
        Ok(ProviderDescription {
            authorization: optional(&said.authorization_endpoint)?,
            device: optional(&said.device_authorization_endpoint)?,
            token: self.address(&said.token_endpoint)?,
            keys: self.address(&said.jwks_uri)?,
            header_proof: known(
                &said.token_endpoint_auth_methods_supported,
                "client_secret_basic",
            ),
            scope: scopes.collect::<Vec<_>>().join(" "),
        })
    }

    /// Checks an address that a provider names: https, or on loopback http where the issuer itself
    /// is there.
    fn address(&self, text: &str) -> Result<Url, VouchError> {
        let refused = |why: &str| {
            let shown = http::excerpt(text.as_bytes());
            Err(VouchError::Refused(format!(
                "it names the address {shown}: {why}"
            )))
        };
        if !is_visible_ascii(text, WEB_TEXT_MAX) {
            return refused("that is none");
        }
        let Ok(url) = Url::parse(text) else {
            return refused("that is none");
        };
        let is_local = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
            None => return refused("it has no host"),
        };
        let may_be_plain = is_local && self.settings.issuer.starts_with("http://");
        match url.scheme() {
            "https" => {}
            "http" if may_be_plain => {}
            _ => return refused("it is not encrypted"),
        }
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return refused("it has a part that it must not have");
        }
        Ok(url)
    }
}

/// The keys, fetched where there are none or where it is time to.
fn fitting_keys<'k>(
    http: &IdentityHttp,
    cached: &'k mut Option<CachedKeys>,
    url: &Url,
    header: &jsonwebtoken::Header,
    deadline: Instant,
) -> Result<&'k KeySet, VouchError> {
    let now = Instant::now();
    if cached
        .as_ref()
        .is_none_or(|cached| cached.is_due(header, now))
    {
        // Keys that are known stay while others cannot be had.
        if let Some(cached) = cached.as_mut() {
            cached.tried = now;
        }
        let document: KeyDocument = http.get(url, deadline)?;
        return Ok(&cached
            .insert(CachedKeys {
                keys: KeySet::of(document),
                fetched: now,
                tried: now,
            })
            .keys);
    }
    match cached {
        Some(cached) => Ok(&cached.keys),
        None => Err(VouchError::Unavailable("it has no keys".to_owned())),
    }
}

/// The error that a token endpoint answers (RFC 6749, section 5.2; RFC 8628, section 3.5).
fn token_error(url: &Url, status: StatusCode, body: &[u8]) -> VouchError {
    match http::named_error(body).as_deref() {
        Some("authorization_pending") => VouchError::Pending,
        Some("slow_down") => VouchError::SlowDown,
        Some("access_denied") => VouchError::Denied,
        Some("expired_token") => VouchError::Expired,
        _ if status == StatusCode::TOO_MANY_REQUESTS => VouchError::SlowDown,
        _ => http::refused(url, status, body),
    }
}

/// 32 random bytes as 64 of `0-9 a-f`.
pub fn random_text() -> Result<String, VouchError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| VouchError::Unavailable(format!("there are no random bytes: {error}")))?;
    let text = hex::encode(bytes);
    bytes.zeroize();
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::mock_provider::TokenSigner;
    use serde_json::json;

    #[test]
    fn keys_that_are_known_stay_while_others_cannot_be_had() {
        use_ring();
        let signer = TokenSigner::default();
        let document = json!({"keys": [signer.jwk("one")]});
        let document: KeyDocument = serde_json::from_value(document).unwrap();
        // The machine may have started a moment ago.
        let Some(fetched) = Instant::now().checked_sub(Duration::from_secs(20)) else {
            return;
        };
        let mut cached = Some(CachedKeys {
            keys: KeySet::of(document),
            fetched,
            tried: fetched,
        });
        let of = |id: &str| {
            let token = signer.sign(&json!({"alg": "ES256", "kid": id}), &json!({}));
            id_token::header(&token).unwrap()
        };
        // Nobody listens there.
        let url = Url::parse("http://127.0.0.1:1/keys").unwrap();
        let http = IdentityHttp::open();
        let mut keys = |header: &jsonwebtoken::Header| {
            let deadline = Instant::now() + Duration::from_secs(60);
            let keys = fitting_keys(&http, &mut cached, &url, header, deadline);
            keys.map(|keys| keys.fitting(header).len())
        };
        assert!(keys(&of("two")).is_err());
        assert_eq!(keys(&of("one")), Ok(1));
        // It is not asked for again at once.
        assert_eq!(keys(&of("two")), Ok(0));
    }
}
