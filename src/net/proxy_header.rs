//! spec/net/proxy_header.md · 4.3.2 Client-Worker Server Connection
//!
//! The header of the PROXY protocol, version 2, with which a TCP proxy says whose connection it
//! passes on. It is read before anything else, and only from peers that the configuration names.
//! Nothing behind it is read.

use super::deadline;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Instant;

/// The first bytes of a header of version 2.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The first bytes of a header of version 1, which is a line of text.
const TEXT_SIGNATURE: &[u8] = b"PROXY ";
/// Bytes before the addresses: signature, version and command, family, length of the rest.
const FIXED_BYTES: usize = 16;
/// The most bytes of addresses and further fields (TLVs).
pub const REST_BYTES_MAX: usize = 4096;

/// Whose connection a proxy passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxySource {
    /// A client's with this address.
    Client(SocketAddr),
    /// The proxy's own, for instance to see whether the worker is there.
    Proxy,
}

/// Why there is no header that can be believed. The connection ends.
#[derive(Debug, thiserror::Error)]
pub enum ProxyHeaderError {
    /// The proxy closed the connection before its first byte.
    #[error("it said nothing")]
    Silent,
    /// A header of version 1.
    #[error(
        "it speaks version 1 of the PROXY protocol, which is text; have it send version 2 (HAProxy: \
         send-proxy-v2)"
    )]
    Text,
    /// Other bytes than a header.
    #[error(
        "its first bytes are no header of the PROXY protocol; have it send one (HAProxy: send-proxy-v2)"
    )]
    Absent,
    /// A version or command that is not known.
    #[error("version and command of its header are {0:#04x}, and must be 0x20 or 0x21")]
    Command(u8),
    /// A family or transport other than TCP over IPv4 or IPv6.
    #[error(
        "the family of its header is {0:#04x}, and must be 0x11 or 0x21, TCP over IPv4 or IPv6"
    )]
    Family(u8),
    /// A header that is shorter than its addresses or longer than [`REST_BYTES_MAX`].
    #[error(
        "its header has {0} bytes behind the first 16: too few for its addresses, or more than 4,096"
    )]
    Length(usize),
    /// The header was not whole in time, or the connection broke.
    #[error("its header did not come whole: {0}")]
    Broken(#[from] io::Error),
}

impl ProxyHeaderError {
    /// A name for counters and limits of the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            ProxyHeaderError::Silent => "silent",
            ProxyHeaderError::Text => "text",
            ProxyHeaderError::Absent => "absent",
            ProxyHeaderError::Command(_) => "command",
            ProxyHeaderError::Family(_) => "family",
            ProxyHeaderError::Length(_) => "length",
            ProxyHeaderError::Broken(_) => "broken",
        }
    }
}

/// Reads the header from a socket, and no byte behind it.
///
/// # Errors
/// There is none by `deadline`, or not one that can be believed.
pub fn read(socket: &TcpStream, deadline: Instant) -> Result<ProxySource, ProxyHeaderError> {
    let mut fixed = [0; FIXED_BYTES];
    let mut had = 0;
    while had < FIXED_BYTES {
        match deadline::read(socket, &mut fixed[had..], deadline)? {
            0 if had == 0 => return Err(ProxyHeaderError::Silent),
            0 => {
                return Err(ProxyHeaderError::Broken(
                    io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            size => had += size,
        }
        // What is wrong is told at its first byte.
        check_signature(&fixed[..had])?;
    }
    let header = FixedHeader::read(fixed)?;
    let mut rest = vec![0; header.rest];
    let mut had = 0;
    while had < rest.len() {
        match deadline::read(socket, &mut rest[had..], deadline)? {
            0 => {
                return Err(ProxyHeaderError::Broken(
                    io::ErrorKind::UnexpectedEof.into(),
                ));
            }
            size => had += size,
        }
    }
    header.source(&rest)
}

/// Parses a header from the beginning of `bytes`. Returns whose connection it is, and the length of
/// the header; `None` where it is not whole.
///
/// # Errors
/// The bytes begin no header that can be believed.
pub fn parse(bytes: &[u8]) -> Result<Option<(ProxySource, usize)>, ProxyHeaderError> {
    check_signature(&bytes[..bytes.len().min(FIXED_BYTES)])?;
    let Some((fixed, behind)) = bytes.split_first_chunk() else {
        return Ok(None);
    };
    let header = FixedHeader::read(*fixed)?;
    match behind.get(..header.rest) {
        Some(rest) => Ok(Some((header.source(rest)?, FIXED_BYTES + header.rest))),
        None => Ok(None),
    }
}

/// Checks as much of the signature as there is.
fn check_signature(bytes: &[u8]) -> Result<(), ProxyHeaderError> {
    let signature = &bytes[..bytes.len().min(SIGNATURE.len())];
    if SIGNATURE.starts_with(signature) {
        return Ok(());
    }
    let text = &bytes[..bytes.len().min(TEXT_SIGNATURE.len())];
    if TEXT_SIGNATURE.starts_with(text) {
        return Err(ProxyHeaderError::Text);
    }
    Err(ProxyHeaderError::Absent)
}

/// What the first 16 bytes say.
#[derive(Debug, Clone, Copy)]
struct FixedHeader {
    /// None: the proxy's own connection, whose addresses are not read.
    family: Option<AddressFamily>,
    /// Bytes that follow.
    rest: usize,
}

#[derive(Debug, Clone, Copy)]
enum AddressFamily {
    V4,
    V6,
}

impl FixedHeader {
    fn read(bytes: [u8; FIXED_BYTES]) -> Result<FixedHeader, ProxyHeaderError> {
        let [.., command, family, high, low] = bytes;
        let rest = usize::from(u16::from_be_bytes([high, low]));
        let (family, least) = match (command, family) {
            (0x20, _) => (None, 0),
            // Both addresses, then both ports.
            (0x21, 0x11) => (Some(AddressFamily::V4), 2 * 4 + 2 * 2),
            (0x21, 0x21) => (Some(AddressFamily::V6), 2 * 16 + 2 * 2),
            (0x21, other) => return Err(ProxyHeaderError::Family(other)),
            (other, _) => return Err(ProxyHeaderError::Command(other)),
        };
        if rest < least || rest > REST_BYTES_MAX {
            return Err(ProxyHeaderError::Length(rest));
        }
        Ok(FixedHeader { family, rest })
    }

    /// The source that stands in the bytes behind. The destination and further fields are skipped.
    fn source(self, rest: &[u8]) -> Result<ProxySource, ProxyHeaderError> {
        let short = || ProxyHeaderError::Length(rest.len());
        let (ip, port_at) = match self.family {
            None => return Ok(ProxySource::Proxy),
            Some(AddressFamily::V4) => {
                let ip: &[u8; 4] = rest.first_chunk().ok_or_else(short)?;
                (IpAddr::V4(Ipv4Addr::from(*ip)), 2 * 4)
            }
            Some(AddressFamily::V6) => {
                let ip: &[u8; 16] = rest.first_chunk().ok_or_else(short)?;
                (IpAddr::V6(Ipv6Addr::from(*ip)), 2 * 16)
            }
        };
        let port: &[u8; 2] = rest
            .get(port_at..)
            .and_then(<[u8]>::first_chunk)
            .ok_or_else(short)?;
        let port = u16::from_be_bytes(*port);
        Ok(ProxySource::Client(SocketAddr::new(ip, port)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::TcpListener;
    use std::time::Duration;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend(u16::try_from(rest.len()).unwrap().to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    /// From 192.0.2.7:40000 to 198.51.100.1:2049.
    const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 0x08, 0x01];

    fn v6() -> Vec<u8> {
        let ip = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let ports = [0x9c, 0x40, 0x08, 0x01];
        [&ip("2001:db8::7")[..], &ip("2001:db8:1::1"), &ports].concat()
    }

    fn source(bytes: &[u8]) -> Result<ProxySource, &'static str> {
        match parse(bytes) {
            Ok(Some((source, length))) => {
                assert_eq!(length, bytes.len());
                Ok(source)
            }
            Ok(None) => Err("not whole"),
            Err(error) => Err(error.as_str()),
        }
    }

    #[test]
    fn a_header_tells_the_clients_address() {
        let client = |text: &str| Ok(ProxySource::Client(text.parse().unwrap()));
        let v4 = header(0x21, 0x11, &V4);
        assert_eq!(source(&v4), client("192.0.2.7:40000"));
        let v6 = header(0x21, 0x21, &v6());
        assert_eq!(source(&v6), client("[2001:db8::7]:40000"));
        // Further fields are skipped, whatever they are.
        let more = [&V4[..], &[0x03, 0, 4, 1, 2, 3, 4], &[0xff; 1000]].concat();
        assert_eq!(
            source(&header(0x21, 0x11, &more)),
            client("192.0.2.7:40000")
        );
        // The proxy itself: whatever family and addresses it names.
        assert_eq!(source(&header(0x20, 0x00, &[])), Ok(ProxySource::Proxy));
        assert_eq!(source(&header(0x20, 0x11, &V4)), Ok(ProxySource::Proxy));
    }

    #[test]
    fn anything_else_is_refused_at_its_first_byte() {
        let wrong = |bytes: &[u8]| source(bytes).unwrap_err();
        assert_eq!(
            wrong(b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 2049\r\n"),
            "text"
        );
        assert_eq!(wrong(b"PRO"), "text");
        assert_eq!(wrong(&[4, 0, 4, 1, 0]), "absent");
        assert_eq!(wrong(&[0x16, 3, 1]), "absent", "a ClientHello");
        for command in [0x00, 0x01, 0x11, 0x22, 0x2f, 0x31, 0xff] {
            assert_eq!(wrong(&header(command, 0x11, &V4)), "command");
        }
        for family in [0x00, 0x01, 0x10, 0x12, 0x22, 0x31, 0x32, 0xff] {
            assert_eq!(wrong(&header(0x21, family, &v6())), "family");
        }
        assert_eq!(wrong(&header(0x21, 0x11, &V4[..11])), "length");
        assert_eq!(wrong(&header(0x21, 0x21, &v6()[..35])), "length");
        assert!(source(&header(0x21, 0x11, &[7; REST_BYTES_MAX])).is_ok());
        assert_eq!(
            wrong(&header(0x21, 0x11, &[7; REST_BYTES_MAX + 1])),
            "length"
        );
        assert_eq!(
            wrong(&header(0x20, 0x00, &[7; REST_BYTES_MAX + 1])),
            "length"
        );
        let whole = header(0x21, 0x11, &V4);
        for length in 0..whole.len() {
            assert_eq!(wrong(&whole[..length]), "not whole");
        }
    }

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, proxy)
    }

    fn long() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn no_byte_behind_the_header_is_read() {
        let (socket, mut proxy) = pair();
        let mut bytes = header(0x21, 0x11, &V4);
        bytes.extend(b"behind");
        proxy.write_all(&bytes).unwrap();
        assert!(matches!(read(&socket, long()), Ok(ProxySource::Client(_))));
        let mut behind = [0; 6];
        io::Read::read_exact(&mut &socket, &mut behind).unwrap();
        assert_eq!(&behind, b"behind");
    }

    #[test]
    fn a_header_that_does_not_come_whole_ends_in_time() {
        let whole = header(0x21, 0x11, &V4);
        for length in [1, 15, 16, 20] {
            let (socket, mut proxy) = pair();
            proxy.write_all(&whole[..length]).unwrap();
            drop(proxy);
            assert_eq!(read(&socket, long()).unwrap_err().as_str(), "broken");
        }
        let (socket, proxy) = pair();
        drop(proxy);
        assert_eq!(read(&socket, long()).unwrap_err().as_str(), "silent");
        let (socket, mut proxy) = pair();
        proxy.write_all(&whole[..20]).unwrap();
        let soon = Instant::now() + Duration::from_millis(50);
        let error = read(&socket, soon).unwrap_err();
        assert!(matches!(error, ProxyHeaderError::Broken(error) if deadline::is_timeout(&error)));
        drop(proxy);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_header_or_refused(
            command in proptest::prelude::any::<u8>(),
            family in proptest::prelude::any::<u8>(),
            rest in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
            cut in 0..100_usize,
        ) {
            let bytes = header(command, family, &rest);
            let cut = cut.min(bytes.len());
            match (parse(&bytes), parse(&bytes[..cut])) {
                (Ok(Some((_, length))), Ok(part)) => {
                    proptest::prop_assert_eq!(length, bytes.len());
                    proptest::prop_assert_eq!(part.is_some(), cut == length);
                }
                (Err(_), Err(_) | Ok(None)) => {}
                (whole, part) => proptest::prop_assert!(false, "{whole:?} {part:?}"),
            }
        }
    }
}
