//! spec/wire.md · 4 The Protocol, 4.1 to 4.7
//!
//! Bytes only: no sockets, threads or clock. `Frame → Arguments → Request` on the way in, `Reply → frames`
//! on the way out, and the same the other way round for a client.
#![warn(
    clippy::wildcard_enum_match_arm,
    reason = "a new instruction is to be seen by every match"
)]

pub mod argument;
pub mod argument_type;
pub mod frame;
pub mod instruction;
pub mod packet;
pub mod payload;
pub mod refusal;
pub mod reply;
pub mod request;
pub mod wipe;

pub use argument::Arguments;
pub use frame::{FrameBuffer, FrameHeader, MAX_DATA};
pub use instruction::{ConnectionState, Destination, Direction, Instruction, MessageType};
pub use packet::Reassembly;
pub use refusal::Refusal;
pub use reply::Reply;
pub use request::{Request, Window};

use crate::model::ProtocolFault;
use thiserror::Error;

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
