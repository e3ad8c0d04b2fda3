//! spec/runtime/metrics.md · 4.5 Instructions
//!
//! Counts messages by their row of the table of instructions, and refusals by their reason. Each
//! outcome of a request is an instruction of its own, so these counters tell the outcomes, too.

use super::{Counter, MetricFamily, MetricsText};
use crate::model::{ProtocolFault, Reason};
use crate::wire::frame::{FrameHeader, HEADER_BYTES};
use crate::wire::instruction::{Instruction, InstructionRow, TABLE};

/// The messages of one kind of peer in one direction, by row of the table.
#[derive(Debug)]
struct InstructionCounters([Counter; TABLE.len()]);

impl InstructionCounters {
    const fn new() -> InstructionCounters {
        InstructionCounters([const { Counter::new() }; TABLE.len()])
    }

    fn add(&self, instruction: Instruction, count: u64) {
        // The variants have the order of the rows.
        if let Some(counter) = self.0.get(instruction as usize) {
            counter.add(count);
        }
    }
}

static FROM_CLIENTS: InstructionCounters = InstructionCounters::new();
static TO_CLIENTS: InstructionCounters = InstructionCounters::new();
static FROM_LINKS: InstructionCounters = InstructionCounters::new();
static TO_LINKS: InstructionCounters = InstructionCounters::new();
static REFUSALS: [Counter; Reason::ALL.len()] = [const { Counter::new() }; Reason::ALL.len()];
static FAULTS: [Counter; ProtocolFault::ALL.len()] =
    [const { Counter::new() }; ProtocolFault::ALL.len()];

const INSTRUCTIONS: MetricFamily = MetricFamily::counter(
    "papertrader_instructions_total",
    &["peer", "direction", "number", "instruction"],
    "Messages by their row of the table of instructions; a transfer of data counts once.",
);
const REFUSED: MetricFamily = MetricFamily::counter(
    "papertrader_refusals_total",
    &["reason"],
    "Requests that were answered by a Fail, by its reason; at a master those of links.",
);
const FAULTED: MetricFamily = MetricFamily::counter(
    "papertrader_protocol_errors_total",
    &["code"],
    "protocolError sent to clients, by its code; each ends a connection.",
);

/// Counts a client's request.
pub fn from_client(instruction: Instruction) {
    FROM_CLIENTS.add(instruction, 1);
}

/// Counts the messages in these bytes, whole frames that go to a client.
pub fn to_client(frames: &[u8]) {
    each_frame(frames, |row, data| {
        TO_CLIENTS.add(row.instruction, 1);
        count_refusal(row, data);
    });
}

/// Counts the messages in these bytes, whole frames that came over a link.
pub fn from_link(frames: &[u8]) {
    each_frame(frames, |row, _| FROM_LINKS.add(row.instruction, 1));
}

/// Counts the messages in these bytes, whole frames that leave over a link.
pub fn to_link(frames: &[u8]) {
    each_frame(frames, |row, data| {
        TO_LINKS.add(row.instruction, 1);
        count_refusal(row, data);
    });
}

/// Calls `on_message` with the row and the data of each message: of the first packet, where it has
/// several.
fn each_frame(mut frames: &[u8], mut on_message: impl FnMut(&InstructionRow, &[u8])) {
    while let Some((head, rest)) = frames.split_first_chunk::<HEADER_BYTES>() {
        let header = FrameHeader::read(head);
        let size = usize::try_from(header.data_size).unwrap_or(usize::MAX);
        let Some((data, rest)) = rest.split_at_checked(size) else {
            return;
        };
        frames = rest;
        if header.number <= 1
            && let Some(row) = InstructionRow::find(header.instruction)
        {
            on_message(row, data);
        }
    }
}

/// Counts the code that a Fail or a protocolError begins with.
fn count_refusal(row: &InstructionRow, data: &[u8]) {
    let is_fault = row.instruction == Instruction::ProtocolError;
    if !is_fault && !row.name.ends_with("Fail") {
        return;
    }
    let code = data.split(|byte| *byte == b' ').next().unwrap_or_default();
    let code = std::str::from_utf8(code).unwrap_or_default();
    let counter = if is_fault {
        let at = ProtocolFault::ALL.iter().position(|it| it.as_str() == code);
        at.and_then(|at| FAULTS.get(at))
    } else {
        let at = Reason::ALL.iter().position(|it| it.as_str() == code);
        at.and_then(|at| REFUSALS.get(at))
    };
    if let Some(counter) = counter {
        counter.count();
    }
}

/// Writes the families of this file. Messages that never came are left out.
pub fn write_metrics(out: &mut MetricsText) {
    let mut samples = out.family(&INSTRUCTIONS);
    for (peer, direction, counters) in [
        ("client", "received", &FROM_CLIENTS),
        ("client", "sent", &TO_CLIENTS),
        ("link", "received", &FROM_LINKS),
        ("link", "sent", &TO_LINKS),
    ] {
        for (row, counter) in TABLE.iter().zip(&counters.0) {
            let count = counter.get();
            if count > 0 {
                let number = format!("0x{:04X}", row.number);
                samples.sample(&[peer, direction, &number, row.name], count);
            }
        }
    }
    let mut samples = out.family(&REFUSED);
    for (reason, counter) in Reason::ALL.iter().zip(&REFUSALS) {
        samples.sample(&[reason.as_str()], counter.get());
    }
    let mut samples = out.family(&FAULTED);
    for (fault, counter) in ProtocolFault::ALL.iter().zip(&FAULTS) {
        samples.sample(&[fault.as_str()], counter.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::packet;
    use crate::wire::reply::{write_fail, write_fault};
    use crate::wire::{Refusal, Reply};

    /// The messages in frames, with the data of each.
    fn messages(frames: &[u8]) -> Vec<(Instruction, usize)> {
        let mut found = Vec::new();
        each_frame(frames, |row, data| {
            found.push((row.instruction, data.len()))
        });
        found
    }

    #[test]
    fn a_transfer_of_many_packets_is_one_message() {
        let mut frames = Vec::new();
        Reply::Pong.write(&mut frames);
        packet::write(&mut frames, &[7; 20_000]);
        Reply::LogoutSuccess.write(&mut frames);
        let found: Vec<Instruction> = messages(&frames).into_iter().map(|it| it.0).collect();
        use Instruction as I;
        assert_eq!(found, [I::Pong, I::Data, I::LogoutSuccess]);
        // What is no frame is passed over.
        assert_eq!(messages(&frames[..16]), []);
        assert_eq!(messages(&[0xFF; 40]), []);
    }

    #[test]
    fn refusals_are_counted_by_their_reason() {
        let count = |reason: Reason| {
            let at = Reason::ALL.iter().position(|it| *it == reason).unwrap();
            REFUSALS[at].get()
        };
        let before = count(Reason::AccountLocked);
        let faults = || FAULTS.iter().map(Counter::get).sum::<u64>();
        let faults_before = faults();
        let mut frames = Vec::new();
        write_fail(&mut frames, Instruction::Login, &Refusal::account_locked());
        write_fault(&mut frames, ProtocolFault::BadFrame, "a text");
        to_client(&frames);
        // Other tests count, too.
        assert!(count(Reason::AccountLocked) > before);
        assert!(faults() > faults_before);
        assert!(
            TABLE
                .iter()
                .filter(|row| row.name.ends_with("Fail"))
                .count()
                > 5
        );
    }
}
