//! spec/master/auth.md · 3.1.3, 4.1 (basic error handling)
//!
//! `impl Auth`: accounts with one-time codes for the people in a roster, all in one commit.

use super::Auth;
use super::accounts::hidden_email;
use crate::admin::roster::{ROSTER_MAX, RosterFault, RosterPass, RosterRow};
use crate::master::mail::draw_code;
use crate::master::messages::{AccountEvent, ImportedRoster, PrintedCode, RosterImport};
use crate::master::storage::accounts::{NameConflict, NewAccount};
use crate::master::storage::acts::{AccountAct, ActKind};
use crate::master::storage::{Snapshot, StorageError};
use crate::model::{AccountId, Email, Timestamp, Username};
use crate::runtime::neighbourhood::Neighbourhood;
use std::collections::HashMap;
use std::net::Ipv4Addr;
use uuid::Uuid;

/// What the rows of a roster come to.
#[derive(Default)]
struct CheckedRoster {
    people: Vec<RosterPerson>,
    /// Rows of people who have entered their accounts, and get nothing.
    passed: Vec<RosterPass>,
    faults: Vec<RosterFault>,
}

/// Which account the name of a row has.
enum NamedAccount {
    /// None: the name is free.
    Free,
    /// One that a roster made before, and that nobody has entered: it gets a new code.
    Unentered(AccountId),
    /// One that a roster made before, and that its owner has entered: the row is passed over.
    Entered,
    /// One that the row cannot mean.
    Fault(String),
}

/// Somebody whose row is right.
struct RosterPerson {
    username: Username,
    email: Option<Email>,
    /// The account that a roster made before; `None`: it is to be made.
    account: Option<AccountId>,
}

impl Auth {
    /// Makes an account without a password, and a code for it, for each row of a roster; all of
    /// them in one commit, or none. Whoever has an account of an earlier roster gets a new code where
    /// that is wanted, and is passed over once the account is entered.
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
        let CheckedRoster {
            people,
            passed,
            faults,
        } = checked.map_err(failed)?;
        if !faults.is_empty() {
            return Ok(ImportedRoster::Faults(faults));
        }
        if import.is_check {
            return Ok(ImportedRoster::Made(Vec::new(), passed));
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
                let (account, made) = match person.account {
                    Some(account) => (account, ""),
                    None => (tx.insert_account(&new())?, "account made; "),
                };
                tx.store_printed_code(account, &printed.code.hash(), (now, until))?;
                let detail = format!("{made}code valid until {until}");
                let act = AccountAct::now(ActKind::Import, &import.caller, detail);
                tx.insert_access_act(account, &act)?;
            }
            Ok(())
        });
        stored.map_err(failed)?;
        let new = made.len().saturating_sub(known);
        self.count(AccountEvent::Registration, new);
        Ok(ImportedRoster::Made(made, passed))
    }
}

/// Checks all rows: their form, against each other, and against the accounts that are there.
fn check(
    snapshot: &mut Snapshot<'_>,
    import: &RosterImport,
) -> Result<CheckedRoster, StorageError> {
    let mut checked = CheckedRoster::default();
    let (mut names, mut emails) = (HashMap::new(), HashMap::new());
    for row in &import.rows {
        let mut fault = |text: String| {
            checked.faults.push(RosterFault {
                line: row.line,
                text,
            });
        };
        let username = Username::parse(&row.username);
        let username = username.map_err(|e| fault(format!("{:?}: {e}", row.username)));
        let written = row.email.as_deref().unwrap_or_default();
        let email = row.email.as_deref().map(Email::parse).transpose();
        let email = email.map_err(|e| fault(format!("{written:?}: {e}")));
        if let Ok(name) = &username
            && let Some(line) = names.insert(name.key(), row.line)
        {
            fault(format!("the username {name} is that of line {line}, too"));
        }
        if let Ok(Some(email)) = &email {
            if let Some(refusal) = hidden_email(email) {
                fault(format!("{written:?}: {}", refusal.text));
            }
            if let Some(line) = emails.insert(email.key(), row.line) {
                fault(format!(
                    "the e-mail address {written:?} is that of line {line}, too"
                ));
            }
        }
        if let (Ok(username), Ok(email)) = (username, email) {
            compare(
                snapshot,
                &mut checked,
                row,
                (username, email),
                import.is_again,
            )?;
        }
    }
    Ok(checked)
}

/// Compares a row whose form is right with the accounts that are there.
fn compare(
    snapshot: &mut Snapshot<'_>,
    checked: &mut CheckedRoster,
    row: &RosterRow,
    (username, email): (Username, Option<Email>),
    is_again: bool,
) -> Result<(), StorageError> {
    let mut fault = |text: String| {
        checked.faults.push(RosterFault {
            line: row.line,
            text,
        });
    };
    let account = match named_account(snapshot, &username, email.as_ref(), is_again)? {
        NamedAccount::Free => None,
        NamedAccount::Unentered(account) => Some(account),
        NamedAccount::Entered => {
            checked.passed.push(RosterPass {
                line: row.line,
                user: username.to_string(),
            });
            return Ok(());
        }
        NamedAccount::Fault(text) => {
            fault(text);
            // An address of this very account is no fault of its own.
            let named = snapshot.account_row(&username.key())?;
            named.map(|named| named.account)
        }
    };
    if let Some(email) = &email
        && let owner @ Some(_) = snapshot.email_owner(email)?
        && owner != account
    {
        let address = email.as_str();
        fault(format!(
            "another account has the e-mail address {address:?}"
        ));
    }
    checked.people.push(RosterPerson {
        username,
        email,
        account,
    });
    Ok(())
}

/// Which account this name has, for a row with this address.
fn named_account(
    snapshot: &mut Snapshot<'_>,
    username: &Username,
    email: Option<&Email>,
    is_again: bool,
) -> Result<NamedAccount, StorageError> {
    if snapshot.name_conflict(username, None)? != NameConflict::Username {
        return Ok(NamedAccount::Free);
    }
    let taken = format!("there is an account {username} already");
    Ok(match snapshot.roster_account(username)? {
        None => NamedAccount::Fault(format!("{taken}, which no roster made")),
        Some(found) if found.is_locked => NamedAccount::Fault(format!("{taken}, and it is locked")),
        Some(found) if found.is_entered && is_again => NamedAccount::Entered,
        Some(found) if found.is_entered => NamedAccount::Fault(format!(
            "{taken}, and its owner has entered it; --again passes it over"
        )),
        Some(_) if !is_again => NamedAccount::Fault(format!(
            "{taken}, whose code nobody has used; --again makes a new one"
        )),
        Some(found) if found.email_key != email.map(Email::key) => {
            NamedAccount::Fault(format!("{taken}, with another e-mail address"))
        }
        Some(found) => NamedAccount::Unentered(found.account),
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
            caller: "user root (0)".to_owned(),
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
        // Whoever reads a fault sees what was written.
        let quoted = ["\"b b\"", "\"nonsense\"", "BOB", "Alice@example.org"];
        let quoted = quoted.iter().chain(&["BOB@example.org", "e\\u{200b}rin"]);
        for (fault, quoted) in faults[1..].iter().zip(quoted) {
            assert!(fault.text.contains(quoted), "{quoted}: {fault:?}");
        }
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 1);
    }

    #[test]
    fn whoever_never_used_a_code_gets_a_new_one_again() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        rig.user(&mut link, "zoe");
        let rows = [("bob", None), ("Carol", Some("carol@example.org"))];
        let ImportedRoster::Made(lost, _) = import(&mut rig, &rows, false) else {
            panic!("it has no fault");
        };
        let faults = |made| match made {
            ImportedRoster::Faults(faults) => faults,
            ImportedRoster::Made(..) => panic!("it was made"),
        };
        let told = faults(import(&mut rig, &rows, false));
        let advised = told.iter().filter(|fault| fault.text.contains("--again"));
        assert_eq!(advised.count(), 2, "{told:?}");
        assert_eq!(
            told.len(),
            2,
            "the address is that of this very account: {told:?}"
        );
        let more = [rows[0], ("carol", rows[1].1), ("dave", None)];
        let ImportedRoster::Made(made, _) = import_as(&mut rig, &more, false, true) else {
            panic!("it has no fault");
        };
        assert_eq!(made.len(), 3);
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 4);
        assert_eq!(
            rig.auth.events[&AccountEvent::Registration],
            3,
            "those of rosters"
        );
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
        let acts = |name: &str| {
            let sql =
                "SELECT group_concat(act || ' ' || caller || ' ' || substr(detail, 1, 14), '|'
                           ORDER BY number) FROM acts JOIN accounts USING (account)
                       WHERE username_key = ";
            rig.engine
                .reader()
                .snapshot()
                .unwrap()
                .text(&format!("{sql} '{name}'"))
        };
        let made_and_again =
            "import user root (0) account made; |import user root (0) code valid unt";
        assert_eq!(acts("carol"), made_and_again);
        assert_eq!(acts("dave"), "import user root (0) account made; ");
        // Who registered came through a worker.
        rig.engine
            .execute("UPDATE accounts SET worker = randomblob(16) WHERE username_key = 'zoe'");
        // Who never had a card, or has one of another address, gets none by the way.
        let rest = [
            ("bob", None),
            ("zoe", None),
            ("carol", Some("other@example.org")),
        ];
        let told = faults(import_as(&mut rig, &rest, false, true));
        let lines: Vec<u64> = told.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [3, 4], "{told:?}");
        // Who has entered keeps the account, also with an address that the roster does not have.
        let class = [
            ("Bob", Some("bob@example.org")),
            ("dave", None),
            ("erin", None),
        ];
        let ImportedRoster::Made(renewed, passed) = import_as(&mut rig, &class, false, true) else {
            panic!("it has no fault");
        };
        let renewed: Vec<&str> = renewed.iter().map(|it| it.username.as_str()).collect();
        assert_eq!(renewed, ["dave", "erin"]);
        assert_eq!((passed.len(), passed[0].line), (1, 2), "{passed:?}");
        assert!(matches!(
            rig.ask(&mut link, login("bob", false)),
            Reply::Session { .. }
        ));
        let without = faults(import(&mut rig, &class[..1], false));
        assert!(without[0].text.contains("has entered"), "{without:?}");
        rig.engine
            .execute("UPDATE accounts SET state = 1 WHERE username_key IN ('bob', 'dave')");
        let locked = faults(import_as(&mut rig, &class, false, true));
        let told: Vec<bool> = locked.iter().map(|it| it.text.contains("locked")).collect();
        assert_eq!(told, [true, true], "{locked:?}");
    }

    #[test]
    fn a_code_opens_the_account_that_was_made_for_it() {
        let mut rig = MasterRig::new();
        let mut link = rig.link("eu1");
        let rows = [("bob", None), ("carol", Some("carol@example.org"))];
        assert!(
            matches!(import(&mut rig, &rows, true), ImportedRoster::Made(made, _) if made.is_empty())
        );
        assert_eq!(rig.engine.number("SELECT count(*) FROM accounts"), 0);
        let ImportedRoster::Made(made, _) = import(&mut rig, &rows, false) else {
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
