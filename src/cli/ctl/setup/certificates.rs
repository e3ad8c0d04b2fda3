//! spec/cli/ctl/setup.md · 4.3.2 Client-Worker Server Connection
//!
//! The certificates of a trial: a CA of this machine's own, and a worker's certificate by it.

use super::belongings::mend_file;
use super::host::{SetupHost, SystemUser, read_file};
use super::report::SetupReport;
use crate::net::certificate;
use crate::net::tls::ServerTls;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use time::OffsetDateTime;

/// For how long a trial's CA is valid.
const CA_LIFETIME: Duration = Duration::from_secs(3650 * 86_400);
/// For how long a worker's certificate is valid: the longest that all browsers take.
const LIFETIME: Duration = Duration::from_secs(397 * 86_400);
/// A certificate that ends within this time is made anew.
const RENEWAL: Duration = Duration::from_secs(30 * 86_400);
/// The clocks of clients may be behind by as much.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(86_400);
/// The CA's name. It is always the same, so that its key alone signs with it later.
const CA_NAME: &str = "PaperTrader trial CA";

/// The files of a trial's CA.
pub(super) fn ca_files(host: &SetupHost) -> (PathBuf, PathBuf) {
    let folder = host.etc().join("ca");
    (folder.join("ca.crt"), folder.join("ca.key"))
}

/// The files of a worker's certificate and key.
pub(super) fn worker_files(host: &SetupHost, name: &str) -> (PathBuf, PathBuf) {
    let folder = host.etc().join("tls");
    (
        folder.join(format!("{name}.crt")),
        folder.join(format!("{name}.key")),
    )
}

/// Makes a certificate for a worker by the CA of trials, and the CA, unless they are there and good
/// for a month. Returns whether the worker's is new.
///
/// # Errors
/// A file cannot be written; the CA's key is not there any more, or not its own.
pub(super) fn trial(
    host: &SetupHost,
    name: &str,
    address: &str,
    reader: SystemUser,
    report: &mut SetupReport,
) -> Result<bool, String> {
    let (certificate, key) = worker_files(host, name);
    let (ca, ca_key) = ca_files(host);
    host.folder(&host.etc().join("ca"), host.public(0o755), report)?;
    let secret = authority(host, &ca, &ca_key, report)?;
    let later = SystemTime::now() + RENEWAL;
    let is_good = |path: &Path| {
        let texts = (read_file(path), read_file(&ca));
        let (Ok(own), Ok(ca)) = texts else {
            return false;
        };
        certificate::serves(&own, &ca, address, later).is_ok() && key_fits(path, &key)
    };
    if is_good(&certificate) {
        let (own, secret) = (read_file(&certificate)?, read_file(&key)?);
        host.file(&certificate, &own, host.public(0o644), report)?;
        host.file(&key, &secret, host.readable_by(reader), report)?;
        return Ok(false);
    }
    let (own, secret) = issue(address, secret)?;
    // The key first: a certificate without it is made anew, and so is one with an older key.
    host.file(&key, secret.as_bytes(), host.readable_by(reader), report)?;
    host.file(&certificate, own.as_bytes(), host.public(0o644), report)?;
    Ok(true)
}

/// Mends owner and mode of a worker's certificate and key.
///
/// # Errors
/// The system refuses.
pub(super) fn mend(
    host: &SetupHost,
    name: &str,
    reader: SystemUser,
    report: &mut SetupReport,
) -> Result<(), String> {
    let (certificate, key) = worker_files(host, name);
    mend_file(host, &certificate, host.public(0o644), report)?;
    mend_file(host, &key, host.readable_by(reader), report)
}

/// Whether a certificate is one by a CA of trials: it carries that issuer's name.
pub(super) fn is_trial(certificate: &Path) -> bool {
    let Ok(text) = read_file(certificate) else {
        return false;
    };
    CertificateDer::from_pem_slice(&text).is_ok_and(|own| {
        let mut parts = own.windows(CA_NAME.len());
        parts.any(|part| part == CA_NAME.as_bytes())
    })
}

fn key_fits(certificate: &Path, key: &Path) -> bool {
    ServerTls::load(certificate, key).is_ok()
}

/// The key of the CA, which is made with it where both are missing.
fn authority(
    host: &SetupHost,
    ca: &Path,
    ca_key: &Path,
    report: &mut SetupReport,
) -> Result<KeyPair, String> {
    if ca_key.exists() {
        mend_file(host, ca_key, host.public(0o600), report)?;
        mend_file(host, ca, host.public(0o644), report)?;
        let text = String::from_utf8_lossy(&read_file(ca_key)?).into_owned();
        let key = KeyPair::from_pem(&text)
            .map_err(|error| format!("{}: not a private key: {error}", ca_key.display()))?;
        if ca.exists() {
            report.there(format!("{}: the CA of trials", ca.display()));
            return Ok(key);
        }
        return make_authority(host, ca, key, report);
    }
    if ca.exists() {
        return Err(format!(
            "{}: this CA's key, {}, is gone, so it certifies nothing more: put the key back, or remove the CA, and give \
             people the new one that is made then",
            ca.display(),
            ca_key.display()
        ));
    }
    let key = new_key()?;
    let text = key.serialize_pem();
    let rights = host.public(0o600);
    host.file(ca_key, text.as_bytes(), rights, report)?;
    make_authority(host, ca, key, report)
}

fn make_authority(
    host: &SetupHost,
    ca: &Path,
    key: KeyPair,
    report: &mut SetupReport,
) -> Result<KeyPair, String> {
    let made = ca_params()
        .self_signed(&key)
        .map_err(|error| format!("the CA of trials: {error}"))?;
    host.file(ca, made.pem().as_bytes(), host.public(0o644), report)?;
    Ok(key)
}

fn new_key() -> Result<KeyPair, String> {
    KeyPair::generate().map_err(|error| format!("a key for TLS: {error}"))
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(CA_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = SystemTime::now();
    params.not_before = OffsetDateTime::from(now - CLOCK_DIFFERENCE);
    params.not_after = OffsetDateTime::from(now + CA_LIFETIME);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

/// A certificate and its key, PEM, for a host, and for this machine's own people on loopback.
fn issue(address: &str, ca: KeyPair) -> Result<(String, String), String> {
    let failed = |error: rcgen::Error| format!("a certificate for {address}: {error}");
    let key = new_key()?;
    let mut hosts = vec![address.to_owned()];
    for more in ["localhost", "127.0.0.1", "::1"] {
        if more != address {
            hosts.push(more.to_owned());
        }
    }
    let mut params = CertificateParams::new(hosts).map_err(failed)?;
    // No name of a host has its place here: alternative names count, and this has 64 letters.
    params.distinguished_name = named("PaperTrader worker");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let now = SystemTime::now();
    params.not_before = OffsetDateTime::from(now - CLOCK_DIFFERENCE);
    params.not_after = OffsetDateTime::from(now + LIFETIME);
    let made = params
        .signed_by(&key, &Issuer::new(ca_params(), ca))
        .map_err(failed)?;
    Ok((made.pem(), key.serialize_pem()))
}

/// Copies a certificate that an administrator has, and its key, once they are found to serve. Returns
/// whether one of them is new.
///
/// # Errors
/// They cannot be read, do not belong together, or cannot be written.
pub(super) fn given(
    host: &SetupHost,
    name: &str,
    (from, from_key): (&Path, &Path),
    reader: SystemUser,
    report: &mut SetupReport,
) -> Result<bool, String> {
    let (certificate, key) = worker_files(host, name);
    ServerTls::load(from, from_key).map_err(|error| error.to_string())?;
    let (own, secret) = (read_file(from)?, read_file(from_key)?);
    let before = (read_file(&certificate), read_file(&key));
    let is_new = before != (Ok(own.clone()), Ok(secret.clone()));
    host.file(&key, &secret, host.readable_by(reader), report)?;
    host.file(&certificate, &own, host.public(0o644), report)?;
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::ctl::setup::report::StepState;
    use std::fs;

    #[test]
    fn a_trial_has_a_ca_and_certificates_that_are_renewed() {
        let folder = tempfile::tempdir().unwrap();
        let host = SetupHost::new(Some(folder.path())).unwrap();
        fs::create_dir_all(host.etc().join("tls")).unwrap();
        let reader = host.user("anybody").unwrap();
        let again = |address: &str| {
            let mut report = SetupReport::new(true);
            let made = trial(&host, "eu1", address, reader, &mut report);
            (made, report)
        };
        assert_eq!(again("eu1.example.org").0, Ok(true));
        let (made, report) = again("eu1.example.org");
        assert_eq!(made, Ok(false));
        assert!(report.has(StepState::There, "eu1.key"));
        let (ca, ca_key) = ca_files(&host);
        let (own, key) = worker_files(&host, "eu1");
        let texts = (fs::read(&own).unwrap(), fs::read(&ca).unwrap());
        let now = SystemTime::now();
        for name in ["eu1.example.org", "localhost", "127.0.0.1", "::1"] {
            certificate::serves(&texts.0, &texts.1, name, now).unwrap();
        }
        let serves = |name, at| certificate::serves(&texts.0, &texts.1, name, at);
        assert!(serves("eu2.example.org", now).is_err());
        // A certificate ends with a whole second.
        let ended = now + LIFETIME + Duration::from_secs(2);
        assert!(serves("localhost", ended).is_err());
        // Another name, a lost key, and a key of another certificate.
        assert_eq!(again("192.0.2.7").0, Ok(true));
        fs::remove_file(&key).unwrap();
        assert_eq!(again("192.0.2.7").0, Ok(true));
        fs::write(&key, new_key().unwrap().serialize_pem()).unwrap();
        assert_eq!(again("192.0.2.7").0, Ok(true));
        // The CA's certificate is made again with its key, and not without it.
        fs::remove_file(&ca).unwrap();
        assert_eq!(again("192.0.2.7").0, Ok(false));
        fs::remove_file(&ca_key).unwrap();
        assert!(
            again("192.0.2.7")
                .0
                .unwrap_err()
                .contains("ca.key, is gone")
        );
    }

    #[test]
    fn a_given_pair_is_checked_and_copied() {
        let folder = tempfile::tempdir().unwrap();
        let host = SetupHost::new(Some(folder.path())).unwrap();
        fs::create_dir_all(host.etc().join("tls")).unwrap();
        let reader = host.user("anybody").unwrap();
        let (own, secret) = issue("eu1.example.org", new_key().unwrap()).unwrap();
        let (from, from_key) = (folder.path().join("a"), folder.path().join("b"));
        fs::write(&from, own).unwrap();
        fs::write(&from_key, secret).unwrap();
        let files = (from.as_path(), from_key.as_path());
        let copy = || given(&host, "eu1", files, reader, &mut SetupReport::new(true));
        assert_eq!(copy(), Ok(true));
        assert_eq!(copy(), Ok(false));
        fs::write(&from, "garbage").unwrap();
        assert!(copy().is_err());
    }
}
