//! TLS on a worker's port, and certificates that change while it runs.

use papertrader::client::{Answer, ConnectOptions, ServerConnection};
use papertrader::net::ClientTls;
use papertrader::net::client_tls::TlsMode;
use papertrader::testkit::{Deployment, TEST_TIMEOUT, eventually};
use papertrader::wire::{Reply, Request};
use rustix::process::Signal;
use std::fs;
use std::path::Path;

/// A new certificate for localhost and 127.0.0.1.
fn certify(folder: &Path) {
    certify_for(folder, &["localhost", "127.0.0.1"]);
}

/// A new certificate for these names, with `rcgen`'s common name.
fn certify_for(folder: &Path, names: &[&str]) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
    fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(folder.join("key.pem"), mode).unwrap();
}

/// Pings over TLS, believing a certificate.
fn ping(address: &str, ca: &Path) -> Result<Answer, papertrader::client::ClientError> {
    let options = ConnectOptions {
        security: ClientTls::new(TlsMode::Always, Some(ca.to_owned()), Vec::new()),
        ..ConnectOptions::default()
    };
    ServerConnection::open(address, &options)?.call(&Request::Ping)
}

#[test]
fn tls_is_all_that_is_spoken_and_certificates_change_while_it_runs() {
    let deployment = Deployment::new(1);
    certify(deployment.dir());
    deployment.worker(1).set("tls.certificate", "cert.pem");
    deployment.worker(1).set("tls.key", "key.pem");
    deployment.start_all();
    let (worker, ca) = (
        deployment.worker(1).address(),
        deployment.dir().join("cert.pem"),
    );
    let old = deployment.dir().join("old.pem");
    fs::copy(&ca, &old).unwrap();
    assert_eq!(ping(&worker, &ca).unwrap(), Answer::Message(Reply::Pong));
    let mut plain = ServerConnection::connect(&worker, TEST_TIMEOUT).unwrap();
    assert!(plain.call(&Request::Ping).is_err());

    certify(deployment.dir());
    deployment.worker(1).signal(Signal::HUP);
    eventually("the new certificate is in force", || {
        ping(&worker, &ca).ok()
    });
    assert!(ping(&worker, &old).is_err());

    fs::write(deployment.dir().join("key.pem"), "nonsense").unwrap();
    deployment.worker(1).signal(Signal::HUP);
    eventually("the log says what is wrong", || {
        deployment
            .worker(1)
            .log()
            .contains("the configuration stays as it was")
            .then_some(())
    });
    assert!(ping(&worker, &ca).is_ok(), "the last good one stays");
}

#[test]
fn a_certificate_that_clients_refuse_is_warned_of_before_they_do() {
    let deployment = Deployment::new(1);
    certify_for(deployment.dir(), &[]);
    let worker = deployment.worker(1);
    worker.set("tls.certificate", "cert.pem");
    worker.set("tls.key", "key.pem");
    let check = || {
        let line = ["--config", "worker-1.toml", "--check-config"];
        let output = deployment.run("papertrader-worker", &line);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = check();
    assert_eq!(code, Some(0), "{said}");
    let warning = "cert.pem: the certificate names no host: it has no subjectAltName";
    assert!(said.contains(warning), "{said}");
    deployment.start_all();
    assert!(worker.log().contains(warning), "{}", worker.log());
    let error = ping(&worker.address(), &deployment.dir().join("cert.pem")).unwrap_err();
    assert!(error.to_string().contains("no subjectAltName"), "{error}");
    // A new one that has names is not warned of.
    certify(deployment.dir());
    assert_eq!(check(), (Some(0), String::new()));
    deployment.stop_all();
}
