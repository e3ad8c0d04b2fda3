//! spec/master/verify.md · 3.1.7 ("log transactions to users profiles"): the ledger is the truth
//!
//! Rebuilds every account from its starting cash and its transactions, and compares the result with
//! the stored one. Reads snapshots of the database, also while a master writes to it, and changes
//! nothing.

mod account;
mod orders;

use super::storage::verify::StoredAccount;
use super::storage::{Reader, Snapshot, StorageError, VersionMismatch};
use super::transactions::entitlement::{Families, InForce, corrected};
use crate::admin::model::Verification;
use crate::admin::protocol::DIFFERENCES_MAX;
use crate::model::{Action, ActionName, Money, Quantity, Symbol};
use account::{Books, DeploymentTotals};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// Why a check gave no result.
#[derive(Debug)]
pub enum VerifyError {
    /// The client that asked has disconnected, or the master is stopping.
    Cancelled,
    /// The database cannot be read.
    Storage(StorageError),
    /// The file is not a database of this version.
    OtherVersion(VersionMismatch),
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VerifyError::Cancelled => f.write_str("the check was broken off"),
            VerifyError::Storage(error) => write!(f, "the database cannot be read: {error}"),
            VerifyError::OtherVersion(mismatch) => mismatch.fmt(f),
        }
    }
}

impl std::error::Error for VerifyError {}

impl From<StorageError> for VerifyError {
    fn from(error: StorageError) -> VerifyError {
        match error {
            StorageError::Interrupted(_) => VerifyError::Cancelled,
            StorageError::OtherVersion(mismatch) => VerifyError::OtherVersion(mismatch),
            error => VerifyError::Storage(error),
        }
    }
}

/// The differences found so far.
#[derive(Debug, Default)]
struct Findings {
    report: Verification,
}

impl Findings {
    fn differs(&mut self, text: impl fmt::Display) {
        if self.report.differences.len() < DIFFERENCES_MAX {
            self.report.differences.push(text.to_string());
        } else {
            self.report.more += 1;
        }
    }

    /// Checks the key of an account's email address, and notes one whose address an older account
    /// has, too.
    fn email_key(&mut self, account: &StoredAccount) {
        let name = &account.username;
        if !account.has_its_email_key() {
            self.differs(format!(
                "{name}: the key of the email address is not its own"
            ));
        }
        if let Some(owner) = &account.twin_of
            && self.report.notes.len() < DIFFERENCES_MAX
        {
            let note = format!(
                "{name} has the email address of {owner}, whose account is older and owns it"
            );
            self.report.notes.push(note);
        }
    }

    /// Records a damaged database as a difference; any other error ends the check.
    fn damage(&mut self, step: Result<(), VerifyError>) -> Result<(), VerifyError> {
        match step {
            Err(VerifyError::Storage(StorageError::Corrupt(error))) => {
                self.differs(format!("the database is damaged: {error}"));
                Ok(())
            }
            other => other,
        }
    }
}

/// The actions of one asset.
#[derive(Debug, Default)]
struct AssetActions {
    /// Their terms, each with its update, in the order of the updates, without those that were in
    /// force before the asset was listed.
    revisions: Vec<(u64, Action)>,
    /// Of these, the updates and names of those that were applied as corrections.
    corrected: HashSet<(u64, ActionName)>,
}

/// The actions of a family of assets.
#[derive(Debug, Default)]
struct FamilyActions {
    /// As those of an asset, of all of them.
    revisions: Vec<(u64, Action)>,
    corrected: HashSet<(u64, ActionName)>,
    /// Updates that brought late ones, corrections or prices of fractions, and what was in force
    /// before and after each.
    changed: BTreeMap<u64, InForce>,
}

impl AssetActions {
    /// Those that holders got on top of what they held, and that have kept their terms.
    fn plain(&self) -> impl Iterator<Item = &(u64, Action)> {
        let has_terms = |id| {
            self.revisions
                .iter()
                .filter(move |(_, other)| other.id == id)
        };
        self.revisions.iter().filter(move |(update, action)| {
            let is_corrected = self.corrected.contains(&(*update, action.name()));
            !is_corrected && has_terms(action.id).count() == 1
        })
    }
}

impl FamilyActions {
    /// Finds what was in force at each change, once all terms are there.
    fn close(&mut self) {
        let mut changed: BTreeMap<u64, HashSet<ActionName>> = BTreeMap::new();
        for (update, action) in &self.revisions {
            if self.corrected.contains(&(*update, action.name())) {
                changed.entry(*update).or_default().insert(action.name());
            }
            if let Some(price) = action.in_lieu.filter(|price| price.update > *update) {
                let names = changed.entry(price.update).or_default();
                names.insert(action.name());
            }
        }
        for (update, names) in changed {
            let in_force = InForce::of(&self.revisions, update, &names);
            self.changed.insert(update, in_force);
        }
    }
}

/// All actions that the database holds.
#[derive(Debug, Default)]
struct StoredActions {
    by_asset: HashMap<Symbol, AssetActions>,
    families: Families,
    /// By the asset that stands for the family.
    by_family: HashMap<Symbol, FamilyActions>,
}

impl StoredActions {
    fn new(actions: Vec<(u64, Action)>) -> StoredActions {
        let targets = actions
            .iter()
            .filter_map(|(_, action)| Some((action.symbol, action.kind.target()?)));
        let mut stored = StoredActions {
            families: Families::of(targets),
            ..StoredActions::default()
        };
        let (mut so_far, mut known) = (Families::default(), HashSet::new());
        for brought in actions.chunk_by(|one, other| one.0 == other.0) {
            let told: Vec<Action> = brought.iter().map(|(_, action)| *action).collect();
            for action in &told {
                if let Some(target) = action.kind.target() {
                    so_far.join(action.symbol, target);
                }
            }
            let Some((update @ 1.., _)) = brought.first().copied() else {
                continue;
            };
            let corrected = corrected(&told, &so_far, |action| known.contains(&action.name()));
            known.extend(told.iter().map(Action::name));
            for action in told {
                let first = stored.families.first(action.symbol);
                let asset = stored.by_asset.entry(action.symbol).or_default();
                asset.revisions.push((update, action));
                let family = stored.by_family.entry(first).or_default();
                family.revisions.push((update, action));
                if corrected.contains(&action.name()) {
                    asset.corrected.insert((update, action.name()));
                    family.corrected.insert((update, action.name()));
                }
            }
        }
        stored.by_family.values_mut().for_each(FamilyActions::close);
        stored
    }

    /// The terms that the actions of an asset have had, each with its update.
    fn revisions(&self, symbol: Symbol) -> &[(u64, Action)] {
        let asset = self.by_asset.get(&symbol);
        asset.map_or(&[], |asset| asset.revisions.as_slice())
    }

    /// The asset that stands for this one's family, if late or corrected actions changed it.
    fn changed_family(&self, symbol: Symbol) -> Option<Symbol> {
        let first = self.families.first(symbol);
        let is_changed = |family: &FamilyActions| !family.changed.is_empty();
        self.by_family.get(&first).filter(|it| is_changed(it))?;
        Some(first)
    }
}

/// Opens a file read-only for a check, without a running master.
///
/// # Errors
/// The file cannot be opened, or is not of exactly this version.
pub fn open(path: &Path) -> Result<Reader, VerifyError> {
    Ok(Reader::open_file(path)?)
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Database,
    /// The rows from this number on that may refer to none.
    References {
        from: i64,
        /// Whether the schema is this version's: of another one nothing more is checked.
        is_ours: bool,
    },
    /// The accounts whose keys are above this one.
    Accounts(i64),
    Orders,
    Done,
}

/// Checks the whole database. Stops when `cancelled` returns true.
///
/// # Errors
/// The check was cancelled, or the database cannot be read. A damaged database is a difference, not
/// an error.
pub fn check(
    reader: &mut Reader,
    cancelled: &dyn Fn() -> bool,
) -> Result<Verification, VerifyError> {
    let time = reader.snapshot_time();
    check_in_slices(reader, time, cancelled)
}

/// As [`check`], of one moment of the database.
///
/// # Errors
/// As [`check`].
pub fn check_moment(
    moment: &mut Snapshot<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Verification, VerifyError> {
    let mut course = CheckCourse::begin();
    course.go_on(moment, None, cancelled)?;
    Ok(course.report())
}

/// Checks with a new snapshot after each `time`; `None`: with one.
fn check_in_slices(
    reader: &mut Reader,
    time: Option<Duration>,
    cancelled: &dyn Fn() -> bool,
) -> Result<Verification, VerifyError> {
    let mut course = CheckCourse::begin();
    while course.step != Step::Done {
        course.go_on(&mut reader.snapshot()?, time, cancelled)?;
    }
    Ok(course.report())
}

/// A check that may take several snapshots.
struct CheckCourse {
    began: Instant,
    step: Step,
    findings: Findings,
    totals: DeploymentTotals,
}

impl CheckCourse {
    fn begin() -> CheckCourse {
        CheckCourse {
            began: Instant::now(),
            step: Step::Database,
            findings: Findings::default(),
            totals: DeploymentTotals::default(),
        }
    }

    /// Goes on for this time in one snapshot; `None`: to the end.
    fn go_on(
        &mut self,
        moment: &mut Snapshot<'_>,
        time: Option<Duration>,
        cancelled: &dyn Fn() -> bool,
    ) -> Result<(), VerifyError> {
        // All that is read until it is time see the snapshot of the first read.
        let opened = Instant::now();
        let is_time = || time.is_some_and(|time| opened.elapsed() >= time);
        let findings = &mut self.findings;
        while self.step != Step::Done {
            self.step = match self.step {
                Step::Database => database(moment, findings)?,
                Step::References { from, is_ours } => references(moment, findings, from, is_ours)?,
                Step::Accounts(last) => {
                    let slice = Slice {
                        last,
                        is_time: &is_time,
                        cancelled,
                    };
                    let checked = slice.accounts(moment, findings, &mut self.totals);
                    match checked {
                        Ok(next) => next,
                        Err(error) => {
                            findings.damage(Err(error))?;
                            Step::Orders
                        }
                    }
                }
                Step::Orders => {
                    let checked = orders::check(moment, findings, cancelled);
                    findings.damage(checked)?;
                    Step::Done
                }
                Step::Done => Step::Done,
            };
            if self.step == Step::Done {
                let report = &mut findings.report;
                report.database_bytes = moment.database_bytes().unwrap_or_default();
                report.free_bytes = moment.disk_space().map(|space| space.free);
            } else if time.is_some() && (self.step == Step::Orders || is_time()) {
                break;
            }
        }
        Ok(())
    }

    fn report(self) -> Verification {
        let mut report = self.findings.report;
        report.took_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        report
    }
}

/// Checks what the database says of itself.
fn database(moment: &mut Snapshot<'_>, findings: &mut Findings) -> Result<Step, VerifyError> {
    let declared = moment.schema_differences(|text| findings.differs(text));
    findings.damage(declared.map_err(VerifyError::from))?;
    // What another schema means by its rows is unknown.
    let is_ours = findings.report.is_clean();
    let complained = moment.integrity_errors(|text| findings.differs(text));
    findings.damage(complained.map_err(VerifyError::from))?;
    Ok(Step::References { from: 0, is_ours })
}

/// Checks rows that refer to others.
fn references(
    moment: &mut Snapshot<'_>,
    findings: &mut Findings,
    from: i64,
    is_ours: bool,
) -> Result<Step, VerifyError> {
    let mut next = None;
    let dangling = moment.dangling_rows(from, |text| findings.differs(text));
    let dangling = dangling.map(|behind| next = behind);
    findings.damage(dangling.map_err(VerifyError::from))?;
    if let Some(from) = next {
        return Ok(Step::References { from, is_ours });
    }
    if !is_ours {
        return Ok(Step::Done);
    }
    let dated = date(moment, &mut findings.report);
    findings.damage(dated)?;
    Ok(Step::Accounts(i64::MIN))
}

/// Says of which moment the database is.
fn date(moment: &mut Snapshot<'_>, report: &mut Verification) -> Result<(), VerifyError> {
    report.schema = Some(moment.migrations_had()?);
    report.newest_transaction = moment.newest_transaction()?.map(|time| time.to_string());
    let position = moment.update_position()?;
    report.update = position.number;
    report.update_time = position.time.map(|time| time.to_string());
    Ok(())
}

/// Accounts that are checked with one snapshot. What an account's rows must add up to depends on the
/// actions that the same snapshot has.
struct Slice<'a> {
    /// The key of the last account before them.
    last: i64,
    is_time: &'a dyn Fn() -> bool,
    cancelled: &'a dyn Fn() -> bool,
}

impl Slice<'_> {
    /// Checks accounts until it is time; returns what follows.
    fn accounts(
        &self,
        moment: &mut Snapshot<'_>,
        findings: &mut Findings,
        totals: &mut DeploymentTotals,
    ) -> Result<Step, VerifyError> {
        let actions = StoredActions::new(moment.stored_actions()?);
        let schedules = moment.fee_schedules()?;
        let applied = moment.actions_applied()?;
        let mut books = Books::new(&actions, &schedules, applied, totals);
        let mut last = self.last;
        loop {
            let page = moment.accounts_after(last)?;
            if page.is_empty() {
                totals.close(findings);
                return Ok(Step::Orders);
            }
            for holder in &page {
                if (self.cancelled)() {
                    return Err(VerifyError::Cancelled);
                }
                findings.email_key(holder);
                books.check(moment, holder, findings, self.cancelled)?;
                last = holder.account;
                if (self.is_time)() {
                    return Ok(Step::Accounts(last));
                }
            }
        }
    }
}

/// A position as text for people.
fn position(units: Quantity, cost: Money) -> String {
    format!("{units} units that cost {cost}")
}

#[cfg(test)]
mod tests;
