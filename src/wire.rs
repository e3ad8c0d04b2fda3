//! spec/wire.md · 4.4 to 4.6
//!
//! Bytes only: no sockets, threads or clock. `Frame → Arguments → Request` on the way in, `Reply → frames`
//! on the way out, and the same the other way round for a client.

pub mod argument;
pub mod frame;
pub mod instruction;
pub mod packet;
pub mod payload;
pub mod reply;
pub mod request;
pub mod wipe;

pub use argument::Arguments;
pub use frame::{FrameBuffer, FrameHeader, MAX_DATA};
pub use instruction::{Direction, Instruction, MessageType};
pub use packet::Reassembly;
pub use reply::Reply;
pub use request::{ConnectionState, Request, Window};

use crate::model::{ProtocolFault, Reason};
use thiserror::Error;

/// A request that is well formed as a frame and refused all the same: what becomes a Fail's arguments.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}: {text}")]
pub struct Refusal {
    /// The code.
    pub reason: Reason,
    /// What a person reads: what is wrong and what would be right. Never empty.
    pub text: String,
}

impl Refusal {
    /// A refusal with its text; the code itself where there is none, since no argument is empty.
    pub fn new(reason: Reason, text: impl Into<String>) -> Refusal {
        let text = text.into();
        let text = if text.is_empty() { reason.to_string() } else { text };
        Refusal { reason, text }
    }
}

/// Bytes that are no message of this protocol, or not from this peer: answered with `protocolError`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{code}: {text}")]
pub struct ProtocolError {
    /// The code.
    pub code: ProtocolFault,
    /// What is wrong with the frame.
    pub text: &'static str,
}

impl ProtocolError {
    /// A fault with its text.
    pub const fn new(code: ProtocolFault, text: &'static str) -> ProtocolError {
        ProtocolError { code, text }
    }
}
