//! spec/master/auth.md · 3.1.3, 4.1 (basic error handling)
//!
//! `impl Auth`: accounts with one-time codes for the people in a roster, all in one commit.

use super::Auth;
use super::accounts::hidden_email;
use crate::admin::roster::{ROSTER_MAX, RosterFault};
use crate::master::mail::draw_code;
use crate::master::messages::{AccountEvent, ImportedRoster, PrintedCode, RosterImport};
use crate::master::storage::accounts::{NameConflict, NewAccount};
use crate::master::storage::{Snapshot, StorageError};
use crate::model::{AccountId, Email, Timestamp, Username};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use uuid::Uuid;

/// Somebody whose row is right.
struct RosterPerson {
    username: Username,
    email: Option<Email>,
    /// The account that a roster made before; `None`: it is to be made.
    account: Option<AccountId>,
}

impl Auth {
    /// Makes an account without a password, and a code for it, for each row of a roster; all of
    /// them in one commit, or none. Whoever has an account of an earlier roster, and has not used its
    /// code, gets a new code where that is wanted.
    ///
    /// # Errors
    /// The roster is too long, there are no random bytes, or the database fails. A sentence for the
    /// administrator.
    pub(super) fn import(&mut self, import: &RosterImport) -> Result<ImportedRoster, String> {
        if import.rows.len() > ROSTER_MAX {
            return Err(format!("a roster has at most {ROSTER_MAX} people"));
        }
        // Registrations of this turn are to be found.
        self.commit();
        let failed = |error: StorageError| format!("the database failed: {error}");
        let checked = self.storage.read(|snapshot| check(snapshot, import));
        let people = match checked.map_err(failed)? {
            Ok(people) => people,
            Err(faults) => return Ok(ImportedRoster::Faults(faults)),
        };
        if import.is_check {
            return Ok(ImportedRoster::Made(Vec::new()));
        }
        let now = Timestamp::now();
        let until = now.after(import.valid);
        let mut made = Vec::with_capacity(people.len());
        for person in &people {
            made.push(PrintedCode {
                username: person.username.clone(),
                code: draw_code().map_err(|error| format!("no random bytes: {error}"))?,
                until,
            });
        }
        let starting_cash = self.starting_cash;
        let known = people.iter().filter(|it| it.account.is_some()).count();
        let stored = self.storage.write(|tx| {
            for (person, printed) in people.into_iter().zip(&made) {
                let new = || NewAccount {
                    username: person.username,
                    email: person.email,
                    pass_hash: None,
                    created: now,
                    starting_cash,
                    // No worker has the nil UUID, so no link message is taken for this one.
                    worker: Uuid::nil(),
                    boot: Uuid::nil(),
                    sequence: 0,
                    near: Neighbourhood::of(Ipv4Addr::LOCALHOST.into()),
                };
                let account = match person.account {
                    Some(account) => account,
                    None => tx.insert_account(&new())?,
                };
                tx.store_printed_code(account, &printed.code.hash(), (now, until))?;
            }
            Ok(())
        });
        stored.map_err(failed)?;
        let new = made.len().saturating_sub(known);
        self.count(AccountEvent::Registration, new);
        Ok(ImportedRoster::Made(made))
    }
}

/// Checks all rows: their form, against each other, and against the accounts that are there.
fn check(
    snapshot: &mut Snapshot<'_>,
    import: &RosterImport,
) -> Result<Result<Vec<RosterPerson>, Vec<RosterFault>>, StorageError> {
    let rows = &import.rows;
    let mut people = Vec::with_capacity(rows.len());
    let mut faults = Vec::new();
    let (mut names, mut emails) = (HashMap::new(), HashMap::new());
    for row in rows {
        let mut fault = |text: String| {
            faults.push(RosterFault {
                line: row.line,
                text,
            });
        };
        let username = Username::parse(&row.username).map_err(|e| fault(e.to_string()));
        let email = row.email.as_deref().map(Email::parse).transpose();
        let email = email.map_err(|e| fault(e.to_string()));
        if let Ok(name) = &username
            && let Some(line) = names.insert(name.key(), row.line)
        {
            fault(format!("the username {name} is that of line {line}, too"));
        }
        if let Ok(Some(email)) = &email {
            if let Some(refusal) = hidden_email(email) {
                fault(refusal.text);
            }
            if let Some(line) = emails.insert(email.key(), row.line) {
                fault(format!("this e-mail address is that of line {line}, too"));
            }
        }
        let (Ok(username), Ok(email)) = (username, email) else {
            continue;
        };
        let account = match account_of(snapshot, &username, email.as_ref(), import.is_again)? {
            Ok(account) => account,
            Err(text) => {
                fault(text);
                None
            }
        };
        if let Some(email) = &email
            && let owner @ Some(_) = snapshot.email_owner(email)?
            && owner != account
        {
            fault("another account has this e-mail address".to_owned());
        }
        people.push(RosterPerson {
            username,
            email,
            account,
        });
    }
    Ok(if faults.is_empty() {
        Ok(people)
    } else {
        Err(faults)
    })
}

/// The account with this name that gets a new code; `None`: the name is free. The error is the fault
/// of the row.
fn account_of(
    snapshot: &mut Snapshot<'_>,
    username: &Username,
    email: Option<&Email>,
    is_again: bool,
) -> Result<Result<Option<AccountId>, String>, StorageError> {
    if snapshot.name_conflict(username, None)? != NameConflict::Username {
        return Ok(Ok(None));
    }
    let taken = format!("there is an account {username} already");
    Ok(match snapshot.unused_roster_account(username)? {
        None if is_again => Err(format!(
            "{taken}, and its owner has entered it, or it is locked"
        )),
        None => Err(taken),
        Some(_) if !is_again => Err(format!(
            "{taken}, whose code nobody has used; --again makes a new one"
        )),
        Some((_, key)) if key != email.map(Email::key) => {
            Err(format!("{taken}, with another e-mail address"))
        }
        Some((account, _)) => Ok(Some(account)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::roster::RosterRow;
    use crate::master::messages::AuthMessage;
    use crate::master::testing::{MasterRig, login, pass, reason};
    use crate::model::Reason;
    use crate::runtime::Module;
    use crate::wire::{Reply, Request};
    use crossbeam_channel::bounded;
    use std::time::Duration;

    fn import(
        rig: &mut MasterRig,
        rows: &[(&str, Option<&str>)],
        is_check: bool,
    ) -> ImportedRoster {
        import_as(rig, rows, is_check, false)
    }

    fn import_as(
        rig: &mut MasterRig,
        rows: &[(&str, Option<&str>)],
        is_check: bool,
        is_again: bool,
    ) -> ImportedRoster {
        let row = |(line, (username, email)): (u64, &(&str, Option<&str>))| RosterRow {
            line,
            username: (*username).to_owned(),
            email: email.map(str::to_owned),
        };
        let import = RosterImport {
            rows: (2..).zip(rows).map(row).collect(),
            valid: Duration::from_secs(60),
            is_check,
            is_again,
        };
        let (sender, answer) = bounded(1);
        rig.auth.on_message(AuthMessage::Import(import, sender));
        answer.try_recv().unwrap().unwrap()
    }

    #[test]
    fn each_fault_of_a_roster_has_its_line_and_nothing_is_made() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        rig.user(&mut link, "Alice");
        let rows = [
            ("bob", None),
            ("aLICE", None),
            ("b b", Some("nonsense")),
            ("BOB", Some("bob@example.org")),
            ("carol", Some("Alice@example.org")),
            ("dave", Some("BOB@example.org")),
            ("erin", Some("e\u{200b}rin@example.org")),
        ];
        let ImportedRoster::Faults(faults) = import(&mut rig, &rows, false) else {
            panic!("it was made");
        };
        let lines: Vec<u64> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3, 4, 4, 5, 6, 7, 8], "{faults:?}");
        assert!(faults[3].text.contains("line 2"), "{faults:?}");
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 1);
    }

    #[test]
    fn whoever_never_used_a_code_gets_a_new_one_again() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        rig.user(&mut link, "zoe");
        let rows = [("bob", None), ("Carol", Some("carol@example.org"))];
        let ImportedRoster::Made(lost) = import(&mut rig, &rows, false) else {
            panic!("it has no fault");
        };
        let faults = |made| match made {
            ImportedRoster::Faults(faults) => faults,
            ImportedRoster::Made(_) => panic!("it was made"),
        };
        let told = faults(import(&mut rig, &rows, false));
        let advised = told.iter().filter(|fault| fault.text.contains("--again"));
        assert_eq!(advised.count(), 2, "{told:?}");
        let more = [rows[0], ("carol", rows[1].1), ("dave", None)];
        let ImportedRoster::Made(made) = import_as(&mut rig, &more, false, true) else {
            panic!("it has no fault");
        };
        assert_eq!(made.len(), 3);
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 4);
        assert_eq!(rig.auth.events[&AccountEvent::Registration], 4);
        let reset = |code: &PrintedCode| Request::ResetPassword {
            username: code.username.clone(),
            code: code.code.clone(),
            new: pass(code.username.as_str()),
        };
        let refused = rig.ask(&mut link, reset(&lost[0]));
        assert_eq!(reason(&refused), Reason::CodeInvalid);
        assert_eq!(
            rig.ask(&mut link, reset(&made[0])),
            Reply::AccountSuccess(None)
        );
        // Who has entered an account, or never had a card, gets none by the way.
        let rest = [
            ("bob", None),
            ("zoe", None),
            ("carol", Some("other@example.org")),
        ];
        let told = faults(import_as(&mut rig, &rest, false, true));
        let lines: Vec<u64> = told.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 4], "{told:?}");
    }

    #[test]
    fn a_code_opens_the_account_that_was_made_for_it() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        let rows = [("bob", None), ("carol", Some("carol@example.org"))];
        assert!(
            matches!(import(&mut rig, &rows, true), ImportedRoster::Made(made) if made.is_empty())
        );
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 0);
        let ImportedRoster::Made(made) = import(&mut rig, &rows, false) else {
            panic!("it has no fault");
        };
        assert_eq!(made.len(), 2);
        let refused = rig.ask(&mut link, login("bob", false));
        assert_eq!(reason(&refused), Reason::BadCredentials);
        let reset = Request::ResetPassword {
            username: made[0].username.clone(),
            code: made[0].code.clone(),
            new: pass("bob"),
        };
        assert_eq!(rig.ask(&mut link, reset), Reply::AccountSuccess(None));
        let reply = rig.ask(&mut link, login("bob", false));
        assert!(matches!(reply, Reply::Session { .. }), "{reply:?}");
    }
}
