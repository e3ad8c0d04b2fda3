//! spec/wire.md · 4 The Protocol, 4.1 to 4.7
//!
//! The wire format, as bytes: no sockets, threads or clock. A server reads `Frame → Arguments →
//! Request` and writes `Reply → frames`; a client does the opposite.
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
pub mod state;
pub mod wipe;

pub use argument::Arguments;
pub use frame::{DATA_MAX, FrameBuffer, FrameHeader};
pub use instruction::{Destination, Direction, Instruction, MessageType, Scope};
pub use packet::{PacketWriter, Reassembly};
pub use refusal::Refusal;
pub use reply::Reply;
pub use request::{Request, Window};
pub use state::ConnectionState;

use crate::model::ProtocolFault;
use thiserror::Error;

/// Version of the wire format, which every edition shares.
pub const WIRE_VERSION: u16 = 1;

/// The edition of the protocol: which instructions there are.
pub const EDITION: u16 = 2;

/// Bytes that are not a message of this protocol, or a message that this peer may not send. The
/// answer is `protocolError`, and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{code}: {text}")]
pub struct ProtocolError {
    pub code: ProtocolFault,
    /// What is wrong with the frame.
    pub text: &'static str,
}

impl ProtocolError {
    /// An error with this code and text.
    pub const fn new(code: ProtocolFault, text: &'static str) -> ProtocolError {
        ProtocolError { code, text }
    }
}
