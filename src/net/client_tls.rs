//! spec/net/client_tls.md · 4.3.2 (the client's side of TLS)
//!
//! Selects TLS or plain text for a connection, and verifies certificates.

use super::certificate;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme, version,
};
use sha2::{Digest, Sha256};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Size of a pin in bytes: the SHA-256 of a certificate in DER.
pub const PIN_BYTES: usize = 32;

/// The SHA-256 of a server's certificate.
pub type CertificatePin = [u8; PIN_BYTES];

/// The rule by which connections use TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// TLS, except to a loopback address that is named as one: see [`is_loopback_host`].
    #[default]
    BeyondLoopback,
    /// Plain text always.
    Plain,
    /// TLS always.
    Always,
}

/// The roots to which a certificate may chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TrustRoots {
    /// Those of the system, and the CA file's.
    #[default]
    SystemAndCa,
    /// The CA file's alone.
    CaAlone,
}

/// A client's TLS settings. Clones share the configuration, which reads the trust roots once, at
/// the first use.
#[derive(Debug, Clone, Default)]
pub struct ClientTls {
    mode: TlsMode,
    ca: Option<PathBuf>,
    pins: Vec<CertificatePin>,
    roots: TrustRoots,
    config: Arc<OnceLock<Result<Arc<ClientConfig>, String>>>,
}

impl ClientTls {
    /// Plain text always: for tests on loopback, and for `--plain`.
    pub fn plain() -> ClientTls {
        ClientTls::new(TlsMode::Plain, None, Vec::new())
    }

    /// Settings for `mode`. `ca` is a PEM file of roots that are trusted beside the system's. With
    /// `pins`, the server's own certificate must be one of them; without `ca`, its issuer, name and
    /// dates are then not checked. A CA or a pin turns [`TlsMode::BeyondLoopback`] into
    /// [`TlsMode::Always`], so that the certificate is checked.
    pub fn new(mode: TlsMode, ca: Option<PathBuf>, pins: Vec<CertificatePin>) -> ClientTls {
        let certificate_named = ca.is_some() || !pins.is_empty();
        let mode = if mode == TlsMode::BeyondLoopback && certificate_named {
            TlsMode::Always
        } else {
            mode
        };
        ClientTls {
            mode,
            ca,
            pins,
            roots: TrustRoots::SystemAndCa,
            config: Arc::default(),
        }
    }

    /// Whether a connection to `address`, which was looked up as `ip`, uses TLS. What the name
    /// resolves to can only add TLS, never turn it off.
    pub fn wants_tls(&self, address: &str, ip: IpAddr) -> bool {
        match self.mode {
            TlsMode::BeyondLoopback => {
                !(is_loopback_host(host_of(address)) && ip.to_canonical().is_loopback())
            }
            TlsMode::Plain => false,
            TlsMode::Always => true,
        }
    }

    /// The same settings, with TLS to every address.
    pub fn always(&self) -> ClientTls {
        ClientTls {
            mode: TlsMode::Always,
            ..self.clone()
        }
    }

    /// The settings for a server that nobody vouches for: TLS to one of the pinned certificates, or
    /// to one that chains to the CA file's roots, not the system's. `None`: neither was named, so
    /// nothing could tell such a server from an attacker's.
    pub fn for_hearsay(&self) -> Option<ClientTls> {
        if self.mode == TlsMode::Plain || (self.ca.is_none() && self.pins.is_empty()) {
            return None;
        }
        Some(ClientTls {
            mode: TlsMode::Always,
            roots: TrustRoots::CaAlone,
            config: Arc::default(),
            ..self.clone()
        })
    }

    /// The TLS configuration.
    ///
    /// # Errors
    /// The trust roots cannot be read, or there are none.
    pub fn config(&self) -> Result<Arc<ClientConfig>, String> {
        self.config
            .get_or_init(|| self.build().map(Arc::new))
            .clone()
    }

    fn build(&self) -> Result<ClientConfig, String> {
        let provider = Arc::new(ring::default_provider());
        let chain = if self.pins.is_empty() || self.ca.is_some() {
            let roots = Arc::new(self.roots()?);
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|e| format!("trust roots: {e}"))?;
            Some(verifier)
        } else {
            None
        };
        let verifier = Verifier {
            chain,
            pins: self.pins.clone(),
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&version::TLS13])
            .map_err(|e| e.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(config)
    }

    fn roots(&self) -> Result<RootCertStore, String> {
        let mut roots = RootCertStore::empty();
        if self.roots == TrustRoots::SystemAndCa {
            let native = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(native.certs);
        }
        if let Some(path) = &self.ca {
            certificate::add_roots(&mut roots, path)?;
        }
        if roots.is_empty() {
            return Err(
                "this machine has no trust roots: install ca-certificates, or name one with --ca FILE"
                    .to_owned(),
            );
        }
        Ok(roots)
    }
}

/// Parses a pin: 64 hexadecimal digits, with or without colons or blanks between bytes; or the line
/// that `openssl x509 -fingerprint -sha256` prints, whatever its version calls the digest.
///
/// # Errors
/// Any other form; the line or the length of another digest, which is named.
pub fn parse_pin(text: &str) -> Result<CertificatePin, String> {
    const FORM: &str = "a pin is the SHA-256 of a certificate: 64 hexadecimal digits, as `openssl x509 -in FILE \
        -noout -fingerprint -sha256` prints them";
    let digits = match text.split_once('=') {
        Some((name, digits)) => {
            let name = name.trim();
            let digest = name.split_whitespace().next().unwrap_or(name);
            let plain = digest.replace(['-', '_'], "").to_ascii_lowercase();
            if !matches!(plain.as_str(), "sha256" | "sha2256") {
                return Err(format!("this is the {digest} fingerprint; {FORM}"));
            }
            digits
        }
        None => text,
    };
    let is_digit = |c: &char| *c != ':' && !c.is_whitespace();
    let digits: String = digits.chars().filter(is_digit).collect();
    let mut pin = [0; PIN_BYTES];
    match hex::decode_to_slice(digits.to_ascii_lowercase(), &mut pin) {
        Ok(()) => Ok(pin),
        Err(hex::FromHexError::InvalidHexCharacter { c, .. }) => {
            Err(format!("{c:?} is no hexadecimal digit; {FORM}"))
        }
        Err(_) => {
            let other = match digits.len() {
                32 => ", as an MD5 has",
                40 => ", as a SHA-1 has",
                96 => ", as a SHA-384 has",
                128 => ", as a SHA-512 has",
                _ => "",
            };
            Err(format!("these are {} digits{other}; {FORM}", digits.len()))
        }
    }
}

/// The host part of `host:port`, without the brackets of an IPv6 address.
pub fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Whether a host is this machine by its text alone: a loopback address as a number, or
/// `localhost`. Any other name is not, wherever it leads.
pub fn is_loopback_host(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// The name that the server's certificate must be valid for: the host part of `address`.
///
/// # Errors
/// The host is neither a DNS name nor an IP address.
pub fn server_name(address: &str) -> Result<ServerName<'static>, String> {
    let host = host_of(address);
    ServerName::try_from(host.to_owned())
        .map_err(|_| format!("{host} is no name that a certificate could carry"))
}

#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    pins: Vec<CertificatePin>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(chain) = &self.chain {
            chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        }
        let seen: CertificatePin = Sha256::digest(end_entity.as_ref()).into();
        if self.pins.is_empty() || self.pins.contains(&seen) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // Only TLS 1.3 is offered.
        Err(rustls::Error::General(
            "TLS 1.2 is not spoken here".to_owned(),
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The text of a failed handshake for people, with what helps.
pub fn explain(error: &rustls::Error) -> String {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature) => {
            "the certificate's issuer is not trusted here; name its root with --ca FILE, or the certificate itself \
             with --pin SHA256"
                .to_owned()
        }
        E::InvalidCertificate(CertificateError::ApplicationVerificationFailure) => {
            "the certificate is none of those pinned with --pin".to_owned()
        }
        E::InvalidCertificate(error) => {
            certificate::explain(error).unwrap_or_else(|| format!("the certificate: {error}"))
        }
        E::InvalidMessage(_) => {
            "the other side does not speak TLS; if it is meant to be plain text, say --plain".to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::testing::TestCertificate;

    #[test]
    fn only_what_was_named_as_loopback_is_plain() {
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let far: IpAddr = "192.0.2.1".parse().unwrap();
        let auto = ClientTls::default();
        for named in [
            "127.0.0.1:2049",
            "127.0.0.9:1",
            "[::1]:2049",
            "[::ffff:127.0.0.1]:1",
            "localhost:2049",
            "LocalHost:1",
        ] {
            assert!(!auto.wants_tls(named, here), "{named}");
            assert!(auto.wants_tls(named, far), "{named} that leads elsewhere");
            assert!(auto.always().wants_tls(named, here), "{named}");
            let pinned = ClientTls::new(TlsMode::BeyondLoopback, None, vec![[0; 32]]);
            assert!(pinned.wants_tls(named, here), "{named}");
        }
        for name in [
            "eu1.example.org:2049",
            "localhost.example.org:1",
            "localhost.:1",
            "127.1:2049",
            "2130706433:1",
            "192.0.2.1:2049",
        ] {
            assert!(auto.wants_tls(name, here), "{name}");
            assert!(!ClientTls::plain().wants_tls(name, here), "{name}");
        }
    }

    #[test]
    fn hearsay_needs_a_pin_or_a_root_of_its_own() {
        let auto = |ca, pins| ClientTls::new(TlsMode::BeyondLoopback, ca, pins).for_hearsay();
        assert!(auto(None, vec![]).is_none());
        assert!(ClientTls::plain().for_hearsay().is_none());
        let here: IpAddr = "127.0.0.1".parse().unwrap();
        let pinned = auto(None, vec![[0; 32]]).unwrap();
        assert!(pinned.wants_tls("127.0.0.1:1", here));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TestCertificate::new(&["x"]).pem).unwrap();
        let rooted = auto(Some(file.path().to_owned()), vec![]).unwrap();
        assert_eq!(rooted.roots, TrustRoots::CaAlone);
        assert_eq!(rooted.roots().unwrap().len(), 1);
    }

    #[test]
    fn pins_are_read_as_openssl_prints_them() {
        let plain = "0a".repeat(32);
        let colons = vec!["0A"; 32].join(":");
        assert_eq!(parse_pin(&plain), Ok([10; 32]));
        assert_eq!(parse_pin(&colons), Ok([10; 32]));
        for line in [
            format!("sha256 Fingerprint={colons}"),
            format!("SHA256 Fingerprint={colons}\r\n"),
            format!("SHA2-256 Fingerprint={colons}"),
            format!("SHA256 Fingerprint = {plain}"),
            format!("  {colons}\t"),
            vec!["0A"; 32].join(" "),
        ] {
            assert_eq!(parse_pin(&line), Ok([10; 32]), "{line:?}");
        }
        for (text, told) in [
            (String::new(), "0 digits"),
            ("0a".to_owned(), "2 digits"),
            ("0a".repeat(33), "66 digits"),
            ("zz".repeat(32), "'z' is no"),
            ("0a".repeat(20), "as a SHA-1 has"),
            (
                format!("sha1 Fingerprint={}", vec!["0A"; 20].join(":")),
                "the sha1 fingerprint",
            ),
            // The digest's name counts, whatever the length is.
            (
                format!("SHA512 Fingerprint={plain}"),
                "the SHA512 fingerprint",
            ),
            (format!("MD5 Fingerprint={plain}"), "the MD5 fingerprint"),
            (format!("={plain}"), "a pin is"),
        ] {
            let fault = parse_pin(&text).unwrap_err();
            assert!(
                fault.contains(told) && fault.contains("a pin is"),
                "{text}: {fault}"
            );
        }
    }

    #[test]
    fn names_are_the_host_part() {
        assert_eq!(
            server_name("eu1.example.org:2049").unwrap().to_str(),
            "eu1.example.org"
        );
        assert_eq!(server_name("[::1]:2049").unwrap().to_str(), "::1");
        assert!(server_name("a b:1").is_err());
    }
}
