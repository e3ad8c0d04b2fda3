//! spec/dialogue/requirements.md · 4 The Protocol
//!
//! The rules of the specification that no row of the table of instructions says, each with an ID, in
//! the specification's order. They are of edition 1. An ID never changes its meaning.
//!
//! Tests: `src/dialogue/requirements.rs`.

/// A rule of the specification that no row of the table says.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The section, a hyphen, and words.
    pub id: &'static str,
    /// What the server does.
    pub sentence: &'static str,
}

impl Rule {
    /// The section that its ID begins with.
    pub fn section(&self) -> &'static str {
        self.id.split_once('-').map_or("", |(section, _)| section)
    }
}

const fn rule(id: &'static str, sentence: &'static str) -> Rule {
    Rule { id, sentence }
}

/// The rules.
pub const RULES: &[Rule] = &[
    rule(
        "2.1.8-one-service",
        "All workers are one service: what a client does through one of them is seen through every other.",
    ),
    rule(
        "2.4.1-name-length",
        "A username has 1 to 24 characters; a longer one is refused.",
    ),
    rule(
        "2.4.1-email-length",
        "An e-mail address has up to 321 characters, of any script; a longer one is refused.",
    ),
    rule(
        "2.4.1-name-case",
        "Usernames are the same without regard to case, and are shown as they were registered.",
    ),
    rule(
        "2.4.1-beginning",
        "A new account has its cash, no positions and no transactions.",
    ),
    rule(
        "2.4.2-own-session",
        "Each login makes a session of its own; the end of one leaves the others.",
    ),
    rule(
        "2.4.2-lasting",
        "A session of a login with isExpirable false outlives its connection.",
    ),
    rule(
        "2.4.2-expirable",
        "A session of a login with isExpirable true ends with the connection that made it, and not with another that used it.",
    ),
    rule(
        "2.4.2-ended-everywhere",
        "A session that has ended is refused on every connection within a second.",
    ),
    rule(
        "2.4.3-bar",
        "An asset has a bar: low is the least and high the most of open, high, low and close.",
    ),
    rule(
        "3.1.3-password",
        "Only the password of the account logs in.",
    ),
    rule(
        "3.1.3-silent",
        "The answer to a failed login is the same whether the name is known or not.",
    ),
    rule(
        "3.1.3-new-token",
        "A session ID is given once: no two logins get the same.",
    ),
    rule(
        "3.1.5-workers-at-login",
        "A login is told the addresses of the workers.",
    ),
    rule(
        "3.1.5-worker-list",
        "getWorkerList tells the same addresses as a login.",
    ),
    rule(
        "3.1.6-intervals",
        "New values come with each update, and their time goes forward.",
    ),
    rule(
        "3.1.6-list",
        "The list of assets has each asset once, sorted by bytes.",
    ),
    rule(
        "3.1.7-queued-first",
        "Each order goes through the queue: it is announced as queued before it is answered.",
    ),
    rule(
        "3.1.7-next-price",
        "An order settles at the price of the next update, and never at one that could be seen when it was sent.",
    ),
    rule(
        "3.1.7-cleared",
        "An update clears the whole queue: orders queued before it settle in it together.",
    ),
    rule(
        "3.1.7-one-price",
        "Orders for one asset that settle in one update get one price.",
    ),
    rule(
        "3.1.7-in-turn",
        "The queue is cleared in the order in which the orders came.",
    ),
    rule(
        "3.1.7-bought-units",
        "A purchase adds its units to the portfolio.",
    ),
    rule(
        "3.1.7-sold-units",
        "A sale takes its units out of the portfolio; a position without units is gone.",
    ),
    rule("3.1.7-paid", "A purchase takes its total from the cash."),
    rule("3.1.7-received", "A sale adds its total to the cash."),
    rule(
        "3.1.7-total-up",
        "The total of a purchase is quantity by price, rounded up to a millionth.",
    ),
    rule(
        "3.1.7-total-down",
        "The total of a sale is quantity by price, rounded down to a millionth.",
    ),
    rule(
        "3.1.7-no-credit",
        "A purchase that costs more than the cash fails, and changes nothing.",
    ),
    rule(
        "3.1.7-no-short-sale",
        "A sale of more units than the portfolio has fails, and changes nothing.",
    ),
    rule(
        "3.1.7-history",
        "A transaction that went through stands in the history of its issuer, with its quantity, price and total.",
    ),
    rule(
        "3.1.7-history-time",
        "The history tells the time at which a transaction went through, the one that its answer told.",
    ),
    rule(
        "3.1.7-history-order",
        "The history has the newest transaction first.",
    ),
    rule(
        "3.1.7-history-own",
        "A transaction stands in the history of its issuer alone.",
    ),
    rule(
        "3.1.7-queued-in-history",
        "An order stands in the history from the moment it is queued, and once only.",
    ),
    rule(
        "3.1.7-once",
        "An order that is sent again with its clientOrderID never trades twice.",
    ),
    rule(
        "3.1.7-repeat-same",
        "An order that is sent again after it settled gets the same answer, byte for byte.",
    ),
    rule(
        "3.2.3-verified",
        "A session ID that was never given is refused.",
    ),
    rule(
        "3.2.6-fresh",
        "Values are of the last updates: whoever was told a settlement sees no value older than the update before it.",
    ),
    rule(
        "3.2.6-fresh-window",
        "A window that was asked for before an update has the bar of the update afterwards.",
    ),
    rule(
        "4.1-no-greeting",
        "The server says nothing before it is asked.",
    ),
    rule(
        "4.1-any-connection",
        "A session belongs to no connection: its ID is good on each.",
    ),
    rule(
        "4.1-data-needs-session",
        "Nobody enters the data state, and reads values there, without an active session.",
    ),
    rule(
        "4.2-one-connection",
        "The state belongs to one connection alone.",
    ),
    rule(
        "4.2-control-in-both",
        "Control messages are accepted in both states.",
    ),
    rule(
        "4.2-refused-switch",
        "A switch that is refused changes nothing.",
    ),
    rule("4.2.1-begins", "A connection begins in the command state."),
    rule(
        "4.2.1-no-data",
        "Data instructions are refused in the command state.",
    ),
    rule(
        "4.2.2-no-commands",
        "Commands are refused in the data state.",
    ),
    rule(
        "4.2.2-back",
        "The way back to the command state takes effect after the transfers that were asked for before it.",
    ),
    rule(
        "4.3.1-list-alone",
        "The master's port gives clients the list of workers, and nothing else.",
    ),
    rule(
        "4.3.2-clients",
        "Many clients are served at a time; none waits for another that is silent.",
    ),
    rule(
        "4.3.2-half-close",
        "A client that closes its sending side gets the answers to all that it sent, and then the end.",
    ),
    rule(
        "4.4-type",
        "A message whose messageType is none of the four is refused with bad-frame.",
    ),
    rule(
        "4.4-type-of-number",
        "A message whose instruction belongs to another messageType is refused with bad-frame.",
    ),
    rule(
        "4.4-data-size",
        "A message with more than 8,192 bytes of data is refused with too-large.",
    ),
    rule(
        "4.4-largest",
        "A message with 8,192 bytes of data is accepted.",
    ),
    rule(
        "4.4-header-first",
        "What is wrong in the header is answered without waiting for the data.",
    ),
    rule(
        "4.4-one-packet",
        "A request whose dataMessageNumber or dataMessageMax is not 1 is refused with bad-frame.",
    ),
    rule(
        "4.4-only-servers",
        "An instruction that servers alone send is refused with not-allowed.",
    ),
    rule(
        "4.4-utf-8",
        "Arguments that are not UTF-8 are refused with bad-frame.",
    ),
    rule(
        "4.4-argument-count",
        "Data with fewer arguments than argumentCount says are refused with bad-frame.",
    ),
    rule(
        "4.4-empty-argument",
        "An empty argument is refused with bad-frame.",
    ),
    rule(
        "4.4-space-in-last",
        "A space in the last argument of a request is refused with bad-frame.",
    ),
    rule(
        "4.4-no-data",
        "Data of a message without arguments are refused with bad-frame.",
    ),
    rule(
        "4.4-whole",
        "A stream that ends inside a message is refused with bad-frame.",
    ),
    rule(
        "4.4-order-of-checks",
        "Of several things that are wrong with a message, the first in the order of the checks is told.",
    ),
    rule(
        "4.4-end",
        "The connection ends after protocolError, and what came behind the bad message is not answered.",
    ),
    rule(
        "4.4-answers-before-end",
        "The requests before a bad message are answered before protocolError.",
    ),
    rule(
        "4.4-pieces",
        "A message may come in pieces, and several in one piece.",
    ),
    rule(
        "4.5-unknown",
        "A number that no instruction has is refused with unknown-instruction.",
    ),
    rule(
        "4.5-arguments",
        "A wrong number of arguments is refused with argument-count.",
    ),
    rule(
        "4.5-left-to-right",
        "Arguments are checked from left to right; the first that is wrong gives the reason.",
    ),
    rule(
        "4.5-forms-first",
        "The forms of arguments are checked before anything is looked up.",
    ),
    rule(
        "4.5.3-sentence",
        "Each failure tells a code and a sentence for people.",
    ),
    rule(
        "4.6.2-same-session",
        "login(sessionID) answers the same session ID.",
    ),
    rule(
        "4.6.3-no-half-account",
        "A registration that is refused leaves nothing behind.",
    ),
    rule(
        "4.6.6-state-told",
        "The answer to switchState names the state that is now in force.",
    ),
    rule(
        "4.6.6-way-out",
        "A client whose session has ended can still go back to the command state.",
    ),
    rule(
        "4.6.7-latest-day",
        "The bar of getAssetInfo is that of the latest day.",
    ),
    rule(
        "4.6.8-latest-close",
        "The current value is the close of the latest bar, with its time.",
    ),
    rule(
        "4.6.9-24-hours",
        "The day window has the bars of the 24 hours up to the date, the date's own included and the first moment not.",
    ),
    rule(
        "4.6.9-no-future",
        "The day window has no bar that is later than the latest update.",
    ),
    rule(
        "4.6.10-7-days",
        "The week window has the daily bars of the 7 days that end with the date's day.",
    ),
    rule(
        "4.6.10-no-future",
        "The week window has no bar that is later than the latest update.",
    ),
    rule(
        "4.6.11-month",
        "The month window has the daily bars of the calendar month that ends with the date's day.",
    ),
    rule(
        "4.6.11-no-future",
        "The month window has no bar that is later than the latest update.",
    ),
    rule(
        "4.6.12-12-months",
        "The year window has the 12 monthly bars that end with the date's month.",
    ),
    rule(
        "4.6.12-no-future",
        "The year window has no bar that is later than the latest update.",
    ),
    rule(
        "4.6.13-months",
        "The window of all time has every monthly bar up to that of the latest update, and no later one.",
    ),
    rule(
        "4.6.13-month-bar",
        "A monthly bar has the first open, the highest high, the lowest low, the last close, and all volume of its days.",
    ),
    rule(
        "4.6.14-private",
        "getUserInfo tells the e-mail address and the cash to the owner's session alone.",
    ),
    rule(
        "4.6.15-private",
        "getUserPortfolio tells the quantities to the owner's session alone; others see shares.",
    ),
    rule(
        "4.6.15-average",
        "The average cost of a position is what its units cost, divided by them.",
    ),
    rule(
        "4.6.16-private",
        "getUserTransactionHistory tells quantities and prices to the owner's session alone.",
    ),
    rule(
        "4.7-order-of-answers",
        "Answers come in the order of the requests of their connection.",
    ),
    rule(
        "4.7-effect-in-order",
        "Requests of a connection take effect in their order.",
    ),
    rule(
        "4.7.1-packet-size",
        "Every packet of a transfer but the last has 8,192 bytes.",
    ),
    rule(
        "4.7.1-packet-number",
        "The packets of a transfer are numbered from 1, in the order in which they are sent.",
    ),
    rule(
        "4.7.1-packet-max",
        "Every packet of a transfer tells how many there are.",
    ),
    rule(
        "4.7.1-whole",
        "A transfer has all its bytes, also where they need more than one packet.",
    ),
    rule(
        "4.7.1-not-mixed",
        "Transfers that are asked for together follow each other, each whole.",
    ),
    rule(
        "4.7.1-empty",
        "A transfer without bytes is one packet without data.",
    ),
    rule(
        "4.7.2-new-session",
        "A login with the right password is answered with the ID of an active session.",
    ),
    rule(
        "4.7.3-ended",
        "A login with the ID of a session that has ended fails.",
    ),
    rule(
        "4.7.4-known",
        "An account that was registered can log in at once, and its name and address are taken.",
    ),
    rule(
        "4.7.5-in-order-of-time",
        "Orders of one account that come through two workers settle in the order of time.",
    ),
    rule(
        "4.7.5-outcome",
        "A purchase is answered with the outcome of its own order, after those before it.",
    ),
];
