//! spec/dialogue.md · 4 The Protocol
//!
//! The sections of the specification, as the conformance report lists them.

/// A numbered section of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecSection {
    /// Its number, such as `4.6.10`.
    pub number: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The first page about it, as `spec/traceability.md` names it.
    pub page: &'static str,
}

const fn section(number: &'static str, title: &'static str, page: &'static str) -> SpecSection {
    SpecSection {
        number,
        title,
        page,
    }
}

/// All sections, in the specification's order.
pub const SECTIONS: &[SpecSection] = &[
    section("1", "Introduction", "spec/README.md"),
    section("2", "Overview", "spec/architecture.md"),
    section("2.1", "Terminology", "spec/glossary.md"),
    section("2.1.1", "Inner World", "spec/glossary.md"),
    section("2.1.2", "Outer World", "spec/glossary.md"),
    section("2.1.3", "Critical Data", "spec/glossary.md"),
    section("2.1.4", "User/Client", "spec/glossary.md"),
    section("2.1.5", "User/Client Data", "spec/glossary.md"),
    section("2.1.6", "Module", "spec/glossary.md"),
    section("2.1.7", "Master Server", "spec/glossary.md"),
    section("2.1.8", "Worker Servers", "spec/glossary.md"),
    section("2.1.9", "User Accounts", "spec/glossary.md"),
    section("2.2", "Infrastructure Model", "spec/architecture.md"),
    section(
        "2.2.1",
        "Master Server Infrastructure Model",
        "spec/architecture.md",
    ),
    section(
        "2.2.2",
        "Worker Servers Infrastructure Model",
        "spec/architecture.md",
    ),
    section("2.3", "Global Deployment Variables", "spec/config.md"),
    section(
        "2.3.1",
        "List of assets to retrieve",
        "spec/config/master/assets.md",
    ),
    section("2.3.2", "Number of Workers", "spec/config/master.md"),
    section("2.3.3", "Memory Size of Log system", "spec/runtime/log.md"),
    section(
        "2.3.4",
        "Stock Data Update Interval",
        "spec/master/assets/schedule.md",
    ),
    section("2.4", "Data/State Structures", "spec/model.md"),
    section("2.4.1", "Account Structure", "spec/model/account.md"),
    section("2.4.2", "Session Structure", "spec/model/session.md"),
    section("2.4.3", "Asset Structure", "spec/model/asset.md"),
    section("2.4.4", "LogEntry Structure", "spec/runtime/log.md"),
    section("2.4.5", "WorkerServer Structure", "spec/model/worker.md"),
    section("2.4.6", "MasterState Structure", "spec/model.md"),
    section("2.4.7", "WorkerState Structure", "spec/model.md"),
    section("3", "A more Technical Overview", "spec/architecture.md"),
    section("3.1", "Master Server", "spec/master.md"),
    section("3.1.1", "Main Module", "spec/master.md"),
    section("3.1.2", "Database Management", "spec/master/storage.md"),
    section(
        "3.1.3",
        "Account Management & Authorization",
        "spec/master/auth.md",
    ),
    section("3.1.4", "Log System", "spec/runtime/log.md"),
    section("3.1.5", "Worker Management", "spec/master/workers.md"),
    section("3.1.6", "Assets Data Retrieval", "spec/master/assets.md"),
    section("3.1.7", "Assets Buy & Sell", "spec/master/transactions.md"),
    section("3.2", "Worker Server", "spec/worker.md"),
    section("3.2.1", "Main Module", "spec/worker.md"),
    section(
        "3.2.2",
        "Master Server Communication",
        "spec/worker/master_link.md",
    ),
    section("3.2.3", "Client Management", "spec/worker/clients.md"),
    section(
        "3.2.4",
        "Account Authorization Tunnel",
        "spec/worker/tunnel.md",
    ),
    section("3.2.5", "Logging System", "spec/runtime/log.md"),
    section("3.2.6", "Cache Management", "spec/worker/cache.md"),
    section("4", "The Protocol", "spec/wire.md"),
    section("4.1", "Design Goals", "spec/wire.md"),
    section("4.2", "States", "spec/wire/request.md"),
    section("4.2.1", "Command State", "spec/wire/request.md"),
    section("4.2.2", "Data Transfer State", "spec/wire/request.md"),
    section("4.3", "The Connection", "spec/net.md"),
    section("4.3.1", "Master-Worker Server Connection", "spec/link.md"),
    section(
        "4.3.2",
        "Client-Worker Server Connection",
        "spec/net/connection.md",
    ),
    section("4.4", "Message Structure", "spec/wire/frame.md"),
    section("4.5", "Instructions", "spec/wire/instruction.md"),
    section(
        "4.5.1",
        "Command State Instructions",
        "spec/wire/request.md",
    ),
    section(
        "4.5.2",
        "Data Transfer State Instructions",
        "spec/wire/request.md",
    ),
    section("4.5.3", "Server Return Instructions", "spec/wire/reply.md"),
    section(
        "4.6",
        "Overview of The Instructions",
        "spec/wire/instruction.md",
    ),
    section(
        "4.6.1",
        "login(name, hashedPass, isExpirable)",
        "spec/master/auth.md",
    ),
    section("4.6.2", "login(sessionID)", "spec/master/auth.md"),
    section(
        "4.6.3",
        "register(username, email, hashedPass)",
        "spec/master/auth.md",
    ),
    section(
        "4.6.4",
        "purchaseAsset(sessionID, name, quantity)",
        "spec/master/transactions.md",
    ),
    section(
        "4.6.5",
        "sellAsset(sessionID, name, quantity)",
        "spec/master/transactions.md",
    ),
    section(
        "4.6.6",
        "switchState(sessionID, state)",
        "spec/worker/clients.md",
    ),
    section("4.6.7", "getAssetInfo(asset)", "spec/master.md"),
    section("4.6.8", "getAssetValueCurrent(asset)", "spec/master.md"),
    section(
        "4.6.9",
        "getAssetValueDay(asset, date)",
        "spec/master/assets/window.md",
    ),
    section(
        "4.6.10",
        "getAssetValueWeek(asset, date)",
        "spec/master/assets/window.md",
    ),
    section(
        "4.6.11",
        "getAssetValueMonth(asset, date)",
        "spec/master/assets/window.md",
    ),
    section(
        "4.6.12",
        "getAssetValueYear(asset, date)",
        "spec/master/assets/window.md",
    ),
    section(
        "4.6.13",
        "getAssetValueAllTime(asset)",
        "spec/master/assets/window.md",
    ),
    section(
        "4.6.14",
        "getUserInfo(sessionID, username)",
        "spec/master/account_queries.md",
    ),
    section(
        "4.6.15",
        "getUserPortfolio(sessionID, username)",
        "spec/master/account_queries.md",
    ),
    section(
        "4.6.16",
        "getUserTransactionHistory(sessionID, username)",
        "spec/master/account_queries.md",
    ),
    section("4.6.17", "loginFail", "spec/model/reason.md"),
    section("4.6.18", "sessionID", "spec/wire/reply.md"),
    section("4.6.19", "registerSuccess", "spec/wire/reply.md"),
    section("4.6.20", "registerFail", "spec/model/reason.md"),
    section("4.6.21", "purchaseSuccess", "spec/wire/reply.md"),
    section("4.6.22", "purchaseFail", "spec/model/reason.md"),
    section("4.6.23", "sellSuccess", "spec/wire/reply.md"),
    section("4.6.24", "sellFail", "spec/model/reason.md"),
    section("4.6.25", "stateSwitchSuccess", "spec/wire/reply.md"),
    section("4.6.26", "stateSwitchFail", "spec/model/reason.md"),
    section("4.6.27", "data", "spec/wire/packet.md"),
    section("4.6.28", "dataFail", "spec/model/reason.md"),
    section("4.7", "Communication", "spec/architecture.md"),
    section("4.7.1", "Data Transfer Mechanism", "spec/wire/packet.md"),
    section("4.7.2", "Login - First Method", "spec/architecture.md"),
    section("4.7.3", "Login - Second Method", "spec/architecture.md"),
    section("4.7.4", "Register", "spec/architecture.md"),
    section("4.7.5", "Purchase", "spec/architecture.md"),
];

/// The section of this number.
pub fn find(number: &str) -> Option<&'static SpecSection> {
    SECTIONS.iter().find(|section| section.number == number)
}

/// Whether a section is this one or stands below it: `4.6.10` below `4.6`.
pub fn is_within(number: &str, outer: &str) -> bool {
    number
        .strip_prefix(outer)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A number as a key that sorts 4.6.9 before 4.6.10.
pub fn order(number: &str) -> Vec<u8> {
    number
        .split('.')
        .map(|part| part.parse().unwrap_or(u8::MAX))
        .collect()
}

/// Why no dialogue shows a section, where none does.
pub fn why_no_dialogue(number: &str) -> &'static str {
    match number {
        "1" | "2" | "2.1" | "2.2" | "2.3" | "2.4" | "3" | "3.1" | "3.2" | "4" | "4.3" | "4.6" => {
            "a heading: what stands below it has lines of its own"
        }
        _ if is_within(number, "2.1") => "it explains a word: there is nothing to observe",
        _ if is_within(number, "2.2") => "a drawing of the servers' insides, which no client sees",
        _ if is_within(number, "2.3") => "a setting of the servers, which no client sees",
        _ if is_within(number, "2.4") => "a structure in the servers' memory, which no client sees",
        _ => "it is inside of the servers, where no client sees it; tests of their own show it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sections_are_those_of_the_table_of_traceability() {
        let table = include_str!("../../spec/traceability.md");
        let rows: Vec<(&str, &str)> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split_once(" | "))
            .filter(|(first, _)| first.starts_with(|c: char| c.is_ascii_digit()))
            .collect();
        assert_eq!(rows.len(), SECTIONS.len());
        for ((first, pages), section) in rows.iter().zip(SECTIONS) {
            assert_eq!(*first, format!("{} {}", section.number, section.title));
            let page = section.page.strip_prefix("spec/").unwrap();
            let link = pages.split_once("](").unwrap().1;
            assert!(link.starts_with(page), "{first}: {page}");
        }
        let mut sorted = SECTIONS.to_vec();
        sorted.sort_by_key(|section| order(section.number));
        assert_eq!(sorted, SECTIONS);
    }

    #[test]
    fn a_section_is_within_itself_and_those_above_it() {
        assert!(is_within("4.6.10", "4.6.10") && is_within("4.6.10", "4.6"));
        assert!(!is_within("4.6.10", "4.6.1") && !is_within("4.6", "4.6.1"));
        assert_eq!(find("4.6.28").unwrap().title, "dataFail");
        assert!(find("4.9").is_none());
    }
}
