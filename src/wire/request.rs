//! spec/wire/request.md · 4.5.1, 4.5.2 and 4.6.1 to 4.6.16
//!
//! A request with its arguments read. Forms are checked from left to right; the first that is wrong
//! gives the reason.

use super::{Arguments, Instruction, Refusal, argument, frame};
use crate::model::{
    ClientOrderId, Email, HashedPass, Quantity, Reason, SessionId, Side, Symbol, Timestamp, Username,
    ValueError,
};
use uuid::Uuid;
use zeroize::Zeroizing;

/// The states of a connection (4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// 4.2.1, where every connection begins.
    Command,
    /// 4.2.2.
    Data,
}

impl ConnectionState {
    /// As it travels.
    pub fn as_str(self) -> &'static str {
        match self {
            ConnectionState::Command => "command",
            ConnectionState::Data => "data",
        }
    }

    /// From what travelled.
    pub fn from_name(name: &str) -> Option<ConnectionState> {
        match name {
            "command" => Some(ConnectionState::Command),
            "data" => Some(ConnectionState::Data),
            _ => None,
        }
    }
}

/// Which past values are asked for (4.6.9 to 4.6.13), with the date that ends the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// 24 hours, at the update interval's frequency.
    Day(Timestamp),
    /// Daily bars of 7 calendar days.
    Week(Timestamp),
    /// Daily bars of a month.
    Month(Timestamp),
    /// 12 monthly bars.
    Year(Timestamp),
    /// Every monthly bar.
    AllTime,
}

/// What a client may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the arguments of the table's rows")]
pub enum Request {
    /// 4.6.1
    Login {
        username: Username,
        hashed_pass: HashedPass,
        expirable: bool,
    },
    /// 4.6.2
    Resume { session: SessionId },
    /// 4.6.3
    Register {
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    },
    /// 4.6.4 and 4.6.5
    Order {
        session: SessionId,
        side: Side,
        symbol: Symbol,
        quantity: Quantity,
        id: Option<ClientOrderId>,
    },
    /// 4.6.6
    SwitchState {
        session: SessionId,
        state: ConnectionState,
    },
    /// Ends a session.
    Logout { session: SessionId },
    /// 4.6.7
    AssetInfo { symbol: Symbol },
    /// 4.6.8
    AssetCurrent { symbol: Symbol },
    /// 4.6.9 to 4.6.13
    AssetWindow {
        symbol: Symbol,
        window: Window,
        adjusted: bool,
    },
    /// 4.2.2 "get predicted future asset value"
    AssetPredicted { symbol: Symbol, date: Timestamp },
    /// 3.1.6
    AssetList,
    /// 4.6.14
    UserInfo { session: SessionId, username: Username },
    /// 4.6.15
    UserPortfolio { session: SessionId, username: Username },
    /// 4.6.16
    UserHistory { session: SessionId, username: Username },
    /// Explains a fill.
    Receipt { session: SessionId, id: Uuid },
    /// Is anybody there?
    Ping,
    /// Ignored.
    Pong,
    /// 3.1.5
    GetWorkerList,
}

/// What makes a value of an argument's text, with the reason it gives where the form is wrong.
fn form<T>(result: Result<T, ValueError>, reason: Reason) -> Result<T, Refusal> {
    result.map_err(|e| Refusal::new(reason, e.0))
}

fn session(text: &str) -> Result<SessionId, Refusal> {
    form(SessionId::parse(text), Reason::SessionExpired)
}

fn symbol(text: &str) -> Result<Symbol, Refusal> {
    form(Symbol::parse(text), Reason::UnknownAsset)
}

fn date(text: &str) -> Result<Timestamp, Refusal> {
    form(Timestamp::parse(text), Reason::DateInvalid)
}

fn adjusted(text: &str) -> Result<bool, Refusal> {
    match text {
        "" | "raw" => Ok(false),
        "adjusted" => Ok(true),
        _ => Err(Refusal::new(
            Reason::ArgumentInvalid,
            "an adjustment is raw or adjusted",
        )),
    }
}

fn flag(text: &str) -> Result<bool, Refusal> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Refusal::new(
            Reason::ArgumentInvalid,
            "isExpirable is true or false",
        )),
    }
}

impl Request {
    /// Reads the arguments of a client's instruction, whose number has been checked against the table;
    /// `None` for an instruction that no client sends.
    ///
    /// # Errors
    /// The reason of the first argument that is not of its form.
    pub fn read(instruction: Instruction, arguments: Arguments<'_>) -> Result<Option<Request>, Refusal> {
        use Instruction as I;
        let at = |index| arguments.get(index);
        let request = match instruction {
            I::Login => Request::Login {
                username: form(Username::parse(at(0)), Reason::BadCredentials)?,
                hashed_pass: form(HashedPass::parse(at(1)), Reason::BadCredentials)?,
                expirable: flag(at(2))?,
            },
            I::Resume => Request::Resume {
                session: session(at(0))?,
            },
            I::Register => Request::Register {
                username: form(Username::parse(at(0)), Reason::UsernameInvalid)?,
                email: form(Email::parse(at(1)), Reason::EmailInvalid)?,
                hashed_pass: form(HashedPass::parse(at(2)), Reason::PasswordInvalid)?,
            },
            I::PurchaseAsset => Request::order(arguments, Side::Buy)?,
            I::SellAsset => Request::order(arguments, Side::Sell)?,
            I::SwitchState => {
                let session = session(at(0))?;
                let state = ConnectionState::from_name(at(1))
                    .ok_or_else(|| Refusal::new(Reason::StateInvalid, "a state is command or data"))?;
                Request::SwitchState { session, state }
            }
            I::Logout => Request::Logout {
                session: session(at(0))?,
            },
            I::GetAssetInfo => Request::AssetInfo {
                symbol: symbol(at(0))?,
            },
            I::GetAssetValueCurrent => Request::AssetCurrent {
                symbol: symbol(at(0))?,
            },
            I::GetAssetValueDay => Request::window(arguments, Window::Day)?,
            I::GetAssetValueWeek => Request::window(arguments, Window::Week)?,
            I::GetAssetValueMonth => Request::window(arguments, Window::Month)?,
            I::GetAssetValueYear => Request::window(arguments, Window::Year)?,
            I::GetAssetValueAllTime => Request::AssetWindow {
                symbol: symbol(at(0))?,
                window: Window::AllTime,
                adjusted: adjusted(at(1))?,
            },
            I::GetUserInfo => Request::UserInfo {
                session: session(at(0))?,
                username: Request::user(at(1))?,
            },
            I::GetUserPortfolio => Request::UserPortfolio {
                session: session(at(0))?,
                username: Request::user(at(1))?,
            },
            I::GetUserTransactionHistory => Request::UserHistory {
                session: session(at(0))?,
                username: Request::user(at(1))?,
            },
            I::GetAssetValuePredicted => Request::AssetPredicted {
                symbol: symbol(at(0))?,
                date: date(at(1))?,
            },
            I::GetAssetList => Request::AssetList,
            I::GetTransactionReceipt => Request::Receipt {
                session: session(at(0))?,
                id: Request::transaction(at(1))?,
            },
            I::Ping => Request::Ping,
            I::Pong => Request::Pong,
            I::GetWorkerList => Request::GetWorkerList,
            I::LoginFail
            | I::SessionId
            | I::RegisterSuccess
            | I::RegisterFail
            | I::PurchaseSuccess
            | I::PurchaseFail
            | I::SellSuccess
            | I::SellFail
            | I::StateSwitchSuccess
            | I::StateSwitchFail
            | I::Data
            | I::DataFail
            | I::LogoutSuccess
            | I::LogoutFail
            | I::WorkerList
            | I::ProtocolError
            | I::TransactionQueued
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
            | I::LinkAgain => return Ok(None),
        };
        Ok(Some(request))
    }

    fn order(arguments: Arguments<'_>, side: Side) -> Result<Request, Refusal> {
        let mut parts = arguments.iter();
        let mut next = || parts.next().unwrap_or_default();
        let session = session(next())?;
        let symbol = symbol(next())?;
        let quantity = form(Quantity::parse_quantity(next()), Reason::QuantityInvalid)?;
        let id = match parts.next() {
            Some(text) => Some(form(ClientOrderId::parse(text), Reason::ArgumentInvalid)?),
            None => None,
        };
        Ok(Request::Order {
            session,
            side,
            symbol,
            quantity,
            id,
        })
    }

    fn window(arguments: Arguments<'_>, kind: fn(Timestamp) -> Window) -> Result<Request, Refusal> {
        Ok(Request::AssetWindow {
            symbol: symbol(arguments.get(0))?,
            window: kind(date(arguments.get(1))?),
            adjusted: adjusted(arguments.get(2))?,
        })
    }

    fn user(text: &str) -> Result<Username, Refusal> {
        form(Username::parse(text), Reason::UnknownUser)
    }

    fn transaction(text: &str) -> Result<Uuid, Refusal> {
        form(argument::parse_uuid(text), Reason::ArgumentInvalid)
    }

    /// The instruction that carries this request.
    pub fn instruction(&self) -> Instruction {
        use Instruction as I;
        match self {
            Request::Login { .. } => I::Login,
            Request::Resume { .. } => I::Resume,
            Request::Register { .. } => I::Register,
            Request::Order { side: Side::Sell, .. } => I::SellAsset,
            Request::Order { .. } => I::PurchaseAsset,
            Request::SwitchState { .. } => I::SwitchState,
            Request::Logout { .. } => I::Logout,
            Request::AssetInfo { .. } => I::GetAssetInfo,
            Request::AssetCurrent { .. } => I::GetAssetValueCurrent,
            Request::AssetWindow { window, .. } => match window {
                Window::Day(_) => I::GetAssetValueDay,
                Window::Week(_) => I::GetAssetValueWeek,
                Window::Month(_) => I::GetAssetValueMonth,
                Window::Year(_) => I::GetAssetValueYear,
                Window::AllTime => I::GetAssetValueAllTime,
            },
            Request::AssetPredicted { .. } => I::GetAssetValuePredicted,
            Request::AssetList => I::GetAssetList,
            Request::UserInfo { .. } => I::GetUserInfo,
            Request::UserPortfolio { .. } => I::GetUserPortfolio,
            Request::UserHistory { .. } => I::GetUserTransactionHistory,
            Request::Receipt { .. } => I::GetTransactionReceipt,
            Request::Ping => I::Ping,
            Request::Pong => I::Pong,
            Request::GetWorkerList => I::GetWorkerList,
        }
    }

    /// Appends the request's frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        let instruction = self.instruction();
        let secret = |session: &SessionId| Zeroizing::new(session.expose());
        let put = |out: &mut Vec<u8>, arguments: &[&str]| frame::write(out, instruction, arguments);
        match self {
            Request::Login {
                username,
                hashed_pass,
                expirable,
            } => {
                let expirable = if *expirable { "true" } else { "false" };
                put(out, &[username.as_str(), hashed_pass.expose(), expirable]);
            }
            Request::Resume { session } | Request::Logout { session } => put(out, &[&secret(session)]),
            Request::Register {
                username,
                email,
                hashed_pass,
            } => {
                put(out, &[username.as_str(), email.as_str(), hashed_pass.expose()]);
            }
            Request::Order {
                session,
                symbol,
                quantity,
                id,
                ..
            } => {
                let (session, quantity) = (secret(session), quantity.to_string());
                match id {
                    Some(id) => put(out, &[&session, symbol.as_str(), &quantity, id.as_str()]),
                    None => put(out, &[&session, symbol.as_str(), &quantity]),
                }
            }
            Request::SwitchState { session, state } => put(out, &[&secret(session), state.as_str()]),
            Request::AssetInfo { symbol } | Request::AssetCurrent { symbol } => put(out, &[symbol.as_str()]),
            Request::AssetWindow {
                symbol,
                window,
                adjusted,
            } => {
                let date = match window {
                    Window::Day(d) | Window::Week(d) | Window::Month(d) | Window::Year(d) => d.to_string(),
                    Window::AllTime => String::new(),
                };
                let mut arguments = vec![symbol.as_str()];
                if !date.is_empty() {
                    arguments.push(&date);
                }
                if *adjusted {
                    arguments.push("adjusted");
                }
                put(out, &arguments);
            }
            Request::AssetPredicted { symbol, date } => put(out, &[symbol.as_str(), &date.to_string()]),
            Request::UserInfo { session, username }
            | Request::UserPortfolio { session, username }
            | Request::UserHistory { session, username } => put(out, &[&secret(session), username.as_str()]),
            Request::Receipt { session, id } => put(out, &[&secret(session), &id.hyphenated().to_string()]),
            Request::AssetList | Request::Ping | Request::Pong | Request::GetWorkerList => put(out, &[]),
        }
    }
}
