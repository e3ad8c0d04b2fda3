//! spec/model/reason.md · 4.6.17 to 4.6.28 (the reason in a Fail's arguments)
//!
//! The closed lists of codes. A code is added here, and to the page, before it is used anywhere.

use super::closed_list::closed_list;

closed_list! {
    /// Why a request was refused: the first argument of every Fail.
    Reason {
        /// Unknown username or wrong password; nobody is told which.
        BadCredentials = "bad-credentials",
        /// Too many failed logins for this name and address, or too many registrations from it.
        TooManyAttempts = "too-many-attempts",
        /// The session is malformed, unknown, ended or expired.
        SessionExpired = "session-expired",
        /// Not of a username's form.
        UsernameInvalid = "username-invalid",
        /// Another account has it.
        UsernameTaken = "username-taken",
        /// Not of an email's form.
        EmailInvalid = "email-invalid",
        /// Another account has it.
        EmailTaken = "email-taken",
        /// Not of a hashedPass's form.
        PasswordInvalid = "password-invalid",
        /// No such asset here.
        UnknownAsset = "unknown-asset",
        /// No such account.
        UnknownUser = "unknown-user",
        /// Not of a quantity's form, or beyond the limit of values.
        QuantityInvalid = "quantity-invalid",
        /// Not of a date's form, or not a date that the instruction can answer.
        DateInvalid = "date-invalid",
        /// Another argument is not of its form.
        ArgumentInvalid = "argument-invalid",
        /// Less cash than the total, at settlement.
        InsufficientFunds = "insufficient-funds",
        /// Fewer units than are to be sold, at settlement.
        InsufficientHoldings = "insufficient-holdings",
        /// The clientOrderID names an order with other terms.
        ClientOrderIdReused = "clientOrderID-reused",
        /// Not in this state of the connection.
        WrongState = "wrong-state",
        /// No such state.
        StateInvalid = "state-invalid",
        /// Nothing is known that could be answered.
        NoData = "no-data",
        /// The asset has no price to trade at.
        NoPrice = "no-price",
        /// A queue is full; try again later.
        Overloaded = "overloaded",
        /// The worker has no link to the master, and the request was never sent.
        MasterUnavailable = "master-unavailable",
        /// The server failed; the log says how.
        InternalError = "internal-error",
    }
}

closed_list! {
    /// Why a connection ends: the first argument of `protocolError`.
    ProtocolFault {
        /// A frame that is not well formed.
        BadFrame = "bad-frame",
        /// More data than a request may carry.
        TooLarge = "too-large",
        /// No such instruction.
        UnknownInstruction = "unknown-instruction",
        /// Not the number of arguments that the instruction takes.
        ArgumentCount = "argument-count",
        /// Not an instruction for this peer on this port.
        NotAllowed = "not-allowed",
        /// A frame not whole in time, or an idle connection.
        Timeout = "timeout",
        /// No room for another connection.
        TooManyConnections = "too-many-connections",
        /// The server stops.
        ShuttingDown = "shutting-down",
    }
}
