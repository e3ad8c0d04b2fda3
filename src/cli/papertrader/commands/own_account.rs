//! spec/cli/papertrader/commands.md · 3.1.3, 4.1 (what an owner changes of an account)
//!
//! `account`, `password`, `sessions`, `tokens`: one's own account, and what can act for it.
//!
//! Tests: `tests/suite/client/accounts.rs`.

use super::super::arguments::{
    AccountArgs, AccountCommand, AccountDeleteArgs, AccountEmailArgs, GlobalArgs,
    OwnSessionsCommand, PasswordChangeArgs, SessionsArgs, SessionsEndArgs, TokensArgs,
    TokensCommand, TokensCreateArgs, TokensRevokeArgs,
};
use super::super::password;
use super::super::view::account::{
    AccountChangeView, AccountView, EndedView, NewTokenView, OwnSessionsView, OwnTokensView,
    RevokedTokenView,
};
use super::reset::BY_ADMINISTRATOR;
use super::{CommandError, ReadySession, export, note, show, tell, third_party};
use crate::cli::table::{self, Column};
use crate::client::account::with_password;
use crate::client::store::SessionEnd;
use crate::client::{Client, ClientError, WorkerPool};
use crate::model::session::FRESH_LOGIN_MAX;
use crate::model::{HashedPass, Reason, SessionSelection, Timestamp};
use crate::wire::Refusal;
use crate::wire::payload::{OwnIdentity, OwnSession, OwnSessions, OwnToken, OwnTokens, UserInfo};
use zeroize::Zeroizing;

/// `account` and its commands.
pub fn account(global: &GlobalArgs, args: &AccountArgs) -> Result<(), CommandError> {
    match &args.command {
        None => show_account(global),
        Some(AccountCommand::Email(args)) => change_email(global, args),
        Some(AccountCommand::Export { file }) => export::export(global, file),
        Some(AccountCommand::Delete(args)) => delete(global, args),
        Some(AccountCommand::Link(args)) => third_party::link(global, args),
        Some(AccountCommand::Unlink(args)) => third_party::unlink(global, args),
    }
}

/// Shows one's own account, and how many sessions and tokens can act for it.
fn show_account(global: &GlobalArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let info: UserInfo = session.call(|client| client.user_info(&name))?;
    // A token may not see them.
    let sessions = session
        .call_if_allowed(Client::sessions)?
        .map(|it| it.0.len());
    let tokens = session
        .call_if_allowed(Client::tokens)?
        .map(|it| it.0.len());
    let providers = session
        .call_if_allowed(Client::identities)?
        .map(|all| all.into_iter().map(named).collect::<Vec<String>>());
    let view = AccountView::new(&name, &info, sessions, tokens, providers.clone());
    show(global, &view, || {
        let way = if info.is_password {
            "password"
        } else {
            "third party"
        };
        let mut lines = vec![
            ("account", name.to_string()),
            ("registered", table::utc(info.created)),
            ("signs in by", way.to_owned()),
        ];
        if let Some((email, cash)) = &info.private {
            let email = if email.is_empty() { "none" } else { email };
            lines.push(("email", email.to_owned()));
            lines.push(("cash", table::money(*cash)));
        }
        let count = |number: Option<usize>| number.map(|number| number.to_string());
        lines.extend(count(sessions).map(|number| ("sessions", number)));
        lines.extend(count(tokens).map(|number| ("tokens", number)));
        let providers = providers.filter(|names| !names.is_empty());
        lines.extend(providers.map(|names| ("providers", names.join(", "))));
        table::list(&lines)
    })
}

/// The names of the providers that speak for an identity; its issuer where none does now.
fn named(identity: OwnIdentity) -> String {
    if identity.providers.is_empty() {
        identity.issuer
    } else {
        identity.providers
    }
}

/// Changes the e-mail address, or takes it away.
fn change_email(global: &GlobalArgs, args: &AccountEmailArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let email = args.address.0.as_ref();
    let info: UserInfo = session.call(|client| client.user_info(&name))?;
    let asked = if info.is_password {
        Some(password::ask(&name, args.password.password_stdin)?)
    } else {
        None
    };
    let again = asked.clone();
    session.freshly(
        global,
        || Ok(again),
        |pool| match &asked {
            Some(password) => with_password(&name, password, |pass| {
                pool.call(|client| client.change_email(Some(pass), email))
            }),
            None => pool.call(|client| client.change_email(None, email)),
        },
    )?;
    let view = AccountChangeView {
        account: name.to_string(),
        changed: "email",
    };
    tell(global, &view, || match email {
        Some(email) => format!("The e-mail address of {name} is {} now.\n", email.as_str()),
        None => format!("{name} has no e-mail address now.\n"),
    })
}

/// Deletes the account, once its name was typed.
fn delete(global: &GlobalArgs, args: &AccountDeleteArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let info: UserInfo = session.call(|client| client.user_info(&name))?;
    if !info.is_password {
        session.check_fresh()?;
    }
    if !args.yes {
        password::ask_same_name(&name)?;
    }
    if info.is_password {
        let given = password::ask(&name, args.password.password_stdin)?;
        let deleted = with_password(&name, &given, |pass| {
            session
                .pool
                .call(|client| client.delete_account(Some(pass)))
        });
        deleted.map_err(|error| session.failed_for_password(error))?;
    } else {
        session.freshly(
            global,
            || Ok(None),
            |pool| pool.call(|client| client.delete_account(None)),
        )?;
    }
    session.end(SessionEnd::Deleted)?;
    let view = AccountChangeView {
        account: name.to_string(),
        changed: "deleted",
    };
    tell(global, &view, || {
        format!("The account {name} is deleted. All its sessions and tokens have ended.\n")
    })
}

/// Changes the password, which ends all other sessions.
pub fn change_password(global: &GlobalArgs, args: &PasswordChangeArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let info: UserInfo = session.call(|client| client.user_info(&name))?;
    let from_stdin = args.password.password_stdin;
    let email = info.private.as_ref().map(|(email, _)| email.as_str());
    let old = if info.is_password {
        Some(password::ask(&name, from_stdin)?)
    } else {
        session.check_fresh()?;
        None
    };
    let new = password::ask_new(&name, email, from_stdin, !global.json)?;
    let new = HashedPass::derive(&name, &new);
    let pool = &mut session.pool;
    let changed = match &old {
        Some(old) => with_password(&name, old, |old| pool.change_password(Some(old), &new)),
        None => pool.change_password(None, &new),
    };
    changed.map_err(|error| session.failed_for_password(error))?;
    let view = AccountChangeView {
        account: name.to_string(),
        changed: "password",
    };
    tell(global, &view, || {
        format!(
            "The password of {name} is changed. All its other sessions, and its tokens, have ended.\n"
        )
    })?;
    // The password is changed, whether or not a server of another edition can tell.
    let identities = session.pool.call(Client::identities).unwrap_or_default();
    if !identities.is_empty() && !global.json {
        let names: Vec<String> = identities.into_iter().map(named).collect();
        note(&format!(
            "Third parties can still log in to it: {}. If one is not yours:\n  {} account unlink PROVIDER",
            names.join(", "),
            session.program
        ));
    }
    Ok(())
}

/// `sessions` and its commands.
pub fn sessions(global: &GlobalArgs, args: &SessionsArgs) -> Result<(), CommandError> {
    match &args.command {
        None => list_sessions(global),
        Some(OwnSessionsCommand::End(args)) => end_sessions(global, args),
    }
}

fn list_sessions(global: &GlobalArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let account = session.saved.username.to_string();
    let OwnSessions(sessions) = session.call(Client::sessions)?;
    let view = OwnSessionsView {
        account: account.clone(),
        sessions: sessions.iter().map(Into::into).collect(),
    };
    show(global, &view, || {
        let row = |session: &OwnSession| {
            let mark = if session.is_current { "*" } else { "" };
            vec![
                format!("{}{mark}", session.id),
                table::moment(session.made.at),
                session.method.clone(),
                table::moment(session.used.at),
                session.used.client.clone(),
                session.used.worker.clone(),
                table::moment(session.expiry),
            ]
        };
        let rows: Vec<Vec<String>> = sessions.iter().map(row).collect();
        let columns = [
            Column::text("session", 0),
            Column::text("since (UTC)", 3),
            Column::text("by", 5),
            Column::text("last used (UTC)", 1),
            Column::text("from", 2),
            Column::text("through", 6),
            Column::text("until (UTC)", 4),
        ];
        let table = table::table(&columns, &rows);
        format!("Sessions of {account}; * is the one in use.\n{table}")
    })
}

/// Ends the chosen sessions. Where the one in use is among them, the file notes it.
fn end_sessions(global: &GlobalArgs, args: &SessionsEndArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let account = session.saved.username.to_string();
    let selection = match &args.id {
        Some(selection) => selection.clone(),
        None if args.all => SessionSelection::All,
        None => SessionSelection::Others,
    };
    let own = session.saved.session.hash().short();
    let ended = session.pool.end_sessions(&selection);
    let ended = ended.map_err(|error| session.failed(error))?;
    let is_own = match &selection {
        SessionSelection::All => true,
        SessionSelection::Others => false,
        SessionSelection::Prefix(prefix) => own.starts_with(prefix.as_str()),
    };
    if is_own {
        session.end(SessionEnd::LoggedOut)?;
    }
    let view = EndedView {
        account: account.clone(),
        ended,
    };
    tell(global, &view, || {
        let sessions = if ended == 1 { "session" } else { "sessions" };
        format!("{ended} {sessions} of {account} ended.\n")
    })
}

/// `tokens` and its commands.
pub fn tokens(global: &GlobalArgs, args: &TokensArgs) -> Result<(), CommandError> {
    match &args.command {
        None => list_tokens(global),
        Some(TokensCommand::Create(args)) => create_token(global, args),
        Some(TokensCommand::Revoke(args)) => revoke_token(global, args),
    }
}

fn list_tokens(global: &GlobalArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let account = session.saved.username.to_string();
    let OwnTokens(tokens) = session.call(Client::tokens)?;
    let view = OwnTokensView {
        account: account.clone(),
        tokens: tokens.iter().map(Into::into).collect(),
    };
    show(global, &view, || {
        if tokens.is_empty() {
            return format!("{account} has no tokens.\n");
        }
        let row = |token: &OwnToken| {
            let never = token.used.at == Timestamp(0);
            let or_never = |text: String| if never { table::NONE.to_owned() } else { text };
            vec![
                token.name.to_string(),
                token.scope.to_string(),
                table::moment(token.made.at),
                or_never(table::moment(token.used.at)),
                or_never(token.used.client.clone()),
                or_never(token.used.worker.clone()),
                table::moment(token.expiry),
            ]
        };
        let rows: Vec<Vec<String>> = tokens.iter().map(row).collect();
        let columns = [
            Column::text("token", 0),
            Column::text("scope", 0),
            Column::text("since (UTC)", 4),
            Column::text("last used (UTC)", 1),
            Column::text("from", 2),
            Column::text("through", 5),
            Column::text("until (UTC)", 3),
        ];
        let table = table::table(&columns, &rows);
        format!("Tokens of {account}.\n{table}")
    })
}

/// Makes a token and prints it, alone on standard output.
fn create_token(global: &GlobalArgs, args: &TokensCreateArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let name = session.saved.username.clone();
    let made = session.freshly_asking(global, args.password.password_stdin, |pool| {
        pool.call(|client| client.create_token(&args.name, args.scope, args.days))
    });
    let token = made.map_err(|failure| {
        let revoke = format!("{} tokens revoke {}", session.program, args.name);
        failure.advised(
            Reason::NameInvalid,
            format!("Take another name, or revoke that token first:\n  {revoke}"),
        )
    })?;
    let token = Zeroizing::new(token.expose());
    let view = NewTokenView {
        account: name.to_string(),
        name: args.name.to_string(),
        scope: args.scope.as_str(),
        days: args.days,
        token: &token,
    };
    show(global, &view, || format!("{}\n", *token))?;
    if !global.json {
        note(&format!(
            "The token {} of {name}, of scope {}, for {} days. It is shown this once. A program finds it in \
             PAPERTRADER_TOKEN, or in a file that nobody else can read (chmod 600 FILE), and names its account:\n  \
             {} --user {name} --token-file FILE portfolio",
            args.name, args.scope, args.days, session.program
        ));
    }
    Ok(())
}

fn revoke_token(global: &GlobalArgs, args: &TokensRevokeArgs) -> Result<(), CommandError> {
    let mut session = ReadySession::acting(global)?;
    let account = session.saved.username.to_string();
    let revoked = session.pool.revoke_token(&args.name);
    revoked.map_err(|error| session.failed(error))?;
    let view = RevokedTokenView {
        account: account.clone(),
        revoked: args.name.to_string(),
    };
    tell(global, &view, || {
        format!("The token {} of {account} is revoked.\n", args.name)
    })
}

impl ReadySession {
    /// Runs a call; `None` if the session is a token that does not allow it.
    fn call_if_allowed<T>(
        &mut self,
        call: impl FnMut(&mut Client) -> Result<T, ClientError>,
    ) -> Result<Option<T>, CommandError> {
        match self.pool.call(call) {
            Ok(value) => Ok(Some(value)),
            Err(ClientError::Refused(refusal)) if refusal.reason == Reason::Scope => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// [`ReadySession::freshly`], with the password asked for where the account has one.
    pub(super) fn freshly_asking<T>(
        &mut self,
        global: &GlobalArgs,
        from_stdin: bool,
        call: impl FnMut(&mut WorkerPool) -> Result<T, ClientError>,
    ) -> Result<T, CommandError> {
        let name = self.saved.username.clone();
        let info: UserInfo = self.call(|client| client.user_info(&name))?;
        let ask = || {
            if info.is_password {
                password::ask(&name, from_stdin).map(Some)
            } else {
                Ok(None)
            }
        };
        self.freshly(global, ask, call)
    }

    /// Fails if the account, which has no password, needs a login that is not as old as this one, and
    /// says how: before the person types anything. A call that comes later asks the server all the
    /// same.
    fn check_fresh(&mut self) -> Result<(), CommandError> {
        let Some(OwnSessions(sessions)) = self.call_if_allowed(Client::sessions)? else {
            return Ok(());
        };
        // Both are times of the server, which has noted this use.
        let age = |it: &OwnSession| it.used.at.since(it.made.at);
        let own = sessions.iter().find(|session| session.is_current);
        let age = own.and_then(|own| u128::try_from(age(own)).ok());
        if age.is_some_and(|age| age > FRESH_LOGIN_MAX.as_millis()) {
            return Err(self.failed_for_login(ClientError::Refused(Refusal::login_again())));
        }
        Ok(())
    }

    /// The failure of a call that needs a newer login, where the account has no password: its provider
    /// makes one.
    fn failed_for_login(&mut self, error: ClientError) -> CommandError {
        let providers = self.pool.call(Client::identities).unwrap_or_default();
        let mut names = providers.iter().flat_map(OwnIdentity::provider_names);
        let provider = names.next().unwrap_or("PROVIDER");
        let advice = format!(
            "The account has no password: log in anew with its provider:\n  {} login {} --with {provider}",
            self.program, self.saved.username
        );
        self.failed(error).advised(Reason::LoginAgain, advice)
    }

    /// The failure of a call with a password. Where no mail is sent, a code for another is the
    /// administrator's to give.
    fn failed_for_password(&mut self, error: ClientError) -> CommandError {
        let is_wrong = matches!(&error, ClientError::Refused(refusal) if refusal.reason == Reason::BadCredentials);
        let failure = self.failed(error);
        if !is_wrong {
            return failure;
        }
        // Where the server does not say it, its answer to the request for a code does.
        let info = self.pool.server_info().ok().flatten();
        if info.and_then(|info| info.reset).as_deref() != Some(BY_ADMINISTRATOR) {
            return failure;
        }
        let (name, program) = (&self.saved.username, &self.program);
        let advice = format!(
            "That is not the password of {name}. If it is forgotten, ask the administrator of this server for \
             a code, and set another with it:\n  {program} password reset {name}"
        );
        failure.advised(Reason::BadCredentials, advice)
    }

    /// Runs a call that needs a login of the last minutes. If this one's is older, logs in anew with
    /// the password that `ask` gives, which replaces the session, and runs the call again. Without one
    /// the failure says how to log in.
    fn freshly<T>(
        &mut self,
        global: &GlobalArgs,
        ask: impl FnOnce() -> Result<Option<Zeroizing<String>>, ClientError>,
        mut call: impl FnMut(&mut WorkerPool) -> Result<T, ClientError>,
    ) -> Result<T, CommandError> {
        let refused = match call(&mut self.pool) {
            Err(ClientError::Refused(refusal)) if refusal.reason == Reason::LoginAgain => refusal,
            other => return other.map_err(|error| self.failed_for_password(error)),
        };
        if !global.json {
            note("This needs a login of the last 15 minutes.");
        }
        let Some(password) = ask()? else {
            return Err(self.failed_for_login(ClientError::Refused(refused)));
        };
        let old = self.saved.session.clone();
        let name = self.saved.username.clone();
        let pool = &mut self.pool;
        let login = with_password(&name, &password, |pass| pool.login(&name, pass, false));
        let login = login.map_err(|error| self.failed_for_password(error))?;
        self.saved.session = login.session.clone();
        self.saved.workers = self.pool.workers().to_vec();
        self.store.put(self.saved.clone())?;
        let result = call(&mut self.pool);
        // The new session has taken the old one's place. If this fails it ends by itself.
        self.pool.set_session(Some(old));
        let _ = self.pool.logout();
        self.pool.set_session(Some(login.session));
        result.map_err(|error| self.failed_for_password(error))
    }
}
