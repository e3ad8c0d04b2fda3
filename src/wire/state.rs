//! spec/wire.md · 4.2 States, 4.2.1, 4.2.2
//!
//! The two states of a connection.

use crate::model::word_list::word_list;

word_list! {
    /// The states of a connection (4.2). The list is closed.
    ConnectionState {
        /// The state of logins and orders (4.2.1), in which every connection starts.
        Command = "command",
        /// The state of requests for data (4.2.2).
        Data = "data",
    }
}
