//! spec/description.md · 4.5, 4.6
//!
//! Writes the tables into the pages of `spec/`, between two markers.
//!
//! Tests: `tests/suite/protocol/described.rs`.

use super::{Description, describe, tables};
use std::path::{Path, PathBuf};

/// The description's file, below `spec/`.
pub const FILE: &str = "wire/papertrader.json";

/// A page with its text as it should be.
#[derive(Debug)]
pub struct Page {
    /// The file.
    pub path: PathBuf,
    /// The text that it has.
    pub is: String,
    /// The text that it should have.
    pub should: String,
}

/// The description and the pages that have tables made from it, in this `spec/` folder.
///
/// # Errors
/// A file cannot be read, a page lacks its markers, or there is no such table.
pub fn all(folder: &Path) -> Result<Vec<Page>, String> {
    let description = describe();
    let path = folder.join(FILE);
    let mut all = vec![Page {
        is: std::fs::read_to_string(&path).unwrap_or_default(),
        should: description.json().map_err(|e| e.to_string())?,
        path,
    }];
    for table in tables::ALL {
        let path = folder.join(table.page);
        if all.iter().any(|page| page.path == path) {
            continue;
        }
        let is = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let should = with_tables(&description, table.page, &is)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        all.push(Page { path, is, should });
    }
    Ok(all)
}

/// Writes the pages that are not as they should be. Returns their paths.
///
/// # Errors
/// Those of [`all`], or a file cannot be written.
pub fn update(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut written = Vec::new();
    for page in all(folder)? {
        if page.is != page.should {
            let named = |e: std::io::Error| format!("{}: {e}", page.path.display());
            std::fs::write(&page.path, &page.should).map_err(named)?;
            written.push(page.path);
        }
    }
    Ok(written)
}

/// The text with each of the page's tables between its markers.
fn with_tables(description: &Description, page: &str, text: &str) -> Result<String, String> {
    let mut text = text.to_owned();
    for table in tables::ALL.iter().filter(|table| table.page == page) {
        let (begin, end) = markers(table.name);
        let lacks = || format!("the marker {begin} or its {end} is missing");
        let (before, rest) = text.split_once(&begin).ok_or_else(lacks)?;
        let (_, after) = rest.split_once(&end).ok_or_else(lacks)?;
        text = format!(
            "{before}{begin}\n\n{}\n\n{end}{after}",
            table.markdown(description)
        );
    }
    Ok(text)
}

/// The lines around a table.
fn markers(table: &str) -> (String, String) {
    (
        format!("<!-- {table}: made by `make describe` -->"),
        format!("<!-- end of {table} -->"),
    )
}
