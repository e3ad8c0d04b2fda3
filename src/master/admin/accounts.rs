//! spec/master/admin.md · 3.1.3, 4.1 (basic error handling)
//!
//! What an administrator does with accounts.
//!
//! Tests: `tests/suite/master/mail.rs`.

use super::caller::AdminCaller;
use super::{AdminShared, ask};
use crate::admin::model::CodeSummary;
use crate::admin::protocol::{AdminAnswer, CODE_VALID_MAX};
use crate::master::messages::AuthMessage;
use std::time::Duration;

/// Makes a one-time code for an account.
pub(super) fn reset(
    shared: &AdminShared,
    name: String,
    valid_ms: u64,
    caller: AdminCaller,
) -> Result<AdminAnswer, String> {
    let valid = Duration::from_millis(valid_ms);
    if valid.is_zero() || valid > CODE_VALID_MAX {
        let most = CODE_VALID_MAX.as_secs() / 86_400;
        return Err(format!(
            "a code is valid for {most} days at most, and not for no time"
        ));
    }
    let printed = ask("auth", &shared.channels.inboxes.auth, |reply| {
        AuthMessage::PrintCode(name, valid, reply)
    })??;
    crate::info!(
        "{caller} has made a code for a new password of {}",
        printed.username
    );
    Ok(AdminAnswer::Code(CodeSummary {
        user: printed.username.to_string(),
        code: printed.code.expose(),
        until: printed.until.to_string(),
    }))
}
