//! spec/wire/instruction.md · 4.5 Instructions
//!
//! The one table of the protocol. Numbers are never used twice, not even after an instruction is gone.

use std::fmt;

/// The first byte of every message (4.4 messageType), and the high byte of its instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MessageType {
    /// Command state instructions (4.5.1).
    Command = 1,
    /// Data transfer state instructions (4.5.2).
    DataTransfer = 2,
    /// Server return instructions (4.5.3).
    ServerReturn = 3,
    /// Control (4.1 names the category).
    Control = 4,
}

impl MessageType {
    /// From the byte on the wire.
    pub fn from_byte(byte: u8) -> Option<MessageType> {
        match byte {
            1 => Some(MessageType::Command),
            2 => Some(MessageType::DataTransfer),
            3 => Some(MessageType::ServerReturn),
            4 => Some(MessageType::Control),
            _ => None,
        }
    }
}

/// Who may send an instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// A client, to a worker (and `getWorkerList` to a master).
    Request,
    /// A server, to a client.
    Return,
    /// Either of them.
    Both,
    /// A worker or a master, to each other.
    Link,
}

/// How many arguments an instruction takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arity {
    /// From so many to so many.
    Between(u16, u16),
    /// At least so many, with no end: lists.
    AtLeast(u16),
    /// The data is binary, `argumentCount` 0.
    Binary,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct InstructionRow {
    /// On the wire.
    pub number: u16,
    /// Itself.
    pub instruction: Instruction,
    /// As the specification writes it. Both logins share theirs.
    pub name: &'static str,
    /// Who may send it.
    pub direction: Direction,
    /// What its arguments are called; one in brackets may be left out, `...` repeats the one before.
    pub arguments: &'static [&'static str],
    /// How many there may be.
    pub arity: Arity,
    /// What answers it when it succeeds.
    pub success: Option<Instruction>,
    /// What answers it when it fails.
    pub failure: Option<Instruction>,
}

/// The lowest number of the worker link's own instructions; they go to 0x04FF.
pub const LINK_FIRST: u16 = 0x0410;

macro_rules! instructions {
    ($($number:literal $variant:ident $name:literal $direction:ident [$($argument:literal)*] $arity:expr ,
        $success:expr, $failure:expr;)*) => {
        /// Every instruction of the protocol (4.5), the two logins apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[allow(missing_docs, reason = "the table below says what each is")]
        pub enum Instruction { $($variant = $number,)* }

        /// The table, by number.
        pub const TABLE: &[InstructionRow] = &[$(InstructionRow {
            number: $number,
            instruction: Instruction::$variant,
            name: $name,
            direction: Direction::$direction,
            arguments: &[$($argument,)*],
            arity: $arity,
            success: $success,
            failure: $failure,
        },)*];

        impl Instruction {
            /// From the number on the wire.
            pub fn from_number(number: u16) -> Option<Instruction> {
                match number { $($number => Some(Instruction::$variant),)* _ => None }
            }

            /// Its row of the table.
            pub fn row(self) -> &'static InstructionRow {
                const ROWS: &[InstructionRow] = TABLE;
                let mut index = 0usize;
                $(if self as u16 == $number { return &ROWS[index]; } index += 1;)*
                let _ = index;
                &ROWS[0]
            }
        }
    };
}

use Arity::{AtLeast, Between, Binary};
use Instruction as I;

instructions! {
    0x0101 Login "login" Request ["username" "hashedPass" "isExpirable"] Between(3, 3), Some(I::SessionId), Some(I::LoginFail);
    0x0102 Resume "login" Request ["sessionID"] Between(1, 1), Some(I::SessionId), Some(I::LoginFail);
    0x0103 Register "register" Request ["username" "email" "hashedPass"] Between(3, 3), Some(I::RegisterSuccess), Some(I::RegisterFail);
    0x0104 PurchaseAsset "purchaseAsset" Request ["sessionID" "name" "quantity" "[clientOrderID]"] Between(3, 4), Some(I::PurchaseSuccess), Some(I::PurchaseFail);
    0x0105 SellAsset "sellAsset" Request ["sessionID" "name" "quantity" "[clientOrderID]"] Between(3, 4), Some(I::SellSuccess), Some(I::SellFail);
    0x0106 SwitchState "switchState" Request ["sessionID" "state"] Between(2, 2), Some(I::StateSwitchSuccess), Some(I::StateSwitchFail);
    0x0107 Logout "logout" Request ["sessionID"] Between(1, 1), Some(I::LogoutSuccess), Some(I::LogoutFail);

    0x0201 GetAssetInfo "getAssetInfo" Request ["asset"] Between(1, 1), Some(I::Data), Some(I::DataFail);
    0x0202 GetAssetValueCurrent "getAssetValueCurrent" Request ["asset"] Between(1, 1), Some(I::Data), Some(I::DataFail);
    0x0203 GetAssetValueDay "getAssetValueDay" Request ["asset" "date" "[adjustment]"] Between(2, 3), Some(I::Data), Some(I::DataFail);
    0x0204 GetAssetValueWeek "getAssetValueWeek" Request ["asset" "date" "[adjustment]"] Between(2, 3), Some(I::Data), Some(I::DataFail);
    0x0205 GetAssetValueMonth "getAssetValueMonth" Request ["asset" "date" "[adjustment]"] Between(2, 3), Some(I::Data), Some(I::DataFail);
    0x0206 GetAssetValueYear "getAssetValueYear" Request ["asset" "date" "[adjustment]"] Between(2, 3), Some(I::Data), Some(I::DataFail);
    0x0207 GetAssetValueAllTime "getAssetValueAllTime" Request ["asset" "[adjustment]"] Between(1, 2), Some(I::Data), Some(I::DataFail);
    0x0208 GetUserInfo "getUserInfo" Request ["sessionID" "username"] Between(2, 2), Some(I::Data), Some(I::DataFail);
    0x0209 GetUserPortfolio "getUserPortfolio" Request ["sessionID" "username"] Between(2, 2), Some(I::Data), Some(I::DataFail);
    0x020A GetUserTransactionHistory "getUserTransactionHistory" Request ["sessionID" "username"] Between(2, 2), Some(I::Data), Some(I::DataFail);
    0x020B GetAssetValuePredicted "getAssetValuePredicted" Request ["asset" "date"] Between(2, 2), Some(I::Data), Some(I::DataFail);
    0x020C GetAssetList "getAssetList" Request [] Between(0, 0), Some(I::Data), Some(I::DataFail);
    0x020D GetTransactionReceipt "getTransactionReceipt" Request ["sessionID" "transactionID"] Between(2, 2), Some(I::Data), Some(I::DataFail);

    0x0301 LoginFail "loginFail" Return ["code" "text"] Between(2, 2), None, None;
    0x0302 SessionId "sessionID" Return ["sessionID" "worker" "..."] AtLeast(1), None, None;
    0x0303 RegisterSuccess "registerSuccess" Return [] Between(0, 0), None, None;
    0x0304 RegisterFail "registerFail" Return ["code" "text"] Between(2, 2), None, None;
    0x0305 PurchaseSuccess "purchaseSuccess" Return ["transactionID" "asset" "quantity" "price" "total" "time"] Between(6, 6), None, None;
    0x0306 PurchaseFail "purchaseFail" Return ["code" "text"] Between(2, 2), None, None;
    0x0307 SellSuccess "sellSuccess" Return ["transactionID" "asset" "quantity" "price" "total" "time"] Between(6, 6), None, None;
    0x0308 SellFail "sellFail" Return ["code" "text"] Between(2, 2), None, None;
    0x0309 StateSwitchSuccess "stateSwitchSuccess" Return ["state"] Between(1, 1), None, None;
    0x030A StateSwitchFail "stateSwitchFail" Return ["code" "text"] Between(2, 2), None, None;
    0x030B Data "data" Return [] Binary, None, None;
    0x030C DataFail "dataFail" Return ["code" "text"] Between(2, 2), None, None;
    0x030D LogoutSuccess "logoutSuccess" Return [] Between(0, 0), None, None;
    0x030E LogoutFail "logoutFail" Return ["code" "text"] Between(2, 2), None, None;

    0x0401 Ping "ping" Both [] Between(0, 0), Some(I::Pong), None;
    0x0402 Pong "pong" Both [] Between(0, 0), None, None;
    0x0403 GetWorkerList "getWorkerList" Request [] Between(0, 0), Some(I::WorkerList), None;
    0x0404 WorkerList "workerList" Return ["worker" "..."] AtLeast(0), None, None;
    0x0405 ProtocolError "protocolError" Return ["code" "text"] Between(2, 2), None, None;
    0x0406 TransactionQueued "transactionQueued" Return ["transactionID" "clientOrderID" "time"] Between(3, 3), None, None;

    0x0410 LinkHello "linkHello" Link [] Binary, Some(I::LinkChallenge), Some(I::LinkRefused);
    0x0411 LinkChallenge "linkChallenge" Link [] Binary, Some(I::LinkProof), Some(I::LinkRefused);
    0x0412 LinkProof "linkProof" Link [] Binary, Some(I::LinkNoise1), Some(I::LinkRefused);
    0x0413 LinkNoise1 "linkNoise1" Link [] Binary, Some(I::LinkNoise2), Some(I::LinkRefused);
    0x0414 LinkNoise2 "linkNoise2" Link [] Binary, None, None;
    0x0415 LinkRefused "linkRefused" Link ["code" "text"] Between(2, 2), None, None;
    0x0420 LinkWelcome "linkWelcome" Link [] Binary, None, None;
    0x0421 LinkReport "linkReport" Link [] Binary, None, None;
    0x0422 LinkPrices "linkPrices" Link [] Binary, None, None;
    0x0423 LinkWorkers "linkWorkers" Link ["worker" "..."] AtLeast(0), None, None;
    0x0424 LinkSession "linkSession" Link [] Binary, None, None;
    0x0425 LinkSessionsEnded "linkSessionsEnded" Link [] Binary, None, None;
    0x0426 LinkConnectionClosed "linkConnectionClosed" Link [] Binary, None, None;
    0x0427 LinkBooted "linkBooted" Link ["text"] Between(1, 1), None, None;
    0x0428 LinkAgain "linkAgain" Link [] Between(0, 0), None, None;
}

impl Instruction {
    /// On the wire.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// As the specification writes it.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Its category.
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
    fn every_row_is_found_by_number_and_sits_in_its_category() {
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
            if let Some(success) = row.success {
                assert_ne!(success.row().direction, Direction::Request, "{}", row.name);
            }
        }
        assert_eq!(Instruction::from_number(0x01FF), None);
    }
}
