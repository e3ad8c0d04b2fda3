//! Captures of made-up TCP connections, and what tshark makes of them with the dissector.

use papertrader::wire::frame::HEADER_BYTES;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// The dissector.
pub const DISSECTOR: &str = "etc/wireshark/papertrader.lua";
/// The port of workers, and that of masters.
pub const WORKER: u16 = 2049;
pub const MASTER: u16 = 2048;

/// The link type of packets that begin with IP.
const RAW_IP: u32 = 101;
const CLIENT: [u8; 4] = [10, 0, 0, 1];
const SERVER: [u8; 4] = [10, 0, 0, 2];
/// Flags of TCP.
const FIN: u8 = 1;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// xorshift64*: the same from the same seed.
#[derive(Debug, Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end.max(1) as u64) as usize
    }
}

/// A connection: what each side sends, in order. `true` stands for the client.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    pub port: u16,
    pub segments: Vec<(bool, Vec<u8>)>,
    /// The segments that the capture does not have. Without the first it lacks what opens the
    /// connection, too.
    pub lost: Range<usize>,
}

impl Conversation {
    /// All of the client's bytes, then all of the server's, each in segments as large as may be.
    pub fn whole(port: u16, sent: &[u8], received: &[u8]) -> Conversation {
        Conversation::pieces(port, sent, received, |_| 60_000)
    }

    /// The same in segments cut at random places.
    pub fn cut(port: u16, sent: &[u8], received: &[u8], random: &mut Random) -> Conversation {
        // Small segments of a short stream: the least ones end inside headers.
        let most = match sent.len().max(received.len()) {
            0..2_000 => [3, 40, 1_400][random.below(3)],
            2_000..40_000 => [40, 1_400, 9_000][random.below(3)],
            _ => 60_000,
        };
        Conversation::pieces(port, sent, received, |_| 1 + random.below(most))
    }

    fn pieces(
        port: u16,
        sent: &[u8],
        received: &[u8],
        mut size: impl FnMut(usize) -> usize,
    ) -> Conversation {
        let mut segments = Vec::new();
        for (by_client, mut bytes) in [(true, sent), (false, received)] {
            while !bytes.is_empty() {
                let (piece, rest) = bytes.split_at(size(bytes.len()).min(bytes.len()));
                segments.push((by_client, piece.to_vec()));
                bytes = rest;
            }
        }
        Conversation {
            port,
            segments,
            lost: 0..0,
        }
    }
}

/// A capture file, and which connection's and side's each of its packets is.
struct Capture {
    file: Vec<u8>,
    owners: Vec<(usize, bool)>,
}

impl Capture {
    fn of(conversations: &[Conversation]) -> Capture {
        let mut file = 0xA1B2_C3D4_u32.to_le_bytes().to_vec();
        file.extend([2, 0, 4, 0]);
        file.extend([0; 8]);
        file.extend(0x4_0000_u32.to_le_bytes());
        file.extend(RAW_IP.to_le_bytes());
        let mut capture = Capture {
            file,
            owners: Vec::new(),
        };
        for (number, conversation) in conversations.iter().enumerate() {
            capture.add(number, conversation);
        }
        capture
    }

    fn add(&mut self, number: usize, conversation: &Conversation) {
        let port = 10_000 + u16::try_from(number).unwrap();
        let server = conversation.port;
        // What comes next from the client, and from the server.
        let (mut client_next, mut server_next) = (1, 1);
        let mut packet = |by_client: bool, flags: u8, next: (u32, u32), data: &[u8]| {
            let ((from, to), (own, other)) = if by_client {
                ((port, server), next)
            } else {
                ((server, port), (next.1, next.0))
            };
            self.owners.push((number, by_client));
            self.packet(by_client, (from, to), (own, other), flags, data);
        };
        let lost = &conversation.lost;
        if lost.is_empty() || lost.start > 0 {
            packet(true, SYN, (0, 0), &[]);
            packet(false, SYN | ACK, (1, 0), &[]);
            packet(true, ACK, (1, 1), &[]);
        }
        for (number, (by_client, data)) in conversation.segments.iter().enumerate() {
            if !lost.contains(&number) {
                packet(*by_client, ACK, (client_next, server_next), data);
            }
            let next = if *by_client {
                &mut client_next
            } else {
                &mut server_next
            };
            *next += u32::try_from(data.len()).unwrap();
        }
        packet(true, FIN | ACK, (client_next, server_next), &[]);
        packet(false, FIN | ACK, (client_next + 1, server_next), &[]);
    }

    fn packet(
        &mut self,
        by_client: bool,
        (from, to): (u16, u16),
        (own, other): (u32, u32),
        flags: u8,
        data: &[u8],
    ) {
        let mut bytes = vec![0x45, 0];
        bytes.extend(u16::try_from(40 + data.len()).unwrap().to_be_bytes());
        bytes.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
        let addresses = if by_client {
            [CLIENT, SERVER]
        } else {
            [SERVER, CLIENT]
        };
        bytes.extend(addresses.concat());
        bytes.extend(from.to_be_bytes());
        bytes.extend(to.to_be_bytes());
        bytes.extend(own.to_be_bytes());
        bytes.extend(other.to_be_bytes());
        bytes.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        bytes.extend(data);
        let millis = u32::try_from(self.owners.len()).unwrap();
        let size = u32::try_from(bytes.len()).unwrap();
        for word in [1_600_000_000 + millis / 1_000, millis % 1_000 * 1_000] {
            self.file.extend(word.to_le_bytes());
        }
        self.file
            .extend([size.to_le_bytes(), size.to_le_bytes()].concat());
        self.file.extend(bytes);
    }
}

/// A field without further ones below it: its label, and its bytes as hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub label: String,
    pub hex: String,
}

/// What the dissector shows as one item: a message, a sealed record, or bytes that are neither.
#[derive(Debug, Clone, Default)]
pub struct Dissected {
    /// The connection.
    pub conversation: usize,
    pub by_client: bool,
    /// The number of the packet that completes it.
    pub packet: usize,
    pub title: String,
    /// `show` of each field that is there once.
    pub fields: BTreeMap<String, String>,
    pub arguments: Vec<Vec<u8>>,
    /// The values of its payload; `None` if none is shown.
    pub payload: Option<Vec<Leaf>>,
}

impl Dissected {
    pub fn field(&self, name: &str) -> Option<&str> {
        let name = format!("papertrader.{name}");
        self.fields.get(&name).map(String::as_str)
    }
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}

/// An attribute of a line of tshark's PDML: it writes one element a line.
fn attribute(line: &str, name: &str) -> Option<String> {
    let (_, rest) = line.split_once(&format!(" {name}=\""))?;
    rest.split_once('"').map(|(value, _)| unescaped(value))
}

/// Dissects these connections with tshark. Panics where the dissector has an error. With the option
/// `-2` it goes twice over the packets, as Wireshark does: only then has a request the number of its
/// answer's packet, and the first time other dissectors' fields are not there.
pub fn dissect(conversations: &[Conversation], options: &[&str]) -> Vec<Dissected> {
    let capture = Capture::of(conversations);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("capture.pcap");
    std::fs::write(&file, &capture.file).unwrap();
    let output = Command::new("tshark")
        .args(["-n", "-T", "pdml", "-J", "papertrader", "-X"])
        .arg(format!("lua_script:{DISSECTOR}"))
        .args([
            "-o",
            "papertrader.show_secrets:TRUE",
            "-o",
            "papertrader.rows:1000000",
        ])
        .args(options)
        .arg("-r")
        .arg(&file)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .env("HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .output()
        .unwrap_or_else(|e| panic!("tshark (WITHOUT_TSHARK=1 goes without it): {e}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    for line in said.lines().chain(text.lines()) {
        assert!(!line.contains("Lua Error"), "{line}");
    }
    read_pdml(&text, &capture)
}

fn read_pdml(text: &str, capture: &Capture) -> Vec<Dissected> {
    let mut all: Vec<Dissected> = Vec::new();
    let (mut packet, mut depth, mut inside) = (0, 0, false);
    // The depth of a payload whose values are being read.
    let mut payload: Option<usize> = None;
    for line in text.lines().map(str::trim_start) {
        if line.starts_with("<field name=\"num\"") {
            packet = attribute(line, "show").unwrap().parse().unwrap();
        } else if line.starts_with("<proto") {
            inside = line.starts_with("<proto name=\"papertrader\"");
            if inside {
                let (conversation, by_client) = capture.owners[packet - 1];
                all.push(Dissected {
                    conversation,
                    by_client,
                    packet,
                    title: attribute(line, "showname").unwrap(),
                    ..Dissected::default()
                });
            }
        } else if line.starts_with("</field>") {
            depth -= 1;
            payload = payload.filter(|payload| depth > *payload);
        } else if line.starts_with("<field") {
            let is_leaf = line.ends_with("/>");
            if inside {
                read_field(all.last_mut().unwrap(), line, is_leaf && payload.is_some());
            }
            if !is_leaf {
                if line.contains("name=\"papertrader.payload\"") {
                    payload = Some(depth);
                }
                depth += 1;
            }
        }
    }
    all
}

fn read_field(dissected: &mut Dissected, line: &str, is_value: bool) {
    let name = attribute(line, "name").unwrap();
    let hex = attribute(line, "value").unwrap_or_default();
    let label = attribute(line, "showname").unwrap_or_default();
    if is_value {
        let payload = dissected.payload.get_or_insert_default();
        payload.push(Leaf { label, hex });
    } else if name == "papertrader.payload" {
        dissected.payload.get_or_insert_default();
    } else if name == "papertrader.argument" {
        dissected.arguments.push(hex::decode(hex).unwrap());
    } else if name.starts_with("papertrader.") && line.contains(" hide=\"yes\"") {
        // The argument by its name: it stands in the list of arguments, too.
    } else {
        let show = attribute(line, "show").unwrap_or_default();
        dissected.fields.entry(name).or_insert(show);
    }
}

/// The numbers of the packets in which the messages of one side end.
pub fn ends(conversation: &Conversation, first_packet: usize, by_client: bool) -> Vec<usize> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    // The three packets that open the connection come first.
    for (number, (is_client, data)) in conversation.segments.iter().enumerate() {
        if *is_client != by_client {
            continue;
        }
        bytes.extend_from_slice(data);
        while let Some(size) = whole_message(&bytes) {
            bytes.drain(..size);
            ends.push(first_packet + 3 + number);
        }
    }
    ends
}

fn whole_message(bytes: &[u8]) -> Option<usize> {
    let size = u32::from_be_bytes(bytes.get(3..7)?.try_into().unwrap()) as usize;
    Some(HEADER_BYTES + size).filter(|size| bytes.len() >= *size)
}
