//! spec/client/store.md · 4.6.2 ("The sessionID should be stored locally on the client's machine")
//!
//! The user's sessions on this machine, in one file that no other user can read.

use super::ClientError;
use crate::model::{SessionId, Username};
use crate::net::client_tls::{CertificatePin, parse_pin};
use crate::runtime::ownership::{create_private_folder, open_lock_file};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The file's name in its folder.
pub const FILE: &str = "sessions.json";

/// The largest file that is read, in bytes; [`SESSIONS_MAX`] sessions need far less.
pub const FILE_MAX: u64 = 1 << 20;

/// The most sessions in the file. The least recently saved one is dropped first.
pub const SESSIONS_MAX: usize = 64;

/// How long to wait while another process has the file locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How a session ended. Its entry stays in the file, so that no command takes another account's
/// session in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionEnd {
    /// The server does not know it any more, or its connection ended.
    Expired,
    /// The user logged out.
    LoggedOut,
    /// The user deleted the account. Earlier versions read that the user has logged out.
    #[serde(skip)]
    Deleted,
}

/// A saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSession {
    pub username: Username,
    /// How the session ended; `None` while nobody has said that it did. An ended one has a session
    /// ID of zeros.
    pub ended: Option<SessionEnd>,
    /// The session ID, which is a secret.
    pub session: SessionId,
    /// The servers that the user named for the login, which tell deployments apart. None if the
    /// user named a master alone.
    pub servers: Vec<String>,
    /// The workers that accept the session: those of the login, and those that workers have listed
    /// since.
    pub workers: Vec<String>,
    /// The address of the master's port 2048, if the user gave it.
    pub master: Option<String>,
    /// Whether the session was made over TLS. Then it never goes over less.
    pub tls: bool,
    /// The CA file that was named for the login, absolute.
    pub ca: Option<PathBuf>,
    /// The certificates that were pinned for the login.
    pub pins: Vec<CertificatePin>,
}

impl SavedSession {
    /// The account's name.
    pub fn name(&self) -> &str {
        self.username.as_str()
    }
}

/// The file's JSON.
#[derive(Serialize, Deserialize)]
struct SessionFileForm {
    version: u32,
    /// The last saved session is first.
    sessions: Vec<SavedSessionForm>,
}

#[derive(Serialize, Deserialize)]
struct SavedSessionForm {
    username: String,
    #[serde(with = "secret")]
    session: Zeroizing<String>,
    workers: Vec<String>,
    #[serde(default)]
    master: Option<String>,
    // Files of earlier versions lack the fields from here on.
    #[serde(default)]
    servers: Option<Vec<String>>,
    #[serde(default)]
    tls: bool,
    #[serde(default)]
    ca: Option<PathBuf>,
    #[serde(default)]
    pins: Vec<String>,
    #[serde(default)]
    ended: Option<SessionEnd>,
    #[serde(default)]
    deleted: bool,
}

impl SavedSessionForm {
    fn of(saved: &SavedSession) -> SavedSessionForm {
        SavedSessionForm {
            username: saved.username.as_str().to_owned(),
            session: Zeroizing::new(saved.session.expose()),
            workers: saved.workers.clone(),
            master: saved.master.clone(),
            servers: Some(saved.servers.clone()),
            tls: saved.tls,
            ca: saved.ca.clone(),
            pins: saved.pins.iter().map(hex::encode).collect(),
            ended: match saved.ended {
                Some(SessionEnd::Deleted) => Some(SessionEnd::LoggedOut),
                ended => ended,
            },
            deleted: saved.ended == Some(SessionEnd::Deleted),
        }
    }

    fn read(self) -> Result<SavedSession, String> {
        // Earlier versions put the worker that answered first, which was most often the named one.
        let first = || self.workers.iter().take(1).cloned().collect();
        Ok(SavedSession {
            username: Username::parse(&self.username).map_err(|e| e.to_string())?,
            session: SessionId::parse(&self.session).map_err(|e| e.to_string())?,
            servers: self.servers.clone().unwrap_or_else(first),
            pins: self
                .pins
                .iter()
                .map(|pin| parse_pin(pin))
                .collect::<Result<_, _>>()?,
            workers: self.workers,
            master: self.master,
            tls: self.tls,
            ca: self.ca,
            ended: if self.deleted {
                Some(SessionEnd::Deleted)
            } else {
                self.ended
            },
        })
    }
}

/// Serialisation of a string that is wiped from memory when it is dropped.
mod secret {
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(super) fn serialize<S: Serializer>(
        text: &Zeroizing<String>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_str(text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Zeroizing<String>, D::Error> {
        String::deserialize(from).map(Zeroizing::new)
    }
}

/// The file of saved sessions.
#[derive(Debug, Clone)]
pub struct SessionFile {
    folder: PathBuf,
}

impl SessionFile {
    /// A file in `folder`. The first write creates the folder.
    pub fn at(folder: impl Into<PathBuf>) -> SessionFile {
        SessionFile {
            folder: folder.into(),
        }
    }

    /// The file in `$XDG_STATE_HOME/papertrader`, else in `~/.local/state/papertrader`.
    ///
    /// # Errors
    /// Neither XDG_STATE_HOME nor HOME is an absolute path.
    pub fn standard() -> Result<SessionFile, ClientError> {
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|p| p.is_absolute())
        };
        // The XDG specification requires that a relative XDG_STATE_HOME is ignored.
        match (absolute("XDG_STATE_HOME"), absolute("HOME")) {
            (Some(state), _) => Ok(SessionFile::at(state.join("papertrader"))),
            (None, Some(home)) => Ok(SessionFile::at(home.join(".local/state/papertrader"))),
            (None, None) => Err(ClientError::Local(
                "no place to keep sessions: set HOME or XDG_STATE_HOME".to_owned(),
            )),
        }
    }

    /// The file's path.
    pub fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Reads the sessions, the last saved one first; none if the file does not exist.
    ///
    /// # Errors
    /// Other users can read the file or own it, or it is not a session file of this version.
    pub fn load(&self) -> Result<Vec<SavedSession>, ClientError> {
        let path = self.path();
        let failed =
            |e: &dyn std::fmt::Display| ClientError::Local(format!("{}: {e}", path.display()));
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed(&e)),
        };
        let about = file.metadata().map_err(|e| failed(&e))?;
        if about.mode() & 0o077 != 0 {
            return Err(failed(&format!(
                "others can read it (mode {:04o}); say: chmod 600 {}",
                about.mode() & 0o7777,
                path.display()
            )));
        }
        if about.uid() != rustix::process::geteuid().as_raw() {
            return Err(failed(&"it belongs to somebody else"));
        }
        if about.len() > FILE_MAX {
            return Err(failed(&"it is too large to be a session file"));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_MAX)
            .read_to_string(&mut text)
            .map_err(|e| failed(&e))?;
        let bad = |e: &dyn std::fmt::Display| {
            failed(&format!(
                "not a session file of this version ({e}); remove it and log in again"
            ))
        };
        let written: SessionFileForm = serde_json::from_str(&text).map_err(|e| bad(&e))?;
        if written.version != 1 {
            return Err(bad(&format!("version {}", written.version)));
        }
        let sessions = written.sessions.into_iter().map(SavedSessionForm::read);
        sessions.collect::<Result<_, String>>().map_err(|e| bad(&e))
    }

    /// Changes the sessions under an exclusive lock, and replaces the file atomically.
    ///
    /// # Errors
    /// As [`SessionFile::load`]; the lock is not free in time; the folder or file cannot be
    /// written.
    pub fn change(&self, change: impl FnOnce(&mut Vec<SavedSession>)) -> Result<(), ClientError> {
        let failed = |e: &dyn std::fmt::Display| {
            ClientError::Local(format!("{}: {e}", self.folder.display()))
        };
        create_private_folder(&self.folder).map_err(|e| failed(&e))?;
        let _lock = self.lock()?;
        let mut sessions = self.load()?;
        change(&mut sessions);
        sessions.truncate(SESSIONS_MAX);
        let written = SessionFileForm {
            version: 1,
            sessions: sessions.iter().map(SavedSessionForm::of).collect(),
        };
        let text = Zeroizing::new(serde_json::to_string_pretty(&written).map_err(|e| failed(&e))?);
        self.replace(&text).map_err(|e| failed(&e))
    }

    fn lock(&self) -> Result<File, ClientError> {
        let path = self.folder.join("sessions.lock");
        let failed =
            |e: &dyn std::fmt::Display| ClientError::Local(format!("{}: {e}", path.display()));
        let file = open_lock_file(&path).map_err(|e| ClientError::Local(e.to_string()))?;
        let until = Instant::now() + LOCK_TIMEOUT;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(file),
                Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < until => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(rustix::io::Errno::WOULDBLOCK) => {
                    return Err(failed(&"another papertrader holds it"));
                }
                Err(e) => return Err(failed(&e)),
            }
        }
    }

    fn replace(&self, text: &str) -> std::io::Result<()> {
        // The lock protects this name. A file that a killed process left behind is replaced.
        let temporary = self.folder.join("sessions.json.new");
        match std::fs::remove_file(&temporary) {
            Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, self.path())?;
        File::open(&self.folder)?.sync_all()
    }

    /// Saves a session as the first one. It replaces sessions of the same account for whose login
    /// the user named the same server or master. What servers list does not count: a hostile one
    /// could name another's worker. Ended ones that no command could select any more go too.
    ///
    /// # Errors
    /// As [`SessionFile::change`].
    pub fn put(&self, session: SavedSession) -> Result<(), ClientError> {
        self.change(|sessions| {
            sessions.retain(|s| {
                let is_replaced =
                    s.username.key() == session.username.key() && s.is_of_the_same_login(&session);
                !is_replaced && !s.is_hidden_by(&session)
            });
            sessions.insert(0, session);
        })
    }

    /// Replaces the entry of a session at its place; does nothing if the session has been removed.
    ///
    /// # Errors
    /// As [`SessionFile::change`].
    pub fn update(&self, session: &SavedSession) -> Result<(), ClientError> {
        self.change(|sessions| {
            if let Some(known) = sessions.iter_mut().find(|s| s.session == session.session) {
                *known = session.clone();
            }
        })
    }

    /// Marks a session as ended, and wipes its ID. After a logout or a deletion nothing remembered of
    /// TLS holds any more.
    ///
    /// # Errors
    /// As [`SessionFile::change`].
    pub fn end(&self, session: &SessionId, how: SessionEnd) -> Result<(), ClientError> {
        self.change(|sessions| {
            if let Some(saved) = sessions.iter_mut().find(|s| s.session == *session) {
                saved.end(how);
            }
        })
    }

    /// Marks an account's entry, which is no session any more, as logged out.
    ///
    /// # Errors
    /// As [`SessionFile::change`].
    pub fn forget_ended(&self, ended: &SavedSession) -> Result<(), ClientError> {
        self.change(|sessions| {
            if let Some(saved) = sessions.iter_mut().find(|s| *s == ended) {
                saved.end(SessionEnd::LoggedOut);
            }
        })
    }

    /// The last saved session of `username` in the deployment of `servers`: the last one for whose
    /// login one of them was named, or a later one of the same deployment, which they accept too. If
    /// none was named for any login, the last one whose deployment listed one of them. An empty list
    /// matches any server, `None` any user. It may have ended: then there is no other in its place.
    ///
    /// # Errors
    /// As [`SessionFile::load`].
    pub fn find(
        &self,
        servers: &[String],
        username: Option<&Username>,
    ) -> Result<Option<SavedSession>, ClientError> {
        let mut sessions = self.load()?;
        sessions.retain(|s| username.is_none_or(|name| name.key() == s.username.key()));
        let named = sessions
            .iter()
            .position(|s| servers.is_empty() || share(&s.servers, servers));
        let at = match named {
            Some(at) => {
                let listed = sessions.iter().take(at).position(|later| {
                    share(&later.workers, servers) && sessions[at].vouches_for(later)
                });
                Some(listed.unwrap_or(at))
            }
            None => sessions.iter().position(|s| share(&s.workers, servers)),
        };
        Ok(at.map(|at| sessions.swap_remove(at)))
    }

    /// The last saved session of anybody for whose login one of `servers` was named.
    ///
    /// # Errors
    /// As [`SessionFile::load`].
    pub fn find_named(&self, servers: &[String]) -> Result<Option<SavedSession>, ClientError> {
        let mut sessions = self.load()?.into_iter();
        Ok(sessions.find(|s| share(&s.servers, servers)))
    }
}

impl SavedSession {
    /// Whether the user named the same server, or the same master, for both logins.
    fn is_of_the_same_login(&self, other: &SavedSession) -> bool {
        share(&self.servers, &other.servers)
            || (self.master.is_some() && self.master == other.master)
    }

    /// Whether a login of this one's deployment listed a server that the user named for `other`. The
    /// list of `other` alone proves nothing: a hostile deployment could list another's worker.
    fn vouches_for(&self, other: &SavedSession) -> bool {
        share(&self.workers, &other.servers) || self.is_of_the_same_login(other)
    }

    /// Whether this is an ended session that `newer`, saved after it, hides from each choice of
    /// servers.
    fn is_hidden_by(&self, newer: &SavedSession) -> bool {
        let all = |ours: &[String], theirs: &[String]| ours.iter().all(|a| theirs.contains(a));
        self.ended.is_some()
            && all(&self.servers, &newer.servers)
            && all(&self.workers, &newer.workers)
    }

    fn end(&mut self, how: SessionEnd) {
        self.ended = Some(how);
        self.session = SessionId::from_bytes([0; 32]);
        if how != SessionEnd::Expired {
            self.tls = false;
            self.ca = None;
            self.pins = Vec::new();
        }
    }
}

/// Whether two lists have an address in common.
fn share(one: &[String], other: &[String]) -> bool {
    one.iter().any(|address| other.contains(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn session(name: &str, byte: u8, worker: &str) -> SavedSession {
        SavedSession {
            username: Username::parse(name).unwrap(),
            session: SessionId::from_bytes([byte; 32]),
            servers: vec![worker.to_owned()],
            workers: vec![worker.to_owned(), "shared:1".to_owned()],
            master: None,
            tls: false,
            ca: None,
            pins: Vec::new(),
            ended: None,
        }
    }

    #[test]
    fn sessions_are_kept_in_a_file_of_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path().join("a/b"));
        assert_eq!(store.load().unwrap(), []);
        let one = session("alice", 1, "x:1");
        store.put(one.clone()).unwrap();
        assert_eq!(store.load().unwrap(), [one]);
        let mode = |path: PathBuf| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(store.path()), 0o600);
        assert_eq!(mode(folder.path().join("a/b")), 0o700);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        store.put(session("alice", 1, "x:1")).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(mode)).unwrap();
            let error = store.load().unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
            assert!(store.put(session("bob", 2, "x:1")).is_err());
        }
        std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(store.load().unwrap().len(), 1);
    }

    #[test]
    fn find_returns_the_last_saved_match() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let mut far = session("alice", 2, "far:1");
        far.workers = vec!["far:1".to_owned()];
        for s in [
            session("alice", 1, "x:1"),
            session("Bob", 3, "x:1"),
            far.clone(),
        ] {
            store.put(s).unwrap();
        }
        let find = |servers: &[&str], name: Option<&str>| {
            let servers: Vec<String> = servers.iter().map(|s| (*s).to_owned()).collect();
            let name = name.map(|n| Username::parse(n).unwrap());
            store
                .find(&servers, name.as_ref())
                .unwrap()
                .map(|s| s.session)
        };
        let id = |byte| Some(SessionId::from_bytes([byte; 32]));
        assert_eq!(find(&[], None), id(2));
        assert_eq!(find(&["shared:1"], None), id(3));
        assert_eq!(find(&["x:1"], Some("ALICE")), id(1));
        assert_eq!(find(&[], Some("bob")), id(3));
        assert_eq!(find(&["other:1"], None), None);
        // A new session of the same account at the same server replaces the old one.
        store.put(session("ALICE", 9, "x:1")).unwrap();
        assert_eq!(find(&["x:1"], Some("alice")), id(9));
        assert_eq!(store.load().unwrap().len(), 3);
        // An ended one stays in its place, without its secret.
        store.end(&far.session, SessionEnd::Expired).unwrap();
        assert_eq!(find(&["far:1"], None), id(0));
        assert_eq!(find(&[], None), id(9));
    }

    #[test]
    fn a_deleted_account_is_known_as_such_and_logged_out_to_earlier_versions() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let mut alice = session("alice", 1, "x:1");
        alice.pins = vec![[7; 32]];
        store.put(alice.clone()).unwrap();
        store.end(&alice.session, SessionEnd::Deleted).unwrap();
        let saved = store.load().unwrap().remove(0);
        assert_eq!(saved.ended, Some(SessionEnd::Deleted));
        assert_eq!(saved.pins.len(), 0);
        let text = std::fs::read_to_string(store.path()).unwrap();
        assert!(text.contains(r#""ended": "logged-out""#), "{text}");
    }

    #[test]
    fn an_ended_session_gives_way_to_no_other_account() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let (alice, mut bob) = (session("alice", 1, "x:1"), session("bob", 2, "x:1"));
        (bob.tls, bob.pins) = (true, vec![[7; 32]]);
        store.put(alice.clone()).unwrap();
        store.put(bob.clone()).unwrap();
        let find = |servers: &[String], name: &str| {
            let name = Username::parse(name).unwrap();
            let by_name = store.find(servers, Some(&name)).unwrap().unwrap();
            (store.find(servers, None).unwrap().unwrap(), by_name)
        };
        store.end(&bob.session, SessionEnd::Expired).unwrap();
        for servers in [vec![], vec!["x:1".to_owned()], vec!["shared:1".to_owned()]] {
            let (last, alice_now) = find(&servers, "alice");
            assert_eq!(
                (last.username.as_str(), last.ended),
                ("bob", Some(SessionEnd::Expired))
            );
            assert_eq!((last.tls, last.pins.len()), (true, 1), "for the next login");
            assert_eq!(alice_now, alice);
        }
        let text = std::fs::read_to_string(store.path()).unwrap();
        assert!(!text.contains(&"02".repeat(32)), "{text}");
        // After a logout nothing is remembered of TLS.
        store.forget_ended(&find(&[], "bob").1).unwrap();
        let (last, _) = find(&[], "alice");
        assert_eq!(last.ended, Some(SessionEnd::LoggedOut));
        assert_eq!((last.tls, last.pins.len()), (false, 0));
        // A later login at the same servers hides it: the file does not grow.
        store.put(session("carol", 3, "x:1")).unwrap();
        assert_eq!(store.load().unwrap().len(), 2);
    }

    #[test]
    fn a_listed_worker_of_others_displaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let honest = session("alice", 1, "honest:1");
        let mut hostile = session("alice", 2, "hostile:1");
        hostile.workers.push("honest:1".to_owned());
        store.put(honest.clone()).unwrap();
        store.put(hostile.clone()).unwrap();
        assert_eq!(store.load().unwrap(), [hostile.clone(), honest.clone()]);
        let at = |server: &str| store.find(&[server.to_owned()], None).unwrap();
        assert_eq!(at("honest:1"), Some(honest.clone()));
        assert_eq!(at("hostile:1"), Some(hostile));
        // Nor does it when the session of its own login has ended.
        store.end(&honest.session, SessionEnd::Expired).unwrap();
        assert_eq!(at("honest:1").unwrap().ended, Some(SessionEnd::Expired));
        // Without a login of its own, a server that a deployment listed accepts its session.
        store.put(session("alice", 3, "own:1")).unwrap();
        store
            .put(SavedSession {
                workers: vec!["own:1".to_owned(), "listed:1".to_owned()],
                ..session("alice", 4, "own:1")
            })
            .unwrap();
        assert_eq!(
            at("listed:1").unwrap().session,
            SessionId::from_bytes([4; 32])
        );
        assert_eq!(store.find_named(&["listed:1".to_owned()]).unwrap(), None);
        // Logins by a master alone are told apart by it.
        let by_master = |byte, master: &str| SavedSession {
            servers: Vec::new(),
            master: Some(master.to_owned()),
            ..session("alice", byte, "x:1")
        };
        for (byte, master) in [(5, "m1:1"), (6, "m2:1"), (7, "m1:1")] {
            store.put(by_master(byte, master)).unwrap();
        }
        assert_eq!(store.load().unwrap().len(), 5);
    }

    #[test]
    fn the_last_login_of_a_deployment_counts_at_each_of_its_workers() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let both = ["w1:1".to_owned(), "w2:1".to_owned()];
        let at_one_of_both = |name, byte, worker: &str| SavedSession {
            workers: both.to_vec(),
            ..session(name, byte, worker)
        };
        let budi = at_one_of_both("budi", 1, "w1:1");
        let pupil = at_one_of_both("murid10", 2, "w2:1");
        let at = |server: &str| store.find(&[server.to_owned()], None).unwrap();
        store.put(budi.clone()).unwrap();
        store.put(pupil.clone()).unwrap();
        for server in &both {
            assert_eq!(at(server), Some(pupil.clone()), "{server}");
        }
        assert_eq!(
            store.find(&both[..1], Some(&budi.username)).unwrap(),
            Some(budi)
        );
        // Another deployment's login leaves the choice as it is.
        store.put(session("carol", 3, "other:1")).unwrap();
        assert_eq!(at("w1:1"), Some(pupil.clone()));
        // Nor does the end of the last session give way to the one before.
        store.end(&pupil.session, SessionEnd::LoggedOut).unwrap();
        let ended = at("w1:1").unwrap();
        assert_eq!(
            (ended.username.as_str(), ended.ended),
            ("murid10", Some(SessionEnd::LoggedOut))
        );
    }

    #[test]
    fn what_a_login_was_made_with_is_kept_and_files_of_earlier_versions_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        let made = SavedSession {
            tls: true,
            ca: Some("/etc/ca.pem".into()),
            pins: vec![[0xAB; 32]],
            ..session("alice", 1, "x:1")
        };
        store.put(made.clone()).unwrap();
        assert_eq!(store.load().unwrap(), [made]);
        let text = std::fs::read_to_string(store.path()).unwrap();
        assert!(
            text.contains(&"ab".repeat(32)) && text.contains("\"tls\": true"),
            "{text}"
        );
        let digits = "01".repeat(32);
        store
            .replace(&format!(
                r#"{{"version":1,"sessions":[{{"username":"alice","session":"{digits}","workers":["a:1","b:1"]}}]}}"#
            ))
            .unwrap();
        let old = SavedSession {
            workers: vec!["a:1".to_owned(), "b:1".to_owned()],
            ..session("alice", 1, "a:1")
        };
        assert_eq!(store.load().unwrap(), [old]);
        store
            .replace(&format!(
                r#"{{"version":1,"sessions":[{{"username":"alice","session":"{digits}","workers":[],"pins":["x"]}}]}}"#
            ))
            .unwrap();
        assert!(store.load().unwrap_err().to_string().contains("a pin is"));
    }

    #[test]
    fn an_invalid_file_is_refused_and_left_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        for junk in [
            "",
            "{",
            "[]",
            r#"{"version":2,"sessions":[]}"#,
            r#"{"version":1,"sessions":[{"username":"alice","session":"x","workers":[]}]}"#,
        ] {
            store.replace(junk).unwrap();
            let error = store.load().unwrap_err().to_string();
            assert!(error.contains("log in again"), "{error}");
            assert!(store.put(session("alice", 1, "x:1")).is_err());
            assert_eq!(std::fs::read_to_string(store.path()).unwrap(), junk);
        }
    }

    #[test]
    fn concurrent_writers_lose_no_session() {
        let folder = tempfile::tempdir().unwrap();
        let store = SessionFile::at(folder.path());
        std::thread::scope(|scope| {
            for byte in 1..=8 {
                let store = &store;
                scope.spawn(move || {
                    store
                        .put(session(&format!("user{byte}"), byte, "x:1"))
                        .unwrap();
                });
            }
        });
        assert_eq!(store.load().unwrap().len(), 8);
    }
}
