//! spec/cli/ctl/setup.md · 3.1.5 Worker Management, 2.4.5 WorkerServer Structure
//!
//! The two files that pass between the machines of a worker and its master: the worker's request, and
//! the master's answer. Nothing in them is secret; whoever compares the fingerprints knows that nobody
//! has changed them on the way.

use super::host::read_file;
use crate::config::HostPort;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use uuid::Uuid;

/// The largest of these files, in bytes: a public key of a GPG home has a kilobyte.
const FILE_MAX: u64 = super::host::FILE_MAX;

/// The longest name of a worker, in bytes.
const NAME_MAX: usize = 64;

/// Whether a worker can be set up under a name: files, folders and the service are called by it, so a
/// letter or digit stands first.
pub(super) fn is_worker_name(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    name.len() <= NAME_MAX
        && name.bytes().all(letter)
        && name
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
}

/// A worker's request to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::ctl) struct WorkerRequest {
    /// What the worker is called.
    pub(in crate::cli::ctl) name: String,
    /// The address that the master sees it come from.
    pub(in crate::cli::ctl) ip: IpAddr,
    /// `host:port` that clients are given.
    pub(in crate::cli::ctl) address: String,
    /// The fingerprint of its key.
    pub(in crate::cli::ctl) fingerprint: String,
    /// Its public key, ASCII-armoured.
    pub(in crate::cli::ctl) key: String,
    /// What its own machine keeps for the end of the set-up; the master does not read it.
    pub(in crate::cli::ctl) here: WorkerAnswers,
}

/// What a worker's configuration is made of, beside keys and UUID.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::ctl) struct WorkerAnswers {
    pub(in crate::cli::ctl) master: String,
    pub(in crate::cli::ctl) listen: SocketAddr,
    /// Whether clients speak TLS.
    pub(in crate::cli::ctl) tls: bool,
    /// Where the page is served, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::cli::ctl) web: Option<SocketAddr>,
}

/// The master's answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::cli::ctl) struct MasterAnswer {
    /// The worker's name.
    pub(in crate::cli::ctl) name: String,
    /// The worker's UUID.
    pub(in crate::cli::ctl) uuid: Uuid,
    /// The fingerprint of the worker's key, as it is registered.
    pub(in crate::cli::ctl) worker: String,
    /// The fingerprint of the master's key.
    pub(in crate::cli::ctl) fingerprint: String,
    /// The master's public key, ASCII-armoured.
    pub(in crate::cli::ctl) key: String,
}

impl WorkerRequest {
    /// Reads a request; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(in crate::cli::ctl) fn read(file: &Path) -> Result<WorkerRequest, String> {
        let request: WorkerRequest = parse(file, "request of `papertraderctl setup worker`")?;
        let wrong = |why: String| format!("{}: {why}", file.display());
        if !is_worker_name(&request.name) {
            return Err(wrong(format!("{:?} is no worker's name", request.name)));
        }
        request.address.parse::<HostPort>().map_err(wrong)?;
        Ok(request)
    }

    /// The request as a file.
    ///
    /// # Errors
    /// It has no form in TOML.
    pub(in crate::cli::ctl) fn text(&self) -> Result<String, String> {
        text(
            "# A PaperTrader worker asks to be registered. Nothing here is secret. On the master's machine:\n\
             #   papertraderctl workers accept FILE > ANSWER\n",
            self,
        )
    }
}

impl MasterAnswer {
    /// Reads an answer; `-` is standard input.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(in crate::cli::ctl) fn read(file: &Path) -> Result<MasterAnswer, String> {
        parse(file, "answer of `papertraderctl workers accept`")
    }

    /// The answer as a file.
    ///
    /// # Errors
    /// It has no form in TOML.
    pub(in crate::cli::ctl) fn text(&self) -> Result<String, String> {
        text(
            &format!(
                "# A PaperTrader master has registered the worker {name}. Nothing here is secret. On the worker's machine:\n\
                 #   papertraderctl setup worker {name} --answer FILE\n",
                name = self.name
            ),
            self,
        )
    }
}

fn text(head: &str, value: &impl Serialize) -> Result<String, String> {
    let body = toml::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(format!("{head}{body}"))
}

fn parse<T: DeserializeOwned>(file: &Path, what: &str) -> Result<T, String> {
    let bytes = if file == Path::new("-") {
        let mut bytes = Vec::new();
        let read = io::stdin().lock().take(FILE_MAX).read_to_end(&mut bytes);
        read.map_err(|error| format!("standard input: {error}"))?;
        bytes
    } else {
        read_file(file)?
    };
    let none = |why: String| format!("{}: this is no {what}: {why}", file.display());
    let text = String::from_utf8(bytes).map_err(|_| none("not UTF-8".to_owned()))?;
    toml::from_str(&text).map_err(|error| none(error.message().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> WorkerRequest {
        WorkerRequest {
            name: "eu1".to_owned(),
            ip: "192.0.2.7".parse().unwrap(),
            address: "eu1.example.org:2049".to_owned(),
            fingerprint: "A".repeat(40),
            key: "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nx\n".to_owned(),
            here: WorkerAnswers {
                master: "master.example.org:2048".to_owned(),
                listen: "0.0.0.0:2049".parse().unwrap(),
                tls: true,
                web: None,
            },
        }
    }

    #[test]
    fn both_files_are_read_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, request().text().unwrap()).unwrap();
        assert_eq!(WorkerRequest::read(&file), Ok(request()));
        let why = MasterAnswer::read(&file).unwrap_err();
        assert!(why.contains("no answer of"), "{why}");
        let answer = MasterAnswer {
            name: "eu1".to_owned(),
            uuid: Uuid::now_v7(),
            worker: "w".to_owned(),
            fingerprint: "f".to_owned(),
            key: "k\n".to_owned(),
        };
        std::fs::write(&file, answer.text().unwrap()).unwrap();
        assert_eq!(MasterAnswer::read(&file), Ok(answer.clone()));
        // It goes into root's configuration.
        let uuid = answer.uuid.to_string();
        let text = answer
            .text()
            .unwrap()
            .replace(&uuid, "u\\\"\\nname = \\\"eu2");
        std::fs::write(&file, text).unwrap();
        let why = MasterAnswer::read(&file).unwrap_err();
        assert!(why.contains("UUID"), "{why}");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        let good = request().text().unwrap();
        for wrong in [
            String::new(),
            good.replace("\"eu1\"", "\"../eu1\""),
            good.replace("eu1.example.org:2049", "eu1"),
            format!("more = 1\n{good}"),
            good.replace("192.0.2.7", "host"),
            "x".repeat(300 * 1024),
        ] {
            std::fs::write(&file, &wrong).unwrap();
            assert!(WorkerRequest::read(&file).is_err(), "{wrong}");
        }
        std::fs::write(&file, [0xff, 0xfe]).unwrap();
        assert!(WorkerRequest::read(&file).is_err());
        assert!(WorkerRequest::read(&folder.path().join("absent")).is_err());
    }
}
