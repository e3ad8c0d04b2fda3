//! spec/dialogue.md · 4 The Protocol
//!
//! The fixtures that programs carry: dialogues and golden frames.
//!
//! Tests: `src/dialogue/conform.rs`.

use super::raw;
use include_dir::{Dir, include_dir};
use std::path::Path;

/// A file that is added to a folder is carried from the next build of this file on.
static DIALOGUES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/tests/fixtures");

/// The dialogues: the file's name and its text, by name.
pub fn dialogues() -> impl Iterator<Item = (&'static str, &'static str)> {
    texts(&DIALOGUES, "pt")
}

/// The files of a market that dialogues name: names and texts. None where there is no such market.
pub fn market(name: &str) -> Vec<(&'static str, &'static str)> {
    let folder = DIALOGUES.get_dir(format!("markets/{name}"));
    folder
        .map(|folder| texts(folder, "csv").collect())
        .unwrap_or_default()
}

/// The text of a file that a dialogue includes, by its path from the folder of the dialogues.
///
/// # Errors
/// There is no such file.
pub fn included(path: &Path) -> Result<String, String> {
    let file = DIALOGUES.get_file(path);
    file.and_then(|file| file.contents_utf8())
        .map(str::to_owned)
        .ok_or_else(|| "this program carries no such file".to_owned())
}

/// The golden frames: the file's name without its ending, and its bytes, by name. A file that has
/// another form is left out; the suite's tests of golden frames rule it out.
pub fn golden_frames() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let folder = DIALOGUES.get_dir("frames");
    folder.into_iter().flat_map(|folder| {
        texts(folder, "hex").filter_map(|(name, text)| {
            let name = name.strip_suffix(".hex")?;
            Some((name, raw::read(text).ok()?))
        })
    })
}

/// The files of a folder that have this ending, by name.
fn texts(
    folder: &'static Dir<'static>,
    ending: &'static str,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let mut files: Vec<_> = folder
        .files()
        .filter(|file| file.path().extension().is_some_and(|end| end == ending))
        .filter_map(|file| Some((file.path().file_name()?.to_str()?, file.contents_utf8()?)))
        .collect();
    files.sort_unstable();
    files.into_iter()
}
