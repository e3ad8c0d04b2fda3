//! spec/wire/reply.md · 4.5.3 and 4.6.17 to 4.6.28
//!
//! What a server sends, apart from the payloads of data transfers.

use super::{ConnectionState, FrameHeader, Instruction, MAX_DATA, ProtocolError, Refusal, argument, frame};
use crate::model::{
    ClientOrderId, Money, ProtocolFault, Quantity, Reason, SessionId, Side, Symbol, Timestamp, ValueError,
};
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
        let parts: Vec<&str> = arguments.iter().take(arguments.count()).collect();
        Reply::from_arguments(instruction, &parts)
    }

    /// Reads the arguments of a return; their number has been checked against the table.
    fn from_arguments(instruction: Instruction, parts: &[&str]) -> Result<Reply, ProtocolError> {
        use Instruction as I;
        let at = |index: usize| parts.get(index).copied().unwrap_or_default();
        Ok(match instruction {
            I::SessionId => Reply::Session {
                id: form(SessionId::parse(at(0)))?,
                workers: addresses(parts.get(1..).unwrap_or_default())?,
            },
            I::RegisterSuccess => Reply::RegisterSuccess,
            I::PurchaseSuccess => Reply::Filled(fill(Side::Buy, at)?),
            I::SellSuccess => Reply::Filled(fill(Side::Sell, at)?),
            I::StateSwitchSuccess => Reply::StateSwitched(
                ConnectionState::from_name(at(0)).ok_or(bad("a state is command or data"))?,
            ),
            I::LogoutSuccess => Reply::LogoutSuccess,
            I::LoginFail
            | I::RegisterFail
            | I::PurchaseFail
            | I::SellFail
            | I::StateSwitchFail
            | I::DataFail
            | I::LogoutFail => {
                let reason = Reason::from_code(at(0)).ok_or(bad("no such reason code"))?;
                Reply::Fail(instruction, Refusal::new(reason, at(1)))
            }
            I::Pong => Reply::Pong,
            I::WorkerList => Reply::WorkerList(addresses(parts)?),
            I::ProtocolError => {
                let code = ProtocolFault::from_code(at(0)).ok_or(bad("no such protocolError code"))?;
                Reply::ProtocolError(code, at(1).to_owned())
            }
            I::TransactionQueued => Reply::Queued {
                id: form(argument::parse_uuid(at(0)))?,
                client_order_id: match at(1) {
                    "-" => None,
                    id => Some(form(ClientOrderId::parse(id))?),
                },
                expected: form(Timestamp::parse_canonical(at(2)))?,
            },
            I::Login
            | I::Resume
            | I::Register
            | I::PurchaseAsset
            | I::SellAsset
            | I::SwitchState
            | I::Logout
            | I::GetAssetInfo
            | I::GetAssetValueCurrent
            | I::GetAssetValueDay
            | I::GetAssetValueWeek
            | I::GetAssetValueMonth
            | I::GetAssetValueYear
            | I::GetAssetValueAllTime
            | I::GetUserInfo
            | I::GetUserPortfolio
            | I::GetUserTransactionHistory
            | I::GetAssetValuePredicted
            | I::GetAssetList
            | I::GetTransactionReceipt
            | I::Data
            | I::Ping
            | I::GetWorkerList
            | I::LinkHello
            | I::LinkChallenge
            | I::LinkProof
            | I::LinkNoise1
            | I::LinkNoise2
            | I::LinkRefused
            | I::LinkWelcome
            | I::LinkReport
            | I::LinkPrices
            | I::LinkWorkers
            | I::LinkSession
            | I::LinkSessionsEnded
            | I::LinkConnectionClosed
            | I::LinkBooted
            | I::LinkAgain => {
                return Err(ProtocolError::new(
                    ProtocolFault::NotAllowed,
                    "not a message that a server sends to a client",
                ));
            }
        })
    }
}

const fn bad(text: &'static str) -> ProtocolError {
    ProtocolError::new(ProtocolFault::BadFrame, text)
}

/// A server's argument that is not of its form is no message of this protocol.
fn form<T>(result: Result<T, ValueError>) -> Result<T, ProtocolError> {
    result.map_err(|e| bad(e.0))
}

fn addresses(parts: &[&str]) -> Result<Vec<String>, ProtocolError> {
    if parts.iter().all(|part| argument::is_address(part)) {
        Ok(parts.iter().map(|part| (*part).to_owned()).collect())
    } else {
        Err(bad("a worker's address is host:port"))
    }
}

fn fill<'a>(side: Side, at: impl Fn(usize) -> &'a str) -> Result<Fill, ProtocolError> {
    Ok(Fill {
        side,
        id: form(argument::parse_uuid(at(0)))?,
        symbol: form(Symbol::parse(at(1)))?,
        quantity: form(Quantity::parse_canonical(at(2)))?,
        price: form(Money::parse_canonical(at(3)))?,
        total: form(Money::parse_canonical(at(4)))?,
        settled: form(Timestamp::parse_canonical(at(5)))?,
    })
}
