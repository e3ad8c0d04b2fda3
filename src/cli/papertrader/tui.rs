//! spec/cli/papertrader/tui.md · 2.1.4 User/Client
//!
//! The full-screen view of `papertrader`: its threads, and the loop that takes events in and draws.
//! The loop's thread waits for no network; the network thread touches no terminal.
//!
//! Tests: `tests/suite/client/tui.rs`.

mod draw;
mod help;
mod layout;
mod network;
mod news;
mod order_line;
mod rows;
mod screen;
mod state;
#[cfg(test)]
mod testing;
mod update;
mod words;

pub use network::market;

use crate::cli::signals;
use crate::cli::terminal::is_utf8;
use crate::client::{ClientError, OrderForm, ServerInfo, WorkerPool};
use crate::model::{Timestamp, Username};
use crate::runtime::failpoint;
use crossbeam_channel::{Receiver, Sender, bounded, select, tick};
use network::NetworkEnds;
use news::{NetworkNews, NetworkRequest};
use ratatui::crossterm::event::{self, Event};
use rustix::process::{Signal, kill_current_process_group};
use screen::FullScreen;
use signal_hook::consts::SIGCONT;
use signal_hook::iterator::Signals;
use state::{ScreenLook, ViewState};
use std::io;
use std::thread;
use std::time::{Duration, Instant};
use update::{ViewEffect, ViewEvent, update};

/// The most keys, pieces of news and requests that wait. Where keys or news are full their thread
/// waits; a request is dropped, and the person is told.
const KEYS_QUEUED_MAX: usize = 256;
const NEWS_QUEUED_MAX: usize = 64;
const REQUESTS_QUEUED_MAX: usize = 64;
const SIGNALS_QUEUED_MAX: usize = 4;
/// The most events that are taken in before the screen is drawn.
const EVENTS_MAX: usize = 64;
/// How often the time that is left is drawn anew.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// How the view was left.
#[derive(Debug)]
pub enum ViewEnd {
    Left,
    /// With an order on its way of which nobody has told what became of it.
    Unconfirmed(OrderForm),
    /// It could not go on.
    Failed(ClientError),
}

/// Whether the terminal takes colours: see <https://no-color.org>.
fn has_colour() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Shows the view until it is left.
///
/// # Errors
/// The terminal is gone or does not take part.
pub fn show(
    pool: WorkerPool,
    account: Username,
    told: (String, ServerInfo),
) -> io::Result<ViewEnd> {
    let signals = Signals::new(signals::ending().into_iter().chain([SIGCONT]))?;
    let mut screen = FullScreen::take()?;
    let look = ScreenLook {
        has_colour: has_colour(),
        is_plain: !is_utf8(),
    };
    let size = screen.size()?;
    let state = ViewState::new(account.clone(), look, size, Timestamp::now(), told);
    let (requests, asked) = bounded(REQUESTS_QUEUED_MAX);
    let (told, news) = bounded(NEWS_QUEUED_MAX);
    let ends = NetworkEnds {
        requests: asked,
        news: told,
    };
    start("network", move || network::run(pool, account, ends))?;
    let sources = EventSources {
        keys: read_keys()?,
        signals: hear(signals)?,
        news,
        ticks: tick(TICK_INTERVAL),
    };
    let mut view = RunningView {
        state,
        requests,
        end: None,
    };
    let end = view.run(&mut screen, &sources);
    screen.give_back();
    end
}

/// Starts a thread that the end of the program ends.
fn start(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop)
}

/// The events of the terminal, from a thread that waits for them.
fn read_keys() -> io::Result<Receiver<io::Result<Event>>> {
    let (keys, typed) = bounded(KEYS_QUEUED_MAX);
    start("keys", move || {
        loop {
            let event = event::read();
            let is_gone = event.is_err();
            if keys.send(event).is_err() || is_gone {
                return;
            }
        }
    })?;
    Ok(typed)
}

/// The signals, from a thread that waits for them.
fn hear(mut signals: Signals) -> io::Result<Receiver<i32>> {
    let (heard, all) = bounded(SIGNALS_QUEUED_MAX);
    start("signals", move || {
        for signal in signals.forever() {
            if heard.send(signal).is_err() {
                return;
            }
        }
    })?;
    Ok(all)
}

/// Where events come from.
struct EventSources {
    keys: Receiver<io::Result<Event>>,
    signals: Receiver<i32>,
    news: Receiver<NetworkNews>,
    ticks: Receiver<Instant>,
}

/// What the loop does next.
enum NextStep {
    Event(Box<ViewEvent>),
    /// The terminal told something that does not matter.
    Nothing,
    /// The program was continued: the terminal may be another one's since.
    Continued,
    Leave,
}

impl EventSources {
    /// The next event; waits for it.
    fn next(&self) -> io::Result<NextStep> {
        select! {
            recv(self.keys) -> event => match event {
                Ok(event) => Ok(of_terminal(event?)),
                Err(_) => Ok(NextStep::Leave),
            },
            recv(self.signals) -> signal => Ok(match signal {
                Ok(SIGCONT) => NextStep::Continued,
                Ok(_) | Err(_) => NextStep::Leave,
            }),
            recv(self.news) -> news => Ok(match news {
                Ok(news) => NextStep::Event(Box::new(ViewEvent::News(news))),
                Err(_) => NextStep::Leave,
            }),
            recv(self.ticks) -> _ => {
                let tick = ViewEvent::Ticked(Timestamp::now());
                Ok(NextStep::Event(Box::new(tick)))
            },
        }
    }

    fn has_more(&self) -> bool {
        !self.keys.is_empty() || !self.news.is_empty() || !self.signals.is_empty()
    }
}

fn of_terminal(event: Event) -> NextStep {
    NextStep::Event(Box::new(match event {
        Event::Key(key) => ViewEvent::Key(key),
        Event::Mouse(mouse) => ViewEvent::Mouse(mouse),
        Event::Paste(text) => ViewEvent::Pasted(text),
        Event::Resize(columns, rows) => ViewEvent::Resized(columns, rows),
        Event::FocusGained | Event::FocusLost => return NextStep::Nothing,
    }))
}

/// The view while it runs.
struct RunningView {
    state: ViewState,
    requests: Sender<(Instant, NetworkRequest)>,
    end: Option<ViewEnd>,
}

impl RunningView {
    fn run(&mut self, screen: &mut FullScreen, sources: &EventSources) -> io::Result<ViewEnd> {
        loop {
            screen.draw(|frame| draw::draw(frame, &self.state))?;
            assert!(
                !failpoint::is_reached("screen-drawn"),
                "the fail point screen-drawn"
            );
            for _ in 0..EVENTS_MAX {
                match sources.next()? {
                    NextStep::Event(event) => self.take_in(screen, *event)?,
                    NextStep::Nothing => {}
                    NextStep::Continued => {
                        screen.give_back();
                        screen.enter()?;
                    }
                    NextStep::Leave => self.leave(),
                }
                if let Some(end) = self.end.take() {
                    return Ok(end);
                }
                if !sources.has_more() {
                    break;
                }
            }
        }
    }

    fn leave(&mut self) {
        if self.end.is_none() {
            let sending = self.state.sending.take();
            self.end = Some(sending.map_or(ViewEnd::Left, ViewEnd::Unconfirmed));
        }
    }

    fn take_in(&mut self, screen: &mut FullScreen, event: ViewEvent) -> io::Result<()> {
        if let ViewEvent::News(NetworkNews::Failed(error)) = &event {
            self.end = Some(ViewEnd::Failed(error.clone()));
        }
        let mut effects = update(&mut self.state, event);
        while let Some(effect) = effects.pop() {
            match effect {
                ViewEffect::Ask(request) => {
                    let sent = self.requests.try_send((Instant::now(), request));
                    if let Err(unsent) = sent {
                        let (_, request) = unsent.into_inner();
                        effects.extend(update(&mut self.state, ViewEvent::Dropped(request)));
                    }
                }
                ViewEffect::Redraw => screen.redraw()?,
                ViewEffect::Suspend => suspend(screen)?,
                ViewEffect::Leave => self.leave(),
            }
        }
        Ok(())
    }
}

/// Stops the program, and those that were started with it, until somebody continues it. Where
/// nobody could, the system lets it run on.
fn suspend(screen: &mut FullScreen) -> io::Result<()> {
    screen.give_back();
    kill_current_process_group(Signal::TSTP)?;
    screen.enter()
}
