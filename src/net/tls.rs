//! spec/net/tls.md · 4.3.2 Client-Worker Server Connection
//!
//! TLS 1.3 for clients, by rustls. SIGHUP reads certificate and key again.
//!
//! Tests: `src/net/tests.rs`.

use super::certificate;
use crate::model::Timestamp;
use crate::model::expiry::{Expiry, ExpiryKind};
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
pub struct ServerTls(Published<LoadedPair>);

/// A certificate and its key, as they were when they were read.
#[derive(Debug)]
struct LoadedPair {
    /// The certificate's file.
    file: PathBuf,
    config: Arc<ServerConfig>,
    /// What clients would refuse the certificate for.
    warnings: Vec<String>,
    /// When the first certificate ends, which is the server's own.
    own_until: Option<Timestamp>,
    /// The first end of a certificate of the chain.
    until: Option<Timestamp>,
}

impl LoadedPair {
    /// When the server's own certificate has ended, if it has. Others of the chain may not be needed.
    fn ended(&self, now: Timestamp) -> Option<Timestamp> {
        self.own_until.filter(|until| *until <= now)
    }
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
    /// The certificate has ended, and the one in force has not.
    #[error("{}: has expired, at {until}, and the certificate in force has not: install one that lasts", file.display())]
    Expired { file: PathBuf, until: Timestamp },
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
        Ok(ServerTls(Published::new(read(certificate, key)?)))
    }

    /// Reads two files in the place of those before. Open connections keep the old pair.
    ///
    /// # Errors
    /// As [`ServerTls::load`], or the certificate has expired and the old one has not; the old pair
    /// stays in force.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), CertificateError> {
        let new = read(certificate, key)?;
        let now = Timestamp::now();
        if let Some(until) = new.ended(now)
            && self.0.load().ended(now).is_none()
        {
            let file = new.file;
            return Err(CertificateError::Expired { file, until });
        }
        self.0.store(new);
        Ok(())
    }

    /// What clients would refuse the certificate for, with the file's name.
    pub fn warnings(&self) -> Vec<String> {
        let pair = self.0.load();
        let named = |text: &String| format!("{}: {text}", pair.file.display());
        pair.warnings.iter().map(named).collect()
    }

    /// When the first certificate of the chain ends.
    pub fn expiry(&self) -> Option<Expiry> {
        let pair = self.0.load();
        Some(Expiry {
            kind: ExpiryKind::Certificate,
            name: pair.file.display().to_string(),
            owner: None,
            until: pair.until?,
        })
    }

    /// The TLS state of a new connection.
    ///
    /// # Errors
    /// rustls refuses the configuration.
    pub fn accept(&self) -> Result<Box<ServerConnection>, rustls::Error> {
        let mut tls = ServerConnection::new(Arc::clone(&self.0.load().config))?;
        // The connection bounds its unsent bytes itself.
        tls.set_buffer_limit(None);
        Ok(Box::new(tls))
    }
}

/// What the two files hold.
fn read(file: &Path, key: &Path) -> Result<LoadedPair, CertificateError> {
    let chain = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| CertificateError::of_file(file, "certificate", &error))?;
    let unusable = |why: String| CertificateError::Unusable(format!("{}: {why}", file.display()));
    let warnings = match chain.first() {
        Some(own) => certificate::check(own)
            .map_err(|error| unusable(format!("its first certificate is none: {error}")))?,
        None => {
            let text =
                "holds no certificate in PEM form, which begins with -----BEGIN CERTIFICATE-----";
            return Err(unusable(text.to_owned()));
        }
    };
    let own_until = chain.first().and_then(certificate::expiry);
    let until = chain.iter().filter_map(certificate::expiry).min();
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
        .map(|config| LoadedPair {
            file: file.to_owned(),
            config: Arc::new(config),
            warnings,
            own_until,
            until,
        })
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
