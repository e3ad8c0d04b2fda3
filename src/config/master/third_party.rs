//! spec/config/master/third_party.md · 2.3 Global Deployment Variables, 3.1.3 (third parties)
//!
//! The `[[third_party]]` tables: providers of identities.
//!
//! Tests: `src/config/tests.rs`.

use super::super::reader::{ConfigReport, ConfigTable, IfAbsent, text, texts};
use super::super::{check, values, writer};
use crate::model::printable::is_printable_text;
use crate::model::session::PASSWORD_METHOD;
use crate::model::third_party::{WEB_TEXT_MAX, is_visible_ascii};
use crate::model::{IdentityProviderName, SignInMethod};
use std::path::PathBuf;

/// Most providers. Each has a thread, and their names fit into a fact of serverInfo.
const PROVIDERS_MAX: usize = 8;

/// Longest label, in characters.
const LABEL_MAX: usize = 40;

/// Longest client ID, in characters.
const CLIENT_ID_MAX: usize = 512;

/// Most redirect URIs of a provider.
const REDIRECT_URIS_MAX: usize = 16;

/// A provider of identities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThirdPartySettings {
    pub name: IdentityProviderName,
    /// What people read.
    pub label: String,
    /// The issuer identifier, character by character as the provider writes it.
    pub issuer: String,
    pub client_id: String,
    /// The file with the client secret; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// At least one.
    pub methods: Vec<SignInMethod>,
    /// Where a browser may be sent back to, beside loopback.
    pub redirect_uris: Vec<String>,
}

pub(super) fn read(root: &mut ConfigTable<'_, '_>) -> Vec<ThirdPartySettings> {
    let report = root.report();
    let mut providers: Vec<ThirdPartySettings> = Vec::new();
    for (at, table) in root.tables("third_party").into_iter().enumerate() {
        let key = table.name("name");
        let Some(provider) = provider(table) else {
            continue;
        };
        if at == PROVIDERS_MAX {
            let reason = format!("there are more than {PROVIDERS_MAX} providers");
            report.problem(&key, reason);
        }
        if providers.iter().any(|other| other.name == provider.name) {
            report.problem(
                &key,
                format!("another provider is called {}", provider.name),
            );
        }
        providers.push(provider);
    }
    providers
}

/// One table; `None` without a name.
fn provider(mut table: ConfigTable<'_, '_>) -> Option<ThirdPartySettings> {
    let name = table.parsed("name", IfAbsent::Required(None), |text| {
        if text == PASSWORD_METHOD {
            return Err(format!(
                "{text:?} is the login by password, and no provider's name"
            ));
        }
        IdentityProviderName::parse(text)
            .map(Some)
            .map_err(|why| format!("{text:?}: {why}"))
    });
    let called = name.as_ref().map(ToString::to_string).unwrap_or_default();
    let label = table.parsed("label", IfAbsent::Default(called), label);
    let issuer = table.parsed("issuer", IfAbsent::Required(String::new()), issuer);
    let client_id = table.parsed("client_id", IfAbsent::Required(String::new()), |text| {
        if is_visible_ascii(text, CLIENT_ID_MAX) {
            return Ok(text.to_owned());
        }
        Err(format!(
            "{text:?} is not a client ID: visible ASCII characters, at most {CLIENT_ID_MAX}"
        ))
    });
    let client_secret_file = table.has("client_secret_file").then(|| {
        let file = table.path("client_secret_file", None);
        check::or_credential(file)
    });
    let both = vec![SignInMethod::Device, SignInMethod::Redirect];
    let methods = table.value("methods", IfAbsent::Default(both), |value| {
        methods(&texts(value)?)
    });
    let redirect_uris = table.value("redirect_uris", IfAbsent::Default(Vec::new()), |value| {
        if let Ok(single) = text(value) {
            return Ok(vec![redirect_uri(single)?]);
        }
        let uris = texts(value)?;
        if uris.len() > REDIRECT_URIS_MAX {
            return Err(format!("these are more than {REDIRECT_URIS_MAX}"));
        }
        uris.into_iter().map(redirect_uri).collect()
    });
    table.finish();
    Some(ThirdPartySettings {
        name: name?,
        label,
        issuer,
        client_id,
        client_secret_file,
        methods,
        redirect_uris,
    })
}

fn label(text: &str) -> Result<String, String> {
    let fits = (1..=LABEL_MAX).contains(&text.chars().count());
    if fits && is_printable_text(text) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{text:?} is not a label: 1 to {LABEL_MAX} printable characters"
    ))
}

/// Checks an issuer, which keeps a slash at its end: it is compared character by character.
fn issuer(text: &str) -> Result<String, String> {
    if text.len() > WEB_TEXT_MAX {
        return Err(format!("this has more than {WEB_TEXT_MAX} characters"));
    }
    values::url(text).map(|_| text.to_owned())
}

fn methods(words: &[&str]) -> Result<Vec<SignInMethod>, String> {
    let mut methods = Vec::new();
    for word in words {
        let method = SignInMethod::from_name(word)
            .ok_or_else(|| format!("{word:?} is not one of device, redirect"))?;
        if methods.contains(&method) {
            return Err(format!("{word:?} is named twice"));
        }
        methods.push(method);
    }
    if methods.is_empty() {
        return Err("name at least one of device, redirect".to_owned());
    }
    Ok(methods)
}

fn redirect_uri(text: &str) -> Result<String, String> {
    let without_query = text.split('?').next().unwrap_or_default();
    values::url(without_query)?;
    if !is_visible_ascii(text, WEB_TEXT_MAX) || text.contains('#') {
        return Err(format!(
            "{text:?} is not a redirect URI: visible ASCII characters without #, at most {WEB_TEXT_MAX}"
        ));
    }
    Ok(text.to_owned())
}

pub(super) fn check_files(providers: &[ThirdPartySettings], report: &ConfigReport) {
    for (at, provider) in providers.iter().enumerate() {
        if let Some(file) = &provider.client_secret_file {
            check::secret_file(
                report,
                &format!("third_party[{at}].client_secret_file"),
                file,
            );
        }
    }
}

pub(super) fn write(providers: &[ThirdPartySettings], values: &mut writer::TomlValues) {
    for (at, provider) in providers.iter().enumerate() {
        let key = |key: &str| format!("third_party[{at}].{key}");
        values.text(&key("name"), &provider.name);
        values.text(&key("label"), &provider.label);
        values.text(&key("issuer"), &provider.issuer);
        values.text(&key("client_id"), &provider.client_id);
        if let Some(file) = &provider.client_secret_file {
            values.path(&key("client_secret_file"), file);
        }
        values.texts(&key("methods"), &provider.methods);
        values.texts(&key("redirect_uris"), &provider.redirect_uris);
    }
}
