//! spec/master/assets/providers/replay.md · 3.1.6

use super::*;
use crate::config::{ReplayEnd, ReplaySettings};
use crate::master::assets::provider::{HistoryRequest, Provider};
use crate::master::assets::providers::market_file::kept::CHUNK_BARS_MAX;
use crate::master::assets::providers::replay::ReplayProvider;
use std::fs;
use std::time::{Duration, Instant, UNIX_EPOCH};

const HEAD: &str = "Date,Open,High,Low,Close,Volume\n";

struct Folder {
    market: tempfile::TempDir,
    data: tempfile::TempDir,
}

impl Folder {
    fn new() -> Folder {
        Folder {
            market: tempfile::tempdir().unwrap(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.market.path().join(name);
        fs::write(&path, text).unwrap();
    }

    /// Waits until a change after now shows in the stamps of the file system.
    fn settle(&self) {
        let probe = self.market.path().join("probe");
        let begin = {
            fs::write(&probe, "").unwrap();
            fs::metadata(&probe).unwrap().modified().unwrap()
        };
        loop {
            fs::write(&probe, "").unwrap();
            let now = fs::metadata(&probe).unwrap().modified().unwrap();
            if now.duration_since(begin).unwrap_or_default() > Duration::from_millis(100) {
                break;
            }
            std::thread::yield_now();
        }
        fs::remove_file(probe).unwrap();
    }

    fn kept(&self) -> std::path::PathBuf {
        self.data.path().join("bars")
    }

    /// Reads all; returns what was read and how many files were not parsed.
    fn read(&self, start: &str) -> (ReplayFiles, usize) {
        let mut files = ReplayFiles::default();
        let folder = market_file::folder(self.market.path()).unwrap();
        files.actions = actions::of_folder(self.market.path(), &folder.files).unwrap();
        let start = Timestamp::parse(start).unwrap();
        let kept = self.kept();
        let known = files.add(folder.files, &SymbolSelection::All, start, Some(&kept));
        (files, known)
    }

    fn known(&self) -> usize {
        self.read("2000-01-01").1
    }
}

fn days(count: i64, price: u32) -> String {
    let begin = Timestamp::parse("2000-01-01").unwrap();
    let mut text = HEAD.to_owned();
    for day in 0..count {
        let date = begin.plus_days(day).date();
        text.push_str(&format!("{date},{price},{price},{price},{price},{day}\n"));
    }
    text
}

#[test]
fn an_unchanged_file_is_not_parsed_again() {
    let folder = Folder::new();
    let count = i64::try_from(CHUNK_BARS_MAX).unwrap() * 2 + 5;
    folder.write("A.csv", &days(count, 7));
    folder.write(
        "B.csv",
        &format!("{HEAD}2000-01-01,1,1,1,1,5\n2000-01-02,100,100,100,100,5\n"),
    );
    folder.write("C.csv", "faulty");
    folder.settle();
    let (first, known) = folder.read("2000-01-01");
    assert_eq!((known, first.files.len()), (0, 2));
    let (second, known) = folder.read("2000-01-01");
    assert_eq!(known, 2);
    assert_eq!(second.warnings, first.warnings);
    assert_eq!(second.warnings.len(), 2, "{:?}", second.warnings);
    for (symbol, file) in &first.files {
        assert_eq!(file.bars, second.files[symbol].bars, "{symbol}");
    }
    // Another start takes another part of the same bars.
    let begin = Timestamp::parse("2000-01-01").unwrap();
    for left in [4102_i32, 4101, 4100, 3, 0] {
        let start = begin.plus_days(count - i64::from(left)).date().to_string();
        let left = usize::try_from(left).unwrap();
        let (later, known) = folder.read(&start);
        let bars = &later.files[&Symbol::parse("A").unwrap()].bars;
        assert_eq!((known, bars.len()), (2, left), "{start}");
        assert!(
            bars.iter()
                .all(|bar| bar.time >= Timestamp::parse(&start).unwrap())
        );
    }
}

#[test]
fn each_change_of_a_file_is_seen() {
    let folder = Folder::new();
    let path = |name: &str| folder.market.path().join(name);
    folder.write("A.csv", &days(3, 7));
    folder.write("B.csv", &days(3, 7));
    folder.settle();
    assert_eq!((folder.known(), folder.known()), (0, 2));
    // In place, of the same size, with the old time of change.
    let then = fs::metadata(path("A.csv")).unwrap().modified().unwrap();
    folder.write("A.csv", &days(3, 8));
    fs::File::options()
        .write(true)
        .open(path("A.csv"))
        .unwrap()
        .set_modified(then)
        .unwrap();
    folder.settle();
    let (read, known) = folder.read("2000-01-01");
    assert_eq!(known, 1);
    let price = read.files[&Symbol::parse("A").unwrap()].bars[0].close;
    assert_eq!(price.to_string(), "8");
    assert_eq!(folder.known(), 2);
    // Another file under its name.
    folder.write("new", &days(3, 9));
    fs::File::options()
        .write(true)
        .open(path("new"))
        .unwrap()
        .set_modified(then)
        .unwrap();
    fs::rename(path("new"), path("A.csv")).unwrap();
    folder.settle();
    assert_eq!((folder.known(), folder.known()), (1, 2));
    // What changes its meaning.
    folder.write(
        "actions.csv",
        "Date,Symbol,Action,Value\n2000-01-02,B,split,2\n",
    );
    assert_eq!((folder.known(), folder.known()), (1, 2));
    folder.write("symbols.csv", "Symbol,File,Name,Currency,Factor\nA,,,,10\n");
    assert_eq!((folder.known(), folder.known()), (1, 2));
    // A file that is gone leaves nothing behind.
    fs::remove_file(path("B.csv")).unwrap();
    assert_eq!(folder.known(), 1);
    assert_eq!(fs::read_dir(folder.kept()).unwrap().count(), 1);
}

#[test]
fn a_file_as_young_as_its_reading_is_not_trusted() {
    let folder = Folder::new();
    folder.write("A.csv", &days(3, 7));
    let path = folder.market.path().join("A.csv");
    // Its stamp is of the future, so no change until then would show.
    let future = SystemTime::now() + Duration::from_secs(3600);
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(future)
        .unwrap();
    folder.settle();
    assert_eq!((folder.known(), folder.known()), (0, 0));
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(UNIX_EPOCH)
        .unwrap();
    folder.settle();
    assert_eq!((folder.known(), folder.known()), (0, 1));
}

#[test]
fn a_damaged_kept_file_is_read_anew() {
    let folder = Folder::new();
    let count = i64::try_from(CHUNK_BARS_MAX).unwrap() + 5;
    folder.write("A.csv", &days(count, 7));
    folder.settle();
    assert_eq!((folder.known(), folder.known()), (0, 1));
    let kept = folder.kept().join("A.bars");
    let whole = fs::read(&kept).unwrap();
    for at in [
        0,
        100_000,
        196_700,
        whole.len() - 100,
        whole.len() - 20,
        whole.len() - 1,
    ] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(&kept, &bytes).unwrap();
        assert_eq!((folder.known(), folder.known()), (0, 1), "byte {at}");
    }
    for length in [0, 10, whole.len() - 1, 4096] {
        fs::write(&kept, &whole[..length]).unwrap();
        assert_eq!((folder.known(), folder.known()), (0, 1), "{length} bytes");
    }
}

#[test]
fn the_past_is_the_same_from_kept_bars() {
    let folder = Folder::new();
    let count = i64::try_from(CHUNK_BARS_MAX).unwrap() * 2 + 5;
    folder.write("A.csv", &days(count, 7));
    let begin = Timestamp::parse("2000-01-01").unwrap();
    let settings = ReplaySettings {
        directory: folder.market.path().to_owned(),
        start: begin.plus_days(count - 1),
        at_end: ReplayEnd::Stop,
    };
    let kept = folder.kept();
    let past = |kept: Option<&Path>, damage: bool| {
        let interval = Duration::from_secs(1);
        let open = ReplayProvider::open(&settings, &SymbolSelection::All, interval, kept);
        let mut replay = open.unwrap();
        let (mut times, mut after) = (Vec::new(), None);
        loop {
            let ask = HistoryRequest {
                symbol: Symbol::parse("A").unwrap(),
                after,
                until: None,
                deadline: Instant::now(),
            };
            let page = replay.history(&ask).unwrap();
            times.extend(page.bars.iter().map(|bar| bar.time));
            after = times.last().copied();
            if damage {
                fs::write(folder.kept().join("A.bars"), "").unwrap();
            }
            if !page.more {
                return times;
            }
        }
    };
    let parsed = past(None, false);
    assert_eq!(parsed.len(), usize::try_from(count - 1).unwrap());
    assert_eq!(past(Some(&kept), false), parsed);
    assert_eq!(past(Some(&kept), true), parsed, "damaged meanwhile");
}
