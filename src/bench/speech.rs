//! spec/bench.md · 4.4, 4.5
//!
//! What connections send under load. Requests are made before the measurement, so that sending one
//! costs a copy; replies are checked.
//!
//! Tests: `tests/suite/programs/bench.rs`.

use super::driver::{Greeting, ReplyHead, Speech};
use crate::model::SessionId;
use crate::wire::frame::HEADER_BYTES;
use crate::wire::{ConnectionState, FrameHeader, Instruction, MessageType, Reply, Request};

/// Requests whose replies are known to the byte: quotes that do not change, and redis `GET`.
#[derive(Debug, Clone)]
pub struct KnownReplies {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    /// For each connection, the next pair to be sent and the next to be answered.
    at: Vec<(usize, usize)>,
}

impl KnownReplies {
    /// Each connection repeats all pairs in turn, and begins with another one.
    pub fn new(pairs: Vec<(Vec<u8>, Vec<u8>)>, connections: usize) -> KnownReplies {
        let count = pairs.len().max(1);
        let at = (0..connections).map(|n| (n % count, n % count)).collect();
        KnownReplies { pairs, at }
    }
}

impl Speech for KnownReplies {
    fn write_request(&mut self, connection: usize, out: &mut Vec<u8>) {
        let next = &mut self.at[connection].0;
        out.extend_from_slice(&self.pairs[*next].0);
        *next = if *next + 1 == self.pairs.len() {
            0
        } else {
            *next + 1
        };
    }

    fn read_reply(&mut self, connection: usize, bytes: &[u8]) -> Result<ReplyHead, String> {
        let next = &mut self.at[connection].1;
        let wanted = &self.pairs[*next].1;
        let Some(came) = bytes.get(..wanted.len()) else {
            // A shorter reply is recognised by its first bytes.
            return if wanted.starts_with(bytes) {
                Ok(ReplyHead::Nothing)
            } else {
                Err(format!("wrong answer: {}", told(bytes)))
            };
        };
        if came != wanted {
            return Err(format!("wrong answer: {}", told(bytes)));
        }
        *next = if *next + 1 == self.pairs.len() {
            0
        } else {
            *next + 1
        };
        Ok(ReplyHead::Reply(wanted.len()))
    }
}

/// Requests whose replies are known by their instruction.
#[derive(Debug, Clone)]
pub struct KnownInstructions {
    /// For each connection, its requests in turn.
    frames: Vec<Vec<Vec<u8>>>,
    next: Vec<usize>,
    /// Whether a Fail is counted; otherwise it ends the measurement.
    may_fail: bool,
}

impl KnownInstructions {
    /// Each connection repeats its own requests in turn.
    pub fn new(requests: Vec<Vec<Request>>, may_fail: bool) -> KnownInstructions {
        let bytes = |request: &Request| {
            let mut out = Vec::new();
            request.write(&mut out);
            out
        };
        KnownInstructions {
            next: vec![0; requests.len()],
            frames: requests
                .iter()
                .map(|all| all.iter().map(bytes).collect())
                .collect(),
            may_fail,
        }
    }
}

impl Speech for KnownInstructions {
    fn write_request(&mut self, connection: usize, out: &mut Vec<u8>) {
        let frames = &self.frames[connection];
        let next = &mut self.next[connection];
        out.extend_from_slice(&frames[*next]);
        *next = if *next + 1 == frames.len() {
            0
        } else {
            *next + 1
        };
    }

    fn read_reply(&mut self, _connection: usize, bytes: &[u8]) -> Result<ReplyHead, String> {
        use Instruction as I;
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>().map(FrameHeader::read) else {
            return Ok(ReplyHead::Nothing);
        };
        header.check().map_err(|e| e.text.to_owned())?;
        let size = HEADER_BYTES + usize::try_from(header.data_size).unwrap_or(usize::MAX);
        if bytes.len() < size {
            return Ok(ReplyHead::Nothing);
        }
        match Instruction::from_number(header.instruction) {
            Some(I::TransactionQueued) => Ok(ReplyHead::Notice(size)),
            Some(I::Data) if header.number < header.max => Ok(ReplyHead::Piece(size)),
            Some(
                I::Data
                | I::SessionId
                | I::PurchaseSuccess
                | I::SellSuccess
                | I::StateSwitchSuccess
                | I::RegisterSuccess
                | I::LogoutSuccess
                | I::AccountSuccess
                | I::ThirdPartyStarted
                | I::ThirdPartyPending
                | I::ThirdPartyUnknown
                | I::OrderPlaced
                | I::OrderCancelled
                | I::Pong,
            ) => Ok(ReplyHead::Reply(size)),
            Some(
                I::LoginFail
                | I::RegisterFail
                | I::PurchaseFail
                | I::SellFail
                | I::StateSwitchFail
                | I::DataFail
                | I::LogoutFail
                | I::AccountFail
                | I::OrderFail,
            ) if self.may_fail => Ok(ReplyHead::Refused(size)),
            _ => Err(format!("not the answer: {}", told(bytes))),
        }
    }
}

/// The received message as text, for an error.
fn told(bytes: &[u8]) -> String {
    let header = bytes.first_chunk::<HEADER_BYTES>().map(FrameHeader::read);
    if let Some(header) = header
        && let Some(data) = bytes.get(
            HEADER_BYTES
                ..HEADER_BYTES
                    + usize::try_from(header.data_size)
                        .unwrap_or(0)
                        .min(bytes.len()),
        )
        && Instruction::from_number(header.instruction).is_some_and(|i| {
            matches!(
                i.message_type(),
                MessageType::ServerReturn | MessageType::Control
            )
        })
        && header.instruction != Instruction::Data.number()
        && let Ok(reply) = Reply::read(&header, data)
    {
        return format!("{reply:?}");
    }
    format!(
        "{:?}",
        String::from_utf8_lossy(bytes.get(..64).unwrap_or(bytes))
    )
}

/// The greeting that switches a connection to the data state.
pub fn into_data(session: &SessionId) -> Greeting {
    let mut greeting = Greeting::default();
    Request::SwitchState {
        session: session.clone(),
        state: ConnectionState::Data,
    }
    .write(&mut greeting.request);
    Reply::StateSwitched(ConnectionState::Data).write(&mut greeting.reply);
    greeting
}

/// The request for a quote, and its reply as long as the value does not change.
pub fn quote(symbol: crate::model::Symbol, quote: crate::model::Quote) -> (Vec<u8>, Vec<u8>) {
    use crate::wire::payload::Payload;
    let (mut ask, mut answer) = (Vec::new(), Vec::new());
    Request::AssetCurrent { symbol }.write(&mut ask);
    crate::wire::packet::write(&mut answer, &quote.to_bytes());
    (ask, answer)
}

/// The request for a key of redis, and its reply.
pub fn redis_get(key: &str, value: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let ask = format!("*2\r\n$3\r\nGET\r\n${}\r\n{key}\r\n", key.len()).into_bytes();
    let mut answer = format!("${}\r\n", value.len()).into_bytes();
    answer.extend_from_slice(value);
    answer.extend_from_slice(b"\r\n");
    (ask, answer)
}
