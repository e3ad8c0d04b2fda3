//! spec/master/third_party.md · 3.1.3 (third parties)
//!
//! Sign-in with a provider that does what a test likes: the two flows, and everything that a
//! provider, or somebody in its place, could send.

use papertrader::config::ThirdPartySettings;
use papertrader::master::third_party::{
    ProviderNews, SignInAnswer, SignInError, SignInNews, SignInOrigin, SignInProgress,
    StartedSignIn, ThirdParties, VouchedPerson,
};
use papertrader::model::{
    BrowserSecret, IdentityProviderName, SessionHash, SignInHandle, SignInHash, SignInMethod,
};
use papertrader::runtime::Stop;
use papertrader::runtime::neighbourhood::Neighbourhood;
use papertrader::testkit::eventually::{TEST_TIMEOUT, eventually};
use papertrader::testkit::mock_exchange::{ExchangeReply, ExchangeRequest, MockExchange};
use papertrader::testkit::mock_provider::{
    CLIENT_ID, CLIENT_SECRET, MockProvider, TokenSigner, base64url, unsigned,
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Where browsers are sent back to.
pub const BACK: &str = "http://127.0.0.1:4711/back";

/// What auth does, with a word for who waits.
pub struct Parties {
    parties: ThirdParties<&'static str>,
    news: crossbeam_channel::Receiver<ProviderNews>,
    stop: Stop,
    /// The client secret is in it.
    _folder: tempfile::TempDir,
}

impl Drop for Parties {
    fn drop(&mut self) {
        self.stop.request();
    }
}

fn settings(issuer: &str, client: (&str, Option<&Path>)) -> ThirdPartySettings {
    ThirdPartySettings {
        name: IdentityProviderName::parse("mock").unwrap(),
        label: "The mock".to_owned(),
        issuer: issuer.to_owned(),
        client_id: client.0.to_owned(),
        client_secret_file: client.1.map(Path::to_owned),
        methods: SignInMethod::ALL.to_vec(),
        redirect_uris: Vec::new(),
    }
}

impl Parties {
    pub fn with(issuer: &str, (client_id, secret): (&str, &str)) -> Parties {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("{secret}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        let (sender, news) = crossbeam_channel::bounded(16);
        let stop = Stop::new();
        let settings = settings(issuer, (client_id, Some(&file)));
        let parties = ThirdParties::start(&[settings], &stop, move |news| {
            let _ = sender.send(news);
        });
        Parties {
            parties: parties.unwrap(),
            news,
            stop,
            _folder: folder,
        }
    }

    fn of(provider: &MockProvider) -> Parties {
        Parties::with(&provider.issuer(), (CLIENT_ID, CLIENT_SECRET))
    }

    fn try_begin(&mut self, method: SignInMethod) -> Result<StartedSignIn, SignInError> {
        let origin = SignInOrigin {
            worker: Uuid::nil(),
            near: Neighbourhood::of([127, 0, 0, 1].into()),
        };
        let uri = (method == SignInMethod::Redirect).then_some(BACK);
        let now = Instant::now();
        let begun = self
            .parties
            .begin("begins", origin, ("mock", method), uri, now);
        begun.map_err(|(_, error)| error)?;
        loop {
            match self.next_news() {
                SignInNews::Started("begins", started) => return started,
                SignInNews::Nobody => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub fn begin(&mut self, method: SignInMethod) -> StartedSignIn {
        self.try_begin(method).unwrap()
    }

    /// Takes in what the providers have done so far.
    pub fn take_news(&mut self) {
        while let Ok(news) = self.news.try_recv() {
            self.parties.on_news(news, Instant::now());
        }
    }

    fn next_news(&mut self) -> SignInNews<&'static str> {
        let news = self.news.recv_timeout(TEST_TIMEOUT).unwrap();
        self.parties.on_news(news, Instant::now())
    }

    pub fn progress(&self, handle: &SignInHandle) -> Result<SignInProgress, SignInError> {
        self.parties.progress(&handle.hash(), Instant::now())
    }

    pub fn complete(
        &mut self,
        handle: &SignInHandle,
        answer: (&str, &str),
    ) -> Result<SignInProgress, SignInError> {
        let secret = |text: &str| BrowserSecret::parse(text).unwrap();
        let answer = (&secret(answer.0), &secret(answer.1));
        match self
            .parties
            .complete("completes", handle, answer, Instant::now())
        {
            SignInAnswer::Now(_, answer) => answer,
            SignInAnswer::Later => match self.next_news() {
                SignInNews::Redeemed("completes", hash) => {
                    self.parties.progress(&hash, Instant::now())
                }
                other => panic!("{other:?}"),
            },
        }
    }

    /// A whole redirect flow. Returns what came of it.
    fn redirect(&mut self) -> Result<VouchedPerson, SignInError> {
        let started = self.try_begin(SignInMethod::Redirect)?;
        let (code, state) = browse(&started.flow.url);
        let ended = self.complete(&started.handle, (&code, &state));
        let hash = started.handle.hash();
        let person = ended.map(|progress| person_of(&progress));
        self.use_up(&hash);
        person
    }

    fn use_up(&mut self, hash: &SignInHash) {
        self.parties.sign_ins().done(hash, None, Instant::now());
    }
}

/// Who the person is.
pub fn person_of(progress: &SignInProgress) -> VouchedPerson {
    match progress {
        SignInProgress::Vouched(person) | SignInProgress::Repeated(person, _) => person.clone(),
        SignInProgress::Pending => panic!("still pending"),
    }
}

/// What a browser does whose person is signed in: it goes where it is sent. Returns code and state.
fn browse(url: &str) -> (String, String) {
    let agent = ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .build()
        .new_agent();
    let mut answer = agent.get(url).call().unwrap();
    let location = match answer.headers().get("location") {
        Some(location) => location.to_str().unwrap().to_owned(),
        None => panic!("{}", answer.body_mut().read_to_string().unwrap()),
    };
    assert!(location.starts_with(BACK), "{location}");
    way_back(&location)
}

/// Code and state of the address that a browser is sent back to.
pub fn way_back(location: &str) -> (String, String) {
    let url = url::Url::parse(location).unwrap();
    let value = |wanted: &str| {
        let found = url.query_pairs().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.into_owned()).unwrap()
    };
    (value("code"), value("state"))
}

fn unavailable() -> SignInError {
    SignInError::Unavailable("The mock".to_owned())
}

#[test]
fn a_device_flow_ends_with_the_person() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    provider.set_device_error(Some("authorization_pending"));
    let started = parties.begin(SignInMethod::Device);
    assert_eq!(started.flow.user_code.as_deref(), Some("WDJB-MJHT"));
    assert_eq!(started.flow.url, format!("{}/activate", provider.issuer()));
    assert_eq!(started.flow.poll, Duration::from_secs(1));
    // The provider is asked whether or not anybody asks here.
    eventually("two questions", || {
        (provider.calls("/token") >= 2).then_some(())
    });
    assert_eq!(
        parties.progress(&started.handle),
        Ok(SignInProgress::Pending)
    );
    provider.set_device_error(None);
    assert!(matches!(parties.next_news(), SignInNews::Nobody));
    let person = person_of(&parties.progress(&started.handle).unwrap());
    assert_eq!(person.identity.issuer, provider.issuer());
    assert_eq!(person.identity.subject, "ada");
    assert_eq!(
        person
            .suggestion
            .map(|name| name.as_str().to_owned())
            .as_deref(),
        Some("ada")
    );
    let asked = provider.calls("/token");
    let session = SessionHash([7; 32]);
    let hash = started.handle.hash();
    parties
        .parties
        .sign_ins()
        .done(&hash, Some(session), Instant::now());
    assert!(matches!(
        parties.progress(&started.handle),
        Ok(SignInProgress::Repeated(_, Some(it))) if it == session
    ));
    assert_eq!(
        provider.calls("/token"),
        asked,
        "nothing is asked after the end"
    );
}

#[test]
fn a_device_flow_is_asked_about_as_slowly_as_the_provider_says() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    provider.set_device_error(Some("slow_down"));
    let begun = Instant::now();
    let slow = parties.begin(SignInMethod::Device);
    let mut asked = Vec::new();
    eventually("two questions", || {
        let calls = provider.calls("/token");
        if calls > asked.len() {
            asked.push(begun.elapsed());
        }
        (asked.len() == 2).then_some(())
    });
    // One second, and after a slow_down five more.
    assert!(
        asked[1] - asked[0] >= Duration::from_millis(5_500),
        "{asked:?}"
    );
    assert_eq!(parties.progress(&slow.handle), Ok(SignInProgress::Pending));
}

#[test]
fn a_device_flow_that_is_declined_or_too_old_ends() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    for (error, told) in [
        ("access_denied", SignInError::Denied),
        ("expired_token", SignInError::Over),
        ("invalid_grant", unavailable()),
    ] {
        provider.set_device_error(Some(error));
        let started = parties.begin(SignInMethod::Device);
        assert!(matches!(parties.next_news(), SignInNews::Nobody));
        assert_eq!(parties.progress(&started.handle), Err(told), "{error}");
    }
}

#[test]
fn a_device_flow_goes_on_after_its_provider_was_away() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    let started = parties.begin(SignInMethod::Device);
    provider.answer_with(|request| {
        (request.path == "/token").then(|| ExchangeReply::status(503, "later"))
    });
    eventually("a question", || {
        (provider.calls("/token") >= 1).then_some(())
    });
    assert_eq!(
        parties.progress(&started.handle),
        Ok(SignInProgress::Pending)
    );
    provider.be_honest();
    assert!(matches!(parties.next_news(), SignInNews::Nobody));
    assert!(
        parties
            .progress(&started.handle)
            .is_ok_and(|it| it != SignInProgress::Pending)
    );
}

#[test]
fn a_redirect_flow_ends_with_the_person_and_asks_with_the_right_state_alone() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    let started = parties.begin(SignInMethod::Redirect);
    assert_eq!(started.flow.user_code, None);
    let (code, state) = browse(&started.flow.url);
    for other in ["x", &state[1..], &format!("{state}0")] {
        let refused = parties.complete(&started.handle, (&code, other));
        assert_eq!(refused, Err(SignInError::OtherState), "{other}");
    }
    let stranger = SignInHandle::from_bytes([1; 32]);
    let refused = parties.complete(&stranger, (&code, &state));
    assert_eq!(refused, Err(SignInError::Over));
    assert_eq!(provider.calls("/token"), 0, "nobody was asked so far");
    let ended = parties.complete(&started.handle, (&code, &state));
    assert_eq!(person_of(&ended.unwrap()).identity.subject, "ada");
    // A repeat is answered, and asks nobody.
    let again = parties.complete(&started.handle, (&code, &state));
    assert_eq!(person_of(&again.unwrap()).identity.subject, "ada");
    assert_eq!(provider.calls("/token"), 1);
}

#[test]
fn a_code_of_another_sign_in_is_refused() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    let victim = parties.begin(SignInMethod::Redirect);
    let thief = parties.begin(SignInMethod::Redirect);
    let (code, _) = browse(&victim.flow.url);
    let (_, state) = browse(&thief.flow.url);
    // PKCE: the verifier is the thief's, and the code's challenge the victim's.
    let ended = parties.complete(&thief.handle, (&code, &state));
    assert_eq!(ended, Err(unavailable()));
}

#[test]
fn a_request_that_fits_no_provider_is_refused_at_once() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    let origin = SignInOrigin {
        worker: Uuid::nil(),
        near: Neighbourhood::of([127, 0, 0, 1].into()),
    };
    let mut begin = |name: &str, method: SignInMethod, uri: Option<&str>| {
        let begun = parties
            .parties
            .begin("begins", origin, (name, method), uri, Instant::now());
        begun.err().map(|(_, error)| error)
    };
    let (device, redirect) = (SignInMethod::Device, SignInMethod::Redirect);
    let unknown = SignInError::UnknownProvider("mock".to_owned());
    assert_eq!(begin("google", device, None), Some(unknown));
    for (method, uri) in [
        (device, Some(BACK)),
        (redirect, None),
        (redirect, Some("https://evil.example/")),
    ] {
        assert_eq!(begin("mock", method, uri), Some(SignInError::RedirectUri));
    }
    for number in 0..9 {
        let refused = begin("mock", redirect, Some(BACK));
        let wanted = (number == 8).then_some(SignInError::TooMany);
        assert_eq!(refused, wanted, "{number}");
    }
}

#[test]
fn a_token_that_proves_nothing_signs_nobody_in() {
    type Forgery = fn(&TokenSigner, Value, Value) -> String;
    fn changed(
        signer: &TokenSigner,
        header: &Value,
        mut claims: Value,
        name: &str,
        value: Value,
    ) -> String {
        claims[name] = value;
        signer.sign(header, &claims)
    }
    let forgeries: &[(&str, Forgery)] = &[
        ("audience", |it, h, c| {
            changed(it, &h, c, "aud", json!("another"))
        }),
        ("issuer", |it, h, c| {
            changed(it, &h, c, "iss", json!("https://evil.example"))
        }),
        ("expired", |it, h, c| {
            changed(it, &h, c, "exp", json!(1_600_000_000))
        }),
        ("future", |it, h, c| {
            changed(it, &h, c, "iat", json!(9_000_000_000_u64))
        }),
        ("nonce", |it, h, c| {
            changed(it, &h, c, "nonce", json!("another"))
        }),
        ("key", |_, h, c| TokenSigner::default().sign(&h, &c)),
        ("none", |_, _, c| {
            format!("{}.", unsigned(&json!({"alg": "none"}), &c))
        }),
        ("HS256 with the public key", |it, _, c| {
            let message = unsigned(&json!({"alg": "HS256", "kid": "first"}), &c);
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, it.point());
            let tag = ring::hmac::sign(&key, message.as_bytes());
            format!("{message}.{}", base64url(tag.as_ref()))
        }),
        ("no token", |_, _, _| "no token".to_owned()),
        ("long", |it, h, c| {
            changed(it, &h, c, "x", json!("x".repeat(20_000)))
        }),
    ];
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    for (what, forgery) in forgeries {
        provider.sign_with(*forgery);
        assert_eq!(parties.redirect(), Err(unavailable()), "{what}");
    }
    provider.be_honest();
    assert!(parties.redirect().is_ok());
}

#[test]
fn an_answer_that_is_none_is_an_end_and_no_harm() {
    type Answer = Box<dyn Fn() -> ExchangeReply + Send + Sync>;
    let elsewhere = MockExchange::start(|_| ExchangeReply::json("{}"));
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    assert!(parties.redirect().is_ok(), "description and keys are known");
    let target = elsewhere.url("127.0.0.1");
    let answers: Vec<(&str, Answer)> = vec![
        ("10 MB", Box::new(|| ExchangeReply::Endless(10 << 20))),
        (
            "a redirect",
            Box::new(move || {
                ExchangeReply::Plain(307, vec![("Location", target.clone())], String::new())
            }),
        ),
        ("half", Box::new(|| ExchangeReply::Half("x".repeat(1_000)))),
        ("noise", Box::new(|| ExchangeReply::Noise)),
        ("a page", Box::new(|| ExchangeReply::status(200, "<html>"))),
        (
            "trouble",
            Box::new(|| ExchangeReply::status(500, "\u{1b}[2J")),
        ),
        (
            "a refusal",
            Box::new(|| ExchangeReply::status(401, "{\"error\":\"invalid_client\"}")),
        ),
        (
            "nested",
            Box::new(|| ExchangeReply::json("[".repeat(100_000))),
        ),
    ];
    for (what, answer) in answers {
        provider.answer_with(move |request| (request.path == "/token").then(&answer));
        assert_eq!(parties.redirect(), Err(unavailable()), "{what}");
    }
    assert_eq!(elsewhere.calls(), 0, "a redirect is not followed");
    provider.be_honest();
    assert!(parties.redirect().is_ok());
}

/// Begins a flow with a provider whose description is changed.
fn begin_with(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Result<(), SignInError> {
    let provider = MockProvider::start();
    let issuer = provider.issuer();
    provider.answer_with(move |request: &ExchangeRequest| {
        let mut said = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        });
        change(&mut said);
        (request.path == "/.well-known/openid-configuration")
            .then(|| ExchangeReply::json(said.to_string()))
    });
    let mut parties = Parties::of(&provider);
    parties.try_begin(SignInMethod::Redirect).map(|_| ())
}

#[test]
fn a_description_that_leads_elsewhere_is_refused() {
    assert_eq!(begin_with(|_| {}), Ok(()));
    for (name, value) in [
        ("issuer", json!("https://evil.example")),
        ("token_endpoint", json!("http://evil.example/token")),
        ("token_endpoint", json!("file:///etc/passwd")),
        ("token_endpoint", json!("/token")),
        ("jwks_uri", json!("http://192.0.2.1/keys")),
        ("jwks_uri", json!("https://user:pass@id.example/keys")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
        (
            "authorization_endpoint",
            json!("https://id.example/\u{1b}[2J"),
        ),
        ("authorization_endpoint", Value::Null),
        ("token_endpoint", Value::Null),
    ] {
        let shown = format!("{name} {value}");
        let refused = begin_with(move |said| said[name] = value.clone());
        assert_eq!(refused, Err(unavailable()), "{shown}");
    }
}

#[test]
fn a_device_answer_that_is_not_right_is_refused() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    for (name, value) in [
        ("user_code", json!("\u{1b}]0;x\u{7}")),
        ("user_code", json!("x".repeat(100))),
        ("device_code", json!("")),
        ("verification_uri", json!("http://evil.example/")),
        ("verification_uri_complete", json!("javascript:x")),
        // Each quotation mark becomes three characters.
        (
            "verification_uri",
            json!(format!("https://id.example/{}", "\"".repeat(2_020))),
        ),
        ("expires_in", json!("soon")),
        ("expires_in", json!(-1)),
    ] {
        let issuer = provider.issuer();
        let changed = value.clone();
        provider.answer_with(move |request| {
            let mut said = json!({"device_code": "d", "user_code": "u", "expires_in": 600,
                "verification_uri": format!("{issuer}/activate")});
            said[name] = changed.clone();
            (request.path == "/device").then(|| ExchangeReply::json(said.to_string()))
        });
        let refused = parties.try_begin(SignInMethod::Device).map(|_| ());
        assert_eq!(refused, Err(unavailable()), "{name} {value}");
    }
}

#[test]
fn a_provider_changes_its_keys_and_people_sign_in_on() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    assert!(parties.redirect().is_ok());
    provider.rotate_keys("second");
    // A key that is unknown is asked for, but not at every token.
    eventually("the new key", || parties.redirect().ok());
    assert_eq!(provider.calls("/keys"), 2);
}

#[test]
fn a_silent_provider_is_given_up_and_another_is_not_held_up() {
    let (silent, other) = (MockProvider::start(), MockProvider::start());
    silent.answer_with(|_| Some(ExchangeReply::Silence(Duration::from_secs(30))));
    let mut waits = Parties::of(&silent);
    let origin = SignInOrigin {
        worker: Uuid::nil(),
        near: Neighbourhood::of([127, 0, 0, 1].into()),
    };
    let begun = Instant::now();
    let device = ("mock", SignInMethod::Device);
    assert!(
        waits
            .parties
            .begin("waits", origin, device, None, begun)
            .is_ok()
    );
    assert!(Parties::of(&other).redirect().is_ok());
    // Auth answers after 10 s, whatever the thread does.
    let late = waits.parties.expire(begun + Duration::from_secs(10));
    assert_eq!(late.len(), 1);
    assert_eq!((late[0].0.waiting, &late[0].1), ("waits", &unavailable()));
    // And the thread itself gives up. Nobody waits for that any more.
    assert!(matches!(waits.next_news(), SignInNews::Nobody));
    assert_eq!(waits.parties.under_way(), 0);
}

#[test]
fn a_question_that_stays_unanswered_keeps_nobody_else_from_a_flow() {
    let provider = MockProvider::start();
    let mut parties = Parties::of(&provider);
    let first = parties.begin(SignInMethod::Device);
    provider.answer_with(|request| {
        (request.path == "/token").then(|| ExchangeReply::Silence(Duration::from_secs(30)))
    });
    eventually("a question", || {
        (provider.calls("/token") >= 1).then_some(())
    });
    // Its job waits behind the question, and has 9 s.
    assert!(parties.try_begin(SignInMethod::Device).is_ok());
    assert_eq!(
        parties.progress(&first.handle),
        Ok(SignInProgress::Pending),
        "it goes on"
    );
}

#[test]
fn a_provider_that_is_down_is_told_at_once() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut parties = Parties::with(&issuer, (CLIENT_ID, CLIENT_SECRET));
    for _ in 0..3 {
        let refused = parties.try_begin(SignInMethod::Device).map(|_| ());
        assert_eq!(refused, Err(unavailable()));
    }
}
