//! spec/wire/reply.md · 4.5.3 and 4.6.17 to 4.6.28
//!
//! What a server sends, apart from the payloads of data transfers.

use super::argument_type::{ReadArgument, codec};
use super::instruction::instruction_table;
use super::{
    Arguments, ConnectionState, FrameHeader, Instruction, MAX_DATA, ProtocolError, Refusal, argument, frame,
};
use crate::model::{ClientOrderId, Money, ProtocolFault, Quantity, SessionId, Side, Symbol, Timestamp};
use uuid::Uuid;
use zeroize::Zeroizing;

/// How an order ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Buy or sell.
    pub side: Side,
    /// The transaction's ID.
    pub id: Uuid,
    /// Of which asset.
    pub symbol: Symbol,
    /// How many units.
    pub quantity: Quantity,
    /// Price of one.
    pub price: Money,
    /// What left or reached the cash.
    pub total: Money,
    /// When it was settled.
    pub settled: Timestamp,
}

impl Fill {
    fn write(&self, instruction: Instruction, out: &mut Vec<u8>) {
        let arguments = [
            &*self.id.hyphenated().to_string(),
            self.symbol.as_str(),
            &self.quantity.to_string(),
            &self.price.to_string(),
            &self.total.to_string(),
            &self.settled.to_string(),
        ];
        frame::write(out, instruction, &arguments);
    }
}

/// A server's message with text arguments, or one packet of a transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 4.6.18: the session, and `host:port` of each available worker.
    Session {
        /// The secret.
        id: SessionId,
        /// Where else it is valid.
        workers: Vec<String>,
    },
    /// 4.6.19
    RegisterSuccess,
    /// 4.6.21 and 4.6.23
    Filled(Fill),
    /// 4.6.25, with the state now in force
    StateSwitched(ConnectionState),
    /// The session is over.
    LogoutSuccess,
    /// 4.6.17, 4.6.20, 4.6.22, 4.6.24, 4.6.26, 4.6.28: the Fail return named, and why.
    Fail(Instruction, Refusal),
    /// One packet of a data transfer (4.6.27), with its header.
    Data(FrameHeader, Vec<u8>),
    /// Answers ping.
    Pong,
    /// 3.1.5
    WorkerList(Vec<String>),
    /// The connection closes after it.
    ProtocolError(ProtocolFault, String),
    /// A notice: the order is on the durable queue.
    Queued {
        /// The transaction's ID.
        id: Uuid,
        /// The client's own name for it.
        client_order_id: Option<ClientOrderId>,
        /// When it is expected to settle.
        expected: Timestamp,
    },
}

/// The Fail return of a request's instruction; `protocolError` for those that cannot fail.
pub fn failure_of(instruction: Instruction) -> Instruction {
    instruction.row().failure.unwrap_or(Instruction::ProtocolError)
}

/// The longest text behind a code, in bytes; a longer one is cut at a character.
pub const TEXT_MAX: usize = 1024;

fn write_code(out: &mut Vec<u8>, name: Instruction, code: &str, text: &str) {
    let text = argument::cut(text, TEXT_MAX);
    frame::write(out, name, &[code, if text.is_empty() { code } else { text }]);
}

/// Appends the Fail return that answers `instruction`.
pub fn write_fail(out: &mut Vec<u8>, instruction: Instruction, refusal: &Refusal) {
    write_code(
        out,
        failure_of(instruction),
        refusal.reason.as_str(),
        &refusal.text,
    );
}

/// Appends a `protocolError`.
pub fn write_fault(out: &mut Vec<u8>, code: ProtocolFault, text: &str) {
    write_code(out, Instruction::ProtocolError, code.as_str(), text);
}

/// Appends a list of workers behind `first`, as many of them as one message holds.
fn write_workers(out: &mut Vec<u8>, name: Instruction, first: Option<&str>, workers: &[String]) {
    let mut room = MAX_DATA - first.map_or(0, str::len);
    let fits = |worker: &&String| {
        let left = room.checked_sub(worker.len() + 1);
        room = left.unwrap_or(0);
        left.is_some()
    };
    let workers = workers.iter().take_while(fits).map(String::as_str);
    let arguments: Vec<&str> = first.into_iter().chain(workers).collect();
    frame::write(out, name, &arguments);
}

impl Reply {
    /// Appends the reply's frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        use Instruction as I;
        match self {
            Reply::Session { id, workers } => {
                let id = Zeroizing::new(id.expose());
                write_workers(out, I::SessionId, Some(&id), workers);
            }
            Reply::RegisterSuccess => frame::write(out, I::RegisterSuccess, &[]),
            Reply::Filled(fill) => fill.write(self.instruction(), out),
            Reply::StateSwitched(state) => frame::write(out, I::StateSwitchSuccess, &[state.as_str()]),
            Reply::LogoutSuccess => frame::write(out, I::LogoutSuccess, &[]),
            Reply::Fail(name, refusal) => {
                write_code(out, *name, refusal.reason.as_str(), &refusal.text);
            }
            Reply::Data(header, data) => {
                out.extend_from_slice(&header.bytes());
                out.extend_from_slice(data);
            }
            Reply::Pong => frame::write(out, I::Pong, &[]),
            Reply::WorkerList(workers) => write_workers(out, I::WorkerList, None, workers),
            Reply::ProtocolError(code, text) => write_fault(out, *code, text),
            Reply::Queued {
                id,
                client_order_id,
                expected,
            } => frame::write(
                out,
                I::TransactionQueued,
                &[
                    &id.hyphenated().to_string(),
                    client_order_id.as_ref().map_or("-", ClientOrderId::as_str),
                    &expected.to_string(),
                ],
            ),
        }
    }

    /// Reads what a server sent. What it accepts is what [`Reply::write`] makes: the same value has no second
    /// spelling.
    ///
    /// # Errors
    /// Bytes that no server of this protocol sends to a client.
    pub fn read(header: &FrameHeader, data: &[u8]) -> Result<Reply, ProtocolError> {
        header.check()?;
        if usize::try_from(header.data_size) != Ok(data.len()) {
            return Err(bad("data of another size than dataSize says"));
        }
        if header.instruction == Instruction::Data.number() {
            return if header.argument_count == 0 && (1..=header.max).contains(&header.number) {
                Ok(Reply::Data(*header, data.to_vec()))
            } else {
                Err(bad("a data packet whose numbers make no sense"))
            };
        }
        if header.number != 1 || header.max != 1 {
            return Err(bad("only data comes in packets"));
        }
        let (instruction, arguments) = frame::read_return(header, data)?;
        read_arguments(instruction, arguments)
    }

    /// The instruction that carries this reply.
    pub fn instruction(&self) -> Instruction {
        use Instruction as I;
        match self {
            Reply::Session { .. } => I::SessionId,
            Reply::RegisterSuccess => I::RegisterSuccess,
            Reply::Filled(fill) if fill.side == Side::Sell => I::SellSuccess,
            Reply::Filled(_) => I::PurchaseSuccess,
            Reply::StateSwitched(_) => I::StateSwitchSuccess,
            Reply::LogoutSuccess => I::LogoutSuccess,
            Reply::Fail(name, _) => *name,
            Reply::Data(..) => I::Data,
            Reply::Pong => I::Pong,
            Reply::WorkerList(_) => I::WorkerList,
            Reply::ProtocolError(..) => I::ProtocolError,
            Reply::Queued { .. } => I::TransactionQueued,
        }
    }
}

/// The next argument of a return. One that is not of its form is no message of this protocol.
fn read<'a, C: ReadArgument>(parts: &mut impl Iterator<Item = &'a str>) -> Result<C::Value, ProtocolError> {
    C::read(parts.next().unwrap_or_default()).map_err(|wrong| bad(wrong.0))
}

/// All arguments that are left.
fn read_rest<'a, C: ReadArgument>(
    parts: &mut impl Iterator<Item = &'a str>,
) -> Result<Vec<C::Value>, ProtocolError> {
    parts
        .map(|part| C::read(part).map_err(|wrong| bad(wrong.0)))
        .collect()
}

macro_rules! read_argument {
    ($parts:ident $kind:ident) => {
        read::<codec::$kind>(&mut $parts)?
    };
    ($parts:ident $kind:ident repeated) => {
        read_rest::<codec::$kind>(&mut $parts)?
    };
}

/// What reads the reply of a row: an error where the row has none.
macro_rules! read_row {
    ($parts:ident $columns:tt []) => {
        Err(ProtocolError::new(
            ProtocolFault::NotAllowed,
            "not a message that a server sends to a client",
        ))
    };
    ($parts:ident ($($name:literal $field:ident: $kind:ident $($occurs:ident)?),*)
        [$($reply:tt)+]) => {{
        $(let $field = read_argument!($parts $kind $($occurs)?);)*
        Ok($($reply)+)
    }};
}

macro_rules! define_reply {
    ($(
        $number:literal $variant:ident $name:literal $section:literal $direction:ident
        $(in [$($state:ident)+] to $destination:ident $($bulk:ident)?)? : $arguments:tt
        $(request { $($request:tt)* })?
        $(reply { $($reply:tt)* })?
        $(-> $success:ident $(($payload:ident))? $(| $failure:ident)?)?;
    )*) => {
        /// Reads the arguments of a return, whose number has been checked against the table.
        fn read_arguments(instruction: Instruction, arguments: Arguments<'_>) -> Result<Reply, ProtocolError> {
            let mut parts = arguments.iter();
            match instruction {
                $(Instruction::$variant => read_row!(parts $arguments [$($($reply)*)?]),)*
            }
        }
    };
}

instruction_table!(define_reply);

const fn bad(text: &'static str) -> ProtocolError {
    ProtocolError::new(ProtocolFault::BadFrame, text)
}
