//! spec/testkit.md · 3.1.3 (third parties)
//!
//! A provider of identities that a test makes do what it likes: an OpenID provider with both flows,
//! whose person decides at once, or one that lies.
//!
//! Tests: `tests/suite/master/third_party.rs`.

use super::mock_exchange::{ExchangeReply, ExchangeRequest, MockExchange};
use crate::model::Timestamp;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use parking_lot::Mutex;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// The client ID that the provider knows.
pub const CLIENT_ID: &str = "papertrader";
/// The secret of that client, with characters that a header's form must escape.
pub const CLIENT_SECRET: &str = "s3cret+/:%&=";

/// A key that signs tokens with ES256.
pub struct TokenSigner(EcdsaKeyPair);

impl std::fmt::Debug for TokenSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenSigner(…)")
    }
}

impl Default for TokenSigner {
    fn default() -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        TokenSigner(EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &random).unwrap())
    }
}

impl TokenSigner {
    /// The public half's point, uncompressed.
    pub fn point(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    /// The public half as a JWK.
    pub fn jwk(&self, id: &str) -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": id, "use": "sig", "alg": "ES256",
               "x": base64url(&self.point()[1..33]), "y": base64url(&self.point()[33..])})
    }

    /// A signed token.
    pub fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = self.0.sign(&random, message.as_bytes()).unwrap();
        format!("{message}.{}", base64url(signature.as_ref()))
    }
}

/// Base64 for URLs, without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token's header and claims, without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| base64url(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

/// Whose sign-in a code is for.
#[derive(Debug)]
struct Code {
    challenge: String,
    nonce: String,
    redirect_uri: String,
}

type Answers = dyn Fn(&ExchangeRequest) -> Option<ExchangeReply> + Send + Sync;
type Token = dyn Fn(&TokenSigner, Value, Value) -> String + Send + Sync;

/// What the provider does.
struct Plan {
    signer: TokenSigner,
    key_id: String,
    subject: String,
    /// The error that a device flow gets; none: the person has agreed.
    device_error: Option<&'static str>,
    /// Answers instead of the provider's own.
    answers: Option<Arc<Answers>>,
    /// Makes a token of signer, header and claims.
    token: Option<Arc<Token>>,
    codes: HashMap<String, Code>,
    /// Requests so far, by path.
    calls: HashMap<String, usize>,
}

/// The provider. Dropping it stops it.
pub struct MockProvider {
    exchange: MockExchange,
    plan: Arc<Mutex<Plan>>,
}

impl std::fmt::Debug for MockProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MockProvider({})", self.issuer())
    }
}

impl MockProvider {
    /// A provider that vouches for the subject `ada`.
    pub fn start() -> MockProvider {
        let plan = Arc::new(Mutex::new(Plan {
            signer: TokenSigner::default(),
            key_id: "first".to_owned(),
            subject: "ada".to_owned(),
            device_error: None,
            answers: None,
            token: None,
            codes: HashMap::new(),
            calls: HashMap::new(),
        }));
        let shared = Arc::clone(&plan);
        let exchange = MockExchange::start(move |request| {
            let mut plan = shared.lock();
            *plan.calls.entry(request.path.clone()).or_default() += 1;
            let other = plan.answers.clone();
            // Unlocked, for the answer may take its time.
            drop(plan);
            if let Some(reply) = other.and_then(|other| other(request)) {
                return reply;
            }
            shared.lock().answer(request)
        });
        MockProvider { exchange, plan }
    }

    /// Its issuer identifier.
    pub fn issuer(&self) -> String {
        self.exchange.url("127.0.0.1")
    }

    /// Requests so far to a path.
    pub fn calls(&self, path: &str) -> usize {
        self.plan.lock().calls.get(path).copied().unwrap_or(0)
    }

    /// Vouches for this subject from now on.
    pub fn set_subject(&self, subject: &str) {
        subject.clone_into(&mut self.plan.lock().subject);
    }

    /// Answers questions about device flows with this error from now on; none: the person agrees.
    pub fn set_device_error(&self, error: Option<&'static str>) {
        self.plan.lock().device_error = error;
    }

    /// Signs with a new key of this name from now on, and publishes no other.
    pub fn rotate_keys(&self, id: &str) {
        let mut plan = self.plan.lock();
        plan.signer = TokenSigner::default();
        id.clone_into(&mut plan.key_id);
    }

    /// Answers with `answers` from now on, and by itself where they give none.
    pub fn answer_with(
        &self,
        answers: impl Fn(&ExchangeRequest) -> Option<ExchangeReply> + Send + Sync + 'static,
    ) {
        self.plan.lock().answers = Some(Arc::new(answers));
    }

    /// Makes its ID tokens with `token` from now on, of the signer, the header and the claims.
    pub fn sign_with(
        &self,
        token: impl Fn(&TokenSigner, Value, Value) -> String + Send + Sync + 'static,
    ) {
        self.plan.lock().token = Some(Arc::new(token));
    }

    /// Does what it would by itself again.
    pub fn be_honest(&self) {
        let mut plan = self.plan.lock();
        (plan.answers, plan.token) = (None, None);
    }
}

impl Plan {
    fn answer(&mut self, request: &ExchangeRequest) -> ExchangeReply {
        let issuer = format!("http://{}", request.headers["host"]);
        let reply = |value: Value| ExchangeReply::json(value.to_string());
        match request.path.as_str() {
            "/.well-known/openid-configuration" => reply(json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/authorize?tenant=a"),
                "device_authorization_endpoint": format!("{issuer}/device"),
                "token_endpoint": format!("{issuer}/token"),
                "jwks_uri": format!("{issuer}/keys"),
                "scopes_supported": ["openid", "email"],
            })),
            "/keys" => reply(json!({"keys": [self.signer.jwk(&self.key_id)]})),
            "/authorize" => self.authorize(request),
            _ if !has_proof(request) => error("invalid_client"),
            "/device" => reply(json!({
                "device_code": "the-device-code",
                "user_code": "WDJB-MJHT",
                "verification_uri": format!("{issuer}/activate"),
                "expires_in": 600,
                "interval": 1,
            })),
            "/token" => self.redeem(&issuer, request),
            _ => ExchangeReply::status(404, ""),
        }
    }

    /// What a browser gets whose person is signed in already: the way back.
    fn authorize(&mut self, request: &ExchangeRequest) -> ExchangeReply {
        let wanted = [
            ("tenant", "a"),
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("scope", "openid"),
            ("code_challenge_method", "S256"),
        ];
        if let Some((name, _)) = wanted.iter().find(|(name, it)| request.query(name) != *it) {
            return ExchangeReply::status(400, name);
        }
        let code = format!("code-{}", self.codes.len());
        let redirect_uri = request.query("redirect_uri").to_owned();
        let location = format!(
            "{redirect_uri}?code={code}&state={}",
            request.query("state")
        );
        let asked = Code {
            challenge: request.query("code_challenge").to_owned(),
            nonce: request.query("nonce").to_owned(),
            redirect_uri,
        };
        self.codes.insert(code, asked);
        ExchangeReply::Plain(302, vec![("Location", location)], String::new())
    }

    fn redeem(&mut self, issuer: &str, request: &ExchangeRequest) -> ExchangeReply {
        let now = Timestamp::now().0.div_euclid(1000);
        let mut claims = json!({"iss": issuer, "sub": self.subject, "aud": CLIENT_ID,
            "exp": now + 300, "iat": now, "preferred_username": self.subject});
        if request.field("grant_type") == "authorization_code" {
            let verifier = request.field("code_verifier");
            match self.codes.remove(request.field("code")) {
                Some(code)
                    if code.challenge == base64url(&Sha256::digest(verifier))
                        && code.redirect_uri == request.field("redirect_uri") =>
                {
                    claims["nonce"] = code.nonce.into();
                }
                _ => return error("invalid_grant"),
            }
        } else if request.field("device_code") != "the-device-code" {
            return error("invalid_grant");
        } else if let Some(why) = self.device_error {
            return error(why);
        }
        let header = json!({"alg": "ES256", "kid": self.key_id, "typ": "JWT"});
        let token = match &self.token {
            Some(token) => token(&self.signer, header, claims),
            None => self.signer.sign(&header, &claims),
        };
        ExchangeReply::json(
            json!({"access_token": "a", "token_type": "Bearer", "id_token": token}).to_string(),
        )
    }
}

/// Whether a request proves that it comes from the client (RFC 6749, section 2.3.1).
fn has_proof(request: &ExchangeRequest) -> bool {
    let encode =
        |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{CLIENT_ID}:{}", encode(CLIENT_SECRET));
    let header = request.headers.get("authorization");
    header.is_some_and(|header| *header == format!("Basic {}", STANDARD.encode(pair)))
}

fn error(code: &str) -> ExchangeReply {
    ExchangeReply::status(400, &json!({ "error": code }).to_string())
}
