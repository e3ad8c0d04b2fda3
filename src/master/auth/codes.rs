//! spec/master/auth.md · 3.1.3, 4.1 (basic error handling)
//!
//! `impl Auth`: codes for new passwords that an administrator prints.
//!
//! Tests: `tests/suite/master/mail.rs`.

use super::Auth;
use crate::master::mail::draw_code;
use crate::master::messages::PrintedCode;
use crate::model::{Timestamp, Username};
use std::time::Duration;

impl Auth {
    /// Makes a code for an account, in place of the one that was printed before it. The error is a
    /// sentence for the administrator.
    pub(super) fn print_code(
        &mut self,
        name: &str,
        valid: Duration,
    ) -> Result<PrintedCode, String> {
        let username = Username::parse(name).map_err(|error| error.to_string())?;
        let code = draw_code().map_err(|error| format!("no random bytes: {error}"))?;
        let now = Timestamp::now();
        let valid = i64::try_from(valid.as_millis()).unwrap_or(i64::MAX);
        let until = Timestamp(now.0.saturating_add(valid));
        let stored = self.storage.write(|tx| {
            let Some(account) = tx.credentials(&username)? else {
                return Ok(None);
            };
            tx.store_printed_code(account.account, &code.hash(), (now, until))?;
            Ok(Some(account.username))
        });
        match stored {
            Ok(Some(username)) => Ok(PrintedCode {
                username,
                code,
                until,
            }),
            Ok(None) => Err(format!("there is no user {name}")),
            Err(error) => Err(format!("the database failed: {error}")),
        }
    }
}
