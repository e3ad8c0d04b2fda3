//! A trader that goes on through all faults, records every answer, and sends an order again until
//! it has one.

use crate::random::Random;
use crate::standing::{CancelProgress, Errand, MarketView, StandingOrder};
use papertrader::client::connection::{Answer, ServerMessage};
use papertrader::client::{Client, ConnectOptions, ServerConnection};
use papertrader::model::{
    ClientOrderId, Email, HashedPass, Quantity, Reason, SessionId, Side, Symbol, Username,
};
use papertrader::wire::{Refusal, Reply, Request};
use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A command to a trader.
pub enum Command {
    /// Send new orders until the next command.
    Trade,
    /// Send no new orders, learn how all orders ended, and report that it is done.
    Settle(Sender<()>),
    /// Send a copy of the book.
    Show(Sender<Book>),
}

/// An order, and every answer to it.
#[derive(Debug, Clone)]
pub struct Intent {
    pub side: Side,
    pub symbol: Symbol,
    pub quantity: Quantity,
    pub queued: Option<Uuid>,
    pub outcome: Option<Reply>,
}

impl Intent {
    /// Whether it may have been refused for what the account had at that moment: then it is in no
    /// ledger, and the next try may have another answer.
    pub fn is_of_the_moment(&self) -> bool {
        let is_short = |refusal: &Refusal| {
            matches!(
                refusal.reason.known(),
                Some(Reason::InsufficientFunds | Reason::InsufficientHoldings | Reason::NoPrice)
            )
        };
        let refused = matches!(&self.outcome, Some(Reply::Fail(_, refusal)) if is_short(refusal));
        refused && self.queued.is_none()
    }
}

/// All that a trader has sent and received.
#[derive(Debug, Clone)]
pub struct Book {
    pub name: String,
    pub session: SessionId,
    pub intents: BTreeMap<String, Intent>,
    /// Orders of placeOrder and replaceOrder, by name.
    pub standing: BTreeMap<String, StandingOrder>,
    pub retries: u64,
    pub repeats: u64,
    /// Answers that an order could not be stored; the trader sent it again.
    pub unstored: u64,
}

impl Book {
    /// Orders that were announced as queued.
    pub fn notices(&self) -> usize {
        let queued = |intent: &&Intent| intent.queued.is_some();
        self.intents.values().filter(queued).count()
    }

    /// Orders that were filled.
    pub fn fills(&self) -> usize {
        let filled = |intent: &&Intent| matches!(intent.outcome, Some(Reply::Filled(_)));
        self.intents.values().filter(filled).count()
    }

    /// The request of an order, the same each time it is sent.
    pub fn order(&self, id: &str) -> Request {
        let intent = &self.intents[id];
        Request::Order {
            session: self.session.clone(),
            side: intent.side,
            symbol: intent.symbol,
            quantity: intent.quantity,
            id: Some(ClientOrderId::parse(id).unwrap()),
        }
    }
}

pub struct Trader {
    random: Random,
    addresses: Vec<String>,
    username: Username,
    pass: HashedPass,
    book: Book,
    market: MarketView,
    open: VecDeque<String>,
    /// What of orders that wait is to be asked for.
    errands: VecDeque<Errand>,
    made: u64,
    /// New orders that are left in this round.
    left: usize,
    /// Errands that are left in it.
    errands_left: usize,
    connection: Option<ServerConnection>,
    /// Whether it is impatient: it goes on ordering while nothing settles.
    impatient: bool,
}

/// Open orders of a trader, at most. It bounds new orders while there is no master.
const OPEN_MAX: usize = 64;
/// New orders of a trader in a round, at most, so that the load does not grow with the machine's
/// speed.
const ORDERS_PER_ROUND_MAX: usize = 256;
/// Orders that a trader places, cancels or replaces in a round, at most.
const ERRANDS_PER_ROUND_MAX: usize = 16;
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long an impatient trader waits for an answer before it asks another worker.
const IMPATIENT_TIMEOUT: Duration = Duration::from_millis(150);

impl Trader {
    /// Registers and logs in, before the first fault.
    pub fn new(number: usize, seed: u64, addresses: &[String]) -> Trader {
        let name = format!("t{number}");
        let username = Username::parse(&name).unwrap();
        let pass = HashedPass::parse(&format!("{number:064x}")).unwrap();
        let email = Email::parse(&format!("{name}@example.org")).unwrap();
        let mut client = Client::open(&addresses[0], &ConnectOptions::default(), None).unwrap();
        client.register(&username, &email, &pass).unwrap();
        let session = client.login(&username, &pass, false).unwrap().session;
        let mut market = MarketView::default();
        for number in 1..=5 {
            let symbol = Symbol::parse(&format!("SIM{number}")).unwrap();
            // Without a price it guesses, until it has bought some.
            if let Ok(quote) = client.quote(symbol) {
                market.prices.insert(symbol, quote.value);
                market.time = Some(quote.time);
            }
        }
        Trader {
            random: Random::new(seed ^ (number as u64) << 32),
            addresses: addresses.to_vec(),
            username,
            pass,
            book: Book {
                name,
                session,
                intents: BTreeMap::new(),
                standing: BTreeMap::new(),
                retries: 0,
                repeats: 0,
                unstored: 0,
            },
            market,
            open: VecDeque::new(),
            errands: VecDeque::new(),
            made: 0,
            left: 0,
            errands_left: 0,
            connection: None,
            impatient: number.is_multiple_of(3),
        }
    }

    pub fn run(mut self, commands: &Receiver<Command>) {
        let mut trading = false;
        loop {
            let command = if trading {
                commands.try_recv().ok()
            } else {
                commands.recv().ok()
            };
            match command {
                Some(Command::Trade) => {
                    trading = true;
                    self.left = ORDERS_PER_ROUND_MAX;
                    self.errands_left = ERRANDS_PER_ROUND_MAX;
                }
                Some(Command::Settle(done)) => {
                    trading = false;
                    let until = Instant::now() + Duration::from_secs(120);
                    while !self.open.is_empty() || !self.errands.is_empty() {
                        assert!(
                            Instant::now() < until,
                            "{} does not find out: {:?}, {:?}",
                            self.book.name,
                            self.open,
                            self.errands
                        );
                        self.run_errands(false);
                        self.round(false);
                    }
                    self.repeat();
                    let _ = done.send(());
                }
                Some(Command::Show(to)) => {
                    let _ = to.send(self.book.clone());
                }
                None if !trading => return,
                None => {
                    for _ in 0..self.random.between(1, 8) {
                        if self.open.len() < OPEN_MAX && self.left > 0 {
                            self.left -= 1;
                            self.intend();
                        }
                    }
                    for _ in 0..self.random.between(0, 3) {
                        if self.errands_left > 0 {
                            self.errands_left -= 1;
                            self.plan_errand();
                        }
                    }
                    if self.open.is_empty() && self.errands.is_empty() {
                        // The round's work is done: waits for the next command.
                        trading = false;
                        continue;
                    }
                    let hasty = self.impatient || self.random.one_in(5);
                    self.run_errands(hasty);
                    self.round(hasty);
                }
            }
        }
    }

    fn intend(&mut self) {
        self.made += 1;
        let id = format!("{}-{}", self.book.name, self.made);
        let side = if self.random.one_in(3) {
            Side::Sell
        } else {
            Side::Buy
        };
        let symbol = Symbol::parse(&format!("SIM{}", self.random.between(1, 5))).unwrap();
        let quantity = Quantity(self.random.between(1, 5_000_000) as i64);
        let intent = Intent {
            side,
            symbol,
            quantity,
            queued: None,
            outcome: None,
        };
        self.book.intents.insert(id.clone(), intent);
        self.open.push_back(id);
    }

    /// Plans to place an order, or to cancel or replace one that was placed.
    fn plan_errand(&mut self) {
        self.made += 1;
        let name = format!("{}-w{}", self.book.name, self.made);
        let standing = self.book.standing.iter();
        let standing = standing.filter(|(_, order)| order.is_left_alone());
        let names: Vec<String> = standing.map(|(name, _)| name.clone()).collect();
        let old = Some(&names).filter(|names| !names.is_empty());
        let old = old.map(|names| self.random.pick(names).clone());
        let (session, market, random) = (&self.book.session, &self.market, &mut self.random);
        let order = match (random.between(0, 9), old) {
            (0 | 1, Some(old)) => {
                let order = self.book.standing.get_mut(&old).unwrap();
                order.cancel = CancelProgress::Asked;
                self.errands.push_back(Errand::Cancel(old));
                return;
            }
            (2 | 3, Some(old)) => {
                let order = self.book.standing.get_mut(&old).unwrap();
                order.is_replaced = true;
                StandingOrder::in_place_of((&old, order), &name, session, market, random)
            }
            _ => StandingOrder::draw(&name, session, market, random),
        };
        self.book.standing.insert(name.clone(), order);
        self.errands.push_back(Errand::Place(name));
    }

    /// Sends what is to be asked for in one write, and reads the answers; `hasty` closes the
    /// connection in between.
    fn run_errands(&mut self, hasty: bool) {
        if self.errands.is_empty() {
            return;
        }
        let Some(mut connection) = self.connect(REPLY_TIMEOUT) else {
            return;
        };
        let request = |errand: &Errand| match errand {
            Errand::Place(name) => self.book.standing[name].request.clone(),
            Errand::Cancel(name) => Request::CancelOrder {
                session: self.book.session.clone(),
                id: self.book.standing[name].placed.unwrap(),
            },
        };
        let requests: Vec<Request> = self.errands.iter().map(request).collect();
        if connection.send_all(&requests).is_err() {
            return;
        }
        let answered = if hasty {
            self.random.between(0, requests.len() as u64) as usize
        } else {
            requests.len()
        };
        let mut again = VecDeque::new();
        let is_whole = answered == requests.len();
        for _ in 0..answered {
            let Ok(ServerMessage::Reply(Answer::Message(reply))) = connection.recv() else {
                // The connection has ended; the rest is asked for again.
                again.append(&mut self.errands);
                self.errands = again;
                return;
            };
            let errand = self.errands.pop_front().unwrap();
            let (Errand::Place(name) | Errand::Cancel(name)) = &errand;
            let order = self.book.standing.get_mut(name).unwrap();
            let is_answer = match &errand {
                Errand::Place(_) => order.take_placed(name, reply),
                Errand::Cancel(_) => order.take_cancelled(name, reply),
            };
            if !is_answer {
                self.book.unstored += 1;
                again.push_back(errand);
            }
        }
        again.append(&mut self.errands);
        self.errands = again;
        self.connection = Some(connection).filter(|_| is_whole);
    }

    fn connect(&mut self, patience: Duration) -> Option<ServerConnection> {
        if self.connection.is_none() {
            let address = self.random.pick(&self.addresses).clone();
            match ServerConnection::connect(&address, patience) {
                Ok(connection) => self.connection = Some(connection),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
        self.connection.take()
    }

    /// Sends the open orders in one write and reads the answers; `hasty` closes the connection in
    /// between.
    fn round(&mut self, hasty: bool) {
        let patience = if hasty && self.impatient {
            self.connection = None;
            IMPATIENT_TIMEOUT
        } else {
            REPLY_TIMEOUT
        };
        if self.open.is_empty() {
            return;
        }
        let Some(mut connection) = self.connect(patience) else {
            return;
        };
        let ids: Vec<String> = self.open.iter().take(OPEN_MAX).cloned().collect();
        let requests: Vec<Request> = ids.iter().map(|id| self.book.order(id)).collect();
        if connection.send_all(&requests).is_err() {
            return;
        }
        self.book.retries += 1;
        let mut pending: VecDeque<String> = ids.into();
        let mut leave_after = if hasty && !self.impatient {
            self.random.between(0, 6)
        } else {
            u64::MAX
        };
        while !pending.is_empty() {
            if leave_after == 0 {
                return;
            }
            leave_after -= 1;
            match connection.recv() {
                Ok(ServerMessage::Notice(notice)) => {
                    let id = notice
                        .client_order_id
                        .expect("every order has a name")
                        .to_string();
                    let intent = self
                        .book
                        .intents
                        .get_mut(&id)
                        .expect("a notice of an order of ours");
                    assert!(
                        intent.queued.is_none_or(|known| known == notice.id),
                        "{id} is queued as two"
                    );
                    intent.queued = Some(notice.id);
                }
                Ok(ServerMessage::Reply(Answer::Message(reply))) => {
                    let id = pending.pop_front().unwrap();
                    if self.take(&id, reply) {
                        self.open.retain(|open| *open != id);
                    }
                }
                Ok(ServerMessage::Reply(Answer::Payload(_))) => {
                    panic!("a payload answers an order")
                }
                Ok(ServerMessage::Fault(..) | ServerMessage::Closed) | Err(_) => return,
            }
        }
        self.connection = Some(connection).filter(|_| patience == REPLY_TIMEOUT);
    }

    /// Records an answer; returns whether it finishes the order.
    fn take(&mut self, id: &str, reply: Reply) -> bool {
        if let Reply::Fail(_, refusal) = &reply {
            let intent = &self.book.intents[id];
            match refusal.reason.known() {
                // This request did not queue the order; it is sent again.
                Some(Reason::MasterUnavailable | Reason::Overloaded) => return false,
                Some(Reason::InternalError) => {
                    self.book.unstored += 1;
                    return false;
                }
                Some(
                    Reason::InsufficientFunds | Reason::InsufficientHoldings | Reason::NoPrice,
                ) => {}
                Some(Reason::SessionExpired) => {
                    panic!(
                        "{} lost the session of {}",
                        self.book.name,
                        self.username.as_str()
                    )
                }
                _ => panic!("{id} {intent:?} failed with {refusal}"),
            }
        }
        let intent = self.book.intents.get_mut(id).unwrap();
        if let Reply::Filled(fill) = &reply {
            self.market.prices.insert(fill.symbol, fill.price);
        }
        if let Some(known) = intent
            .outcome
            .as_ref()
            .filter(|_| !intent.is_of_the_moment())
        {
            assert_eq!(*known, reply, "{id} is answered differently");
        }
        intent.outcome = Some(reply);
        true
    }

    /// Sends some finished orders again: they must get the same answers, and have no effect.
    fn repeat(&mut self) {
        let ids: Vec<String> = self.book.intents.keys().cloned().collect();
        for _ in 0..3 {
            let id = self.random.pick(&ids).clone();
            let request = self.book.order(&id);
            let Some(mut connection) = self.connect(REPLY_TIMEOUT) else {
                continue;
            };
            if let Ok(Answer::Message(reply)) = connection
                .send(&request)
                .and_then(|()| connection.reply(|_| {}))
            {
                self.book.repeats += 1;
                self.take(&id, reply);
                self.connection = Some(connection);
            }
        }
        let _ = &self.pass;
    }
}
