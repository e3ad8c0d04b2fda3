//! spec/master/storage/postgres.md · 3.1.2 Database Management
//!
//! A database on a PostgreSQL server is dumped while people trade, and restored: by the commands of
//! the page. It runs where deployments of tests have their database on a server.

use papertrader::client::Client;
use papertrader::config::DatabaseUrl;
use papertrader::testkit::Deployment;
use papertrader::testkit::trader::{buy, hashed, portfolio, reason, username};
use std::fs;
use std::path::Path;
use std::process::Command;

/// The block of the page that begins with a fence and these words.
fn block(words: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec/master/storage/postgres.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, rest) = page.split_once(&format!("```{words}\n")).unwrap();
    rest.split_once("\n```").unwrap().0.to_owned()
}

/// Runs a block in the deployment's folder, for this database.
fn run(deployment: &Deployment, words: &str, url: &str) {
    let script = block(words).replace("postgres://papertrader@HOST/papertrader", url);
    let done = Command::new("sh")
        .args(["-euc", &script])
        .current_dir(deployment.dir())
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{script}\n{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

#[test]
fn a_dump_is_restored_into_an_empty_database() {
    let deployment = Deployment::builder().make();
    let DatabaseUrl::Postgres(url) = deployment.database() else {
        return;
    };
    deployment.start_all();
    let socket = deployment.layout().control_socket();
    let ctl = |arguments: &[&str]| {
        let all = [&["--socket", socket.to_str().unwrap()], arguments].concat();
        deployment.run("papertraderctl", &all)
    };
    let mut ada = deployment.trader(1, "ada");
    let session = ada.session().unwrap().clone();
    buy(&mut ada, "AAPL", "10");
    // Cash, and units of each asset: their value moves on.
    let has = |ada: &mut Client| {
        let (cash, holdings) = portfolio(ada, "ada");
        let units = holdings.into_iter().map(|it| (it.symbol, it.quantity));
        (cash, units.collect::<Vec<_>>())
    };
    let before = has(&mut ada);

    // The program's own backup is for files, and says what is for servers.
    let refused = ctl(&["backup", "x.db"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success(), "{said}");
    assert!(said.contains("pg_dump --format=custom"), "{said}");

    run(&deployment, "sh dump", url.text());
    // What comes after the dump is not in it.
    buy(&mut ada, "AAPL", "5");
    deployment.stop_all();

    let restored = format!("{}_restored", url.database());
    let to = url.text().replace(url.database(), &restored);
    let maintenance = format!("--maintenance-db={}", url.text());
    let administer = |program: &str, arguments: &[&str]| {
        let done = Command::new(program)
            .arg(&maintenance)
            .args(arguments)
            .arg(&restored)
            .status();
        assert!(done.unwrap().success(), "{program}");
    };
    administer("createdb", &["--template=template0"]);
    run(&deployment, "sh restore", &to);
    deployment.master().set("database.url", to.as_str());
    deployment.start_all();

    // Sessions have ended with the restore.
    let mut ada = deployment.connect(1);
    assert_eq!(reason(ada.resume(&session)), "session-expired");
    ada.login(&username("ada"), &hashed("ada"), false).unwrap();
    assert_eq!(has(&mut ada), before);
    let verified = ctl(&["verify"]);
    let said = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(verified.status.success(), "{said}");
    // It trades on.
    buy(&mut ada, "AAPL", "1");
    deployment.stop_all();
    administer("dropdb", &["--force"]);
}
