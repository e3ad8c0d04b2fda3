//! spec/wire/reply.md · 4.5.3 and 4.6.17 to 4.6.28
//!
//! What a server sends, apart from the payloads of data transfers.

use super::{Fault, Header, Instruction, Refusal, State, frame};
use crate::model::{Amount, ClientOrderId, Money, ProtocolFault, Reason, SessionId, Side, Stamp, Symbol};
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
    pub quantity: Amount,
    /// Price of one.
    pub price: Money,
    /// What left or reached the cash.
    pub total: Money,
    /// When it was settled.
    pub settled: Stamp,
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
    StateSwitched(State),
    /// The session is over.
    LogoutSuccess,
    /// 4.6.17, 4.6.20, 4.6.22, 4.6.24, 4.6.26, 4.6.28: the Fail return named, and why.
    Fail(Instruction, Refusal),
    /// One packet of a data transfer (4.6.27), with its header.
    Data(Header, Vec<u8>),
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
        expected: Stamp,
    },
}

/// The Fail return of a request's instruction; `protocolError` for those that cannot fail.
pub fn failure_of(instruction: Instruction) -> Instruction {
    instruction.row().failure.unwrap_or(Instruction::ProtocolError)
}

/// Appends the Fail return that answers `instruction`.
pub fn write_fail(out: &mut Vec<u8>, instruction: Instruction, refusal: &Refusal) {
    frame::write(
        out,
        failure_of(instruction),
        &[refusal.reason.as_str(), &refusal.text],
    );
}

/// Appends a `protocolError`.
pub fn write_fault(out: &mut Vec<u8>, code: ProtocolFault, text: &str) {
    frame::write(out, Instruction::ProtocolError, &[code.as_str(), text]);
}

impl Reply {
    /// Appends the reply's frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        use Instruction as I;
        match self {
            Reply::Session { id, workers } => {
                let id = Zeroizing::new(id.expose());
                let mut arguments = vec![id.as_str()];
                arguments.extend(workers.iter().map(String::as_str));
                frame::write(out, I::SessionId, &arguments);
            }
            Reply::RegisterSuccess => frame::write(out, I::RegisterSuccess, &[]),
            Reply::Filled(fill) => {
                let name = if fill.side == Side::Sell {
                    I::SellSuccess
                } else {
                    I::PurchaseSuccess
                };
                frame::write(
                    out,
                    name,
                    &[
                        &fill.id.hyphenated().to_string(),
                        fill.symbol.as_str(),
                        &fill.quantity.to_string(),
                        &fill.price.to_string(),
                        &fill.total.to_string(),
                        &fill.settled.to_string(),
                    ],
                );
            }
            Reply::StateSwitched(state) => frame::write(out, I::StateSwitchSuccess, &[state.as_str()]),
            Reply::LogoutSuccess => frame::write(out, I::LogoutSuccess, &[]),
            Reply::Fail(name, refusal) => {
                frame::write(out, *name, &[refusal.reason.as_str(), &refusal.text]);
            }
            Reply::Data(header, data) => {
                out.extend_from_slice(&header.bytes());
                out.extend_from_slice(data);
            }
            Reply::Pong => frame::write(out, I::Pong, &[]),
            Reply::WorkerList(workers) => {
                let arguments: Vec<&str> = workers.iter().map(String::as_str).collect();
                frame::write(out, I::WorkerList, &arguments);
            }
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

    /// Reads what a server sent.
    ///
    /// # Errors
    /// Bytes that no server of this protocol sends.
    pub fn read(header: &Header, data: &[u8]) -> Result<Reply, Fault> {
        use Instruction as I;
        const BAD: Fault = Fault::new(ProtocolFault::BadFrame, "a server's argument is not of its form");
        header.check()?;
        if header.instruction == I::Data.number() {
            return if header.argument_count == 0 {
                Ok(Reply::Data(*header, data.to_vec()))
            } else {
                Err(BAD)
            };
        }
        if header.number != 1 || header.max != 1 {
            return Err(Fault::new(ProtocolFault::BadFrame, "only data comes in packets"));
        }
        let (instruction, arguments) = frame::read_return(header, data)?;
        let parts: Vec<&str> = arguments.iter().take(arguments.count()).collect();
        let at = |index: usize| parts.get(index).copied().unwrap_or_default();
        let uuid = |text: &str| Uuid::try_parse(text).map_err(|_| BAD);
        let stamp = |text: &str| Stamp::parse(text).map_err(|_| BAD);
        let addresses = |from: usize| parts.iter().skip(from).map(|s| (*s).to_owned()).collect();
        let spaced = |most: usize| parts.last().is_some_and(|p| p.contains(' ')) && parts.len() <= most;
        Ok(match instruction {
            I::SessionId if !spaced(usize::MAX) => Reply::Session {
                id: SessionId::parse(at(0)).map_err(|_| BAD)?,
                workers: addresses(1),
            },
            I::RegisterSuccess => Reply::RegisterSuccess,
            I::PurchaseSuccess | I::SellSuccess => Reply::Filled(Fill {
                side: if instruction == I::SellSuccess {
                    Side::Sell
                } else {
                    Side::Buy
                },
                id: uuid(at(0))?,
                symbol: Symbol::parse(at(1)).map_err(|_| BAD)?,
                quantity: Amount::parse_quantity(at(2)).map_err(|_| BAD)?,
                price: Money::parse_rounded(at(3)).map_err(|_| BAD)?,
                total: Money::parse_rounded(at(4)).map_err(|_| BAD)?,
                settled: stamp(at(5))?,
            }),
            I::StateSwitchSuccess => Reply::StateSwitched(State::from_name(at(0)).ok_or(BAD)?),
            I::LogoutSuccess => Reply::LogoutSuccess,
            I::LoginFail
            | I::RegisterFail
            | I::PurchaseFail
            | I::SellFail
            | I::StateSwitchFail
            | I::DataFail
            | I::LogoutFail => {
                let reason = Reason::from_code(at(0)).ok_or(BAD)?;
                Reply::Fail(instruction, Refusal::new(reason, at(1)))
            }
            I::Pong => Reply::Pong,
            I::WorkerList if !spaced(usize::MAX) => Reply::WorkerList(addresses(0)),
            I::ProtocolError => {
                Reply::ProtocolError(ProtocolFault::from_code(at(0)).ok_or(BAD)?, at(1).to_owned())
            }
            I::TransactionQueued => Reply::Queued {
                id: uuid(at(0))?,
                client_order_id: match at(1) {
                    "-" => None,
                    id => Some(ClientOrderId::parse(id).map_err(|_| BAD)?),
                },
                expected: stamp(at(2))?,
            },
            _ => {
                return Err(Fault::new(
                    ProtocolFault::NotAllowed,
                    "not a message that a server sends to a client",
                ));
            }
        })
    }
}
