//! spec/wire/instruction.md · 4.5 Instructions, 4.6 Overview of The Instructions
//!
//! The protocol's one table, with a row for each instruction. Reading, writing, dispatch and the
//! checks of states are generated from it. A number is never used twice, not even after its
//! instruction is gone.

use super::argument_type::{Argument, ArgumentType, Occurrence};
use super::payload::PayloadKind;
use super::state::ConnectionState;
use crate::model::Reason;
use crate::model::word_list::word_list;
use std::fmt;

word_list! {
    /// The category of a message: its first byte (4.4 messageType), and the high byte of its
    /// instruction number.
    MessageType {
        /// Commands, in the command state (4.5.1).
        Command = "command" as 1,
        /// Requests for data, in the data transfer state (4.5.2).
        DataTransfer = "data transfer" as 2,
        /// Answers of servers (4.5.3).
        ServerReturn = "server return" as 3,
        /// Everything else (4.1 names the category).
        Control = "control" as 4,
    }
}

word_list! {
    /// The peers that may send an instruction.
    Direction {
        /// Clients, to a worker. A master accepts `getWorkerList` alone.
        Request = "request",
        /// Servers, to a client that asked.
        Return = "return",
        /// Servers, to a client, at any time. It answers no request.
        Notice = "notice",
        /// Clients and servers.
        Both = "both",
        /// Workers and masters, to each other.
        Link = "link",
    }
}

word_list! {
    /// What a session must allow, so that a request is carried out with it.
    Scope {
        /// Reading. Every session allows it.
        Read = "read",
        /// Orders. Every session of a login allows them.
        Trade = "trade",
        /// The account itself: its passwords, sessions and tokens. Only the session of a login.
        Account = "account",
    }
}

word_list! {
    /// The part of a worker that answers a request, and when the requests behind it may take
    /// effect.
    Destination {
        /// The worker's cache, which answers asset data.
        Cache = "cache",
        /// The master's transactions. The next request may take effect once the order is queued.
        Orders = "orders",
        /// The master's account queries.
        AccountQueries = "account queries",
        /// The master's logins, registrations and logouts. The next request waits for the answer.
        Tunnel = "tunnel",
        /// The connection's state. The next request waits for the answer.
        State = "state",
        /// The worker by itself, at once.
        Local = "local",
    }
}

impl Destination {
    /// The reasons that a request of this destination may get whatever it asks.
    fn reasons(self) -> &'static [Reason] {
        match self {
            Destination::Orders | Destination::AccountQueries | Destination::Tunnel => &[
                Reason::Overloaded,
                Reason::MasterUnavailable,
                Reason::InternalError,
            ],
            Destination::State => &[Reason::Overloaded, Reason::MasterUnavailable],
            Destination::Cache => &[Reason::Overloaded],
            Destination::Local => &[],
        }
    }

    /// Whether the next request waits until a request of this destination is answered.
    pub fn is_exclusive(self) -> bool {
        match self {
            Destination::Tunnel | Destination::State => true,
            Destination::Cache
            | Destination::Orders
            | Destination::AccountQueries
            | Destination::Local => false,
        }
    }
}

/// The number of arguments of an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// The minimum and the maximum.
    Between(u16, u16),
    /// The minimum; there is no maximum. For lists.
    AtLeast(u16),
    /// The data is binary, and argumentCount is 0.
    Binary,
}

impl Arity {
    /// The arity of an instruction with these arguments.
    const fn of(arguments: &[Argument]) -> Arity {
        let (mut least, mut most, mut index) = (0, 0, 0);
        while index < arguments.len() {
            match arguments[index].occurs {
                Occurrence::Once => least += 1,
                Occurrence::Optional => {}
                Occurrence::Repeated => return Arity::AtLeast(least),
            }
            most += 1;
            index += 1;
        }
        Arity::Between(least, most)
    }
}

/// A row of the table.
#[derive(Debug, Clone, Copy)]
pub struct InstructionRow {
    pub number: u16,
    pub instruction: Instruction,
    /// The specification's name. Both logins have the same.
    pub name: &'static str,
    /// What it does or says, in a sentence or two.
    pub about: &'static str,
    /// The specification's section.
    pub section: &'static str,
    /// The edition of the protocol that brought it: 1 or 2.
    pub edition: u8,
    /// The peers that may send it.
    pub direction: Direction,
    /// The states in which a worker accepts it. Empty if clients do not send it.
    pub states: &'static [ConnectionState],
    /// What the session must allow. `None` if it needs no session.
    pub scope: Option<Scope>,
    /// What answers it. `None` if clients do not send it.
    pub destination: Option<Destination>,
    /// Whether its reply may be large or slow to make. The worker limits how many such requests are
    /// unanswered.
    pub bulk: bool,
    /// Its arguments, in order.
    pub arguments: &'static [Argument],
    /// The number of arguments it takes.
    pub arity: Arity,
    /// The replies if it succeeds: one of these. Empty if it has no reply.
    pub success: &'static [Instruction],
    /// The payload, if the reply is `data`.
    pub payload: Option<PayloadKind>,
    /// The reply if it fails.
    pub failure: Option<Instruction>,
    /// The reasons of its Fail that follow from nothing else in the row.
    /// [`InstructionRow::reasons`] has all.
    pub own_reasons: &'static [Reason],
}

/// The lowest number of the worker link's own instructions.
pub const LINK_FIRST: u16 = 0x0410;

/// The highest number of the worker link's own instructions.
pub const LINK_LAST: u16 = 0x04FF;

/// The table. It passes its rows to the macro `$with`, which generates code from them. A row has
///
/// - a doc comment: what the instruction does or says, in a sentence or two;
/// - number, variant, name, the specification's section, in parentheses its edition if it is not 1,
///   [`Direction`];
/// - if clients send it: `in` the states that accept it, `with` the [`Scope`] of the session that
///   it needs, `to` its [`Destination`], and `bulk`;
/// - `:` and the arguments: name, field, [`ArgumentType`],
///   `/` a reason code other than the type's, `optional` or `repeated`; or `binary`;
/// - `request` or `reply`: the value made of the fields, both an expression and a pattern;
/// - `->` the successes (none where only a failure is answered), in parentheses the payload of
///   `data`, `|` the failure, in brackets its reasons that follow from nothing else.
macro_rules! instruction_table {
    ($with:ident) => {
        $with! {
        /// Logs in with a password. If isExpirable is `true`, the session ends with the connection.
        0x0101 Login "login" "4.6.1" Request in [Command] to Tunnel:
            ("username" username: Username / BadCredentials,
                "hashedPass" hashed_pass: HashedPass / BadCredentials, "isExpirable" expirable: Flag)
            request { Request::Login { username, hashed_pass, expirable } }
            -> SessionId | LoginFail [BadCredentials TooManyAttempts ThirdPartyLogin AccountLocked];
        /// Tells whether a session is active, and names the workers again.
        0x0102 Resume "login" "4.6.2" Request in [Command] with Read to Tunnel:
            ("sessionID" session: SessionId)
            request { Request::Resume { session } }
            -> SessionId | LoginFail;
        /// Creates an account. It does not log in.
        0x0103 Register "register" "4.6.3" Request in [Command] to Tunnel:
            ("username" username: Username / UsernameInvalid, "email" email: Email,
                "hashedPass" hashed_pass: HashedPass)
            request { Request::Register { username, email, hashed_pass } }
            -> RegisterSuccess | RegisterFail [UsernameTaken EmailTaken TooManyAttempts];
        /// Queues a purchase, which settles at the price of the next update. Once it is queued,
        /// `transactionQueued` announces it. The answer comes when it has settled.
        0x0104 PurchaseAsset "purchaseAsset" "4.6.4" Request in [Command] with Trade to Orders:
            ("sessionID" session: SessionId, "name" symbol: Symbol, "quantity" quantity: Quantity,
                "clientOrderID" id: ClientOrderId optional)
            request { Request::Order { session, side: Side::Buy, symbol, quantity, id } }
            -> PurchaseSuccess
            | PurchaseFail [ClientOrderIdReused UnknownAsset NoPrice InsufficientFunds Cancelled];
        /// Queues a sale, which settles at the price of the next update. Once it is queued,
        /// `transactionQueued` announces it. The answer comes when it has settled.
        0x0105 SellAsset "sellAsset" "4.6.5" Request in [Command] with Trade to Orders:
            ("sessionID" session: SessionId, "name" symbol: Symbol, "quantity" quantity: Quantity,
                "clientOrderID" id: ClientOrderId optional)
            request { Request::Order { session, side: Side::Sell, symbol, quantity, id } }
            -> SellSuccess
            | SellFail [ClientOrderIdReused UnknownAsset NoPrice InsufficientHoldings Cancelled];
        /// Switches the connection to the command state or to the data state, and there binds it to
        /// the session. The way back checks only the form of the session ID.
        0x0106 SwitchState "switchState" "4.6.6" Request in [Command Data] with Read to State:
            ("sessionID" session: SessionId, "state" state: State)
            request { Request::SwitchState { session, state } }
            -> StateSwitchSuccess | StateSwitchFail;
        /// Ends a session.
        0x0107 Logout "logout" "4.5.1" Request in [Command] with Read to Tunnel:
            ("sessionID" session: SessionId)
            request { Request::Logout { session } }
            -> LogoutSuccess | LogoutFail;
        /// Changes the password. The old one is `-` where the account has none: that is how it gets
        /// its first. All other sessions and all tokens of the account end.
        0x0108 ChangePassword "changePassword" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "hashedPass" old: HashedPassOrDash / BadCredentials,
                "newHashedPass" new: HashedPass)
            request { Request::ChangePassword { session, old, new } }
            -> AccountSuccess | AccountFail [BadCredentials TooManyAttempts LoginAgain];
        /// Asks for a code for a new password, which is sent to the account's e-mail address. The
        /// answer comes before anything is looked up, and is always the same.
        0x0109 RequestReset "requestReset" "3.1.3" (edition 2) Request in [Command] to Tunnel:
            ("usernameOrEmail" name: UsernameOrEmail)
            request { Request::RequestReset { name } }
            -> AccountSuccess | AccountFail;
        /// Sets a new password with a code, which is used up. All sessions and tokens of the account
        /// end, and nobody is logged in.
        0x010A ResetPassword "resetPassword" "3.1.3" (edition 2) Request in [Command] to Tunnel:
            ("username" username: Username / CodeInvalid, "code" code: ResetCode,
                "newHashedPass" new: HashedPass)
            request { Request::ResetPassword { username, code, new } }
            -> AccountSuccess | AccountFail [CodeInvalid TooManyAttempts AccountLocked];
        /// Deletes the account. `-` for the hashedPass where the account has no password.
        0x010B DeleteAccount "deleteAccount" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "hashedPass" pass: HashedPassOrDash / BadCredentials)
            request { Request::DeleteAccount { session, pass } }
            -> AccountSuccess | AccountFail [BadCredentials TooManyAttempts LoginAgain];
        /// Ends sessions of the account. Tokens stay. The value is the number of those ended.
        0x010C EndSessions "endSessions" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "which" selection: SessionSelection)
            request { Request::EndSessions { session, selection } }
            -> AccountSuccess | AccountFail [NoData];
        /// Makes a token: a session for a program. The value is the token, which is told this once.
        0x010D CreateToken "createToken" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "name" name: TokenName, "scope" scope: TokenScope,
                "days" days: Days)
            request { Request::CreateToken { session, name, scope, days } }
            -> AccountSuccess | AccountFail [LoginAgain];
        /// Ends a token.
        0x010E RevokeToken "revokeToken" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "name" name: TokenName)
            request { Request::RevokeToken { session, name } }
            -> AccountSuccess | AccountFail [NoData];
        /// Begins a sign-in with a provider of identities.
        0x010F BeginThirdParty "beginThirdParty" "3.1.3" (edition 2)
            Request in [Command] to Tunnel:
            ("provider" provider: IdentityProviderName, "method" method: SignInMethod,
                "redirectURI" redirect_uri: RedirectUri optional)
            request { Request::BeginThirdParty { provider, method, redirect_uri } }
            -> ThirdPartyStarted | LoginFail [ProviderUnavailable TooManyAttempts];
        /// Tells how far a sign-in is, and logs in once the person is known and has an account.
        0x0110 AwaitThirdParty "awaitThirdParty" "3.1.3" (edition 2)
            Request in [Command] to Tunnel:
            ("handle" handle: SignInHandle)
            request { Request::AwaitThirdParty { handle } }
            -> SessionId, ThirdPartyPending, ThirdPartyUnknown
            | LoginFail [BadCredentials ProviderUnavailable AccountLocked];
        /// Gives what a browser brought back from the provider, and goes on as awaitThirdParty.
        0x0111 CompleteThirdParty "completeThirdParty" "3.1.3" (edition 2)
            Request in [Command] to Tunnel:
            ("handle" handle: SignInHandle, "code" code: BrowserSecret, "state" state: BrowserSecret)
            request { Request::CompleteThirdParty { handle, code, state } }
            -> SessionId, ThirdPartyPending, ThirdPartyUnknown
            | LoginFail [BadCredentials ProviderUnavailable AccountLocked];
        /// Creates an account without a password for the person of a sign-in, and logs in.
        0x0112 RegisterThirdParty "registerThirdParty" "3.1.3" (edition 2)
            Request in [Command] to Tunnel:
            ("handle" handle: SignInHandle, "username" username: Username / UsernameInvalid,
                "email" email: EmailOrDash)
            request { Request::RegisterThirdParty { handle, username, email } }
            -> SessionId
            | LoginFail [UsernameTaken EmailTaken IdentityTaken TooManyAttempts BadCredentials
                ProviderUnavailable AccountLocked];
        /// Lets the person of a sign-in log in to the account of the session.
        0x0113 LinkThirdParty "linkThirdParty" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "handle" handle: SignInHandle)
            request { Request::LinkThirdParty { session, handle } }
            -> AccountSuccess | AccountFail [IdentityTaken LoginAgain BadCredentials ProviderUnavailable];
        /// Takes the identities of a provider from the account, but not its last way in.
        0x0114 UnlinkThirdParty "unlinkThirdParty" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "provider" provider: IdentityProviderName)
            request { Request::UnlinkThirdParty { session, provider } }
            -> AccountSuccess | AccountFail [NoData LoginAgain ThirdPartyLogin];
        /// Places an order, which fills when a price allows it. The answer comes once it is on disk;
        /// how it ends is told by its history and by notices.
        0x0115 PlaceOrder "placeOrder" "3.1.7" (edition 2) Request in [Command] with Trade to Orders:
            ("sessionID" session: SessionId, "side" side: OrderSide, "asset" symbol: Symbol,
                "quantity" amount: OrderAmount, "kind" kind: OrderKind, "limit" limit: PriceOrDash,
                "stop" stop: StopOrDash, "timeInForce" time_in_force: TimeInForce,
                "clientOrderID" id: ClientOrderId optional)
            request {
                Request::PlaceOrder {
                    session, side, symbol, amount, kind, limit, stop, time_in_force, id,
                }
            }
            -> OrderPlaced
            | OrderFail [ClientOrderIdReused NoPrice InsufficientFunds InsufficientHoldings];
        /// Cancels an order that waits. While an update is under way the answer waits for its
        /// settlement.
        0x0116 CancelOrder "cancelOrder" "3.1.7" (edition 2) Request in [Command] with Trade to Orders:
            ("sessionID" session: SessionId, "transactionID" id: TransactionId)
            request { Request::CancelOrder { session, id } }
            -> OrderCancelled | OrderFail [NoData NotOpen];
        /// Places an order in the place of one that waits, which is cancelled with it, or neither.
        /// `-` for a quantity or price: as it was. While an update is under way the answer waits for
        /// its settlement.
        0x0117 ReplaceOrder "replaceOrder" "3.1.7" (edition 2) Request in [Command] with Trade to Orders:
            ("sessionID" session: SessionId, "transactionID" id: TransactionId,
                "quantity" amount: OrderAmountOrDash, "limit" limit: PriceOrDash,
                "stop" stop: StopOrDash, "clientOrderID" client_order_id: ClientOrderId optional)
            request {
                Request::ReplaceOrder { session, id, amount, limit, stop, client_order_id }
            }
            -> OrderPlaced
            | OrderFail [NoData NotOpen ClientOrderIdReused NoPrice InsufficientFunds
                InsufficientHoldings];
        /// Has the server tell by notices what it is not asked for: ends of one's orders, or new
        /// prices. Ends with the session or the connection. Subscribing again succeeds.
        0x0118 Subscribe "subscribe" "3.1.7" (edition 2) Request in [Command] with Read to State:
            ("sessionID" session: SessionId, "topic" topic: Topic)
            request { Request::Subscribe { session, topic } }
            -> Subscribed | OrderFail [UnknownAsset];
        /// Ends a subscription of this connection, also one that there is not.
        0x0119 Unsubscribe "unsubscribe" "3.1.7" (edition 2)
            Request in [Command] with Read to State:
            ("sessionID" session: SessionId, "topic" topic: Topic)
            request { Request::Unsubscribe { session, topic } }
            -> Unsubscribed | OrderFail;
        /// Changes the e-mail address. `-` for the hashedPass where the account has no password; `-`
        /// for the address takes it away.
        0x011A ChangeEmail "changeEmail" "3.1.3" (edition 2)
            Request in [Command] with Account to Tunnel:
            ("sessionID" session: SessionId, "hashedPass" pass: HashedPassOrDash / BadCredentials,
                "email" email: EmailOrDash)
            request { Request::ChangeEmail { session, pass, email } }
            -> AccountSuccess | AccountFail [BadCredentials TooManyAttempts LoginAgain EmailTaken];

        /// An asset with the bar of its latest day.
        0x0201 GetAssetInfo "getAssetInfo" "4.6.7" Request in [Data] with Read to Cache:
            ("asset" symbol: Symbol)
            request { Request::AssetInfo { symbol } }
            -> Data(AssetInfo) | DataFail [UnknownAsset NoData];
        /// An asset's latest price.
        0x0202 GetAssetValueCurrent "getAssetValueCurrent" "4.6.8"
            Request in [Data] with Read to Cache:
            ("asset" symbol: Symbol)
            request { Request::AssetCurrent { symbol } }
            -> Data(Quote) | DataFail [UnknownAsset NoPrice];
        /// The bars that start after date − 24 h and not after the date. Without data: none.
        0x0203 GetAssetValueDay "getAssetValueDay" "4.6.9"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "date" date: Date, "adjustment" adjusted: Adjustment optional)
            request { Request::AssetWindow { symbol, window: Window::Day(date), adjusted } }
            -> Data(Bars) | DataFail [UnknownAsset MasterUnavailable InternalError];
        /// The daily bars of the 7 days that end with the date's day. Days without data have none.
        0x0204 GetAssetValueWeek "getAssetValueWeek" "4.6.10"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "date" date: Date, "adjustment" adjusted: Adjustment optional)
            request { Request::AssetWindow { symbol, window: Window::Week(date), adjusted } }
            -> Data(Bars) | DataFail [UnknownAsset MasterUnavailable InternalError];
        /// The daily bars of the month that ends with the date's day. Days without data have none.
        0x0205 GetAssetValueMonth "getAssetValueMonth" "4.6.11"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "date" date: Date, "adjustment" adjusted: Adjustment optional)
            request { Request::AssetWindow { symbol, window: Window::Month(date), adjusted } }
            -> Data(Bars) | DataFail [UnknownAsset MasterUnavailable InternalError];
        /// The monthly bars of the 12 whole months that end with the date's. Months without data
        /// have none.
        0x0206 GetAssetValueYear "getAssetValueYear" "4.6.12"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "date" date: Date, "adjustment" adjusted: Adjustment optional)
            request { Request::AssetWindow { symbol, window: Window::Year(date), adjusted } }
            -> Data(Bars) | DataFail [UnknownAsset MasterUnavailable InternalError];
        /// All monthly bars.
        0x0207 GetAssetValueAllTime "getAssetValueAllTime" "4.6.13"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "adjustment" adjusted: Adjustment optional)
            request { Request::AssetWindow { symbol, window: Window::AllTime, adjusted } }
            -> Data(Bars) | DataFail [UnknownAsset MasterUnavailable InternalError];
        /// An account. Its owner also sees e-mail address and cash.
        0x0208 GetUserInfo "getUserInfo" "4.6.14"
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId, "username" username: Username)
            request { Request::UserInfo { session, username } }
            -> Data(UserInfo) | DataFail [UnknownUser];
        /// Positions. The owner sees quantities and cash, others see shares.
        0x0209 GetUserPortfolio "getUserPortfolio" "4.6.15"
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId, "username" username: Username)
            request { Request::UserPortfolio { session, username } }
            -> Data(Portfolio) | DataFail [UnknownUser];
        /// Transactions, newest first. The owner also sees quantities and prices.
        0x020A GetUserTransactionHistory "getUserTransactionHistory" "4.6.16"
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId, "username" username: Username)
            request { Request::UserHistory { session, username } }
            -> Data(Transactions) | DataFail [UnknownUser];
        /// A forecast for a date after the latest bar.
        0x020B GetAssetValuePredicted "getAssetValuePredicted" "4.2.2"
            Request in [Data] with Read to Cache bulk:
            ("asset" symbol: Symbol, "date" date: Date)
            request { Request::AssetPredicted { symbol, date } }
            -> Data(Forecast) | DataFail [UnknownAsset DateInvalid NoData MasterUnavailable InternalError];
        /// The symbols, sorted by byte.
        0x020C GetAssetList "getAssetList" "3.1.6" Request in [Data] with Read to Cache bulk: ()
            request { Request::AssetList }
            -> Data(List) | DataFail;
        /// The explanation of a fill of one's own.
        0x020D GetTransactionReceipt "getTransactionReceipt" "3.1.7"
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId, "transactionID" id: TransactionId)
            request { Request::Receipt { session, id } }
            -> Data(Receipt) | DataFail [NoData];
        /// The sessions of the account's logins: where each was made and last used.
        0x020E GetSessions "getSessions" "3.1.3" (edition 2)
            Request in [Data] with Account to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::Sessions { session } }
            -> Data(Sessions) | DataFail;
        /// The account's tokens: what each allows, where it was made and last used.
        0x020F GetTokens "getTokens" "3.1.3" (edition 2)
            Request in [Data] with Account to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::Tokens { session } }
            -> Data(Tokens) | DataFail;
        /// With whom the account's owner signs in beside a password.
        0x0210 GetIdentities "getIdentities" "3.1.3" (edition 2)
            Request in [Data] with Account to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::Identities { session } }
            -> Data(Identities) | DataFail;

        /// The orders of the account that have no outcome yet, newest first.
        0x0211 GetOpenOrders "getOpenOrders" "3.1.7" (edition 2)
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::OpenOrders { session } }
            -> Data(OpenOrders) | DataFail;
        /// What the account has, may spend and has gained, with each of its positions.
        0x0212 GetAccountSummary "getAccountSummary" "2.4.1" (edition 2)
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::AccountSummary { session } }
            -> Data(AccountSummary) | DataFail;
        /// Transactions, newest first, that are older than the one of this ID; `-` for the newest.
        /// The owner also sees what each order said.
        0x0213 GetUserTransactionHistoryPage "getUserTransactionHistoryPage" "4.6.16" (edition 2)
            Request in [Data] with Read to AccountQueries bulk:
            ("sessionID" session: SessionId, "username" username: Username,
                "before" before: TransactionIdOrDash, "count" count: PageCount)
            request { Request::UserHistoryPage { session, username, before, count } }
            -> Data(TransactionPage) | DataFail [UnknownUser];
        /// All assets, sorted by byte, with their prices and what they are called.
        0x0214 GetQuoteList "getQuoteList" "3.1.6" (edition 2)
            Request in [Data] with Read to Cache bulk: ()
            request { Request::QuoteList }
            -> Data(QuoteList) | DataFail;
        /// All that the deployment has on the account's owner: a text of JSON lines.
        0x0215 GetAccountExport "getAccountExport" "3.1.3" (edition 2)
            Request in [Data] with Account to AccountQueries bulk:
            ("sessionID" session: SessionId)
            request { Request::AccountExport { session } }
            -> Data(List) | DataFail;

        /// A login is refused.
        0x0301 LoginFail "loginFail" "4.6.17" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::LoginFail, Refusal { reason, text }) };
        /// The session, and the available workers. It is valid on all of them.
        0x0302 SessionId "sessionID" "4.6.18" Return:
            ("sessionID" id: SessionId, "worker" workers: WorkerAddress repeated)
            reply { Reply::Session { id, workers } };
        /// The account exists.
        0x0303 RegisterSuccess "registerSuccess" "4.6.19" Return: ()
            reply { Reply::RegisterSuccess };
        /// A registration is refused.
        0x0304 RegisterFail "registerFail" "4.6.20" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::RegisterFail, Refusal { reason, text }) };
        /// A purchase is settled.
        0x0305 PurchaseSuccess "purchaseSuccess" "4.6.21" Return:
            ("transactionID" id: TransactionId, "asset" symbol: Symbol,
                "quantity" quantity: CanonicalQuantity, "price" price: CanonicalMoney,
                "total" total: CanonicalMoney, "time" settled: CanonicalTime)
            reply { Reply::Filled(Fill { side: Side::Buy, id, symbol, quantity, price, total, settled }) };
        /// A purchase is refused or rejected.
        0x0306 PurchaseFail "purchaseFail" "4.6.22" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::PurchaseFail, Refusal { reason, text }) };
        /// A sale is settled.
        0x0307 SellSuccess "sellSuccess" "4.6.23" Return:
            ("transactionID" id: TransactionId, "asset" symbol: Symbol,
                "quantity" quantity: CanonicalQuantity, "price" price: CanonicalMoney,
                "total" total: CanonicalMoney, "time" settled: CanonicalTime)
            reply { Reply::Filled(Fill { side: Side::Sell, id, symbol, quantity, price, total, settled }) };
        /// A sale is refused or rejected.
        0x0308 SellFail "sellFail" "4.6.24" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::SellFail, Refusal { reason, text }) };
        /// The new state.
        0x0309 StateSwitchSuccess "stateSwitchSuccess" "4.6.25" Return: ("state" state: State)
            reply { Reply::StateSwitched(state) };
        /// A switch of the state is refused.
        0x030A StateSwitchFail "stateSwitchFail" "4.6.26" Return:
            ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::StateSwitchFail, Refusal { reason, text }) };
        /// A packet of the request's payload.
        0x030B Data "data" "4.6.27" Return: binary;
        /// A data instruction is refused.
        0x030C DataFail "dataFail" "4.6.28" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::DataFail, Refusal { reason, text }) };
        /// The session has ended.
        0x030D LogoutSuccess "logoutSuccess" "4.5.3" Return: ()
            reply { Reply::LogoutSuccess };
        /// A logout is refused.
        0x030E LogoutFail "logoutFail" "4.5.3" Return: ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::LogoutFail, Refusal { reason, text }) };
        /// The account is changed. The value is what the request asked for, if anything.
        0x030F AccountSuccess "accountSuccess" "3.1.3" (edition 2) Return:
            ("value" value: AccountValue optional)
            reply { Reply::AccountSuccess(value) };
        /// A change of the account is refused.
        0x0310 AccountFail "accountFail" "3.1.3" (edition 2) Return:
            ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::AccountFail, Refusal { reason, text }) };

        /// A sign-in has begun: where the person goes, and what they type there.
        0x0311 ThirdPartyStarted "thirdPartyStarted" "3.1.3" (edition 2) Return:
            ("handle" handle: SignInHandle, "poll" poll: PollSeconds, "expiry" expiry: CanonicalTime,
                "userCode" user_code: UserCode, "url" url: WebAddress)
            reply { Reply::ThirdPartyStarted { handle, poll, expiry, user_code, url } };
        /// The person is not done yet.
        0x0312 ThirdPartyPending "thirdPartyPending" "3.1.3" (edition 2) Return: ()
            reply { Reply::ThirdPartyPending };
        /// The person is known, and has no account yet. The username is a suggestion, free or not.
        0x0313 ThirdPartyUnknown "thirdPartyUnknown" "3.1.3" (edition 2) Return:
            ("handle" handle: SignInHandle, "username" suggestion: UsernameOrDash)
            reply { Reply::ThirdPartyUnknown { handle, suggestion } };

        /// An order is on disk. The status is that of now.
        0x0314 OrderPlaced "orderPlaced" "3.1.7" (edition 2) Return:
            ("transactionID" id: TransactionId, "clientOrderID" client_order_id: ClientOrderIdOrDash,
                "status" status: StatusWord)
            reply { Reply::OrderPlaced { id, client_order_id, status } };
        /// An order is cancelled.
        0x0315 OrderCancelled "orderCancelled" "3.1.7" (edition 2) Return:
            ("transactionID" id: TransactionId)
            reply { Reply::OrderCancelled { id } };
        /// An order is refused, or what was asked of one.
        0x0316 OrderFail "orderFail" "3.1.7" (edition 2) Return:
            ("code" reason: ReasonCode, "text" text: Text)
            reply { Reply::Fail(Instruction::OrderFail, Refusal { reason, text }) };
        /// The connection is subscribed to the topic.
        0x0317 Subscribed "subscribed" "3.1.7" (edition 2) Return: ("topic" topic: Topic)
            reply { Reply::Subscribed(topic) };
        /// The connection is not subscribed to the topic.
        0x0318 Unsubscribed "unsubscribed" "3.1.7" (edition 2) Return: ("topic" topic: Topic)
            reply { Reply::Unsubscribed(topic) };

        /// Answered with pong. Servers never send it.
        0x0401 Ping "ping" "4.1" Both in [Command Data] to Local: ()
            request { Request::Ping }
            -> Pong;
        /// Answers a ping. A client's is ignored.
        0x0402 Pong "pong" "4.1" Both in [Command Data] to Local: ()
            request { Request::Pong }
            reply { Reply::Pong };
        /// Asks for the available workers. The only instruction that a master answers.
        0x0403 GetWorkerList "getWorkerList" "3.1.5" Request in [Command Data] to Local: ()
            request { Request::GetWorkerList }
            -> WorkerList;
        /// The available workers.
        0x0404 WorkerList "workerList" "3.1.5" Return: ("worker" workers: WorkerAddress repeated)
            reply { Reply::WorkerList(workers) };
        /// The client broke the protocol, or the server is stopping. The connection ends.
        0x0405 ProtocolError "protocolError" "4.1" Notice: ("code" code: FaultCode, "text" text: Text)
            reply { Reply::ProtocolError(code, text) };
        /// The order is on the durable queue. `time` is when it is expected to settle.
        0x0406 TransactionQueued "transactionQueued" "4.1" Notice:
            ("transactionID" id: TransactionId, "clientOrderID" client_order_id: ClientOrderIdOrDash,
                "time" expected: CanonicalTime)
            reply { Reply::Queued { id, client_order_id, expected } };
        /// Asks what the server is and how its market stands. Answered before any login.
        0x0407 GetServerInfo "getServerInfo" "4.1" (edition 2) Request in [Command Data] to Local: ()
            request { Request::GetServerInfo }
            -> ServerInfo;
        /// Facts about the server, in any order. What is not known is left out.
        0x0408 ServerInfo "serverInfo" "4.1" (edition 2) Return: ("fact" facts: NameValue repeated)
            reply { Reply::ServerInfo(facts) };
        /// An order has ended. The reason is there where it was rejected, cancelled or expired.
        0x0409 OrderNotice "orderNotice" "3.1.7" (edition 2) Notice:
            ("transactionID" id: TransactionId, "status" status: StatusWord, "asset" symbol: Symbol,
                "quantity" quantity: CanonicalQuantity, "price" price: CanonicalMoneyOrDash,
                "total" total: CanonicalMoneyOrDash, "time" time: CanonicalTime,
                "reason" reason: EndReasonCode optional)
            reply {
                Reply::OrderNotice(OrderNotice {
                    id, status, symbol, quantity, price, total, time, reason,
                })
            };
        /// Assets have new prices as of this market time. What does not fit into a message follows
        /// in the next one.
        0x040A QuoteNotice "quoteNotice" "3.1.6" (edition 2) Notice:
            ("marketTime" time: CanonicalTime, "quote" quotes: QuoteValue repeated)
            reply { Reply::QuoteNotice { time, quotes } };
        /// So many notices of the topic were dropped, because the client did not read them; 0: it is
        /// not known how many. It comes before the next notice of the topic.
        0x040B NoticesDropped "noticesDropped" "4.1" (edition 2) Notice:
            ("topic" topic: Topic, "count" count: DroppedCount)
            reply { Reply::NoticesDropped { topic, count } };

        /// Opens the handshake.
        0x0410 LinkHello "linkHello" "4.3.1" Link: binary -> LinkChallenge | LinkRefused;
        /// The master's nonce.
        0x0411 LinkChallenge "linkChallenge" "4.3.1" Link: binary -> LinkProof;
        /// The worker's signed statement.
        0x0412 LinkProof "linkProof" "4.3.1" Link: binary -> LinkNoise1 | LinkRefused;
        /// The master's signed statement, and the first message of Noise.
        0x0413 LinkNoise1 "linkNoise1" "4.3.1" Link: binary -> LinkNoise2;
        /// The second message of Noise. Sealed records follow.
        0x0414 LinkNoise2 "linkNoise2" "4.3.1" Link: binary -> | LinkRefused;
        /// The master refuses the link. The connection ends.
        0x0415 LinkRefused "linkRefused" "4.3.1" Link: ("code" code: LinkCode, "text" text: Text);
        /// The first message of the master on a new link.
        0x0420 LinkWelcome "linkWelcome" "4.3.1" Link: binary;
        /// The state of the worker, once a second. Answered with pong.
        0x0421 LinkReport "linkReport" "3.1.5" Link: binary -> Pong;
        /// An update. Its rows follow as data packets.
        0x0422 LinkPrices "linkPrices" "3.1.6" Link: binary;
        /// The available workers.
        0x0423 LinkWorkers "linkWorkers" "3.1.5" Link: ("worker" workers: WorkerAddress repeated);
        /// Asks whether a session is active, and answers it.
        0x0424 LinkSession "linkSession" "3.2.3" Link: binary -> LinkSession;
        /// Sessions that have ended.
        0x0425 LinkSessionsEnded "linkSessionsEnded" "3.2.3" Link: binary;
        /// Expirable sessions whose connection has ended. Answered with pong.
        0x0426 LinkConnectionClosed "linkConnectionClosed" "3.2.3" Link: binary -> Pong;
        /// The worker is booted, and why.
        0x0427 LinkBooted "linkBooted" "3.1.5" Link: ("text" text: Text);
        /// The request behind it may have been sent before.
        0x0428 LinkAgain "linkAgain" "4.3.1" Link: ();
        /// The master's facts for serverInfo, on a new link, at each update, and when the market is
        /// paused or resumed.
        0x0429 LinkServerInfo "linkServerInfo" "4.1" (edition 2) Link: ("fact" facts: NameValue repeated);
        /// Asks whether a session is active, and for the ends of its account's orders as long as it
        /// lasts and the link stands. Answered with linkSession.
        0x042A LinkWatchOrders "linkWatchOrders" "3.1.7" (edition 2) Link: binary -> LinkSession;
        /// Orders of the account of this name have ended. An orderNotice for each follows in the same
        /// message.
        0x042B LinkOrders "linkOrders" "3.1.7" (edition 2) Link: ("username" username: Username);
        /// This master stands by for another one, and the link ends: the worker's other masters are to
        /// be asked.
        0x042C LinkStandby "linkStandby" "3.1.5" (edition 2) Link: ();
            }
    };
}

pub(super) use instruction_table;

/// `Some` of a value that a row has, `None` of one that it does not have.
macro_rules! option {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

pub(super) use option;

macro_rules! edition {
    () => {
        1
    };
    ($edition:literal) => {
        $edition
    };
}

macro_rules! is_bulk {
    () => {
        false
    };
    (bulk) => {
        true
    };
}

macro_rules! arguments {
    (binary) => { &[] };
    (($($name:literal $field:ident: $kind:ident $(/ $reason:ident)? $($occurs:ident)?),*)) => {
        &[$(Argument::new($name, ArgumentType::$kind)
            $(.refused_as(Reason::$reason))?
            $(.$occurs())?,)*]
    };
}

macro_rules! arity {
    (binary) => {
        Arity::Binary
    };
    ($arguments:tt) => {
        const { Arity::of(arguments!($arguments)) }
    };
}

macro_rules! define_table {
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
        /// The instructions of the protocol (4.5). The two logins are two instructions.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Instruction { $($(#[doc = $doc])+ $variant,)* }

        /// The rows of the table, by number.
        pub const TABLE: &[InstructionRow] = &[$(InstructionRow {
            number: $number,
            instruction: Instruction::$variant,
            name: $name,
            about: concat!($($doc),+).trim_ascii(),
            section: $section,
            edition: edition!($($edition)?),
            direction: Direction::$direction,
            states: &[$($(ConnectionState::$state,)+)?],
            scope: option!($($(Scope::$scope)?)?),
            destination: option!($(Destination::$destination)?),
            bulk: is_bulk!($($($bulk)?)?),
            arguments: arguments!($arguments),
            arity: arity!($arguments),
            success: &[$($(Instruction::$success),*)?],
            payload: option!($($($(PayloadKind::$payload)?)*)?),
            failure: option!($($(Instruction::$failure)?)?),
            own_reasons: &[$($($($(Reason::$reason),+)?)?)?],
        },)*];
    };
}

instruction_table!(define_table);

/// Marks a number that no row has.
const NO_ROW: u8 = u8::MAX;

/// The index of each number's row in [`TABLE`], by the number's high byte less 1 and its low byte.
static ROWS: [[u8; 256]; 4] = {
    assert!(TABLE.len() < NO_ROW as usize);
    let mut rows = [[NO_ROW; 256]; 4];
    let mut index = 0;
    while index < TABLE.len() {
        let [high, low] = TABLE[index].number.to_be_bytes();
        assert!(
            rows[high as usize - 1][low as usize] == NO_ROW,
            "a number is used twice"
        );
        rows[high as usize - 1][low as usize] = index as u8;
        index += 1;
    }
    rows
};

impl InstructionRow {
    /// Whether its data is binary. It has no arguments then.
    pub fn is_binary(&self) -> bool {
        self.arity == Arity::Binary
    }

    /// The reasons that its Fail may name, in the order of the list of reasons. Besides its own
    /// they follow from its arguments, its states, its session and its destination. Empty if it has
    /// no Fail that names a reason.
    pub fn reasons(&self) -> Vec<Reason> {
        let Some(destination) = self.destination.filter(|_| self.failure.is_some()) else {
            return Vec::new();
        };
        let of_a_form = |reason| {
            self.arguments
                .iter()
                .any(|argument| argument.reason == reason)
        };
        let has = |reason: Reason| {
            destination.reasons().contains(&reason)
                || self.own_reasons.contains(&reason)
                || of_a_form(reason)
                || (reason == Reason::WrongState && self.states.len() == 1)
                || (reason == Reason::SessionExpired && self.scope.is_some())
                || (reason == Reason::Scope
                    && matches!(self.scope, Some(Scope::Trade | Scope::Account)))
        };
        Reason::ALL
            .iter()
            .copied()
            .filter(|reason| has(*reason))
            .collect()
    }

    /// The row with this number.
    pub fn find(number: u16) -> Option<&'static InstructionRow> {
        let [high, low] = number.to_be_bytes().map(usize::from);
        let index = ROWS.get(high.checked_sub(1)?)?[low];
        TABLE.get(usize::from(index))
    }
}

impl Instruction {
    /// The instruction with this number.
    pub fn from_number(number: u16) -> Option<Instruction> {
        InstructionRow::find(number).map(|row| row.instruction)
    }

    /// Its row of the table.
    pub fn row(self) -> &'static InstructionRow {
        // The variants are generated from the rows, in the same order.
        &TABLE[self as usize]
    }

    /// The number on the wire.
    pub fn number(self) -> u16 {
        self.row().number
    }

    /// The specification's name.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The category.
    pub fn message_type(self) -> MessageType {
        match self.number() >> 8 {
            1 => MessageType::Command,
            2 => MessageType::DataTransfer,
            3 => MessageType::ServerReturn,
            _ => MessageType::Control,
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_number_and_has_its_category() {
        for (index, row) in TABLE.iter().enumerate() {
            assert_eq!(Instruction::from_number(row.number), Some(row.instruction));
            assert_eq!(row.instruction.row().number, row.number);
            assert_eq!(row.instruction.number(), row.number);
            assert_eq!(row.instruction.message_type() as u16, row.number >> 8);
            assert!(
                index == 0 || TABLE[index - 1].number < row.number,
                "{} is out of order",
                row.name
            );
        }
        assert_eq!(Instruction::from_number(0x01FF), None);
    }

    #[test]
    fn requests_have_states_a_destination_and_replies() {
        for row in TABLE {
            let sent = matches!(row.direction, Direction::Request | Direction::Both);
            assert_eq!(row.destination.is_some(), sent, "{}", row.name);
            assert_eq!(!row.states.is_empty(), sent, "{}", row.name);
            assert!(sent || !row.bulk, "{}", row.name);
            if row.direction == Direction::Request {
                let control = row.instruction.message_type() == MessageType::Control;
                assert!(!row.success.is_empty(), "{}", row.name);
                assert_eq!(row.failure.is_none(), control, "{}", row.name);
            }
            for answer in row.success.iter().chain(&row.failure) {
                let direction = answer.row().direction;
                assert!(
                    !matches!(direction, Direction::Request | Direction::Notice),
                    "{}",
                    row.name
                );
            }
            assert_eq!(
                row.payload.is_some(),
                row.success.contains(&Instruction::Data)
            );
        }
    }

    #[test]
    fn states_follow_from_the_category_except_for_switch_state() {
        for row in TABLE.iter().filter(|row| row.destination.is_some()) {
            let states: &[ConnectionState] = match row.instruction.message_type() {
                MessageType::Command if row.instruction != Instruction::SwitchState => {
                    &[ConnectionState::Command]
                }
                MessageType::DataTransfer => &[ConnectionState::Data],
                MessageType::Command | MessageType::ServerReturn | MessageType::Control => {
                    &[ConnectionState::Command, ConnectionState::Data]
                }
            };
            assert_eq!(row.states, states, "{}", row.name);
        }
    }

    #[test]
    fn optional_repeated_and_text_arguments_are_last() {
        for row in TABLE {
            let kinds = row.arguments.iter().map(|argument| argument.occurs);
            let first = kinds.clone().position(|occurs| occurs != Occurrence::Once);
            let rest: Vec<Occurrence> = kinds.skip(first.unwrap_or(row.arguments.len())).collect();
            assert!(
                rest.len() <= 1 || rest.iter().all(|o| *o == Occurrence::Optional),
                "{}",
                row.name
            );
            let text = row
                .arguments
                .iter()
                .position(|a| a.kind == ArgumentType::Text);
            assert!(
                text.is_none_or(|at| at + 1 == row.arguments.len()),
                "{}",
                row.name
            );
        }
    }
}
