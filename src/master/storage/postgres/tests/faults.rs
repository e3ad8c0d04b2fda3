//! spec/master/storage/postgres.md · 3.1.2
//!
//! A server that goes away before or behind each message of a transaction, one whose disk is full,
//! one that does not answer, and errors that pass.

use super::super::errors::storage_error;
use super::*;
use postgres::config::Host;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::thread;

/// When a connection ends.
#[derive(Debug, Clone, Copy)]
enum Cut {
    /// The server never gets the message.
    Before,
    /// The server gets it, and its answer is lost.
    Behind,
}

/// A network before a server, which ends one connection at one message.
struct Network {
    url: PostgresUrl,
    /// Messages that pass until the connection is cut; 0: none is.
    left: Arc<AtomicUsize>,
}

impl Network {
    fn new(server: &PostgresUrl, cut: Cut) -> Network {
        let socket = socket_of(server);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicUsize::new(0));
        thread::spawn({
            let left = Arc::clone(&left);
            move || {
                for client in listener.incoming().flatten() {
                    let server = UnixStream::connect(&socket).unwrap();
                    forward(client, server, &left, cut);
                }
            }
        });
        let database = server.database();
        let url = format!("postgres://papertrader@{address}/{database}?sslmode=disable");
        Network {
            url: PostgresUrl::parse(&url).unwrap(),
            left,
        }
    }
}

fn socket_of(url: &PostgresUrl) -> PathBuf {
    let [Host::Unix(folder)] = url.connection().get_hosts() else {
        panic!("{url:?} is no socket");
    };
    folder.join(".s.PGSQL.5432")
}

fn forward(client: TcpStream, server: UnixStream, left: &Arc<AtomicUsize>, cut: Cut) {
    client.set_nodelay(true).unwrap();
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let is_lost = Arc::new(AtomicBool::new(false));
    thread::spawn({
        let is_lost = Arc::clone(&is_lost);
        move || {
            let mut room = [0; 65_536];
            while let Ok(size @ 1..) = from.read(&mut room) {
                if is_lost.load(Ordering::SeqCst) || to.write_all(&room[..size]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        }
    });
    let left = Arc::clone(left);
    thread::spawn(move || {
        let (mut client, mut server, mut room) = (client, server, [0; 65_536]);
        while let Ok(size @ 1..) = client.read(&mut room) {
            let counted =
                left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |it| it.checked_sub(1));
            let is_last = counted == Ok(1);
            if is_last {
                is_lost.store(true, Ordering::SeqCst);
            }
            if is_last && matches!(cut, Cut::Before) || server.write_all(&room[..size]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
}

#[test]
fn whichever_message_is_lost_a_write_is_done_or_says_that_it_is_not() {
    let Some(engine) = engine() else { return };
    let mut known = Vec::new();
    for cut in [Cut::Before, Cut::Behind] {
        let network = Network::new(&url(&engine), cut);
        for lost in 1.. {
            let mut storage = PostgresStorage::open(&network.url).unwrap();
            let symbol = format!("{cut:?}{lost}").to_uppercase();
            network.left.store(lost, Ordering::SeqCst);
            let written = write(&mut storage, &symbol);
            let was_cut = network.left.swap(0, Ordering::SeqCst) == 0;
            match written {
                Ok(()) => known.push(symbol),
                Err(StorageError::Busy(_)) => {}
                Err(error) => panic!("{symbol}: {error:?}"),
            }
            // What is known to be stored is, and nothing else.
            let mut direct = PostgresStorage::open_reader(&url(&engine)).unwrap();
            known.sort();
            assert_eq!(assets(&mut direct), known, "{cut:?} at message {lost}");
            if !was_cut {
                assert!(lost > 5, "{lost} messages are no transaction");
                break;
            }
        }
    }
    assert!(known.len() > 2, "{known:?}");
}

/// A transaction that reads and writes in several messages.
fn write(storage: &mut PostgresStorage, symbol: &str) -> Result<(), StorageError> {
    let tx = storage.begin()?;
    tx.batch(&insert(symbol))?;
    tx.run(|session| session.texts("SELECT symbol FROM assets"))?;
    tx.run(|session| session.execute("UPDATE assets_position SET number = number + 1", true, &[]))?;
    tx.commit()
}

#[test]
fn a_server_that_takes_connections_and_answers_none_is_given_up() {
    let Some(engine) = engine() else { return };
    // As one whose processes are stopped: its system takes connections for it.
    let stopped = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = stopped.local_addr().unwrap();
    let text = format!("postgres://pt@{address}/x?connect_timeout=1&sslmode=disable");
    let silent = PostgresUrl::parse(&text).unwrap();
    let failed = PostgresStorage::open_reader(&silent).unwrap_err();
    assert!(matches!(failed, StorageError::Busy(_)), "{failed:?}");
    assert!(failed.to_string().contains("does not answer"), "{failed}");
    // The next host is asked.
    let network = Network::new(&url(&engine), Cut::Before);
    let (_, next) = network.url.text().split_once('@').unwrap();
    let both = format!("postgres://papertrader@{address},{next}&connect_timeout=1");
    let mut storage = PostgresStorage::open(&PostgresUrl::parse(&both).unwrap()).unwrap();
    assert!(assets(&mut storage).is_empty());
}

#[test]
fn a_full_disk_refuses_writes_until_there_is_room() {
    let Some(engine) = engine() else { return };
    let database = engine.on_server().unwrap();
    let folder = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .tempdir()
        .unwrap();
    let place = folder.path().join("disk");
    let Some(disk) = SmallDisk::mount(&place, 32) else {
        eprintln!("skipped: this user may not mount");
        return;
    };
    let postgres = uzers::get_user_by_name("postgres").unwrap();
    chown(
        &place,
        Some(postgres.uid()),
        Some(postgres.primary_group_id()),
    )
    .unwrap();
    let space = format!("space_{}", Uuid::new_v4().simple());
    database.execute_on_server(&format!(
        "CREATE TABLESPACE {space} LOCATION '{}'",
        place.display()
    ));
    database.execute(&format!(
        "CREATE TABLE filler (text TEXT) TABLESPACE {space}"
    ));
    disk.fill();
    let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
    let fill = "INSERT INTO filler SELECT repeat('x', 1000) FROM generate_series(1, 10000)";
    let tx = storage.begin().unwrap();
    let full = tx.batch(fill).unwrap_err();
    assert!(matches!(full, StorageError::Full(_)), "{full:?}");
    assert!(full.to_string().contains("53100"), "{full}");
    drop(tx);
    disk.clear();
    let tx = storage.begin().unwrap();
    tx.batch(fill).unwrap();
    tx.commit().unwrap();
    // The server lets a place go that nothing is in.
    database.execute("DROP TABLE filler");
    database.execute_on_server(&format!("DROP TABLESPACE {space}"));
}

#[test]
fn a_deadlock_with_another_program_stores_nothing_and_passes() {
    let Some(engine) = engine() else { return };
    let database = engine.on_server().unwrap();
    database.execute("INSERT INTO assets (symbol) VALUES ('A'), ('B')");
    let change = |symbol: &str| {
        format!("UPDATE assets SET symbol = symbol || 'X' WHERE symbol LIKE '{symbol}%'")
    };
    let mut storage = PostgresStorage::open(&url(&engine)).unwrap();
    let mut other = ServerSession::connect(&url(&engine)).unwrap();
    // Ours finds the deadlock: the other one waits longer before it looks.
    other
        .batch("SET deadlock_timeout = '600s'; SET lock_timeout = 0; BEGIN")
        .unwrap();
    other.batch(&change("B")).unwrap();
    let tx = storage.begin().unwrap();
    tx.batch(&change("A")).unwrap();
    let (one, two) = (change("A"), change("B"));
    let locked = thread::scope(|scope| {
        scope.spawn(|| {
            other.batch(&one).unwrap();
            other.batch("COMMIT").unwrap();
        });
        let locked = tx.batch(&two).unwrap_err();
        drop(tx);
        locked
    });
    assert!(matches!(locked, StorageError::Busy(_)), "{locked:?}");
    assert!(locked.to_string().contains("40P01"), "{locked}");
    assert_eq!(assets(&mut storage), ["AX", "BX"]);
    let tx = storage.begin().unwrap();
    tx.batch(&two).unwrap();
    tx.commit().unwrap();
}

#[test]
fn what_passes_is_told_from_what_does_not() {
    let Some(engine) = engine() else { return };
    let mut client = url(&engine).connection().connect(postgres::NoTls).unwrap();
    let mut error_of = |code: &str| {
        let raise =
            format!("DO $$ BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{code}'; END $$");
        storage_error(&client.batch_execute(&raise).unwrap_err())
    };
    for code in ["40001", "40P01", "55P03", "53300", "57P03", "08006"] {
        let error = error_of(code);
        assert!(matches!(error, StorageError::Busy(_)), "{code}: {error:?}");
    }
    for code in ["53100", "25006"] {
        let error = error_of(code);
        assert!(matches!(error, StorageError::Full(_)), "{code}: {error:?}");
    }
    assert!(matches!(error_of("XX001"), StorageError::Corrupt(_)));
    assert!(matches!(error_of("23505"), StorageError::Other(_)));
    assert!(matches!(error_of("57014"), StorageError::Interrupted(_)));
}
