//! spec/link/keyring.md · 3.1.5 Worker Management
//!
//! Real GnuPG and real keys: what is refused, and with which error.

use super::testing::{TempHome, parties};
use super::*;
use crate::model::Timestamp;
use KeyringError as E;

const WINDOW: Duration = Duration::from_secs(60);

fn master_home() -> TempHome {
    parties()
        .master
        .home(&[&parties().worker, &parties().stranger])
}

/// The master's result of opening a message that should be the worker's.
fn opened_in(master: &TempHome, message: &[u8], now: Timestamp) -> Result<Vec<u8>, E> {
    let own = master.keyring.own(parties().master.fingerprint)?;
    let peer = master.keyring.peer(parties().worker.fingerprint)?;
    let plain = master
        .keyring
        .decrypt_and_verify(&own, &peer, message, now, WINDOW)?;
    Ok(plain.to_vec())
}

fn opened(message: &[u8], now: Timestamp) -> Result<Vec<u8>, E> {
    opened_in(&master_home(), message, now)
}

fn worker_home() -> TempHome {
    parties()
        .worker
        .home(&[&parties().master, &parties().stranger])
}

fn sealed(home: &TempHome) -> Vec<u8> {
    let own = home.keyring.own(parties().worker.fingerprint).unwrap();
    let peer = home.keyring.peer(parties().master.fingerprint).unwrap();
    home.keyring.sign_and_encrypt(&own, &peer, b"text").unwrap()
}

#[test]
fn a_message_is_accepted_within_the_window() {
    let message = sealed(&worker_home());
    let now = Timestamp::now();
    assert_eq!(opened(&message, now), Ok(b"text".to_vec()));
    assert_eq!(
        opened(&message, Timestamp(now.0 + 55_000)),
        Ok(b"text".to_vec())
    );
    assert!(matches!(
        opened(&message, Timestamp(now.0 + 65_000)),
        Err(E::SignatureStale(62_000..))
    ));
    assert!(matches!(
        opened(&message, Timestamp(now.0 - 65_000)),
        Err(E::SignatureStale(..=-62_000))
    ));
}

#[test]
fn unsigned_unencrypted_and_too_large_messages_are_refused() {
    let home = worker_home();
    let (worker, master) = (
        parties().worker.fingerprint.to_string(),
        parties().master.fingerprint.to_string(),
    );
    let stranger = parties().stranger.fingerprint.to_string();
    let now = Timestamp::now();
    let encrypt = [
        "--trust-model",
        "always",
        "--encrypt",
        "--recipient",
        &master,
    ];
    let sign = ["--sign", "--local-user", &worker];
    let refused = |extra: &[&str], text: &[u8]| opened(&home.gpg(extra, text), now).unwrap_err();

    assert_eq!(refused(&encrypt, b"text"), E::Unsigned);
    assert_eq!(
        refused(&["--sign", "--local-user", &worker], b"text"),
        E::NotEncrypted
    );
    assert_eq!(
        refused(&["--clear-sign", "--local-user", &worker], b"text"),
        E::NotEncrypted
    );
    let both = [&encrypt[..], &sign[..]].concat();
    assert_eq!(
        refused(&[&both[..], &["--recipient", &stranger]].concat(), b"text"),
        E::NotForUs
    );
    assert_eq!(
        refused(&[&both[..], &["--throw-keyids"]].concat(), b"text"),
        E::NotForUs
    );
    let to_stranger = [
        "--trust-model",
        "always",
        "--encrypt",
        "--recipient",
        &stranger,
    ];
    assert_eq!(
        refused(&[&to_stranger[..], &sign[..]].concat(), b"text"),
        E::NotForUs
    );
    assert_eq!(opened(b"", now), Err(E::NotEncrypted));
    assert_eq!(opened(b"text", now), Err(E::NotEncrypted));
    assert_eq!(opened(&[0; MESSAGE_MAX + 1], now), Err(E::TooLarge));
    // A few hundred bytes that decompress to a megabyte.
    let packed = home.gpg(&both, &[0; 1 << 20]);
    assert!(packed.len() < MESSAGE_MAX);
    assert_eq!(opened(&packed, now), Err(E::TooLarge));
}

#[test]
fn other_and_second_signatures_are_refused() {
    let master = parties().master.fingerprint.to_string();
    let encrypt = [
        "--trust-model",
        "always",
        "--encrypt",
        "--recipient",
        &master,
        "--sign",
    ];
    let now = Timestamp::now();

    let stranger = parties()
        .stranger
        .home(&[&parties().master, &parties().worker]);
    let message = stranger.gpg(&encrypt, b"text");
    assert_eq!(
        opened(&message, now),
        Err(E::WrongSigner(Some(parties().stranger.fingerprint)))
    );

    let unknown = TempHome::new();
    unknown.keyring.import(&parties().master.public).unwrap();
    let key = unknown.keyring.generate("unknown").unwrap();
    assert_eq!(
        opened(&unknown.gpg(&encrypt, b"text"), now),
        Err(E::WrongSigner(Some(key)))
    );

    let second = unknown.keyring.generate("second").unwrap();
    let second = [
        "--local-user",
        "unknown",
        "--local-user",
        &second.to_string(),
    ]
    .map(str::to_owned);
    let twice: Vec<&str> = encrypt
        .iter()
        .copied()
        .chain(second.iter().map(String::as_str))
        .collect();
    assert_eq!(
        opened(&unknown.gpg(&twice, b"text"), now),
        Err(E::ManySignatures)
    );
}

#[test]
fn a_changed_message_is_refused() {
    let (master, message) = (master_home(), sealed(&worker_home()));
    for at in (0..message.len()).step_by(17) {
        let mut changed = message.clone();
        changed[at] ^= 1;
        assert!(
            opened_in(&master, &changed, Timestamp::now()).is_err(),
            "byte {at}"
        );
    }
    for length in (0..message.len()).step_by(29) {
        assert!(
            opened_in(&master, &message[..length], Timestamp::now()).is_err(),
            "length {length}"
        );
    }
}

#[test]
fn a_signing_subkey_counts_as_its_primary_key() {
    let worker = TempHome::new();
    let fingerprint = worker.keyring.generate("worker with a subkey").unwrap();
    worker.gpg(
        &[
            "--passphrase",
            "",
            "--quick-add-key",
            &fingerprint.to_string(),
            "ed25519",
            "sign",
        ],
        b"",
    );
    worker.keyring.import(&parties().master.public).unwrap();
    let master = parties().master.home(&[]);
    master
        .keyring
        .import(&worker.keyring.export(fingerprint).unwrap())
        .unwrap();

    let own = worker.keyring.own(fingerprint).unwrap();
    let to = worker.keyring.peer(parties().master.fingerprint).unwrap();
    let message = worker.keyring.sign_and_encrypt(&own, &to, b"text").unwrap();
    let own = master.keyring.own(parties().master.fingerprint).unwrap();
    let peer = master.keyring.peer(fingerprint).unwrap();
    let plain = master
        .keyring
        .decrypt_and_verify(&own, &peer, &message, Timestamp::now(), WINDOW)
        .unwrap();
    assert_eq!(plain.as_slice(), b"text");
    // The fingerprint of a subkey is not a name.
    let subkey = peer.key.subkeys().last().unwrap().fingerprint().unwrap();
    let subkey = Fingerprint::parse(subkey).unwrap();
    assert_ne!(subkey, fingerprint);
    assert_eq!(master.keyring.peer(subkey).unwrap_err(), E::KeyUnknown);
}

#[test]
fn a_key_of_the_future_waits_for_the_clock() {
    let home = TempHome::new();
    home.set_clock("20900101T000000");
    let fingerprint = home.keyring.generate("early").unwrap();
    let conf = home.keyring.home().join("gpg.conf");
    let text = fs::read_to_string(&conf).unwrap();
    let kept: Vec<&str> = text.lines().filter(|l| !l.contains("faked")).collect();
    fs::write(conf, kept.join("\n") + "\n").unwrap();
    let error = home.keyring.own(fingerprint).unwrap_err();
    assert_eq!(error, E::KeyFuture);
    assert!(error.is_passing());
    assert!(!E::KeyUnknown.is_passing());
}

#[test]
fn revoked_expired_and_disabled_keys_are_refused() {
    let worker = TempHome::new();
    let fingerprint = worker.keyring.generate("short-lived").unwrap();
    let public = worker.keyring.export(fingerprint).unwrap();
    let master = parties().master.home(&[]);
    master.keyring.import(&public).unwrap();

    // Disabled: an administrator sets a flag in the master's home.
    master.gpg(
        &["--import-ownertrust"],
        format!("{fingerprint}:130:\n").as_bytes(),
    );
    assert_eq!(
        master.keyring.peer(fingerprint).unwrap_err(),
        E::KeyDisabled
    );
    master.gpg(
        &["--import-ownertrust"],
        format!("{fingerprint}:2:\n").as_bytes(),
    );
    assert!(master.keyring.peer(fingerprint).is_ok());

    // Expired: the owner's expiry date has passed.
    let later = parties().master.home(&[]);
    worker.gpg(&["--quick-set-expire", &fingerprint.to_string(), "1d"], b"");
    let ending = worker.keyring.export(fingerprint).unwrap();
    later.keyring.import(&ending).unwrap();
    later.set_clock("20380101T000000");
    assert_eq!(later.keyring.peer(fingerprint).unwrap_err(), E::KeyExpired);
    later.keyring.delete(fingerprint).unwrap();
    assert_eq!(later.keyring.import(&ending), Err(E::KeyExpired));
    assert_eq!(later.keyring.peer(fingerprint).unwrap_err(), E::KeyUnknown);

    // Revoked: GnuPG stores a certificate with each new key. Remove the colon that disarms it.
    let path = worker
        .keyring
        .home()
        .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
    let certificate = fs::read_to_string(path)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    master.gpg(&["--import"], certificate.as_bytes());
    assert_eq!(master.keyring.peer(fingerprint).unwrap_err(), E::KeyRevoked);
    worker.gpg(&["--import"], certificate.as_bytes());
    let revoked = worker.keyring.export(fingerprint).unwrap();
    assert_eq!(
        parties().master.home(&[]).keyring.import(&revoked),
        Err(E::KeyRevoked)
    );
}

#[test]
fn signatures_of_a_key_that_expires_or_is_revoked_later_are_refused() {
    let master = parties().master.home(&[]);
    let worker = TempHome::new();
    let fingerprint = worker.keyring.generate("short-lived").unwrap();
    master
        .keyring
        .import(&worker.keyring.export(fingerprint).unwrap())
        .unwrap();
    worker.keyring.import(&parties().master.public).unwrap();
    let own = worker.keyring.own(fingerprint).unwrap();
    let to = worker.keyring.peer(parties().master.fingerprint).unwrap();
    let message = worker.keyring.sign_and_encrypt(&own, &to, b"text").unwrap();
    // Looked up before the revocation is imported, used after.
    let own = master.keyring.own(parties().master.fingerprint).unwrap();
    let peer = master.keyring.peer(fingerprint).unwrap();
    let path = worker
        .keyring
        .home()
        .join(format!("openpgp-revocs.d/{fingerprint}.rev"));
    let certificate = fs::read_to_string(path)
        .unwrap()
        .replace(":-----BEGIN", "-----BEGIN");
    master.gpg(&["--import"], certificate.as_bytes());
    let opened = master
        .keyring
        .decrypt_and_verify(&own, &peer, &message, Timestamp::now(), WINDOW);
    assert_eq!(opened.unwrap_err(), E::KeyRevoked);
}

#[test]
fn only_a_file_with_one_public_key_is_imported() {
    let home = TempHome::new();
    let import = |file: &[u8]| home.keyring.import(file).unwrap_err();
    let (worker, stranger) = (&parties().worker, &parties().stranger);
    assert_eq!(
        import(&[&worker.public[..], &stranger.public].concat()),
        E::KeyCount(2)
    );
    assert!(matches!(import(b""), E::KeyCount(0) | E::Gpg(_)));
    assert!(matches!(import(b"no key"), E::KeyCount(0) | E::Gpg(_)));
    assert!(matches!(import(&vec![b'x'; IMPORT_MAX + 1]), E::Gpg(_)));

    let theirs = worker_home();
    let name = worker.fingerprint.to_string();
    let secret = [
        "--pinentry-mode",
        "loopback",
        "--passphrase",
        "",
        "--export-secret-keys",
        &name,
    ];
    let armoured = theirs.gpg(&[&["--armor"], &secret[..]].concat(), b"");
    assert_eq!(import(&theirs.gpg(&secret, b"")), E::KeySecret);
    assert_eq!(import(&armoured), E::KeySecret);
    let mixed = [&worker.public[..], &armoured].concat();
    assert_eq!(import(&mixed), E::KeySecret);
    assert_eq!(public_keys(&home), 0);

    // Both forms of a valid file, several times.
    assert_eq!(home.keyring.import(&worker.public), Ok(worker.fingerprint));
    assert_eq!(
        home.keyring.import(&theirs.gpg(&["--export", &name], b"")),
        Ok(worker.fingerprint)
    );
    assert_eq!(
        home.keyring.peer(worker.fingerprint).unwrap().fingerprint(),
        worker.fingerprint
    );
    assert_eq!(public_keys(&home), 1);
    assert_eq!(theirs.keyring.import(&worker.public), Err(E::KeyOwn));
}

fn public_keys(home: &TempHome) -> usize {
    let listed = home.gpg(&["--list-keys", "--with-colons"], b"");
    String::from_utf8(listed).unwrap().matches("pub:").count()
}

#[test]
fn keys_that_are_weak_or_cannot_encrypt_are_not_imported() {
    let (home, poor) = (TempHome::new(), TempHome::new());
    for (algorithm, error) in [("ed25519", E::CannotEncrypt), ("rsa1024", E::KeyWeak(1024))] {
        let name = format!("{algorithm} only");
        let generate = ["--passphrase", "", "--quick-generate-key", &name, algorithm];
        poor.gpg(&[&generate[..], &["default", "never"]].concat(), b"");
        if algorithm == "rsa1024" {
            let listed = poor.gpg(&["--with-colons", "--list-keys", &name], b"");
            let listed = String::from_utf8(listed).unwrap();
            let made = listed
                .lines()
                .find_map(|l| l.strip_prefix("fpr:::::::::"))
                .unwrap()
                .trim_matches(':')
                .to_owned();
            poor.gpg(
                &[
                    "--passphrase",
                    "",
                    "--quick-add-key",
                    &made,
                    "rsa1024",
                    "encr",
                ],
                b"",
            );
        }
        let file = poor.gpg(&["--export", &name], b"");
        assert_eq!(home.keyring.import(&file), Err(error), "{algorithm}");
    }
    assert_eq!(public_keys(&home), 0);
}

#[test]
fn keys_are_found_only_by_full_fingerprints() {
    // A fingerprint with the same end as the worker's finds nothing.
    let mut alike = *parties().worker.fingerprint.as_bytes();
    alike[0] ^= 1;
    let home = parties().master.home(&[&parties().worker]);
    assert_eq!(
        home.keyring
            .peer(Fingerprint::from_bytes(alike))
            .unwrap_err(),
        E::KeyUnknown
    );
    let why = home.keyring.own(parties().worker.fingerprint).unwrap_err();
    assert!(matches!(why, E::SecretUnknown(_)));
    let (text, path) = (why.to_string(), home.keyring.home().display().to_string());
    for part in [&path, &parties().master.fingerprint.to_string()] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(
        home.keyring.export(parties().stranger.fingerprint),
        Err(E::KeyUnknown)
    );
}

#[test]
fn our_own_key_cannot_be_deleted() {
    let home = parties().master.home(&[&parties().worker]);
    home.keyring.delete(parties().worker.fingerprint).unwrap();
    home.keyring.delete(parties().worker.fingerprint).unwrap();
    assert_eq!(
        home.keyring.peer(parties().worker.fingerprint).unwrap_err(),
        E::KeyUnknown
    );
    assert_eq!(
        home.keyring.delete(parties().master.fingerprint),
        Err(E::KeyOwn)
    );
    assert!(home.keyring.own(parties().master.fingerprint).is_ok());
}

#[test]
fn homes_have_short_paths_and_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let long = folder
        .path()
        .join("x".repeat(HOME_MAX - folder.path().as_os_str().len()));
    assert_eq!(
        Keyring::create(&long).unwrap_err(),
        E::HomeTooLong(HOME_MAX + 1)
    );
    assert!(!long.exists());
    let most = folder
        .path()
        .join("x".repeat(HOME_MAX - folder.path().as_os_str().len() - 1));
    let keyring = Keyring::create(&most).unwrap();
    assert!(keyring.generate("at the limit").is_ok());
    keyring.stop().unwrap();
    assert!(matches!(Keyring::create(&most), Err(E::Home(_))));
    assert!(matches!(
        Keyring::open(&folder.path().join("absent")),
        Err(E::Home(_))
    ));
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(matches!(
        Keyring::open(&folder.path().join("file")),
        Err(E::Home(_))
    ));
    for mode in [0o750, 0o701, 0o740] {
        fs::set_permissions(&most, Permissions::from_mode(mode)).unwrap();
        assert_eq!(Keyring::open(&most).unwrap_err(), E::HomeOpen(mode));
    }
}

#[test]
fn stopping_ends_the_agent() {
    let home = TempHome::new();
    home.keyring.stop().unwrap();
    home.keyring.generate("agent").unwrap();
    let socket = home.keyring.home().join("S.gpg-agent");
    let ask = || std::os::unix::net::UnixStream::connect(&socket);
    assert!(ask().is_ok());
    home.keyring.stop().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while ask().is_ok() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
}

#[test]
fn a_key_under_a_passphrase_is_found_although_the_agent_remembers_it() {
    let home = TempHome::new();
    let made = home.gpg(
        &[
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "secret",
            "--quick-generate-key",
            "guarded",
            "future-default",
            "default",
            "never",
        ],
        b"",
    );
    drop(made);
    let own = home.keyring.own_keys().unwrap();
    let [own] = own.as_slice() else {
        panic!("one key was made: {own:?}");
    };
    let why = home.keyring.own(*own).unwrap_err();
    assert!(matches!(&why, E::KeyPassphrase(command) if command.contains("--change-passphrase")));
    assert!(!why.is_passing());
}

#[test]
fn a_home_that_was_half_made_is_completed_and_keeps_its_key() {
    let home = TempHome::new();
    let key = home.keyring.generate("half").unwrap();
    fs::remove_file(home.keyring.home().join("gpg.conf")).unwrap();
    let again = Keyring::complete(home.keyring.home()).unwrap();
    assert_eq!(again.own_keys().unwrap(), [key]);
    assert!(home.keyring.home().join("gpg.conf").exists());
}

#[test]
fn a_key_of_ours_that_is_unfit_is_named() {
    let key = parties().master.fingerprint;
    let why = E::KeyExpired.of_key(OUR_KEY, key);
    let text = why.to_string();
    assert!(text.starts_with(&format!("our own key {key}: the key has expired; `gpg")));
    assert_eq!(why.as_str(), "key-expired");
    assert_eq!(E::Timeout.of_key(OUR_KEY, key), E::Timeout);
}

#[test]
fn a_key_that_seems_gone_is_looked_for_twice() {
    let look = |outcomes: Vec<Result<u8, E>>| {
        let mut outcomes = outcomes.into_iter();
        let found = twice_if_unknown(|| outcomes.next().unwrap());
        (found, outcomes.count())
    };
    // gpg was killed once.
    assert_eq!(look(vec![Err(E::KeyUnknown), Ok(7)]), (Ok(7), 0));
    let gone = vec![Err(E::KeyUnknown), Err(E::KeyUnknown), Ok(7)];
    assert_eq!(look(gone), (Err(E::KeyUnknown), 1));
    assert_eq!(look(vec![Ok(7), Ok(8)]), (Ok(7), 1));
    let late = vec![Err(E::Timeout), Ok(7)];
    assert_eq!(look(late), (Err(E::Timeout), 1));
}
