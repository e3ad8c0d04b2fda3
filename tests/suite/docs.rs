//! Every source file has its page, every page its file, and every section of the specification its
//! row in
//! `spec/traceability.md`, whose pages, files and fixtures name the section in turn.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pages that belong to no single source file.
const PAGES_WITHOUT_FILE: &[&str] = &[
    "spec/README.md",
    "spec/architecture.md",
    "spec/chaos.md",
    "spec/master/audit.md",
    "spec/choices.md",
    "spec/container.md",
    "spec/dialogue/mutants.md",
    "spec/dialogue/orders.md",
    "spec/fuzzing.md",
    "spec/glossary.md",
    "spec/master/storage/patroni.md",
    "spec/metrics.md",
    "spec/packages.md",
    "spec/page/views.md",
    "spec/performance.md",
    "spec/python.md",
    "spec/secrets.md",
    "spec/setup.md",
    "spec/sizing.md",
    "spec/system_tests.md",
    "spec/wire/limits.md",
    "spec/writing_a_client.md",
    TRACEABILITY,
];

/// The table from the specification's sections to pages, files and fixtures.
const TRACEABILITY: &str = "spec/traceability.md";

/// Pages and files that rows or first lines name already and that are still to be written. Nothing
/// is added here for good: a line goes away with the page or file that it names.
const OWED: &[&str] = &[];

/// How many numbered sections stand below each heading of the specification's table of contents.
const CONTENTS: &[(&str, u32)] = &[
    ("", 4),
    ("1", 0),
    ("2", 4),
    ("2.1", 9),
    ("2.2", 2),
    ("2.3", 4),
    ("2.4", 7),
    ("3", 2),
    ("3.1", 7),
    ("3.2", 6),
    ("4", 7),
    ("4.1", 0),
    ("4.2", 2),
    ("4.3", 2),
    ("4.4", 0),
    ("4.5", 3),
    ("4.6", 28),
    ("4.7", 5),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Files below a folder that end so, relative to the package, in order.
fn files(folder: &str, end: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root()).unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.push(path.clone());
            } else if name.ends_with(end) {
                found.insert(name.to_owned());
            }
        }
    }
    found
}

fn missing(path: &str) -> bool {
    !OWED.contains(&path) && !root().join(path).exists()
}

/// The pages that may be the page of `src/<path>.rs`: its own, or that of a folder that it is in,
/// as a section. A module's tests stand where the module does.
fn pages_of(file: &str) -> Vec<String> {
    let path = file
        .strip_prefix("src/")
        .unwrap()
        .strip_suffix(".rs")
        .unwrap();
    let path = ["/tests", "/testing"]
        .iter()
        .find_map(|end| path.strip_suffix(end))
        .unwrap_or(path);
    let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
    folders
        .chain([path])
        .map(|path| format!("spec/{path}.md"))
        .collect()
}

/// The page that a file's first line names.
fn page_named_by(text: &str) -> Option<&str> {
    let first = text.lines().next()?.strip_prefix("//! ")?;
    Some(first.split_once(" · ")?.0)
}

#[test]
fn every_file_names_its_page_and_the_page_names_it() {
    let mut wrong = Vec::new();
    for file in files("src", ".rs") {
        if file == "src/lib.rs" {
            continue;
        }
        let text = fs::read_to_string(root().join(&file)).unwrap();
        let is_test = file.ends_with("/tests.rs") || file.ends_with("/testing.rs");
        let pages = pages_of(&file);
        match page_named_by(&text) {
            Some(page) if !pages.iter().any(|possible| possible == page) => {
                wrong.push(format!(
                    "{file}: {page} is not the page of this file or of its folders"
                ));
            }
            Some(page) if missing(page) => wrong.push(format!("{file}: {page} is missing")),
            Some(page) => {
                let text = fs::read_to_string(root().join(page)).unwrap();
                if !is_test && !text.contains(&format!("`{file}`")) {
                    wrong.push(format!("{page}: it does not name `{file}`"));
                }
            }
            None => wrong.push(format!(
                "{file}: the first line is not `//! PAGE · SECTIONS`"
            )),
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_page_has_its_file_and_names_it() {
    let files = files("src", ".rs");
    let mut wrong = Vec::new();
    for page in self::files("spec", ".md") {
        // Decisions, and what a student reads, belong to no file.
        let is_of_none = ["spec/decisions/", "spec/course/"]
            .iter()
            .any(|folder| page.starts_with(folder));
        if PAGES_WITHOUT_FILE.contains(&page.as_str()) || is_of_none {
            continue;
        }
        let file = format!(
            "src/{}.rs",
            page.strip_prefix("spec/")
                .unwrap()
                .strip_suffix(".md")
                .unwrap()
        );
        if !files.contains(&file) {
            wrong.push(format!("{page}: {file} is missing"));
        }
        let text = fs::read_to_string(root().join(&page)).unwrap();
        if !text.starts_with("# ")
            || !text
                .lines()
                .take(6)
                .any(|line| line.contains(&format!("`{file}`")))
        {
            wrong.push(format!(
                "{page}: it does not begin with a title and, below it, `{file}` with its sections"
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// A view of the page in the browser, or a chart, names its page, which names it.
#[test]
fn every_view_of_the_page_names_its_page_and_the_page_names_it() {
    let page = "spec/page/views.md";
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut wrong = Vec::new();
    for folder in ["src/page/src/views", "src/page/src/charts"] {
        let files = files(folder, ".ts");
        assert!(!files.is_empty(), "{folder} has no files");
        for file in files {
            let first = fs::read_to_string(root().join(&file)).unwrap();
            let first = first.lines().next().unwrap_or_default().to_owned();
            if !first.starts_with(&format!("// {page}")) || !text.contains(&format!("`{file}`")) {
                wrong.push(format!("{file}: begins with {first}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The cells of each row of the table of sections.
fn rows() -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(TRACEABILITY)).unwrap();
    text.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'))
        .map(|line| line.split('|').map(|cell| cell.trim().to_owned()).collect())
        .filter(|cells: &Vec<String>| cells[0].starts_with(|c: char| c.is_ascii_digit()))
        .collect()
}

#[test]
fn every_section_has_its_row_in_order() {
    let mut expected = Vec::new();
    let mut waiting: Vec<String> = vec![String::new()];
    while let Some(section) = waiting.pop() {
        let below = CONTENTS
            .iter()
            .find(|(heading, _)| *heading == section)
            .map_or(0, |(_, count)| *count);
        let dot = if section.is_empty() { "" } else { "." };
        waiting.extend(
            (1..=below)
                .rev()
                .map(|number| format!("{section}{dot}{number}")),
        );
        if !section.is_empty() {
            expected.push(section);
        }
    }
    let found: Vec<String> = rows()
        .iter()
        .map(|cells| cells[0].split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(found, expected);
}

/// What a row names: pages by their links, files and fixtures in backticks.
fn named_by(cells: &[String]) -> Vec<String> {
    assert_eq!(cells.len(), 4, "{cells:?}");
    let linked = cells[1]
        .split("](")
        .skip(1)
        .map(|rest| format!("spec/{}", rest.split([')', '#']).next().unwrap()));
    let quoted = cells[2..]
        .iter()
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned);
    linked.chain(quoted).collect()
}

#[test]
fn what_the_rows_name_exists() {
    let mut wrong = Vec::new();
    for cells in rows() {
        let named = named_by(&cells);
        if named.is_empty() {
            wrong.push(format!("{} names nothing", cells[0]));
        }
        for path in named.iter().filter(|path| missing(path)) {
            wrong.push(format!("{}: {path} is missing", cells[0]));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// The numbers of a section: `4.6.14` is 4, 6, 14.
fn numbers(section: &str) -> Vec<u32> {
    section
        .split('.')
        .filter_map(|number| number.parse().ok())
        .collect()
}

/// Whether a text names a section, by itself or within a range: `4.6.9 to 4.6.13`.
fn mentions(text: &str, section: &str) -> bool {
    let words: Vec<&str> = text
        .split(|c: char| !(c.is_alphanumeric() || c == '.'))
        .map(|word| word.trim_matches('.'))
        .filter(|word| !word.is_empty())
        .collect();
    let wanted = numbers(section);
    let is_section =
        |word: &str| numbers(word).len() == word.split('.').count() && !word.is_empty();
    words.contains(&section)
        || words.windows(3).any(|part| {
            part[1] == "to"
                && is_section(part[0])
                && is_section(part[2])
                && numbers(part[0]).len() == wanted.len()
                && (numbers(part[0])..=numbers(part[2])).contains(&wanted)
        })
}

#[test]
fn what_a_row_names_mentions_its_section() {
    assert!(mentions("wire.md · 4.6.9 to 4.6.13", "4.6.10"));
    assert!(mentions("[3.1.7], 4.6", "3.1.7"));
    assert!(!mentions("3.1.70 and 13.1.7", "3.1.7"));
    assert!(!mentions("4.6.9 to 4.6.13", "4.7"));
    let mut wrong = Vec::new();
    for cells in rows() {
        let section = cells[0].split(' ').next().unwrap();
        for path in named_by(&cells) {
            let Ok(text) = fs::read_to_string(root().join(&path)) else {
                continue;
            };
            let text: String = if path.ends_with(".pt") {
                text.lines()
                    .filter(|line| line.starts_with("section "))
                    .collect::<Vec<_>>()
                    .join("\n")
            } else {
                text
            };
            if !mentions(&text, section) {
                wrong.push(format!("{section}: {path} does not name this section"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut wrong = Vec::new();
    for page in files("spec", ".md") {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let folder = Path::new(&page).parent().unwrap();
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let target = target.split('#').next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let mut path = PathBuf::new();
            for part in folder.join(target).components() {
                match part {
                    std::path::Component::ParentDir => assert!(path.pop(), "{page}: {target}"),
                    part => path.push(part),
                }
            }
            if missing(path.to_str().unwrap()) {
                wrong.push(format!("{page}: there is no {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Prose within a table, a code block, or a line of one word that cannot be broken may be longer.
#[test]
fn prose_is_at_most_100_columns_wide() {
    const COLUMNS_MAX: usize = 100;
    let mut pages = files("spec", ".md");
    pages.extend(
        [
            "CHANGELOG.md",
            "CONTRIBUTING.md",
            "README.md",
            "SECURITY.md",
        ]
        .map(str::to_owned),
    );
    let mut wide = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        let mut is_code = false;
        for (number, line) in text.lines().enumerate() {
            is_code ^= line.starts_with("```");
            let is_table = line.trim_start().starts_with('|');
            let can_break = line.trim().contains(' ');
            if line.chars().count() > COLUMNS_MAX && !is_code && !is_table && can_break {
                wide.push(format!("{page}:{}", number + 1));
            }
        }
    }
    assert!(wide.is_empty(), "\n{}", wide.join("\n"));
}

/// The numbers of a page's items, by the heading that they stand below.
fn numbered_items(text: &str) -> Vec<(String, Vec<String>)> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            found.push((heading.to_owned(), Vec::new()));
        } else if let (Some((number, rest)), Some((_, items))) =
            (line.split_once(". "), found.last_mut())
            && number.parse::<u8>().is_ok()
        {
            items.push(rest.to_owned());
            assert_eq!(number, items.len().to_string(), "{line}");
        } else if let Some(item) = found.last_mut().and_then(|(_, items)| items.last_mut()) {
            item.push(' ');
            item.push_str(line.trim());
        }
    }
    found
}

/// Three questions about each module, and as many answers, each of which names a file and what to
/// look at in it.
#[test]
fn every_module_has_three_questions_and_their_answers_name_what_exists() {
    let read = |page: &str| fs::read_to_string(root().join(page)).unwrap();
    let questions = numbered_items(&read("spec/course/reading.md"));
    let answers = numbered_items(&read("spec/course/answers.md"));
    let headings = |items: &[(String, Vec<String>)]| -> Vec<(String, usize)> {
        items
            .iter()
            .map(|(name, items)| (name.clone(), items.len()))
            .collect()
    };
    assert_eq!(headings(&questions), headings(&answers));
    assert!(
        questions.iter().all(|(_, items)| items.len() == 3),
        "{questions:?}"
    );
    let modules = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for module in modules
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod "))
    {
        let module = module.trim_end_matches(';');
        let is_asked = |(name, _): &(String, Vec<String>)| name.split('/').next() == Some(module);
        assert!(questions.iter().any(is_asked), "no question about {module}");
    }
    for (module, items) in &answers {
        for item in items {
            let quoted: Vec<&str> = item.split('`').skip(1).step_by(2).collect();
            let named = quoted.windows(2).rfind(|two| two[0].starts_with("src/"));
            let [file, name] = named.unwrap_or_else(|| panic!("{module}: {item}")) else {
                unreachable!("windows of two");
            };
            let text = fs::read_to_string(root().join(file));
            let is_there = text.is_ok_and(|text| text.contains(name));
            assert!(is_there, "{module}: {name} is not in {file}");
        }
    }
}

/// A term with two entries has two meanings: one of them needs another word.
#[test]
fn a_term_has_one_entry_in_the_glossary() {
    let text = fs::read_to_string(root().join("spec/glossary.md")).unwrap();
    let mut terms = BTreeSet::new();
    for line in text.lines() {
        let term = line
            .strip_prefix("**")
            .and_then(|rest| rest.split_once("**"));
        if let Some((term, _)) = term {
            assert!(terms.insert(term), "{term} stands twice");
        }
    }
    assert!(terms.len() > 100, "{} terms", terms.len());
}
