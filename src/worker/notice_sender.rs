//! spec/worker/notice_sender.md · 3.2 (what clients are told without asking)
//!
//! The sending end of an inbox of notices. It never waits: what has no room is lost, and the
//! receiver learns that something was.
//!
//! Tests: `src/worker/tests/notices.rs`.

use crossbeam_channel::Sender;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the two ends of an inbox share about its news.
#[derive(Debug, Default)]
pub struct NewsCount {
    waiting: AtomicUsize,
    is_lost: AtomicBool,
}

impl NewsCount {
    /// Notes that the receiver has taken news from its inbox.
    pub fn take(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether news were lost since the last call.
    pub fn was_lost(&self) -> bool {
        self.is_lost.swap(false, Ordering::Relaxed)
    }
}

/// Sends news to a thread of notices.
#[derive(Debug)]
pub struct NoticeSender<M> {
    inbox: Sender<M>,
    count: Arc<NewsCount>,
    /// News that may wait in the inbox.
    news_max: usize,
}

impl<M> NoticeSender<M> {
    /// The sender to this inbox, in which at most `news_max` of its news wait.
    pub fn new(inbox: Sender<M>, count: Arc<NewsCount>, news_max: usize) -> NoticeSender<M> {
        NoticeSender {
            inbox,
            count,
            news_max,
        }
    }

    /// Sends news, or loses them where the receiver is too far behind.
    pub fn send(&self, news: M) {
        let waiting = self.count.waiting.fetch_add(1, Ordering::Relaxed);
        if waiting >= self.news_max || self.inbox.try_send(news).is_err() {
            self.count.waiting.fetch_sub(1, Ordering::Relaxed);
            self.count.is_lost.store(true, Ordering::Relaxed);
        }
    }
}
