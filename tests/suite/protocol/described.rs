//! `spec/wire/papertrader.json` is true: it is what the code makes, and whoever has it alone reads
//! and writes every message as the Rust code does.

use crate::protocol::codec_agreement::{
    ClientMessage, DESCRIPTION, DescribedPayload, assert_described, check_payload, client_message,
    server_message,
};
use crate::protocol::roundtrip::{
    account_summary, any_money, any_stamp, bar, forecast, history, open_orders, own_identities,
    own_sessions, own_tokens, portfolio, printable, quote_list, reply, request, symbol,
    transaction_page, user_info,
};
use papertrader::description::pages;
use papertrader::dialogue::fixtures;
use papertrader::link::layout::LINK_LAYOUTS;
use papertrader::link::message::{
    self, ActiveSession, PriceRow, Prices, SessionHashes, SessionState, Welcome, WorkerAbout,
    WorkerReport,
};
use papertrader::model::{AssetDescription, Bar, Quote, SessionHash, Timestamp};
use papertrader::wire::instruction::TABLE;
use papertrader::wire::payload::{AssetInfo, Payload, PayloadKind, Receipt, TextList};
use papertrader::wire::{Direction, Instruction};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use ring::pbkdf2;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn the_description_and_its_pages_are_current() {
    for page in pages::all(Path::new("spec")).unwrap() {
        let path = page.path.display();
        assert!(
            page.is == page.should,
            "{path} is not current: run make describe"
        );
    }
}

/// The kind of payload that a golden file has.
fn kind_of(file: &str) -> Option<PayloadKind> {
    let name = file.strip_prefix("payload-")?.split('-').next()?;
    let mut kinds = PayloadKind::ALL.iter();
    kinds.find(|kind| kind.layout().name == name).copied()
}

#[test]
fn golden_frames_are_read_and_written_by_the_description_alone() {
    let mut files = 0;
    for (file, bytes) in fixtures::golden_frames() {
        files += 1;
        if file.starts_with("payload-") {
            let kind = kind_of(file).unwrap_or_else(|| panic!("{file}: no such layout"));
            check_payload(kind, &bytes);
            continue;
        }
        let mut rest = &bytes[..];
        let number = u64::from_str_radix(&file[..4], 16).unwrap();
        let row = DESCRIPTION.row(number).unwrap();
        assert!(
            file[5..].starts_with(row["name"].as_str().unwrap()),
            "{file}"
        );
        // Clients send what has states.
        if row["states"].as_array().unwrap().is_empty() {
            let mut packets = Vec::new();
            while !rest.is_empty() {
                let message = server_message(&mut rest).unwrap().unwrap();
                assert_eq!(message.number, number, "{file}");
                packets.push(message.packet);
            }
            if row["binary"] == true {
                let payload = DESCRIPTION.join(&packets).unwrap();
                assert_eq!(DESCRIPTION.set(number, &payload), bytes, "{file}");
            }
        } else {
            let message = client_message(&mut rest);
            let is_good = matches!(message, ClientMessage::Good(read, _) if read == number);
            assert!(is_good && rest.is_empty(), "{file}: {message:?}");
        }
    }
    assert!(files > 60, "only {files}");
}

#[test]
fn test_vectors_hold_by_the_description_alone() {
    let vectors = &DESCRIPTION.json["vectors"];
    let bytes = |vector: &Value| hex::decode(vector["hex"].as_str().unwrap()).unwrap();
    let all = |list: &str| vectors[list].as_array().unwrap().clone();
    let mut numbers = BTreeSet::new();
    for vector in all("frames") {
        let (bytes, number) = (bytes(&vector), vector["number"].as_u64().unwrap());
        let by_client = DESCRIPTION.row(number).unwrap()["direction"] == "request";
        let mut rest = &bytes[..];
        let message = DESCRIPTION.next(&mut rest, by_client).unwrap().unwrap();
        assert!(
            rest.is_empty() && message.header["instruction"] == number,
            "{vector}"
        );
        let arguments = DESCRIPTION.arguments(&message, by_client).unwrap();
        if vector["data"].is_null() {
            assert_eq!(vector["arguments"], json!(arguments));
            assert_eq!(DESCRIPTION.message(number, &arguments), bytes);
            for (column, argument) in DESCRIPTION.columns(number, &arguments) {
                let kind = column["type"].as_str().unwrap();
                assert!(DESCRIPTION.accepts(kind, argument), "{kind} {argument}");
            }
        } else {
            assert_eq!(vector["data"], hex::encode(&message.data));
            assert_eq!(DESCRIPTION.set(number, &message.data), bytes);
        }
        numbers.insert(number);
    }
    for row in DESCRIPTION.json["instructions"].as_array().unwrap() {
        let number = row["number"].as_u64().unwrap();
        assert!(
            row["direction"] == "link" || numbers.contains(&number),
            "{}",
            row["name"]
        );
    }
    let mut layouts = BTreeSet::new();
    for vector in all("payloads") {
        let layout = vector["layout"].as_str().unwrap();
        assert_described(layout, &bytes(&vector), &vector["value"]);
        layouts.insert(layout.to_owned());
    }
    for kind in PayloadKind::ALL {
        let name = kind.layout().name;
        assert!(layouts.contains(name), "no vector has the layout {name}");
    }
}

#[test]
fn hashed_passwords_are_made_by_the_description_alone() {
    let form = &DESCRIPTION.json["hashedPass"];
    assert_eq!(form["algorithm"], "PBKDF2-HMAC-SHA256");
    assert_eq!(form["normalization"], "NFC");
    let nfc = icu_normalizer::ComposingNormalizer::new_nfc();
    let rounds = u32::try_from(form["rounds"].as_u64().unwrap()).unwrap();
    let vectors = DESCRIPTION.json["vectors"]["hashedPass"]
        .as_array()
        .unwrap();
    assert!(!vectors.is_empty());
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let username = text("username").to_ascii_lowercase();
        let salt = form["salt"].as_str().unwrap().to_owned() + &username;
        let mut hashed = vec![0; usize::try_from(form["bytes"].as_u64().unwrap()).unwrap()];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            rounds.try_into().unwrap(),
            salt.as_bytes(),
            nfc.normalize(text("password")).as_bytes(),
            &mut hashed,
        );
        assert_eq!(hex::encode(hashed), text("hashedPass"), "{vector}");
    }
}

#[test]
fn examples_of_argument_types_have_their_form() {
    for (name, kind) in DESCRIPTION.json["argumentTypes"].as_object().unwrap() {
        let examples = kind["examples"].as_array().unwrap();
        assert!(!examples.is_empty(), "{name}");
        for example in examples {
            assert!(
                DESCRIPTION.accepts(name, example.as_str().unwrap()),
                "{name} {example}"
            );
        }
        let wrong = kind["wrong"].as_array().unwrap();
        assert!(!wrong.is_empty() || kind["pattern"].is_null(), "{name}");
        for text in wrong {
            assert!(
                !DESCRIPTION.accepts(name, text.as_str().unwrap()),
                "{name} {text}"
            );
        }
        if let Some(list) = kind["list"].as_str() {
            for value in DESCRIPTION.json["lists"][list]["values"]
                .as_array()
                .unwrap()
            {
                assert!(
                    DESCRIPTION.accepts(name, value["name"].as_str().unwrap()),
                    "{value}"
                );
            }
        }
    }
}

/// The message of the link that `write` makes has this value, and what follows it that one.
fn assert_link_message(
    instruction: Instruction,
    from: &str,
    bytes: &[u8],
    value: &Value,
    then: Option<&Value>,
) {
    let number = u64::from(instruction.number());
    let row = DESCRIPTION.row(number).unwrap();
    let mut sides = row["layouts"].as_array().unwrap().iter();
    let side = sides.find(|side| side["from"] == from).unwrap();
    let mut rest = bytes;
    let message = DESCRIPTION.next(&mut rest, false).unwrap().unwrap();
    assert_eq!(message.header["instruction"], number);
    assert_described(side["layout"].as_str().unwrap(), &message.data, value);
    let mut again = DESCRIPTION.set(number, &message.data);
    let mut packets = Vec::new();
    while !rest.is_empty() {
        packets.push(DESCRIPTION.next(&mut rest, false).unwrap().unwrap());
    }
    assert_eq!(
        side["then"].is_null(),
        packets.is_empty(),
        "{}",
        row["name"]
    );
    if let Some(value) = then {
        let rows = DESCRIPTION.join(&packets).unwrap();
        assert_described(side["then"].as_str().unwrap(), &rows, value);
        again.extend(DESCRIPTION.set(packets[0].header["instruction"], &rows));
    }
    assert_eq!(hex::encode(again), hex::encode(bytes), "{}", row["name"]);
}

/// A binary message of the link.
fn assert_link_payload(
    instruction: Instruction,
    from: &str,
    payload: &impl Payload,
    value: &Value,
) {
    let mut bytes = Vec::new();
    message::write(&mut bytes, instruction, payload);
    assert_link_message(instruction, from, &bytes, value, None);
}

#[test]
fn link_messages_are_read_and_written_by_the_description_alone() {
    let welcome = Welcome {
        now: Timestamp(1_577_934_245_678),
        update_interval: 1000,
        version: "0.1.0".into(),
        name: "eu1".into(),
        address: "eu1.example.org:2049".into(),
    };
    let value = json!({
        "now": "1577934245678", "updateInterval": "1000", "version": "0.1.0", "name": "eu1",
        "address": "eu1.example.org:2049",
    });
    assert_link_payload(Instruction::LinkWelcome, "master", &welcome, &value);
    let report = WorkerReport {
        version: "0.1.0".into(),
        uptime: 1,
        connections: 2,
        sessions: 3,
        cached: 4,
        cached_bytes: 5,
        parked: 6,
        about: WorkerAbout {
            name: "eu1".into(),
            advertise: "eu1.example.org:2049".into(),
            certificate: Some(Timestamp(7)),
        },
    };
    let value = json!({
        "version": "0.1.0", "uptime": "1", "connections": 2, "sessions": 3, "windows": 4,
        "bytes": "5", "waiting": 6, "name": "eu1", "advertise": "eu1.example.org:2049",
        "certificate": "7",
    });
    assert_link_payload(Instruction::LinkReport, "worker", &report, &value);
    let hash = SessionHash([0xAB; 32]);
    let digits = hex::encode(hash.0);
    let ended = SessionHashes(vec![hash, SessionHash([1; 32])]);
    let value = json!({ "hashes": [digits, hex::encode([1; 32])] });
    assert_link_payload(Instruction::LinkSessionsEnded, "master", &ended, &value);
    assert_link_payload(Instruction::LinkConnectionClosed, "worker", &ended, &value);
    let active = ActiveSession {
        username: "Alice".into(),
        expiry: Timestamp(-5),
        expirable: true,
    };
    let state = SessionState {
        hash,
        active: Some(active),
    };
    let value = json!({
        "hash": digits, "active": 1, "username": "Alice", "expiry": "-5", "expirable": 1,
    });
    assert_link_payload(Instruction::LinkSession, "master", &state, &value);
    let state = SessionState { hash, active: None };
    let value = json!({ "hash": digits, "active": 0 });
    assert_link_payload(Instruction::LinkSession, "master", &state, &value);
    let question = SessionHashes(vec![hash]);
    let value = json!({ "hash": digits });
    assert_link_payload(Instruction::LinkSession, "worker", &question, &value);
    // Layouts of the handshake have fixed bytes; the intruders' tests write them by hand.
    let instructions: BTreeSet<u16> = LINK_LAYOUTS
        .iter()
        .map(|data| data.instruction.number())
        .collect();
    for row in DESCRIPTION.json["instructions"].as_array().unwrap() {
        let number = u16::try_from(row["number"].as_u64().unwrap()).unwrap();
        let has_layout = row["direction"] == "link" && row["binary"] == true;
        assert_eq!(
            instructions.contains(&number),
            has_layout,
            "{}",
            row["name"]
        );
    }
}

/// What a row of a push of prices may have beside its symbol, its quote and its day.
fn price_extras() -> impl Strategy<Value = PriceRow> {
    let description = (printable(0..=20), any::<u64>())
        .prop_map(|(name, factor)| AssetDescription { name, factor });
    (
        symbol(),
        any::<bool>(),
        any::<bool>(),
        option::of(any_money()),
        option::of(description),
    )
        .prop_map(
            |(symbol, is_new, is_halted, previous_close, description)| PriceRow {
                symbol,
                quote: None,
                day: None,
                is_new,
                is_halted,
                previous_close,
                description,
            },
        )
}

/// A payload has the same value and the same bytes on both sides; and whatever one changed byte
/// makes of it, if the Rust code reads it at all.
fn agree<T: DescribedPayload>(kind: PayloadKind, payload: &T, at: prop::sample::Index, byte: u8) {
    let layout = kind.layout().name;
    let mut bytes = payload.to_bytes();
    assert_described(layout, &bytes, &payload.value());
    if !bytes.is_empty() {
        let place = at.index(bytes.len());
        bytes[place] = byte;
        if let Ok(changed) = T::from_bytes(&bytes) {
            assert_described(layout, &bytes, &changed.value());
        }
    }
}

proptest! {
    #[test]
    fn random_payloads_have_the_same_value(
        bars in vec(bar(), 0..5), (time, value) in (any_stamp(), any_money()), symbol in symbol(),
        info in user_info(), portfolio in portfolio(), history in history(), forecast in forecast(),
        texts in vec("\\PC{0,20}", 0..8), lines in vec((printable(0..=20), printable(0..=20)), 0..8),
        sessions in own_sessions(), tokens in own_tokens(), identities in own_identities(),
        page in transaction_page(), orders in open_orders(), summary in account_summary(),
        quotes in quote_list(),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        if let Some(bar) = bars.first() {
            agree(PayloadKind::AssetInfo, &AssetInfo { symbol, bar: *bar }, at, byte);
        }
        agree(PayloadKind::Quote, &Quote { time, value }, at, byte);
        agree(PayloadKind::Bars, &bars, at, byte);
        agree(PayloadKind::UserInfo, &info, at, byte);
        agree(PayloadKind::Portfolio, &portfolio, at, byte);
        agree(PayloadKind::Transactions, &history, at, byte);
        agree(PayloadKind::Forecast, &forecast, at, byte);
        agree(PayloadKind::List, &TextList(texts), at, byte);
        agree(PayloadKind::Receipt, &Receipt(lines), at, byte);
        agree(PayloadKind::Sessions, &sessions, at, byte);
        agree(PayloadKind::Tokens, &tokens, at, byte);
        agree(PayloadKind::Identities, &identities, at, byte);
        agree(PayloadKind::TransactionPage, &page, at, byte);
        agree(PayloadKind::OpenOrders, &orders, at, byte);
        agree(PayloadKind::AccountSummary, &summary, at, byte);
        agree(PayloadKind::QuoteList, &quotes, at, byte);
    }

    #[test]
    fn random_requests_have_the_same_values(request in request()) {
        let mut bytes = Vec::new();
        request.write(&mut bytes);
        let number = u64::from(request.instruction().number());
        let message = client_message(&mut &bytes[..]);
        prop_assert!(matches!(message, ClientMessage::Good(read, _) if read == number));
    }

    #[test]
    fn random_replies_have_the_same_values(reply in reply()) {
        let mut bytes = Vec::new();
        reply.write(&mut bytes);
        let message = server_message(&mut &bytes[..]).unwrap().unwrap();
        prop_assert_eq!(message.number, u64::from(reply.instruction().number()));
    }

    /// Headers and data of any kind: both take them for the same, or refuse them with the same
    /// code.
    #[test]
    fn any_message_is_told_alike(
        row in prop::sample::select(TABLE),
        (kind, low) in (option::weighted(0.1, 0_u8..6), option::weighted(0.1, any::<u8>())),
        (count, size) in (option::weighted(0.3, 0_u8..4), option::weighted(0.2, 0_u16..9000)),
        (packet, packets) in (option::weighted(0.1, 0_u8..3), option::weighted(0.1, 0_u8..3)),
        data in prop_oneof![
            "[a-z ]{0,12}".prop_map(String::into_bytes), vec(any::<u8>(), 0..12), Just(Vec::new()),
        ],
    ) {
        let spaces = data.iter().filter(|byte| **byte == b' ').count();
        let [high, row_low] = row.number.to_be_bytes();
        let count = count.map_or(u16::try_from(spaces + 1).unwrap(), u16::from);
        let size = size.map_or(u32::try_from(data.len()).unwrap(), u32::from);
        let message = |low: u8| {
            let mut bytes = vec![kind.unwrap_or(high), high, low];
            bytes.extend(size.to_be_bytes());
            bytes.extend(count.to_be_bytes());
            bytes.extend(u32::from(packet.unwrap_or(1)).to_be_bytes());
            bytes.extend(u32::from(packets.unwrap_or(1)).to_be_bytes());
            bytes.extend(&data);
            bytes
        };
        client_message(&mut &message(low.unwrap_or(row_low))[..]);
        if matches!(row.direction, Direction::Return | Direction::Notice) {
            let _ = server_message(&mut &message(row_low)[..]).is_ok();
        }
    }

    #[test]
    fn prices_of_the_link_have_the_same_value(
        rows in vec((symbol(), option::of(bar()), option::of(bar()), price_extras()), 0..300),
        (update, times) in (any::<u64>(), any::<[i64; 3]>()),
    ) {
        let row = |(symbol, quote, day, extras): &(_, Option<Bar>, Option<Bar>, PriceRow)| PriceRow {
            symbol: *symbol,
            quote: quote.map(|bar| bar.quote()),
            day: *day,
            ..extras.clone()
        };
        let [market_now, published, next] = times.map(Timestamp);
        let rows = rows.iter().map(row).collect();
        let prices = Prices { update, market_now, published, next, rows };
        let value = json!({
            "update": update.to_string(), "marketTime": times[0].to_string(),
            "published": times[1].to_string(), "next": times[2].to_string(),
        });
        let rows = prices.rows.iter().map(|row| {
            let flags = [
                row.quote.is_some(),
                row.day.is_some(),
                row.is_new,
                row.is_halted,
                row.previous_close.is_some(),
                row.description.is_some(),
            ];
            let has = flags.iter().rev().fold(0, |has, is_set| 2 * has + u8::from(*is_set));
            let mut value = json!({ "symbol": row.symbol.as_str(), "has": has });
            if let Some(quote) = &row.quote {
                value["quote"] = quote.value();
            }
            if let Some(day) = &row.day {
                value["day"] = day.value();
            }
            if let Some(close) = row.previous_close {
                value["previousClose"] = json!(close.0.to_string());
            }
            if let Some(description) = &row.description {
                value["name"] = json!(description.name);
                value["factor"] = json!(description.factor.to_string());
            }
            value
        });
        let rows = json!({ "rows": rows.collect::<Vec<_>>() });
        let mut bytes = Vec::new();
        prices.write(&mut bytes);
        assert_link_message(Instruction::LinkPrices, "master", &bytes, &value, Some(&rows));
    }
}

#[test]
fn every_layout_and_list_stands_on_one_page() {
    let pages: Vec<String> = pages::all(Path::new("spec"))
        .unwrap()
        .into_iter()
        .map(|page| page.should)
        .collect();
    let (json, pages) = pages.split_first().unwrap();
    assert!(json.starts_with('{'));
    let shown = |text: &str| -> usize { pages.iter().map(|page| page.matches(text).count()).sum() };
    for name in DESCRIPTION.json["layouts"].as_object().unwrap().keys() {
        assert_eq!(shown(&format!("\n**{name}.** ")), 1, "{name}");
    }
    for (name, list) in DESCRIPTION.json["lists"].as_object().unwrap() {
        for value in list["values"].as_array().unwrap() {
            let row = match value["number"].as_u64() {
                Some(number) => format!("\n| {number} | `{}` | ", value["name"].as_str().unwrap()),
                None => format!("\n| `{}` | ", value["name"].as_str().unwrap()),
            };
            let about = value["about"].as_str().unwrap();
            assert_eq!(shown(&format!("{row}{about} |")), 1, "{name}: {value}");
        }
    }
}

#[test]
fn a_failure_names_codes_of_the_list_that_its_argument_has() {
    let mut failures = 0;
    for row in DESCRIPTION.json["instructions"].as_array().unwrap() {
        for answer in row["answers"].as_array().unwrap() {
            let reasons = answer["reasons"].as_array();
            assert_eq!(answer["outcome"] == "failure", reasons.is_some(), "{row}");
            let Some(reasons) = reasons else { continue };
            let kind = answer["arguments"][0]["type"].as_str().unwrap();
            let list = DESCRIPTION.json["argumentTypes"][kind]["list"]
                .as_str()
                .unwrap();
            let values = DESCRIPTION.json["lists"][list]["values"]
                .as_array()
                .unwrap();
            for reason in reasons {
                assert!(
                    values.iter().any(|value| value["name"] == *reason),
                    "{answer}"
                );
            }
            failures += 1;
        }
    }
    assert!(failures >= 20, "{failures}");
}

#[test]
fn no_table_of_the_pages_is_empty() {
    for page in pages::all(Path::new("spec")).unwrap() {
        let lines: Vec<_> = page.should.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let is_ruler = line.starts_with("|---");
            let row = lines.get(at + 1).copied().unwrap_or_default();
            assert!(!is_ruler || row.starts_with('|'), "line {}: {row}", at + 1);
        }
    }
}
