//! spec/link/handshake.md · 3.1.5 Worker Management (verify with gpg keys)
//!
//! The master's side of the handshake.
//!
//! Tests: `src/link/handshake/tests.rs`.

use super::budget::{GpgBudget, HandshakePermit};
use super::statement::{HandshakeTerms, Role, Transcript};
use super::{CLOCK_SKEW_MAX, FORM, HandshakeError, Nonce, ProvenLink, VERSION};
use super::{establish, next_frame, noise, random, read_noise, write_noise};
use crate::link::keyring::{CheckedKey, Keyring, KeyringError, OUR_KEY};
use crate::model::{Fingerprint, Timestamp};
use crate::wire::{FrameBuffer, Instruction, frame};
use snow::HandshakeState;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// A registered worker: an entry of the master's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredWorker {
    pub uuid: Uuid,
    /// The name that administrators use.
    pub name: String,
    /// Fingerprint of its key.
    pub fingerprint: Fingerprint,
}

/// Finds the worker that may link with this UUID from this address. Fails with
/// [`HandshakeError::UnknownUuid`] or [`HandshakeError::WrongIp`].
pub type WorkerLookup<'a> = &'a dyn Fn(Uuid, IpAddr) -> Result<RegisteredWorker, HandshakeError>;

/// A master's key, keyring and budget, shared by all its handshakes.
#[derive(Debug, Clone)]
pub struct MasterIdentity {
    keyring: Keyring,
    own: CheckedKey,
    budget: Arc<GpgBudget>,
}

impl MasterIdentity {
    /// A master with the key `own`, whose secret half is in `keyring`.
    ///
    /// # Errors
    /// The key is missing or unfit for use.
    pub fn new(
        keyring: Keyring,
        own: Fingerprint,
        budget: Arc<GpgBudget>,
    ) -> Result<MasterIdentity, HandshakeError> {
        let own = keyring.own(own).map_err(|why| why.of_key(OUR_KEY, own))?;
        Ok(MasterIdentity {
            keyring,
            own,
            budget,
        })
    }

    /// The GPG home with the keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// The budget for unproven peers.
    pub fn budget(&self) -> &Arc<GpgBudget> {
        &self.budget
    }

    /// Fingerprint of the master's key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.own.fingerprint()
    }
}

/// A registered worker that the peer claims to be, with the permit for its handshake.
#[derive(Debug)]
struct Claim {
    worker: RegisteredWorker,
    permit: HandshakePermit,
}

#[derive(Debug)]
enum State {
    Hello,
    Proof {
        claim: Claim,
        worker_nonce: Nonce,
        master_nonce: Nonce,
    },
    Noise {
        claim: Claim,
        noise: Box<HandshakeState>,
    },
    Finished,
}

/// A handshake on the master.
pub struct MasterHandshake<'a> {
    identity: &'a MasterIdentity,
    lookup: WorkerLookup<'a>,
    ip: IpAddr,
    buffer: FrameBuffer,
    transcript: Transcript,
    state: State,
}

impl std::fmt::Debug for MasterHandshake<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "handshake with {}, {:?}", self.ip, self.state)
    }
}

impl<'a> MasterHandshake<'a> {
    /// A handshake with a peer at `ip` that has not sent anything yet.
    pub fn new(
        identity: &'a MasterIdentity,
        lookup: WorkerLookup<'a>,
        ip: IpAddr,
    ) -> MasterHandshake<'a> {
        MasterHandshake {
            identity,
            lookup,
            ip: ip.to_canonical(),
            buffer: FrameBuffer::new(),
            transcript: Transcript::default(),
            state: State::Hello,
        }
    }

    /// Takes received bytes and appends the bytes to send to `out`. Returns the link once it is
    /// established. Blocks for tens of milliseconds while `gpg` runs.
    ///
    /// # Errors
    /// The handshake failed; the peer gets [`HandshakeError::public_reason`].
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Option<ProvenLink<RegisteredWorker>>, HandshakeError> {
        self.buffer.extend(bytes);
        loop {
            let due = match self.state {
                State::Hello => Instruction::LinkHello,
                State::Proof { .. } => Instruction::LinkProof,
                State::Noise { .. } => Instruction::LinkNoise2,
                State::Finished => return Err(FORM),
            };
            let Some((_, _, data)) = next_frame(&mut self.buffer, &[due])? else {
                return Ok(None);
            };
            match std::mem::replace(&mut self.state, State::Finished) {
                State::Hello => self.hello(&data, out)?,
                State::Proof {
                    claim,
                    worker_nonce,
                    master_nonce,
                } => {
                    self.proof(claim, worker_nonce, master_nonce, &data, now, out)?;
                }
                State::Noise { claim, noise } => return self.finish(claim, noise, &data).map(Some),
                State::Finished => return Err(FORM),
            }
        }
    }

    /// Checks UUID, address and budget, all before any cryptography.
    fn hello(&mut self, data: &[u8], out: &mut Vec<u8>) -> Result<(), HandshakeError> {
        let (version, rest) = data.split_first_chunk::<2>().ok_or(FORM)?;
        let version = u16::from_be_bytes(*version);
        if version != VERSION {
            return Err(HandshakeError::Version(version));
        }
        let (uuid, rest) = rest.split_first_chunk::<16>().ok_or(FORM)?;
        let worker_nonce = Nonce::try_from(rest).map_err(|_| FORM)?;
        let worker = (self.lookup)(Uuid::from_bytes(*uuid), self.ip)?;
        if worker.fingerprint == self.identity.fingerprint() {
            return Err(HandshakeError::SameKey);
        }
        let permit = self.identity.budget.enter(worker.uuid, Instant::now())?;
        let master_nonce = *random()?;
        self.transcript.add(Instruction::LinkHello, data);
        self.transcript
            .add(Instruction::LinkChallenge, &master_nonce);
        frame::write_binary(out, Instruction::LinkChallenge, &master_nonce);
        self.state = State::Proof {
            claim: Claim { worker, permit },
            worker_nonce,
            master_nonce,
        };
        Ok(())
    }

    /// Checks the worker's statement, and only then signs the master's.
    fn proof(
        &mut self,
        mut claim: Claim,
        worker_nonce: Nonce,
        master_nonce: Nonce,
        data: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), HandshakeError> {
        claim.permit.spend(Instant::now())?;
        let MasterIdentity { keyring, own, .. } = self.identity;
        let terms = HandshakeTerms {
            worker: claim.worker.uuid,
            master_key: own.fingerprint(),
            worker_key: claim.worker.fingerprint,
            worker_nonce,
            master_nonce,
        };
        let peer = keyring.peer(claim.worker.fingerprint)?;
        let statement = keyring
            .decrypt_and_verify(own, &peer, data, now, CLOCK_SKEW_MAX)
            .map_err(|error| match error {
                KeyringError::WrongSigner(signed) => HandshakeError::WrongKey {
                    name: claim.worker.name.clone(),
                    registered: claim.worker.fingerprint,
                    signed,
                },
                other => other.into(),
            })?;
        let worker_half = terms.check(Role::Worker, &self.transcript.before(), now, &statement)?;
        claim.permit.proven(Instant::now());
        self.transcript.add(Instruction::LinkProof, data);
        self.transcript.add_gpg(Role::Worker, data);

        let master_half = random()?;
        let statement = terms.state(Role::Master, &self.transcript.before(), now, &master_half);
        let answer = keyring.sign_and_encrypt(own, &peer, &statement)?;
        self.transcript.add_gpg(Role::Master, &answer);
        let secret = self.transcript.secret(&worker_half, &master_half);
        let mut noise = noise(true, &secret, &self.transcript.prologue())?;
        let mut message = u16::try_from(answer.len())
            .map_err(|_| FORM)?
            .to_be_bytes()
            .to_vec();
        message.extend_from_slice(&answer);
        message.extend_from_slice(&write_noise(&mut noise)?);
        frame::write_binary(out, Instruction::LinkNoise1, &message);
        self.state = State::Noise {
            claim,
            noise: Box::new(noise),
        };
        Ok(())
    }

    /// Checks that the worker knows the secret, and looks it up again: its registration
    /// may have ended or changed meanwhile.
    fn finish(
        &mut self,
        claim: Claim,
        mut noise: Box<HandshakeState>,
        data: &[u8],
    ) -> Result<ProvenLink<RegisteredWorker>, HandshakeError> {
        read_noise(&mut noise, data)?;
        let worker = (self.lookup)(claim.worker.uuid, self.ip)?;
        if worker.fingerprint != claim.worker.fingerprint {
            return Err(HandshakeError::Misdirected);
        }
        establish(*noise, worker, self.buffer.rest())
    }
}
