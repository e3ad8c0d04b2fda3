//! spec/course.md · 4 The Protocol
//!
//! The sixteen stages: their dialogues and their pages, which the program carries.

use include_dir::Dir;
use include_dir::include_dir;

/// The pages and the dialogues of the stages.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/spec/course");

/// A stage of the course.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stage {
    /// From 1.
    pub number: u8,
    /// A short name, as in `5-register`.
    pub name: &'static str,
    /// What is built, in a few words.
    pub builds: &'static str,
    /// The dialogue that judges it.
    pub dialogue: &'static str,
}

macro_rules! stages {
    ($($number:literal $file:literal $name:literal $builds:literal)*) => {
        [$(Stage {
            number: $number,
            name: $name,
            builds: $builds,
            dialogue: include_str!(concat!("stages/", $file, "-", $name, ".pt")),
        }),*]
    };
}

/// All stages, in order: each needs only what those before it have built.
pub const STAGES: [Stage; 16] = stages! {
    1 "01" "accept" "a port that many clients can use at a time"
    2 "02" "header" "the 17 bytes of a header, and their checks"
    3 "03" "ping" "the first answer, from a stream of bytes"
    4 "04" "arguments" "texts with a space between them"
    5 "05" "register" "accounts"
    6 "06" "login" "sessions from names and passwords"
    7 "07" "sessions" "sessions on other connections, and their ends"
    8 "08" "states" "the two states of a connection"
    9 "09" "asset-data" "lists, quotes, and windows of the past"
    10 "10" "packets" "transfers of more than 8,192 bytes"
    11 "11" "purchase" "purchases, sales, cash and portfolios"
    12 "12" "queue" "settlement with each update of prices"
    13 "13" "history" "histories, and orders sent twice"
    14 "14" "your-worker" "a worker of your own on PaperTrader's master"
    15 "15" "order-of-time" "two workers that are one service"
    16 "16" "kill" "a state that survives kill -9"
};

impl Stage {
    /// The stage with this number, from 1.
    pub fn numbered(number: u8) -> Option<&'static Stage> {
        STAGES.iter().find(|stage| stage.number == number)
    }

    /// The name of the dialogue's file.
    pub fn file(&self) -> String {
        format!("{:02}-{}.pt", self.number, self.name)
    }

    /// The name of the page's file, below `spec/course/`.
    pub fn page_file(&self) -> String {
        format!("{:02}-{}.md", self.number, self.name)
    }

    /// The page, in Markdown; empty where the program was built without it, which a test rules out.
    pub fn page(&self) -> &'static str {
        PAGES
            .get_file(self.page_file())
            .and_then(|file| file.contents_utf8())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{Script, Variables};
    use crate::wire::instruction::TABLE;

    #[test]
    fn the_stages_are_numbered_and_parse() {
        for (number, stage) in (1..).zip(&STAGES) {
            assert_eq!(stage.number, number);
            assert_eq!(Stage::numbered(number), Some(stage));
            let script = Script::parse(&stage.file(), stage.dialogue).unwrap();
            script.check(&Variables::new()).unwrap();
        }
        assert_eq!(Stage::numbered(17), None);
    }

    /// The parts of a page, in order.
    const PARTS: [&str; 5] = [
        "\n## Read\n",
        "\n## Build\n",
        "\n## How it is judged\n",
        "\n## What goes wrong usually\n",
        "\n## Think about\n",
    ];

    #[test]
    fn every_stage_has_its_page_with_all_parts() {
        for stage in &STAGES {
            let page = stage.page();
            let title = format!("# Stage {}: {}", stage.number, stage.name.replace('-', " "));
            assert!(page.starts_with(&title), "{}", stage.page_file());
            let at = PARTS.map(|part| page.find(part).unwrap_or_default());
            assert!(at[0] > 0 && at.is_sorted(), "{}: {at:?}", stage.page_file());
            assert!(page.contains(&stage.file()), "{}", stage.page_file());
        }
    }

    /// A student's server is of the first edition.
    #[test]
    fn the_stages_send_instructions_of_the_first_edition_alone() {
        use crate::dialogue::script::StepAction;
        for stage in &STAGES {
            let script = Script::parse(&stage.file(), stage.dialogue).unwrap();
            for step in &script.steps {
                let (StepAction::Send(_, words) | StepAction::Await(_, words, _)) = &step.action
                else {
                    continue;
                };
                let later = TABLE.iter().any(|row| {
                    words.first().is_some_and(|name| name == row.name) && row.edition > 1
                });
                assert!(!later, "{}:{}", stage.file(), step.line);
            }
        }
    }
}
