//! spec/cli/papertrader.md · 2.1.4 User/Client
//!
//! How a command begins that `papertrader` advises: so that it works as it stands there.

use super::arguments::{GlobalArgs, worker_address};
use crate::net::client_tls::parse_pin;

/// Where `papertraderctl setup` puts the CA by which it certifies a worker, for trials.
pub(super) const TRIAL_CA: &str = "/etc/papertrader/ca/ca.crt";

/// How a command begins that is advised: with the servers that the command line names, and with whom it
/// trusts, unless the environment names them for the next one too.
pub(super) fn program(global: &GlobalArgs) -> String {
    beginning(global, |name| std::env::var(name).unwrap_or_default())
}

fn beginning(global: &GlobalArgs, environment: impl Fn(&str) -> String) -> String {
    let mut text = "papertrader".to_owned();
    let mut add = |option: &str, value: &str| {
        text.push_str(option);
        text.push_str(&word(value));
    };
    let named = environment("PAPERTRADER_SERVER");
    let named = named.split(',').map(|text| worker_address(text).ok());
    if !global.server.is_empty() && !named.eq(global.server.iter().cloned().map(Some)) {
        add(" --server ", &global.server.join(","));
    }
    if let Some(ca) = &global.ca
        && *ca != *environment("PAPERTRADER_CA")
    {
        add(" --ca ", &ca.display().to_string());
    }
    let pinned = environment("PAPERTRADER_PIN");
    let pinned = pinned.split(',').map(|text| parse_pin(text).ok());
    if !pinned.eq(global.pin.iter().copied().map(Some)) {
        for pin in &global.pin {
            add(" --pin ", &hex::encode(pin));
        }
    }
    if global.tls && global.ca.is_none() && global.pin.is_empty() {
        text.push_str(" --tls");
    }
    if global.plain && environment("PAPERTRADER_PLAIN").is_empty() {
        text.push_str(" --plain");
    }
    text
}

/// A word for a shell, quoted where that takes anything in it for more than itself.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+,:@%=[]".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::papertrader::arguments::ClientCli;
    use clap::Parser;

    #[test]
    fn an_advised_command_has_the_server_and_whom_to_trust() {
        let pin = "0a".repeat(32);
        let pinned = format!("papertrader --pin {pin}");
        for (line, expected) in [
            ("register ada ada@example.org", "papertrader"),
            ("--ca ca.crt register ada a@b", "papertrader --ca ca.crt"),
            (
                "--server x:1,y --tls ping",
                "papertrader --server x:1,y:2049 --tls",
            ),
            (
                "--plain --server x:1 ping",
                "papertrader --server x:1 --plain",
            ),
            (
                "--tls --ca /my|ca's.crt ping",
                r"papertrader --ca '/my ca'\''s.crt'",
            ),
            (&format!("--pin {pin} ping"), &pinned),
        ] {
            let words = line.split(' ').map(|word| word.replace('|', " "));
            let words = std::iter::once("papertrader".to_owned()).chain(words);
            let cli = ClientCli::try_parse_from(words).unwrap();
            assert_eq!(
                beginning(&cli.global, |_| String::new()),
                expected,
                "{line}"
            );
        }
        // What the environment says it says to the next command too.
        let cli =
            ClientCli::try_parse_from(["papertrader", "--ca", "x.crt", "--server", "x", "ping"])
                .unwrap();
        let environment = |name: &str| match name {
            "PAPERTRADER_CA" => "x.crt".to_owned(),
            "PAPERTRADER_SERVER" => "x:2049".to_owned(),
            _ => String::new(),
        };
        assert_eq!(beginning(&cli.global, environment), "papertrader");
        let line = ["papertrader", "--pin", &pin, "ping"];
        let cli = ClientCli::try_parse_from(line).unwrap();
        let of = |named: &str| {
            let named = named.to_owned();
            beginning(&cli.global, |name: &str| match name {
                "PAPERTRADER_PIN" => named.clone(),
                _ => String::new(),
            })
        };
        assert_eq!(of(&pin), "papertrader");
        assert_eq!(of(&"0b".repeat(32)), pinned, "another server's");
    }
}
