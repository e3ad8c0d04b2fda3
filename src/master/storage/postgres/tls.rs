//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! TLS to a PostgreSQL server, by libpq's rules for `sslmode` and `sslrootcert`.

use crate::config::{PostgresTls, PostgresUrl};
use crate::net::certificate;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// What makes the TLS of a URL's connections. Roots are read anew each time.
///
/// # Errors
/// The roots cannot be read, or there are none.
pub(super) fn connector(url: &PostgresUrl) -> Result<MakeRustlsConnect, String> {
    let verifier = verifier(url)?;
    let config = ClientConfig::builder_with_provider(Arc::clone(&verifier.provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn verifier(url: &PostgresUrl) -> Result<PostgresVerifier, String> {
    let provider = Arc::new(ring::default_provider());
    let chain = if url.tls().is_verifying() {
        let roots = Arc::new(roots(url.root_certificate().map(|path| path.as_path()))?);
        let built = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        Some(built.build().map_err(|e| format!("trust roots: {e}"))?)
    } else {
        None
    };
    Ok(PostgresVerifier {
        chain,
        is_name_free: url.tls() != PostgresTls::VerifyFull,
        provider,
    })
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => certificate::add_roots(&mut roots, file)?,
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(
            "this machine has no trust roots: install ca-certificates, or name the authority's file with \
             sslrootcert in database.url"
                .to_owned(),
        );
    }
    Ok(roots)
}

/// Verifies a server's certificate as far as `sslmode` says.
#[derive(Debug)]
struct PostgresVerifier {
    /// `None`: whoever answers.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Whether a certificate for another name is good, too.
    is_name_free: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PostgresVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is what is looked at last.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.is_name_free => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a server with this certificate is taken for the host by a URL with these parts.
    fn is_taken(certificate: &CertificateDer<'_>, host: &str, parts: &str) -> bool {
        let url = PostgresUrl::parse(&format!("postgres://pt@{host}/trade?{parts}")).unwrap();
        let name = ServerName::try_from(host).unwrap();
        let verifier = verifier(&url).unwrap();
        let verified = verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::now());
        verified.is_ok()
    }

    #[test]
    fn each_mode_takes_whom_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let make = |file: &str| {
            let made = rcgen::generate_simple_self_signed(vec!["db.example".to_owned()]).unwrap();
            let path = folder.path().join(file);
            std::fs::write(&path, made.cert.pem()).unwrap();
            (
                made.cert.der().clone(),
                format!("sslrootcert={}", path.display()),
            )
        };
        let (ours, roots) = make("ours.crt");
        let (others, _) = make("others.crt");
        for (mode, by_its_name, by_another, a_strangers) in [
            ("verify-full", true, false, false),
            ("verify-ca", true, true, false),
            ("require", true, true, false),
        ] {
            let parts = format!("sslmode={mode}&{roots}");
            assert_eq!(is_taken(&ours, "db.example", &parts), by_its_name, "{mode}");
            assert_eq!(is_taken(&ours, "db2.example", &parts), by_another, "{mode}");
            assert_eq!(
                is_taken(&others, "db.example", &parts),
                a_strangers,
                "{mode}"
            );
        }
        assert!(
            is_taken(&others, "db.example", "sslmode=require"),
            "without roots"
        );
        assert!(
            !is_taken(&ours, "db.example", ""),
            "the default is verify-full"
        );
    }

    #[test]
    fn roots_that_cannot_be_read_are_named() {
        let url = "postgres://pt@db.example/trade?sslrootcert=/nonexistent/ca.crt";
        let failed = connector(&PostgresUrl::parse(url).unwrap()).err().unwrap();
        assert!(failed.contains("/nonexistent/ca.crt"), "{failed}");
    }
}
