//! spec/master/admin.md · 3.1.5
//!
//! Who is at the other end of a connection, for the log.

use crate::admin::protocol::CALLER_NAME;
use rustix::net::sockopt::socket_peercred;
use std::fmt;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixStream;

/// The user that the kernel names for one who has no number here: a daemon in a user namespace of its
/// own sees every caller but root and itself as this one.
const OVERFLOW_USER: u32 = 65_534;

/// The user of the process that connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdminCaller {
    /// As the kernel says.
    user: Option<u32>,
    /// What the process says itself, where the kernel cannot.
    claim: Option<u32>,
}

impl AdminCaller {
    /// The user at the other end of a connection.
    pub(super) fn of(stream: &UnixStream) -> AdminCaller {
        let user = socket_peercred(stream).ok().map(|peer| peer.uid.as_raw());
        let claim = (user == Some(OVERFLOW_USER))
            .then(|| claimed(stream))
            .flatten();
        AdminCaller { user, claim }
    }
}

/// The user that a process names in the name of its end of the connection.
fn claimed(stream: &UnixStream) -> Option<u32> {
    let address = stream.peer_addr().ok()?;
    let name = std::str::from_utf8(address.as_abstract_name()?).ok()?;
    let rest = name.strip_prefix(CALLER_NAME)?;
    rest.split('/').next()?.parse().ok()
}

/// Looks the name up, which may take a while where users stand in a directory.
impl fmt::Display for AdminCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.user else {
            return f.write_str("an unknown user");
        };
        if let Some(claim) = self.claim.filter(|claim| *claim != OVERFLOW_USER) {
            return match uzers::get_user_by_uid(claim) {
                Some(user) => write!(
                    f,
                    "user {} ({claim} by its own word)",
                    user.name().to_string_lossy()
                ),
                None => write!(f, "user {claim} by its own word"),
            };
        }
        match uzers::get_user_by_uid(number) {
            Some(user) => write!(f, "user {} ({number})", user.name().to_string_lossy()),
            None => write!(f, "user {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, SockAddr, Socket, Type};
    use std::os::unix::net::UnixListener;

    #[test]
    fn the_other_end_of_a_socket_is_named() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let number = rustix::process::geteuid().as_raw();
        let caller = AdminCaller::of(&ours);
        let plain = |number| AdminCaller {
            user: Some(number),
            claim: None,
        };
        assert_eq!(caller, plain(number));
        assert!(caller.to_string().contains(&number.to_string()), "{caller}");
        assert_eq!(plain(0).to_string(), "user root (0)");
        assert_eq!(plain(4_000_000_001).to_string(), "user 4000000001");
        let unseen = AdminCaller {
            user: Some(OVERFLOW_USER),
            claim: Some(4_000_000_001),
        };
        assert_eq!(unseen.to_string(), "user 4000000001 by its own word");
    }

    #[test]
    fn a_process_may_say_whose_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let named = |name: &str| {
            let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
            if !name.is_empty() {
                let name = format!("\0{name}{}", std::process::id());
                socket.bind(&SockAddr::unix(name).unwrap()).unwrap();
            }
            socket.connect(&SockAddr::unix(&path).unwrap()).unwrap();
            claimed(&listener.accept().unwrap().0)
        };
        assert_eq!(named(""), None);
        assert_eq!(named(&format!("{CALLER_NAME}1001/")), Some(1001));
        assert_eq!(named(&format!("{CALLER_NAME}root/")), None);
        assert_eq!(named("else/1001/"), None);
    }
}
