//! spec/cli/papertrader/tui.md · 2.1.2 (what the outer world sees)
//!
//! The terminal that the full-screen view has taken over. However the program ends, short of a kill
//! that it cannot notice, the terminal is as it was before: at the end, at a signal, at a panic of
//! any thread, and while it is suspended.
//!
//! Tests: `tests/suite/client/tui.rs`.

use parking_lot::Mutex;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
};
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{cursor, execute};
use ratatui::{Frame, Terminal};
use std::io::{self, Stdout};
use std::process;
use std::sync::Arc;
use std::time::Duration;

/// The exit code of a program that panicked.
const PANIC_EXIT_CODE: i32 = 101;
/// How long a panic waits for a drawing that is under way: it may be the one that panicked.
const DRAWING_TIMEOUT: Duration = Duration::from_millis(200);

/// A terminal that shows the view.
pub struct FullScreen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    /// Whether the terminal is taken over. Whoever draws or gives it back holds the lock.
    taken: Arc<Mutex<bool>>,
}

impl FullScreen {
    /// Takes the terminal over, and has a panic give it back.
    ///
    /// # Errors
    /// The terminal does not take part.
    pub fn take() -> io::Result<FullScreen> {
        let taken = Arc::new(Mutex::new(false));
        give_back_at_panic(Arc::clone(&taken));
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        let mut screen = FullScreen { terminal, taken };
        screen.enter()?;
        Ok(screen)
    }

    /// Takes the terminal over, again after it was given back.
    ///
    /// # Errors
    /// The terminal does not take part.
    pub fn enter(&mut self) -> io::Result<()> {
        let mut taken = self.taken.lock();
        *taken = true;
        enable_raw_mode()?;
        execute!(
            io::stdout(),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste,
            cursor::Hide
        )?;
        drop(taken);
        self.redraw()
    }

    /// Has the next drawing draw everything.
    ///
    /// # Errors
    /// The terminal does not take part.
    pub fn redraw(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Columns and rows of the terminal.
    ///
    /// # Errors
    /// The terminal does not tell.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let taken = self.taken.lock();
        if *taken {
            self.terminal.draw(draw)?;
        }
        Ok(())
    }

    /// Gives the terminal back.
    pub fn give_back(&self) {
        restore(&mut self.taken.lock());
    }
}

impl Drop for FullScreen {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Gives the terminal back, if it is taken. Where it is gone, there is nobody to tell.
fn restore(taken: &mut bool) {
    if !std::mem::take(taken) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// Has a panic of any thread give the terminal back, tell what it is, and end the process: the other
/// threads would go on without the one that is gone.
fn give_back_at_panic(taken: Arc<Mutex<bool>>) {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let guard = taken.try_lock_for(DRAWING_TIMEOUT);
        match guard {
            Some(mut taken) => restore(&mut taken),
            None => restore(&mut true),
        }
        tell(panic);
        process::exit(PANIC_EXIT_CODE);
    }));
}
