//! spec/wire/request.md · 4.2, 4.2.1, 4.2.2, 4.5.1, 4.5.2, 4.6.1 to 4.6.16
//!
//! A request with its arguments read, by the table of instructions. Forms are checked from left to
//! right; the first that is wrong gives the reason.

use super::argument_type::{Argument, ReadArgument, WriteArgument, codec};
use super::instruction::instruction_table;
use super::{Arguments, ConnectionState, Instruction, Refusal, frame};
use crate::model::{
    ClientOrderId, Email, HashedPass, Quantity, Reason, SessionId, Side, Symbol, Timestamp, Username,
};
use std::slice;
use uuid::Uuid;

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

/// The arguments of a request, one after another, beside their columns of the table.
struct RequestArguments<'a, I: Iterator<Item = &'a str>> {
    parts: I,
    columns: slice::Iter<'static, Argument>,
}

impl<'a, I: Iterator<Item = &'a str>> RequestArguments<'a, I> {
    /// The next one; the empty text where it was left out.
    fn read<C: ReadArgument>(&mut self) -> Result<C::Value, Refusal> {
        let column = self.columns.next();
        C::read(self.parts.next().unwrap_or_default()).map_err(|wrong| {
            let reason = column.map_or(Reason::ArgumentInvalid, |column| column.reason);
            Refusal::new(reason, wrong.0)
        })
    }
}

/// What reads the request of a row: nothing where the row has none.
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
        $number:literal $variant:ident $name:literal $section:literal $direction:ident
        $(in [$($state:ident)+] to $destination:ident $($bulk:ident)?)? : $arguments:tt
        $(request { $($request:tt)* })?
        $(reply { $($reply:tt)* })?
        $(-> $success:ident $(($payload:ident))? $(| $failure:ident)?)?;
    )*) => {
        impl Request {
            /// Reads the arguments of a client's instruction, whose number has been checked against
            /// the table; `None` for an instruction that no client sends.
            ///
            /// # Errors
            /// The reason of the first argument that is not of its form.
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

            /// Appends the request's frame.
            pub fn write(&self, out: &mut Vec<u8>) {
                match self {
                    $($($($request)* => write_row!(out $variant $arguments),)?)*
                    // Splits and dividends are the master's alone; no instruction orders one.
                    Request::Order { side: Side::Split | Side::Dividend, .. } => {}
                }
            }
        }
    };
}

instruction_table!(define_request);
