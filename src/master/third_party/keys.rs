//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! A provider's public keys, and which of them may have signed a token. ring checks the signatures.
//!
//! Tests: `src/master/third_party/id_token/tests.rs`.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{
    AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse,
};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey, Header};
use ring::signature as ring_signature;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// How long keys are used before they are fetched again: so long at most a key that the provider
/// has withdrawn is trusted.
const KEYS_AGE_MAX: Duration = Duration::from_secs(3600);

/// The shortest time between two fetches of keys for tokens whose key is unknown.
const KEYS_REFETCH_INTERVAL: Duration = Duration::from_secs(10);

/// Most keys of a provider that are looked at.
const KEYS_MAX: usize = 64;

/// The algorithms that sign RSA keys' tokens.
const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The document at a provider's `jwks_uri`.
#[derive(Deserialize)]
pub struct KeyDocument {
    keys: Vec<serde_json::Value>,
}

/// A provider's keys that can check a signature.
#[derive(Default)]
pub struct KeySet(Vec<PublicKey>);

struct PublicKey {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

impl KeySet {
    /// The keys of a document. A key of another kind or use is left out.
    pub fn of(document: KeyDocument) -> KeySet {
        let keys = document.keys.into_iter().take(KEYS_MAX);
        KeySet(keys.filter_map(PublicKey::of).collect())
    }

    /// The keys that may have signed a token with this header. Where it names none, there must be
    /// one alone that fits (OpenID Connect Core, section 10.1).
    pub fn fitting(&self, header: &Header) -> Vec<&DecodingKey> {
        let fits = |key: &&PublicKey| {
            key.algorithms.contains(&header.alg) && (header.kid.is_none() || key.id == header.kid)
        };
        let found: Vec<_> = self.0.iter().filter(fits).map(|key| &key.key).collect();
        if header.kid.is_none() && found.len() > 1 {
            return Vec::new();
        }
        found
    }
}

/// Keys that were fetched, and when.
pub struct CachedKeys {
    pub keys: KeySet,
    pub fetched: Instant,
    /// When it was last tried to fetch them.
    pub tried: Instant,
}

impl CachedKeys {
    /// Whether to fetch the keys anew for a token: they are old, or none fits it, for a provider
    /// changes them. The latter is tried at most once in [`KEYS_REFETCH_INTERVAL`].
    pub fn is_due(&self, header: &Header, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.fetched);
        let is_unknown = self.keys.fitting(header).is_empty();
        let idle = now.saturating_duration_since(self.tried);
        age >= KEYS_AGE_MAX || (is_unknown && idle >= KEYS_REFETCH_INTERVAL)
    }
}

impl PublicKey {
    fn of(value: serde_json::Value) -> Option<PublicKey> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let is_for_signatures = match &jwk.common.public_key_use {
            None | Some(PublicKeyUse::Signature) => true,
            Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_)) => false,
        };
        let verifies = jwk
            .common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
        if !is_for_signatures || !verifies {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA.to_vec(),
            AlgorithmParameters::EllipticCurve(key) => match key.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(key) => match key.curve {
                EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
                _ => return None,
            },
            // A shared secret in a public document is none, and nothing is known of other kinds.
            _ => return None,
        };
        if let Some(only) = &jwk.common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == *only);
        }
        Some(PublicKey {
            key: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
            algorithms,
        })
    }
}

/// ring as the back end of `jsonwebtoken`, which checks signatures and makes none.
static RING: CryptoProvider = CryptoProvider {
    signer_factory: no_signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the back end of `jsonwebtoken` in this process. Calling it again does nothing.
pub fn use_ring() {
    let _ = RING.install_default();
}

fn no_signer(_: &Algorithm, _: &EncodingKey) -> jsonwebtoken::errors::Result<Box<dyn JwtSigner>> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

fn verifier(
    algorithm: &Algorithm,
    key: &DecodingKey,
) -> jsonwebtoken::errors::Result<Box<dyn JwtVerifier>> {
    let check: Check = match algorithm {
        Algorithm::RS256 => Check::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Check::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Check::Rsa(&ring_signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Check::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Check::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Check::Rsa(&ring_signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Check::Other(&ring_signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Check::Other(&ring_signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Check::Other(&ring_signature::ED25519),
        _ => return Err(ErrorKind::UnsupportedAlgorithm.into()),
    };
    Ok(Box::new(RingVerifier {
        algorithm: *algorithm,
        check,
        key: key.clone(),
    }))
}

#[derive(Clone, Copy)]
enum Check {
    Rsa(&'static ring_signature::RsaParameters),
    Other(&'static dyn ring_signature::VerificationAlgorithm),
}

struct RingVerifier {
    algorithm: Algorithm,
    check: Check,
    key: DecodingKey,
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let checked = match (self.check, self.key.kind()) {
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let key = ring_signature::RsaPublicKeyComponents { n, e };
                key.verify(parameters, message, signature)
            }
            (Check::Other(algorithm), DecodingKeyKind::SecretOrDer(key)) => {
                ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature)
            }
            (Check::Rsa(_), DecodingKeyKind::SecretOrDer(_))
            | (Check::Other(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
                return Err(signature::Error::new());
            }
        };
        checked.map_err(|_| signature::Error::new())
    }
}
