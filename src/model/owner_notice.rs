//! spec/model.md · 2.4.1, 4.1 (what an owner is told)

use super::word_list::word_list;

word_list! {
    /// What the owner of an account is told by e-mail.
    OwnerNotice {
        /// A code for a new password, which somebody asked for.
        ResetCode = "reset-code",
        /// A password was set with a code.
        PasswordReset = "password-reset",
        /// The password was changed, or the account got its first one.
        PasswordChanged = "password-changed",
        /// The e-mail address was changed. Said to the old address.
        EmailChanged = "email-changed",
        /// A token was created.
        TokenCreated = "token-created",
        /// A token was used for the first time from another neighbourhood than the one that made it.
        TokenElsewhere = "token-elsewhere",
        /// The account can be entered with one more identity.
        IdentityLinked = "identity-linked",
        /// An identity of the account was taken away.
        IdentityUnlinked = "identity-unlinked",
        /// The account was deleted.
        AccountDeleted = "account-deleted",
    }
}

impl OwnerNotice {
    /// Whether it is about a token, of which a program can make many.
    #[must_use]
    pub fn is_about_token(self) -> bool {
        matches!(
            self,
            OwnerNotice::TokenCreated | OwnerNotice::TokenElsewhere
        )
    }
}
