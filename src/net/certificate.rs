//! spec/net/certificate.md · 4.3.2 Client-Worker Server Connection
//!
//! What is wrong with a certificate, in words that help who made it: for the client that refuses
//! it, and for the worker that is to show it.

use crate::model::Timestamp;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The most names of a certificate that an error lists.
const NAMES_MAX: usize = 8;

/// Tags of DER.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// What is wrong with a certificate that ends before it begins.
const NEVER_VALID: &str =
    "the certificate is valid at no time: its end (notAfter) is before its beginning (notBefore)";

/// The library's error for a certificate of X.509 version 1 or 2, which it does not read.
const OLD_VERSION: &str = "UnsupportedCertVersion";

/// The library's error for a CA certificate that a server presents as its own.
const CA_AS_SERVER: &str = "CaUsedAsEndEntity";

/// What a certificate without names lacks, and how to make one that has them.
const NAMELESS: &str = "the certificate names no host: it has no subjectAltName, and a common name does not count; \
    make one with -addext subjectAltName=DNS:HOST, or trust this one by its pin";

/// Why a certificate is refused; `None` for an error that its own text describes.
pub fn explain(error: &CertificateError) -> Option<String> {
    use CertificateError as E;
    let told = match error {
        E::NotValidForNameContext {
            expected,
            presented,
        } => for_another_host(&expected.to_str(), presented),
        E::NotValidForName => "the certificate is for another host".to_owned(),
        E::ExpiredContext { not_after, .. } => {
            format!("the certificate has expired: it was valid until {}", time(*not_after))
        }
        E::Expired => "the certificate has expired".to_owned(),
        E::NotValidYetContext {
            time: now,
            not_before,
        } => format!(
            "the certificate is valid from {} on, and this machine's clock says {}",
            time(*not_before),
            time(*now)
        ),
        E::NotValidYet => "the certificate is not valid yet by this machine's clock".to_owned(),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            "the certificate's extendedKeyUsage does not allow it to be a server's".to_owned()
        }
        E::Other(other) if other.to_string().contains(OLD_VERSION) => {
            "the certificate is of X.509 version 1; version 3 is needed, as certificates with \
             extensions such as subjectAltName are"
                .to_owned()
        }
        E::Other(other) if other.to_string().contains(CA_AS_SERVER) => {
            "the server shows a CA's certificate as its own; make it one with basicConstraints CA:FALSE, or name it \
             with --pin SHA256"
                .to_owned()
        }
        _ => return None,
    };
    Some(told)
}

/// The text for a name that is not among the certificate's.
fn for_another_host(expected: &str, presented: &[String]) -> String {
    let names: Vec<&str> = presented.iter().filter_map(|name| host(name)).collect();
    if names.is_empty() {
        return NAMELESS.to_owned();
    }
    let more = match names.len().saturating_sub(NAMES_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names[..names.len().min(NAMES_MAX)].join(", ");
    format!(
        "the certificate is for another host than {expected}; it names {names}{more}: use a name that it carries"
    )
}

/// The host in a name as the library writes it; `None` if it names none.
fn host(name: &str) -> Option<&str> {
    let inner = |start| name.strip_prefix(start)?.strip_suffix(')');
    let quoted = inner("DnsName(").map(|name| name.trim_matches('"'));
    quoted.or_else(|| inner("IpAddress("))
}

fn timestamp(time: UnixTime) -> Timestamp {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    Timestamp(seconds.saturating_mul(1000))
}

fn time(time: UnixTime) -> String {
    let text = timestamp(time).to_string();
    text.replace("T", " ").replace(".000Z", " UTC")
}

/// Checks that a certificate, PEM, is good for a host at a time, to whoever trusts a CA, PEM.
///
/// # Errors
/// Why a client would refuse it.
pub fn serves(own: &[u8], ca: &[u8], host: &str, at: SystemTime) -> Result<(), String> {
    let read = |text| CertificateDer::from_pem_slice(text).map_err(|error| error.to_string());
    let (own, ca) = (read(own)?, read(ca)?);
    let parsed = ParsedCertificate::try_from(&own).map_err(|error| describe(&error))?;
    let mut roots = RootCertStore::empty();
    roots.add(ca).map_err(|error| describe(&error))?;
    let algorithms = ring::default_provider().signature_verification_algorithms;
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(since);
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], at, algorithms.all)
        .map_err(|error| describe(&error))?;
    let name = ServerName::try_from(host).map_err(|error| error.to_string())?;
    verify_server_name(&parsed, &name).map_err(|error| describe(&error))
}

/// Checks that a worker could serve with a certificate. Returns what clients would refuse it for.
///
/// # Errors
/// It cannot be read at all.
pub fn check(certificate: &CertificateDer<'_>) -> Result<Vec<String>, String> {
    check_at(certificate, UnixTime::now())
}

fn check_at(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<Vec<String>, String> {
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| describe(&error))?;
    let mut warnings = Vec::new();
    if !names_a_host(&parsed) {
        warnings.push(NAMELESS.to_owned());
    }
    if validity(certificate).is_some_and(|(begins, ends)| ends < begins) {
        warnings.push(NEVER_VALID.to_owned());
        return Ok(warnings);
    }
    // As its own root: whether its issuer is trusted is known to clients alone.
    let mut roots = RootCertStore::empty();
    if roots.add(certificate.clone()).is_ok() {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let verified =
            verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], now, algorithms.all);
        if let Err(Error::InvalidCertificate(error)) = verified {
            warnings.extend(explain(&error));
        }
    }
    Ok(warnings)
}

/// When a certificate ends; `None` where it cannot be told. Where it ends before it begins, it is
/// valid at no time, and the earlier time counts: its `notAfter`.
pub fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    validity(certificate).map(|(_, not_after)| not_after)
}

/// The two times between which a certificate is valid. The library tells neither of a certificate
/// whose end is before its beginning.
fn validity(certificate: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (SEQUENCE, certificate, _) = element(certificate)? else {
        return None;
    };
    let (SEQUENCE, mut fields, _) = element(certificate)? else {
        return None;
    };
    // The version may be left out. Serial number, algorithm and issuer come before the validity.
    if let (VERSION, _, rest) = element(fields)? {
        fields = rest;
    }
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (SEQUENCE, times, _) = element(fields)? else {
        return None;
    };
    let (tag, not_before, rest) = element(times)?;
    let not_before = asn1_time(tag, not_before)?;
    let (tag, not_after, _) = element(rest)?;
    Some((not_before, asn1_time(tag, not_after)?))
}

/// The first element of DER: its tag and its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // At most four bytes of length: a certificate has fewer bytes than that can say.
        let count = usize::from(first & 0x7f);
        let (length, rest) = rest.split_at_checked(count).filter(|_| count <= 4)?;
        let add = |sum: usize, byte: &u8| (sum << 8) | usize::from(*byte);
        (length.iter().fold(0, add), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// A time as certificates have it: `YYMMDDHHMMSSZ`, of 1950 to 2049, or with four digits of the year.
fn asn1_time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let text = match tag {
        UTC_TIME if text.get(..1)? < "5" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| text.get(from..to);
    let time = format!(
        "{}-{}-{}T{}:{}:{}.000Z",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 14)?
    );
    Timestamp::parse(&time).ok()
}

/// Whether a certificate names any host.
fn names_a_host(certificate: &ParsedCertificate<'_>) -> bool {
    // No certificate is for this name, and the error tells those that it is for.
    let Ok(nobody) = ServerName::try_from("nobody.invalid") else {
        return true;
    };
    match verify_server_name(certificate, &nobody) {
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            presented,
            ..
        })) => presented.iter().any(|name| host(name).is_some()),
        _ => true,
    }
}

/// An error of the library in words, if it is about a certificate.
pub fn describe(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => explain(error).unwrap_or_else(|| error.to_string()),
        other => other.to_string(),
    }
}

/// Trusts the roots of a PEM file, too.
///
/// # Errors
/// The file cannot be read, is no PEM, or holds no certificate, or one that is no root. The text
/// names the file.
pub fn add_roots(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|e| format!("{name}: {e}"))?;
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{name}: not a PEM file: {e}"))?;
    if certificates.is_empty() {
        return Err(format!("{name}: holds no certificate"));
    }
    for certificate in certificates {
        roots
            .add(certificate)
            .map_err(|e| format!("{name}: {}", describe(&e)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
    use rustls::pki_types::pem::PemObject;

    /// Made by `openssl x509 -req -signkey`, which makes version 1 where no extensions are named.
    const VERSION_1: &str = "\
        -----BEGIN CERTIFICATE-----\n\
        MIIBJTCBywIULzTi4V7hkEv2My6BTnrKCVSqfcAwCgYIKoZIzj0EAwIwFDESMBAG\n\
        A1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNjAwMTkxNVoYDzIxMjYxMTAyMDAxOTE1\n\
        WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n\
        AAQosJpMbP+DfuEshK8cjtzivkHCmYzpgsak3OTQsRNxDijVYihlTgrssVDiRtk/\n\
        OLag1OVVU+nEOnRNSEjeiWjJMAoGCCqGSM49BAMCA0kAMEYCIQDfKHuGD5jKUnJu\n\
        lkrnJWaCxKs4rBQEskgvmvi01e9INgIhAIvTZ8xHFKqDh+1tFQGmQVNtt4rlzU/W\n\
        xZid/JuJh/AB\n\
        -----END CERTIFICATE-----\n";

    fn certificate(
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    #[test]
    fn the_end_of_a_certificate_is_known() {
        let ends = |year| {
            let certificate = certificate(&["x"], |params| {
                params.not_before = rcgen::date_time_ymd(2020, 1, 1);
                params.not_after = rcgen::date_time_ymd(year, 2, 3);
            });
            expiry(&certificate)
        };
        assert_eq!(ends(2021), Timestamp::from_date(2021, 2, 3));
        assert_eq!(ends(2099), Timestamp::from_date(2099, 2, 3));
        assert_eq!(ends(4096), Timestamp::from_date(4096, 2, 3));
        assert_eq!(ends(2049), Timestamp::from_date(2049, 2, 3));
        assert_eq!(ends(2050), Timestamp::from_date(2050, 2, 3));
        // It ends before it begins, and the earlier time counts.
        assert_eq!(ends(2019), Timestamp::from_date(2019, 2, 3));
        let whole = certificate(&["x"], |_| {});
        for length in 0..200 {
            let _ = validity(whole.get(..length).unwrap());
        }
        assert_eq!(validity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]), None);
    }

    #[test]
    fn a_certificate_that_clients_would_refuse_is_warned_of() {
        let good = certificate(&["eu1.example.org"], |_| {});
        assert_eq!(check(&good), Ok(Vec::new()));
        let by_address = certificate(&["127.0.0.1"], |_| {});
        assert_eq!(check(&by_address), Ok(Vec::new()));

        let warnings = check(&certificate(&[], |_| {})).unwrap();
        assert!(
            warnings.len() == 1 && warnings[0].contains("no subjectAltName"),
            "{warnings:?}"
        );
        let old = certificate(&["x"], |params| {
            params.not_before = rcgen::date_time_ymd(2020, 1, 1);
            params.not_after = rcgen::date_time_ymd(2021, 2, 3);
        });
        let warnings = check(&old).unwrap();
        assert_eq!(
            warnings,
            ["the certificate has expired: it was valid until 2021-02-03 00:00:00 UTC"]
        );
        let in_2019 = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_546_300_800));
        let warnings = check_at(&old, in_2019).unwrap();
        assert!(warnings[0].contains("from 2020-01-01"), "{warnings:?}");
        let never = certificate(&["x"], |params| {
            params.not_before = rcgen::date_time_ymd(2091, 1, 1);
            params.not_after = rcgen::date_time_ymd(2090, 1, 1);
        });
        assert_eq!(check(&never), Ok(vec![NEVER_VALID.to_owned()]));
        let ca = certificate(&["x"], |params| {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        });
        let warnings = check(&ca).unwrap();
        assert!(warnings[0].contains("CA:FALSE"), "{warnings:?}");
        let old = CertificateDer::from_pem_slice(VERSION_1.as_bytes()).unwrap();
        let fault = check(&old).unwrap_err();
        assert!(
            fault.contains("X.509 version 1; version 3 is needed"),
            "{fault}"
        );
        assert!(check(&CertificateDer::from(vec![1, 2, 3])).is_err());
    }

    #[test]
    fn the_names_of_a_certificate_for_another_host_are_told() {
        let names = ["*.example.org", "2001:db8::1", "10.0.0.1"];
        let many: Vec<String> = (0..20).map(|n| format!("h{n}.example.org")).collect();
        let wanted = ServerName::try_from("localhost").unwrap();
        let refused = |certificate: &CertificateDer<'_>| {
            let parsed = ParsedCertificate::try_from(certificate).unwrap();
            describe(&verify_server_name(&parsed, &wanted).unwrap_err())
        };
        let text = refused(&certificate(&names, |_| {}));
        let expected =
            "another host than localhost; it names *.example.org, 2001:db8::1, 10.0.0.1:";
        assert!(text.contains(expected), "{text}");
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let text = refused(&certificate(&many, |_| {}));
        assert!(text.contains("h7.example.org and 12 more"), "{text}");
        let text = refused(&certificate(&[], |_| {}));
        assert!(text.contains("a common name does not count"), "{text}");
    }
}
