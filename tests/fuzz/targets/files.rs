//! spec/fuzzing.md
//!
//! What people write: configurations, markets, dialogues; and what the client keeps.

use super::{below, contents, golden, in_pieces, pieces};
use papertrader::client::SessionFile;
use papertrader::client::store::FILE;
use papertrader::config::{ConfigError, MasterConfig, Warning, WorkerConfig};
use papertrader::dialogue::message::{self, MessageDecoder, StreamPart};
use papertrader::dialogue::script::{Script, StepAction};
use papertrader::dialogue::{Variables, pattern, pieces, raw};
use papertrader::master::assets::providers::market_file::{MarketFile, MarketRows, actions};
use papertrader::model::Money;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A folder for the files that readers want to open, gone when the process ends.
fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<PathBuf> = OnceLock::new();
    SCRATCH.get_or_init(|| {
        // In memory, where there is such a place: it is written for every input.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let folder = base.join(format!("papertrader-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        folder
    })
}

fn written(name: &str, data: &[u8]) -> PathBuf {
    let path = scratch().join(name);
    std::fs::write(&path, data).unwrap();
    path
}

// --- configurations
// ------------------------------------------------------------------------------------------

/// Where the configurations are supposed to stand; nothing is there.
const PLACE: &str = "/nowhere/papertrader/config.toml";

type Parsed<T> = Result<(T, Vec<Warning>), ConfigError>;

/// A configuration that is accepted is written and read back the same; one that is not says why.
fn config<T: Debug + PartialEq>(
    data: &[u8],
    parse: fn(&str, &Path) -> Parsed<T>,
    write: fn(&T, &Path) -> String,
) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // Devices that never end are an administrator's own doing.
    if text.contains("symbols_file") {
        return;
    }
    let place = Path::new(PLACE);
    match parse(text, place) {
        Ok((config, _)) => {
            let written = write(&config, place);
            match parse(&written, place) {
                Ok((again, _)) => assert_eq!(again, config),
                Err(error) => panic!("{error}\nin\n{written}"),
            }
        }
        Err(error) => {
            assert!(!error.problems.is_empty());
            let lines = text.lines().count().max(1);
            assert!(error.problems.iter().all(|problem| {
                problem
                    .line
                    .is_none_or(|line| (1..=lines + 1).contains(&line))
            }));
            assert!(!error.to_string().is_empty());
        }
    }
}

/// `master.toml`
pub fn master_config(data: &[u8]) {
    config(data, MasterConfig::parse, MasterConfig::to_toml);
}

/// The packaged one.
pub fn master_config_seeds() -> Vec<Vec<u8>> {
    let packaged = contents(&below("etc"), "master.toml");
    let small =
        b"listen=\"127.0.0.1:1\"\n[gpg]\nkey=\"0123456789ABCDEF0123456789ABCDEF01234567\"\n\
        [assets]\nsymbols=[\"A\"]\nprovider=\"simulated\"\n[assets.simulated]\nsymbols=1\nseed=1\n";
    [packaged, vec![small.to_vec()]].concat()
}

/// `worker.toml`
pub fn worker_config(data: &[u8]) {
    config(data, WorkerConfig::parse, WorkerConfig::to_toml);
}

/// The packaged one.
pub fn worker_config_seeds() -> Vec<Vec<u8>> {
    let packaged = contents(&below("etc"), "worker.toml");
    let small = b"name=\"w\"\nuuid=\"00112233-4455-4677-8899-aabbccddeeff\"\nmaster=\"m:1\"\n[gpg]\n\
        key=\"0123456789ABCDEF0123456789ABCDEF01234567\"\nmaster_key=\"1123456789ABCDEF0123456789ABCDEF01234567\"\n\
        [tls]\ncertificate=\"c\"\nkey=\"k\"\n";
    [packaged, vec![small.to_vec()]].concat()
}

// --- markets
// -------------------------------------------------------------------------------------------------

/// A symbol's file of bars: what is accepted is in order of time, with prices that make sense.
pub fn market(data: &[u8]) {
    let Ok(mut rows) = MarketRows::open(&MarketFile::new(written("A.csv", data))) else {
        return;
    };
    let mut last = None;
    loop {
        match rows.next_bar() {
            Ok(Some(bar)) => {
                assert!(last < Some(bar.time), "out of order");
                assert!(bar.low > Money::ZERO && bar.low <= bar.open && bar.open <= bar.high);
                assert!(bar.low <= bar.close && bar.close <= bar.high);
                last = Some(bar.time);
            }
            Ok(None) => return,
            Err(fault) => {
                let lines = data
                    .iter()
                    .filter(|byte| matches!(**byte, b'\n' | b'\r'))
                    .count() as u64
                    + 1;
                let said = fault.to_string();
                let line = said.split_once("A.csv, line ").map(|(_, rest)| {
                    let digits = rest.split(':').next().unwrap_or_default();
                    digits.parse::<u64>().unwrap()
                });
                assert!(
                    line.is_none_or(|line| line <= lines),
                    "{said} of {lines} lines"
                );
                return;
            }
        }
    }
}

/// The first rows of a real market's files.
pub fn market_seeds() -> Vec<Vec<u8>> {
    let mut seeds = contents(&below("tests/fixtures/markets/late"), "");
    seeds.extend(contents(&below("etc/market"), "AAPL"));
    for seed in &mut seeds {
        seed.truncate(1500);
    }
    let head = "Date,Open,High,Low,Close,Volume\n";
    seeds.push(
        format!("{head}2013-01-02 09:30:00,1e1,\"2e1\",.5,1.5,7.9\r\n\r\n2013-01-03,1,2,1,2,0\n")
            .into_bytes(),
    );
    seeds
}

/// `actions.csv`: what is accepted is in order of time.
pub fn actions(data: &[u8]) {
    if let Ok(actions) = actions::file(&written("actions.csv", data), &BTreeMap::new()) {
        assert!(actions.is_sorted_by_key(|action| (action.time, action.symbol)));
    }
}

/// Splits and dividends.
pub fn action_seeds() -> Vec<Vec<u8>> {
    let head = "Date,Symbol,Action,Value\n";
    let rows = [
        "2013-01-02,A,split,2\n",
        "2013-01-02,B,split,0.1\n",
        "2012-12-31 10:00:00,A,dividend,0.25\n",
    ];
    let mut seeds: Vec<Vec<u8>> = rows
        .iter()
        .map(|row| format!("{head}{row}").into_bytes())
        .collect();
    seeds.push(format!("{head}{}", rows.concat()).into_bytes());
    seeds
}

// --- dialogues
// -----------------------------------------------------------------------------------------------

/// A fixture: read, and what its lines send turned into bytes where no value is needed for it.
pub fn dialogues(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let lines = text.lines().count();
    let script = match Script::parse("f.pt", text) {
        Ok(script) => script,
        Err(mistakes) => {
            assert!(
                mistakes
                    .told
                    .iter()
                    .all(|told| (1..=lines.max(1)).contains(&told.line))
            );
            return;
        }
    };
    if let Err(mistakes) = script.check(&Variables::new()) {
        assert!(
            mistakes
                .told
                .iter()
                .all(|told| (1..=lines.max(1)).contains(&told.line))
        );
    }
    // As it is printed, it is read again.
    if script.steps.len() < 1000 {
        let printed = script.to_string();
        match Script::parse("f.pt", &printed) {
            Ok(again) => assert_eq!(again.to_string(), printed),
            Err(mistakes) => panic!("{mistakes}\nin\n{printed}"),
        }
    }
    assert!(
        script
            .steps
            .iter()
            .all(|step| (1..=lines).contains(&step.line))
    );
    for step in script.steps.iter().take(64) {
        match &step.action {
            StepAction::Send(_, words) => {
                let _ = message::encode(words);
            }
            StepAction::Raw(_, words) => {
                let _ = raw::bytes(words);
            }
            StepAction::Expect(_, words) | StepAction::Notice(_, words) => {
                for word in words {
                    let _ = pieces::pieces(word);
                }
            }
            _ => {}
        }
    }
}

/// The fixtures themselves.
pub fn dialogue_seeds() -> Vec<Vec<u8>> {
    contents(&below("tests/fixtures"), "")
}

/// Bytes of a server, shown as lines of text: each line is one, and the same however the bytes
/// come.
pub fn transcripts(data: &[u8]) {
    let shown = |pieces: &mut dyn Iterator<Item = &[u8]>| {
        let mut decoder = MessageDecoder::default();
        for request in requests() {
            decoder.note(request);
        }
        let mut lines = Vec::new();
        for piece in pieces {
            decoder.extend(piece);
            while let Some(decoded) = decoder.next_message() {
                let (StreamPart::Message(line) | StreamPart::Broken(line)) = decoded;
                assert!(!line.contains('\n'), "{line:?}");
                lines.push(line);
            }
        }
        (lines, decoder.is_partial())
    };
    assert_eq!(
        shown(&mut pieces(data)),
        shown(&mut data.get(1..).into_iter())
    );
}

/// What the server was asked, so that its payloads have a meaning.
fn requests() -> &'static [Vec<u8>] {
    static REQUESTS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    REQUESTS.get_or_init(|| {
        [
            golden("0201"),
            golden("0208"),
            golden("0209"),
            golden("020A"),
            golden("020D"),
        ]
        .concat()
    })
}

/// Every golden frame of a server, and golden payloads as transfers.
pub fn transcript_seeds() -> Vec<Vec<u8>> {
    let mut streams = [golden("03"), golden("04")].concat();
    for payload in golden("payload-") {
        let mut stream = Vec::new();
        papertrader::wire::packet::write(&mut stream, &payload);
        streams.push(stream);
    }
    streams.push(streams.concat());
    in_pieces(streams)
}

/// An expectation in the first line, and in the second what came: what fits is captured, so that it
/// fits again.
pub fn patterns(data: &[u8]) {
    let Some((expected, came)) = std::str::from_utf8(data)
        .ok()
        .and_then(|text| text.split_once('\n'))
    else {
        return;
    };
    // Hashing takes a good part of a second, and repeating as much memory as is said, both on
    // purpose.
    if expected.contains("{hash:") || expected.contains("{repeat:") || expected.contains("{random}")
    {
        return;
    }
    let words: Vec<String> = raw::words(expected);
    let mut values = Variables::new();
    if pattern::differs(&words, came, &mut values) == Ok(None) && !expected.contains([':', '\\']) {
        assert_eq!(
            pattern::differs(&words, came, &mut values),
            Ok(None),
            "{values:?}"
        );
    }
}

/// Expectations as fixtures have them, with what fits them.
pub fn pattern_seeds() -> Vec<Vec<u8>> {
    let pairs = [
        ("sessionID {sid} *", "sessionID abc h:1 h:2"),
        ("data time={t} value=*.5", "data time=12:30 value=7.5"),
        ("{y}={y} {why...}", "7=7 one two"),
        ("a * c name=a\\sb", "a b c name=a\\sb"),
        (
            "x {plus:1:2} {days:2013-03-01:1}",
            "x 3 2013-03-02T00:00:00.000Z",
        ),
        ("*a*b*c*", "xxaxxbxxcxx"),
    ];
    pairs
        .iter()
        .map(|(expected, came)| format!("{expected}\n{came}").into_bytes())
        .collect()
}

// --- the client's file
// ---------------------------------------------------------------------------------------

/// The file of sessions: what is read is written and read back the same.
pub fn session_files(data: &[u8]) {
    use std::os::unix::fs::PermissionsExt;
    let path = written(FILE, data);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let store = SessionFile::at(scratch());
    let Ok(sessions) = store.load() else {
        return;
    };
    store.change(|all| *all = sessions.clone()).unwrap();
    let mut kept = sessions;
    kept.truncate(papertrader::client::store::SESSIONS_MAX);
    assert_eq!(store.load().unwrap(), kept);
}

/// A file of two sessions, and one of none.
pub fn session_file_seeds() -> Vec<Vec<u8>> {
    let session = |name: &str, master: &str| {
        format!(
            r#"{{"username":"{name}","session":"{}","workers":["127.0.0.1:2049","[::1]:2049"]{master}}}"#,
            "ab".repeat(32)
        )
    };
    let file = |sessions: &[String]| {
        format!(r#"{{"version":1,"sessions":[{}]}}"#, sessions.join(",")).into_bytes()
    };
    let two = [
        session("alice", r#","master":"m:2048""#),
        session("bob", ""),
    ];
    vec![file(&two), file(&[]), b"{}".to_vec()]
}
