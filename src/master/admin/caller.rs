//! spec/master/admin.md · 3.1.5
//!
//! Who is at the other end of a connection, for the log.

use rustix::net::sockopt::socket_peercred;
use std::fmt;
use std::os::fd::AsFd;

/// The user of the process that connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AdminCaller(Option<u32>);

impl AdminCaller {
    /// The user at the other end of a connection.
    pub(super) fn of(stream: impl AsFd) -> AdminCaller {
        AdminCaller(socket_peercred(stream).ok().map(|peer| peer.uid.as_raw()))
    }
}

/// Looks the name up, which may take a while where users stand in a directory.
impl fmt::Display for AdminCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(number) = self.0 else {
            return f.write_str("an unknown user");
        };
        match uzers::get_user_by_uid(number) {
            Some(user) => write!(f, "user {} ({number})", user.name().to_string_lossy()),
            None => write!(f, "user {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_a_socket_is_named() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let number = rustix::process::geteuid().as_raw();
        let caller = AdminCaller::of(&ours);
        assert_eq!(caller, AdminCaller(Some(number)));
        assert!(caller.to_string().contains(&number.to_string()), "{caller}");
        assert_eq!(AdminCaller(Some(0)).to_string(), "user root (0)");
        let strange = AdminCaller(Some(4_000_000_001));
        assert_eq!(strange.to_string(), "user 4000000001");
    }
}
