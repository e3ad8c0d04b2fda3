//! spec/worker/master_link.md · 3.2.1 "connect to master server and authorize"
//!
//! Asks the masters of a list one after the other until one can be linked to, and goes to no other
//! address.

use super::connector::{Connect, ConnectError, FirstMaster, NewLink};
use crate::config::HostPort;

/// A function that links to one of these masters with `connect`. An attempt asks each of them once,
/// and begins with the one of the last link, or the one after it; or it asks that one alone.
pub fn in_turn(
    masters: Vec<HostPort>,
    mut connect: impl FnMut(&HostPort) -> Result<NewLink, ConnectError> + Send + 'static,
) -> Connect {
    let mut last = 0;
    Box::new(move |first: FirstMaster| {
        let begin = last + usize::from(first == FirstMaster::Next);
        let each = masters.iter().enumerate().cycle();
        let from = begin % masters.len().max(1);
        let mut failed = Vec::new();
        let asked = match first {
            FirstMaster::Only => 1,
            FirstMaster::Last | FirstMaster::Next => masters.len(),
        };
        for (at, master) in each.skip(from).take(asked) {
            match connect(master) {
                Ok(link) => {
                    last = at;
                    return Ok(link);
                }
                Err(ConnectError(why)) => failed.push(why),
            }
        }
        Err(ConnectError(failed.join("; ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::record::loopback;
    use parking_lot::Mutex;
    use std::net::{TcpListener, TcpStream};
    use std::sync::Arc;

    /// The masters `a`, `b` and `c`, of which those in `up` can be linked to, and who was asked.
    struct Masters {
        connect: Connect,
        up: Arc<Mutex<&'static str>>,
        asked: Arc<Mutex<String>>,
    }

    impl Masters {
        fn new() -> Masters {
            let masters = ["a:1", "b:1", "c:1"].map(|it| it.parse::<HostPort>().unwrap());
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let up: Arc<Mutex<&'static str>> = Arc::default();
            let asked: Arc<Mutex<String>> = Arc::default();
            let (reachable, notes) = (Arc::clone(&up), Arc::clone(&asked));
            let connect = in_turn(masters.into(), move |master| {
                let name = master.to_string().replace(":1", "");
                notes.lock().push_str(&name);
                if !reachable.lock().contains(&name) {
                    return Err(ConnectError(format!("{name} is away")));
                }
                Ok(NewLink {
                    socket: TcpStream::connect(listener.local_addr().unwrap()).unwrap(),
                    sealed: loopback().unwrap().0,
                    early: Vec::new(),
                })
            });
            Masters { connect, up, asked }
        }

        /// Whom an attempt asks, where these can be linked to, and what it says where none can.
        fn attempt(&mut self, first: FirstMaster, up: &'static str) -> (String, String) {
            *self.up.lock() = up;
            self.asked.lock().clear();
            let made = (self.connect)(first);
            let said = made.err().map_or(String::new(), |error| error.0);
            (self.asked.lock().clone(), said)
        }
    }

    #[test]
    fn each_is_asked_once_from_the_one_of_the_last_link_on() {
        let mut masters = Masters::new();
        let mut asked = |first, up| masters.attempt(first, up).0;
        assert_eq!(asked(FirstMaster::Last, "abc"), "a");
        assert_eq!(asked(FirstMaster::Next, "abc"), "b", "a stands by");
        assert_eq!(asked(FirstMaster::Last, "abc"), "b", "it led last");
        assert_eq!(asked(FirstMaster::Last, "a"), "bca");
        assert_eq!(asked(FirstMaster::Next, "a"), "bca");
        assert_eq!(asked(FirstMaster::Last, "c"), "abc");
        assert_eq!(asked(FirstMaster::Only, "ab"), "c", "its link is only old");
        assert_eq!(asked(FirstMaster::Next, "abc"), "a", "c is the last one");
    }

    #[test]
    fn where_none_can_be_linked_to_the_error_tells_of_each() {
        let mut masters = Masters::new();
        let all = "b is away; c is away; a is away".to_owned();
        assert_eq!(masters.attempt(FirstMaster::Last, "b").0, "ab");
        assert_eq!(masters.attempt(FirstMaster::Last, ""), ("bca".into(), all));
        assert_eq!(masters.attempt(FirstMaster::Last, "abc").0, "b", "still");
    }
}
