//! What the compiler does not hold: floors, names, tests beside files, where SQL stands,
//! dependencies.
//!
//! Each guard is a function of a source tree, so that the tests below can show it a planted fault.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The floors, lowest first. A file imports from its own floor's folder and from lower floors
/// alone. Folders of one line never import each other.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["wire"],
    &["runtime"],
    &["config"],
    &["net", "page"],
    &["link"],
    &["daemon"],
    &["admin"],
    &["master", "worker", "client"],
    &["dialogue"],
    &["description"],
    &["testkit"],
    &["bench", "course"],
    &["cli"],
];

/// A file of more lines than this names its tests.
const TESTED_FROM: usize = 100;

/// The files that may name PostgreSQL's crates: the engine, and who reads its URLs.
const POSTGRES_FILES: [&str; 2] = ["src/master/storage/postgres", "src/config/postgres.rs"];

/// The files that may name SQLite's crate; a name without an ending stands for a folder, too.
const SQLITE_FILES: [&str; 5] = [
    "src/master/storage/sqlite",
    "src/master/storage/schema.rs",
    "src/master/storage/before.rs",
    "src/master/storage/email_keys.rs",
    "src/master/storage/bulk.rs",
];

/// Source files by path relative to the package.
type Tree = BTreeMap<String, String>;

fn read(folder: &str) -> Tree {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tree = Tree::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                tree.insert(name, fs::read_to_string(path).unwrap());
            }
        }
    }
    tree
}

fn tree(files: &[(&str, &str)]) -> Tree {
    files
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect()
}

/// The floor's folder that a file of `src/` belongs to; none for `src/lib.rs`.
fn folder_of(file: &str) -> Option<&str> {
    let inside = file.strip_prefix("src/")?;
    let first = inside.split('/').next()?;
    let name = first.strip_suffix(".rs").unwrap_or(first);
    (name != "lib").then_some(name)
}

/// Lines of code: without comments, and without what stands in string literals of one line.
fn code(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    text.lines().enumerate().filter_map(|(number, line)| {
        let line = line.split("//").next().unwrap_or_default();
        let outside: Vec<&str> = line.split('"').step_by(2).collect();
        (!line.trim().is_empty()).then(|| (number + 1, outside.concat()))
    })
}

/// A file without the tests at its end, which may import whatever they like.
fn production(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default()
}

/// The crate's folders that a line of code names: `crate::net::…`, `use crate::{net, wire::…}`.
fn named(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<(usize, String)> = code(text).collect();
    let mut found = Vec::new();
    for (at, (number, line)) in lines.iter().enumerate() {
        for (start, _) in line.match_indices("crate::") {
            // `$crate::` stands in macros, whose users are elsewhere.
            if line[..start].ends_with('$') {
                continue;
            }
            let rest = &line[start + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let rest: String = lines[at + 1..].iter().map(|(_, l)| l.as_str()).collect();
                for name in top_level(&format!("{group}{rest}")) {
                    found.push((*number, name));
                }
            } else {
                found.push((*number, word(rest)));
            }
        }
    }
    found
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// The first words of a group's members, up to the brace that closes it.
fn top_level(group: &str) -> Vec<String> {
    let (mut depth, mut member, mut names) = (0, String::new(), Vec::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(std::mem::take(&mut member)),
            _ => {}
        }
        if c != ',' {
            member.push(c);
        }
    }
    names.push(member);
    names
        .iter()
        .map(|name| word(name.trim()))
        .filter(|name| !name.is_empty())
        .collect()
}

fn imports_upward(tree: &Tree) -> Vec<String> {
    let level = |name: &str| FLOORS.iter().position(|floor| floor.contains(&name));
    let mut faults = Vec::new();
    for (file, text) in tree {
        let Some(folder) = folder_of(file) else {
            continue;
        };
        if file.ends_with("/tests.rs") || file.ends_with("/testing.rs") {
            continue;
        }
        let Some(own) = level(folder) else {
            faults.push(format!("{file}: the folder {folder} has no floor"));
            continue;
        };
        for (line, name) in named(production(text)) {
            if let Some(other) = level(&name)
                && name != folder
                && other >= own
            {
                faults.push(format!(
                    "{file}:{line}: {folder} imports {name}, which is not below it"
                ));
            }
        }
    }
    faults
}

/// The paths that a file names from the crate's root or its own place on: those of its `use`
/// statements, groups taken apart, and those in the middle of its code.
fn used_paths(text: &str) -> Vec<String> {
    let all: String = code(text).map(|(_, line)| line + " ").collect();
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let mut paths: Vec<String> = all
        .split(|c: char| !is_path(c))
        .filter(|part| part.starts_with("crate::") || part.starts_with("super::"))
        .map(|part| part.trim_end_matches(':').to_owned())
        .collect();
    for statement in all.split(';') {
        let Some(at) = statement.rfind("use ") else {
            continue;
        };
        if statement[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        expand("", statement[at + "use ".len()..].trim(), &mut paths);
    }
    paths
}

/// Takes a `use` tree apart.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let Some(open) = tree.find('{') else {
        let path = tree.split(" as ").next().unwrap_or_default().trim();
        paths.push(format!("{before}{path}"));
        return;
    };
    let before = format!("{before}{}", tree[..open].trim());
    let inside = tree[open + 1..].trim_end().trim_end_matches('}');
    let (mut depth, mut member) = (0, String::new());
    for c in inside.chars().chain([',']) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !member.trim().is_empty() {
                    expand(&before, member.trim(), paths);
                }
                member.clear();
                continue;
            }
            _ => {}
        }
        member.push(c);
    }
}

/// The file that a path leads to: the longest part of it that is a module's, and the word behind
/// it.
fn file_of(path: &str, from: &str, tree: &Tree) -> Option<(String, Option<String>)> {
    let module = from.strip_suffix(".rs")?;
    let mut place: Vec<&str> = Vec::new();
    let mut words = path.split("::").map(str::trim).peekable();
    match *words.peek()? {
        "crate" => place.push("src"),
        "super" | "self" => place.extend(module.split('/')),
        _ => return None,
    }
    let mut rest = Vec::new();
    for word in words {
        match word {
            "crate" | "self" => {}
            "super" => drop(place.pop()),
            name => rest.push(name),
        }
    }
    (0..=rest.len()).rev().find_map(|taken| {
        let file = [&place[..], &rest[..taken]].concat().join("/") + ".rs";
        let behind = rest.get(taken).map(|word| (*word).to_owned());
        tree.contains_key(&file).then_some((file, behind))
    })
}

/// What the files re-export: the file and the name, and the file that the name comes from.
fn re_exports(tree: &Tree) -> BTreeMap<(String, String), String> {
    let mut found = BTreeMap::new();
    for (file, text) in tree {
        let all: String = code(production(text)).map(|(_, line)| line + " ").collect();
        for statement in all.split(';') {
            let Some(at) = statement.rfind("pub use ") else {
                continue;
            };
            let mut paths = Vec::new();
            expand("", statement[at + "pub use ".len()..].trim(), &mut paths);
            for path in paths {
                let path = if path.starts_with("crate::") || path.starts_with("super::") {
                    path
                } else {
                    format!("self::{path}")
                };
                if let Some((home, Some(name))) = file_of(&path, file, tree) {
                    found.insert((file.clone(), name), home);
                }
            }
        }
    }
    found
}

/// Circles of files that import each other. What a folder's own file and the files in it share
/// counts as one.
fn circles(tree: &Tree) -> Vec<String> {
    let re_exported = re_exports(tree);
    let mut imports: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in tree {
        if file.ends_with("/tests.rs") || file.ends_with("/testing.rs") {
            continue;
        }
        let home = |path: &String| {
            let (other, name) = file_of(path, file, tree)?;
            let through = name.and_then(|name| re_exported.get(&(other.clone(), name)));
            Some(through.cloned().unwrap_or(other))
        };
        let holds = |outer: &str, inner: &str| {
            let rest = inner.strip_prefix(outer.trim_end_matches(".rs"));
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        let paths = used_paths(production(text));
        let others = paths
            .iter()
            .filter_map(home)
            .filter(|other| file != other && !holds(file, other) && !holds(other, file));
        imports.insert(file, others.collect());
    }
    let reaches = |from: &str| {
        let (mut seen, mut todo) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = todo.pop() {
            for other in imports.get(file.as_str()).into_iter().flatten() {
                if seen.insert(other.clone()) {
                    todo.push(other.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&str, BTreeSet<String>> =
        imports.keys().map(|file| (*file, reaches(file))).collect();
    let mut found = BTreeSet::new();
    for (file, others) in &reached {
        if others.contains(*file) {
            let circle: Vec<&str> = reached
                .iter()
                .filter(|(other, back)| others.contains(**other) && back.contains(*file))
                .map(|(other, _)| *other)
                .collect();
            found.insert(circle.join(" ↔ "));
        }
    }
    found.into_iter().collect()
}

fn shared_names(tree: &Tree) -> Vec<String> {
    let mut homes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, text) in tree {
        for (number, line) in code(text) {
            let line = line.trim_start();
            let Some(item) = line.strip_prefix("pub") else {
                continue;
            };
            let item = match item.strip_prefix('(') {
                Some(rest) => rest.split_once(')').map_or("", |(_, item)| item),
                None => item,
            };
            for kind in ["struct ", "enum ", "trait ", "type ", "union "] {
                if let Some(rest) = item.trim_start().strip_prefix(kind)
                    && !rest.starts_with('$')
                {
                    homes
                        .entry(word(rest))
                        .or_default()
                        .insert(format!("{file}:{number}"));
                }
            }
        }
    }
    homes
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .map(|(name, places)| {
            format!(
                "{name}: {}",
                places.into_iter().collect::<Vec<_>>().join(", ")
            )
        })
        .collect()
}

/// Files of over [`TESTED_FROM`] lines with neither tests of their own nor a line that says where
/// they stand.
fn untested(tree: &Tree, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, text) in tree {
        let is_test = file.ends_with("/tests.rs")
            || file.ends_with("/testing.rs")
            || file.contains("/tests/");
        if is_test || text.lines().count() <= TESTED_FROM || text.contains("#[cfg(test)]") {
            continue;
        }
        let named: Vec<&str> = text
            .lines()
            .take_while(|line| line.starts_with("//!"))
            .filter_map(|line| line.strip_prefix("//! Tests: "))
            .flat_map(|line| line.split('`').skip(1).step_by(2))
            .collect();
        if named.is_empty() {
            faults.push(format!(
                "{file}: no tests beside it, and no line `//! Tests: `"
            ));
        }
        for path in named {
            if !exists(path) {
                faults.push(format!("{file}: names {path}, which is not there"));
            }
        }
    }
    faults
}

/// Public functions, types and constants without a doc comment. Fields may do without.
fn undocumented(tree: &Tree) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, text) in tree {
        if file.ends_with("/tests.rs") || file.ends_with("/testing.rs") {
            continue;
        }
        let (mut documented, mut in_attribute) = (false, false);
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line == "mod tests {" {
                break;
            }
            let is_item = [
                "fn", "const fn", "struct", "enum", "trait", "type", "const", "static",
            ]
            .iter()
            .any(|kind| {
                line.strip_prefix("pub ")
                    .is_some_and(|rest| rest.starts_with(&format!("{kind} ")))
            });
            // In a macro the name is the caller's.
            if is_item && !documented && !line.contains('$') {
                faults.push(format!("{file}:{}: {line}", number + 1));
            }
            // Attributes stand between a comment and its item.
            let opens = line.starts_with("#[");
            let is_comment = line.starts_with("//");
            documented =
                line.starts_with("///") || documented && (opens || in_attribute || is_comment);
            in_attribute = (opens || in_attribute) && !line.ends_with(']');
        }
    }
    faults
}

fn engine_outside_its_files(tree: &Tree) -> Vec<String> {
    let named = |(name, word, files): (&str, &str, &[&str])| -> Vec<String> {
        tree.iter()
            .filter(|(file, _)| !files.iter().any(|of| file.starts_with(of)))
            .filter(|(_, text)| code(text).any(|(_, line)| line.contains(word)))
            .map(|(file, _)| format!("{file} names {name}"))
            .collect()
    };
    [
        ("rusqlite", "rusqlite", &SQLITE_FILES[..]),
        ("postgres", "use postgres::", &POSTGRES_FILES[..]),
        ("postgres", "use tokio_postgres", &POSTGRES_FILES[..]),
    ]
    .into_iter()
    .flat_map(named)
    .collect()
}

/// Dependencies that no source file names.
fn unused_dependencies(manifest: &str, sources: &Tree) -> Vec<String> {
    let mut within = false;
    let mut unused = Vec::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            within = matches!(line, "[dependencies]" | "[dev-dependencies]");
        } else if within && let Some((name, _)) = line.split_once(" = ") {
            let name = name.trim().replace('-', "_");
            let (path, import) = (format!("{name}::"), format!("use {name}"));
            let is_named = sources.values().any(|text| {
                code(text).any(|(_, line)| line.contains(&path) || line.contains(&import))
            });
            if !is_named {
                unused.push(name);
            }
        }
    }
    unused
}

#[track_caller]
fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn imports_run_downward() {
    none(imports_upward(&read("src")));
    let planted = tree(&[(
        "src/net/reader.rs",
        "use crate::{\n    worker::Client,\n    wire::Frame,\n};\n",
    )]);
    assert_eq!(
        imports_upward(&planted),
        ["src/net/reader.rs:1: net imports worker, which is not below it"]
    );
    let beside = tree(&[("src/master/auth.rs", "fn f() { crate::worker::start(); }\n")]);
    assert_eq!(imports_upward(&beside).len(), 1);
}

#[test]
fn no_files_import_each_other() {
    none(circles(&read("src")));
    let planted = tree(&[
        ("src/a.rs", "mod b;\nmod c;\nuse b::B;\n"),
        ("src/a/b.rs", "use super::c::{C, D};\nuse super::A;\n"),
        ("src/a/c.rs", "use crate::{a::d::E, std::F};\n"),
        ("src/a/d.rs", "use super::{b::{B as Other}, A};\n"),
        ("src/f.rs", "mod g;\nmod h;\npub use g::G;\n"),
        ("src/f/g.rs", "use super::h::H;\n"),
        ("src/f/h.rs", "use super::G;\n"),
        (
            "src/e.rs",
            "use crate::a::b::B;\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}\n",
        ),
    ]);
    assert_eq!(
        circles(&planted),
        [
            "src/a/b.rs ↔ src/a/c.rs ↔ src/a/d.rs",
            "src/f/g.rs ↔ src/f/h.rs"
        ]
    );
}

#[test]
fn every_public_type_has_a_name_of_its_own() {
    none(shared_names(&read("src")));
    let planted = tree(&[
        ("src/a.rs", "pub struct Answer;\n"),
        ("src/b.rs", "    pub(super) enum Answer<T> {\n"),
        ("src/c.rs", "// pub struct Answer;\nstruct Answer;\n"),
    ]);
    assert_eq!(shared_names(&planted), ["Answer: src/a.rs:1, src/b.rs:1"]);
}

#[test]
fn every_file_of_more_than_100_lines_names_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    none(untested(&read("src"), |path| root.join(path).exists()));
    let long = "fn f() {}\n".repeat(TESTED_FROM + 1);
    let named = format!("//! spec/b.md\n//! Tests: `tests/b.rs`.\n{long}");
    let planted = tree(&[("src/a.rs", &long), ("src/b.rs", &named)]);
    assert_eq!(
        untested(&planted, |_| true),
        ["src/a.rs: no tests beside it, and no line `//! Tests: `"]
    );
    assert_eq!(untested(&planted, |_| false).len(), 2);
}

#[test]
fn every_public_item_has_a_doc_comment() {
    none(undocumented(&read("src")));
    let planted = tree(&[(
        "src/a.rs",
        "/// Good.\n#[derive(\n    Debug,\n)]\npub struct A {\n    pub field: u8,\n}\npub fn bad() {}\n",
    )]);
    assert_eq!(undocumented(&planted), ["src/a.rs:8: pub fn bad() {}"]);
}

#[test]
fn the_databases_crate_is_named_in_the_engines_files_alone() {
    none(engine_outside_its_files(&read("src")));
    let planted = tree(&[
        ("src/master/auth.rs", "use rusqlite::Connection;\n"),
        (
            "src/master/storage/ledger.rs",
            "use rusqlite::Connection;\n",
        ),
        (
            "src/master/storage/sqlite.rs",
            "use rusqlite::Connection;\nuse postgres::Client;\n",
        ),
    ]);
    assert_eq!(
        engine_outside_its_files(&planted),
        [
            "src/master/auth.rs names rusqlite",
            "src/master/storage/ledger.rs names rusqlite",
            "src/master/storage/sqlite.rs names postgres"
        ]
    );
}

#[test]
fn every_dependency_is_named() {
    let mut sources = read("src");
    for folder in ["bin", "tests", "etc"] {
        sources.append(&mut read(folder));
    }
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    none(unused_dependencies(&manifest, &sources));
    let planted = tree(&[("src/a.rs", "use hex;\n// csv::Reader\n")]);
    let manifest =
        "[dependencies]\nhex = \"1\"\ncsv = \"1\"\n[lints.rust]\nunsafe_code = \"forbid\"\n";
    assert_eq!(unused_dependencies(manifest, &planted), ["csv"]);
}
