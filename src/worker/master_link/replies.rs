//! spec/worker/master_link/replies.md · 3.2.2 "parse commands", 4.5.3
//!
//! What the master says: replies find who waits for them, pushes find their module.

use super::super::cache::snapshot::Snapshot;
use super::super::{Notice, cache, clients, tunnel};
use super::parked::Origin;
use super::{MasterLink, Parked};
use crate::link::message::{Frames, Prices, SessionHashes, SessionState, Welcome};
use crate::model::{Malformed, Reason, Stamp};
use crate::wire::payload::Payload;
use crate::wire::{Header, Instruction, Reassembly, frame};
use std::time::Instant;

/// A frame of a body: header, data, and both together.
type Frame<'a> = (Header, &'a [u8], &'a [u8]);

/// A difference between the clocks of worker and master that is worth a line in the log, in milliseconds.
const CLOCK_DIFFERENCE: i64 = 2_000;

impl MasterLink {
    /// What one read brought.
    pub(super) fn read(&mut self, plain: &mut Vec<u8>) {
        let mut decoder = std::mem::replace(
            &mut self.decoder,
            crate::link::envelope::Decoder::new(self.worker),
        );
        decoder.take(plain);
        let result = loop {
            match decoder.next() {
                Ok(Some(envelope)) => {
                    let (boot, sequence) = (envelope.header.boot, envelope.header.sequence);
                    let heard = if sequence == 0 {
                        self.push(envelope.body)
                    } else if boot == self.boot {
                        self.reply(sequence, envelope.body)
                    } else {
                        Err(Malformed("a reply to another boot of this worker"))
                    };
                    if let Err(malformed) = heard {
                        break Err(malformed);
                    }
                }
                Ok(None) => break Ok(()),
                Err(malformed) => break Err(malformed),
            }
        };
        self.decoder = decoder;
        self.outgoing.flush();
        if let Err(malformed) = result {
            crate::error!("the master sent what makes no sense, so the link is cut: {malformed}");
            self.unlink();
        }
    }

    fn reply(&mut self, sequence: u64, body: &[u8]) -> Result<(), Malformed> {
        for frame in Frames::new(body) {
            self.reply_frame(sequence, frame?)?;
        }
        Ok(())
    }

    fn reply_frame(&mut self, sequence: u64, frame: Frame<'_>) -> Result<(), Malformed> {
        let (header, data, whole) = frame;
        let instruction = Instruction::from_number(header.instruction)
            .ok_or(Malformed("a reply of an unknown instruction"))?;
        // Given up already, or answered: what comes late is of no use to anybody.
        let Some(parked) = self.park.get_mut(sequence) else {
            return Ok(());
        };
        let resent = parked.resent;
        let last = match (&mut parked.origin, instruction) {
            (
                Origin::Order {
                    client,
                    number,
                    told,
                    queued,
                    ..
                },
                Instruction::TransactionQueued,
            ) => {
                self.outgoing.queued(client, *number, whole, *told);
                (*told, *queued) = (true, true);
                false
            }
            (Origin::Order { .. }, _) if resent && is_overloaded(instruction, &header, data) => {
                self.park.retry(sequence, Instant::now());
                return Ok(());
            }
            (Origin::Order { client, number, .. }, _) => {
                self.outgoing.reply(client, *number, whole, true);
                true
            }
            (Origin::View { client, number, .. }, _) => {
                let last = is_last(instruction, &header);
                self.outgoing.reply(client, *number, whole, last);
                last
            }
            (Origin::Errand(_, frames), _) => {
                frames.extend_from_slice(whole);
                instruction != Instruction::LinkSession
            }
            (Origin::Question(_, frames), _) => {
                frames.extend_from_slice(whole);
                is_last(instruction, &header)
            }
            (Origin::Session(_) | Origin::Closed(_) | Origin::Report, _) => true,
        };
        if last && let Some(parked) = self.park.remove(sequence) {
            self.conclude(parked, instruction, data)?;
        }
        Ok(())
    }

    /// A reply is whole: the module that waits for it gets it.
    fn conclude(&mut self, parked: Parked, last: Instruction, data: &[u8]) -> Result<(), Malformed> {
        match parked.origin {
            // Their replies are on their way.
            Origin::Order { .. } | Origin::View { .. } | Origin::Report => {}
            Origin::Errand(errand, frames) => {
                let answer = tunnel::Answer::Frames(frames);
                let _ = self.outlets.tunnel.send(tunnel::Message::Answer(errand, answer));
            }
            Origin::Question(question, frames) => {
                let answer = if last == Instruction::Data {
                    cache::Answer::Data(frames)
                } else {
                    cache::Answer::Fail(frames)
                };
                let _ = self.outlets.cache.send(cache::Message::Answer(question, answer));
            }
            Origin::Session(hash) => {
                let word = match last {
                    Instruction::LinkSession => match SessionState::from_bytes(data)?.active {
                        Some(session) => clients::Word::Active(session),
                        None => clients::Word::Over,
                    },
                    _ => clients::Word::Unavailable,
                };
                self.tell_clients(clients::Message::Session(hash, word));
            }
            Origin::Closed(hashes) => {
                let told = last == Instruction::Pong;
                self.tell_clients(clients::Message::Closed { hashes, told });
            }
        }
        Ok(())
    }

    /// What the master says unasked.
    fn push(&mut self, body: &[u8]) -> Result<(), Malformed> {
        for frame in Frames::new(body) {
            self.push_frame(frame?)?;
        }
        Ok(())
    }

    fn push_frame(&mut self, (header, data, _): Frame<'_>) -> Result<(), Malformed> {
        match Instruction::from_number(header.instruction) {
            Some(Instruction::LinkWelcome) => welcome(&Welcome::from_bytes(data)?),
            Some(Instruction::LinkWorkers) => {
                let (_, arguments) =
                    frame::read_return(&header, data).map_err(|fault| Malformed(fault.text))?;
                let workers = arguments.iter().take(arguments.count()).map(str::to_owned);
                self.tell_clients(clients::Message::Workers(workers.collect()));
            }
            Some(Instruction::LinkPrices) => self.prices = Some((data.to_vec(), Reassembly::default())),
            Some(Instruction::Data) => self.price_rows(&header, data)?,
            Some(Instruction::LinkSessionsEnded) => {
                let hashes = SessionHashes::from_bytes(data)?.0;
                self.tell_clients(clients::Message::Ended(hashes));
            }
            Some(Instruction::LinkBooted) => {
                let text = String::from_utf8_lossy(data);
                crate::warn!("the master has booted this worker: {text}");
                self.withdraw();
            }
            Some(Instruction::Pong) => {}
            _ => return Err(Malformed("a push of an instruction that is none")),
        }
        Ok(())
    }

    fn price_rows(&mut self, header: &Header, data: &[u8]) -> Result<(), Malformed> {
        let (fixed, rows) = self
            .prices
            .as_mut()
            .ok_or(Malformed("rows of prices without their beginning"))?;
        let Some(rows) = rows.push(header, data).map_err(|fault| Malformed(fault.text))? else {
            return Ok(());
        };
        let prices = Prices::read(fixed, &rows)?;
        self.prices = None;
        let snapshot = Box::new(Snapshot::new(&prices));
        let _ = self.outlets.cache.send(cache::Message::Prices(snapshot));
        if !self.serving {
            self.serving = true;
            let _ = self.outlets.notices.send(Notice::Serve);
        }
        Ok(())
    }
}

fn welcome(welcome: &Welcome) {
    let difference = Stamp::now().since(welcome.now);
    crate::info!(
        "linked to a master of version {}, an update every {} ms",
        welcome.version,
        welcome.update_interval
    );
    if difference.abs() > CLOCK_DIFFERENCE {
        crate::warn!("this clock and the master's differ by {difference} ms");
    }
}

/// Whether a frame is the last of its reply.
fn is_last(instruction: Instruction, header: &Header) -> bool {
    instruction != Instruction::Data || header.number >= header.max
}

/// Whether a frame says that the master has no room for an order.
fn is_overloaded(instruction: Instruction, header: &Header, data: &[u8]) -> bool {
    matches!(instruction, Instruction::PurchaseFail | Instruction::SellFail)
        && frame::read_return(header, data)
            .is_ok_and(|(_, arguments)| arguments.get(0) == Reason::Overloaded.as_str())
}
