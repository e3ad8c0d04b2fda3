//! Metrics of real daemons: their page, promtool, Prometheus, the dashboard, `papertraderctl check`.

use papertrader::admin::warning::WarningKind;
use papertrader::model::Symbol;
use papertrader::testkit::trader::{buy, hashed, username};
use papertrader::testkit::{Daemon, Deployment, Market, TEST_TIMEOUT, eventually, folder, until};
use rustix::process::Signal;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A deployment whose daemons serve metrics on ports that the system chose.
fn deployment() -> Deployment {
    // Some tell of its file.
    Deployment::builder()
        .in_a_file()
        .market(Market::seconds("UPANDUP", 10, 3600))
        .set("metrics.listen", "127.0.0.1:0")
        .set_workers("metrics.listen", "127.0.0.1:0")
        .start()
}

/// Where a daemon says that it serves metrics.
fn address(daemon: &Daemon) -> String {
    eventually("the log names the port of the metrics", || {
        let log = daemon.log();
        let (_, rest) = log.rsplit_once("metrics are served at http://")?;
        rest.split_once("/metrics")
            .map(|(address, _)| address.to_owned())
    })
}

/// The body of an answer to a request of HTTP.
fn get(address: &str, path: &str) -> String {
    let answer = answer(address, path).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
    body.to_owned()
}

/// What a port answers to a request, head and body. One that is refused may be cut.
fn answer(address: &str, path: &str) -> io::Result<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(TEST_TIMEOUT))?;
    write!(
        socket,
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The metrics of a daemon; `None` where it does not serve them at this moment.
pub fn metrics_now(daemon: &Daemon) -> Option<String> {
    answer(&address(daemon), "/metrics").ok()
}

fn metrics(daemon: &Daemon) -> String {
    get(&address(daemon), "/metrics")
}

/// The value of a sample, named with its labels.
pub fn value(text: &str, sample: &str) -> f64 {
    let of = |line: &str| line.strip_prefix(sample)?.strip_prefix(' ')?.parse().ok();
    text.lines()
        .find_map(of)
        .unwrap_or_else(|| panic!("{sample}: {text}"))
}

/// The families of an answer: name, and kind.
fn families(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let pairs = types.map(|line| line.split_once(' ').unwrap());
    pairs
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect()
}

/// The names of the labels of each family in an answer.
fn labels(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let name = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| {
                name.strip_suffix(end)
                    .filter(|name| name.ends_with("_seconds"))
            })
            .unwrap_or(name);
        let names = found.entry(name.to_owned()).or_default();
        if let Some((inside, _)) = rest.split_once('}') {
            let each = inside
                .split("\",")
                .filter_map(|label| label.split_once('='));
            names.extend(
                each.map(|(label, _)| label.to_owned())
                    .filter(|label| label != "le"),
            );
        }
    }
    found
}

/// A row of a table on the page of metrics.
struct PageRow {
    kind: String,
    labels: BTreeSet<String>,
    /// The daemons that have it.
    of: String,
}

/// The rows of the page, by family.
fn page() -> BTreeMap<String, PageRow> {
    let text = fs::read_to_string(root().join("spec/metrics.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `p")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, unit, labels, of, meaning] = cells[..] else {
            panic!("{line}");
        };
        assert!(!unit.is_empty() && !meaning.is_empty(), "{line}");
        let named = labels.split('`').skip(1).step_by(2).map(str::to_owned);
        let row = PageRow {
            kind: kind.to_owned(),
            labels: named.collect(),
            of: of.to_owned(),
        };
        assert!(
            rows.insert(name.trim_matches('`').to_owned(), row)
                .is_none(),
            "{line}"
        );
    }
    rows
}

/// Whether Prometheus is missing here, and the gate has said so aloud.
fn is_skipped() -> bool {
    let skipped = std::env::var_os("WITHOUT_PROMETHEUS").is_some();
    if skipped {
        eprintln!("skipped: there is no prometheus");
    }
    skipped
}

/// Runs promtool with an input.
fn promtool(arguments: &[&str], input: &str) {
    let mut child = Command::new("promtool")
        .args(arguments)
        .current_dir(root().join("etc/prometheus"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("promtool (WITHOUT_PROMETHEUS=1 goes without it): {error}"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(
        output.status.success() && !said.contains("error"),
        "{arguments:?}: {said}"
    );
}

#[test]
fn the_page_lists_what_both_daemons_tell_and_they_tell_no_names() {
    let deployment = deployment();
    let mut alice = deployment.trader(1, "alicethetrader");
    buy(&mut alice, "UPANDUP", "1");
    let mut other = deployment.connect(1);
    let wrong = other.login(&username("alicethetrader"), &hashed("wrong"), false);
    wrong.unwrap_err();
    let told = [
        ("master", metrics(deployment.master())),
        ("worker", metrics(deployment.worker(1))),
    ];
    let page = page();
    let mut wrong = Vec::new();
    for (daemon, text) in &told {
        let (families, labels) = (families(text), labels(text));
        for (name, row) in &page {
            let is_told = families.contains_key(name);
            if row.of.contains("both") || row.of.contains(daemon) {
                if families.get(name) != Some(&row.kind) {
                    let kind = families.get(name);
                    wrong.push(format!("{daemon}: {name} is {kind:?} and not {}", row.kind));
                }
            } else if is_told {
                wrong.push(format!(
                    "{daemon} tells {name}, and the page says {}",
                    row.of
                ));
            }
            if let Some(found) = labels.get(name)
                && *found != row.labels
            {
                wrong.push(format!("{daemon}: {name} has the labels {found:?}"));
            }
        }
        let unlisted = families.keys().filter(|name| !page.contains_key(*name));
        wrong.extend(unlisted.map(|name| format!("{daemon}: {name} is not on the page")));
        for secret in ["alice", "UPANDUP", "127.0.0.1", "worker-1"] {
            assert!(!text.contains(secret), "{secret}: {text}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let [(_, master), (_, worker)] = &told;
    let of = |peer, direction, number, name| {
        format!(
            "papertrader_instructions_total{{peer=\"{peer}\",direction=\"{direction}\",number=\"{number}\",instruction=\"{name}\"}}"
        )
    };
    for (text, sample, least) in [
        (
            worker,
            of("client", "received", "0x0104", "purchaseAsset"),
            1.0,
        ),
        (worker, of("client", "received", "0x0101", "login"), 2.0),
        (worker, of("link", "received", "0x0422", "linkPrices"), 1.0),
        (
            master,
            of("link", "received", "0x0104", "purchaseAsset"),
            1.0,
        ),
        (master, of("link", "sent", "0x0422", "linkPrices"), 1.0),
        (
            worker,
            "papertrader_refusals_total{reason=\"bad-credentials\"}".into(),
            1.0,
        ),
        (
            worker,
            "papertrader_connections{kind=\"plain\"}".into(),
            2.0,
        ),
        (worker, "papertrader_link_up".into(), 1.0),
        (
            worker,
            "papertrader_link_bytes_total{direction=\"received\"}".into(),
            100.0,
        ),
        (
            worker,
            "papertrader_link_records_total{direction=\"sent\"}".into(),
            2.0,
        ),
        (
            worker,
            "papertrader_inbox_messages_max{module=\"cache\"}".into(),
            1.0,
        ),
        (master, "papertrader_links_opened_total".into(), 1.0),
        (
            master,
            "papertrader_account_events_total{event=\"logins\"}".into(),
            1.0,
        ),
        (
            master,
            "papertrader_account_events_total{event=\"failed-logins\"}".into(),
            1.0,
        ),
        (master, "papertrader_orders_accepted_total".into(), 1.0),
        (master, "papertrader_orders_ended_total".into(), 1.0),
        (master, "papertrader_settlement_seconds_count".into(), 1.0),
        (master, "papertrader_commit_seconds_count".into(), 3.0),
        (master, "papertrader_database_bytes".into(), 4096.0),
        (master, "papertrader_disk_size_bytes".into(), 4096.0),
        (master, "papertrader_workers{state=\"linked\"}".into(), 1.0),
        (
            master,
            "papertrader_provider_prices_timestamp_seconds{provider=\"replay\"}".into(),
            1e9,
        ),
        (
            master,
            "papertrader_market_state{state=\"open\"}".into(),
            1.0,
        ),
        (master, "papertrader_sessions".into(), 1.0),
        (master, "papertrader_status_answered".into(), 1.0),
        (master, "process_open_fds".into(), 5.0),
    ] {
        let found = value(text, &sample);
        assert!(found >= least, "{sample} is {found}\n{text}");
    }
    let clock = value(worker, "papertrader_clock_difference_seconds");
    assert!(clock.abs() < 5.0, "{clock}");
    // The same by the control socket, for who has no HTTP.
    let same = families(&deployment.done("metrics"));
    assert_eq!(same, families(master));
    if !is_skipped() {
        promtool(&["check", "metrics"], master);
        promtool(&["check", "metrics"], worker);
    }
}

#[test]
fn the_alert_rules_are_right() {
    if is_skipped() {
        return;
    }
    promtool(&["check", "config", "--syntax-only", "prometheus.yml"], "");
    promtool(&["check", "rules", "papertrader.rules.yml"], "");
    promtool(&["test", "rules", "papertrader.rules.test.yml"], "");
}

/// The expressions of the dashboard, each with its panel's title.
fn dashboard() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("etc/grafana/papertrader.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let title = panel["title"].as_str().unwrap().to_owned();
            found.push((title, target["expr"].as_str().unwrap().to_owned()));
        }
    }
    found
}

/// The expressions of the alert rules, each with the alert's name.
fn alerts() -> Vec<(String, String)> {
    let text = fs::read_to_string(root().join("etc/prometheus/papertrader.rules.yml")).unwrap();
    let of = |key: &str| {
        let lines = text.lines().map(str::trim_start);
        let found = lines.filter_map(move |line| line.strip_prefix(key));
        found.map(str::to_owned).collect::<Vec<_>>()
    };
    let (names, expressions) = (of("- alert: "), of("expr: "));
    assert_eq!(names.len(), expressions.len());
    names.into_iter().zip(expressions).collect()
}

/// Every name of a family that an expression has.
fn names_in(expression: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '_';
    expression
        .split(move |c| !is_part(c))
        .filter(|word| word.starts_with("papertrader_") || word.starts_with("process_"))
}

#[test]
fn every_kind_of_warning_has_an_alert() {
    // Kinds that another figure tells, with its alert.
    let by_figure = [
        ("module-stalled", "PaperTraderModuleStalled"),
        ("expiry", "PaperTraderExpiry"),
        ("price-held", "PaperTraderPricesHeld"),
        ("disk-low", "PaperTraderDiskLow"),
        ("log-lost", "PaperTraderLogLost"),
    ];
    let alerts = alerts();
    let of = |name: &str| alerts.iter().find(|(it, _)| it == name).unwrap().1.as_str();
    let others = of("PaperTraderWarning");
    let own = others
        .strip_prefix("papertrader_warning{kind!~\"")
        .and_then(|rest| rest.strip_suffix("\"} == 1"))
        .unwrap();
    let own: BTreeSet<&str> = own.split('|').collect();
    let known: BTreeSet<&str> = WarningKind::ALL.iter().map(|it| it.as_str()).collect();
    assert!(own.is_subset(&known), "{own:?}");
    for kind in own {
        // Who pauses the market knows that it is paused.
        if kind == "market-paused" {
            continue;
        }
        if let Some((_, alert)) = by_figure.iter().find(|(it, _)| *it == kind) {
            assert!(!of(alert).is_empty(), "{kind}");
        } else {
            let wanted = format!("papertrader_warning{{kind=\"{kind}\"}} == 1");
            let has = alerts.iter().any(|(_, text)| text.contains(&wanted));
            assert!(has, "{kind} has no alert");
        }
    }
}

#[test]
fn rules_and_dashboard_name_families_that_the_page_lists() {
    let page = page();
    let kinds: BTreeSet<&str> = papertrader::admin::warning::WarningKind::ALL
        .iter()
        .map(|kind| kind.as_str())
        .collect();
    for (title, expression) in dashboard().into_iter().chain(alerts()) {
        for name in names_in(&expression) {
            let family = ["_bucket", "_count", "_sum"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|it| it.ends_with("_seconds")))
                .unwrap_or(name);
            assert!(page.contains_key(family), "{title}: {family}");
        }
        for kind in expression.split("kind=\"").skip(1) {
            let kind = kind.split('"').next().unwrap();
            if expression.contains("papertrader_warning{") {
                assert!(kinds.contains(kind), "{title}: {kind}");
            }
        }
    }
}

/// A Prometheus that scrapes each second, and ends with this value.
struct Prometheus {
    child: Child,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(master: &str, worker: &str) -> Prometheus {
        let folder = folder();
        let sample = fs::read_to_string(root().join("etc/prometheus/prometheus.yml")).unwrap();
        let rules = root().join("etc/prometheus/papertrader.rules.yml");
        let installed = "/usr/share/papertrader/prometheus/papertrader.rules.yml";
        for needed in ["127.0.0.1:9748", "127.0.0.1:9749", "15s", installed] {
            assert!(sample.contains(needed), "{needed}: {sample}");
        }
        let config = sample
            .replace("127.0.0.1:9748", master)
            .replace("127.0.0.1:9749", worker)
            .replace("15s", "1s\n  evaluation_interval: 1s")
            .replace(installed, rules.to_str().unwrap());
        let file = folder.path().join("prometheus.yml");
        fs::write(&file, config).unwrap();
        // Prometheus tells its port to nobody, so a free one is looked for.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("prometheus (WITHOUT_PROMETHEUS=1 goes without it): {error}")
            });
        Prometheus {
            child,
            address,
            _folder: folder,
        }
    }

    /// The samples of an expression now; `None` while Prometheus does not answer.
    fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let quoted: String = expression
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let mut socket = TcpStream::connect(&self.address).ok()?;
        socket.set_read_timeout(Some(TEST_TIMEOUT)).ok()?;
        let request = format!(
            "GET /api/v1/query?query={quoted} HTTP/1.0\r\nHost: {}\r\n\r\n",
            self.address
        );
        socket.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).ok()?;
        let (_, body) = answer.split_once("\r\n\r\n")?;
        let body: Value = serde_json::from_str(body).ok()?;
        assert_ne!(body["status"], "error", "{expression}: {body}");
        Some(body["data"]["result"].as_array()?.clone())
    }
}

#[test]
fn prometheus_scrapes_both_daemons_and_each_expression_of_the_dashboard_answers() {
    if is_skipped() {
        return;
    }
    let deployment = deployment();
    let (master, worker) = (address(deployment.master()), address(deployment.worker(1)));
    let prometheus = Prometheus::start(&master, &worker);
    let mut alice = deployment.trader(1, "alice");
    until("both are scraped", || {
        let up = prometheus.query("up == 1");
        up.is_some_and(|up| up.len() == 2)
    });
    // Rates need two samples, between which something happens.
    buy(&mut alice, "UPANDUP", "1");
    let expressions = dashboard();
    assert!(expressions.len() > 40);
    for (title, expression) in &expressions {
        until(&format!("{title}: {expression}"), || {
            let samples = prometheus.query(expression);
            samples.is_some_and(|samples| !samples.is_empty())
        });
    }
    for (name, expression) in alerts() {
        assert!(
            prometheus.query(&expression).is_some(),
            "{name}: {expression}"
        );
    }
    // Nothing is wrong, so nothing is told, but how full this machine's disk is. What only a slow
    // machine brings about for a moment, as a late update, is pending at most.
    for alerts in [
        "ALERTS{alertstate=\"firing\", alertname!~\"PaperTraderDisk.*\"}",
        "ALERTS{alertname=~\"PaperTrader(Restarts|ClockOff|Expiry|MarketEnded|ProviderFailing|\
         CallsSpent|PlacesTaken|ConnectionsRefused|Descriptors|PasswordsGuessed|LogLost)\"}",
    ] {
        let told = prometheus.query(alerts).unwrap();
        assert!(told.is_empty(), "{told:?}");
    }
    deployment.worker(1).kill();
    until("Prometheus misses the worker", || {
        let pending = prometheus.query("ALERTS{alertname=\"PaperTraderDown\"}");
        pending.is_some_and(|it| !it.is_empty())
    });
}

/// Exit code and output of `papertraderctl check`.
fn check(deployment: &Deployment, arguments: &[&str]) -> (i32, String) {
    let all = [&["--socket", "master.sock", "check"], arguments].concat();
    let output = deployment.run("papertraderctl", &all);
    let said = String::from_utf8(output.stdout).unwrap();
    (output.status.code().unwrap(), said)
}

#[test]
fn check_speaks_and_exits_as_monitoring_plugins_do() {
    let deployment = Deployment::builder()
        .in_a_file()
        .market(Market::seconds("UP", 10, 3600))
        .start();
    // How full this machine's disk is, is the machine's.
    let ignored = ["--ignore", "disk-low", "--ignore", "disk-full"];
    let checked = |more: &[&str]| check(&deployment, &[&ignored[..], more].concat());
    let (code, line) = checked(&[]);
    assert_eq!(code, 0, "{line}");
    assert!(
        line.starts_with("PAPERTRADER OK - 1 of 1 workers linked, update "),
        "{line}"
    );
    assert!(line.contains(" | queue=0;;;0 open=0;;;0 disk="), "{line}");
    assert_eq!(line.lines().count(), 1, "{line}");
    let (code, line) = checked(&["-w", "workers=2"]);
    assert!(
        code == 1 && line.starts_with("PAPERTRADER WARNING - workers is 1"),
        "{line}"
    );
    let (code, line) = checked(&["-w", "workers=2", "-c", "queue=0"]);
    assert!(
        code == 2 && line.starts_with("PAPERTRADER CRITICAL - queue is 0"),
        "{line}"
    );
    assert_eq!(checked(&["-w", "queues=1"]).0, 3);
    assert_eq!(checked(&["--no-such-option"]).0, 3);
    assert_eq!(check(&deployment, &["--help"]).0, 0);

    deployment.done("market pause");
    let (code, line) = checked(&[]);
    assert!(code == 1 && line.contains("the market is paused"), "{line}");
    assert_eq!(checked(&["--ignore", "market-paused"]).0, 0);
    let status = deployment.json("status");
    let conditions = status["conditions"].as_array().unwrap().iter();
    let paused: Vec<&Value> = conditions
        .filter(|it| it["kind"] == "market-paused")
        .collect();
    assert_eq!(paused[0]["level"], "warning", "{status}");
    assert!(
        status["warnings"]
            .as_array()
            .unwrap()
            .contains(&paused[0]["text"])
    );
    let told = deployment.done("metrics");
    assert!(
        told.contains("papertrader_warning{kind=\"market-paused\"} 1\n"),
        "{told}"
    );
    assert!(
        told.contains("papertrader_warning{kind=\"workers-away\"} 0\n"),
        "{told}"
    );
    deployment.done("market resume");

    deployment.worker(1).kill();
    until("the worker is missed", || {
        // The status itself gives a worker a minute after a start.
        let (code, line) = checked(&["-c", "workers=1", "--json"]);
        let report: Value = serde_json::from_str(&line).unwrap();
        let text = report["text"][0].as_str().unwrap().to_owned();
        code == 2 && text.starts_with("workers is 0, and the bound is 1")
    });
    deployment.master().kill();
    let (code, line) = checked(&[]);
    assert!(
        code == 2 && line.contains("CRITICAL - no master listens at "),
        "{line}"
    );
}

#[test]
fn a_worker_answers_without_its_master_and_tells_that_the_link_is_down() {
    let deployment = deployment();
    let address = address(deployment.worker(1));
    // A worker without a master still answers.
    deployment.master().signal(Signal::STOP);
    let text = get(&address, "/metrics");
    assert!(value(&text, "papertrader_link_up") > 0.5, "{text}");
    deployment.master().kill();
    until("the link is missed", || {
        value(&get(&address, "/metrics"), "papertrader_link_up") < 0.5
    });
    let text = get(&address, "/metrics");
    assert!(
        !text.contains("\npapertrader_clock_difference_seconds "),
        "{text}"
    );
}

#[test]
fn who_is_refused_at_the_port_for_metrics_is_no_refused_client() {
    let deployment = deployment();
    let address = address(deployment.worker(1));
    let connect = |_| {
        let socket = TcpStream::connect(&address).unwrap();
        socket.set_read_timeout(Some(TEST_TIMEOUT)).unwrap();
        socket
    };
    // One more than the port has places for.
    let mut open: Vec<_> = (0..9).map(connect).collect();
    let mut refusal = String::new();
    open[8].read_to_string(&mut refusal).unwrap();
    assert!(refusal.starts_with("HTTP/1.1 503 "), "{refusal}");
    open.truncate(1);
    // The places are free once their threads have seen the end.
    let text = eventually("a place is free again", || {
        let answered = answer(&address, "/metrics").ok()?;
        let (head, body) = answered.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
    });
    let refused = value(&text, "papertrader_connections_refused_total");
    assert!(refused < 0.5, "{text}");
}

/// Processor time of a process in seconds, of user and system.
fn processor_time(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<u64> = fields
        .split_whitespace()
        .filter_map(|field| field.parse().ok())
        .collect();
    // Fields 14 and 15; the first one here, a letter, is passed over.
    let ticks = fields[10] + fields[11];
    #[allow(
        clippy::cast_precision_loss,
        clippy::float_arithmetic,
        reason = "a measurement"
    )]
    let seconds = ticks as f64 / 100.0;
    seconds
}

/// Scrapes each second for so long, or does not, and returns the processor time that both daemons
/// used meanwhile, while a client asks for `quotes` quotes.
#[allow(clippy::float_arithmetic, reason = "a measurement")]
fn measured(deployment: &Deployment, addresses: &[String], quotes: u32, time: Duration) -> f64 {
    let pids = [deployment.master().pid(), deployment.worker(1).pid()];
    let used = || pids.iter().map(|pid| processor_time(*pid)).sum::<f64>();
    let mut trader = deployment.connect(1);
    trader
        .login(&username("alice"), &hashed("alice"), false)
        .unwrap();
    let symbol = Symbol::parse("UPANDUP").unwrap();
    let before = used();
    let began = Instant::now();
    let pause = time / quotes;
    let mut scrape_due = began;
    for number in 0..quotes {
        trader.quote(symbol).unwrap();
        if Instant::now() >= scrape_due {
            scrape_due += Duration::from_secs(1);
            for address in addresses {
                get(address, "/metrics");
            }
        }
        let due = began + pause * (number + 1);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    used() - before
}

/// What scraping each second costs. Run it by hand on a quiet machine:
/// `cargo test --release --test suite scraping -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::float_arithmetic, reason = "a measurement")]
fn scraping_each_second_costs_less_than_a_hundredth_of_a_processor() {
    let deployment = deployment();
    let addresses = [address(deployment.master()), address(deployment.worker(1))];
    deployment.trader(1, "alice");
    let (quotes, time) = (30_000, Duration::from_secs(30));
    let mut differences = Vec::new();
    for round in 1..=3 {
        let without = measured(&deployment, &[], quotes, time);
        let with = measured(&deployment, &addresses, quotes, time);
        let part = (with - without) / time.as_secs_f64();
        println!(
            "round {round}: {without:.2} s without, {with:.2} s with scrapes: {:.2} %",
            part * 100.0
        );
        differences.push(part);
    }
    differences.sort_by(f64::total_cmp);
    assert!(differences[1] <= 0.01, "{differences:?}");
}

#[test]
fn what_is_installed_is_there() {
    for file in [
        "prometheus/papertrader.rules.yml",
        "prometheus/papertrader.rules.test.yml",
        "prometheus/prometheus.yml",
        "grafana/papertrader.json",
    ] {
        assert!(
            Path::new(&root().join("etc").join(file)).is_file(),
            "{file}"
        );
    }
}
