//! spec/model/reason.md · 4.6.17 to 4.6.28 (the reason in a Fail's arguments)
//!
//! The lists of codes, which are open: a later edition adds codes. Add a code here and to the page
//! before it is used anywhere.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::word_list::word_list;

word_list! {
    /// Why a request fails: the first argument of every Fail.
    Reason {
        /// In login: unknown username, wrong password, or one of the two not of its form.
        BadCredentials = "bad-credentials",
        /// Too many failed logins for this name and address, or from this address; too many
        /// registrations from it.
        TooManyAttempts = "too-many-attempts",
        /// A session ID that is malformed, unknown, expired or ended; in the data state, also when
        /// the connection's own session has ended.
        SessionExpired = "session-expired",
        /// In register: not of its form.
        UsernameInvalid = "username-invalid",
        /// Another account has the username, in this or another case.
        UsernameTaken = "username-taken",
        /// The address is not of its form.
        EmailInvalid = "email-invalid",
        /// Another account has the address, in this or another spelling.
        EmailTaken = "email-taken",
        /// In register: a hashedPass that is not of its form.
        PasswordInvalid = "password-invalid",
        /// Not of a symbol's form, or an asset that this deployment does not retrieve.
        UnknownAsset = "unknown-asset",
        /// Where data of a user are requested: not of a username's form, or no such account.
        UnknownUser = "unknown-user",
        /// Not of its form, or an order beyond the limit of values.
        QuantityInvalid = "quantity-invalid",
        /// Not of its form, a day that does not exist, or a forecast for a date that is not after
        /// the latest bar.
        DateInvalid = "date-invalid",
        /// An isExpirable, clientOrderID, adjustment or transaction ID that is not of its form.
        ArgumentInvalid = "argument-invalid",
        /// Less cash than the order needs: when it is accepted, at the latest price and beside
        /// what earlier orders hold back; and again at settlement.
        InsufficientFunds = "insufficient-funds",
        /// Fewer units than the order sells: when it is accepted, beside what earlier orders sell;
        /// and again at settlement.
        InsufficientHoldings = "insufficient-holdings",
        /// The account has used the clientOrderID for an order with other terms.
        ClientOrderIdReused = "clientOrderID-reused",
        /// A command in the data state, or a data instruction in the command state.
        WrongState = "wrong-state",
        /// A state that is neither `command` nor `data`.
        StateInvalid = "state-invalid",
        /// A getAssetInfo of an asset without a bar; too little history for a forecast; a
        /// transaction that is not one's own.
        NoData = "no-data",
        /// A getAssetValueCurrent of an asset without a bar; an order whose asset has no new price
        /// that is believed within 14 days of market time; any order after the end of a replay.
        NoPrice = "no-price",
        /// A queue or the pool that hashes passwords is full; try again later.
        Overloaded = "overloaded",
        /// The worker has no link to the master, and the request was not sent.
        MasterUnavailable = "master-unavailable",
        /// The server failed; its log has the cause.
        InternalError = "internal-error",
        /// The account has no password: sign in with one of the providers that the text names.
        ThirdPartyLogin = "third-party-login",
        /// The deployment has no provider of this name, or none with this method.
        ProviderUnknown = "provider-unknown",
        /// The provider did not answer in time, or not as it should.
        ProviderUnavailable = "provider-unavailable",
        /// Another account has the identity.
        IdentityTaken = "identity-taken",
        /// A code that is wrong, used or expired.
        CodeInvalid = "code-invalid",
        /// An administrator has locked the account. Said to the right password or identity alone.
        AccountLocked = "account-locked",
        /// The session is a token, which does not allow this.
        Scope = "scope",
        /// A token's name that is not of its form, or that another token of the account has.
        NameInvalid = "name-invalid",
        /// The login of the session is too long ago for this: log in anew, and try again.
        LoginAgain = "login-again",
        /// The order has ended already: it was filled, rejected or expired.
        NotOpen = "not-open",
        /// A limit, a stop or a trailing distance that is not of its form, that the kind of the
        /// order does not have, or that cannot be.
        PriceInvalid = "price-invalid",
        /// No such kind of order.
        KindInvalid = "kind-invalid",
        /// The owner or the administrator cancelled the order.
        Cancelled = "cancelled",
        /// Another order is in the place of this one.
        Replaced = "replaced",
        /// The time in force of the order has ended.
        Expired = "expired",
    }
}

impl Reason {
    /// What version 1 is told of it, where an order has ended so: `cancelled` of one that was
    /// replaced.
    #[must_use]
    pub fn of_version_1(self) -> Reason {
        if self == Reason::Replaced {
            Reason::Cancelled
        } else {
            self
        }
    }
}

word_list! {
    /// Why the server ends a connection: the first argument of `protocolError`.
    ProtocolFault {
        /// A message that is not well formed.
        BadFrame = "bad-frame",
        /// A dataSize over 8,192.
        TooLarge = "too-large",
        /// A number that no instruction has.
        UnknownInstruction = "unknown-instruction",
        /// A wrong number of arguments.
        ArgumentCount = "argument-count",
        /// An instruction that this peer may not send on this port.
        NotAllowed = "not-allowed",
        /// A message that is not complete in time, or a connection that is idle too long.
        Timeout = "timeout",
        /// No capacity for another connection.
        TooManyConnections = "too-many-connections",
        /// The server is stopping.
        ShuttingDown = "shutting-down",
    }
}
