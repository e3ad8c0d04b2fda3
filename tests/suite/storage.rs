//! spec/master/storage.md: who writes which table, and where SQL stands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const STORAGE: &str = "src/master/storage";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The sources, without their tests, by path.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(root())
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".rs")
                && !name.ends_with("/tests.rs")
                && !name.ends_with("/testing.rs")
            {
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.insert(name, code.to_owned());
            }
        }
    }
    found
}

/// The words between backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// What the page says of a method of `Tx`.
#[derive(Debug)]
struct Row {
    tables: BTreeSet<String>,
    writer: String,
}

fn page() -> BTreeMap<String, Row> {
    let text = fs::read_to_string(root().join("spec/master/storage.md")).unwrap();
    let section = text.split("## Who writes which table").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let writer = cells[3].split('`').nth(1).unwrap().to_owned();
        for method in quoted(cells[2]) {
            let tables = quoted(cells[1]);
            let writer = writer.clone();
            let twice = rows.insert(method.clone(), Row { tables, writer });
            assert!(twice.is_none(), "{method} stands in two rows");
        }
    }
    rows
}

/// The methods of `Tx` in a source, each with its text.
fn methods(code: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for block in code.split("\nimpl Tx<'_> {\n").skip(1) {
        let block = block.split("\n}\n").next().unwrap();
        for text in block.split(" fn ").skip(1) {
            let name = text.split(['(', '<']).next().unwrap();
            found.push((name.to_owned(), text.to_owned()));
        }
    }
    found
}

/// The tables that SQL in a text writes.
fn written(text: &str) -> BTreeSet<String> {
    ["INSERT INTO ", "UPDATE ", "DELETE FROM "]
        .iter()
        .flat_map(|verb| text.split(verb).skip(1))
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_lowercase() && c != '_')
                .next()
                .unwrap()
                .to_owned()
        })
        .filter(|table| !table.is_empty())
        .collect()
}

/// The statements for one row and for many that have a name of their own, each with its table.
fn named_statements(sources: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for code in sources.values() {
        for rest in code.split("static ").skip(1) {
            let Some((name, rest)) = rest.split_once(": RowsSql = RowsSql {") else {
                continue;
            };
            let table = rest.split('"').nth(1).unwrap();
            found.insert(name.to_owned(), table.to_owned());
        }
    }
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The tables that named statements in a text write.
fn written_by_name(text: &str, named: &BTreeMap<String, String>) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_uppercase() && c != '_')
        .filter_map(|word| named.get(word).cloned())
        .collect()
}

/// Whether a file belongs to a module of the master.
fn belongs(file: &str, module: &str) -> bool {
    let path = format!("src/master/{module}");
    file == format!("{path}.rs") || file.starts_with(&format!("{path}/"))
}

#[test]
fn each_table_is_written_by_the_module_that_the_page_names() {
    let (page, sources) = (page(), sources());
    let named = named_statements(&sources);
    let mut wrong = Vec::new();
    let mut known = BTreeSet::new();
    for (file, code) in sources.iter().filter(|(file, _)| belongs(file, "storage")) {
        for (method, text) in methods(code)
            .into_iter()
            .filter(|_| file.starts_with(&format!("{STORAGE}/")))
        {
            match page.get(&method) {
                None => wrong.push(format!("{file}: the page does not name {method}")),
                Some(row) => {
                    let mut tables = written(&text);
                    tables.append(&mut written_by_name(&text, &named));
                    for table in tables.difference(&row.tables) {
                        wrong.push(format!(
                            "{file}: {method} writes {table}, and the page has {row:?}"
                        ));
                    }
                }
            }
            known.insert(method);
        }
    }
    for (method, row) in &page {
        if !known.contains(method) {
            wrong.push(format!("the page names {method}, which is no method of Tx"));
        }
        let call = format!(".{method}(");
        let callers: Vec<&String> = sources
            .iter()
            .filter(|(_, code)| code.contains(&call))
            .map(|(file, _)| file)
            .collect();
        if callers.is_empty() {
            wrong.push(format!("nobody calls {method}"));
        }
        for file in callers
            .into_iter()
            .filter(|file| !belongs(file, &row.writer))
            // It fills databases that no process uses.
            .filter(|file| *file != "src/master/storage/bulk.rs")
        {
            wrong.push(format!(
                "{file} calls {method}, which {} alone may",
                row.writer
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_table_has_its_writer() {
    let on_page: BTreeSet<String> = page().into_values().flat_map(|row| row.tables).collect();
    let files = fs::read_dir(root().join("sql/sqlite")).unwrap();
    let files: BTreeSet<PathBuf> = files.map(|entry| entry.unwrap().path()).collect();
    let mut tables = BTreeSet::new();
    for file in files {
        for line in fs::read_to_string(file).unwrap().lines() {
            if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
                tables.insert(rest.split_whitespace().next().unwrap().to_owned());
            } else if let Some(rest) = line.strip_prefix("DROP TABLE ") {
                tables.remove(rest.trim_end_matches(';'));
            }
        }
    }
    // Only masters that share a database on a server have it.
    tables.insert("worker_keys".to_owned());
    assert_eq!(on_page, tables);
}

#[test]
fn stored_bars_are_written_by_assets_alone() {
    for (file, code) in sources() {
        let inside = belongs(&file, "storage") || belongs(&file, "assets");
        assert!(
            inside || !code.contains("BarStore"),
            "{file} names BarStore"
        );
    }
}

#[test]
fn the_engine_is_named_in_storage_alone() {
    let mut folders = vec![root().join("src"), root().join("bin")];
    let mut named = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::read(&path)
                .unwrap()
                .windows(8)
                .any(|word| word == b"rusqlite")
            {
                named.push(path);
            }
        }
    }
    assert!(!named.is_empty());
    for path in named {
        let path = path.strip_prefix(root()).unwrap();
        assert!(
            path.starts_with(Path::new(STORAGE)),
            "{} names rusqlite",
            path.display()
        );
    }
}
