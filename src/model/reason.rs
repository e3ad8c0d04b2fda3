//! spec/model/reason.md · 4.6.17 to 4.6.28 (the reason in a Fail's arguments)
//!
//! The word lists of reason codes. Add a code here and to the page before it is used anywhere.

use super::word_list::word_list;

word_list! {
    /// Why a request fails: the first argument of every Fail.
    Reason {
        /// Unknown username or wrong password. The client does not learn which.
        BadCredentials = "bad-credentials",
        /// Too many failed logins for this name and address, or from this address; or too many
        /// registrations from it.
        TooManyAttempts = "too-many-attempts",
        /// The session is malformed, unknown, ended or expired.
        SessionExpired = "session-expired",
        /// The username does not have its form.
        UsernameInvalid = "username-invalid",
        /// Another account has this username.
        UsernameTaken = "username-taken",
        /// The email address does not have its form.
        EmailInvalid = "email-invalid",
        /// Another account has this email address.
        EmailTaken = "email-taken",
        /// The hashedPass does not have its form.
        PasswordInvalid = "password-invalid",
        /// The market has no such asset.
        UnknownAsset = "unknown-asset",
        /// No such account.
        UnknownUser = "unknown-user",
        /// The quantity does not have its form, or is beyond the limit of values.
        QuantityInvalid = "quantity-invalid",
        /// The date does not have its form, or the instruction has no answer for it.
        DateInvalid = "date-invalid",
        /// Another argument does not have its form.
        ArgumentInvalid = "argument-invalid",
        /// At settlement, the cash was less than the total.
        InsufficientFunds = "insufficient-funds",
        /// At settlement, the account held fewer units than it sells.
        InsufficientHoldings = "insufficient-holdings",
        /// The account has used the clientOrderID for an order with other terms.
        ClientOrderIdReused = "clientOrderID-reused",
        /// The state of the connection does not allow the instruction.
        WrongState = "wrong-state",
        /// The state has neither of its two names.
        StateInvalid = "state-invalid",
        /// The server has no data for the answer.
        NoData = "no-data",
        /// The asset has no price at which the order could settle.
        NoPrice = "no-price",
        /// A queue is full. The client should try again later.
        Overloaded = "overloaded",
        /// The worker has no link to the master, and the request was never sent.
        MasterUnavailable = "master-unavailable",
        /// The server failed. Its log has the cause.
        InternalError = "internal-error",
    }
}

word_list! {
    /// Why the server ends a connection: the first argument of `protocolError`.
    ProtocolFault {
        /// The frame is not well formed.
        BadFrame = "bad-frame",
        /// The frame has more than 8,192 bytes of data.
        TooLarge = "too-large",
        /// No instruction has the number.
        UnknownInstruction = "unknown-instruction",
        /// The instruction takes another number of arguments.
        ArgumentCount = "argument-count",
        /// This peer may not send the instruction on this port.
        NotAllowed = "not-allowed",
        /// A frame was not complete in time, or the connection was idle too long.
        Timeout = "timeout",
        /// The server has no capacity for another connection.
        TooManyConnections = "too-many-connections",
        /// The server is stopping.
        ShuttingDown = "shutting-down",
    }
}
