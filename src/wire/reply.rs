//! spec/wire/reply.md · 4.5.3 and 4.6.17 to 4.6.28
//!
//! The messages that a server sends to a client.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::argument_type::{ReadArgument, codec};
use super::instruction::instruction_table;
use super::{
    Arguments, ConnectionState, DATA_MAX, FrameHeader, Instruction, ProtocolError, Refusal,
    argument, frame,
};
use crate::model::{
    AccountValue, ClientOrderId, Money, NameValue, OpenValue, ProtocolFault, Quantity, QuoteValue,
    Reason, SessionId, Side, SignInHandle, Symbol, Timestamp, Topic, TransactionStatus, Username,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The execution of an order: the arguments of its success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// Buy or sell.
    pub side: Side,
    /// UUID of the transaction.
    pub id: Uuid,
    pub symbol: Symbol,
    pub quantity: Quantity,
    /// Price of one unit.
    pub price: Money,
    /// Cash paid or received.
    pub total: Money,
    /// Time of the settlement (wall time).
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

/// The end of an order: the arguments of orderNotice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNotice {
    /// UUID of the transaction.
    pub id: Uuid,
    /// How it ended.
    pub status: OpenValue<TransactionStatus>,
    pub symbol: Symbol,
    /// What was filled, or what the order was for; 0 of a `cash:` order that was not filled.
    pub quantity: Quantity,
    /// Price of one unit, if it was filled.
    pub price: Option<Money>,
    /// Cash paid or received, if it was filled.
    pub total: Option<Money>,
    /// Time of the end (wall time).
    pub time: Timestamp,
    /// Why it was not filled.
    pub reason: Option<OpenValue<Reason>>,
}

impl OrderNotice {
    fn write(&self, out: &mut Vec<u8>) {
        let money = |money: Option<Money>| money.map_or("-".to_owned(), |it| it.to_string());
        let texts = [
            self.id.hyphenated().to_string(),
            self.status.as_str().to_owned(),
            self.symbol.to_string(),
            self.quantity.to_string(),
            money(self.price),
            money(self.total),
            self.time.to_string(),
        ];
        let reason = self.reason.as_ref().map(OpenValue::as_str);
        let arguments: Vec<&str> = texts.iter().map(String::as_str).chain(reason).collect();
        frame::write(out, Instruction::OrderNotice, &arguments);
    }
}

/// A server's message with text arguments, or a packet of a data transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// sessionID (4.6.18).
    Session {
        id: SessionId,
        /// `host:port` of each available worker. The session is valid on all of them.
        workers: Vec<String>,
    },
    /// registerSuccess (4.6.19).
    RegisterSuccess,
    /// purchaseSuccess and sellSuccess (4.6.21, 4.6.23).
    Filled(Fill),
    /// stateSwitchSuccess (4.6.25), with the new state.
    StateSwitched(ConnectionState),
    /// logoutSuccess: the session has ended.
    LogoutSuccess,
    /// accountSuccess: the account is changed. What the request asked for, if anything.
    AccountSuccess(Option<AccountValue>),
    /// thirdPartyStarted: a sign-in has begun.
    ThirdPartyStarted {
        handle: SignInHandle,
        /// Seconds; asking more often than this is no use.
        poll: u16,
        /// When the sign-in ends (wall time).
        expiry: Timestamp,
        /// What the person types; `None`: nothing.
        user_code: Option<String>,
        /// Where the person goes.
        url: String,
    },
    /// thirdPartyPending: the person is not done yet.
    ThirdPartyPending,
    /// thirdPartyUnknown: the person has no account yet.
    ThirdPartyUnknown {
        handle: SignInHandle,
        /// A username that the provider's names lead to, free or not.
        suggestion: Option<Username>,
    },
    /// orderPlaced: the order is on disk.
    OrderPlaced {
        /// UUID of the transaction.
        id: Uuid,
        /// The client's own name for the order.
        client_order_id: Option<ClientOrderId>,
        /// How far it is now.
        status: OpenValue<TransactionStatus>,
    },
    /// orderCancelled: the order of this UUID is cancelled.
    OrderCancelled { id: Uuid },
    /// A Fail (4.6.17, 4.6.20, 4.6.22, 4.6.24, 4.6.26, 4.6.28): its instruction and the reason.
    Fail(Instruction, Refusal),
    /// A packet of a data transfer (4.6.27), with its header.
    Data(FrameHeader, Vec<u8>),
    /// Answer to a ping.
    Pong,
    /// `host:port` of each available worker (3.1.5).
    WorkerList(Vec<String>),
    /// What the server tells about itself, in any order. Of facts with the same name the last
    /// counts.
    ServerInfo(Vec<NameValue>),
    /// The connection ends after this message.
    ProtocolError(OpenValue<ProtocolFault>, String),
    /// A notice: the order is on the durable queue.
    Queued {
        /// UUID of the transaction.
        id: Uuid,
        /// The client's own name for the order.
        client_order_id: Option<ClientOrderId>,
        /// When the order is expected to settle (wall time).
        expected: Timestamp,
    },
    /// subscribed: the connection is subscribed to the topic.
    Subscribed(Topic),
    /// unsubscribed: it is not.
    Unsubscribed(Topic),
    /// A notice: an order has ended.
    OrderNotice(OrderNotice),
    /// A notice: assets have new prices.
    QuoteNotice {
        /// Market time of the newest of them.
        time: Timestamp,
        /// At most what one frame holds.
        quotes: Vec<QuoteValue>,
    },
    /// A notice: so many notices of the topic were dropped; 0: it is not known how many.
    NoticesDropped { topic: Topic, count: u32 },
}

/// The Fail that answers an instruction; `protocolError` for instructions that cannot fail.
pub fn failure_of(instruction: Instruction) -> Instruction {
    instruction
        .row()
        .failure
        .unwrap_or(Instruction::ProtocolError)
}

/// The longest text behind a code, in bytes. A longer one is cut between two characters.
pub const TEXT_MAX: usize = 1024;

fn write_code(out: &mut Vec<u8>, name: Instruction, code: &str, text: &str) {
    let text = argument::cut(text, TEXT_MAX);
    frame::write(
        out,
        name,
        &[code, if text.is_empty() { code } else { text }],
    );
}

/// Appends the Fail that answers `instruction`.
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

/// Appends a list behind the argument `first`. What does not fit into one message is left out.
fn write_list(out: &mut Vec<u8>, name: Instruction, first: Option<&str>, list: &[String]) {
    let mut free = DATA_MAX - first.map_or(0, str::len);
    let fits = |item: &&String| {
        let left = free.checked_sub(item.len() + 1);
        free = left.unwrap_or(0);
        left.is_some()
    };
    let list = list.iter().take_while(fits).map(String::as_str);
    let arguments: Vec<&str> = first.into_iter().chain(list).collect();
    frame::write(out, name, &arguments);
}

impl Reply {
    /// Appends the frame of this reply.
    #[allow(clippy::too_many_lines, reason = "an arm for each reply")]
    pub fn write(&self, out: &mut Vec<u8>) {
        use Instruction as I;
        match self {
            Reply::Session { id, workers } => {
                let id = Zeroizing::new(id.expose());
                write_list(out, I::SessionId, Some(&id), workers);
            }
            Reply::RegisterSuccess => frame::write(out, I::RegisterSuccess, &[]),
            Reply::Filled(fill) => fill.write(self.instruction(), out),
            Reply::StateSwitched(state) => {
                frame::write(out, I::StateSwitchSuccess, &[state.as_str()])
            }
            Reply::LogoutSuccess => frame::write(out, I::LogoutSuccess, &[]),
            Reply::AccountSuccess(value) => match value.as_ref().map(AccountValue::expose) {
                Some(value) => frame::write(out, I::AccountSuccess, &[&**value]),
                None => frame::write(out, I::AccountSuccess, &[]),
            },
            Reply::ThirdPartyStarted {
                handle,
                poll,
                expiry,
                user_code,
                url,
            } => {
                let handle = Zeroizing::new(handle.expose());
                let (poll, expiry) = (poll.to_string(), expiry.to_string());
                let user_code = user_code.as_deref().unwrap_or("-");
                let arguments = [&**handle, &poll, &expiry, user_code, url];
                frame::write(out, I::ThirdPartyStarted, &arguments);
            }
            Reply::ThirdPartyPending => frame::write(out, I::ThirdPartyPending, &[]),
            Reply::ThirdPartyUnknown { handle, suggestion } => {
                let handle = Zeroizing::new(handle.expose());
                let suggestion = suggestion.as_ref().map_or("-", Username::as_str);
                frame::write(out, I::ThirdPartyUnknown, &[&**handle, suggestion]);
            }
            Reply::OrderPlaced {
                id,
                client_order_id,
                status,
            } => frame::write(
                out,
                I::OrderPlaced,
                &[
                    &id.hyphenated().to_string(),
                    client_order_id.as_ref().map_or("-", ClientOrderId::as_str),
                    status.as_str(),
                ],
            ),
            Reply::OrderCancelled { id } => {
                frame::write(out, I::OrderCancelled, &[&id.hyphenated().to_string()]);
            }
            Reply::Fail(name, refusal) => {
                write_code(out, *name, refusal.reason.as_str(), &refusal.text);
            }
            Reply::Data(header, data) => {
                out.extend_from_slice(&header.bytes());
                out.extend_from_slice(data);
            }
            Reply::Pong => frame::write(out, I::Pong, &[]),
            Reply::WorkerList(workers) => write_list(out, I::WorkerList, None, workers),
            Reply::ServerInfo(facts) => {
                let facts: Vec<String> = facts.iter().map(NameValue::to_string).collect();
                write_list(out, I::ServerInfo, None, &facts);
            }
            Reply::ProtocolError(code, text) => {
                write_code(out, I::ProtocolError, code.as_str(), text);
            }
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
            Reply::Subscribed(topic) => frame::write(out, I::Subscribed, &[&topic.to_string()]),
            Reply::Unsubscribed(topic) => frame::write(out, I::Unsubscribed, &[&topic.to_string()]),
            Reply::OrderNotice(notice) => notice.write(out),
            Reply::QuoteNotice { time, quotes } => {
                let quotes: Vec<String> = quotes.iter().map(QuoteValue::to_string).collect();
                write_list(out, I::QuoteNotice, Some(&time.to_string()), &quotes);
            }
            Reply::NoticesDropped { topic, count } => frame::write(
                out,
                I::NoticesDropped,
                &[&topic.to_string(), &count.to_string()],
            ),
        }
    }

    /// Reads a server's message. It accepts exactly what [`Reply::write`] makes: a value has one
    /// spelling. A code of a later edition is a value too.
    ///
    /// # Errors
    /// No server of this protocol sends these bytes to a client.
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
            Reply::AccountSuccess(_) => I::AccountSuccess,
            Reply::ThirdPartyStarted { .. } => I::ThirdPartyStarted,
            Reply::ThirdPartyPending => I::ThirdPartyPending,
            Reply::ThirdPartyUnknown { .. } => I::ThirdPartyUnknown,
            Reply::OrderPlaced { .. } => I::OrderPlaced,
            Reply::OrderCancelled { .. } => I::OrderCancelled,
            Reply::Fail(name, _) => *name,
            Reply::Data(..) => I::Data,
            Reply::Pong => I::Pong,
            Reply::WorkerList(_) => I::WorkerList,
            Reply::ServerInfo(_) => I::ServerInfo,
            Reply::ProtocolError(..) => I::ProtocolError,
            Reply::Queued { .. } => I::TransactionQueued,
            Reply::Subscribed(_) => I::Subscribed,
            Reply::Unsubscribed(_) => I::Unsubscribed,
            Reply::OrderNotice(_) => I::OrderNotice,
            Reply::QuoteNotice { .. } => I::QuoteNotice,
            Reply::NoticesDropped { .. } => I::NoticesDropped,
        }
    }
}

/// Reads the next argument. An argument of another form makes the message malformed.
fn read<'a, C: ReadArgument>(
    parts: &mut impl Iterator<Item = &'a str>,
) -> Result<C::Value, ProtocolError> {
    C::read(parts.next().unwrap_or_default()).map_err(|wrong| bad(wrong.0))
}

/// Reads all arguments that are left.
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
    ($parts:ident $kind:ident optional) => {
        read::<codec::$kind>(&mut $parts)?
    };
    ($parts:ident $kind:ident repeated) => {
        read_rest::<codec::$kind>(&mut $parts)?
    };
}

/// Reads the reply of a row. An error if the row has none.
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
        $(#[doc = $doc:literal])+
        $number:literal $variant:ident $name:literal $section:literal $((edition $edition:literal))?
        $direction:ident
        $(in [$($state:ident)+] $(with $scope:ident)? to $destination:ident $($bulk:ident)?)?
        : $arguments:tt
        $(request { $($request:tt)* })?
        $(reply { $($reply:tt)* })?
        $(-> $($success:ident $(($payload:ident))?),* $(| $failure:ident $([$($reason:ident)+])?)?)?;
    )*) => {
        /// Reads the arguments of a reply. Their number has been checked.
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
