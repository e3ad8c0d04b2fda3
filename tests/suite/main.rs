//! The tests that run real daemons and real programs. Modules mirror `src/`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::too_many_lines,
    reason = "a test ends at the first thing that is not as it should be, and is a list of steps"
)]

mod client {
    // What a person changes of an account.
    mod accounts;
    // `papertrader` against a worker that invents its answers.
    pub mod cli;
    // Programs in Python that know nothing but the description of the protocol: etc/examples.
    mod examples;
    // That worker.
    mod fake_worker;
    // Every output of the programs for a terminal, with words that attack it.
    mod hostile_words;
    // `papertrader` and `ptcat` against a worker of a later edition.
    mod later_edition;
    // The client in Python, etc/python, and its bot.
    mod python;
    // `papertrader` against real servers.
    mod real_servers;
    // `papertrader` on terminals of several sizes.
    mod screen;
    // `papertrader` in a terminal, with providers of identities that others wrote.
    mod terminal;
    // `papertrader` signing in with a provider of identities.
    mod third_party;
    // `papertrader tui` on a terminal.
    mod tui;
    // `papertrader` and orders that wait for a price.
    mod waiting_orders;
    // Whom `papertrader` tells a password or session, and over what.
    mod whom_to_trust;
}

// Daemons whose clocks are set, by hours and while people trade.
mod clocks;

mod master {
    // `papertraderctl accounts`, and a class that comes in with its cards.
    mod accounts;
    // `papertraderctl`, and the control socket.
    mod admin;
    // The assets module on a real database and real files.
    mod assets;
    // Sessions of accounts.
    mod auth;
    // What papertraderctl backup writes, and a kill, a full disk or a slow reader meanwhile.
    mod backups;
    // Two masters with one database.
    mod standby;
    // The log of who did what.
    mod audit;
    // Accounts that are deleted or locked, and a master that dies meanwhile.
    mod deletion;
    // A database on a PostgreSQL server, dumped and restored.
    mod dump;
    // Every fail point: the master dies there, and no order is lost or doubled.
    pub mod failpoints;
    // Orders that wait, and a master that dies around their outcome.
    mod order_kills;
    // `papertrader-master migrate-store`, and a kill or a full disk meanwhile.
    mod migrate_store;
    // A hundred accounts that fill the queue, and a person beside them.
    mod crowd;
    // Prices that are held, and the orders that wait for them.
    mod halted;
    // What is warned of a cluster of Patroni's.
    mod patroni;
    // A market that is paused, and goes on.
    mod pause;
    // How good predictions are.
    mod forecast;
    // A trading day through each provider, and over a split.
    mod golden_trades;
    // Histories of hundreds of thousands of transactions, and who else is served.
    mod histories;
    // Mails and codes, through real mail servers.
    mod mail;
    // A mail server for the tests, and others to hand mails to.
    mod mail_servers;
    // All that a deployment has on a person.
    mod export;
    // Masters on PostgreSQL servers of their own.
    mod postgres_server;
    // Providers of real markets against a mock exchange.
    pub mod markets;
    // A disk that is almost full.
    mod full_disk;
    // `papertraderctl restore` as root, in a folder that its owner prepares.
    mod restore;
    // Sign-in with providers of identities that others wrote.
    pub mod real_providers;
    // Sign-in with a provider of identities that a test makes lie.
    mod third_party;
    // The accounts of people who sign in so.
    pub mod third_party_accounts;
    // Orders that wait, as administrators see them and as they are bounded.
    pub mod orders;
    // Orders, settlement, and what outlives a kill.
    mod trading;
}

mod worker {
    // Who serves, as everybody says.
    mod lists;
    // When the port opens, and a silent master.
    mod port;
    // A worker whose system gives it few tasks or descriptors.
    mod pressure;
    // What clients are told without asking.
    mod notices;
    // A worker behind a TCP proxy that tells the clients' addresses.
    mod proxy;
    // What a worker tells about the server.
    mod server_info;
    // Sessions that end, and workers that come back.
    mod sessions;
    // TLS and its certificates.
    mod tls;
    // The protocol by WebSocket.
    mod websocket;
}

mod protocol {
    // Captures of connections, and what tshark shows of them.
    mod capture;
    // The description and the Rust code on the same bytes.
    mod codec_agreement;
    // The description: true, and enough to read and write all.
    mod described;
    // A codec that has the description alone: its reader, its writer.
    mod description_decoder;
    mod description_encoder;
    // The dissector in tshark against the Rust decoder: messages, and what carries them.
    mod dissector;
    mod dissector_cases;
    mod dissector_streams;
    // What a dialogue needs, met by a deployment.
    pub mod fixture_needs;
    // All dialogues of tests/fixtures.
    mod fixtures;
    // Every fuzz target over its seeds.
    mod fuzz;
    // Frames as bytes, both ways.
    mod golden;
    // The grammar of each type of argument against the Rust codec.
    mod grammar;
    // Dialogues through `nc`.
    pub mod nc;
    // Properties of the wire format.
    mod roundtrip;
}

mod programs {
    // `papertrader-bench`, briefly.
    mod bench;
    // Metrics, Prometheus, `papertraderctl check`.
    pub mod metrics;
    // etc/demo.sh.
    mod demo;
    // `ptcat course` against real workers, the reference solution, and servers that are wrong.
    mod course;
    // The reference solution of the course, in Python.
    mod solution;
    // `ptcat`: filters, reports, exit codes.
    pub mod ptcat;
    // Dialogues through other programs: `encode --replies`, `run --through`.
    mod ptcat_pipes;
    // `ptcat record`: dialogues made of what a client and its workers say.
    mod ptcat_record;
    // `papertrader-sandbox`.
    mod sandbox;
    // `papertraderctl setup`, on one machine and on two.
    mod setup;
}

// Both daemons while they run: SIGHUP, keys, certificates, registrations.
mod reload;
// Both daemons: start, configuration, stop.
mod daemons;
// A daemon as the first process of a container.
mod first_process;
// Who may start them, in which folders, and what they say of it.
mod starts;
// Floors, names, tests, dependencies: what the compiler does not hold.
mod guards;
// Pages and files, sections and rows.
mod docs;
// What is installed.
mod packaging;
// The Debian packages.
mod debian;
// Who writes which table, and where SQL stands.
mod storage;
// Where session IDs and passwords are not.
mod secrets;
