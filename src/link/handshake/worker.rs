//! spec/link/handshake.md · 3.2.1 Main Module (connect to master server and authorize with it)
//!
//! The worker's side of the handshake.
//!
//! Tests: `src/link/handshake/tests.rs`.

use super::error::master_version;
use super::statement::{HandshakeTerms, Role, Transcript};
use super::{CLOCK_SKEW_MAX, FORM, HandshakeError, Nonce, ProvenLink, VERSION};
use super::{NOISE_LEN, establish, next_frame, noise, random, read_noise, write_noise};
use crate::link::keyring::{CheckedKey, Keyring, KeyringError, MASTERS_KEY, OUR_KEY};
use crate::model::{Fingerprint, ProtocolFault, Timestamp};
use crate::wire::{FrameBuffer, FrameHeader, Instruction, frame};
use uuid::Uuid;

/// The most characters of the code and text of a refusal.
const TEXT_MAX: usize = 200;

/// A worker's keys and UUID, shared by all its handshakes.
#[derive(Debug, Clone)]
pub struct WorkerIdentity {
    keyring: Keyring,
    own: CheckedKey,
    master: Fingerprint,
    uuid: Uuid,
}

impl WorkerIdentity {
    /// The worker `uuid` with the key `own`, whose secret half is in `keyring`, and the key
    /// `master` of the one master that it links to.
    ///
    /// # Errors
    /// A key is missing or unfit for use, or both are the same.
    pub fn new(
        keyring: Keyring,
        own: Fingerprint,
        master: Fingerprint,
        uuid: Uuid,
    ) -> Result<WorkerIdentity, HandshakeError> {
        if own == master {
            return Err(HandshakeError::SameKey);
        }
        let own = keyring.own(own).map_err(|why| why.of_key(OUR_KEY, own))?;
        keyring
            .peer(master)
            .map_err(|why| why.of_key(MASTERS_KEY, master))?;
        Ok(WorkerIdentity {
            keyring,
            own,
            master,
            uuid,
        })
    }

    /// The GPG home with the keys.
    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Whether both keys are fit now.
    ///
    /// # Errors
    /// The first that is not, with its setting and why.
    pub fn check(&self) -> Result<(), String> {
        let (own, master) = (self.own.fingerprint(), self.master);
        let named = |setting: &str, key: Fingerprint, error: KeyringError| {
            format!("{setting} {key}: {error}")
        };
        self.keyring
            .own(own)
            .map_err(|error| named("gpg.key", own, error))?;
        self.keyring
            .peer(master)
            .map_err(|error| named("gpg.master_key", master, error))?;
        Ok(())
    }

    /// The fingerprint of the worker's own key.
    pub fn fingerprint(&self) -> Fingerprint {
        self.own.fingerprint()
    }

    /// The fingerprint of the key of the master that it links to.
    pub fn master(&self) -> Fingerprint {
        self.master
    }

    /// The worker's UUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }
}

#[derive(Debug, Clone, Copy)]
enum State {
    Challenge,
    /// Waits for the master's statement, which must be on these terms and this transcript.
    Answer,
    Finished,
}

/// A handshake on the worker.
#[derive(Debug)]
pub struct WorkerHandshake<'a> {
    identity: &'a WorkerIdentity,
    buffer: FrameBuffer,
    transcript: Transcript,
    state: State,
    terms: HandshakeTerms,
    secret_half: super::Secret,
}

impl<'a> WorkerHandshake<'a> {
    /// Begins a handshake: appends linkHello to `out`.
    ///
    /// # Errors
    /// The system's random source fails.
    pub fn start(
        identity: &'a WorkerIdentity,
        out: &mut Vec<u8>,
    ) -> Result<WorkerHandshake<'a>, HandshakeError> {
        let worker_nonce = *random()?;
        let mut hello = VERSION.to_be_bytes().to_vec();
        hello.extend_from_slice(identity.uuid.as_bytes());
        hello.extend_from_slice(&worker_nonce);
        let mut transcript = Transcript::default();
        transcript.add(Instruction::LinkHello, &hello);
        frame::write_binary(out, Instruction::LinkHello, &hello);
        let terms = HandshakeTerms {
            worker: identity.uuid,
            master_key: identity.master,
            worker_key: identity.own.fingerprint(),
            worker_nonce,
            master_nonce: Nonce::default(),
        };
        Ok(WorkerHandshake {
            identity,
            buffer: FrameBuffer::new(),
            transcript,
            state: State::Challenge,
            terms,
            secret_half: random()?,
        })
    }

    /// Takes received bytes and appends the bytes to send to `out`. Returns the link once it is
    /// established. Blocks for tens of milliseconds while `gpg` runs.
    ///
    /// # Errors
    /// The handshake failed.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<Option<ProvenLink<Fingerprint>>, HandshakeError> {
        self.buffer.extend(bytes);
        loop {
            let due = match self.state {
                State::Challenge => Instruction::LinkChallenge,
                State::Answer => Instruction::LinkNoise1,
                State::Finished => return Err(FORM),
            };
            let expected = [due, Instruction::LinkRefused, Instruction::ProtocolError];
            let Some((header, instruction, data)) = next_frame(&mut self.buffer, &expected)? else {
                return Ok(None);
            };
            if instruction != due {
                self.state = State::Finished;
                return Err(refused(instruction, &header, &data));
            }
            match std::mem::replace(&mut self.state, State::Finished) {
                State::Challenge => self.challenge(&data, now, out)?,
                State::Answer => return self.answer(&data, now, out).map(Some),
                State::Finished => return Err(FORM),
            }
        }
    }

    fn challenge(
        &mut self,
        data: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<(), HandshakeError> {
        self.terms.master_nonce = Nonce::try_from(data).map_err(|_| FORM)?;
        self.transcript.add(Instruction::LinkChallenge, data);
        let WorkerIdentity {
            keyring,
            own,
            master,
            ..
        } = self.identity;
        let statement = self.terms.state(
            Role::Worker,
            &self.transcript.before(),
            now,
            &self.secret_half,
        );
        let proof = keyring.sign_and_encrypt(own, &keyring.peer(*master)?, &statement)?;
        self.transcript.add(Instruction::LinkProof, &proof);
        self.transcript.add_gpg(Role::Worker, &proof);
        frame::write_binary(out, Instruction::LinkProof, &proof);
        self.state = State::Answer;
        Ok(())
    }

    fn answer(
        &mut self,
        data: &[u8],
        now: Timestamp,
        out: &mut Vec<u8>,
    ) -> Result<ProvenLink<Fingerprint>, HandshakeError> {
        let (length, rest) = data.split_first_chunk::<2>().ok_or(FORM)?;
        let (answer, first) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(FORM)?;
        if first.len() != NOISE_LEN {
            return Err(FORM);
        }
        let WorkerIdentity {
            keyring,
            own,
            master,
            ..
        } = self.identity;
        let peer = keyring.peer(*master)?;
        let statement = keyring.decrypt_and_verify(own, &peer, answer, now, CLOCK_SKEW_MAX)?;
        let master_half =
            self.terms
                .check(Role::Master, &self.transcript.before(), now, &statement)?;
        self.transcript.add_gpg(Role::Master, answer);
        let secret = self.transcript.secret(&self.secret_half, &master_half);
        let mut noise = noise(false, &secret, &self.transcript.prologue())?;
        read_noise(&mut noise, first)?;
        frame::write_binary(out, Instruction::LinkNoise2, &write_noise(&mut noise)?);
        establish(noise, *master, self.buffer.rest())
    }
}

/// The error for a refusal. It is not signed and goes into a log, so it is cut and made printable.
fn refused(instruction: Instruction, header: &FrameHeader, data: &[u8]) -> HandshakeError {
    let Ok((_, arguments)) = frame::read_return(header, data) else {
        return FORM;
    };
    let plain = |text: &str| {
        text.chars()
            .filter(|c| *c == ' ' || c.is_ascii_graphic())
            .take(TEXT_MAX)
            .collect()
    };
    let mut arguments = arguments.iter();
    let (code, text) = (
        arguments.next().unwrap_or_default(),
        arguments.next().unwrap_or_default(),
    );
    let (code, text): (String, String) = (plain(code), plain(text));
    // Other codes say what the master has no room or no time for.
    if instruction == Instruction::ProtocolError && code == ProtocolFault::NotAllowed.as_str() {
        return HandshakeError::TakenForClient(format!("{code}: {text}"));
    }
    if code == "version" {
        return HandshakeError::RefusedVersion {
            master: master_version(&text),
            text,
        };
    }
    HandshakeError::Refused(code, text)
}
