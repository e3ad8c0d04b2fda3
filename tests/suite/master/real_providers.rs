//! spec/master/third_party.md#two-that-others-wrote · 3.1.3 (third parties)
//!
//! Sign-in with providers that others wrote, by a browser of our own that fills in their pages.

use super::third_party::{Parties, person_of, way_back};
use papertrader::master::third_party::{SignInProgress, StartedSignIn};
use papertrader::model::SignInMethod;
use papertrader::testkit::eventually::eventually;
use regex::Regex;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use url::Url;

/// A browser that keeps cookies, follows redirects up to the way back, and fills in forms.
#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

/// Where a browser has come to.
enum Page {
    /// The address to which the provider sent it back.
    Back(String),
    /// A page, and its address.
    Shown(Url, String),
}

/// Most pages between a person and the end of a sign-in.
const PAGES_MAX: usize = 20;

impl Browser {
    /// Opens an address, and sends every form off until there is none, as this person.
    /// Returns the address of the way back, or the last page's text.
    pub fn sign_in(&mut self, url: &str, person: &str) -> String {
        let mut page = self.open(&Url::parse(url).unwrap(), None);
        for _ in 0..PAGES_MAX {
            let (url, text) = match page {
                Page::Back(url) => return url,
                Page::Shown(url, text) => (url, text),
            };
            let Some((action, fields)) = form(&url, &text, person) else {
                return text;
            };
            page = self.open(&action, Some(&fields));
        }
        panic!("there is no end to the pages of {url}");
    }

    fn open(&mut self, url: &Url, fields: Option<&[(String, String)]>) -> Page {
        let (mut url, mut fields) = (url.clone(), fields);
        for _ in 0..PAGES_MAX {
            let mut answer = self.ask(&url, fields);
            for cookie in answer.headers().get_all("set-cookie") {
                let pair = cookie.to_str().unwrap().split(';').next().unwrap();
                let (name, value) = pair.split_once('=').unwrap();
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
            if !answer.status().is_redirection() {
                let text = answer.body_mut().read_to_string().unwrap();
                assert!(answer.status().is_success(), "{url}: {text}");
                return Page::Shown(url, text);
            }
            let location = answer.headers().get("location").unwrap().to_str().unwrap();
            let next = url.join(location).unwrap();
            if next.port() != url.port() {
                // It leaves the provider.
                return Page::Back(location.to_owned());
            }
            url = next;
            fields = None;
        }
        panic!("{url} redirects for ever");
    }

    fn ask(
        &self,
        url: &Url,
        fields: Option<&[(String, String)]>,
    ) -> ureq::http::Response<ureq::Body> {
        let agent = agent();
        let pairs: Vec<_> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let cookies = pairs.join("; ");
        match fields {
            None => agent.get(url.as_str()).header("cookie", cookies).call(),
            Some(fields) => {
                let fields = fields.iter().map(|(name, value)| (name, value));
                agent
                    .post(url.as_str())
                    .header("cookie", cookies)
                    .send_form(fields)
            }
        }
        .unwrap()
    }
}

/// Asks as a browser does that follows no redirect.
fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .new_agent()
}

/// Where a page sends a browser.
pub fn location(url: &str) -> String {
    let answer = agent().get(url).call().unwrap();
    let location = answer.headers().get("location");
    location.expect("a redirect").to_str().unwrap().to_owned()
}

/// The first form of a page, filled in.
fn form(url: &Url, text: &str, person: &str) -> Option<(Url, Vec<(String, String)>)> {
    let whole = Regex::new(r"(?s)<form([^>]*)>(.*?)</form>").unwrap();
    let found = whole.captures(text)?;
    let attribute = |tag: &str, name: &str| {
        let pattern = Regex::new(&format!("\\b{name}=\"([^\"]*)\"")).unwrap();
        let value = pattern.captures(tag)?[1].replace("&amp;", "&");
        Some(value)
    };
    let action = attribute(&found[1], "action").unwrap_or_default();
    let inputs = Regex::new("<input([^>]*)>").unwrap();
    let fields = inputs.captures_iter(&found[2]).filter_map(|input| {
        let name = attribute(&input[1], "name")?;
        let value = match name.as_str() {
            "login" => person.to_owned(),
            "password" => "any".to_owned(),
            _ => attribute(&input[1], "value").unwrap_or_default(),
        };
        Some((name, value))
    });
    Some((url.join(&action).unwrap(), fields.collect()))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// npm's oidc-provider. Dropping it stops it.
pub struct OidcProvider {
    child: Child,
    /// It ends where nobody reads what it says.
    _output: BufReader<ChildStdout>,
    pub issuer: String,
}

impl OidcProvider {
    /// Starts it, or says aloud that it is not there. `tests/run` sets the variable where it
    /// cannot be had, and counts what is skipped.
    pub fn start() -> Option<OidcProvider> {
        if std::env::var_os("WITHOUT_OIDC_PROVIDER").is_some() {
            println!("skipped: WITHOUT_OIDC_PROVIDER is set");
            return None;
        }
        let package = "target/tools/providers";
        let is_there = root().join(package).join("node_modules/oidc-provider");
        assert!(is_there.exists(), "`make providers` installs oidc-provider");
        let mut child = Command::new("node")
            .args(["tests/providers/oidc-provider.mjs", package, SECRET])
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut issuer = String::new();
        output.read_line(&mut issuer).unwrap();
        Some(OidcProvider {
            child,
            _output: output,
            issuer: issuer.trim().to_owned(),
        })
    }
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The client's secret, with characters that a header's form must escape.
pub const SECRET: &str = "a-secret+with/odd%characters";

/// What came of a sign-in that a person has done their part of.
fn person(parties: &mut Parties, started: &StartedSignIn) -> String {
    eventually("the provider's word", || {
        parties.take_news();
        match parties.progress(&started.handle).unwrap() {
            SignInProgress::Pending => None,
            vouched => Some(person_of(&vouched)),
        }
    })
    .identity
    .subject
}

/// Debian's Glewlwyd, and a person's browser with it. Dropping it stops it.
pub struct Glewlwyd {
    child: Child,
    /// The script stops the server when this ends; a kill would leave the server behind.
    people: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    pub issuer: String,
}

impl Glewlwyd {
    /// As [`OidcProvider::start`].
    pub fn start() -> Option<Glewlwyd> {
        if std::env::var_os("WITHOUT_GLEWLWYD").is_some() {
            println!("skipped: WITHOUT_GLEWLWYD is set");
            return None;
        }
        let package = root().join("target/tools/glewlwyd");
        let is_there = package.join("usr/bin/glewlwyd").exists();
        assert!(is_there, "`make providers` brings glewlwyd");
        let mut child = Command::new("python3")
            .arg("tests/providers/glewlwyd.py")
            .arg(package)
            .arg(PLAIN_SECRET)
            .current_dir(root())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut issuer = String::new();
        answers.read_line(&mut issuer).unwrap();
        Some(Glewlwyd {
            people: child.stdin.take(),
            child,
            answers,
            issuer: issuer.trim().to_owned(),
        })
    }

    /// Signs a person in. Returns where the browser is sent then.
    pub fn sign_in(&mut self, person: &str, url: &str) -> String {
        writeln!(self.people.as_mut().unwrap(), "{person} {url}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

impl Drop for Glewlwyd {
    fn drop(&mut self) {
        drop(self.people.take());
        let _ = self.child.wait();
    }
}

/// A secret without a character that RFC 6749 escapes in a header: Glewlwyd takes it as it stands.
pub const PLAIN_SECRET: &str = "aSecretOfLettersAlone";

#[test]
fn debians_glewlwyd_signs_people_in_by_both_flows() {
    let Some(mut provider) = Glewlwyd::start() else {
        return;
    };
    let issuer = provider.issuer.clone();
    both_flows(&issuer, PLAIN_SECRET, |started, person| {
        provider.sign_in(person, &started.flow.url)
    });
}

fn both_flows(issuer: &str, secret: &str, mut sign_in: impl FnMut(&StartedSignIn, &str) -> String) {
    let mut parties = Parties::with(issuer, ("papertrader", secret));
    let device = parties.begin(SignInMethod::Device);
    sign_in(&device, "ada");
    let subject = person(&mut parties, &device);

    let redirect = parties.begin(SignInMethod::Redirect);
    let (code, state) = way_back(&sign_in(&redirect, "ada"));
    let ended = parties.complete(&redirect.handle, (&code, &state)).unwrap();
    let again = person_of(&ended).identity;
    assert_eq!(
        (again.issuer.as_str(), again.subject.as_str()),
        (issuer, subject.as_str())
    );

    let other = parties.begin(SignInMethod::Redirect);
    let (code, state) = way_back(&sign_in(&other, "grace"));
    let ended = parties.complete(&other.handle, (&code, &state)).unwrap();
    assert_ne!(person_of(&ended).identity.subject, subject);
}

#[test]
fn npms_oidc_provider_signs_people_in_by_both_flows() {
    let Some(provider) = OidcProvider::start() else {
        return;
    };
    both_flows(&provider.issuer, SECRET, |started, person| {
        Browser::default().sign_in(&started.flow.url, person)
    });
}
