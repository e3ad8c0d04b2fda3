//! spec/dialogue.md · 4.3.2 Client-Worker Server Connection
//!
//! What answers at an address, before any dialogue is run: nothing, something that speaks another
//! protocol, or a worker; and what it tells about itself.
//!
//! Tests: `tests/suite/programs/ptcat.rs`.

use super::message;
use super::peer::{Arrival, Peer, Tcp};
use super::report::{OUR_EDITION, ServerFacts};
use super::servers::Servers;
use crate::model::server_info::ServerFact;
use crate::net::ClientTls;
use std::time::{Duration, Instant};

/// How long a server may be silent before it is sent lines of HTTP, and may take to answer those.
const LINE_TIMEOUT: Duration = Duration::from_secs(1);

/// The most bytes of another protocol that an error shows.
const BYTES_SHOWN_MAX: usize = 24;

/// The highest number of a message's type, its first byte.
const TYPE_MAX: u8 = 4;

/// Looks at all servers, and asks the first worker what it is. `within` limits each wait.
///
/// # Errors
/// A server that cannot be reached, or a worker that answers nothing of the protocol, in one line.
pub fn probe(servers: &Servers, within: Duration) -> Result<ServerFacts, String> {
    let Some((first, others)) = servers.workers.split_first() else {
        return Err("no worker's address was given".to_owned());
    };
    speaks(first, &servers.security, within)?;
    for other in others {
        connect(other, "worker", &servers.security, within)?;
    }
    if let Some(master) = &servers.master {
        connect(master, "master", &ClientTls::plain(), within)?;
    }
    facts(first, &servers.security, within)
}

fn connect(
    address: &str,
    role: &str,
    security: &ClientTls,
    within: Duration,
) -> Result<Tcp, String> {
    Tcp::connect(address, within, security).map_err(|why| {
        let prefix = format!("{address}: ");
        let why = why.strip_prefix(&prefix).unwrap_or(&why);
        format!("no {role} at {address}: {why}")
    })
}

/// What came of a question.
enum Answer {
    /// A message of the protocol.
    Message(String),
    /// Something that begins as a message does, and is none.
    Broken,
    /// The end of the connection.
    End,
    Nothing,
}

/// Asks with one message on a connection of its own.
///
/// # Errors
/// The connection fails, or what comes is of another protocol.
fn ask(
    address: &str,
    security: &ClientTls,
    words: &[&str],
    within: Duration,
) -> Result<Answer, String> {
    let mut tcp = connect(address, "worker", security, within)?;
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let _ = tcp.send(&message::encode(&words)?, "");
    let until = Instant::now() + within;
    let mut arrival = tcp.receive(until.min(Instant::now() + LINE_TIMEOUT));
    if arrival.is_none() {
        lines(address, security, within)?;
        arrival = tcp.receive(until);
    }
    if let Some(other) = other_protocol(&seen(&mut tcp)) {
        return Err(format!("no worker at {address}: {other}"));
    }
    Ok(match arrival {
        Some(Arrival::Message(text)) => Answer::Message(text),
        Some(Arrival::Broken(_)) => Answer::Broken,
        Some(Arrival::End | Arrival::Failed(_)) => Answer::End,
        None => Answer::Nothing,
    })
}

/// Sends a request of HTTP on a connection of its own: servers of protocols made of lines wait for
/// one that is whole, and others say what is wrong with it.
///
/// # Errors
/// What comes is of another protocol.
fn lines(address: &str, security: &ClientTls, within: Duration) -> Result<(), String> {
    let mut tcp = connect(address, "worker", security, within)?;
    let _ = tcp.send(b"HEAD / HTTP/1.0\r\n\r\n", "");
    let _ = tcp.receive(Instant::now() + LINE_TIMEOUT);
    match other_protocol(&seen(&mut tcp)) {
        Some(other) => Err(format!("no worker at {address}: {other}")),
        None => Ok(()),
    }
}

/// The bytes of the last arrival, or those that have not become one.
fn seen(tcp: &mut Tcp) -> Vec<u8> {
    let last = tcp.bytes_of_last();
    if last.is_empty() {
        tcp.undecoded().to_vec()
    } else {
        last
    }
}

/// What speaks, if it is not this protocol.
fn other_protocol(bytes: &[u8]) -> Option<String> {
    let first = *bytes.first()?;
    if (1..=TYPE_MAX).contains(&first) {
        return None;
    }
    let known = [
        (&b"HTTP/"[..], "it speaks HTTP: is this a page's port?"),
        (
            b"<",
            "it sends a text of HTML or XML: is this a page's port?",
        ),
        (b"SSH-", "it speaks SSH"),
        (b"220 ", "it speaks SMTP or FTP"),
        (&[0x15, 3], "it speaks TLS: say --tls, or --ca FILE"),
    ];
    if let Some((_, what)) = known.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Some((*what).to_owned());
    }
    let shown = bytes.get(..BYTES_SHOWN_MAX.min(bytes.len()))?;
    let text = String::from_utf8_lossy(shown);
    Some(format!(
        "it speaks another protocol, and sends {} ({:?})",
        hex::encode(shown),
        text
    ))
}

/// Checks that a server answers something of the protocol. One that is wrong about a ping is still
/// worth the dialogues, which say so; hence a second question.
fn speaks(address: &str, security: &ClientTls, within: Duration) -> Result<(), String> {
    let mut ended = false;
    for question in [&["ping"][..], &["login", "nobody", "nothing", "true"]] {
        match ask(address, security, question, within)? {
            Answer::Message(_) | Answer::Broken => return Ok(()),
            Answer::End => ended = true,
            Answer::Nothing => {}
        }
    }
    Err(if ended {
        format!("no worker at {address}: it closes each connection without an answer")
    } else {
        format!(
            "no worker at {address}: it accepts connections, and answers neither ping nor login \
             within {}",
            humantime::format_duration(within)
        )
    })
}

/// What the server tells about itself. One that says that it does not know the question, or ends
/// the connection for it, is of edition 1. Any other answer, and none, is for the dialogues to judge.
fn facts(address: &str, security: &ClientTls, within: Duration) -> Result<ServerFacts, String> {
    let mut facts = ServerFacts {
        worker: address.to_owned(),
        edition: OUR_EDITION,
        ..ServerFacts::default()
    };
    let text = match ask(address, security, &["getServerInfo"], within)? {
        Answer::Message(text) => text,
        Answer::End => {
            facts.edition = 1;
            return Ok(facts);
        }
        Answer::Broken | Answer::Nothing => return Ok(facts),
    };
    let Some(told) = text.strip_prefix("serverInfo") else {
        if text.starts_with("protocolError ") {
            facts.edition = 1;
        }
        return Ok(facts);
    };
    for (name, value) in told.split(' ').filter_map(|fact| fact.split_once('=')) {
        if name == ServerFact::Edition.as_str() {
            facts.edition = value.parse().unwrap_or(facts.edition);
        } else if name == ServerFact::Market.as_str() {
            facts.market = Some(value.to_owned());
        } else if name == ServerFact::State.as_str() {
            facts.state = Some(value.to_owned());
        } else if name == ServerFact::UpdateInterval.as_str() {
            facts.update_interval_ms = value.parse().ok();
        }
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    use super::other_protocol;

    #[test]
    fn other_protocols_are_known_by_their_first_bytes() {
        for (bytes, told) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], Some("HTTP")),
            (b"SSH-2.0-x", Some("SSH")),
            (&[0x15, 3, 3, 0, 2, 2, 10], Some("--tls")),
            (b"hello", Some("68656c6c6f (\"hello\")")),
            (&[4, 4, 2], None),
            (&[], None),
        ] {
            let found = other_protocol(bytes);
            assert_eq!(found.is_some(), told.is_some(), "{bytes:?}");
            assert!(found.unwrap_or_default().contains(told.unwrap_or_default()));
        }
    }
}
