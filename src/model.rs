//! spec/model.md · 2.4 Data/State Structures
//!
//! The data structures that all other modules use. Plain data: no I/O, no threads, no clock but
//! `Timestamp::now`.

pub mod account;
pub mod action;
pub mod asset;
pub mod email_key;
pub mod expiry;
pub mod fingerprint;
pub mod likeness;
pub mod money;
pub mod name_value;
pub mod open_value;
pub mod order;
pub mod owner_notice;
pub mod printable;
pub mod ratio;
pub mod reason;
pub mod reset_code;
pub mod server_info;
pub mod session;
pub mod third_party;
pub mod timestamp;
pub mod token;
pub mod topic;
pub mod transaction;
pub mod word_list;
pub mod worker;

pub use account::{Account, AccountId, Email, HashedPass, Username, UsernameOrEmail};
pub use action::{Action, ActionId, ActionKind, ActionName, InLieuPrice};
pub use asset::{AssetDescription, Bar, Quote, Resolution, Symbol};
pub use fingerprint::Fingerprint;
pub use money::{Money, Quantity};
pub use name_value::NameValue;
pub use open_value::OpenValue;
pub use order::{OrderAmount, OrderKind, OrderTerms, TimeInForce, TrailDistance};
pub use owner_notice::OwnerNotice;
pub use ratio::Ratio;
pub use reason::{ProtocolFault, Reason};
pub use reset_code::{ResetCode, ResetCodeHash};
pub use server_info::{MarketKind, MarketState, ServerFact};
pub use session::{
    AccountValue, Session, SessionHash, SessionId, SessionKind, SessionSelection, SessionUse,
};
pub use third_party::{
    BrowserSecret, Identity, IdentityProviderName, SignInHandle, SignInHash, SignInMethod,
};
use thiserror::Error;
pub use timestamp::Timestamp;
pub use token::{TokenName, TokenScope};
pub use topic::{QuoteValue, Topic};
pub use transaction::{
    Cause, ClientOrderId, Holdings, Position, SettlementRank, Side, Transaction, TransactionStatus,
};
pub use worker::WorkerServer;

/// A value from outside that does not have its required form. The text says which form is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ValueError(pub &'static str);
