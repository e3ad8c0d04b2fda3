//! spec/master/admin.md · 3.1.5 (the administrator's alone)
//!
//! The Unix socket: its permissions, and the removal of an old one.

use crate::runtime::Stop;
use crate::runtime::ownership::create_private_folder;
use socket2::{Domain, SockAddr, SockRef, Type};
use std::fs::{self, Permissions};
use std::io;
use std::net::Shutdown;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 32;
/// Owner and group may connect, nobody else.
const MODE: u32 = 0o660;
/// Mode of a folder that is made for the socket: its group may reach the socket in it, not list it.
const FOLDER_MODE: u32 = 0o710;
/// Pause after a failed accept, for instance without a free descriptor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket with its file.
pub(super) struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode: another process may replace the file later.
    identity: (u64, u64),
}

impl ControlSocket {
    /// Listens at `path`. Mode and group are set before anybody can connect.
    pub(super) fn bind(path: PathBuf, group: &str) -> io::Result<ControlSocket> {
        let explain = |error: io::Error| {
            io::Error::new(
                error.kind(),
                format!("control_socket {}: {error}", path.display()),
            )
        };
        create_folder(&path, group).map_err(explain)?;
        remove_stale(&path).map_err(explain)?;
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None).map_err(explain)?;
        socket
            .bind(&SockAddr::unix(&path).map_err(explain)?)
            .map_err(explain)?;
        fs::set_permissions(&path, Permissions::from_mode(MODE)).map_err(explain)?;
        set_group(&path, group);
        socket.listen(BACKLOG).map_err(explain)?;
        let file = fs::symlink_metadata(&path).map_err(explain)?;
        Ok(ControlSocket {
            listener: UnixListener::from(socket),
            path,
            identity: (file.dev(), file.ino()),
        })
    }

    /// Accepts until [`ControlSocket::close`].
    pub(super) fn accept_each(&self, stop: &Stop, serve: impl Fn(UnixStream)) {
        while !stop.is_requested() {
            match self.listener.accept() {
                Ok((stream, _)) => serve(stream),
                Err(_) if stop.is_requested() => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    crate::warn!("an administrator's connection could not be accepted: {error}");
                    if stop.wait(ACCEPT_PAUSE) {
                        return;
                    }
                }
            }
        }
    }

    /// Ends [`ControlSocket::accept_each`] and removes the file, if it is still this socket.
    pub(super) fn close(&self) {
        let _ = SockRef::from(&self.listener).shutdown(Shutdown::Both);
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|file| (file.dev(), file.ino()) == self.identity);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Creates the folder if necessary: it is the daemon's alone, and its group may reach the socket.
fn create_folder(path: &Path, group: &str) -> io::Result<()> {
    let Some(folder) = path.parent().filter(|it| !it.as_os_str().is_empty()) else {
        return Ok(());
    };
    if folder.exists() {
        return Ok(());
    }
    create_private_folder(folder)?;
    set_group(folder, group);
    fs::set_permissions(folder, Permissions::from_mode(FOLDER_MODE))
}

/// Removes the socket of a master that no longer runs.
fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.file_type().is_socket() {
        let text = "a file that is no socket stands there; move it away, or configure another path";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) => Err(error),
        Ok(_) => {
            let text = "another process listens there; stop it, or configure another path";
            Err(io::Error::new(io::ErrorKind::AddrInUse, text))
        }
    }
}

/// Gives the socket, or its new folder, to the administrators' group. If that fails it keeps the
/// daemon's own group.
fn set_group(path: &Path, group: &str) {
    let Some(number) = group_number(group) else {
        crate::info!("there is no group {group}: the control socket is the daemon's own group's");
        return;
    };
    // A unit may forbid chown, and mostly the group fits already.
    if fs::metadata(path).is_ok_and(|found| found.gid() == number) {
        return;
    }
    if let Err(error) = std::os::unix::fs::chown(path, None, Some(number)) {
        crate::warn!(
            "the control socket cannot be given to group {group} ({error}): make it the group of the daemon's unit \
             (Group=), or let the daemon's user be a member of it and its unit allow chown"
        );
    }
}

/// The number of a group, from any source of NSS: `/etc/group`, LDAP, systemd. `None` if no group
/// has the name, or the source does not answer.
fn group_number(name: &str) -> Option<u32> {
    uzers::get_group_by_name(name).map(|group| group.gid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_their_whole_name() {
        assert_eq!(group_number("root"), Some(0));
        for unknown in ["roo", "roott", "no-such-group", "", "a:b", "nul\0"] {
            assert_eq!(group_number(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn the_socket_is_its_group_s_and_without_one_the_daemon_s() {
        let folder = tempfile::tempdir().unwrap();
        let own = fs::metadata(folder.path()).unwrap().gid();
        let name = uzers::get_group_by_gid(own).map(|group| group.name().to_owned());
        for group in ["no-such-group", &name.unwrap_or_default().to_string_lossy()] {
            let path = folder.path().join("s");
            let socket = ControlSocket::bind(path.clone(), group).unwrap();
            let file = fs::metadata(&path).unwrap();
            assert_eq!((file.gid(), file.mode() & 0o7777), (own, 0o660), "{group}");
            socket.close();
        }
    }

    #[test]
    fn only_what_is_dead_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/master.sock");
        let first = ControlSocket::bind(path.clone(), "no-such-group").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, 0o660);
        let made = fs::metadata(folder.path().join("run")).unwrap();
        assert_eq!(made.mode() & 0o7777, 0o710);
        let taken = ControlSocket::bind(path.clone(), "no-such-group")
            .err()
            .unwrap();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse, "{taken}");
        assert!(
            UnixStream::connect(&path).is_ok(),
            "the live one is untouched"
        );

        // A master that was killed leaves its socket behind.
        drop(first);
        assert!(path.exists());
        let second = ControlSocket::bind(path.clone(), "no-such-group").unwrap();
        // What somebody else has put there is not ours to remove.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "notes").unwrap();
        second.close();
        assert!(path.exists());
        let refused = ControlSocket::bind(path.clone(), "no-such-group")
            .err()
            .unwrap();
        assert!(refused.to_string().contains("no socket"), "{refused}");
        assert_eq!(fs::read(&path).unwrap(), b"notes");
    }

    #[test]
    fn closing_wakes_and_removes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let (socket, stop) = (ControlSocket::bind(path.clone(), "g").unwrap(), Stop::new());
        std::thread::scope(|scope| {
            let accepting = scope.spawn(|| socket.accept_each(&stop, drop));
            assert!(UnixStream::connect(&path).is_ok());
            stop.request();
            socket.close();
            accepting.join().unwrap();
        });
        assert!(!path.exists());
    }
}
