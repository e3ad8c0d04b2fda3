//! spec/cli/papertrader/arguments.md · 2.1.4 User/Client
//!
//! The command line of `papertrader`. The library defines it, so that the man page and completions
//! are generated from it. Its doc comments are the texts of `--help`.

use crate::cli::input::{date, quantity};
use crate::client::OrderForm;
use crate::model::token::parse_days;
use crate::model::{
    ClientOrderId, Email, IdentityProviderName, Money, OrderAmount, OrderTerms, Quantity,
    SessionSelection, Side, SignInMethod, Symbol, TimeInForce, Timestamp, TokenName, TokenScope,
    TrailDistance, Username, UsernameOrEmail,
};
use crate::net::client_tls::{CertificatePin, parse_pin};
use clap::{ArgGroup, Args, Parser, Subcommand};
use std::path::PathBuf;

/// The default port of a worker.
pub const WORKER_PORT: u16 = 2049;
/// The default port of a master.
pub const MASTER_PORT: u16 = 2048;

/// Practise investing with play money, at the prices of real markets.
#[derive(Debug, Parser)]
#[command(
    name = "papertrader",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Examples:
  papertrader --server eu1.example.org register alice alice@example.org
  papertrader --server eu1.example.org login alice
  papertrader login alice --with google
  papertrader quote AAPL IBM
  papertrader chart AAPL --year
  papertrader buy AAPL 10
  papertrader buy AAPL 5 --limit 50
  papertrader orders
  papertrader portfolio
  papertrader transactions --csv > trades.csv
  papertrader tui

The server is remembered by login; --server names another one.

Exit codes: 0 done, 1 failed, 2 bad command line, 3 no server reachable, 4 not logged in, \
5 refused by the server, 6 the outcome is unknown: ask the history."
)]
pub struct ClientCli {
    /// What holds for every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: ClientCommand,
}

/// Where and how to connect, and how to print.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options for every command")]
pub struct GlobalArgs {
    /// A server to use, called a worker; may be given several times: the next is tried when one is down
    /// [default: those of the last login, else 127.0.0.1:2049]
    #[arg(long, global = true, value_name = "HOST:PORT", env = "PAPERTRADER_SERVER", value_delimiter = ',', value_parser = worker_address)]
    pub server: Vec<String>,
    /// The master's address, asked for servers when none that is known answers; what it names is
    /// tried only if --pin, --ca or a host named before speaks for it
    #[arg(long, global = true, value_name = "HOST:PORT", env = "PAPERTRADER_MASTER", value_parser = master_address)]
    pub master: Option<String>,
    /// Whose session to use, where there are several [default: the one that logged in last; with
    /// --server, the last one at that server and those that belong to it]
    #[arg(long, global = true, value_name = "NAME", env = "PAPERTRADER_USER", value_parser = username)]
    pub user: Option<Username>,
    /// A file with a token, in place of a session that login saved; needs --user; not readable by
    /// others [default: the token in PAPERTRADER_TOKEN, if there is one]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PAPERTRADER_TOKEN_FILE"
    )]
    pub token_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// Speak plain text to servers on other machines, too: others can read passwords and sessions on
    /// the way; not with a session that was made over TLS
    #[arg(long, global = true, env = "PAPERTRADER_PLAIN", value_parser = clap::builder::FalseyValueParser::new(), conflicts_with_all = ["tls", "ca", "pin"])]
    pub plain: bool,
    /// Speak TLS to a server on this machine, too
    #[arg(long, global = true)]
    pub tls: bool,
    /// A PEM file of certificates to trust beside the system's; implies --tls; login remembers it
    #[arg(long, global = true, value_name = "FILE", env = "PAPERTRADER_CA")]
    pub ca: Option<PathBuf>,
    /// The SHA-256 of the one certificate to trust, as `openssl x509 -fingerprint -sha256` prints
    /// it; may be given several times; implies --tls; login remembers it
    #[arg(long, global = true, value_name = "SHA256", env = "PAPERTRADER_PIN", value_delimiter = ',', value_parser = parse_pin)]
    pub pin: Vec<CertificatePin>,
    /// Seconds to wait for a connection or an answer
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub timeout: u64,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Make an account; asks for its password
    ///
    /// Choose another password than in any other deployment: where username and password are the
    /// same, who runs one of them can log in to the other with what the client sends at a login.
    Register(RegisterArgs),
    /// Log in; later commands use the session
    Login(LoginArgs),
    /// Log out. A token is ended by `tokens revoke`
    Logout,
    /// Show your account and what can act for it; change, export or delete it
    Account(AccountArgs),
    /// Change the password, or set a new one with a code
    Password(PasswordCommandArgs),
    /// Show the sessions of your account, where each was made and last used, or end some
    Sessions(SessionsArgs),
    /// Show the tokens of your account, make one for a program, or revoke one
    Tokens(TokensArgs),
    /// List the assets, or those whose symbol contains SEARCH
    Assets(AssetsArgs),
    /// Show the latest value of assets, and how old it is
    Quote(QuoteArgs),
    /// Show values as they change, and the ends of your orders, until Ctrl-C
    Watch(WatchArgs),
    /// Show an asset's latest day: open, high, low, close and volume
    Info(SymbolArgs),
    /// Draw an asset's past values
    Chart(ChartArgs),
    /// Predict an asset's value on a later date, with a 95 % interval
    Forecast(ForecastArgs),
    /// Buy units of an asset at the price of the next update, or at a limit or stop
    Buy(BuyArgs),
    /// Sell units of an asset at the price of the next update, or at a limit or stop
    Sell(SellArgs),
    /// Show your open orders: those that have no outcome yet
    Orders,
    /// Cancel an open order, or all
    Cancel(CancelArgs),
    /// Change the quantity or the prices of an open order
    Replace(ReplaceArgs),
    /// Show cash and positions with their profit and loss
    Portfolio(PortfolioArgs),
    /// Show the history of transactions, newest first
    Transactions(TransactionsArgs),
    /// The full-screen view: live prices, charts, portfolio, orders, history, and a line to order
    ///
    /// ? shows its keys, q leaves it. It wants a terminal of 40 columns and 12 rows at least.
    Tui,
    /// Show what others may see of an account; of your own also its e-mail address and cash
    User(UserArgs),
    /// Show how the market stands: its state and time, the next update, and how old prices are
    Market,
    /// Show what the server tells about itself: its market, its next update, how to sign in, versions
    Server,
    /// List the servers that serve now, which are called workers
    Workers,
    /// Measure how fast the known servers answer
    Ping,
}

/// See [`PasswordCommand::Forgot`].
#[derive(Debug, Args)]
pub struct ForgotArgs {
    /// The account, or its e-mail address
    #[arg(value_parser = username_or_email)]
    pub name: UsernameOrEmail,
}

/// See [`PasswordCommand::Reset`].
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// The account
    #[arg(value_parser = username)]
    pub name: Username,
    /// Read two lines from standard input in place of the terminal: the code, and the new password
    #[arg(long)]
    pub password_stdin: bool,
}

/// How a password comes in.
#[derive(Debug, Clone, Args)]
pub struct PasswordArgs {
    /// Read the password's line from standard input in place of the terminal
    #[arg(long)]
    pub password_stdin: bool,
}

/// See [`ClientCommand::Register`].
#[derive(Debug, Args)]
pub struct RegisterArgs {
    /// 1 to 24 of A-Z a-z 0-9 . _ -
    #[arg(value_parser = username)]
    pub name: Username,
    /// Known to you and the server's administrator
    #[arg(value_parser = email)]
    pub email: Email,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`ClientCommand::Login`].
#[derive(Debug, Args)]
pub struct LoginArgs {
    /// The account [default: --user]
    #[arg(value_parser = username)]
    pub name: Option<Username>,
    /// End the session with this command, which stays in the foreground until Ctrl-C or the end of
    /// standard input; other commands use the session meanwhile
    #[arg(long)]
    pub expirable: bool,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
    /// Sign in with this provider instead of a password; `server` shows which there are. The first
    /// time makes an account called NAME
    #[arg(long, value_name = "PROVIDER", value_parser = provider, conflicts_with_all = ["expirable", "password_stdin"])]
    pub with: Option<IdentityProviderName>,
    /// How to reach the provider: device, a code to type into any browser; redirect, a browser on
    /// this machine [default: redirect where a browser is likely, else device]
    #[arg(long, value_name = "METHOD", value_parser = method, requires = "with")]
    pub method: Option<SignInMethod>,
}

/// See [`AccountCommand::Link`].
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// A name that `server` shows
    #[arg(value_parser = provider)]
    pub provider: IdentityProviderName,
    /// How to reach it: device or redirect
    #[arg(long, value_name = "METHOD", value_parser = method)]
    pub method: Option<SignInMethod>,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`AccountCommand::Unlink`].
#[derive(Debug, Args)]
pub struct UnlinkArgs {
    /// A name that `account` or `server` shows
    #[arg(value_parser = provider)]
    pub provider: IdentityProviderName,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`ClientCommand::Account`].
#[derive(Debug, Args)]
pub struct AccountArgs {
    /// What to do with it [default: show it].
    #[command(subcommand)]
    pub command: Option<AccountCommand>,
}

/// What is done with one's own account.
#[derive(Debug, Subcommand)]
pub enum AccountCommand {
    /// Change the e-mail address; asks for the password. The old address gets a mail about it
    Email(AccountEmailArgs),
    /// Delete your account for good; asks for its name and the password. Orders are cancelled, all sessions and
    /// tokens end, and its name is free
    ///
    /// Its transactions stay under a number that tells nobody whose they were. Nobody can undo it.
    Delete(AccountDeleteArgs),
    /// Write all that the servers have on you, as lines of JSON
    #[command(after_help = "The file must not be there yet, and is yours alone.
Example: papertrader account export ada.jsonl")]
    Export {
        /// Where to write it; - for standard output
        #[arg(value_name = "FILE", default_value = "-", value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
    },
    /// Sign in with a provider from now on, too; asks for the password if the login is older than 15
    /// minutes
    Link(LinkArgs),
    /// Do not sign in with a provider any more; asks for the password likewise
    Unlink(UnlinkArgs),
}

/// See [`AccountCommand::Email`].
#[derive(Debug, Args)]
pub struct AccountEmailArgs {
    /// The new address, or - for none
    #[arg(value_parser = email_or_none, allow_hyphen_values = true)]
    pub address: EmailOrNone,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`AccountCommand::Delete`].
#[derive(Debug, Args)]
pub struct AccountDeleteArgs {
    /// Do not ask for the name
    #[arg(long)]
    pub yes: bool,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// An e-mail address, or none.
#[derive(Debug, Clone)]
pub struct EmailOrNone(pub Option<Email>);

/// See [`ClientCommand::Password`].
#[derive(Debug, Args)]
pub struct PasswordCommandArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: PasswordCommand,
}

/// What is done with a password.
#[derive(Debug, Subcommand)]
pub enum PasswordCommand {
    /// Change it; asks for the old one and the new one. All other sessions and all tokens end
    Change(PasswordChangeArgs),
    /// Ask for a code by e-mail, with which `password reset` sets a new password
    ///
    /// The server answers the same whether there is such an account or not. Where it sends no mail,
    /// its administrator has a code.
    Forgot(ForgotArgs),
    /// Set a new password with a code from an e-mail or from the administrator; all sessions and
    /// tokens of the account end
    Reset(ResetArgs),
}

/// See [`PasswordCommand::Change`].
#[derive(Debug, Args)]
pub struct PasswordChangeArgs {
    /// The passwords: with --password-stdin the old one's line comes first.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`ClientCommand::Sessions`].
#[derive(Debug, Args)]
pub struct SessionsArgs {
    /// What to do with them [default: show them].
    #[command(subcommand)]
    pub command: Option<OwnSessionsCommand>,
}

/// What is done with sessions.
#[derive(Debug, Subcommand)]
pub enum OwnSessionsCommand {
    /// End one, all others, or all. Tokens stay
    End(SessionsEndArgs),
}

/// See [`OwnSessionsCommand::End`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["id", "others", "all"]).required(true))]
pub struct SessionsEndArgs {
    /// The session, or its first 8 digits or more
    #[arg(value_parser = session_prefix)]
    pub id: Option<SessionSelection>,
    /// All but the one in use
    #[arg(long)]
    pub others: bool,
    /// All
    #[arg(long)]
    pub all: bool,
}

/// See [`ClientCommand::Tokens`].
#[derive(Debug, Args)]
pub struct TokensArgs {
    /// What to do with them [default: show them].
    #[command(subcommand)]
    pub command: Option<TokensCommand>,
}

/// What is done with tokens.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Make one and print it, this once; asks for the password if the login is older than 15
    /// minutes
    Create(TokensCreateArgs),
    /// Revoke one, so that it ends
    Revoke(TokensRevokeArgs),
}

/// See [`TokensCommand::Create`].
#[derive(Debug, Args)]
pub struct TokensCreateArgs {
    /// 1 to 32 of A-Z a-z 0-9 . _ -
    #[arg(value_parser = token_name)]
    pub name: TokenName,
    /// What it allows: read; or trade, which is reading and orders
    #[arg(long, value_parser = token_scope)]
    pub scope: TokenScope,
    /// After how many days it ends
    #[arg(long, default_value = "90", value_parser = days)]
    pub days: u16,
    /// The password.
    #[command(flatten)]
    pub password: PasswordArgs,
}

/// See [`TokensCommand::Revoke`].
#[derive(Debug, Args)]
pub struct TokensRevokeArgs {
    /// Its name
    #[arg(value_parser = token_name)]
    pub name: TokenName,
}

/// See [`ClientCommand::Assets`].
#[derive(Debug, Args)]
pub struct AssetsArgs {
    /// Part of a symbol, in any case
    pub search: Option<String>,
    /// Print the symbols alone, one a line
    #[arg(long)]
    pub symbols: bool,
}

/// See [`ClientCommand::Quote`].
#[derive(Debug, Args)]
pub struct QuoteArgs {
    /// Assets
    #[arg(required = true, value_name = "SYMBOL", value_parser = symbol)]
    pub symbols: Vec<Symbol>,
}

/// See [`ClientCommand::Watch`].
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Assets
    #[arg(required = true, value_name = "SYMBOL", value_parser = symbol)]
    pub symbols: Vec<Symbol>,
    /// Stop after so many rounds
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Time between rounds, such as 500ms, 2s or 1min
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = interval)]
    pub interval: std::time::Duration,
}

/// See [`ClientCommand::Info`].
#[derive(Debug, Args)]
pub struct SymbolArgs {
    /// An asset
    #[arg(value_parser = symbol)]
    pub symbol: Symbol,
}

/// See [`ClientCommand::Chart`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("window").args(["day", "week", "month", "year", "all"]))]
#[command(after_help = "Examples:
  papertrader chart AAPL --week --date 2013-03-01
  papertrader chart AAPL --all --adjusted --csv > aapl.csv")]
pub struct ChartArgs {
    /// An asset
    #[arg(value_parser = symbol)]
    pub symbol: Symbol,
    /// The last 24 hours, as fine as it is stored
    #[arg(long)]
    pub day: bool,
    /// The daily bars of 7 days
    #[arg(long)]
    pub week: bool,
    /// The daily bars of a month (this is the default)
    #[arg(long)]
    pub month: bool,
    /// The 12 monthly bars of a year
    #[arg(long)]
    pub year: bool,
    /// All monthly bars
    #[arg(long)]
    pub all: bool,
    /// Where the window ends, such as 2013-03-01 or "2013-03-01 14:00:00", in UTC [default: the
    /// asset's latest value]
    #[arg(long, value_parser = date, conflicts_with = "all")]
    pub date: Option<Timestamp>,
    /// Draw prices as they were quoted, not adjusted for splits and dividends
    #[arg(long)]
    pub raw: bool,
    /// Adjust for splits and dividends: what is drawn is so already, JSON and CSV are not
    #[arg(long, conflicts_with = "raw")]
    pub adjusted: bool,
    /// Print the bars as CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Draw with ASCII characters alone
    #[arg(long)]
    pub ascii: bool,
}

/// See [`ClientCommand::Forecast`].
#[derive(Debug, Args)]
pub struct ForecastArgs {
    /// An asset
    #[arg(value_parser = symbol)]
    pub symbol: Symbol,
    /// A day after the asset's latest value, such as 2013-03-01
    #[arg(value_parser = date)]
    pub date: Timestamp,
}

/// See [`ClientCommand::Buy`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("amount").args(["quantity", "money"]).required(true))]
#[command(override_usage = "papertrader buy [OPTIONS] <SYMBOL> <QUANTITY|--for <MONEY>>")]
#[command(after_help = "Examples:
  papertrader buy AAPL 10
  papertrader buy AAPL --for 500
  papertrader buy AAPL 1,000 --limit 95.50 --tif day
  papertrader buy BTCUSDT 0.25 --no-wait

Without a price an order settles at the price of the asset's next update, which nobody has seen \
when the order is accepted. With one it waits until a price reaches it: papertrader orders, cancel \
and replace are for such orders. Ctrl-C ends the countdown, not the order.

Every order has an ID of its own; given again with the same ID it is never traded twice, so that \
an order whose outcome was not seen can be repeated safely.")]
pub struct BuyArgs {
    /// An asset
    #[arg(value_parser = symbol)]
    pub symbol: Symbol,
    /// Units, such as 10, 0.25 or 2,500
    #[arg(value_parser = ordered_units, allow_hyphen_values = true)]
    pub quantity: Option<Quantity>,
    /// As many units as this money buys, fee included
    #[arg(id = "money", long = "for", value_name = "MONEY", value_parser = price, allow_hyphen_values = true)]
    pub money: Option<Money>,
    /// How it is ordered.
    #[command(flatten)]
    pub options: OrderOptions,
}

/// See [`ClientCommand::Sell`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("amount").args(["quantity", "all"]).required(true))]
#[command(override_usage = "papertrader sell [OPTIONS] <SYMBOL> <QUANTITY|--all>")]
#[command(after_help = "Examples:
  papertrader sell AAPL 10
  papertrader sell AAPL --all
  papertrader sell AAPL 10 --stop 90
  papertrader sell AAPL 10 --trail 5% --tif 2013-06-28
  papertrader sell BTCUSDT 0.25 --no-wait

Without a price an order settles at the price of the asset's next update, which nobody has seen \
when the order is accepted. With one it waits until a price reaches it: papertrader orders, cancel \
and replace are for such orders. Ctrl-C ends the countdown, not the order.

Every order has an ID of its own; given again with the same ID it is never traded twice, so that \
an order whose outcome was not seen can be repeated safely.")]
pub struct SellArgs {
    /// An asset
    #[arg(value_parser = symbol)]
    pub symbol: Symbol,
    /// Units, such as 10, 0.25 or 2,500
    #[arg(value_parser = ordered_units, allow_hyphen_values = true)]
    pub quantity: Option<Quantity>,
    /// All units that no other order has promised
    #[arg(long)]
    pub all: bool,
    /// How it is ordered.
    #[command(flatten)]
    pub options: OrderOptions,
}

/// How an order is placed and followed.
#[derive(Debug, Clone, Args)]
pub struct OrderOptions {
    /// Buy at this price or less, sell at it or more
    #[arg(long, value_name = "PRICE", value_parser = price, allow_hyphen_values = true)]
    pub limit: Option<Money>,
    /// Wait until the price reaches this: buy when it rises to it, sell when it falls to it. With
    /// --limit it is a limit order from then on
    #[arg(long, value_name = "PRICE", value_parser = price, allow_hyphen_values = true)]
    pub stop: Option<Money>,
    /// A stop that follows the price at this distance: money such as 2.50, or 5%
    #[arg(long, value_name = "DISTANCE", value_parser = distance, conflicts_with_all = ["limit", "stop"], allow_hyphen_values = true)]
    pub trail: Option<TrailDistance>,
    /// How long it stands, in market time: day, gtc (180 days), through a date such as 2013-06-28,
    /// or until "2013-06-28 14:00" [default: gtc]
    #[arg(long, value_name = "TIME", value_parser = time_in_force)]
    pub tif: Option<TimeInForce>,
    /// Do not ask where it takes more than half of what the account is worth
    #[arg(long)]
    pub yes: bool,
    /// Return as soon as the order is on the server's disk
    #[arg(long)]
    pub no_wait: bool,
    /// The order's own ID and how long to look for what became of it.
    #[command(flatten)]
    pub repeat: RepeatOptions,
}

impl BuyArgs {
    /// How much is bought.
    pub fn amount(&self) -> Option<OrderAmount> {
        match (self.quantity, self.money) {
            (Some(units), _) => Some(OrderAmount::Units(units)),
            (None, money) => money.map(OrderAmount::Cash),
        }
    }
}

impl SellArgs {
    /// How much is sold; `None`: all that no other order has been promised.
    pub fn amount(&self) -> Option<OrderAmount> {
        self.quantity.map(OrderAmount::Units)
    }
}

impl OrderOptions {
    /// The order of these options, with the ID that they name.
    pub fn form(&self, side: Side, symbol: Symbol, amount: OrderAmount) -> OrderForm {
        OrderForm {
            side,
            symbol,
            amount,
            terms: self.terms(),
            time_in_force: self.tif.unwrap_or(TimeInForce::Gtc),
            id: self.repeat.order_id.clone(),
        }
    }

    /// The prices that an order of these options has.
    fn terms(&self) -> OrderTerms {
        match (self.limit, self.stop, self.trail) {
            (_, _, Some(distance)) => OrderTerms::Trailing { distance },
            (Some(limit), Some(stop), None) => OrderTerms::StopLimit { limit, stop },
            (Some(limit), None, None) => OrderTerms::Limit { limit },
            (None, Some(stop), None) => OrderTerms::Stop { stop },
            (None, None, None) => OrderTerms::Market,
        }
    }
}

/// How an order is repeated whose outcome is not seen.
#[derive(Debug, Clone, Args)]
pub struct RepeatOptions {
    /// The order's own ID: 1 to 64 of A-Z a-z 0-9 . _ : - [default: a fresh one]
    #[arg(long, value_name = "ID", value_parser = order_id)]
    pub order_id: Option<ClientOrderId>,
    /// Seconds to go on looking for a server that knows what became of an order that was sent
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub patience: u64,
}

/// See [`ClientCommand::Cancel`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").args(["id", "all"]).required(true))]
#[command(after_help = "Examples:
  papertrader cancel 01997a3e-8a4e-7c21-9d1c-2f60c1d4b7aa
  papertrader cancel 2f60c1d4b7aa
  papertrader cancel --all

An order that an update has filled meanwhile cannot be cancelled. While an update is under way the \
answer waits for it.")]
pub struct CancelArgs {
    /// The order: its ID, 8 or more digits of its beginning or end, or its own --order-id; orders lists them
    pub id: Option<String>,
    /// All that are open
    #[arg(long)]
    pub all: bool,
}

/// See [`ClientCommand::Replace`].
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("change").args(["quantity", "money", "limit", "stop", "trail"]).required(true).multiple(true))]
#[command(after_help = "Example:
  papertrader replace 2f60c1d4b7aa --limit 96 --quantity 5

The new order has an ID and a turn of its own; the old one is cancelled with it, or neither. What is \
not named stays as it was, and so do side, asset, kind and time in force.")]
pub struct ReplaceArgs {
    /// The order: its ID, 8 or more digits of its beginning or end, or its own --order-id; orders lists them
    pub id: String,
    /// Units, such as 10, 0.25 or 2,500
    #[arg(long, value_name = "UNITS", value_parser = quantity, allow_hyphen_values = true, conflicts_with = "money")]
    pub quantity: Option<Quantity>,
    /// As many units as this money buys, fee included
    #[arg(id = "money", long = "for", value_name = "MONEY", value_parser = price, allow_hyphen_values = true)]
    pub money: Option<Money>,
    /// Another limit
    #[arg(long, value_name = "PRICE", value_parser = price, allow_hyphen_values = true)]
    pub limit: Option<Money>,
    /// Another stop
    #[arg(long, value_name = "PRICE", value_parser = price, allow_hyphen_values = true)]
    pub stop: Option<Money>,
    /// Another distance of a trailing order: money such as 2.50, or 5%
    #[arg(long, value_name = "DISTANCE", value_parser = distance, conflicts_with_all = ["limit", "stop"], allow_hyphen_values = true)]
    pub trail: Option<TrailDistance>,
    /// Do not ask where it takes more than half of what the account is worth
    #[arg(long)]
    pub yes: bool,
    /// Return as soon as the order is on the server's disk
    #[arg(long)]
    pub no_wait: bool,
    /// The new order's own ID and how long to look for what became of it.
    #[command(flatten)]
    pub repeat: RepeatOptions,
}

/// See [`ClientCommand::Portfolio`].
#[derive(Debug, Args)]
pub struct PortfolioArgs {
    /// What others may see of this account
    #[arg(long, value_name = "USER", value_parser = username)]
    pub of: Option<Username>,
    /// Read the whole history too, and show the profit since the account began
    #[arg(long, conflicts_with = "of")]
    pub realised: bool,
}

/// See [`ClientCommand::Transactions`].
#[derive(Debug, Args)]
pub struct TransactionsArgs {
    /// What others may see of this account
    #[arg(long, value_name = "USER", value_parser = username)]
    pub of: Option<Username>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// At most so many, the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// Explain one transaction: why this price at this time; an ID, its beginning or end, or `last`,
    /// the newest that has an outcome
    #[arg(long, value_name = "ID", conflicts_with_all = ["of", "csv", "limit"])]
    pub receipt: Option<String>,
}

/// See [`ClientCommand::User`].
#[derive(Debug, Args)]
pub struct UserArgs {
    /// The account [default: your own]
    #[arg(value_parser = username)]
    pub name: Option<Username>,
}

fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|e| e.0.to_owned())
}

fn username_or_email(text: &str) -> Result<UsernameOrEmail, String> {
    UsernameOrEmail::parse(text).map_err(|e| e.0.to_owned())
}

fn provider(text: &str) -> Result<IdentityProviderName, String> {
    IdentityProviderName::parse(text).map_err(|e| e.0.to_owned())
}

fn method(text: &str) -> Result<SignInMethod, String> {
    SignInMethod::from_name(text).ok_or_else(|| "a method is device or redirect".to_owned())
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|e| e.0.to_owned())
}

fn email_or_none(text: &str) -> Result<EmailOrNone, String> {
    if text == "-" {
        return Ok(EmailOrNone(None));
    }
    email(text).map(|email| EmailOrNone(Some(email)))
}

fn session_prefix(text: &str) -> Result<SessionSelection, String> {
    match SessionSelection::parse(&text.to_ascii_lowercase()) {
        Ok(selection @ SessionSelection::Prefix(_)) => Ok(selection),
        _ => Err("a session is 8 to 16 of 0-9 a-f; sessions lists them".to_owned()),
    }
}

fn token_name(text: &str) -> Result<TokenName, String> {
    TokenName::parse(text).map_err(|e| e.0.to_owned())
}

fn token_scope(text: &str) -> Result<TokenScope, String> {
    TokenScope::from_name(text).ok_or_else(|| "a scope is read or trade".to_owned())
}

fn days(text: &str) -> Result<u16, String> {
    parse_days(text).map_err(|e| e.0.to_owned())
}

fn symbol(text: &str) -> Result<Symbol, String> {
    Symbol::parse(&text.to_ascii_uppercase()).map_err(|e| e.0.to_owned())
}

/// The units of an order. Who types the asset here has typed them before it.
fn ordered_units(text: &str) -> Result<Quantity, String> {
    quantity(text).map_err(|why| {
        let is_symbol = symbol(text).is_ok() && text.starts_with(|c: char| c.is_ascii_alphabetic());
        if is_symbol {
            format!("the symbol comes first, then the units: {text} 10")
        } else {
            why
        }
    })
}

fn order_id(text: &str) -> Result<ClientOrderId, String> {
    ClientOrderId::parse(text).map_err(|e| e.0.to_owned())
}

fn price(text: &str) -> Result<Money, String> {
    match quantity(text) {
        Ok(price) => Ok(Money(price.0)),
        Err(why) => Err(why.replace("a quantity", "an amount of money")),
    }
}

fn distance(text: &str) -> Result<TrailDistance, String> {
    if text.contains('%') {
        return TrailDistance::parse(text.trim()).map_err(|e| e.0.to_owned());
    }
    price(text).map(TrailDistance::Money)
}

fn time_in_force(text: &str) -> Result<TimeInForce, String> {
    let text = text.trim();
    let word = text.to_ascii_lowercase();
    if let "day" | "gtc" = word.as_str() {
        return TimeInForce::parse(&word).map_err(|e| e.0.to_owned());
    }
    let until = date(text).map_err(|why| format!("day, gtc or a date: {why}"))?;
    match text.get(..10).filter(|_| !text.contains(':')) {
        // A day without a time is meant as a whole.
        Some(day) => TimeInForce::parse(day).map_err(|e| e.0.to_owned()),
        None => Ok(TimeInForce::Until(until)),
    }
}

fn interval(text: &str) -> Result<std::time::Duration, String> {
    let time = humantime::parse_duration(text).map_err(|e| e.to_string())?;
    if (100..=86_400_000).contains(&time.as_millis()) {
        Ok(time)
    } else {
        Err("between 100ms and 1day".to_owned())
    }
}

/// A worker's address, as the command line takes it.
///
/// # Errors
/// As [`address`].
pub(super) fn worker_address(text: &str) -> Result<String, String> {
    address(text, WORKER_PORT)
}

fn master_address(text: &str) -> Result<String, String> {
    address(text, MASTER_PORT)
}

/// Normalises an address to `HOST:PORT`, the form of worker lists. Accepts `HOST`, `HOST:PORT`, an
/// IPv6 address, and one in brackets with or without a port.
///
/// # Errors
/// No host, or an invalid port.
pub fn address(text: &str, default_port: u16) -> Result<String, String> {
    const FORM: &str = "an address is HOST:PORT, an IPv6 one [ADDR]:PORT";
    if text.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(format!("[{text}]:{default_port}"));
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (inner, after) = rest.split_once(']').ok_or(FORM)?;
        inner.parse::<std::net::Ipv6Addr>().map_err(|_| FORM)?;
        (
            format!("[{inner}]"),
            after.strip_prefix(':').or(after.is_empty().then_some("")),
        )
    } else {
        match text.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port).filter(|p| !p.is_empty())),
            None => (text.to_owned(), Some("")),
        }
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == ':' || c == ',';
    if bare.is_empty() || (!host.starts_with('[') && host.contains(odd)) {
        return Err(FORM.to_owned());
    }
    let port = match port {
        Some("") => default_port,
        Some(port) => port.parse::<u16>().ok().filter(|p| *p > 0).ok_or(FORM)?,
        None => return Err(FORM.to_owned()),
    };
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<ClientCli, clap::Error> {
        ClientCli::try_parse_from(line.split(' '))
    }

    #[test]
    fn the_definition_is_sound() {
        ClientCli::command().debug_assert();
    }

    #[test]
    fn addresses_are_normalised() {
        let good = |text| address(text, 2049).unwrap();
        assert_eq!(good("eu1.example.org"), "eu1.example.org:2049");
        assert_eq!(good("eu1:1"), "eu1:1");
        assert_eq!(good("::1"), "[::1]:2049");
        assert_eq!(good("[::1]"), "[::1]:2049");
        assert_eq!(good("[::1]:7"), "[::1]:7");
        for text in [
            "", ":1", "a:", "a:0", "a:65536", "a:x", "[::1", "[x]:1", "a b:1", "a:b:1", "[::1]7",
        ] {
            assert!(address(text, 2049).is_err(), "{text}");
        }
    }

    #[test]
    fn global_options_may_follow_the_command() {
        let cli = parse("papertrader quote aapl ibm --server x:1 --server y --json").unwrap();
        assert_eq!(cli.global.server, ["x:1", "y:2049"]);
        assert!(cli.global.json);
        let ClientCommand::Quote(quote) = cli.command else {
            panic!("another command");
        };
        assert_eq!(quote.symbols[0].as_str(), "AAPL");
    }

    #[test]
    fn invalid_command_lines_exit_with_2() {
        for line in [
            "papertrader",
            "papertrader nonsense",
            "papertrader quote",
            "papertrader quote A_B",
            "papertrader buy AAPL",
            "papertrader buy AAPL 0",
            "papertrader buy AAPL -1",
            "papertrader buy AAPL 1e3",
            "papertrader buy AAPL 0,5",
            "papertrader buy AAPL 1_000",
            "papertrader buy AAPL 1 --for 500",
            "papertrader buy AAPL --for 0",
            "papertrader buy AAPL --all",
            "papertrader buy AAPL 1 --limit -5",
            "papertrader buy AAPL 1 --limit 5%",
            "papertrader buy AAPL 1 --trail 100%",
            "papertrader buy AAPL 1 --trail 5% --stop 90",
            "papertrader buy AAPL 1 --tif tomorrow",
            "papertrader buy AAPL 1 --tif 2013-02-30",
            "papertrader sell AAPL",
            "papertrader sell AAPL 1 --all",
            "papertrader sell AAPL --for 500",
            "papertrader cancel",
            "papertrader cancel 0199 --all",
            "papertrader replace 0199",
            "papertrader replace 0199 --quantity 5 --for 500",
            "papertrader replace 0199 --limit 0",
            "papertrader chart AAPL --day --week",
            "papertrader chart AAPL --date 2013-02-30",
            "papertrader chart AAPL --csv --json",
            "papertrader chart AAPL --raw --adjusted",
            "papertrader --plain --ca x ping",
            "papertrader --pin 00 ping",
            "papertrader register al!ce a@b",
            "papertrader register alice nomail",
            "papertrader watch AAPL --count 0",
            "papertrader transactions --receipt x --csv",
            "papertrader password",
            "papertrader sessions end",
            "papertrader sessions end 0123456",
            "papertrader sessions end all",
            "papertrader sessions end --all --others",
            "papertrader tokens create desk",
            "papertrader tokens create a/b --scope read",
            "papertrader tokens create desk --scope all",
            "papertrader tokens create desk --scope read --days 367",
            "papertrader account email nowhere",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn an_order_with_the_units_first_is_told_what_comes_first() {
        for line in [
            "papertrader buy 5 AAPL --limit 40",
            "papertrader sell 5 AAPL",
        ] {
            let error = parse(line).unwrap_err().to_string();
            let told = "the symbol comes first, then the units: AAPL 10";
            assert!(error.contains(told), "{error}");
        }
        let error = parse("papertrader buy AAPL 1e3").unwrap_err().to_string();
        assert!(!error.contains("comes first"), "{error}");
    }

    #[test]
    fn the_usage_of_an_order_has_its_parts_in_their_order() {
        let mut command = crate::cli::usage::with_own_usage(ClientCli::command());
        for (name, usage) in [
            (
                "buy",
                "papertrader buy [OPTIONS] <SYMBOL> <QUANTITY|--for <MONEY>>",
            ),
            (
                "sell",
                "papertrader sell [OPTIONS] <SYMBOL> <QUANTITY|--all>",
            ),
        ] {
            let order = command.find_subcommand_mut(name).unwrap();
            assert_eq!(order.render_usage().to_string(), format!("Usage: {usage}"));
        }
    }

    #[test]
    fn orders_are_read_as_people_type_them() {
        let buy = |line: &str| match parse(line).unwrap().command {
            ClientCommand::Buy(args) => args,
            other => panic!("{other:?}"),
        };
        let args = buy("papertrader buy aapl 1,000 --limit 1,095.50 --stop 1,090 --tif DAY");
        assert_eq!(args.quantity, Some(Quantity(1_000_000_000)));
        assert_eq!(args.options.limit, Some(Money(1_095_500_000)));
        assert_eq!(args.options.stop, Some(Money(1_090_000_000)));
        assert_eq!(args.options.tif, Some(TimeInForce::Day));
        let args = buy("papertrader buy AAPL --for 500 --trail 2.5% --tif 2013-06-28");
        assert_eq!(
            (args.quantity, args.money),
            (None, Some(Money(500_000_000)))
        );
        assert_eq!(args.options.trail, Some(TrailDistance::Percent(25_000)));
        let until = |text: &str| TimeInForce::Until(Timestamp::parse(text).unwrap());
        assert_eq!(
            args.options.tif,
            Some(until("2013-06-29")),
            "through that day"
        );
        let line = "papertrader buy AAPL 1 --trail 2.50 --tif 2013-06-28T14:00Z";
        let args = buy(line);
        assert_eq!(
            args.options.trail,
            Some(TrailDistance::Money(Money(2_500_000)))
        );
        assert_eq!(args.options.tif, Some(until("2013-06-28T14:00:00Z")));
    }
}
