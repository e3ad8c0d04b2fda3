//! spec/net.md · 4.3.2 Client-Worker Server Connection
//!
//! How the bytes of a client's connection leave: as they are or in the messages of WebSocket, in
//! plaintext or by TLS.
//!
//! Tests: `src/net/tests.rs`.

use super::send_half::Cipher;
use super::websocket::{self, CloseCode, ControlPayload};
use rustls::ServerConnection;
use std::io::{self, Write};

/// The form in which a client's bytes come and leave.
#[derive(Debug, Default)]
pub struct Transport {
    /// Its TLS state, where it speaks TLS.
    pub tls: Option<Box<ServerConnection>>,
    /// Whether the stream is in messages of WebSocket, after its handshake.
    pub is_websocket: bool,
}

impl Transport {
    /// The stream as it is, with this TLS state.
    pub fn stream(tls: Option<Box<ServerConnection>>) -> Transport {
        Transport {
            tls,
            is_websocket: false,
        }
    }
}

/// The cipher of a client's connection.
pub(super) struct ClientCipher {
    transport: Transport,
    /// The status code of the close frame, once it is known.
    close: Option<CloseCode>,
}

impl ClientCipher {
    pub(super) fn new(transport: Transport) -> ClientCipher {
        ClientCipher {
            transport,
            close: None,
        }
    }

    /// The TLS state, to receive with it.
    pub(super) fn tls(&mut self) -> Option<&mut ServerConnection> {
        self.transport.tls.as_deref_mut()
    }

    /// Sets the code of the close frame, unless it is set.
    pub(super) fn set_close(&mut self, code: CloseCode) {
        self.close.get_or_insert(code);
    }

    /// Sets the code of the close frame in place of any other: that of the `protocolError` before
    /// it.
    pub(super) fn replace_close(&mut self, code: CloseCode) {
        self.close = Some(code);
    }

    /// Appends a pong.
    ///
    /// # Errors
    /// TLS has failed.
    pub(super) fn pong(&mut self, payload: &ControlPayload, out: &mut Vec<u8>) -> io::Result<()> {
        match &mut self.transport.tls {
            Some(tls) => {
                websocket::write_pong(payload, &mut tls.writer())?;
                records(tls, out)
            }
            None => websocket::write_pong(payload, out),
        }
    }
}

/// Appends the records that TLS has for the peer.
fn records(tls: &mut ServerConnection, out: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(out)?;
    }
    Ok(())
}

impl Cipher for ClientCipher {
    const RETAIN_BYTES: usize = 64 * 1024;

    fn is_clear(&self) -> bool {
        self.transport.tls.is_none() && !self.transport.is_websocket
    }

    fn hides_plain(&self) -> bool {
        self.transport.tls.is_some()
    }

    fn seal(&mut self, plain: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        match (&mut self.transport.tls, self.transport.is_websocket) {
            (None, false) => Ok(()),
            (None, true) => websocket::write_data(plain, out),
            (Some(tls), is_websocket) => {
                if is_websocket {
                    websocket::write_data(plain, &mut tls.writer())?;
                } else if !plain.is_empty() {
                    tls.writer().write_all(plain)?;
                }
                records(tls, out)
            }
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        let code = self.close.unwrap_or(CloseCode::NORMAL);
        let is_websocket = self.transport.is_websocket;
        let Some(tls) = &mut self.transport.tls else {
            return if is_websocket {
                websocket::write_close(code, out)
            } else {
                Ok(())
            };
        };
        if is_websocket {
            websocket::write_close(code, &mut tls.writer())?;
        }
        tls.send_close_notify();
        records(tls, out)
    }
}
