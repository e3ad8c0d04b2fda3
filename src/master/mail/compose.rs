//! spec/master/mail.md · 4.1 (basic error handling)
//!
//! Makes a mail of a row of the outbox: addresses, header, text. Nothing that a person has chosen
//! can begin a line of the header.

use super::smtp::OutgoingMail;
use super::templates::{MailValues, Templates};
use super::{CODE_LIFETIME, MailIdentity};
use crate::master::storage::outbox::QueuedMail;
use crate::model::printable::clean;
use crate::model::{Email, OwnerNotice, ResetCode, Timestamp};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox};
use lettre::{Address, Message};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The characters that a header's value may begin a new line or end with.
const fn is_line_end(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\0')
}

/// Makes the mail of a row. `code` is that of a [`OwnerNotice::ResetCode`].
///
/// # Errors
/// No mail can be sent to the address, or the text cannot be encoded. Trying again does not help.
pub(super) fn compose(
    identity: &MailIdentity,
    templates: &Templates,
    mail: &QueuedMail,
    code: Option<&ResetCode>,
) -> Result<OutgoingMail, String> {
    let to = recipient(&mail.address)?;
    let exposed = Zeroizing::new(code.map(ResetCode::expose).unwrap_or_default());
    let values = MailValues {
        deployment: &identity.deployment,
        username: mail.username.as_str(),
        code: &exposed,
        minutes: CODE_LIFETIME.as_secs() / 60,
        time: &people_time(mail.created),
        detail: &clean(&mail.detail),
    };
    let (subject, mut text) = templates.fill(mail.kind, &values);
    if mail.folded > 0 {
        text.push_str(&format!(
            "\nThis happened {} times; this mail tells of the last.\n",
            u64::from(mail.folded) + 1
        ));
    }
    let subject: String = subject.chars().filter(|c| !is_line_end(*c)).collect();
    let text = Zeroizing::new(text.replace('\n', "\r\n"));
    let body = Body::new_with_encoding(
        text.as_str().to_owned(),
        ContentTransferEncoding::QuotedPrintable,
    )
    .map_err(|_| "the text cannot be encoded".to_owned())?;
    let from = &identity.from;
    let mut message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(subject)
        .message_id(Some(message_id(from, mail)))
        .date(system_time(mail.created))
        .header(ContentType::TEXT_PLAIN)
        .body(body)
        .map_err(|e| e.to_string())?;
    // Who is on holiday does not answer it (RFC 3834).
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    message
        .headers_mut()
        .insert_raw(HeaderValue::new(automatic, "auto-generated".to_owned()));
    Ok(OutgoingMail {
        number: mail.number,
        from: from.email.clone(),
        to,
        bytes: Zeroizing::new(message.formatted()),
    })
}

/// The address as a mail server takes it, its domain in ASCII.
fn recipient(address: &Email) -> Result<Address, String> {
    let unusable = || "no mail can be sent to the address".to_owned();
    let (local, domain) = address.as_str().split_once('@').ok_or_else(unusable)?;
    let domain = idna::domain_to_ascii(domain).map_err(|_| unusable())?;
    // lettre's own check is of the same kind, and does not exclude what has no place in a command.
    let is_unsafe = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>');
    if local.chars().chain(domain.chars()).any(is_unsafe) {
        return Err(unusable());
    }
    Address::new(local, domain).map_err(|_| unusable())
}

/// The mail's own name. It is the same in each attempt, so that a mailbox can tell a repetition;
/// but a mail with another code is another mail.
fn message_id(from: &Mailbox, mail: &QueuedMail) -> String {
    let attempt = match mail.kind {
        OwnerNotice::ResetCode => format!(".{}", mail.attempts),
        _ => String::new(),
    };
    let (created, number) = (mail.created.0, mail.number);
    format!("<{created}.{number}{attempt}@{}>", from.email.domain())
}

fn system_time(stamp: Timestamp) -> SystemTime {
    let millis = u64::try_from(stamp.0).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

/// `2026-11-26 03:00 UTC`
fn people_time(stamp: Timestamp) -> String {
    let text = stamp.to_string().replace('T', " ");
    format!("{} UTC", text.get(..16).unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AccountId, Username};

    fn identity(deployment: &str) -> MailIdentity {
        MailIdentity {
            deployment: deployment.to_owned(),
            from: "\"Klasse 7b, Börse\" <no-reply@example.org>"
                .parse()
                .unwrap(),
        }
    }

    fn mail(kind: OwnerNotice, address: &str, detail: &str) -> QueuedMail {
        QueuedMail {
            number: 7,
            account: Some(AccountId(1)),
            kind,
            username: Username::parse("alice").unwrap(),
            address: Email::parse(address).unwrap(),
            detail: detail.to_owned(),
            created: Timestamp(1_795_000_000_000),
            attempts: 2,
            folded: 0,
        }
    }

    fn composed(identity: &MailIdentity, mail: &QueuedMail, code: Option<&ResetCode>) -> String {
        let templates = Templates::open(None).unwrap();
        let out = compose(identity, &templates, mail, code).unwrap();
        String::from_utf8(out.bytes.to_vec()).unwrap()
    }

    fn header(text: &str) -> Vec<&str> {
        let head = text.split("\r\n\r\n").next().unwrap();
        let lines = head.split("\r\n");
        lines.filter(|line| !line.starts_with(' ')).collect()
    }

    #[test]
    fn a_mail_with_a_code_has_it_in_its_text_alone() {
        let code = ResetCode::from_bytes(&[7; 20]);
        let kind = OwnerNotice::ResetCode;
        let text = composed(
            &identity("Börse"),
            &mail(kind, "a@b.example", ""),
            Some(&code),
        );
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(body.contains("    77777-77777-77777-77777\r\n"), "{body}");
        assert!(!head.contains("77777"), "{head}");
        assert!(head.contains("To: a@b.example"), "{head}");
        assert!(
            head.contains("Message-ID: <1795000000000.7.2@example.org>"),
            "{head}"
        );
        assert!(head.contains("Auto-Submitted: auto-generated"), "{head}");
        assert!(
            head.contains("Content-Type: text/plain; charset=utf-8"),
            "{head}"
        );
        assert!(text.is_ascii());
    }

    #[test]
    fn a_mail_that_tells_of_several_events_says_how_many() {
        let mut mail = mail(OwnerNotice::TokenCreated, "a@b.example", "bot");
        let one = composed(&identity("x"), &mail, None);
        assert!(!one.contains("happened"), "{one}");
        mail.folded = 21;
        let many = composed(&identity("x"), &mail, None);
        assert!(many.contains("This happened 22 times"), "{many}");
    }

    #[test]
    fn nothing_that_somebody_chose_begins_a_line_of_the_header() {
        let plain = composed(
            &identity("x"),
            &mail(OwnerNotice::TokenCreated, "a@b.example", "t"),
            None,
        );
        let expected = header(&plain).len();
        for evil in [
            "x\r\nBcc: thief@evil.example",
            "x\nBcc: thief@evil.example\n\nHello",
            "x\rBcc: thief@evil.example",
            "x\r\n.\r\nMAIL FROM:<thief@evil.example>",
            "x\0y",
        ] {
            let text = composed(
                &identity(evil),
                &mail(OwnerNotice::TokenCreated, "a@b.example", evil),
                None,
            );
            let lines = header(&text);
            assert_eq!(lines.len(), expected, "{lines:#?}");
            assert!(
                !lines.iter().any(|line| line.starts_with("Bcc")),
                "{lines:#?}"
            );
            assert!(!lines.concat().contains(['\r', '\n', '\0']));
        }
    }

    #[test]
    fn an_address_is_taken_as_a_mail_server_takes_it_or_refused() {
        let to = |text: &str| recipient(&Email::parse(text).unwrap()).map(|to| to.to_string());
        assert_eq!(to("a@bücher.example").unwrap(), "a@xn--bcher-kva.example");
        assert_eq!(to("ä@b.example").unwrap(), "ä@b.example");
        assert_eq!(to("a+b@[127.0.0.1]").unwrap(), "a+b@[127.0.0.1]");
        for bad in [
            "a>@b.example",
            "<a@b.example",
            "a@b>.example",
            "ab@",
            "@b.example",
            "a,b@c.example",
        ] {
            assert!(to(bad).is_err(), "{bad}");
        }
    }
}
