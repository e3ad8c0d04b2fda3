//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! Reads an ID token: who it says a person is, once everything about it is checked.
//!
//! Tests: `src/master/third_party/id_token/tests.rs`.

use super::error::VouchError;
use super::http::json_fault;
use super::keys::KeySet;
use crate::model::third_party::{SUBJECT_MAX, is_visible_ascii};
use crate::model::{Identity, Timestamp, Username};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde::Deserialize;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Longest ID token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// How far the clocks of provider and master may be apart.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// How long ago a token may have been made: it comes with the answer to a question of just now.
pub const TOKEN_AGE_MAX: Duration = Duration::from_secs(600);

/// The algorithms of signatures that are accepted. `none` is no signature, and the HS ones are
/// made with a secret that both sides know.
const ALGORITHMS: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub struct ExpectedToken<'a> {
    pub issuer: &'a str,
    /// The client ID, for which the token must be made.
    pub audience: &'a str,
    /// The nonce of the redirect flow; a device flow has none.
    pub nonce: Option<&'a str>,
}

/// A person for whom a provider vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VouchedPerson {
    pub identity: Identity,
    /// A username that the provider's names for the person lead to, free or not.
    pub suggestion: Option<Username>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    iat: serde_json::Number,
    nonce: Option<String>,
    preferred_username: Option<String>,
    nickname: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Reads the header, and refuses what no key can mend.
///
/// # Errors
/// [`VouchError::Untrusted`]
pub fn header(token: &str) -> Result<Header, VouchError> {
    let untrusted = |text: &str| Err(VouchError::Untrusted(text.to_owned()));
    if token.len() > TOKEN_BYTES_MAX {
        return untrusted("it is too long");
    }
    // An algorithm without a name in the library, such as `none`, fails here.
    let header = decode_header(token).map_err(|error| {
        VouchError::Untrusted(format!("its header is not one: {}", fault(&error)))
    })?;
    if !ALGORITHMS.contains(&header.alg) {
        return untrusted("its algorithm is not accepted");
    }
    if header.crit.is_some() {
        return untrusted("its header demands what is not known");
    }
    let is_plain = |kind: &String| kind.eq_ignore_ascii_case("JWT");
    if !header.typ.as_ref().is_none_or(is_plain) {
        return untrusted("it is a token of another kind");
    }
    Ok(header)
}

/// Checks a token, whose [`header`] was read, with the keys that fit it. Returns who the person is.
///
/// # Errors
/// [`VouchError::Untrusted`]
pub fn verify(
    token: &str,
    header: &Header,
    keys: &KeySet,
    expected: &ExpectedToken<'_>,
) -> Result<VouchedPerson, VouchError> {
    let mut validation = Validation::new(header.alg);
    validation.leeway = CLOCK_TOLERANCE.as_secs();
    validation.validate_nbf = true;
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    let mut why = "no key of the provider fits it".to_owned();
    for key in keys.fitting(header) {
        match decode::<Claims>(token, key, &validation) {
            Ok(read) => return claims(read.claims, expected),
            Err(error) => why = fault(&error),
        }
    }
    Err(VouchError::Untrusted(why))
}

/// What is wrong with a token, without what stands in it.
fn fault(error: &jsonwebtoken::errors::Error) -> String {
    match error.kind() {
        ErrorKind::Json(error) => json_fault(error),
        _ => error.to_string(),
    }
}

/// Checks what the library leaves to its caller (OpenID Connect Core, section 3.1.3.7).
fn claims(claims: Claims, expected: &ExpectedToken<'_>) -> Result<VouchedPerson, VouchError> {
    let untrusted = |text: &str| Err(VouchError::Untrusted(text.to_owned()));
    if claims.iss != expected.issuer {
        return untrusted("another issuer made it");
    }
    let is_for_several = match &claims.aud {
        Audience::One(one) => one != expected.audience,
        Audience::Several(all) => all.iter().any(|one| one != expected.audience),
    };
    match &claims.azp {
        Some(azp) if azp != expected.audience => return untrusted("it is for another client"),
        None if is_for_several => return untrusted("it is for several, and does not say for whom"),
        Some(_) | None => {}
    }
    let now = Timestamp::now().0.div_euclid(1000);
    let seconds = |limit: Duration| i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
    let Some(made) = whole_seconds(&claims.iat) else {
        return untrusted("it does not say when it was made");
    };
    if made > now.saturating_add(seconds(CLOCK_TOLERANCE)) {
        return untrusted("it was made in the future: is the clock right?");
    }
    if made < now.saturating_sub(seconds(TOKEN_AGE_MAX + CLOCK_TOLERANCE)) {
        return untrusted("it was made long ago: is the clock right?");
    }
    if let Some(nonce) = expected.nonce {
        let given = claims.nonce.as_deref().unwrap_or_default();
        if !bool::from(given.as_bytes().ct_eq(nonce.as_bytes())) {
            return untrusted("it is not the answer to this sign-in: the nonce is another");
        }
    }
    if !is_visible_ascii(&claims.sub, SUBJECT_MAX) {
        return untrusted("its subject has another form");
    }
    let names = [claims.preferred_username, claims.nickname, claims.name];
    Ok(VouchedPerson {
        identity: Identity {
            issuer: claims.iss,
            subject: claims.sub,
        },
        suggestion: names.iter().flatten().find_map(|name| suggestion(name)),
    })
}

/// Seconds since 1970, without their fraction.
fn whole_seconds(number: &serde_json::Number) -> Option<i64> {
    let text = number.to_string();
    text.split('.').next()?.parse().ok()
}

/// The username that a name leads to: what stands before an `@`, spaces as dots, without what a
/// username cannot have.
fn suggestion(name: &str) -> Option<Username> {
    let name = name.split('@').next().unwrap_or_default();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let kept: String = name
        .trim()
        .chars()
        .map(|c| if c.is_whitespace() { '.' } else { c })
        .filter(|c| good(*c))
        .skip_while(|c| !c.is_ascii_alphanumeric())
        .take(crate::model::account::USERNAME_MAX)
        .collect();
    Username::parse(&kept).ok()
}

#[cfg(test)]
mod tests;
