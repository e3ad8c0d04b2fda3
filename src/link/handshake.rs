//! spec/link/handshake.md · 4.3.1 Master-Worker Server Connection, 3.1.5 Worker Management
//!
//! The handshake, in which worker and master authenticate each other before they exchange anything
//! else. Bytes in, bytes out; `io` has the sockets.
//!
//! ```text
//! worker                                                           master
//!   linkHello      version, UUID, worker's nonce            ->  registered? right IP?
//!   linkChallenge  master's nonce                           <-
//!   linkProof      GPG(signed by worker, for master)        ->  worker authenticated
//!   linkNoise1     GPG(signed by master, for worker), e     <-  master authenticated
//!   linkNoise2     e, ee                                    ->  both know the secret
//!   sealed records                                          <-> sealed records
//! ```

pub mod budget;
pub mod error;
pub mod io;
pub mod master;
pub mod statement;
pub mod worker;

pub use budget::{BudgetLimits, GpgBudget};
pub use error::{HandshakeError, REFUSALS};
pub use io::{accept, connect, refuse};
pub use master::{MasterHandshake, MasterIdentity, RegisteredWorker};
pub use worker::{WorkerHandshake, WorkerIdentity};

use super::record::{NOISE_PARAMETERS, SealedChannel};
use crate::model::ProtocolFault;
use crate::wire::{FrameBuffer, FrameHeader, Instruction, ProtocolError};
use snow::{Builder, HandshakeState};
use std::time::Duration;
use zeroize::Zeroizing;

/// Version of the link: the first field of the first message, and part of each signed statement.
/// Master and worker have the same.
pub const VERSION: u16 = 2;

/// Bytes of a nonce, and of each side's half of the secret.
pub const NONCE_LEN: usize = 32;

/// The largest difference between the clocks of the two sides, in either direction. Nonces make a
/// replay impossible, so this only bounds how wrong a clock may be before its signatures, and the
/// keys' dates of expiry, are not believed.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(600);

/// Time limit of a whole handshake, on each side.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a `Noise_NNpsk0` message with an empty payload: a public key and a tag.
const NOISE_LEN: usize = 32 + 16;

/// The most bytes of data in a handshake message.
pub const DATA_MAX: usize = 2 + super::keyring::MESSAGE_MAX + NOISE_LEN;

/// A link whose two sides have authenticated each other.
#[derive(Debug)]
pub struct ProvenLink<P> {
    /// The record layer of the link.
    pub sealed: SealedChannel,
    /// The other side.
    pub peer: P,
    /// Plaintext of records that arrived together with the last handshake message: the beginning of
    /// the peer's stream.
    pub early: Vec<u8>,
}

type Nonce = [u8; NONCE_LEN];
type Secret = Zeroizing<[u8; NONCE_LEN]>;

fn random() -> Result<Secret, HandshakeError> {
    let mut bytes = Zeroizing::new([0; NONCE_LEN]);
    getrandom::fill(bytes.as_mut()).map_err(|_| HandshakeError::Random)?;
    Ok(bytes)
}

/// Takes the next complete frame from the buffer. It must be one of the `expected` instructions and
/// no longer than a handshake message; both are checked on the header.
fn next_frame(
    buffer: &mut FrameBuffer,
    expected: &[Instruction],
) -> Result<Option<(FrameHeader, Instruction, Vec<u8>)>, HandshakeError> {
    let find = |number: u16| {
        expected
            .iter()
            .copied()
            .find(|instruction| instruction.number() == number)
    };
    let check = |header: &FrameHeader| {
        header.check()?;
        if header.number != 1 || header.max != 1 {
            return Err(ProtocolError::new(
                ProtocolFault::BadFrame,
                "a handshake message is one packet",
            ));
        }
        if find(header.instruction).is_none() {
            return Err(ProtocolError::new(
                ProtocolFault::NotAllowed,
                "not the handshake message that is due",
            ));
        }
        // No header is signed, so each field has only one valid value.
        let refuses = [Instruction::LinkRefused, Instruction::ProtocolError];
        let may_say_why = refuses.iter().any(|it| it.number() == header.instruction);
        if header.argument_count != 0 && !may_say_why {
            return Err(ProtocolError::new(
                ProtocolFault::BadFrame,
                "a handshake message has no arguments",
            ));
        }
        if usize::try_from(header.data_size).unwrap_or(usize::MAX) > DATA_MAX {
            return Err(ProtocolError::new(
                ProtocolFault::TooLarge,
                "longer than any handshake message",
            ));
        }
        Ok(())
    };
    let frame = buffer.next(check).map_err(HandshakeError::Frame)?;
    Ok(frame.and_then(|(header, data)| Some((header, find(header.instruction)?, data.to_vec()))))
}

const FORM: HandshakeError = HandshakeError::Frame(ProtocolError::new(
    ProtocolFault::BadFrame,
    "a handshake message that is not of its form",
));

/// One side of the Noise session. The master is the initiator, because it sends the last GPG
/// message.
fn noise(
    master: bool,
    secret: &Secret,
    prologue: &[u8; 32],
) -> Result<HandshakeState, HandshakeError> {
    let noise = Builder::new(NOISE_PARAMETERS.parse()?)
        .psk(0, secret)?
        .prologue(prologue)?;
    Ok(if master {
        noise.build_initiator()?
    } else {
        noise.build_responder()?
    })
}

fn write_noise(noise: &mut HandshakeState) -> Result<[u8; NOISE_LEN], HandshakeError> {
    let mut message = [0; NOISE_LEN];
    let length = noise.write_message(&[], &mut message)?;
    if length == NOISE_LEN {
        Ok(message)
    } else {
        Err(HandshakeError::Noise)
    }
}

fn read_noise(noise: &mut HandshakeState, message: &[u8]) -> Result<(), HandshakeError> {
    if message.len() != NOISE_LEN {
        return Err(FORM);
    }
    noise.read_message(message, &mut [0; NOISE_LEN])?;
    Ok(())
}

/// The link, with the records that have arrived already.
fn establish<P>(
    noise: HandshakeState,
    peer: P,
    behind: &[u8],
) -> Result<ProvenLink<P>, HandshakeError> {
    let mut sealed = SealedChannel::new(noise)?;
    let mut early = Vec::new();
    sealed
        .opener
        .open(behind, &mut early)
        .map_err(HandshakeError::Record)?;
    Ok(ProvenLink {
        sealed,
        peer,
        early,
    })
}

#[cfg(test)]
mod tests;
