//! Keys, UUIDs and addresses that do not belong together, or no longer do.

use crate::rig::{IntruderRig, PATIENCE, Party, gpg};
use papertrader::link::handshake::{
    self, BudgetLimits, GpgBudget, MasterIdentity, RegisteredWorker, WorkerIdentity,
};
use papertrader::link::keyring::Keyring;
use papertrader::model::Fingerprint;
use papertrader::testkit::Place;
use ring::digest;
use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};
use uuid::Uuid;

/// The intruders.
pub struct Cast {
    unknown: Party,
    expired: (Party, Uuid),
    revoked: (Party, Uuid),
    pub one: (Party, Uuid),
    pub other: (Party, Uuid),
    elsewhere: (Party, Uuid),
    /// Two workers whose keys have the same user ID and the same short key ID.
    alike: [(Party, Uuid); 2],
    /// A worker, and an unregistered key that is alike in the same way.
    matched: ((Party, Uuid), Party),
}

impl Cast {
    pub fn make(rig: &IntruderRig) -> Cast {
        let enlisted = |name: &str, party: Party, ip: &str| {
            let uuid = rig.enlist(name, &party.home.export(party.key).unwrap(), ip);
            (party, uuid)
        };
        let listed = |name: &str, ip: &str| enlisted(name, rig.party(name), ip);
        // The owner's copy of the key is valid; the master's copy has expired, or is revoked.
        let spoilt = |name: &str, spoil: &dyn Fn(&Path, &str)| {
            let (party, uuid) = listed(name, "127.0.0.1");
            let copy = rig.deployment.dir().join(format!("{name}-copy"));
            let copied = Command::new("cp")
                .arg("-a")
                .args([party.home.home(), &copy])
                .status();
            assert!(copied.unwrap().success());
            spoil(&copy, &party.key.to_string());
            let public = gpg(&copy, &["--armor", "--export", &party.key.to_string()]);
            let file = rig.deployment.dir().join(format!("{name}.asc"));
            fs::write(&file, public).unwrap();
            gpg(
                rig.deployment.keyring(Place::Master).home(),
                &["--import", file.to_str().unwrap()],
            );
            end_agent(&copy);
            (party, uuid)
        };
        let [[first, second], [third, fourth]] = alike(rig);
        Cast {
            unknown: rig.party("unknown"),
            expired: spoilt("expired", &|home, key| {
                gpg(home, &["--quick-set-expire", key, "seconds=1"]);
                thread::sleep(Duration::from_millis(1100));
            }),
            revoked: spoilt("revoked", &|home, key| {
                let certificate = home.join(format!("openpgp-revocs.d/{key}.rev"));
                let text = fs::read_to_string(&certificate)
                    .unwrap()
                    .replace(":-----BEGIN", "-----BEGIN");
                fs::write(&certificate, text).unwrap();
                gpg(home, &["--import", certificate.to_str().unwrap()]);
            }),
            one: listed("one", "127.0.0.1"),
            other: listed("other", "127.0.0.1"),
            elsewhere: listed("elsewhere", "127.0.0.99"),
            alike: [
                enlisted("alike-1", first, "127.0.0.1"),
                enlisted("alike-2", second, "127.0.0.1"),
            ],
            matched: (enlisted("alike-3", third, "127.0.0.1"), fourth),
        }
    }
}

impl Cast {
    /// Workers that link honestly. A worker may make few links at once, so tests with many take
    /// turns.
    pub fn linking(&self, turn: usize) -> &(Party, Uuid) {
        let all = [&self.alike[0], &self.alike[1], &self.matched.0, &self.other];
        all[turn % all.len()]
    }
}

fn end_agent(home: &Path) {
    let _ = Command::new("gpgconf")
        .arg("--homedir")
        .arg(home)
        .args(["--kill", "all"])
        .status();
}

pub fn try_all(rig: &mut IntruderRig, cast: &Cast) {
    let refused = |rig: &mut IntruderRig, what: &str, party: &Party, uuid: Uuid, reason: &str| {
        assert!(rig.attempt(party, uuid).is_err(), "{what}: let in");
        rig.expect(what, reason);
    };
    let (one, other) = (&cast.one, &cast.other);
    refused(
        rig,
        "a UUID that nobody has",
        &cast.unknown,
        Uuid::new_v4(),
        "unknown-uuid",
    );
    refused(
        rig,
        "an unknown key under a stolen UUID",
        &cast.unknown,
        one.1,
        "signature-of-another-key",
    );
    refused(
        rig,
        "two workers' keys swapped",
        &one.0,
        other.1,
        "signature-of-another-key",
    );
    refused(
        rig,
        "the right key from the wrong IP",
        &cast.elsewhere.0,
        cast.elsewhere.1,
        "wrong-ip",
    );
    refused(
        rig,
        "a key that is expired",
        &cast.expired.0,
        cast.expired.1,
        "key-expired",
    );
    refused(
        rig,
        "a key that is revoked",
        &cast.revoked.0,
        cast.revoked.1,
        "key-revoked",
    );

    // The full fingerprint decides, also where two keys share a user ID and a short key ID.
    let [first, second] = &cast.alike;
    let short = |party: &Party| party.key.to_string()[32..].to_owned();
    assert!(first.0.key != second.0.key && short(&first.0) == short(&second.0));
    let listing = gpg(
        rig.deployment.keyring(Place::Master).home(),
        &["--with-colons", "--list-keys", &short(&first.0)],
    );
    let found = String::from_utf8(listing).unwrap();
    assert_eq!(
        found
            .lines()
            .filter(|line| line.starts_with("pub:"))
            .count(),
        2,
        "{found}"
    );
    let what = "the key of another worker, with the same short ID and name";
    refused(rig, what, &second.0, first.1, "signature-of-another-key");
    refused(rig, what, &first.0, second.1, "signature-of-another-key");
    let what = "an unknown key with a worker's short ID and name";
    refused(
        rig,
        what,
        &cast.matched.1,
        cast.matched.0.1,
        "signature-of-another-key",
    );
    for (party, uuid) in [first, second, &cast.matched.0] {
        let link = rig.attempt(party, *uuid);
        assert!(link.is_ok(), "the right one of two keys alike: {link:?}");
        drop(link);
        rig.expect(
            "the right one of two keys alike links, and ends without a word",
            "record-cut",
        );
    }
    false_master(rig, cast);
}

/// A worker's key used as the master's: the worker refuses it.
fn false_master(rig: &IntruderRig, cast: &Cast) {
    let (impostor, victim) = (&cast.one.0, &cast.other.0);
    impostor
        .home
        .import(&victim.home.export(victim.key).unwrap())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let budget = GpgBudget::new(BudgetLimits::default());
    let side = MasterIdentity::new(impostor.home.clone(), impostor.key, budget).unwrap();
    let identity = RegisteredWorker {
        uuid: cast.other.1,
        name: "other".into(),
        fingerprint: victim.key,
    };
    let served = thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        let lookup = move |_: Uuid, _: IpAddr| Ok(identity.clone());
        handshake::accept(&socket, &[], &side, &lookup, Instant::now() + PATIENCE).map(|_| ())
    });
    let master = rig.deployment.master_key();
    let side = WorkerIdentity::new(victim.home.clone(), victim.key, master, cast.other.1).unwrap();
    let socket = TcpStream::connect(address).unwrap();
    assert!(
        handshake::connect(&socket, &side, Instant::now() + PATIENCE).is_err(),
        "a false master was believed"
    );
    drop(socket);
    assert!(served.join().unwrap().is_err());
    println!("intruders: a worker's key used as the master's: refused by the worker");
}

// --- keys alike
// ----------------------------------------------------------------------------------------

/// Creation times that are tried for each key: some twenty pairs of keys then share 32 bits.
const MOMENTS: u32 = 300_000;

/// Makes two pairs of keys, each pair with one user ID and one short key ID. That ID is the last 32
/// bits of the fingerprint, which is a hash over the key and its creation time. So the keys stay,
/// and their creation times are searched.
fn alike(rig: &IntruderRig) -> [[Party; 2]; 2] {
    let now = UNIX_EPOCH.elapsed().unwrap().as_secs() as u32;
    let (here, there) = (
        Material::make(rig, "alike-1"),
        Material::make(rig, "alike-2"),
    );
    let moments = (now - MOMENTS - 3600)..(now - 3600);
    let short = |material: &Material, moment| -> [u8; 4] {
        *material.fingerprint(moment).last_chunk().unwrap()
    };
    let of_first: HashMap<[u8; 4], u32> = moments
        .clone()
        .map(|moment| (short(&here, moment), moment))
        .collect();
    let mut pairs =
        moments.filter_map(|moment| Some((*of_first.get(&short(&there, moment))?, moment)));
    [0, 1].map(|_| {
        let (first, second) = pairs.next().expect("two keys alike among so many");
        [here.key(first), there.key(second)]
    })
}

/// A secret key, and the bytes that its fingerprint hashes.
struct Material {
    home: Keyring,
    grip: String,
    packet: Vec<u8>,
}

impl Material {
    fn make(rig: &IntruderRig, name: &str) -> Material {
        let home = Keyring::create(&rig.deployment.dir().join(name)).unwrap();
        rig.trust_master(&home);
        gpg(
            home.home(),
            &["--quick-gen-key", "scratch", "ed25519", "sign", "never"],
        );
        let listing = gpg(
            home.home(),
            &[
                "--with-colons",
                "--with-keygrip",
                "--list-secret-keys",
                "scratch",
            ],
        );
        let grip = String::from_utf8(listing)
            .unwrap()
            .lines()
            .find_map(|line| {
                line.strip_prefix("grp:::::::::")?
                    .strip_suffix(':')
                    .map(str::to_owned)
            })
            .unwrap();
        // The first packet is the key: a tag, a length of one byte, version, creation time, the
        // rest.
        let public = gpg(home.home(), &["--export", "scratch"]);
        assert_eq!((public[0], public[2]), (0x98, 4), "not a key as expected");
        let packet = public[2..2 + usize::from(public[1])].to_vec();
        Material { home, grip, packet }
    }

    /// The fingerprint of the key with this creation time.
    fn fingerprint(&self, moment: u32) -> [u8; 20] {
        let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        hash.update(&[0x99, 0, self.packet.len() as u8, self.packet[0]]);
        hash.update(&moment.to_be_bytes());
        hash.update(&self.packet[5..]);
        hash.finish().as_ref().try_into().unwrap()
    }

    /// The party that has the key with this creation time.
    fn key(&self, moment: u32) -> Party {
        let parameters = self.home.home().join("parameters");
        let grip = &self.grip;
        let text = format!(
            "%no-protection\nKey-Type: EDDSA\nKey-Grip: {grip}\nKey-Usage: sign\nSubkey-Type: ECDH\n\
             Subkey-Curve: cv25519\nSubkey-Usage: encrypt\nName-Real: alike\nCreation-Date: seconds={moment}\n\
             Expire-Date: 0\n%commit\n"
        );
        fs::write(&parameters, text).unwrap();
        gpg(
            self.home.home(),
            &["--gen-key", parameters.to_str().unwrap()],
        );
        let key = Fingerprint::parse(&hex::encode(self.fingerprint(moment))).unwrap();
        self.home.own(key).expect("the key as it was computed");
        Party {
            home: self.home.clone(),
            key,
        }
    }
}
