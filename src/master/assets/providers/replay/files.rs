//! spec/master/assets/providers/replay.md · 3.1.6 (parsed, into a struct)
//!
//! Reads and checks the files of a replay. Bars that an earlier start has kept are not parsed again.

use super::super::super::provider::AssetsError;
use super::super::market_file::jumps::JumpFinder;
use super::super::market_file::kept::{KeptBars, KeptFolder, KeptWriter};
use super::super::market_file::{self, MarketFile, MarketRows, actions};
use crate::config::SymbolSelection;
use crate::daemon::StartProgress;
use crate::model::{Action, Bar, Symbol, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// How often a file is read that changes meanwhile.
const READ_TRIES: u32 = 3;
/// Rows between two looks at the clock, for telling how far the reading is.
const PROGRESS_ROWS: u64 = 4096;

/// A symbol's file that was read and can be replayed.
pub(super) struct ReplayFile {
    pub(super) file: MarketFile,
    /// The bars from the start on, in order of time.
    pub(super) bars: Vec<Bar>,
    /// All its bars, on disk; `None` where they cannot be kept.
    pub(super) kept: Option<KeptBars>,
}

/// What a folder holds for a replay.
#[derive(Default)]
pub(super) struct ReplayFiles {
    pub(super) files: BTreeMap<Symbol, ReplayFile>,
    pub(super) actions: Vec<Action>,
    /// Why the replay cannot start.
    pub(super) faults: Vec<String>,
    /// What the system does not read now: it is neither a fault nor left out.
    pub(super) passing: Option<AssetsError>,
    /// What is said of inputs that are strange or not used.
    pub(super) warnings: Vec<String>,
}

impl ReplayFiles {
    /// Chooses the files of the wanted symbols, and reads them and the actions. Where a list says
    /// what is wanted, other files do not matter, whatever their names are. `kept` is the folder of
    /// bars that earlier starts have kept; without one, all files are parsed.
    ///
    /// # Errors
    /// The folder cannot be read, or its `symbols.csv` is faulty.
    pub(super) fn read(
        directory: &Path,
        wanted: &SymbolSelection,
        start: Timestamp,
        kept: Option<&Path>,
    ) -> Result<ReplayFiles, AssetsError> {
        let folder = market_file::folder(directory)?;
        let mut chosen = folder.files;
        let mut read = ReplayFiles::default();
        match wanted {
            SymbolSelection::All => read.warnings = folder.passed_over,
            SymbolSelection::Listed(symbols) => {
                for symbol in symbols {
                    if !chosen.contains_key(symbol) {
                        read.faults.push(missing(directory, symbol));
                    }
                }
                chosen.retain(|symbol, _| symbols.contains(symbol));
                let twins = folder.twins.into_iter();
                let is_wanted = |twin: &(Symbol, String)| symbols.contains(&twin.0);
                read.warnings
                    .extend(twins.filter(is_wanted).map(|twin| twin.1));
            }
        }
        match actions::of_folder(directory, &chosen) {
            Ok(actions) => read.actions = actions,
            Err(fault) if fault.is_passing() => return Err(fault),
            Err(fault) => {
                let lines = fault.to_string();
                read.faults.extend(lines.lines().map(str::to_owned));
            }
        }
        read.add(chosen, wanted, start, kept);
        Ok(read)
    }

    /// Reads and checks all files. A faulty one is a fault where a list asks for it, and otherwise
    /// leaves its asset out. Returns how many were not parsed.
    fn add(
        &mut self,
        chosen: BTreeMap<Symbol, MarketFile>,
        wanted: &SymbolSelection,
        start: Timestamp,
        kept: Option<&Path>,
    ) -> usize {
        let kept = kept.and_then(|path| {
            let opened = KeptFolder::open(path);
            opened.map_err(|error| warn_unkept(path, &error)).ok()
        });
        let mut splits: BTreeMap<Symbol, Vec<Action>> = BTreeMap::new();
        for action in &self.actions {
            splits.entry(action.symbol).or_default().push(*action);
        }
        let mut reader = FileReader {
            start,
            progress: ReadProgress::of(&chosen),
            kept,
            known: 0,
        };
        for (symbol, file) in chosen {
            let own = splits.get(&symbol).map_or(&[][..], Vec::as_slice);
            match reader.read(symbol, file, own) {
                Ok((file, warnings)) => {
                    self.warnings.extend(warnings);
                    self.files.insert(symbol, file);
                }
                Err(faults) => {
                    let passing = faults.iter().find(|fault| fault.is_passing());
                    self.passing = self.passing.take().or(passing.cloned());
                    let mut faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
                    match wanted {
                        SymbolSelection::Listed(_) => self.faults.extend(faults),
                        SymbolSelection::All => {
                            if let Some(last) = faults.last_mut() {
                                last.push_str(&format!(": {symbol} is left out"));
                            }
                            self.warnings.extend(faults);
                        }
                    }
                }
            }
            reader.progress.done += 1;
        }
        if let Some(kept) = &reader.kept {
            kept.retain(self.files.keys());
            crate::info!(
                "market files: {} of {} are as an earlier start has read them; {} rows of the \
                 others were parsed",
                reader.known,
                reader.progress.files,
                reader.progress.rows
            );
        }
        reader.known
    }
}

fn warn_unkept(path: &Path, error: &io::Error) {
    crate::warn!(
        "{}: the bars of market files cannot be kept here, so that the next start parses all files \
         again: {error}",
        path.display()
    );
}

fn missing(directory: &Path, symbol: &Symbol) -> String {
    let directory = directory.display();
    if symbol.as_str().contains('/') {
        format!(
            "{directory}: {symbol} is on the list of assets, and no file name can hold a /: give it \
             a file in {}",
            market_file::SYMBOLS_FILE
        )
    } else {
        format!(
            "{directory}: the folder holds no {symbol}.csv, and {symbol} is on the list of assets"
        )
    }
}

/// How far the reading of all files is.
struct ReadProgress {
    told: StartProgress,
    /// Files that are read, of so many.
    done: usize,
    files: usize,
    /// Bytes of the files that are read, of so many.
    bytes: u64,
    of: u64,
    /// Rows that were parsed.
    rows: u64,
}

impl ReadProgress {
    fn of(chosen: &BTreeMap<Symbol, MarketFile>) -> ReadProgress {
        ReadProgress {
            told: StartProgress::default(),
            done: 0,
            files: chosen.len(),
            bytes: 0,
            of: chosen.values().map(size).sum(),
            rows: 0,
        }
    }

    /// Tells how far it is, now and then; `more` bytes of the present file are read.
    fn step(&mut self, more: u64) {
        let percent = (self.bytes + more).saturating_mul(100) / self.of.max(1);
        let (percent, done, files, rows) = (percent.min(100), self.done, self.files, self.rows);
        self.told.step(|| {
            format!("market files: {percent} % read, {done} of {files} files; {rows} rows parsed")
        });
    }
}

fn size(file: &MarketFile) -> u64 {
    file.path.metadata().map_or(0, |found| found.len())
}

/// Reads one file after the other.
struct FileReader {
    start: Timestamp,
    progress: ReadProgress,
    /// Where bars are kept; `None` where they cannot be.
    kept: Option<KeptFolder>,
    /// Files that were not parsed.
    known: usize,
}

impl FileReader {
    /// Reads and checks a whole file, or takes what an earlier start has kept of it. Returns it with
    /// what is strange about its first [`market_file::FAULTS_OF_FILE_MAX`] strange rows.
    ///
    /// # Errors
    /// The file's faults: of its first faulty rows, or of the whole file.
    fn read(
        &mut self,
        symbol: Symbol,
        file: MarketFile,
        actions: &[Action],
    ) -> Result<(ReplayFile, Vec<String>), Vec<AssetsError>> {
        let found = self.find(symbol, &file, actions);
        let read = match found {
            Some((bars, kept)) => {
                self.known += 1;
                let warnings = kept.warnings().to_vec();
                Ok((bars, Some(kept), warnings))
            }
            None => self.parse(symbol, &file, actions),
        };
        self.progress.bytes += size(&file);
        self.progress.step(0);
        let (bars, kept, warnings) = read?;
        Ok((ReplayFile { file, bars, kept }, warnings))
    }

    fn find(
        &self,
        symbol: Symbol,
        file: &MarketFile,
        actions: &[Action],
    ) -> Option<(Vec<Bar>, KeptBars)> {
        let kept = self.kept.as_ref()?.find(&symbol, file, actions.iter())?;
        Some((kept.since(self.start).ok()?, kept))
    }

    #[expect(
        clippy::type_complexity,
        reason = "what a file is read into, taken apart at once"
    )]
    fn parse(
        &mut self,
        symbol: Symbol,
        file: &MarketFile,
        actions: &[Action],
    ) -> Result<(Vec<Bar>, Option<KeptBars>, Vec<String>), Vec<AssetsError>> {
        for _ in 0..READ_TRIES {
            let began = SystemTime::now();
            let mut rows = MarketRows::open(file).map_err(|fault| vec![fault])?;
            let mut writer = self.writer(symbol, file, &rows, actions, began);
            let read = self.parse_rows(file, &mut rows, actions, &mut writer);
            if !rows.is_unchanged() {
                continue;
            }
            let (bars, warnings) = read?;
            let kept = writer.map(|writer| writer.finish(&warnings)).transpose();
            let kept = kept.unwrap_or_else(|error| self.stop_keeping(&error));
            return Ok((bars, kept, warnings));
        }
        Err(vec![AssetsError::Failed(format!(
            "{}: it changes while it is read",
            file.path.display()
        ))])
    }

    fn writer(
        &mut self,
        symbol: Symbol,
        file: &MarketFile,
        rows: &MarketRows,
        actions: &[Action],
        began: SystemTime,
    ) -> Option<KeptWriter> {
        let folder = self.kept.as_ref()?;
        let kept = folder.keep(&symbol, file, rows.identity(), actions.iter(), began);
        kept.map(Some)
            .unwrap_or_else(|error| self.stop_keeping(&error))
    }

    /// Goes on without keeping anything.
    fn stop_keeping<T>(&mut self, error: &io::Error) -> Option<T> {
        if let Some(folder) = self.kept.take() {
            warn_unkept(folder.path(), error);
        }
        None
    }

    fn parse_rows(
        &mut self,
        file: &MarketFile,
        rows: &mut MarketRows,
        actions: &[Action],
        writer: &mut Option<KeptWriter>,
    ) -> Result<(Vec<Bar>, Vec<String>), Vec<AssetsError>> {
        let (mut bars, mut any) = (Vec::new(), false);
        let (mut faults, mut warnings) = (Vec::new(), Vec::new());
        let mut jumps = JumpFinder::new(actions.iter());
        while faults.len() < market_file::FAULTS_OF_FILE_MAX {
            let bar = match rows.next_bar() {
                Ok(None) => break,
                Ok(Some(bar)) => bar,
                Err(fault) => {
                    faults.push(fault);
                    continue;
                }
            };
            any = true;
            self.progress.rows += 1;
            if self.progress.rows.is_multiple_of(PROGRESS_ROWS) {
                self.progress.step(rows.bytes());
            }
            if let Some(jump) = jumps.see(rows.line(), &bar)
                && warnings.len() < market_file::FAULTS_OF_FILE_MAX
            {
                warnings.push(AssetsError::at_line(&file.path, rows.line(), jump).to_string());
            }
            if bar.time >= self.start {
                bars.push(bar);
            }
            if let Some(Err(error)) = writer.as_mut().map(|writer| writer.add(&bar)) {
                *writer = self.stop_keeping(&error);
            }
        }
        if let (nulls @ 1.., line) = rows.null_rows {
            let text = format!(
                "this row and {} others have no prices, and are passed over",
                nulls - 1
            );
            warnings.push(AssetsError::at_line(&file.path, line, text).to_string());
        }
        if !any && faults.is_empty() {
            faults.push(AssetsError::in_file(&file.path, "the file holds no bar"));
        }
        if faults.is_empty() {
            Ok((bars, warnings))
        } else {
            Err(faults)
        }
    }
}

#[cfg(test)]
mod tests;
