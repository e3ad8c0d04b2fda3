//! spec/wire/request.md · 4.2, 4.2.1, 4.2.2, 4.5.1, 4.5.2, 4.6.1 to 4.6.16
//!
//! Requests, read from arguments by the table of instructions. Forms are checked from left to
//! right, and the first wrong one gives the reason code.
//!
//! Tests: `tests/suite/protocol/golden.rs`, `tests/suite/protocol/roundtrip.rs`.

use super::argument_type::{Argument, ReadArgument, WriteArgument, codec};
use super::instruction::instruction_table;
use super::{Arguments, ConnectionState, Instruction, Refusal, frame};
use crate::model::{
    BrowserSecret, ClientOrderId, Email, HashedPass, IdentityProviderName, Money, OrderAmount,
    OrderKind, Quantity, Reason, ResetCode, SessionId, SessionSelection, Side, SignInHandle,
    SignInMethod, Symbol, TimeInForce, Timestamp, TokenName, TokenScope, Topic, TrailDistance,
    Username, UsernameOrEmail,
};
use std::slice;
use uuid::Uuid;

/// A window of past values (4.6.9 to 4.6.13), with the date at which it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// Bars of 24 hours, one for each update.
    Day(Timestamp),
    /// Daily bars of 7 calendar days.
    Week(Timestamp),
    /// Daily bars of a month.
    Month(Timestamp),
    /// 12 monthly bars.
    Year(Timestamp),
    /// All monthly bars.
    AllTime,
}

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// login with a password (4.6.1).
    Login {
        username: Username,
        hashed_pass: HashedPass,
        expirable: bool,
    },
    /// login with a session ID (4.6.2).
    Resume { session: SessionId },
    /// register (4.6.3).
    Register {
        username: Username,
        email: Email,
        hashed_pass: HashedPass,
    },
    /// purchaseAsset and sellAsset (4.6.4, 4.6.5).
    Order {
        session: SessionId,
        side: Side,
        symbol: Symbol,
        quantity: Quantity,
        id: Option<ClientOrderId>,
    },
    /// placeOrder.
    PlaceOrder {
        session: SessionId,
        side: Side,
        symbol: Symbol,
        amount: OrderAmount,
        kind: OrderKind,
        limit: Option<Money>,
        /// A price, or of a trailing order its distance.
        stop: Option<TrailDistance>,
        time_in_force: TimeInForce,
        id: Option<ClientOrderId>,
    },
    /// cancelOrder.
    CancelOrder {
        session: SessionId,
        /// The transaction ID.
        id: Uuid,
    },
    /// replaceOrder. What is `None` stays as it was.
    ReplaceOrder {
        session: SessionId,
        /// The transaction ID of the order in whose place the new one is to be.
        id: Uuid,
        amount: Option<OrderAmount>,
        limit: Option<Money>,
        /// A price, or of a trailing order its distance.
        stop: Option<TrailDistance>,
        client_order_id: Option<ClientOrderId>,
    },
    /// subscribe.
    Subscribe { session: SessionId, topic: Topic },
    /// unsubscribe.
    Unsubscribe { session: SessionId, topic: Topic },
    /// switchState (4.6.6).
    SwitchState {
        session: SessionId,
        state: ConnectionState,
    },
    /// logout.
    Logout { session: SessionId },
    /// changePassword: `old` is `None` where the account has no password.
    ChangePassword {
        session: SessionId,
        old: Option<HashedPass>,
        new: HashedPass,
    },
    /// requestReset: somebody has forgotten the password of this account.
    RequestReset { name: UsernameOrEmail },
    /// resetPassword.
    ResetPassword {
        username: Username,
        code: ResetCode,
        new: HashedPass,
    },
    /// deleteAccount: `pass` is `None` where the account has no password.
    DeleteAccount {
        session: SessionId,
        pass: Option<HashedPass>,
    },
    /// endSessions.
    EndSessions {
        session: SessionId,
        selection: SessionSelection,
    },
    /// createToken.
    CreateToken {
        session: SessionId,
        name: TokenName,
        scope: TokenScope,
        /// 1 to 366.
        days: u16,
    },
    /// revokeToken.
    RevokeToken { session: SessionId, name: TokenName },
    /// changeEmail: `pass` is `None` where the account has no password; without an `email` it has
    /// none afterwards.
    ChangeEmail {
        session: SessionId,
        pass: Option<HashedPass>,
        email: Option<Email>,
    },
    /// beginThirdParty.
    BeginThirdParty {
        provider: IdentityProviderName,
        method: SignInMethod,
        /// Where the browser of a redirect flow is sent back to.
        redirect_uri: Option<String>,
    },
    /// awaitThirdParty.
    AwaitThirdParty { handle: SignInHandle },
    /// completeThirdParty.
    CompleteThirdParty {
        handle: SignInHandle,
        code: BrowserSecret,
        state: BrowserSecret,
    },
    /// registerThirdParty: without an `email` the account has none.
    RegisterThirdParty {
        handle: SignInHandle,
        username: Username,
        email: Option<Email>,
    },
    /// linkThirdParty.
    LinkThirdParty {
        session: SessionId,
        handle: SignInHandle,
    },
    /// unlinkThirdParty.
    UnlinkThirdParty {
        session: SessionId,
        provider: IdentityProviderName,
    },
    /// getAssetInfo (4.6.7).
    AssetInfo { symbol: Symbol },
    /// getAssetValueCurrent (4.6.8).
    AssetCurrent { symbol: Symbol },
    /// getAssetValueDay to getAssetValueAllTime (4.6.9 to 4.6.13).
    AssetWindow {
        symbol: Symbol,
        window: Window,
        adjusted: bool,
    },
    /// getAssetValuePredicted (4.2.2 "get predicted future asset value").
    AssetPredicted { symbol: Symbol, date: Timestamp },
    /// getAssetList (3.1.6).
    AssetList,
    /// getQuoteList.
    QuoteList,
    /// getUserInfo (4.6.14).
    UserInfo {
        session: SessionId,
        username: Username,
    },
    /// getUserPortfolio (4.6.15).
    UserPortfolio {
        session: SessionId,
        username: Username,
    },
    /// getUserTransactionHistory (4.6.16).
    UserHistory {
        session: SessionId,
        username: Username,
    },
    /// getTransactionReceipt: the explanation of a fill.
    Receipt { session: SessionId, id: Uuid },
    /// getSessions.
    Sessions { session: SessionId },
    /// getTokens.
    Tokens { session: SessionId },
    /// getIdentities.
    Identities { session: SessionId },
    /// getOpenOrders.
    OpenOrders { session: SessionId },
    /// getAccountSummary.
    AccountSummary { session: SessionId },
    /// getUserTransactionHistoryPage.
    UserHistoryPage {
        session: SessionId,
        username: Username,
        /// The transaction that the page goes on from; `None`: it is the newest page.
        before: Option<Uuid>,
        /// 1 to 1,000.
        count: u16,
    },
    /// getAccountExport: all that the deployment has on the account's owner.
    AccountExport { session: SessionId },
    /// ping, answered with pong.
    Ping,
    /// pong, which a server ignores.
    Pong,
    /// getWorkerList (3.1.5).
    GetWorkerList,
    /// getServerInfo: what this server is and how its market stands.
    GetServerInfo,
}

/// The pattern of all requests with a destination. With it a `match` names the requests that do not
/// come to it, without a catch-all arm: a new request has one place where it is to be listed, and
/// the compiler asks for it.
macro_rules! requests_to {
    (Cache) => {
        $crate::wire::Request::AssetInfo { .. }
            | $crate::wire::Request::AssetCurrent { .. }
            | $crate::wire::Request::AssetWindow { .. }
            | $crate::wire::Request::AssetPredicted { .. }
            | $crate::wire::Request::AssetList
            | $crate::wire::Request::QuoteList
    };
    (Orders) => {
        $crate::wire::Request::Order { .. }
            | $crate::wire::Request::PlaceOrder { .. }
            | $crate::wire::Request::CancelOrder { .. }
            | $crate::wire::Request::ReplaceOrder { .. }
    };
    (AccountQueries) => {
        $crate::wire::Request::UserInfo { .. }
            | $crate::wire::Request::UserPortfolio { .. }
            | $crate::wire::Request::UserHistory { .. }
            | $crate::wire::Request::Receipt { .. }
            | $crate::wire::Request::Sessions { .. }
            | $crate::wire::Request::Tokens { .. }
            | $crate::wire::Request::Identities { .. }
            | $crate::wire::Request::OpenOrders { .. }
            | $crate::wire::Request::AccountSummary { .. }
            | $crate::wire::Request::UserHistoryPage { .. }
            | $crate::wire::Request::AccountExport { .. }
    };
    (Tunnel) => {
        $crate::wire::Request::Login { .. }
            | $crate::wire::Request::Resume { .. }
            | $crate::wire::Request::Register { .. }
            | $crate::wire::Request::Logout { .. }
            | $crate::wire::Request::ChangePassword { .. }
            | $crate::wire::Request::RequestReset { .. }
            | $crate::wire::Request::ResetPassword { .. }
            | $crate::wire::Request::DeleteAccount { .. }
            | $crate::wire::Request::EndSessions { .. }
            | $crate::wire::Request::CreateToken { .. }
            | $crate::wire::Request::RevokeToken { .. }
            | $crate::wire::Request::ChangeEmail { .. }
            | $crate::wire::Request::BeginThirdParty { .. }
            | $crate::wire::Request::AwaitThirdParty { .. }
            | $crate::wire::Request::CompleteThirdParty { .. }
            | $crate::wire::Request::RegisterThirdParty { .. }
            | $crate::wire::Request::LinkThirdParty { .. }
            | $crate::wire::Request::UnlinkThirdParty { .. }
    };
    (State) => {
        $crate::wire::Request::SwitchState { .. }
            | $crate::wire::Request::Subscribe { .. }
            | $crate::wire::Request::Unsubscribe { .. }
    };
    (Local) => {
        $crate::wire::Request::Ping
            | $crate::wire::Request::Pong
            | $crate::wire::Request::GetWorkerList
            | $crate::wire::Request::GetServerInfo
    };
}

pub(crate) use requests_to;

/// The arguments of a request, with their columns of the table.
struct RequestArguments<'a, I: Iterator<Item = &'a str>> {
    parts: I,
    columns: slice::Iter<'static, Argument>,
}

impl<'a, I: Iterator<Item = &'a str>> RequestArguments<'a, I> {
    /// Reads the next argument. Its text is empty if it was left out.
    fn read<C: ReadArgument>(&mut self) -> Result<C::Value, Refusal> {
        let column = self.columns.next();
        C::read(self.parts.next().unwrap_or_default()).map_err(|wrong| {
            let reason = column.map_or(Reason::ArgumentInvalid, |column| column.reason);
            Refusal::new(reason, wrong.0)
        })
    }
}

/// Reads the request of a row. `None` if the row has none.
macro_rules! read_row {
    ($arguments:ident $columns:tt []) => { Ok(None) };
    ($arguments:ident ($($name:literal $field:ident: $kind:ident $(/ $reason:ident)? $($occurs:ident)?),*)
        [$($request:tt)+]) => {{
        $(let $field = $arguments.read::<codec::$kind>()?;)*
        Ok(Some($($request)+))
    }};
}

macro_rules! write_row {
    ($out:ident $variant:ident
        ($($name:literal $field:ident: $kind:ident $(/ $reason:ident)? $($occurs:ident)?),*)) => {
        frame::write_texts($out, Instruction::$variant, &[$(codec::$kind::text($field)),*])
    };
}

macro_rules! define_request {
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
        impl Request {
            /// Reads the arguments of an instruction. Their number has been checked. `None` for an
            /// instruction that clients do not send.
            ///
            /// # Errors
            /// The refusal of the first argument that does not have its form.
            pub fn read(
                instruction: Instruction,
                arguments: Arguments<'_>,
            ) -> Result<Option<Request>, Refusal> {
                let mut arguments = RequestArguments {
                    parts: arguments.iter(),
                    columns: instruction.row().arguments.iter(),
                };
                match instruction {
                    $(Instruction::$variant => read_row!(arguments $arguments [$($($request)*)?]),)*
                }
            }

            /// The instruction that carries this request.
            #[allow(unused_variables, reason = "the rows' patterns name every field")]
            pub fn instruction(&self) -> Instruction {
                match self {
                    $($($($request)* => Instruction::$variant,)?)*
                    Request::Order { side: Side::Split | Side::Dividend, .. } => {
                        Instruction::PurchaseAsset
                    }
                }
            }

            /// Appends the frame of this request.
            pub fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($($($request)* => write_row!(out $variant $arguments),)?)*
                    // Only the master makes splits and dividends; no instruction orders one.
                    Request::Order { side: Side::Split | Side::Dividend, .. } => {}
                }
            }
        }
    };
}

instruction_table!(define_request);

#[cfg(test)]
mod tests {
    use super::super::instruction::{Destination, TABLE};
    use super::*;

    #[test]
    fn every_request_is_listed_under_its_destination() {
        for row in TABLE {
            let Some(destination) = row.destination else {
                continue;
            };
            let arguments: Vec<&str> = row
                .arguments
                .iter()
                .map(|argument| argument.kind.grammar().examples[0])
                .collect();
            let count = u16::try_from(arguments.len()).unwrap();
            let text = arguments.join(" ");
            let read = Arguments::read(count, text.as_bytes()).unwrap();
            let request = Request::read(row.instruction, read).unwrap().unwrap();
            let listed = match request {
                requests_to!(Cache) => Destination::Cache,
                requests_to!(Orders) => Destination::Orders,
                requests_to!(AccountQueries) => Destination::AccountQueries,
                requests_to!(Tunnel) => Destination::Tunnel,
                requests_to!(State) => Destination::State,
                requests_to!(Local) => Destination::Local,
            };
            assert_eq!(listed, destination, "{}", row.name);
        }
    }
}
