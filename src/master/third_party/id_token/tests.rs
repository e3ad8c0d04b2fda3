//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! Tokens that a provider, or somebody who would like to be one, could send.

use super::*;
use crate::master::third_party::keys::{CachedKeys, KeyDocument, use_ring};
use crate::testkit::mock_provider::{TokenSigner, base64url, unsigned};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use std::time::Instant;

fn keys(keys: &[Value]) -> KeySet {
    let document: KeyDocument = serde_json::from_value(json!({ "keys": keys })).unwrap();
    KeySet::of(document)
}

const EXPECTED: ExpectedToken<'_> = ExpectedToken {
    issuer: "https://id.example",
    audience: "papertrader",
    nonce: Some("the-nonce"),
};

fn now() -> i64 {
    Timestamp::now().0.div_euclid(1000)
}

fn good() -> Value {
    json!({"iss": "https://id.example", "sub": "248289761001", "aud": "papertrader",
           "exp": now() + 300, "iat": now(), "nonce": "the-nonce"})
}

fn with(key: &str, value: Value) -> Value {
    let mut claims = good();
    claims[key] = value;
    claims
}

fn without(key: &str) -> Value {
    let mut claims = good();
    claims.as_object_mut().unwrap().remove(key);
    claims
}

fn es256() -> Value {
    json!({"alg": "ES256", "kid": "one", "typ": "JWT"})
}

fn read(token: &str, keys: &KeySet, expected: &ExpectedToken<'_>) -> Result<VouchedPerson, String> {
    use_ring();
    let header = header(token).map_err(|error| error.to_string())?;
    verify(token, &header, keys, expected).map_err(|error| error.to_string())
}

#[test]
fn a_good_token_says_who_the_person_is() {
    let signer = TokenSigner::default();
    let keys = keys(&[signer.jwk("one")]);
    let person = |claims: Value| read(&signer.sign(&es256(), &claims), &keys, &EXPECTED).unwrap();
    let plain = person(good());
    assert_eq!(plain.identity.issuer, "https://id.example");
    assert_eq!(plain.identity.subject, "248289761001");
    assert_eq!(plain.suggestion, None);
    for claims in [
        with("aud", json!(["papertrader"])),
        with("azp", json!("papertrader")),
        with("exp", json!(now() - 30)),
        with("iat", json!(now() + 30)),
        with("nbf", json!(now() + 30)),
        with("iat", json!(f64::from(i32::try_from(now()).unwrap()) + 0.5)),
    ] {
        assert_eq!(person(claims).identity, plain.identity);
    }
    let mut several = with("aud", json!(["another", "papertrader"]));
    several["azp"] = json!("papertrader");
    assert_eq!(person(several).identity, plain.identity);
}

#[test]
fn a_token_with_a_claim_that_is_not_right_is_refused() {
    let signer = TokenSigner::default();
    let keys = keys(&[signer.jwk("one")]);
    for claims in [
        with("iss", json!("https://evil.example")),
        with("iss", json!("https://id.example/")),
        with("iss", json!(["https://id.example"])),
        with("aud", json!("another")),
        with("aud", json!(["another"])),
        with("aud", json!(["papertrader", "another"])),
        with("azp", json!("another")),
        with("exp", json!(now() - 120)),
        with("exp", json!("never")),
        with("iat", json!(now() + 120)),
        with("iat", json!(now() - 3600)),
        with("iat", json!("today")),
        with("nbf", json!(now() + 120)),
        with("nonce", json!("another")),
        with("nonce", json!("")),
        with("sub", json!("")),
        with("sub", json!(7)),
        with("sub", json!("a\u{1b}[2Jb")),
        with("sub", json!("x".repeat(256))),
        without("iss"),
        without("aud"),
        without("sub"),
        without("exp"),
        without("iat"),
        without("nonce"),
    ] {
        let token = signer.sign(&es256(), &claims);
        assert!(read(&token, &keys, &EXPECTED).is_err(), "{claims}");
    }
}

#[test]
fn a_device_flow_has_no_nonce() {
    let signer = TokenSigner::default();
    let expected = ExpectedToken {
        nonce: None,
        ..EXPECTED
    };
    let token = signer.sign(&es256(), &without("nonce"));
    assert!(read(&token, &keys(&[signer.jwk("one")]), &expected).is_ok());
}

#[test]
fn only_the_providers_key_with_an_algorithm_of_the_list_signs() {
    let (signer, other) = (TokenSigner::default(), TokenSigner::default());
    let set = keys(&[signer.jwk("one")]);
    let refused = |token: &str| {
        let result = read(token, &set, &EXPECTED);
        assert!(result.is_err(), "{result:?}: {token}");
    };
    refused(&other.sign(&es256(), &good()));
    // None, in the spellings that libraries have fallen for.
    for none in ["none", "None", "NONE", ""] {
        let message = unsigned(&json!({"alg": none, "kid": "one"}), &good());
        refused(&format!("{message}."));
        refused(&message);
    }
    // The public key as the secret that both sides know.
    let point = signer.point();
    for secret in [point.to_vec(), signer.jwk("one").to_string().into_bytes()] {
        let message = unsigned(&json!({"alg": "HS256", "kid": "one"}), &good());
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, message.as_bytes());
        refused(&format!("{message}.{}", base64url(tag.as_ref())));
    }
    // A signature of the right key below another header, or other claims.
    let token = signer.sign(&es256(), &good());
    let signature = token.rsplit('.').next().unwrap();
    refused(&format!(
        "{}.{signature}",
        unsigned(&es256(), &with("sub", json!("2")))
    ));
    refused(&format!(
        "{}.{signature}",
        unsigned(&json!({"alg": "RS256", "kid": "one"}), &good())
    ));
    // What the header says of where keys are is not asked for.
    let mut header = es256();
    header["jwk"] = other.jwk("one");
    header["jku"] = json!("https://evil.example/keys");
    refused(&other.sign(&header, &good()));
    refused("");
    refused("a.b.c");
    refused(&"a".repeat(TOKEN_BYTES_MAX + 1));
}

#[test]
fn a_header_that_demands_more_or_names_another_kind_is_refused() {
    let signer = TokenSigner::default();
    let set = keys(&[signer.jwk("one")]);
    for (name, value) in [
        ("crit", json!(["exp"])),
        ("typ", json!("at+jwt")),
        ("typ", json!("logout+jwt")),
    ] {
        let mut header = es256();
        header[name] = value;
        assert!(
            read(&signer.sign(&header, &good()), &set, &EXPECTED).is_err(),
            "{header}"
        );
    }
}

#[test]
fn the_key_is_the_one_that_the_header_names() {
    let (one, two) = (TokenSigner::default(), TokenSigner::default());
    let both = keys(&[one.jwk("one"), two.jwk("two")]);
    let with_id = |id: &str| json!({"alg": "ES256", "kid": id});
    assert!(read(&two.sign(&with_id("two"), &good()), &both, &EXPECTED).is_ok());
    assert!(read(&two.sign(&with_id("one"), &good()), &both, &EXPECTED).is_err());
    let unknown = header(&one.sign(&with_id("three"), &good())).unwrap();
    assert!(both.fitting(&unknown).is_empty());
    // Without a name the key must be the only one.
    let unnamed = one.sign(&json!({"alg": "ES256"}), &good());
    assert!(read(&unnamed, &both, &EXPECTED).is_err());
    assert!(read(&unnamed, &keys(&[one.jwk("one")]), &EXPECTED).is_ok());
    // A key for encryption, of another algorithm, or secret, checks nothing.
    for (name, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("alg", json!("ES384")),
        ("crv", json!("P-521")),
        ("kty", json!("oct")),
    ] {
        let mut jwk = one.jwk("one");
        jwk[name] = value;
        assert!(
            read(&unnamed, &keys(&[jwk.clone()]), &EXPECTED).is_err(),
            "{jwk}"
        );
        // And costs no other key.
        assert!(read(&unnamed, &keys(&[jwk, one.jwk("one")]), &EXPECTED).is_ok());
    }
}

#[test]
fn ed25519_signs_too() {
    use_ring();
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key().as_ref())});
    let message = unsigned(&json!({"alg": "EdDSA"}), &good());
    let token = format!(
        "{message}.{}",
        base64url(pair.sign(message.as_bytes()).as_ref())
    );
    assert!(read(&token, &keys(&[jwk]), &EXPECTED).is_ok());
}

#[test]
fn a_name_becomes_a_username_where_it_can() {
    let suggested = |name: &str| suggestion(name).map(|it| it.as_str().to_owned());
    assert_eq!(
        suggested("ada.lovelace@example.org").as_deref(),
        Some("ada.lovelace")
    );
    assert_eq!(suggested("Ada Lovelace").as_deref(), Some("Ada.Lovelace"));
    assert_eq!(suggested("_ada").as_deref(), Some("ada"));
    assert_eq!(suggested("Zoë\u{1b}[0m").as_deref(), Some("Zo0m"));
    assert_eq!(suggested(&"x".repeat(99)).map(|name| name.len()), Some(24));
    assert_eq!(suggested("李"), None);
    assert_eq!(suggested("@"), None);
}

#[test]
fn keys_are_fetched_anew_for_an_unknown_one_and_after_an_hour() {
    let signer = TokenSigner::default();
    let fetched = Instant::now();
    let cached = CachedKeys {
        keys: keys(&[signer.jwk("one")]),
        fetched,
        tried: fetched,
    };
    let known = header(&signer.sign(&es256(), &good())).unwrap();
    let unknown = Header {
        kid: Some("two".to_owned()),
        ..known.clone()
    };
    let due = |header: &Header, seconds: u64| {
        cached.is_due(header, fetched + Duration::from_secs(seconds))
    };
    assert_eq!((due(&known, 0), due(&unknown, 0)), (false, false));
    assert_eq!((due(&known, 9), due(&unknown, 9)), (false, false));
    assert_eq!((due(&known, 10), due(&unknown, 10)), (false, true));
    assert_eq!((due(&known, 3_599), due(&known, 3_600)), (false, true));
    // A fetch that failed counts as a try.
    let tried = CachedKeys {
        tried: fetched + Duration::from_secs(20),
        ..cached
    };
    let due = |seconds| tried.is_due(&unknown, fetched + Duration::from_secs(seconds));
    assert_eq!((due(29), due(30)), (false, true));
}
