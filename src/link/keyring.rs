//! spec/link/keyring.md · 3.1.5 Worker Management (gpg keys), 2.4.5 gpgkey
//!
//! A daemon's GPG home, with its own key and those of its peers. Every call starts `gpg` and takes
//! milliseconds, so threads of modules must not call it.

mod error;
mod message;
mod watch;

pub use error::KeyringError;
pub use message::{MESSAGE_MAX, PLAIN_MAX};

use crate::model::{Fingerprint, Timestamp};
use crate::runtime::is_passing;
use gpgme::{
    Context, CreateKeyFlags, DeleteKeyFlags, ExportMode, Key, KeyListMode, PinentryMode, Protocol,
    Subkey,
};
use std::fs::{self, DirBuilder, Permissions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The most bytes in the path of a GPG home.
pub const HOME_MAX: usize = crate::config::GPG_HOME_MAX;

/// The fewest bits of an RSA, DSA or ElGamal key.
pub const BITS_MIN: usize = 2048;

/// The most bytes in a file to import.
pub const IMPORT_MAX: usize = 256 * 1024;

/// Time limit of one call of `gpg`.
pub const GPG_TIMEOUT: Duration = Duration::from_secs(5);

/// Time limit for making a key, which waits for the system's random bytes: a machine that has just
/// started may have few.
const GENERATE_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit for stopping a home's agent: less than a stopping daemon has.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// The `gpg.conf` of a home that PaperTrader creates: no fetching, and no web of trust, because our
/// own lists decide which keys are trusted.
const GPG_CONF: &str = "no-greeting\nbatch\ntrust-model always\nno-auto-check-trustdb\n\
                        no-auto-key-retrieve\nno-auto-key-locate\n";
/// Name of the agent's socket in the home.
const AGENT_SOCKET: &str = "S.gpg-agent";
const AGENT_CONF: &str = "disable-scdaemon\n";
/// The agent's folder of secret keys in the home: a file a key, named by its keygrip.
const SECRET_KEYS: &str = "private-keys-v1.d";
/// How the agent's file of a key under a passphrase calls it.
const PROTECTED: &[u8] = b"protected-private-key";
/// The most bytes of such a file: an RSA key of 16,384 bits has some 10 KiB.
const SECRET_KEY_MAX: u64 = 64 * 1024;

/// What errors call the key whose secret half a daemon uses.
pub const OUR_KEY: &str = "our own key";
/// What a worker's errors call the key that its master proves itself with.
pub const MASTERS_KEY: &str = "the master's key";

/// A key that existed and was fit for use when it was looked up.
#[derive(Debug, Clone)]
pub struct CheckedKey {
    fingerprint: Fingerprint,
    key: Key,
}

impl CheckedKey {
    /// Fingerprint of the primary key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// A key as it stands at a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyState {
    /// Whether it is fit for use: what [`Keyring::peer`] says.
    pub fit: Result<(), KeyringError>,
    /// When it ends, or has ended; `None`: never, or it is not known.
    pub until: Option<Timestamp>,
}

/// A GPG home. It is cheap to clone, and several threads may use it at once.
#[derive(Debug, Clone)]
pub struct Keyring {
    home: PathBuf,
}

impl Keyring {
    /// Opens an existing home.
    ///
    /// # Errors
    /// The path is too long, or is not a folder of ours that is closed to other users.
    pub fn open(home: &Path) -> Result<Keyring, KeyringError> {
        let unusable = |text: &str| KeyringError::Home(format!("{}: {text}", home.display()));
        let home = std::path::absolute(home).map_err(|error| unusable(&error.to_string()))?;
        check_length(&home)?;
        let meta = fs::metadata(&home).map_err(|error| {
            if is_passing(&error) {
                KeyringError::HomeUnreadable(format!("{}: {error}", home.display()))
            } else {
                unusable(&error.to_string())
            }
        })?;
        if !meta.is_dir() {
            return Err(unusable("not a folder"));
        }
        let ours = rustix::process::geteuid().as_raw();
        if meta.uid() != ours {
            let (owner, ours) = (user_name(meta.uid()), user_name(ours));
            return Err(unusable(&format!(
                "it belongs to {owner}, and this runs as {ours}: run it as {owner}, such as by \
                 `runuser -u {owner} -- …`"
            )));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(KeyringError::HomeOpen(meta.mode() & 0o7777));
        }
        Ok(Keyring { home })
    }

    /// Creates a home with mode 0700 and settings that fetch nothing. `home` must be absent or an
    /// empty folder.
    ///
    /// # Errors
    /// The errors of [`Keyring::open`]; the folder is not empty; the disk fails.
    pub fn create(home: &Path) -> Result<Keyring, KeyringError> {
        let unusable = |text: String| KeyringError::Home(format!("{}: {text}", home.display()));
        let io = |error: std::io::Error| unusable(error.to_string());
        let home = std::path::absolute(home).map_err(io)?;
        check_length(&home)?;
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&home)
            .map_err(io)?;
        if fs::read_dir(&home).map_err(io)?.next().is_some() {
            return Err(unusable("not empty".into()));
        }
        fs::set_permissions(&home, Permissions::from_mode(0o700)).map_err(io)?;
        Keyring::complete(&home)
    }

    /// Opens a home of ours, and writes those of its settings that are missing: whoever made it was
    /// interrupted, or made it by hand.
    ///
    /// # Errors
    /// The errors of [`Keyring::open`]; the disk fails.
    pub fn complete(home: &Path) -> Result<Keyring, KeyringError> {
        let keyring = Keyring::open(home)?;
        for (name, text) in [("gpg.conf", GPG_CONF), ("gpg-agent.conf", AGENT_CONF)] {
            let path = keyring.home.join(name);
            if !path.exists() {
                fs::write(&path, text)
                    .map_err(|error| KeyringError::Home(format!("{}: {error}", path.display())))?;
            }
        }
        Ok(keyring)
    }

    /// The absolute path of the home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Generates a key without passphrase or expiry: Ed25519 to sign, Curve25519 to encrypt.
    ///
    /// # Errors
    /// GnuPG fails.
    pub fn generate(&self, user_id: &str) -> Result<Fingerprint, KeyringError> {
        let flags = CreateKeyFlags::NOPASSWD | CreateKeyFlags::NOEXPIRE | CreateKeyFlags::FORCE;
        self.run_within(GENERATE_TIMEOUT, |context| {
            let made =
                context.create_key_with_flags(user_id, "future-default", Duration::ZERO, flags)?;
            Fingerprint::parse(made.fingerprint().unwrap_or_default())
                .map_err(|_| KeyringError::KeyInvalid)
        })
    }

    /// The public key in ASCII armour, for an administrator to register.
    ///
    /// # Errors
    /// The key is unknown, or GnuPG fails.
    pub fn export(&self, fingerprint: Fingerprint) -> Result<Vec<u8>, KeyringError> {
        self.run(|context| {
            context.set_armor(true);
            let mut out = Vec::new();
            context.export([fingerprint.to_string()], ExportMode::MINIMAL, &mut out)?;
            if out.is_empty() {
                Err(KeyringError::KeyUnknown)
            } else {
                Ok(out)
            }
        })
    }

    /// Imports the one public key in `file`, armoured or binary, and returns its fingerprint. A
    /// file that is refused changes nothing. Importing a known key updates it with revocations and
    /// new subkeys.
    ///
    /// # Errors
    /// No key or several; a secret key, or our own; a key that is revoked, expired, disabled, weak,
    /// or that cannot both sign and encrypt; GnuPG fails.
    pub fn import(&self, file: &[u8]) -> Result<Fingerprint, KeyringError> {
        if file.len() > IMPORT_MAX {
            return Err(KeyringError::Gpg(format!(
                "a file of more than {IMPORT_MAX} bytes is no single key"
            )));
        }
        let found = self.run(|context| {
            let keys = context.read_keys(file)?;
            Ok(keys.collect::<Result<Vec<Key>, _>>()?)
        })?;
        let is_secret =
            |key: &Key| key.has_secret() || key.subkeys().any(|subkey| subkey.is_secret());
        if found.iter().any(is_secret) || names_secret(file) {
            return Err(KeyringError::KeySecret);
        }
        let [key] = found.as_slice() else {
            return Err(KeyringError::KeyCount(found.len()));
        };
        let fingerprint = check_fit(key)?;
        if self.own(fingerprint).is_ok() {
            return Err(KeyringError::KeyOwn);
        }
        self.run(|context| {
            let result = context.import(file)?;
            if result.secret_considered() > 0 {
                return Err(KeyringError::KeySecret);
            }
            Ok(())
        })?;
        self.peer(fingerprint)?;
        Ok(fingerprint)
    }

    /// A peer's key that is now fit to verify with and to encrypt to.
    ///
    /// # Errors
    /// The key is unknown, revoked, expired, disabled, invalid, or cannot do both; GnuPG fails.
    pub fn peer(&self, fingerprint: Fingerprint) -> Result<CheckedKey, KeyringError> {
        self.find(fingerprint, false)
    }

    /// A key of ours that is now fit to sign and decrypt with. Its secret half is in this home.
    ///
    /// # Errors
    /// The errors of [`Keyring::peer`]; [`KeyringError::SecretUnknown`] if the secret half is
    /// missing; [`KeyringError::KeyPassphrase`] if it is under a passphrase.
    pub fn own(&self, fingerprint: Fingerprint) -> Result<CheckedKey, KeyringError> {
        let own = self.find(fingerprint, true)?;
        if self.is_protected(&own.key) {
            return Err(KeyringError::KeyPassphrase(format!(
                "gpg --homedir {} --change-passphrase {fingerprint}",
                self.home.display()
            )));
        }
        Ok(own)
    }

    /// The keys that have their secret half in this home and are now fit for use.
    ///
    /// # Errors
    /// GnuPG fails.
    pub fn own_keys(&self) -> Result<Vec<Fingerprint>, KeyringError> {
        let keys = self.run(|context| {
            let found = context.find_secret_keys(None::<String>)?;
            Ok(found.collect::<Result<Vec<Key>, _>>()?)
        })?;
        Ok(keys.iter().filter_map(|key| check_fit(key).ok()).collect())
    }

    /// Whether a passphrase protects a part of the key that signs or decrypts. The agent's files say
    /// so: the agent itself would use a passphrase that it remembers for minutes, and a daemon would
    /// fail later.
    fn is_protected(&self, key: &Key) -> bool {
        let folder = self.home.join(SECRET_KEYS);
        let mut usable = key
            .subkeys()
            .filter(|subkey| !subkey.is_bad() && (subkey.can_sign() || subkey.can_encrypt()));
        usable.any(|subkey| {
            let Ok(grip) = subkey.keygrip() else {
                return false;
            };
            let mut text = Vec::new();
            let opened = fs::File::open(folder.join(format!("{grip}.key")));
            opened.is_ok_and(|file| {
                file.take(SECRET_KEY_MAX).read_to_end(&mut text).is_ok()
                    && text.windows(PROTECTED.len()).any(|part| part == PROTECTED)
            })
        })
    }

    /// Why there is no secret key of this name: whose home was read, and what it has.
    fn secret_unknown(&self, fingerprint: Fingerprint) -> KeyringError {
        let user = user_name(rustix::process::geteuid().as_raw());
        let home = self.home.display();
        let has = match self.own_keys().unwrap_or_default().as_slice() {
            [] => "it has none".to_owned(),
            own => format!("it has {}", names(own)),
        };
        KeyringError::SecretUnknown(format!(
            "{fingerprint} in {home}, which {user} reads: {has}. A key that another user made, root \
             say, lies in that user's own keyring: make it in this home, as {user}"
        ))
    }

    /// Whether the public half of a key is fit now, and until when. Needs no agent. A key that is
    /// not there is looked for twice.
    pub fn state(&self, fingerprint: Fingerprint) -> KeyState {
        match twice_if_unknown(|| self.get(fingerprint, false)) {
            Ok(key) => KeyState {
                fit: fit_as(&key, fingerprint),
                until: end(&key),
            },
            Err(error) => KeyState {
                fit: Err(error),
                until: None,
            },
        }
    }

    /// Deletes a public key. Succeeds if there is none.
    ///
    /// # Errors
    /// The secret half of the key is in this home; GnuPG fails.
    pub fn delete(&self, fingerprint: Fingerprint) -> Result<(), KeyringError> {
        self.run(|context| {
            let key = match context.get_key(fingerprint.to_string()) {
                Ok(key) => key,
                Err(error) if is_missing(error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            match context.delete_key_with_flags(&key, DeleteKeyFlags::FORCE) {
                Err(error) if error.code() == gpgme::Error::CONFLICT.code() => {
                    Err(KeyringError::KeyOwn)
                }
                other => Ok(other?),
            }
        })
    }

    /// Stops the agent that GnuPG started for this home, and waits at most 2 s for its end. Daemons
    /// call it last. The next call that needs an agent starts one.
    ///
    /// # Errors
    /// `gpgconf` is missing, fails, or is not done in time.
    pub fn stop(&self) -> Result<(), KeyringError> {
        self.stop_by(Instant::now() + STOP_TIMEOUT)
    }

    /// As [`Keyring::stop`], and waits until `deadline`.
    ///
    /// # Errors
    /// As [`Keyring::stop`].
    pub fn stop_by(&self, deadline: Instant) -> Result<(), KeyringError> {
        let failed = |text: String| KeyringError::Gpg(format!("gpgconf: {text}"));
        let mut command = Command::new("gpgconf");
        command
            .arg("--homedir")
            .arg(&self.home)
            .args(["--kill", "all"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        loop {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(failed(status.to_string())),
                Ok(None) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(2))
                }
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(KeyringError::Timeout);
                }
            }
        }
    }

    fn find(&self, fingerprint: Fingerprint, secret: bool) -> Result<CheckedKey, KeyringError> {
        let key = self.get(fingerprint, secret)?;
        fit_as(&key, fingerprint)?;
        Ok(CheckedKey { fingerprint, key })
    }

    fn get(&self, fingerprint: Fingerprint, secret: bool) -> Result<Key, KeyringError> {
        let name = fingerprint.to_string();
        let found = self.run(|context| {
            let found = if secret {
                context.get_secret_key(name)
            } else {
                context.get_key(name)
            };
            match found {
                Ok(key) => Ok(key),
                // An error in here, so that a lack of time counts before it: GPG that was ended
                // finds nothing.
                Err(error) if is_missing(error) => Err(KeyringError::KeyUnknown),
                Err(error) => Err(error.into()),
            }
        });
        match found {
            Err(KeyringError::KeyUnknown) if secret => Err(self.secret_unknown(fingerprint)),
            other => other,
        }
    }

    /// Runs one operation with a new context of this home, under [`GPG_TIMEOUT`] and a limit of
    /// processor time. Threads cannot share contexts.
    fn run<T: Send>(
        &self,
        work: impl FnOnce(&mut Context) -> Result<T, KeyringError> + Send,
    ) -> Result<T, KeyringError> {
        self.run_within(GPG_TIMEOUT, work)
    }

    /// As [`Keyring::run`], with another time limit.
    fn run_within<T: Send>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut Context) -> Result<T, KeyringError> + Send,
    ) -> Result<T, KeyringError> {
        let (result, late) = watch::run_with_timeout(&self.home, limit, || {
            let mut context = Context::from_protocol(Protocol::OpenPgp)?;
            context.set_engine_home_dir(self.home.as_os_str().as_bytes())?;
            context.set_offline(true);
            context.set_key_list_mode(KeyListMode::LOCAL)?;
            // A key with a passphrase makes the call fail instead of asking for it.
            context.set_pinentry_mode(PinentryMode::Error)?;
            work(&mut context)
        })
        .map_err(|error| KeyringError::Gpg(format!("no thread to call gpg from: {error}")))?;
        if late && result.is_err() {
            Err(KeyringError::Timeout)
        } else {
            result
        }
    }
}

/// Runs `work`, which uses a home, and stops the agent afterwards if none ran before. So a check of
/// a configuration leaves no agent behind, and does not stop that of a running daemon.
pub fn leave_agent<T>(home: &Path, work: impl FnOnce() -> T) -> T {
    let had_agent = UnixStream::connect(home.join(AGENT_SOCKET)).is_ok();
    let done = work();
    if !had_agent && let Ok(keyring) = Keyring::open(home) {
        // An agent that does not stop does not change the result.
        let _ = keyring.stop();
    }
    done
}

fn check_length(home: &Path) -> Result<(), KeyringError> {
    let length = home.as_os_str().len();
    if length > HOME_MAX {
        Err(KeyringError::HomeTooLong(length))
    } else {
        Ok(())
    }
}

/// A user's name, or the number where the system knows none.
fn user_name(user: u32) -> String {
    let known = uzers::get_user_by_uid(user);
    known.map_or_else(
        || format!("user {user}"),
        |known| known.name().to_string_lossy().into_owned(),
    )
}

fn names(keys: &[Fingerprint]) -> String {
    let names: Vec<String> = keys.iter().map(Fingerprint::to_string).collect();
    names.join(", ")
}

fn is_missing(error: gpgme::Error) -> bool {
    [
        gpgme::Error::EOF.code(),
        gpgme::Error::NO_PUBKEY.code(),
        gpgme::Error::NO_SECKEY.code(),
    ]
    .contains(&error.code())
}

/// Looks again if a key seems not to be there: GPGME says so, too, when gpg was killed.
fn twice_if_unknown<T>(
    mut look: impl FnMut() -> Result<T, KeyringError>,
) -> Result<T, KeyringError> {
    match look() {
        Err(KeyringError::KeyUnknown) => look(),
        found => found,
    }
}

/// Checks that the key is fit for use now, and is that of this fingerprint.
fn fit_as(key: &Key, fingerprint: Fingerprint) -> Result<(), KeyringError> {
    // GnuPG also finds a key by the fingerprints of its subkeys. Only that of the primary key counts.
    if check_fit(key)? == fingerprint {
        Ok(())
    } else {
        Err(KeyringError::KeyUnknown)
    }
}

/// When a key ends: with its primary key, or with the last of its subkeys that can sign or encrypt.
fn end(key: &Key) -> Option<Timestamp> {
    let millis = |time: SystemTime| {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    };
    // `None` is later than any time.
    let last = |can: fn(&Subkey<'_>) -> bool| {
        let usable = key.subkeys().filter(|subkey| {
            can(subkey) && !subkey.is_revoked() && !subkey.is_disabled() && !subkey.is_invalid()
        });
        let mut ends: Vec<_> = usable.map(|subkey| subkey.expiration_time()).collect();
        ends.sort();
        match ends.first() {
            Some(None) | None => None,
            Some(Some(_)) => ends.last().copied().flatten(),
        }
    };
    let primary = key
        .primary_key()
        .and_then(|primary| primary.expiration_time());
    let ends = [
        primary,
        last(|it| it.can_sign()),
        last(|it| it.can_encrypt()),
    ];
    ends.into_iter().flatten().min().map(millis)
}

/// Checks that the key is fit for use now, and returns its fingerprint.
fn check_fit(key: &Key) -> Result<Fingerprint, KeyringError> {
    check_use(key).map_err(|error| match error {
        // GnuPG knows no self-signature of the future, and so finds such a key invalid.
        KeyringError::KeyInvalid | KeyringError::CannotSign | KeyringError::CannotEncrypt
            if is_of_the_future(key) =>
        {
            KeyringError::KeyFuture
        }
        other => other,
    })
}

/// Whether a part of the key was made after now.
fn is_of_the_future(key: &Key) -> bool {
    let now = SystemTime::now();
    key.subkeys()
        .any(|subkey| subkey.creation_time().is_some_and(|made| made > now))
}

fn check_use(key: &Key) -> Result<Fingerprint, KeyringError> {
    if key.is_revoked() {
        return Err(KeyringError::KeyRevoked);
    }
    if key.is_expired() {
        return Err(KeyringError::KeyExpired);
    }
    if key.is_disabled() {
        return Err(KeyringError::KeyDisabled);
    }
    if key.is_bad() {
        return Err(KeyringError::KeyInvalid);
    }
    let usable = || key.subkeys().filter(|subkey| !subkey.is_bad());
    if !usable().any(|subkey| subkey.can_sign()) {
        return Err(KeyringError::CannotSign);
    }
    if !usable().any(|subkey| subkey.can_encrypt()) {
        return Err(KeyringError::CannotEncrypt);
    }
    for subkey in usable() {
        use gpgme::KeyAlgorithm as A;
        let counted = matches!(
            subkey.algorithm(),
            A::Rsa | A::RsaEncrypt | A::RsaSign | A::ElgamalEncrypt | A::Dsa | A::Elgamal
        );
        if counted && subkey.length() < BITS_MIN {
            return Err(KeyringError::KeyWeak(subkey.length()));
        }
    }
    Fingerprint::parse(key.fingerprint().unwrap_or_default()).map_err(|_| KeyringError::KeyInvalid)
}

/// Whether the file holds a secret key. Armour says so in its first line; in a binary file the
/// first packet has tag 5.
fn names_secret(file: &[u8]) -> bool {
    let armour = b"-----BEGIN PGP PRIVATE KEY BLOCK-----";
    let binary = file.first().is_some_and(|tag| match tag {
        0xc0.. => tag & 0x3f == 5,
        0x80.. => (tag >> 2) & 0x0f == 5,
        _ => false,
    });
    binary || file.windows(armour.len()).any(|window| window == armour)
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
