//! spec/fuzzing.md
//!
//! The control socket: lines of administrators to the master, and of the master to them.

use papertrader::admin::protocol::{AdminRequest, AdminResponse};

/// A line of an administrator: what is taken is the same when it is said again.
pub fn requests(data: &[u8]) {
    if let Ok(request) = serde_json::from_slice::<AdminRequest>(data) {
        let again = serde_json::to_vec(&request).unwrap();
        assert!(!again.contains(&b'\n'), "one line");
        assert_eq!(
            serde_json::from_slice::<AdminRequest>(&again).unwrap(),
            request
        );
    }
}

/// One of each request.
pub fn request_seeds() -> Vec<Vec<u8>> {
    [
        r#""status""#,
        r#""workers-list""#,
        r#"{"workers-show":{"name":"eu1"}}"#,
        r#"{"workers-register":{"name":"eu1","key":"-----BEGIN PGP PUBLIC KEY BLOCK-----\n","ip":"192.0.2.7","address":"h:1"}}"#,
        r#"{"workers-unregister":{"name":"eu1"}}"#,
        r#"{"workers-boot":{"name":"eu1"}}"#,
        r#"{"workers-admit":{"name":"eu1"}}"#,
        r#"{"sessions-list":{"user":null}}"#,
        r#"{"sessions-end":{"prefix":"0a1b2c3d"}}"#,
        r#"{"sessions-end":{"worker":"eu1"}}"#,
        r#""verify""#,
        r#""backup-send""#,
        r#"{"backup":{"file":"/srv/copy.db"}}"#,
        r#"{"log-tail":{"entries":50}}"#,
        r#""log-flush""#,
    ]
    .map(|line| line.as_bytes().to_vec())
    .to_vec()
}

/// A line of a master: what is taken is the same when it is said again.
pub fn answers(data: &[u8]) {
    if let Ok(response) = serde_json::from_slice::<AdminResponse>(data) {
        let again = serde_json::to_vec(&response).unwrap();
        assert!(!again.contains(&b'\n'), "one line");
        assert_eq!(
            serde_json::from_slice::<AdminResponse>(&again).unwrap(),
            response
        );
    }
}

/// Some answers.
pub fn answer_seeds() -> Vec<Vec<u8>> {
    let worker = r#"{"name":"eu1","uuid":"u","state":"connected","ip":"::1","address":"h:1","fingerprint":"F","linked_since":"t","linked_from":null,"report":{"at":"t","version":"1","uptime_ms":7,"connections":1,"sessions":2,"cached":3,"cached_bytes":4,"parked":5,"clock_difference_ms":-6}}"#;
    [
        r#""working""#.to_owned(),
        r#"{"refused":"why"}"#.to_owned(),
        format!(r#"{{"done":{{"workers":[{worker}]}}}}"#),
        format!(r#"{{"done":{{"worker":{worker}}}}}"#),
        r#"{"done":{"ended":{"ended":2}}}"#.to_owned(),
        r#"{"piece":{"data":"YWJj","of":3}}"#.to_owned(),
        r#"{"done":{"backup-sent":{"bytes":3,"sha256":"00"}}}"#.to_owned(),
        r#"{"done":{"flushed":{"lost":0}}}"#.to_owned(),
        r#"{"done":{"sessions":{"sessions":[],"more":1}}}"#.to_owned(),
        r#"{"done":{"verification":{"accounts":1,"transactions":2,"settled":1,"rejected":1,"queued":0,"positions":1,"cash":"5","took_ms":3,"differences":["x"],"more":0}}}"#.to_owned(),
        r#"{"done":{"log":{"entries":[{"at":"t","level":"info","filename":"f","funcname":"g","linenum":1,"message":"m","line":"l"}]}}}"#.to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}
