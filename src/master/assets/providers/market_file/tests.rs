//! spec/master/assets/providers/market_file.md · 3.1.6 (parsed, into a struct)
//!
//! Tests of market files, their symbols and their actions.

use super::actions::{self, ACTIONS_FILE};
use super::*;
use crate::model::{Action, ActionKind, Ratio};

const HEAD: &str = "Date,Open,High,Low,Close,Volume\n";
const GOOD: &str = "2013-01-02,1,2,0.5,1.5,7\n";

fn read(text: &[u8]) -> Result<Vec<Bar>, AssetsError> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("A.csv");
    std::fs::write(&path, text).unwrap();
    let mut rows = MarketRows::open(&MarketFile::new(path))?;
    let mut bars = Vec::new();
    while let Some(bar) = rows.next_bar()? {
        bars.push(bar);
    }
    Ok(bars)
}

/// The days of the month and the closes of a file's bars.
fn days(text: &str) -> Vec<(String, String)> {
    let bars = read(text.as_bytes()).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    let shown = |bar: &Bar| (bar.time.date().to_string(), bar.close.to_string());
    bars.iter().map(shown).collect()
}

/// Asserts that the text is refused, and with which line and reason.
fn assert_refused(text: &[u8], line: Option<u64>, reason: &str) {
    let said = read(text).unwrap_err().to_string();
    let text = String::from_utf8_lossy(text);
    let place = line.map_or("A.csv: ".to_owned(), |line| format!("A.csv, line {line}: "));
    assert!(said.contains(&place), "{text}: {said}");
    assert!(said.contains(reason), "{text}: {said}");
    assert!(said.len() < 400, "{said}");
}

#[test]
fn every_broken_row_is_named_with_its_line() {
    assert_eq!(days(&format!("{HEAD}{GOOD}")).len(), 1);
    assert_refused(b"", None, "empty");
    assert_refused(b"\n\n", None, "empty");
    for (header, reason) in [
        (
            "Date;Open;High;Low;Close;Volume",
            "this file has semicolons",
        ),
        ("Date\tOpen\tHigh\tLow\tClose\tVolume", "this file has tabs"),
        ("Date,Open,High,Low,Close", "must have each of Date, Open"),
        ("Price,Close,High,Low,Open,Volume", "\"Price,Close,High"),
        ("Date,Open,High,Low,Close,Volume,Close", "once"),
    ] {
        assert_refused(format!("{header}\n{GOOD}").as_bytes(), Some(1), reason);
    }
    for (row, reason) in [
        ("2013-01-03,1,2,0.5,x,7", "Close \"x\": not a decimal"),
        ("2013-01-03,1,2,0.5,,7", "Close \"\": not a decimal"),
        ("2013-01-03,1,2,0.5,nan,7", "Close \"nan\""),
        ("2013-01-03,1,2,0.5,null,7", "Close \"null\""),
        ("2013-01-03,1,2,0,1,7", "Low \"0\": not above 0"),
        (
            "2013-01-03,1,2,0.00000000000001,1,7",
            "Low \"0.00000000000001\": not above 0",
        ),
        ("2013-01-03,1,2,0.00000037,1,7", "finer than the millionths"),
        ("2013-01-03,1,2,0.00000734,1,7", "it would become 0.000007"),
        ("2013-01-03,1,2,7.34e-6,1,7", "finer than the millionths"),
        ("2013-01-03,-1,2,1,1,7", "Open \"-1\": not above 0"),
        ("2013-01-03,-0.0000004,2,1,1,7", "not above 0"),
        ("2013-01-03,1,1,2,1,7", "High is below Low"),
        ("2013-01-03,3,2,1,1,7", "Open is not between"),
        ("2013-01-03,1,2,1,0.5,7", "Close is not between"),
        ("2013-01-03,1,2,1,1,-7", "Volume"),
        ("2013-01-03,1,2,1,1,-0.5", "Volume"),
        ("2013-01-03,1,2,1,1", "5 columns, not 6"),
        ("2013-01-03,1,2,1,1,7,8", "7 columns, not 6"),
        ("2013-02-30,1,2,1,1,7", "Date \"2013-02-30\""),
        ("03/01/2013,1,2,1,1,7", "Date"),
        ("2013-01-03,1,2,0.1,\"0,500\",7", "Close \"0,500\""),
        ("2013-01-03,1,2,1,\"1,07\",7", "Close \"1,07\""),
        ("2013-01-03,1,2,1,\"1,5000\",7", "Close \"1,5000\""),
        (
            "2013-01-03,1,2,1,\"1,7\n2013-01-04,1,2,1,1,7",
            "a quote is not closed",
        ),
        ("2013-01-02,1,2,0.5,1.5,7", "not after"),
    ] {
        assert_refused(format!("{HEAD}{GOOD}{row}\n").as_bytes(), Some(3), reason);
        for end in ["\r", "\r\n"] {
            let text = format!("\u{feff}{HEAD}\n{GOOD}{row}\n").replace('\n', end);
            assert_refused(text.as_bytes(), Some(4), reason);
        }
    }
    assert_refused(
        format!("{HEAD}{GOOD}\n\n2013-01-04,1,2,1,1,7\n2013-01-03,1,2,1,1,7\n").as_bytes(),
        Some(6),
        "not after",
    );
    assert_refused(
        b"Date,Open,High,Low,Close,Volume\n2013-01-02,1,2,1,\xff,7\n",
        Some(2),
        "UTF-8",
    );
    let long = "x".repeat(100_000);
    assert_refused(
        format!("{HEAD}{GOOD}{long}\n").as_bytes(),
        Some(3),
        "longer than",
    );
    let long = "x".repeat(1000);
    for row in [
        "D,1,2,1,1,7",
        "2013-01-03,D,2,1,1,7",
        "2013-01-03,1,2,1,1,D",
    ] {
        let row = row.replace('D', &long);
        assert_refused(
            format!("{HEAD}{GOOD}{row}\n").as_bytes(),
            Some(3),
            "(1000 bytes)",
        );
    }
    let head = format!("{long}\n");
    assert_refused(head.as_bytes(), Some(1), "(1000 bytes)");
}

#[test]
fn what_can_mean_one_thing_only_is_taken() {
    let day = |day: u32, close: &str| (format!("2013-01-{day:02}"), close.to_owned());
    let two = vec![day(2, "1.5"), day(31, "1.25")];
    for text in [
        // As spreadsheets, exchanges and this project's own chart write them.
        format!("{HEAD}{GOOD}2013-01-31,1,2,0.5,1.25,8\n"),
        format!("{HEAD}2013-01-31,1,2,0.5,1.25,8\n{GOOD}"),
        format!("{HEAD}{GOOD}2013-01-03,null,null,null,null,null\n2013-01-31,1,2,0.5,1.25,8\n"),
        format!("{HEAD}{GOOD},,,,,\n2013-01-31,1,2,0.5,1.25,8\n"),
        "time,open,high,low,close,volume\n\
         2013-01-02T00:00:00.000Z,1,2,0.5,1.5,7\n2013-01-31T00:00:00.000Z,1,2,0.5,1.25,8\n"
            .to_owned(),
        "Date,Open,High,Low,Close,Adj Close,Volume\n\
         2013-01-02,1,2,0.5,1.5,0.7,7\n2013-01-31,1,2,0.5,1.25,0.6,8\n"
            .to_owned(),
        "Volume,Close,Low,High,Open,Date\n7,1.5,0.5,2,1,2013/01/02\n8,1.25,.5,2,1,2013/1/31\n"
            .to_owned(),
        format!("{HEAD}1/2/2013,1,2,0.5,1.5,7\n1/31/2013,1,2,0.5,1.25,8\n"),
        format!("{HEAD}02/01/2013,1,2,0.5,1.5,7\n31/01/2013,1,2,0.5,1.25,8\n"),
        format!("{HEAD}31/01/2013,1,2,0.5,1.25,8\n02/01/2013,1,2,0.5,1.5,7\n"),
        format!(
            "{HEAD}\"2013-01-02\",\"1\",\"2\",\"0.5\",\"1.50\",\"7\"\n\
             2013-01-31,1.0000000001,2,0.49999999999,1.25000000001,8e0\n"
        ),
    ] {
        assert_eq!(days(&text), two, "{text}");
        for end in ["\r", "\r\n"] {
            let text = format!("\u{feff}{}", text.replace('\n', end));
            assert_eq!(days(&text), two, "{text:?}");
        }
    }
    let text = format!("{HEAD}2013-01-02,\"1,000\",\"2,000,000.25\",999,\"1,234.5\",\"7,000\"\n");
    let bar = read(text.as_bytes()).unwrap()[0];
    assert_eq!(
        (bar.close.to_string(), bar.volume),
        ("1234.5".to_owned(), 7000)
    );
    assert_eq!(bar.high.to_string(), "2000000.25");
    // Finer than a millionth, and off by less than a thousandth.
    let text = format!("{HEAD}2013-01-02,0.0012344,0.0012344,0.0005,0.00050004,1\n");
    assert_eq!(read(text.as_bytes()).unwrap()[0].close, Money(500));
}

#[test]
fn what_can_mean_two_things_is_refused() {
    for rows in [
        "01/02/2013,1,2,0.5,1.5,7\n02/02/2013,1,2,0.5,1.5,7\n",
        "13/01/2013,1,2,0.5,1.5,7\n01/14/2013,1,2,0.5,1.5,7\n",
    ] {
        assert_refused(
            format!("{HEAD}{rows}").as_bytes(),
            Some(2),
            "whether the day or the month is first",
        );
    }
    let rows = "2013-01-05,1,2,0.5,1.5,7\n2013-01-04,1,2,0.5,1.5,7\n2013-01-06,1,2,0.5,1.5,7\n";
    assert_refused(
        format!("{HEAD}{rows}").as_bytes(),
        Some(4),
        "not before that of the row",
    );
}

#[test]
fn the_errors_of_further_rows_can_be_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("A.csv");
    let text = format!("{HEAD}{GOOD}x\n2013-01-03,1,2,0.5,y,7\n2013-01-04,1,2,0.5,1.5,7\n");
    std::fs::write(&path, text).unwrap();
    let mut rows = MarketRows::open(&MarketFile::new(path)).unwrap();
    assert!(rows.next_bar().unwrap().is_some());
    assert!(rows.next_bar().unwrap_err().to_string().contains("line 3"));
    assert!(rows.next_bar().unwrap_err().to_string().contains("line 4"));
    assert!(rows.next_bar().unwrap().is_some() && rows.next_bar().unwrap().is_none());
}

#[test]
fn times_and_volumes_are_read() {
    let text = "Date,Open,High,Low,Close,Volume\r\n2013-01-02 23:59:59,1,2,0.5,1.5,7.999999999\r\n";
    let bars = read(text.as_bytes()).unwrap();
    assert_eq!(
        bars[0].time,
        Timestamp::parse("2013-01-02T23:59:59Z").unwrap()
    );
    assert_eq!(bars[0].volume, 7);
    assert_eq!(volume("1.5e3"), Ok(1500));
    assert_eq!(volume("2e3"), Ok(2000));
    assert_eq!(volume("0"), Ok(0));
    for text in [
        "",
        ".",
        "-1",
        "-0.1",
        "x",
        "1000000000000001",
        "1e400",
        " 1",
    ] {
        assert!(volume(text).is_err(), "{text}");
    }
}

#[test]
fn a_folder_is_read_by_its_names() {
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "AAPL.csv",
        "BRK.B.csv",
        "GOLD.CSV",
        "actions.csv",
        "NOTES.txt",
        "._AAPL.csv",
        ".csv",
    ] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let names = |folder: &MarketFolder| -> Vec<_> {
        folder.files.keys().map(ToString::to_string).collect()
    };
    let found = folder(dir.path()).unwrap();
    assert_eq!(names(&found), ["AAPL", "BRK.B", "GOLD"]);
    assert!(found.passed_over.is_empty(), "{:?}", found.passed_over);
    for name in ["aapl.csv", "^IDX.csv", "R&D.XX.csv", "GOLD.csv"] {
        std::fs::write(dir.path().join(name), "").unwrap();
    }
    let found = folder(dir.path()).unwrap();
    assert_eq!(names(&found), ["AAPL", "BRK.B", "GOLD"]);
    let said = found.passed_over.join("\n");
    assert_eq!(found.passed_over.len(), 4, "{said}");
    for name in ["aapl.csv: ", "^IDX.csv: ", "R&D.XX.csv: ", "GOLD.csv: "] {
        assert!(said.contains(name), "{said}");
    }
}

#[test]
fn files_get_symbols_names_and_lots() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let row = "2013-01-02,0.00000734,0.00000750,0.00000041,0.00000734,2500000\n";
    write("shib.csv", &format!("{HEAD}{row}"));
    write("^GSPC.csv", &format!("{HEAD}{GOOD}"));
    write("B.csv", &format!("{HEAD}{GOOD}"));
    let head = "Symbol,File,Name,Currency,Factor\n";
    write(
        SYMBOLS_FILE,
        &format!(
            "{head}SHIB/USD,shib,Shiba Inu,USD,10000\nSPX,^GSPC.csv,\"S&P 500, index\",,\nX,,,,\n"
        ),
    );
    let found = folder(dir.path()).unwrap();
    let file = |symbol: &str| &found.files[&Symbol::parse(symbol).unwrap()];
    assert_eq!(found.files.len(), 3);
    assert_eq!((file("SPX").factor, file("B").factor), (1, 1));
    assert_eq!(file("SPX").name.as_deref(), Some("S&P 500, index"));
    assert!(found.passed_over[0].contains("X is on line 4, and there is no file X"));
    let bar = MarketRows::open(file("SHIB/USD"))
        .unwrap()
        .next_bar()
        .unwrap()
        .unwrap();
    assert_eq!(
        (bar.open, bar.low, bar.volume),
        (Money(73_400), Money(4_100), 250)
    );
    assert_eq!(lot_needed(&dir.path().join("shib.csv")), Some(10_000));
    assert_eq!(lot_needed(&dir.path().join("B.csv")), None);
    for (row, reason) in [
        ("a,,,,", "Symbol \"a\""),
        ("A,,,,7", "Factor \"7\""),
        ("A,,,,0", "Factor \"0\""),
        ("A,,,,10000000000", "Factor"),
        ("A,,\u{9b}31m,,", "Name"),
        ("A,f,,,\nB,f,,,", "line 3: this file is on an earlier line"),
    ] {
        write(SYMBOLS_FILE, &format!("{head}{row}\n"));
        let said = folder(dir.path()).unwrap_err().to_string();
        assert!(said.contains(reason), "{row}: {said}");
    }
}

#[test]
fn actions_have_their_rows_checked() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        actions::of_folder(dir.path(), &BTreeMap::new()),
        Ok(Vec::new())
    );
    let path = dir.path().join(ACTIONS_FILE);
    let head = "Date,Symbol,Action,Value\n";
    for (row, reason) in [
        ("2013-01-02,A,dividend,-1\n", "not above 0"),
        (
            "2013-01-02,A,dividend,0.0000004\n",
            "finer than the millionths",
        ),
        ("2013-01-02,A,dividend,x\n", "Value \"x\": not a decimal"),
        ("2013-01-02,A,split,0\n", "above 0"),
        ("2013-01-02,A,merger,1\n", "none of split, dividend"),
        ("2013-01-02,A,rename,\n", "a rename has the new symbol"),
        ("2013-01-02,A,rename,b\n", "Value \"b\""),
        ("2013-01-02,A,rename,A\n", "the asset itself"),
        ("2013-01-02,A,delist,-1\n", "not above 0"),
        ("2013-01-02,A,merge,B 2\n", "a merge has a symbol, a ratio"),
        ("2013-01-02,A,merge,B 0 1\n", "above 0"),
        ("2013-01-02,A,spinoff,B\n", "a spinoff has a symbol"),
        ("2013-01-02,A,rename B,\n2013-01-02,A,rename,B\n", "already"),
        ("2013-01-02,a,split,2\n", "Symbol"),
        ("2013-1-2,A,split,2\n", "Date"),
        ("2013-01-02,A,split\n", "columns"),
        ("2013-01-02,A,split,2\n2013-01-02,A,split,2\n", "already"),
        ("2013-01-02,A,cancel,2\n", "Value"),
        ("2013-01-02,A,stock-dividend,0\n", "above 0"),
    ] {
        std::fs::write(&path, format!("{head}{row}")).unwrap();
        let fault = actions::of_folder(dir.path(), &BTreeMap::new()).unwrap_err();
        assert!(fault.to_string().contains(reason), "{row}: {fault}");
    }
    std::fs::write(&path, format!("{head}x\n2013-01-02,A,split,0\n")).unwrap();
    let said = actions::of_folder(dir.path(), &BTreeMap::new())
        .unwrap_err()
        .to_string();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(
        said.contains("line 2: ") && said.contains("line 3: "),
        "{said}"
    );
    std::fs::write(
        &path,
        format!("{head}2013-01-03,B,split,0.1\n2013-01-02,A,dividend,0.5\n"),
    )
    .unwrap();
    let read = actions::of_folder(dir.path(), &BTreeMap::new()).unwrap();
    assert_eq!(read[0].kind, ActionKind::Dividend(Money(500_000)));
    assert_eq!(read[1].kind, ActionKind::Split(Ratio::new(1, 10).unwrap()));
    let kinds = |rows: &str| -> Result<Vec<String>, String> {
        std::fs::write(&path, format!("Id,{head}{rows}")).unwrap();
        let read =
            actions::of_folder(dir.path(), &BTreeMap::new()).map_err(|fault| fault.to_string())?;
        Ok(read.iter().map(|action| action.kind.to_string()).collect())
    };
    let (twice, one) = (",2013-01-02,A,dividend,0.4\n".repeat(2), "dividend of 0.4");
    assert_eq!(kinds(&twice), Ok(vec![one.to_owned(); 2]), "both are meant");
    let cancelled = format!("{twice},2013-01-02,A,cancel,\n");
    assert_eq!(kinds(&cancelled), Ok(vec!["cancelled".to_owned()]));
    assert_eq!(
        kinds("x,2013-01-02,A,split,2\ny,2013-01-02,A,split,2\nx,2013-01-02,A,cancel,\n"),
        Ok(vec!["split of 2".to_owned(), "cancelled".to_owned()])
    );
    assert_eq!(
        kinds(",2013-01-02,A,stock-dividend,0.04\n"),
        Ok(vec!["split of 26/25".to_owned()])
    );
    for (rows, reason) in [
        (
            "x,2013-01-02,A,split,2\nx,2013-01-03,A,split,3\n",
            "another row",
        ),
        ("x y,2013-01-02,A,split,2\n", "Id"),
    ] {
        let fault = kinds(rows).unwrap_err();
        assert!(fault.contains(reason), "{rows}: {fault}");
    }
}

#[test]
fn renames_mergers_spin_offs_and_delistings_are_read_in_one_column_or_two() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    for name in ["A.csv", "B.csv", "L.csv"] {
        write(name, &format!("{HEAD}{GOOD}"));
    }
    write(SYMBOLS_FILE, "Symbol,File,Name,Currency,Factor\nL,,,,100\n");
    let files = folder(dir.path()).unwrap().files;
    let read = |rows: &str| -> Result<Vec<String>, String> {
        write(ACTIONS_FILE, &format!("Date,Symbol,Action,Value\n{rows}"));
        let read = actions::of_folder(dir.path(), &files).map_err(|fault| fault.to_string())?;
        let text = |action: &Action| format!("{} {}", action.symbol, action.kind);
        Ok(read.iter().map(text).collect())
    };
    for (row, expected) in [
        ("2013-01-02,A,rename,B\n", "A renamed to B"),
        ("2013-01-02,A,rename B,\n", "A renamed to B"),
        ("2013-01-02,GONE,rename,B\n", "GONE renamed to B"),
        ("2013-01-02,A,delist,2.5\n", "A delisted at 2.5"),
        ("2013-01-02,A,delist,0\n", "A delisted at 0"),
        ("2013-01-02,L,delist,2.5\n", "L delisted at 250"),
        ("2013-01-02,A,merge,B 1/3 0\n", "A merged into 1/3 B"),
        (
            "2013-01-02,A,merge B 1 : 3 2.5,\n",
            "A merged into 1/3 B and 2.5 of cash",
        ),
        (
            "2013-01-02,L,merge,B 2 0.5\n",
            "L merged into 200 B and 50 of cash",
        ),
        ("2013-01-02,A,spinoff,L 0.5\n", "A spin-off of 1/200 L"),
        ("2013-01-02,X,spinoff,Y 0.5\n", "X spin-off of 1/2 Y"),
    ] {
        assert_eq!(read(row), Ok(vec![expected.to_owned()]), "{row}");
    }
    for (row, reason) in [
        (
            "2013-01-02,A,rename,NOPE\n",
            "line 2: Value \"NOPE\": NOPE is no asset of this market: it needs a NOPE.csv",
        ),
        (
            "2013-01-02,A,spinoff,NOPE 1\n",
            "NOPE is no asset of this market",
        ),
        ("2013-01-02,A,rename,L\n", "write a merge"),
    ] {
        let said = read(row).unwrap_err();
        assert!(said.contains(reason), "{row}: {said}");
    }
}
