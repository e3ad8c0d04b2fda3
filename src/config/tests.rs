//! spec/config.md · its tests

use super::*;
use crate::model::{Money, Symbol, Timestamp};
use crate::runtime::log::{LevelFilter, LogDestination};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF01234567";
const OTHER: &str = "89ABCDEF0123456789ABCDEF0123456789ABCDEF";
const UUID: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// The shortest valid master.toml.
fn master_text() -> String {
    format!("[gpg]\nkey = \"{KEY}\"\n[assets]\nsymbols = \"all\"\n[assets.replay]\n")
}

fn worker_text(above: &str, below: &str) -> String {
    format!(
        "name = \"eu1\"\nuuid = \"{UUID}\"\nadvertise = \"eu1.example.org:2049\"\n{above}\n\
         [gpg]\nkey = \"{KEY}\"\nmaster_key = \"{OTHER}\"\n{below}"
    )
}

fn master(text: &str) -> Result<(MasterConfig, Vec<Warning>), ConfigError> {
    MasterConfig::parse(text, Path::new("/etc/papertrader/master.toml"))
}

fn worker(text: &str) -> Result<(WorkerConfig, Vec<Warning>), ConfigError> {
    WorkerConfig::parse(text, Path::new("/etc/papertrader/worker.toml"))
}

#[test]
fn defaults_are_those_of_the_page() {
    let (config, warnings) = master(&master_text()).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(config.listen.to_string(), "127.0.0.1:2048");
    assert_eq!(config.data_dir, Path::new("/var/lib/papertrader"));
    assert_eq!(
        config.control_socket,
        Path::new("/run/papertrader/master.sock")
    );
    assert_eq!(config.control_group, "papertrader");
    assert_eq!(config.currency, "USD");
    assert_eq!(config.update_interval, Duration::from_secs(60));
    assert_eq!(config.starting_cash, Money(100_000_000_000));
    assert_eq!(config.session_lifetime, Duration::from_secs(30 * 86_400));
    assert_eq!(config.expected_workers, 1);
    assert_eq!(
        config.database,
        DatabaseUrl::Sqlite("/var/lib/papertrader/master.db".into())
    );
    assert_eq!(config.gpg.home, Path::new("/etc/papertrader/gnupg"));
    assert_eq!(config.gpg.key.to_string(), KEY);
    assert_eq!(
        config.log.file,
        Path::new("/var/log/papertrader/master.log")
    );
    assert_eq!(
        (config.log.level, config.log.memory_entries),
        (LevelFilter::Info, 1000)
    );
    assert_eq!(config.assets.symbols, SymbolSelection::All);
    assert_eq!(config.assets.providers, [ProviderKind::Replay]);
    assert_eq!(
        (config.assets.stale_after, config.assets.calls_per_minute),
        (3, 100)
    );
    let replay = config.assets.replay.unwrap();
    assert_eq!(replay.directory, Path::new("/usr/share/papertrader/market"));
    assert_eq!(replay.start, Timestamp::parse("2012-01-03").unwrap());
    assert_eq!(config.accounts.bcrypt_cost, 12);
    assert_eq!(
        config.limits,
        MasterLimits {
            failed_logins_per_minute: 10,
            failed_logins_per_minute_per_address: 100,
            failed_logins_per_hour_per_name: 100,
            failed_logins_per_minute_per_worker: 6_000,
            registrations_per_minute_per_address: 20,
            orders_per_minute_per_account: 60_000,
            rejected_orders_per_hour_per_account: 1_000,
            max_queued_per_account: 10_000,
            max_queued: 1_000_000,
            max_open_per_account: 500,
            max_open: 1_000_000,
            cancels_per_minute_per_account: 6_000,
            min_order_value: Money::ZERO,
            max_connections: 256,
            frame_timeout: Duration::from_secs(5),
        }
    );

    let (config, warnings) = worker(&worker_text("", "")).unwrap();
    assert!(warnings.is_empty());
    assert_eq!(config.listen.to_string(), "127.0.0.1:2049");
    assert_eq!(config.master.to_string(), "127.0.0.1:2048");
    assert_eq!(config.advertise.to_string(), "eu1.example.org:2049");
    assert_eq!(
        config.log.file,
        Path::new("/var/log/papertrader/worker.log")
    );
    assert_eq!((config.tls, config.allow_plaintext), (None, false));
    assert_eq!(
        config.limits,
        WorkerLimits {
            max_connections: 10_000,
            max_connections_per_ip: 256,
            max_subscriptions_per_connection: 256,
            frame_timeout: Duration::from_secs(5),
            first_frame_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(300),
            max_unsent: 1 << 20,
            send_timeout: Duration::from_secs(10),
            proxy_from: Vec::new(),
        }
    );
}

#[test]
fn the_packaged_samples_lack_only_keys_and_contain_the_defaults() {
    let sample = include_str!("../../etc/master.toml");
    let error = master(sample).unwrap_err();
    let keys: Vec<_> = error.problems.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["gpg.key"], "{error}");
    let (mut packaged, warnings) = master(&sample.replace("FINGERPRINT", KEY)).unwrap();
    let default = master(&master_text()).unwrap();
    assert_eq!(warnings, default.1);
    // What is installed has its log once, not in the journal, too.
    assert_eq!(packaged.log.to, LogDestination::Both);
    packaged.log.to = default.0.log.to;
    assert_eq!(packaged, default.0);

    let sample = include_str!("../../etc/worker.toml");
    let error = worker(sample).unwrap_err();
    let keys: Vec<_> = error.problems.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["uuid", "gpg.key", "gpg.master_key"], "{error}");
    let filled = sample
        .replacen("FINGERPRINT", KEY, 1)
        .replacen("FINGERPRINT", OTHER, 1)
        .replace("\"UUID\"", &format!("{UUID:?}"));
    let default = worker(&worker_text("", "")).unwrap();
    let (mut packaged, warnings) = worker(&filled).unwrap();
    assert_eq!(warnings, default.1);
    // The packaged unit's user has folders of its own for each worker.
    for (path, usual, name) in [
        (
            &mut packaged.gpg.home,
            &default.0.gpg.home,
            "/etc/papertrader/gnupg-eu1",
        ),
        (
            &mut packaged.log.file,
            &default.0.log.file,
            "/var/log/papertrader-worker/eu1.log",
        ),
    ] {
        assert_eq!(*path, PathBuf::from(name));
        path.clone_from(usual);
    }
    assert_eq!(packaged.log.to, LogDestination::Both);
    packaged.log.to = default.0.log.to;
    assert_eq!(packaged, default.0);
}

/// The sample's third party, without what has a default.
const GOOGLE: &str = "[[third_party]]\nname = \"google\"\nissuer = \"https://accounts.google.com\"\n\
     client_id = \"CLIENT\"\nclient_secret_file = \"google.key\"\n";

#[test]
fn the_commented_keys_of_the_samples_are_their_defaults() {
    let all = |sample: &str| -> String {
        let uncommented = |line: &str| match line.strip_prefix("# ") {
            Some(bare) if bare.starts_with('[') || bare.contains(" = ") => format!("{bare}\n"),
            _ => format!("{line}\n"),
        };
        sample.lines().map(uncommented).collect()
    };
    let text = all(include_str!("../../etc/master.toml"))
        .replace("FINGERPRINT", KEY)
        .replace("symbols_file = \"symbols.txt\"\n", "")
        .replace("password_file = \"database.password\"\n", "")
        .replace("lease = \"6s\"\n", "");
    let (mut sample, _) = master(&text).unwrap();
    // Its keys have no defaults.
    assert!(sample.mail.take().is_some());
    sample.log.to = LogDestination::Both;
    let short = format!(
        "{}[assets.alpaca]\n[assets.binance]\n[assets.simulated]\n[metrics]\n{GOOGLE}",
        master_text()
    );
    assert_eq!(sample, master(&short).unwrap().0);
}

/// One problem a row: text before the tables, text at the end, the key reported, part of the
/// reason.
const PROBLEMS: &[(&str, &str, &str, &str)] = &[
    ("listne = 1", "", "listne", "no such key"),
    ("listen = \"localhost:2048\"", "", "listen", "ADDRESS:PORT"),
    ("listen = 2048", "", "listen", "must be a text in quotes"),
    (
        "update_interval = \"6 parsecs\"",
        "",
        "update_interval",
        "not a duration",
    ),
    (
        "update_interval = \"1ms\"",
        "",
        "update_interval",
        "not within 10ms to 1day",
    ),
    ("starting_cash = 1.5", "", "starting_cash", "must be a text"),
    (
        "starting_cash = \"1.0000001\"",
        "",
        "starting_cash",
        "6 digits",
    ),
    (
        "starting_cash = \"-1\"",
        "",
        "starting_cash",
        "not an amount",
    ),
    (
        "starting_cash = \"1000000000.01\"",
        "",
        "starting_cash",
        "more than 1000000000",
    ),
    (
        "",
        "[fees]\nper_order = \"1000000.01\"",
        "fees.per_order",
        "more than 1000000",
    ),
    (
        "",
        "[fees]\npercent = \"50.000001\"",
        "fees.percent",
        "more than 50",
    ),
    (
        "",
        "[fees]\nslippage_percent = 0.5",
        "fees.slippage_percent",
        "must be a text",
    ),
    (
        "",
        "[fees]\nminimum = \"-1\"",
        "fees.minimum",
        "not an amount",
    ),
    (
        "",
        "[log]\nto = \"syslog\"",
        "log.to",
        "not one of file, journal, both",
    ),
    (
        "expected_workers = 0",
        "",
        "expected_workers",
        "not within 1 to",
    ),
    (
        "expected_workers = 99999999999999999999",
        "",
        "expected_workers",
        "not within",
    ),
    ("currency = \"dollars\"", "", "currency", "not a currency"),
    ("control_group = \"a b\"", "", "control_group", "group"),
    ("log = 1", "", "log", "must be a table"),
    (
        "",
        "[log]\nlevel = \"loud\"",
        "log.level",
        "error, warn, info",
    ),
    (
        "",
        "[log]\nmemory_entries = 0",
        "log.memory_entries",
        "not within 1",
    ),
    (
        "",
        "[accounts]\nbcrypt_cost = 16",
        "accounts.bcrypt_cost",
        "4 to 15",
    ),
    (
        "",
        "[accounts]\nbcrypt_cost = 3",
        "accounts.bcrypt_cost",
        "4 to 15",
    ),
    (
        "",
        "[limits]\nmax_connection = 1",
        "limits.max_connection",
        "[limits] knows",
    ),
    (
        "",
        "[limits]\nframe_timeout = \"0\"",
        "limits.frame_timeout",
        "not within",
    ),
    (
        "",
        "[database]\nurl = \"mysql://x\"",
        "database.url",
        "sqlite:FILE",
    ),
    (
        "",
        "[database]\nurl = \"postgres://x\"",
        "database.url",
        "names no user",
    ),
    (
        "",
        "[database]\nurl = \"postgres://pt:secret@db/x\"",
        "database.url",
        "database.password_file",
    ),
    // What else is wrong depends on the URL.
    (
        "",
        "[database]\nurl = \"postgres://pt@h/x?sslmod=disable\"\npassword_file = \"pw\"\nlease = \"6s\"",
        "database.url",
        "sslmod",
    ),
    (
        "",
        "[database]\npassword_file = \"key\"",
        "database.password_file",
        "has no password",
    ),
    ("", "[tls]", "tls", "no such key"),
    (
        "",
        "[assets.binance]\nurl = \"http://api.binance.com\"",
        "assets.binance.url",
        "loopback only",
    ),
    (
        "",
        "[assets.binance]\nurl = \"https://user@host\"",
        "assets.binance.url",
        "URL",
    ),
    (
        "",
        "[assets.simulated]\nsymbols = 0",
        "assets.simulated.symbols",
        "not within",
    ),
    (
        "",
        "[[third_party]]\nname = \"password\"\nissuer = \"https://a\"\nclient_id = \"c\"",
        "third_party[0].name",
        "no provider's name",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"http://a.example\"\nclient_id = \"c\"",
        "third_party[0].issuer",
        "loopback only",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c d\"",
        "third_party[0].client_id",
        "visible ASCII",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\nmethods = []",
        "third_party[0].methods",
        "at least one",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\nmethods = \"implicit\"",
        "third_party[0].methods",
        "not one of",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\nlabel = \"a\\u001b\"",
        "third_party[0].label",
        "printable",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\nredirect_uris = [\"http://a.example/\"]",
        "third_party[0].redirect_uris",
        "loopback only",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\nsecret = \"x\"",
        "third_party[0].secret",
        "no such key",
    ),
    (
        "",
        "[[third_party]]\nname = \"a\"\nissuer = \"https://a\"\nclient_id = \"c\"\n[[third_party]]\nname = \"a\"\nissuer = \"https://b\"\nclient_id = \"c\"",
        "third_party[1].name",
        "is called a",
    ),
    (
        "",
        "[third_party]\nname = \"a\"",
        "third_party",
        "must be a list of tables",
    ),
];

#[test]
fn each_problem_is_reported_with_its_key_and_line() {
    for (above, below, key, reason) in PROBLEMS {
        let text = format!("{above}\n{}{below}\n", master_text());
        let error = master(&text).unwrap_err();
        assert_eq!(error.problems.len(), 1, "{error}");
        assert_eq!(error.problems[0].key, *key, "{error}");
        assert!(error.problems[0].reason.contains(reason), "{error}");
        let shown = error.to_string();
        assert!(
            shown.starts_with("/etc/papertrader/master.toml:") && shown.contains(key),
            "{shown}"
        );
        // The reported line is the key's.
        let line = error.problems[0].line.unwrap();
        let last = key.rsplit('.').next().unwrap();
        assert!(
            text.lines().nth(line - 1).unwrap().contains(last),
            "{error}"
        );
    }
}

#[test]
fn a_text_of_any_length_makes_a_problem_of_a_few_lines() {
    let long = "é".repeat(50_000);
    let symbols = |value: &str| master_text().replace("\"all\"", value);
    for text in [
        symbols(&format!("\"{long}\"")),
        symbols(&format!("[\"{long}\", \"OK\"]")),
        symbols(&format!("[{}]", "\"a b\", ".repeat(5_000))),
        format!("currency = \"{long}\"\n{}", master_text()),
        format!("\"{long}\" = 1\n{}", master_text()),
        format!("listen = \"{long}\"\n{}", master_text()),
        format!("{}[assets.alpaca]\nfeed = \"{long}\"\n", master_text()),
    ] {
        let error = master(&text).unwrap_err().to_string();
        let head: String = text.chars().take(40).collect();
        assert!(error.len() < 5_000, "{} bytes of {head}", error.len());
    }
    let said = |value: &str| master(&symbols(value)).unwrap_err().to_string();
    let all = said("[\"a b\", \"OK\", \"OK\", \"\"]");
    for part in ["\"a b\": ", "OK is listed twice", "\"\": "] {
        assert!(all.contains(part), "{all}");
    }
    let many = said(&format!("[{}]", "\"a b\", ".repeat(25)));
    assert!(many.ends_with("and 15 more"), "{many}");
}

#[test]
fn all_missing_keys_are_reported() {
    let error = master("").unwrap_err();
    let keys: Vec<_> = error.problems.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(keys, ["gpg.key", "assets.symbols", "assets.replay"]);
    let error = worker("[tls]\n").unwrap_err();
    let keys: Vec<_> = error.problems.iter().map(|it| it.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "name",
            "uuid",
            "advertise",
            "gpg.key",
            "gpg.master_key",
            "tls.certificate",
            "tls.key"
        ]
    );
}

#[test]
fn a_syntax_error_is_reported_with_its_line() {
    let error = master("listen = \"127.0.0.1:2048\"\n= 5\n").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("/etc/papertrader/master.toml:2: this is not TOML"),
        "{error}"
    );
    assert!(
        master("a = 1\na = 2\n")
            .unwrap_err()
            .to_string()
            .contains(":2:")
    );
}

#[test]
fn symbols_have_three_forms() {
    let with = |line: &str| master(&master_text().replace("symbols = \"all\"", line));
    let list = |names: &[&str]| {
        SymbolSelection::Listed(names.iter().map(|it| Symbol::parse(it).unwrap()).collect())
    };
    let config = with("symbols = [\"IBM\", \"AAPL\"]").unwrap().0;
    assert_eq!(config.assets.symbols, list(&["AAPL", "IBM"]));
    for (line, reason) in [
        ("symbols = []", "no symbol"),
        ("symbols = [\"AAPL\", \"AAPL\"]", "twice"),
        ("symbols = [\"aapl\"]", "A-Z"),
        ("symbols = \"AAPL\"", "[\"AAPL\"]"),
        ("symbols = [1]", "text in quotes"),
        ("symbols_file = \"/nonexistent\"", "cannot be read"),
        (
            "symbols = \"all\"\nsymbols_file = \"x\"",
            "exclude each other",
        ),
        ("", "required"),
    ] {
        let error = with(line).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("list"), "# mine\nMSFT\n\n GOOG # search\n").unwrap();
    let text = master_text().replace("symbols = \"all\"", "symbols_file = \"list\"");
    let (config, _) = MasterConfig::parse(&text, &dir.path().join("master.toml")).unwrap();
    assert_eq!(config.assets.symbols, list(&["GOOG", "MSFT"]));
}

#[test]
fn each_provider_named_has_its_table() {
    let with = |provider: &str| {
        let line = format!("symbols = \"all\"\nprovider = {provider}");
        master(&master_text().replace("symbols = \"all\"", &line))
    };
    for (provider, reason) in [
        ("\"alpaca\"", "[assets.alpaca] is missing"),
        (
            "[\"replay\", \"simulated\"]",
            "[assets.simulated] is missing",
        ),
        ("[\"replay\", \"replay\"]", "twice"),
        ("\"yahoo\"", "not one of"),
        ("[]", "at least one"),
    ] {
        let error = with(provider).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn plain_text_beyond_loopback_must_be_allowed() {
    for listen in ["0.0.0.0:2049", "192.0.2.1:2049", "[::]:2049"] {
        let line = format!("listen = \"{listen}\"");
        let error = worker(&worker_text(&line, "")).unwrap_err();
        assert_eq!(error.problems[0].key, "listen");
        assert!(
            error.to_string().contains("allow_plaintext = true"),
            "{error}"
        );
        let allowed = worker(&worker_text(&format!("{line}\nallow_plaintext = true"), "")).unwrap();
        assert_eq!(allowed.1[0].key, "allow_plaintext");
        let tls = worker(&worker_text(
            &line,
            "[tls]\ncertificate = \"c\"\nkey = \"k\"\n",
        ))
        .unwrap();
        assert!(tls.1.is_empty());
        assert_eq!(tls.0.tls.unwrap().key, Path::new("/etc/papertrader/k"));
    }
    for listen in ["127.0.0.9:0", "[::1]:2049", "[::ffff:127.0.0.1]:2049"] {
        worker(&worker_text(&format!("listen = \"{listen}\""), "")).unwrap();
    }
}

#[test]
fn origins_are_compared_as_browsers_do() {
    for (text, written) in [
        ("https://trade.example.org", "https://trade.example.org"),
        ("HTTPS://Trade.Example.ORG:443", "https://trade.example.org"),
        ("http://localhost:80", "http://localhost"),
        ("https://localhost:80", "https://localhost:80"),
        ("http://[::0001]:2050", "http://[::1]:2050"),
        ("http://127.0.0.1:02050", "http://127.0.0.1:2050"),
    ] {
        let origin = WebOrigin::parse(text).unwrap();
        assert_eq!(origin.to_string(), written);
        assert_eq!(WebOrigin::parse(written), Some(origin));
    }
    for wrong in [
        "",
        "https://",
        "trade.example.org",
        "ftp://trade.example.org",
        "https://trade.example.org/",
        "https://trade.example.org:0",
        "https://trade.example.org:65536",
        "https://trade.example.org:+1",
        "https://trade.example.org:",
        "https://user@trade.example.org",
        "https://[::1",
        "https://::1",
        "https://[localhost]",
        "https://*",
        "https://a b",
        "null",
    ] {
        assert_eq!(WebOrigin::parse(wrong), None, "{wrong}");
        let text = format!("[web]\norigins = [\"{wrong}\"]\n");
        let error = worker(&worker_text("", &text)).unwrap_err();
        assert_eq!(error.problems[0].key, "web.origins", "{error}");
    }
    let origin = WebOrigin::parse("http://127.0.0.1:2050").unwrap();
    assert!(origin.is_host("127.0.0.1:2050") && !origin.is_host("127.0.0.1"));
    assert!(WebOrigin::parse("http://a").unwrap().is_host("A:80"));
    assert_eq!(origin.websocket(), "ws://127.0.0.1:2050");
    let localhost = origin.localhost().unwrap();
    assert_eq!(localhost.to_string(), "http://localhost:2050");
    assert_eq!(localhost.localhost(), None);
}

#[test]
fn a_page_beyond_loopback_needs_tls_or_a_word() {
    let (config, warnings) = worker(&worker_text("", "[web]\n")).unwrap();
    let web = config.web.unwrap();
    assert_eq!(web.listen.to_string(), "127.0.0.1:2050");
    assert!(warnings.is_empty() && web.origins.is_empty());
    let beyond = "[web]\nlisten = \"0.0.0.0:2050\"\n";
    let error = worker(&worker_text("", beyond)).unwrap_err();
    assert_eq!(error.problems[0].key, "web.listen");
    let allowed = format!("{beyond}allow_plaintext = true\n");
    let (_, warnings) = worker(&worker_text("", &allowed)).unwrap();
    assert_eq!(warnings[0].key, "web.allow_plaintext");
    let tls = format!("[tls]\ncertificate = \"c\"\nkey = \"k\"\n{beyond}");
    assert!(worker(&worker_text("", &tls)).unwrap().1.is_empty());
    let same = "[web]\nlisten = \"127.0.0.1:2049\"\n";
    let error = worker(&worker_text("", same)).unwrap_err();
    assert!(error.to_string().contains("another port"), "{error}");
    for (origin, warned) in [
        ("http://192.0.2.1:2050", true),
        ("http://trade.example.org", true),
        ("https://trade.example.org", false),
        ("http://127.0.0.1:1", false),
        ("http://localhost:1", false),
    ] {
        let text = format!("[web]\norigins = \"{origin}\"\n");
        let (_, warnings) = worker(&worker_text("", &text)).unwrap();
        assert_eq!(!warnings.is_empty(), warned, "{origin}");
    }
    let many = format!("[web]\norigins = [{}]\n", "\"https://a\", ".repeat(65));
    assert!(worker(&worker_text("", &many)).is_err());
}

#[test]
fn a_worker_s_values_are_checked() {
    for (line, key) in [
        ("master = \"master\"", "master"),
        ("master = \"master:0\"", "master"),
        ("master = \"ma ster:1\"", "master"),
        ("master = \"::1:2048\"", "master"),
        ("master = \"[::g]:2048\"", "master"),
        ("master = \"a:1\"\nmasters = [\"a:1\", \"b:1\"]", "masters"),
        ("masters = []", "masters"),
        ("masters = [\"a:1\", \"a:1\"]", "masters"),
        ("masters = [\"a:1\", \"b\"]", "masters"),
        ("data_dir = \"\"", "data_dir"),
        ("allow_plaintext = \"yes\"", "allow_plaintext"),
    ] {
        let error = worker(&worker_text(line, "")).unwrap_err();
        assert_eq!(error.problems[0].key, key, "{error}");
    }
    let (config, _) = worker(&worker_text("master = \"[::1]:2048\"", "")).unwrap();
    assert_eq!(config.master.to_string(), "[::1]:2048");
    let (config, _) = worker(&worker_text("masters = [\"a:1\", \"b:2\"]", "")).unwrap();
    let masters: Vec<String> = config.masters().map(ToString::to_string).collect();
    assert_eq!(masters, ["a:1", "b:2"]);
    let error = worker(&worker_text("", "").replace(OTHER, KEY)).unwrap_err();
    assert_eq!(error.problems[0].key, "gpg.master_key");
    let error = worker(&worker_text("", "[limits]\nmax_unsent = \"1 elephant\"\n")).unwrap_err();
    assert!(error.to_string().contains("1MiB"), "{error}");
}

#[test]
fn a_cheap_hash_gives_a_warning() {
    let (config, warnings) =
        master(&format!("{}[accounts]\nbcrypt_cost = 9\n", master_text())).unwrap();
    assert_eq!(config.accounts.bcrypt_cost, 9);
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].key, "accounts.bcrypt_cost");
}

#[test]
fn a_socket_path_that_is_too_long_is_refused() {
    let line = format!("control_socket = \"/{}\"\n", "x".repeat(107));
    let error = master(&format!("{line}{}", master_text())).unwrap_err();
    assert!(error.to_string().contains("108 bytes"), "{error}");
}

#[test]
fn third_parties_are_read_and_written_in_their_order() {
    let file = Path::new("/etc/papertrader/master.toml");
    let text = format!(
        "{}{GOOGLE}[[third_party]]\nname = \"school\"\nissuer = \"https://id.example/\"\n\
         client_id = \"pt\"\nlabel = \"Our school\"\nmethods = [\"redirect\"]\n\
         redirect_uris = [\"https://trade.example/back?x=1\"]\n",
        master_text()
    );
    let (config, _) = master(&text).unwrap();
    let [google, school] = config.third_parties.as_slice() else {
        panic!("{:?}", config.third_parties);
    };
    assert_eq!((google.label.as_str(), google.methods.len()), ("google", 2));
    assert_eq!(
        google.client_secret_file.as_deref(),
        Some(Path::new("/etc/papertrader/google.key"))
    );
    assert_eq!(school.issuer, "https://id.example/", "its slash is kept");
    assert_eq!(school.client_secret_file, None);
    let written = config.to_toml(file);
    assert_eq!(
        MasterConfig::parse(&written, file).unwrap().0,
        config,
        "{written}"
    );
    assert_eq!(
        written.matches("\n[[third_party]]\n").count(),
        2,
        "{written}"
    );
    assert_eq!(written.matches("What people type").count(), 1, "{written}");
}

#[test]
fn a_written_configuration_reads_back_the_same() {
    let file = Path::new("/srv/sand \"box\"/master.toml");
    let text = format!(
        "listen = \"[::1]:0\"\ndata_dir = \".\"\ncontrol_socket = \"m.sock\"\ncurrency = \"EUR\"\nupdate_interval = \"1s 500ms\"\n\
         starting_cash = 12\nsession_lifetime = \"5m\"\nexpected_workers = 3\ncontrol_group = \"staff\"\n\
         [database]\nurl = \"sqlite:db/x.db\"\n[gpg]\nhome = \"gnupg\"\nkey = \"{}\"\n\
         [log]\nfile = \"/tmp/l\\\\og\"\nlevel = \"debug\"\nmemory_entries = 7\n\
         [assets]\nsymbols = [\"BTC/USD\", \"IBM\"]\nprovider = [\"alpaca\", \"binance\", \"simulated\"]\nstale_after = 9\ncalls_per_minute = 8\ncalls_per_day = 9\nkeep_ticks = \"90days\"\n\
         [assets.alpaca]\nurl = \"http://127.0.0.1:81/a\"\nassets_url = \"http://[::1]:82/\"\ncredentials = \"k\"\nfeed = \"sip\"\n\
         [assets.binance]\nurl = \"https://localhost:1\"\nquote = \"EUR\"\n[assets.simulated]\nsymbols = 5\nseed = 6\n\
         [accounts]\nbcrypt_cost = 4\n[fees]\nper_order = \"1.5\"\nper_unit = 1\npercent = \"0.000001\"\nminimum = \"1000000\"\nslippage_percent = \"50\"\n[limits]\nfailed_logins_per_minute = 1\nfailed_logins_per_minute_per_address = 2\nfailed_logins_per_hour_per_name = 9\nfailed_logins_per_minute_per_worker = 10\n\
         registrations_per_minute_per_address = 3\norders_per_minute_per_account = 4\nrejected_orders_per_hour_per_account = 11\nmax_queued_per_account = 5\nmax_queued = 6\n\
         max_open_per_account = 12\nmax_open = 13\ncancels_per_minute_per_account = 14\nmin_order_value = \"15.5\"\n\
         max_connections = 7\nframe_timeout = \"8s\"\n",
        KEY.to_ascii_lowercase()
    );
    let (config, _) = MasterConfig::parse(&text, file).unwrap();
    assert_eq!(config.gpg.key.to_string(), KEY);
    let written = config.to_toml(file);
    assert_eq!(
        MasterConfig::parse(&written, file).unwrap().0,
        config,
        "{written}"
    );
    assert!(written.contains("home = \"gnupg\"") && written.contains("url = \"sqlite:db/x.db\""));

    let on_server = format!(
        "{}[database]\nurl = \"postgres://pt@h1,h2/x?target_session_attrs=read-write\"\npassword_file = \"pw\"\n",
        master_text()
    );
    let (config, _) = MasterConfig::parse(&on_server, file).unwrap();
    let written = config.to_toml(file);
    assert_eq!(
        MasterConfig::parse(&written, file).unwrap().0,
        config,
        "{written}"
    );
    assert!(written.contains("\npassword_file = \"pw\"\n"), "{written}");

    let plain = master(&master_text()).unwrap().0;
    let file = Path::new("/etc/papertrader/master.toml");
    let written = plain.to_toml(file);
    assert!(written.contains("\n# [assets.alpaca]\n"), "{written}");
    assert_eq!(MasterConfig::parse(&written, file).unwrap().0, plain);

    let file = Path::new("/srv/box/worker-1.toml");
    let text = worker_text(
        "listen = \"0.0.0.0:1\"\nmaster = \"m.example:9\"\ndata_dir = \"w1\"\nallow_plaintext = true",
        "[log]\nfile = \"w.log\"\n[limits]\nmax_connections = 1\nmax_connections_per_ip = 2\nframe_timeout = \"3s\"\nidle_timeout = \"4s\"\n\
         max_unsent = \"50000\"\nsend_timeout = \"6s\"\n[tls]\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n\
         [web]\nlisten = \"0.0.0.0:2\"\norigins = [\"https://a.example\", \"http://[::1]:9\"]\nallow_plaintext = true\n",
    );
    let (config, _) = WorkerConfig::parse(&text, file).unwrap();
    let written = config.to_toml(file);
    assert_eq!(
        WorkerConfig::parse(&written, file).unwrap().0,
        config,
        "{written}"
    );
    assert!(!written.contains("data_dir") && written.contains("key = \"/k.pem\""));
}

#[test]
fn metrics_are_served_where_somebody_says_so_and_not_where_others_are() {
    assert!(master(&master_text()).unwrap().0.metrics.is_none());
    assert!(worker(&worker_text("", "")).unwrap().0.metrics.is_none());
    let text = worker_text("", "[metrics]\n");
    let (config, warnings) = worker(&text).unwrap();
    assert_eq!(config.metrics.unwrap().listen.to_string(), "127.0.0.1:9749");
    assert!(warnings.is_empty());
    let file = Path::new("/etc/worker.toml");
    let (config, _) = WorkerConfig::parse(&text, file).unwrap();
    let written = config.to_toml(file);
    assert!(
        written.contains("\n[metrics]\nlisten = \"127.0.0.1:9749\"\n"),
        "{written}"
    );
    assert_eq!(WorkerConfig::parse(&written, file).unwrap().0, config);
    let open = master_text() + "[metrics]\nlisten = \"0.0.0.0:9748\"\n";
    let (_, warnings) = master(&open).unwrap();
    assert_eq!(warnings[0].key, "metrics.listen");
    for text in [
        "listen = \"127.0.0.1:2048\"\n",
        "port = 9748\n",
        "listen = \"x\"\n",
    ] {
        assert!(
            master(&(master_text() + "[metrics]\n" + text)).is_err(),
            "{text}"
        );
    }
    let page = worker_text("", "[web]\n[metrics]\nlisten = \"127.0.0.1:2050\"\n");
    let error = worker(&page).unwrap_err().to_string();
    assert!(error.contains("another port"), "{error}");
}

#[test]
fn a_feed_that_alpaca_does_not_have_is_refused() {
    let assets = |keys: &str| {
        let text = format!(
            "[assets]\nsymbols = \"all\"\nprovider = \"alpaca\"\n[assets.alpaca]\n{keys}\n"
        );
        MasterConfig::parse(&text, Path::new("/etc/master.toml"))
    };
    for feed in ["sipp", "", "IEX", "best"] {
        for key in ["feed", "history_feed"] {
            let error = assets(&format!("{key} = \"{feed}\""))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(&format!("assets.alpaca.{key}: \"{feed}\"")),
                "{error}"
            );
        }
    }
    // It has no past days.
    let error = assets("history_feed = \"delayed_sip\"")
        .unwrap_err()
        .to_string();
    assert!(error.contains("not a feed of past days"), "{error}");
    let error = assets("feed = \"delayed_sip\"").unwrap_err().to_string();
    assert!(!error.contains("assets.alpaca"), "{error}");
}

#[test]
fn secrets_that_others_can_read_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let mode = |name: &str, mode| {
        fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap()
    };
    fs::create_dir(path("gnupg")).unwrap();
    mode("gnupg", 0o700);
    for name in ["c.pem", "k.pem"] {
        fs::write(path(name), "").unwrap();
        mode(name, 0o600);
    }
    let tls = "[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n[log]\nfile = \"worker.log\"\n";
    let text =
        worker_text("", tls).replace("[gpg]", "data_dir = \"data\"\n[gpg]\nhome = \"gnupg\"");
    fs::write(path("worker.toml"), text).unwrap();
    let (_, warnings) = WorkerConfig::load(&path("worker.toml")).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        warnings[0].key, "data_dir",
        "it worked once, and is told to have no effect"
    );
    mode("c.pem", 0o644);
    WorkerConfig::load(&path("worker.toml")).unwrap();

    for (name, bad, key) in [("k.pem", 0o604, "tls.key"), ("gnupg", 0o755, "gpg.home")] {
        let before = fs::metadata(path(name)).unwrap().permissions();
        mode(name, bad);
        let error = WorkerConfig::load(&path("worker.toml")).unwrap_err();
        assert_eq!(
            (error.problems.len(), error.problems[0].key.as_str()),
            (1, key)
        );
        assert!(error.to_string().contains("chmod"), "{error}");
        assert!(error.problems[0].line.is_some());
        fs::set_permissions(path(name), before).unwrap();
    }
    fs::remove_file(path("k.pem")).unwrap();
    let error = WorkerConfig::load(&path("worker.toml")).unwrap_err();
    assert_eq!(error.problems[0].key, "tls.key");
    let error = WorkerConfig::load(&path("none.toml")).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
    // What makes one.
    assert!(error.to_string().contains("setup worker NAME"), "{error}");
    let error = MasterConfig::load(dir.path()).unwrap_err();
    assert!(error.to_string().contains("cannot be read"), "{error}");
}

proptest::proptest! {
    /// Any text is read, or refused with a reason.
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*", lines in "([a-z_.\\[\\]\"= 0-9-]{0,20}\n){0,6}") {
        for text in [text.as_str(), lines.as_str()] {
            let error = worker(text).unwrap_err();
            proptest::prop_assert!(error.problems.iter().all(|it| !it.reason.is_empty()));
        }
    }
}
