//! spec/net/tls.md · 4.3.2 Client-Worker Server Connection
//!
//! TLS 1.3 for clients, by rustls. SIGHUP reads certificate and key again.
//!
//! Tests: `src/net/tests.rs`.

use super::certificate;
use crate::runtime::is_passing;
use crate::runtime::published::Published;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Plaintext that is copied out of rustls at a time.
const PLAINTEXT_CHUNK_BYTES: usize = 16 * 1024;

/// A worker's certificate and key, and the rustls configuration with them.
#[derive(Debug)]
pub struct ServerTls {
    certificate: PathBuf,
    key: PathBuf,
    config: Published<ServerConfig>,
    /// What clients would refuse the certificate for, as it was when it was read.
    warnings: Published<Vec<String>>,
}

/// Why certificate and key cannot be used. The text names the file.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The system does not read a file now.
    #[error("{0}")]
    Unreadable(String),
    /// A file is missing or wrong, or the two do not match.
    #[error("{0}")]
    Unusable(String),
}

impl CertificateError {
    /// Whether it may pass although nobody mends anything.
    pub fn is_passing(&self) -> bool {
        matches!(self, CertificateError::Unreadable(_))
    }

    fn of_file(file: &Path, what: &str, error: &pem::Error) -> CertificateError {
        match error {
            pem::Error::Io(why) if is_passing(why) => {
                CertificateError::Unreadable(format!("{}: {why}", file.display()))
            }
            _ => CertificateError::Unusable(format!(
                "{}: not a {what} in PEM form: {error}",
                file.display()
            )),
        }
    }
}

impl ServerTls {
    /// Reads both files.
    ///
    /// # Errors
    /// A file cannot be read, or certificate and key do not match. The text names the file.
    pub fn load(certificate: &Path, key: &Path) -> Result<ServerTls, CertificateError> {
        let (config, warnings) = read(certificate, key)?;
        Ok(ServerTls {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            config: Published::new(config),
            warnings: Published::new(warnings),
        })
    }

    /// Reads both files again. Open connections keep the old pair.
    ///
    /// # Errors
    /// As [`ServerTls::load`]; the old pair stays in force.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let (config, warnings) = read(&self.certificate, &self.key)?;
        self.config.store(config);
        self.warnings.store(warnings);
        Ok(())
    }

    /// What clients would refuse the certificate for, with the file's name.
    pub fn warnings(&self) -> Vec<String> {
        let warnings = self.warnings.load();
        let named = |text: &String| format!("{}: {text}", self.certificate.display());
        warnings.iter().map(named).collect()
    }

    /// The TLS state of a new connection.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn accept(&self) -> Result<Box<ServerConnection>, rustls::Error> {
        let mut tls = ServerConnection::new(self.config.load())?;
        // The connection bounds its unsent bytes itself.
        tls.set_buffer_limit(None);
        Ok(Box::new(tls))
    }
}

/// The configuration with the two files, and what clients would refuse the certificate for.
fn read(file: &Path, key: &Path) -> Result<(ServerConfig, Vec<String>), CertificateError> {
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| CertificateError::of_file(file, "certificate", &error))?;
    let unusable = |why: String| CertificateError::Unusable(format!("{}: {why}", file.display()));
    let warnings = match chain.first() {
        Some(own) => certificate::check(own).map_err(|error| unusable(error.to_string()))?,
        None => return Err(unusable("holds no certificate".to_owned())),
    };
    let secret = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| CertificateError::of_file(key, "private key", &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, secret)
        })
        .map(|config| (config, warnings))
        .map_err(|e| {
            CertificateError::Unusable(format!(
                "{} and {} do not serve TLS 1.3: {e}",
                file.display(),
                key.display()
            ))
        })
}

/// The TLS state after received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TlsProgress {
    /// The handshake is not done yet.
    pub(super) handshaking: bool,
    /// The peer has sent its close notification.
    pub(super) closed: bool,
}

/// Decrypts received bytes and appends the plaintext to `plain`.
///
/// # Errors
/// The peer violates TLS 1.3.
pub(super) fn receive(
    tls: &mut ServerConnection,
    bytes: &mut &[u8],
    plain: &mut Vec<u8>,
) -> io::Result<TlsProgress> {
    let mut closed = false;
    while !bytes.is_empty() && !closed {
        if tls.read_tls(bytes)? == 0 {
            break;
        }
        let state = tls.process_new_packets().map_err(io::Error::other)?;
        closed = state.peer_has_closed();
        let mut left = state.plaintext_bytes_to_read();
        while left > 0 {
            let at = plain.len();
            plain.resize(at + left.min(PLAINTEXT_CHUNK_BYTES), 0);
            let size = tls.reader().read(&mut plain[at..])?;
            plain.truncate(at + size);
            if size == 0 {
                break;
            }
            left = left.saturating_sub(size);
        }
    }
    Ok(TlsProgress {
        handshaking: tls.is_handshaking(),
        closed,
    })
}
