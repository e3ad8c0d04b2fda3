//! spec/bench/driver.md · its tests, against a server that answers as a test wants

use super::*;
use std::net::TcpListener;
use std::thread;

/// A server that echoes each byte after the greeting, in one piece or in two.
fn echo(halves: bool) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            thread::spawn(move || {
                let mut room = [0; 4096];
                while let Ok(size) = socket.read(&mut room) {
                    let middle = if halves { size / 2 } else { 0 };
                    let sent = socket
                        .write_all(&room[..middle])
                        .and_then(|()| socket.write_all(&room[middle..size]));
                    if size == 0 || sent.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// Frames of four bytes, numbered on each connection: `n` for a notice, `a` for a reply.
struct Numbered {
    next: Vec<u8>,
    heard: Vec<u8>,
    notices: bool,
}

impl Numbered {
    fn new(connections: usize, notices: bool) -> Numbered {
        Numbered {
            next: vec![0; connections],
            heard: vec![0; connections],
            notices,
        }
    }
}

impl Speech for Numbered {
    fn write_request(&mut self, connection: usize, out: &mut Vec<u8>) {
        let number = self.next[connection];
        if self.notices {
            out.extend_from_slice(&[b'n', 0, 0, number]);
        }
        out.extend_from_slice(&[b'a', 0, 0, number]);
        self.next[connection] = number.wrapping_add(1);
    }

    fn read_reply(&mut self, connection: usize, bytes: &[u8]) -> Result<ReplyHead, String> {
        match bytes {
            [b'n', 0, 0, _, ..] => Ok(ReplyHead::Notice(4)),
            [b'a', 0, 0, number, ..] if *number == self.heard[connection] => {
                self.heard[connection] = number.wrapping_add(1);
                Ok(ReplyHead::Reply(4))
            }
            [_, _, _, _, ..] => Err(format!("out of order: {bytes:?}")),
            _ => Ok(ReplyHead::Nothing),
        }
    }
}

#[test]
fn every_request_is_answered_in_order_and_counted_once() {
    for halves in [false, true] {
        for notices in [false, true] {
            let hello = Greeting {
                request: b"hello".to_vec(),
                reply: b"hello".to_vec(),
            };
            let mut driver = Driver::open(echo(halves), 3, |_| hello.clone()).unwrap();
            let mut speech = Numbered::new(3, notices);
            let pace = Pace::Closed { in_flight: 7 };
            let measured = driver
                .measure(&mut speech, pace, Duration::ZERO, Until::Requests(1000))
                .unwrap();
            assert_eq!(measured.replies.count, 1000);
            assert_eq!(measured.notices.count, if notices { 1000 } else { 0 });
            assert_eq!(measured.refused, 0);
            assert!(measured.replies.p50 <= measured.replies.p99);
            // The same connections can be measured again.
            let time = Until::Time(Duration::from_millis(50));
            let measured = driver.measure(&mut speech, pace, Duration::from_millis(10), time);
            assert!(measured.unwrap().replies.count > 0);
        }
    }
}

#[test]
fn an_open_loop_asks_at_its_pace() {
    let mut driver = Driver::open(echo(false), 2, |_| Greeting::default()).unwrap();
    let mut speech = Numbered::new(2, false);
    let pace = Pace::Open { per_second: 1000 };
    let began = Instant::now();
    let measured = driver
        .measure(&mut speech, pace, Duration::ZERO, Until::Requests(200))
        .unwrap();
    assert_eq!(measured.replies.count, 200);
    assert!(
        began.elapsed() >= Duration::from_millis(199),
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn a_wrong_greeting_a_wrong_answer_and_an_end_are_told() {
    let wrong = Greeting {
        request: b"hello".to_vec(),
        reply: b"world".to_vec(),
    };
    let error = Driver::open(echo(false), 1, |_| wrong.clone()).unwrap_err();
    assert!(error.contains("greeting"), "{error}");
    let mut driver = Driver::open(echo(false), 1, |_| Greeting::default()).unwrap();
    let mut speech = Numbered::new(1, false);
    speech.heard[0] = 9;
    let pace = Pace::Closed { in_flight: 1 };
    let error = driver
        .measure(&mut speech, pace, Duration::ZERO, Until::Requests(5))
        .unwrap_err();
    assert!(error.contains("out of order"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut driver = Driver::open(address, 1, |_| Greeting::default()).unwrap();
    drop(listener);
    let mut speech = Numbered::new(1, false);
    let error = driver
        .measure(&mut speech, pace, Duration::ZERO, Until::Requests(5))
        .unwrap_err();
    assert!(error.contains("connection 0"), "{error}");
}
