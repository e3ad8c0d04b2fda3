//! spec/dialogue/requirements.md · 4 The Protocol
//!
//! Which dialogues show which requirements. A rule is shown by the lines behind a `rule` line that
//! names it; an answer or a reason of the table by a line that expects it for its request.

use super::{failure_id, success_id};
use crate::dialogue::message;
use crate::dialogue::raw;
use crate::dialogue::requirements;
use crate::dialogue::script::{ConnectionNumber, Script, StepAction};
use crate::wire::instruction::{InstructionRow, TABLE};
use crate::wire::{Direction, FrameHeader};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The requirements that no dialogue shows, but a test, each with its file and name: a dialogue has
/// no provider of identities, no administrator and no broken database.
pub const BY_TESTS: &[(&str, &str)] = &[
    (
        "account-queries/overloaded",
        "src/master/auth/requests/tests.rs::what_finds_no_room_in_its_module_is_refused_at_once",
    ),
    (
        "awaitThirdParty/sessionID",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "awaitThirdParty/thirdPartyPending",
        "tests/suite/master/third_party.rs::a_device_flow_is_asked_about_as_slowly_as_the_provider_says",
    ),
    (
        "awaitThirdParty/thirdPartyUnknown",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "beginThirdParty/thirdPartyStarted",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "changeEmail/login-again",
        "src/master/auth/accounts/tests.rs::an_address_is_changed_after_a_fresh_login_alone",
    ),
    (
        "changePassword/login-again",
        "src/master/auth/accounts/tests.rs::who_has_no_password_gets_one_after_a_fresh_login",
    ),
    (
        "createToken/login-again",
        "src/master/auth/tokens/tests.rs::a_token_s_name_is_its_account_s_alone_and_its_maker_has_logged_in_lately",
    ),
    (
        "deleteAccount/login-again",
        "src/master/auth/deletion/tests.rs::an_account_without_a_password_is_deleted_after_a_fresh_login_alone",
    ),
    (
        "linkThirdParty/accountSuccess",
        "tests/suite/master/third_party_accounts.rs::an_identity_is_linked_to_one_account",
    ),
    (
        "linkThirdParty/identity-taken",
        "tests/suite/master/third_party_accounts.rs::an_identity_is_linked_to_one_account",
    ),
    (
        "login/account-locked",
        "tests/suite/master/accounts.rs::accounts_are_listed_shown_locked_and_unlocked",
    ),
    (
        "login/third-party-login",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "orders/internal-error",
        "src/master/transactions/accept/tests.rs::an_order_that_could_not_be_stored_holds_no_place",
    ),
    (
        "registerThirdParty/identity-taken",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "registerThirdParty/sessionID",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "resetPassword/account-locked",
        "src/master/auth/codes/tests.rs::that_an_account_is_locked_is_told_to_the_right_code_alone",
    ),
    (
        "tunnel/internal-error",
        "src/master/auth/login/tests.rs::a_login_without_a_database_is_refused_and_counts_no_attempt",
    ),
    (
        "tunnel/overloaded",
        "src/master/auth/login/tests.rs::a_full_hashing_pool_refuses_and_counts_no_attempt",
    ),
    (
        "unlinkThirdParty/accountSuccess",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "unlinkThirdParty/third-party-login",
        "tests/suite/master/third_party_accounts.rs::a_person_makes_an_account_trades_and_adds_a_password",
    ),
    (
        "awaitThirdParty/account-locked",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "completeThirdParty/account-locked",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "completeThirdParty/thirdPartyUnknown",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "registerThirdParty/account-locked",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "registerThirdParty/email-taken",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "registerThirdParty/username-taken",
        "src/master/auth/third_parties/tests.rs::a_person_is_refused_what_others_have_and_told_that_the_account_is_locked",
    ),
    (
        "resetPassword/accountSuccess",
        "tests/suite/master/mail.rs::a_forgotten_password_is_reset_by_mail_and_every_session_is_dead_within_a_second",
    ),
];

/// The requirements that neither a dialogue nor a test shows by name, each with the reason.
pub const NOT_SHOWN: &[(&str, &str)] = &[
    (
        "cache/internal-error",
        "only a database that fails brings it",
    ),
    (
        "account-queries/internal-error",
        "only a database that fails brings it",
    ),
    (
        "awaitThirdParty/bad-credentials",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "awaitThirdParty/provider-unavailable",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "beginThirdParty/too-many-attempts",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    ("cache/overloaded", "only a crowd fills the queue"),
    (
        "completeThirdParty/bad-credentials",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "completeThirdParty/provider-unavailable",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "completeThirdParty/sessionID",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "completeThirdParty/thirdPartyPending",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "deleteAccount/too-many-attempts",
        "the limit is that of login, whose dialogue shows it",
    ),
    (
        "linkThirdParty/bad-credentials",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "linkThirdParty/login-again",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "linkThirdParty/provider-unavailable",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "registerThirdParty/bad-credentials",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "registerThirdParty/provider-unavailable",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    (
        "registerThirdParty/too-many-attempts",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
    ("state/overloaded", "only a crowd fills the queue"),
    (
        "unlinkThirdParty/login-again",
        "only a provider of identities brings it, at a moment that no dialogue can choose",
    ),
];

/// A requirement, and what shows it.
#[derive(Debug, Clone, Serialize)]
pub struct ShownRequirement {
    pub id: String,
    /// The specification's section.
    pub section: String,
    pub sentence: String,
    /// The edition of the protocol that brought it.
    pub edition: u8,
    /// The names of the dialogues that show it.
    pub dialogues: Vec<String>,
    /// A test that shows it, where no dialogue does.
    pub test: Option<&'static str>,
    /// The reason why neither a dialogue nor a test shows it.
    pub why: Option<&'static str>,
}

/// All requirements, the rules first, each with what shows it.
pub fn all(scripts: &[Script]) -> Vec<ShownRequirement> {
    let shown = shown(scripts);
    let listed = |list: &[(&str, &'static str)], id: &str| {
        let found = list.iter().find(|(listed, _)| *listed == id);
        found.map(|(_, text)| *text)
    };
    requirements::all()
        .into_iter()
        .map(|one| ShownRequirement {
            dialogues: shown.get(&one.id).into_iter().flatten().cloned().collect(),
            test: listed(BY_TESTS, &one.id),
            why: listed(NOT_SHOWN, &one.id),
            id: one.id,
            section: one.section,
            sentence: one.sentence,
            edition: one.edition,
        })
        .collect()
}

/// The names of the dialogues that show a requirement, by its ID.
pub fn shown(scripts: &[Script]) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for script in scripts {
        for id in of_script(script) {
            all.entry(id).or_default().insert(script.name.clone());
        }
    }
    all
}

/// The IDs of the requirements that a dialogue shows.
pub fn of_script(script: &Script) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    let mut connections: BTreeMap<ConnectionNumber, Conversation> = BTreeMap::new();
    for step in &script.steps {
        shown.extend(step.rules.iter().cloned());
        let Some(number) = step.action.connection() else {
            continue;
        };
        let conversation = connections.entry(number).or_default();
        match &step.action {
            StepAction::Connect(..) => *conversation = Conversation::default(),
            StepAction::Send(_, words) => conversation.sent(&message::encode(words)),
            // How long a value in braces is, the run alone knows.
            StepAction::Raw(_, words) if words.iter().any(|word| word.contains('{')) => {}
            StepAction::Raw(_, words) => conversation.sent(&raw::bytes(words)),
            StepAction::Expect(_, words) => shown.extend(conversation.expected(words)),
            StepAction::Await(_, request, words) => {
                conversation.sent(&message::encode(request));
                shown.extend(conversation.expected(words));
            }
            _ => {}
        }
    }
    shown
}

/// One connection: the bytes of a message that is not whole, and requests without an answer.
#[derive(Default)]
struct Conversation {
    bytes: Vec<u8>,
    waiting: VecDeque<&'static InstructionRow>,
}

impl Conversation {
    /// Takes what a line sends.
    fn sent(&mut self, bytes: &Result<Vec<u8>, String>) {
        self.bytes.extend(bytes.as_ref().into_iter().flatten());
        while let Some((header, data)) = self.bytes.split_first_chunk() {
            let header = FrameHeader::read(header);
            let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
            let Some(rest) = data.get(size..) else {
                return;
            };
            self.bytes = rest.to_vec();
            self.waiting
                .extend(InstructionRow::find(header.instruction));
        }
    }

    /// The requirement that an expectation shows: of the first request that may have this answer.
    fn expected(&mut self, words: &[String]) -> Option<String> {
        let (name, reason) = (words.first()?, words.get(1));
        let row = TABLE.iter().find(|row| row.name == name)?;
        if row.direction == Direction::Notice {
            return None;
        }
        let answers = |request: &InstructionRow| {
            let mut answers = request.success.iter().chain(&request.failure);
            answers.any(|answer| *answer == row.instruction)
        };
        let at = self.waiting.iter().position(|request| answers(request))?;
        let request = self.waiting.drain(..=at).next_back()?;
        if request.failure == Some(row.instruction) {
            Some(failure_id(request, reason?))
        } else {
            Some(success_id(request, name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::conform::built_in;

    fn of(text: &str) -> Vec<String> {
        of_script(&Script::parse("f.pt", text).unwrap())
            .into_iter()
            .collect()
    }

    #[test]
    fn an_answer_shows_the_requirement_of_its_request() {
        let text = "1 > login {a} {b} false\n1 > ping\n1 > login {a}\n1 < loginFail bad-credentials *\n\
            1 < pong\n1 < sessionID {a} *\nrule 4.4-utf-8\n2 > getAssetInfo A\n2 ~ transactionQueued *\n\
            2 < dataFail unknown-asset *\n2 x 04 0403 00000000 0000\n2 x 00000001 00000001\n\
            2 < workerList *\n2 await logout {a} < logoutFail session-expired *";
        assert_eq!(
            of(text),
            [
                "4.4-utf-8",
                "getAssetInfo/unknown-asset",
                "getWorkerList/workerList",
                "login-session/sessionID",
                "login/bad-credentials",
                "logout/session-expired",
                "ping/pong",
            ]
        );
        assert_eq!(
            of("1 > purchaseAsset a b c\n1 < purchaseFail overloaded *"),
            ["orders/overloaded"]
        );
        assert!(of("1 > ping\n1 < dataFail no-data *").is_empty());
    }

    #[test]
    fn nineteen_of_twenty_requirements_are_shown_and_the_rest_has_a_reason() {
        let shown = shown(&built_in().unwrap());
        let all = requirements::all();
        let missing: BTreeSet<&str> = all
            .iter()
            .map(|requirement| requirement.id.as_str())
            .filter(|id| !shown.contains_key(*id))
            .collect();
        let listed = NOT_SHOWN.iter().chain(BY_TESTS);
        let listed: BTreeSet<&str> = listed.map(|(id, _)| *id).collect();
        assert_eq!(
            missing,
            listed,
            "of {}; left: no dialogue shows them; right: the two lists",
            all.len()
        );
        assert!(
            NOT_SHOWN.len() * 20 <= all.len(),
            "{} of {} are not shown",
            NOT_SHOWN.len(),
            all.len()
        );
    }

    #[test]
    fn the_tests_that_show_requirements_are_there() {
        for (id, test) in BY_TESTS {
            let (file, name) = test.split_once("::").unwrap();
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains(&format!("fn {name}()")), "{id}: {test}");
        }
    }
}
