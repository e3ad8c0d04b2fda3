//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Keeps the bars of market files in the data folder, in binary form, so that a later start parses
//! only files that are new or changed.
//!
//! Tests: `src/master/assets/providers/replay/files/tests.rs`.

use super::MarketFile;
use crate::model::{Action, ActionKind, Bar, Money, Symbol, Timestamp};
use crate::runtime::ownership::create_private_folder;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Counts up with each change of what a file's text means, so that no bars of an earlier reading are
/// taken.
const READER_VERSION: u32 = 1;
/// Bars in one chunk of a kept file.
pub(in crate::master::assets::providers) const CHUNK_BARS_MAX: usize = 4096;
/// A bar: time, four prices, volume.
const BAR_BYTES: usize = 48;
/// A checksum.
const SUM_BYTES: usize = 8;
/// The end of a kept file: the length of its description, the checksum of that, and [`MAGIC`].
const END_BYTES: u64 = 24;
/// The longest description of a kept file: that of some seven billion bars.
const DESCRIPTION_BYTES_MAX: u64 = 32 << 20;
/// The last bytes of a kept file.
const MAGIC: &[u8; 8] = b"PTkept01";
/// The end of a kept file's name.
const SUFFIX: &str = ".bars";
/// The time within which two changes of a file may have the same stamp, where the file system's
/// stamps are finer than a second.
const FINE_STAMP_MAX: Duration = Duration::from_millis(50);
/// The same, where stamps are whole seconds, or even ones.
const COARSE_STAMP_MAX: Duration = Duration::from_secs(2);

/// What tells a file from another one, and from itself before a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::master::assets::providers) struct FileIdentity {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds of the last change of the content.
    modified: (i64, i64),
    /// Seconds and nanoseconds of the last change of anything. Nobody can set it.
    changed: (i64, i64),
}

impl FileIdentity {
    pub(super) fn of(found: &Metadata) -> FileIdentity {
        FileIdentity {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether a change after `read` shows in the identity: the stamps are so old that none of a
    /// later change can be the same.
    fn is_settled(&self, read: SystemTime) -> bool {
        let fine = self.changed.1 != 0;
        let span = if fine {
            FINE_STAMP_MAX
        } else {
            COARSE_STAMP_MAX
        };
        let Ok(read) = read.duration_since(UNIX_EPOCH) else {
            return false;
        };
        let Some(before) = read.checked_sub(span) else {
            return false;
        };
        let before = (
            i64::try_from(before.as_secs()).unwrap_or(i64::MAX),
            i64::from(before.subsec_nanos()),
        );
        self.changed < before && self.modified < before
    }
}

/// What a kept file says of itself, behind its bars.
#[derive(Debug, Serialize, Deserialize)]
struct Description {
    /// Of which file, read how, it has the bars.
    key: String,
    /// Whether the file's identity shows all later changes.
    is_settled: bool,
    bars: u64,
    /// The time of each chunk's first bar.
    firsts: Vec<i64>,
    /// What was strange about the file.
    warnings: Vec<String>,
}

/// The folder of kept files.
#[derive(Debug)]
pub(in crate::master::assets::providers) struct KeptFolder {
    path: PathBuf,
}

impl KeptFolder {
    /// Opens the folder, and makes it where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub(in crate::master::assets::providers) fn open(path: &Path) -> io::Result<KeptFolder> {
        create_private_folder(path)?;
        Ok(KeptFolder {
            path: path.to_owned(),
        })
    }

    /// Its path.
    pub(in crate::master::assets::providers) fn path(&self) -> &Path {
        &self.path
    }

    /// The place of a symbol's kept file. No symbol has a `_`.
    fn place(&self, symbol: &Symbol) -> PathBuf {
        let name = symbol.as_str().replace('/', "_");
        self.path.join(format!("{name}{SUFFIX}"))
    }

    /// The kept bars of a file that has not changed since they were read. `actions` are those of
    /// its asset.
    pub(in crate::master::assets::providers) fn find<'a>(
        &self,
        symbol: &Symbol,
        file: &MarketFile,
        actions: impl Iterator<Item = &'a Action>,
    ) -> Option<KeptBars> {
        let now = FileIdentity::of(&fs::metadata(&file.path).ok()?);
        let kept = KeptBars::open(self.place(symbol)).ok()?;
        let is_same = kept.description.key == key(file, &now, actions);
        (is_same && kept.description.is_settled).then_some(kept)
    }

    /// Begins to keep the bars of a file with this identity.
    ///
    /// # Errors
    /// The disk is full, or cannot be written.
    pub(in crate::master::assets::providers) fn keep<'a>(
        &self,
        symbol: &Symbol,
        file: &MarketFile,
        identity: &FileIdentity,
        actions: impl Iterator<Item = &'a Action>,
        read: SystemTime,
    ) -> io::Result<KeptWriter> {
        let place = self.place(symbol);
        let part = place.with_extension("part");
        let _ = fs::remove_file(&part);
        let open = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        Ok(KeptWriter {
            file: BufWriter::new(open),
            part,
            place,
            chunk: Vec::new(),
            description: Description {
                key: key(file, identity, actions),
                is_settled: identity.is_settled(read),
                bars: 0,
                firsts: Vec::new(),
                warnings: Vec::new(),
            },
        })
    }

    /// Removes the kept files of all symbols but these.
    pub(in crate::master::assets::providers) fn retain<'a>(
        &self,
        symbols: impl Iterator<Item = &'a Symbol>,
    ) {
        let wanted: HashSet<PathBuf> = symbols.map(|symbol| self.place(symbol)).collect();
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let path = entry.path();
            let is_ours = path
                .extension()
                .is_some_and(|end| end == "bars" || end == "part");
            if is_ours && !wanted.contains(&path) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// All that decides which bars and warnings come out of a file.
fn key<'a>(
    file: &MarketFile,
    identity: &FileIdentity,
    actions: impl Iterator<Item = &'a Action>,
) -> String {
    let mut key = format!(
        "{} {READER_VERSION} {identity:?} {} {:?}",
        env!("CARGO_PKG_VERSION"),
        file.factor,
        file.path
    );
    for action in actions {
        if let ActionKind::Split(ratio) = action.kind {
            // Writing to a String cannot fail.
            let _ = write!(key, " {} {ratio}", action.time.0);
        }
    }
    key
}

/// Writes the bars of one file.
#[derive(Debug)]
pub(in crate::master::assets::providers) struct KeptWriter {
    file: BufWriter<File>,
    part: PathBuf,
    place: PathBuf,
    /// The bytes of the chunk that is not full yet.
    chunk: Vec<u8>,
    description: Description,
}

impl KeptWriter {
    /// Adds the next bar, in order of time.
    ///
    /// # Errors
    /// The disk is full, or cannot be written.
    pub(in crate::master::assets::providers) fn add(&mut self, bar: &Bar) -> io::Result<()> {
        if self.chunk.is_empty() {
            self.description.firsts.push(bar.time.0);
        }
        let prices = [bar.open, bar.high, bar.low, bar.close].map(|price| price.0);
        self.chunk.extend_from_slice(&bar.time.0.to_le_bytes());
        for price in prices {
            self.chunk.extend_from_slice(&price.to_le_bytes());
        }
        self.chunk.extend_from_slice(&bar.volume.to_le_bytes());
        self.description.bars += 1;
        if self.chunk.len() == CHUNK_BARS_MAX * BAR_BYTES {
            self.end_chunk()?;
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> io::Result<()> {
        self.file.write_all(&self.chunk)?;
        self.file.write_all(&checksum(&self.chunk).to_le_bytes())?;
        self.chunk.clear();
        Ok(())
    }

    /// Completes the file, and gives it its place. It is not synced: what a crash damages has a
    /// wrong checksum, and is read again.
    ///
    /// # Errors
    /// The disk is full, or cannot be written.
    pub(in crate::master::assets::providers) fn finish(
        mut self,
        warnings: &[String],
    ) -> io::Result<KeptBars> {
        if !self.chunk.is_empty() {
            self.end_chunk()?;
        }
        self.description.warnings = warnings.to_vec();
        let text = serde_json::to_vec(&self.description)?;
        let length = u64::try_from(text.len()).unwrap_or(u64::MAX);
        self.file.write_all(&text)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(&checksum(&text).to_le_bytes())?;
        self.file.write_all(MAGIC)?;
        self.file.flush()?;
        fs::rename(&self.part, &self.place)?;
        KeptBars::open(self.place.clone())
    }
}

impl Drop for KeptWriter {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

/// The bars of one market file, in its kept file.
#[derive(Debug)]
pub(in crate::master::assets::providers) struct KeptBars {
    path: PathBuf,
    description: Description,
}

impl KeptBars {
    fn open(path: PathBuf) -> io::Result<KeptBars> {
        let file = File::open(&path)?;
        let size = file.metadata()?.len();
        let end_at = size.checked_sub(END_BYTES).ok_or_else(damaged)?;
        let mut end = [0; 24];
        file.read_exact_at(&mut end, end_at)?;
        let (length, sum, magic) = (word(&end[..8]), word(&end[8..16]), &end[16..]);
        let text_at = end_at.checked_sub(length).ok_or_else(damaged)?;
        if magic != MAGIC || length > DESCRIPTION_BYTES_MAX {
            return Err(damaged());
        }
        let mut text = Vec::new();
        let mut rest = &file;
        io::Seek::seek(&mut rest, io::SeekFrom::Start(text_at))?;
        rest.take(length).read_to_end(&mut text)?;
        if checksum(&text) != sum {
            return Err(damaged());
        }
        let description: Description = serde_json::from_slice(&text)?;
        let chunks = u64::try_from(description.firsts.len()).unwrap_or(u64::MAX);
        if chunks != description.bars.div_ceil(chunk_bars()) {
            return Err(damaged());
        }
        Ok(KeptBars { path, description })
    }

    /// What was strange about the market file.
    pub(in crate::master::assets::providers) fn warnings(&self) -> &[String] {
        &self.description.warnings
    }

    /// All bars at and after `start`.
    ///
    /// # Errors
    /// The kept file is damaged, or cannot be read.
    pub(in crate::master::assets::providers) fn since(
        &self,
        start: Timestamp,
    ) -> io::Result<Vec<Bar>> {
        let file = File::open(&self.path)?;
        let firsts = &self.description.firsts;
        let begin = firsts.partition_point(|first| *first < start.0);
        let mut bars = Vec::new();
        for chunk in begin.saturating_sub(1)..firsts.len() {
            self.read_chunk(&file, chunk, &mut bars)?;
            if bars.first().is_some_and(|bar| bar.time < start) {
                bars.retain(|bar| bar.time >= start);
            }
        }
        Ok(bars)
    }

    /// The next bars after `after` that are past, in order of time, and whether more follow.
    ///
    /// # Errors
    /// The kept file is damaged, or cannot be read.
    pub(in crate::master::assets::providers) fn page(
        &self,
        after: Option<Timestamp>,
        is_past: impl Fn(Timestamp) -> bool,
    ) -> io::Result<(Vec<Bar>, bool)> {
        let file = File::open(&self.path)?;
        let firsts = &self.description.firsts;
        let is_before = |time: Timestamp| after.is_some_and(|after| time <= after);
        let begin = firsts.partition_point(|first| is_before(Timestamp(*first)));
        let mut bars = Vec::new();
        for chunk in begin.saturating_sub(1)..firsts.len() {
            self.read_chunk(&file, chunk, &mut bars)?;
            bars.retain(|bar| !is_before(bar.time) && is_past(bar.time));
            let next = firsts.get(chunk + 1).copied().map(Timestamp);
            let more = next.is_some_and(&is_past);
            if !bars.is_empty() || !more {
                return Ok((bars, more));
            }
        }
        Ok((bars, false))
    }

    fn read_chunk(&self, file: &File, chunk: usize, bars: &mut Vec<Bar>) -> io::Result<()> {
        let before = u64::try_from(chunk).map_err(|_| damaged())? * chunk_bars();
        let left = self.description.bars.saturating_sub(before);
        let count = usize::try_from(left.min(chunk_bars())).map_err(|_| damaged())?;
        let stride = u64::try_from(CHUNK_BARS_MAX * BAR_BYTES + SUM_BYTES).unwrap_or(u64::MAX);
        let mut bytes = vec![0; count * BAR_BYTES + SUM_BYTES];
        file.read_exact_at(&mut bytes, before / chunk_bars() * stride)?;
        let (bytes, sum) = bytes.split_at(count * BAR_BYTES);
        if checksum(bytes) != word(sum) {
            return Err(damaged());
        }
        bars.extend(bytes.chunks_exact(BAR_BYTES).map(|bytes| {
            let signed = |at: usize| word(&bytes[at..at + 8]).cast_signed();
            Bar {
                time: Timestamp(signed(0)),
                open: Money(signed(8)),
                high: Money(signed(16)),
                low: Money(signed(24)),
                close: Money(signed(32)),
                volume: word(&bytes[40..]),
            }
        }));
        Ok(())
    }
}

fn chunk_bars() -> u64 {
    u64::try_from(CHUNK_BARS_MAX).unwrap_or(u64::MAX)
}

fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the kept file is damaged")
}

fn word(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A checksum against damage, not against forgery: the folder is the daemon's alone.
fn checksum(bytes: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |sum: u64, word: u64| (sum.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    let sum = words
        .iter()
        .fold(FACTOR, |sum, bytes| mix(sum, u64::from_le_bytes(*bytes)));
    rest.iter().fold(sum, |sum, byte| mix(sum, (*byte).into()))
}
