//! spec/dialogue/recording.md · 4.7 Communication

use crate::dialogue::message::encode;
use crate::dialogue::raw;
use crate::dialogue::recording::DialogueRecording;
use crate::dialogue::script::{Script, StepAction};

const SID: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OLD: &str = "99112233445566778899aabbccddeeff00112233445566778899aabbccddee99";
const HASH: &str = "aa112233445566778899aabbccddeeff00112233445566778899aabbccddeebb";
const WRONG: &str = "bb112233445566778899aabbccddeeff00112233445566778899aabbccddeebb";
const TX: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
const ORDER: &str = "01890a5d-ac96-774b-bcce-b302099a8058";

/// A recording of these lines: `N > …` of the client, `N < …` of the server, `N end`, `N ended`.
fn recorded(lines: &str) -> DialogueRecording {
    let mut recording = DialogueRecording::default();
    let words = |text: &str| -> Vec<String> {
        let words = raw::words(text);
        words.iter().map(|w| raw::unescape(w).unwrap()).collect()
    };
    for line in lines.lines() {
        let (number, rest) = line.trim().split_once(' ').unwrap();
        let number: u16 = number.parse().unwrap();
        match rest.split_once(' ').unwrap_or((rest, "")) {
            ("connect", server) => {
                let server = server.parse().unwrap();
                assert_eq!(recording.connect(server), Some(number));
            }
            (">", text) => recording.sent(number, &encode(&words(text)).unwrap()),
            ("x", text) => recording.sent(number, &raw::bytes(&raw::words(text)).unwrap()),
            ("<", text) => recording.came(number, &encode(&words(text)).unwrap()),
            ("end", _) => recording.client_ended(number),
            ("ended", _) => recording.server_ended(number),
            other => panic!("{other:?}"),
        }
    }
    recording
}

/// Its dialogue without comments and the time limit; it is a script, and has no secret.
fn dialogue(lines: &str) -> String {
    let text = recorded(lines).dialogue("one\ntwo");
    assert!(text.starts_with("# one\n# two\nwithin 10s\n"), "{text}");
    Script::parse("r.pt", &text).unwrap();
    for secret in [SID, OLD, HASH, WRONG, TX, ORDER, "@home.example"] {
        assert!(!text.contains(secret), "{secret} in\n{text}");
    }
    let is_line = |line: &&str| !line.starts_with('#') && !line.starts_with("within");
    let lines: Vec<&str> = text.lines().filter(is_line).collect();
    lines.join("\n")
}

#[test]
fn secrets_have_names_and_what_changes_is_anything() {
    let lines = format!(
        "1 connect 0\n1 > register alice alice@home.example {HASH}\n1 < registerSuccess\n\
         1 > login Alice {WRONG} true\n1 < loginFail bad-credentials who are you\n\
         1 > login Alice {HASH} true\n1 < sessionID {SID} 127.0.0.1:2049 127.0.0.1:2050\n\
         1 > purchaseAsset {SID} AAPL 10 key-1\n1 < transactionQueued {TX} key-1 2026-01-02T03:04:06.000Z\n\
         1 < purchaseSuccess {TX} AAPL 10 12.5 125 2026-01-02T03:04:06.000Z\n\
         1 > getTransactionReceipt {SID} {ORDER}\n1 < dataFail no-data nothing like it\n\
         1 > logout {SID}\n1 end\n1 < logoutSuccess\n1 ended"
    );
    let expected = "user alice\nlet id {uuid}\n1 connect worker\n\
        1 > register {alice} {alice}.0@example.org {hash:alice}\n1 < registerSuccess\n\
        1 > login {alice} {hash:alice:other-1} true\n1 < loginFail bad-credentials *\n\
        1 > login {alice} {hash:alice} true\n1 < sessionID {sid} *\n\
        1 > purchaseAsset {sid} AAPL 10 key-1\n1 ~ transactionQueued {tx} key-1 *\n\
        1 < purchaseSuccess {tx} AAPL 10 *\n\
        1 > getTransactionReceipt {sid} {id}\n1 < dataFail no-data *\n\
        1 > logout {sid}\n1 half\n1 < logoutSuccess\n1 closed";
    assert_eq!(dialogue(&lines), expected);
}

#[test]
fn what_was_there_before_is_made_first() {
    let lines = format!(
        "1 connect 0\n2 connect 1\n1 > login bob {HASH} false\n1 < sessionID {SID}\n\
         2 > logout {OLD}\n2 < logoutSuccess\n2 > logout {WRONG}\n2 < logoutFail session-expired it has ended\n\
         1 > createToken {SID} bot trade 7\n1 < accountSuccess {TOKEN}\n1 > logout {TOKEN}\n2 ended",
        TOKEN = HASH.replace("aa", "ac")
    );
    let expected = "user bob guest\n3 connect worker\n\
        3 > register {bob} {bob}.before@example.org {hash:bob}\n3 < registerSuccess\n\
        3 > register {guest} {guest}.before@example.org {hash:guest}\n3 < registerSuccess\n\
        3 > login {guest} {hash:guest} false\n3 < sessionID {sid} *\n3 close\n\
        1 connect worker\n2 connect worker2\n1 > login {bob} {hash:bob} false\n1 < sessionID {sid2} *\n\
        2 > logout {sid}\n2 < logoutSuccess\n2 > logout {random}\n2 < logoutFail session-expired *\n\
        1 > createToken {sid2} bot trade 7\n1 < accountSuccess {token}\n1 > logout {token}\n2 closed\n1 close";
    assert_eq!(dialogue(&lines), expected);
}

#[test]
fn malformed_bytes_and_odd_texts_are_kept_without_secrets() {
    let lines = format!(
        "1 connect 0\n1 > register Carlotta.Maria.Smith@home carla@home.example short\n\
         1 < registerFail username-invalid what a name\n1 > register /x# * {HASH}\n\
         1 x 01 0107 00000045 0000 00000001 00000001 \"oops {SID}\"\n1 > ping\n1 x 09 \"{SID}\"\n1 > ping\n1 end"
    );
    let text = dialogue(&lines);
    let words: Vec<&str> = text.lines().collect();
    assert_eq!(
        words[1],
        "1 > register Carlotta.Maria.Smith@home {run}.0@example.org xxxxx"
    );
    assert_eq!(words[3], "1 > register /x\\# \\* {random}");
    assert!(words[4].ends_with("\"{random}\""), "{text}");
    assert_eq!(words[5], "1 > ping");
    assert!(words[6].starts_with("1 x 09 \"{random}\""), "{text}");
    assert!(words[7].starts_with("1 x 0404010000"), "{text}");
    assert_eq!(words[8], "1 close");
}

#[test]
fn ids_that_a_client_learnt_from_data_are_captured_there() {
    let mut payload = Vec::new();
    let row = crate::model::Quote {
        time: crate::model::Timestamp(0),
        value: crate::model::Money(1),
    };
    crate::wire::packet::write(&mut payload, &crate::wire::payload::Payload::to_bytes(&row));
    let mut recording = recorded("1 connect 0\n1 > getAssetValueCurrent AAPL");
    recording.came(1, &payload);
    let text = recording.dialogue("");
    assert!(text.ends_with("1 < data Quote *\n1 close\n"), "{text}");
    // By words, as `data` shows open orders.
    let facts = super::super::facts::RecordedFacts {
        ids_sent: [ORDER.to_owned()].into(),
        ..Default::default()
    };
    let mut names = super::names::RecordedNames::default();
    let message = format!("data OpenOrders count=1 {TX},buy,open {ORDER},buy,open,AAPL id={ORDER}");
    let line = super::replies::expected(&message, &facts, &mut names);
    assert_eq!(line.unwrap(), "< data OpenOrders * * {tx},* *");
}

#[test]
fn a_recording_is_bounded() {
    let mut recording = recorded("1 connect 0");
    let ping = encode(&["ping".to_owned()]).unwrap();
    for _ in 0..super::super::EVENTS_MAX {
        recording.sent(1, &ping);
    }
    assert!(recording.is_full());
    assert_eq!(recording.messages(), super::super::EVENTS_MAX - 1);
    assert_eq!(recording.connect(0), None);
    let script = Script::parse("r.pt", &recording.dialogue("")).unwrap();
    assert!(matches!(
        script.steps.last().unwrap().action,
        StepAction::Close(1)
    ));
}
