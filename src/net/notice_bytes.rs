//! spec/net/notice_bytes.md · 4.3.2 Client-Worker Server Connection
//!
//! How many of the unsent bytes of a connection are notices of subscriptions. They have a bound of
//! their own, and count for nothing that replies count for.

use std::collections::VecDeque;

/// Most pieces that are told apart. A further one is counted with the newest.
const PIECES_MAX: usize = 64;

/// Notices between two places of the stream.
#[derive(Debug, Clone, Copy)]
struct NoticePiece {
    start: u64,
    end: u64,
    /// How many of the bytes between are notices: all, unless pieces were counted together.
    bytes: usize,
}

/// Notices among the bytes of a stream, which the socket takes in order.
#[derive(Debug, Default)]
pub(super) struct NoticeBytes {
    /// The oldest first.
    pieces: VecDeque<NoticePiece>,
}

impl NoticeBytes {
    /// Counts the bytes from `start` to `end` as notices; `taken`: what the socket has taken by now.
    pub(super) fn add(&mut self, start: u64, end: u64, taken: u64) {
        while self.pieces.front().is_some_and(|it| it.end <= taken) {
            self.pieces.pop_front();
        }
        let bytes = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        if bytes == 0 || end <= taken {
            return;
        }
        let is_full = self.pieces.len() >= PIECES_MAX;
        match self.pieces.back_mut() {
            Some(newest) if is_full || newest.end == start => {
                newest.end = end;
                newest.bytes = newest.bytes.saturating_add(bytes);
            }
            Some(_) | None => self.pieces.push_back(NoticePiece { start, end, bytes }),
        }
    }

    /// Unsent bytes of notices, where the socket has taken this much of the stream.
    pub(super) fn unsent(&self, taken: u64) -> usize {
        let left = |piece: &NoticePiece| {
            let left = piece.end.saturating_sub(taken.max(piece.start));
            piece.bytes.min(usize::try_from(left).unwrap_or(usize::MAX))
        };
        self.pieces.iter().map(left).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_count_until_they_are_taken() {
        let mut notices = NoticeBytes::default();
        notices.add(0, 10, 0);
        notices.add(10, 15, 0);
        notices.add(30, 50, 0);
        assert_eq!(
            notices.pieces.len(),
            2,
            "what is one piece is counted as one"
        );
        assert_eq!(notices.unsent(0), 35);
        assert_eq!(notices.unsent(9), 26);
        assert_eq!(notices.unsent(20), 20);
        assert_eq!(notices.unsent(45), 5);
        assert_eq!(notices.unsent(50), 0);
        notices.add(55, 60, 50);
        assert_eq!((notices.pieces.len(), notices.unsent(50)), (1, 5));
        notices.add(60, 70, 70);
        assert_eq!((notices.pieces.len(), notices.unsent(70)), (0, 0));
    }

    #[test]
    fn the_number_of_pieces_is_bounded() {
        let mut notices = NoticeBytes::default();
        for at in 1..=1000 {
            notices.add(at * 10, at * 10 + 1, 0);
        }
        let counted = (notices.pieces.len(), notices.unsent(0));
        assert_eq!(counted, (PIECES_MAX, 1000));
        assert_eq!(notices.unsent(10_000), 1);
        assert_eq!(notices.unsent(10_001), 0);
    }
}
