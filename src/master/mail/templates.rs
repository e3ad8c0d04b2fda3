//! spec/master/mail.md · 4.1 (basic error handling)
//!
//! The texts of mails: the built-in ones, and those of the administrator's folder in their place.
//! Each is checked when it is read.

use crate::model::OwnerNotice;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use zeroize::Zeroizing;

/// The longest template, in bytes.
pub const TEMPLATE_BYTES_MAX: usize = 16 * 1024;
/// The longest subject of a template, in characters.
const SUBJECT_MAX: usize = 120;
/// What the first line of a template begins with.
const SUBJECT: &str = "Subject: ";

/// What stands in a template for a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Deployment,
    Username,
    Code,
    Minutes,
    Time,
    Detail,
}

impl Placeholder {
    const ALL: [(Placeholder, &'static str); 6] = [
        (Placeholder::Deployment, "deployment"),
        (Placeholder::Username, "username"),
        (Placeholder::Code, "code"),
        (Placeholder::Minutes, "minutes"),
        (Placeholder::Time, "time"),
        (Placeholder::Detail, "detail"),
    ];
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(Placeholder),
}

/// A text with places for values.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Template {
    subject: Vec<Piece>,
    body: Vec<Piece>,
}

/// The values of one mail.
pub(super) struct MailValues<'a> {
    pub(super) deployment: &'a str,
    pub(super) username: &'a str,
    /// Empty in a mail without a code.
    pub(super) code: &'a str,
    /// For how many minutes the code is valid.
    pub(super) minutes: u64,
    /// When it happened, as people read it.
    pub(super) time: &'a str,
    pub(super) detail: &'a str,
}

impl MailValues<'_> {
    fn of(&self, placeholder: Placeholder) -> String {
        match placeholder {
            Placeholder::Deployment => self.deployment.to_owned(),
            Placeholder::Username => self.username.to_owned(),
            Placeholder::Code => self.code.to_owned(),
            Placeholder::Minutes => self.minutes.to_string(),
            Placeholder::Time => self.time.to_owned(),
            Placeholder::Detail => self.detail.to_owned(),
        }
    }
}

/// A template for each kind of mail.
#[derive(Debug)]
pub struct Templates(Vec<(OwnerNotice, Template)>);

/// The built-in text for a kind of mail.
fn built_in(kind: OwnerNotice) -> &'static str {
    match kind {
        OwnerNotice::ResetCode => include_str!("../../../etc/mail/reset-code.txt"),
        OwnerNotice::PasswordReset => include_str!("../../../etc/mail/password-reset.txt"),
        OwnerNotice::PasswordChanged => include_str!("../../../etc/mail/password-changed.txt"),
        OwnerNotice::EmailChanged => include_str!("../../../etc/mail/email-changed.txt"),
        OwnerNotice::IdentityLinked => include_str!("../../../etc/mail/identity-linked.txt"),
        OwnerNotice::IdentityUnlinked => include_str!("../../../etc/mail/identity-unlinked.txt"),
        OwnerNotice::TokenCreated => include_str!("../../../etc/mail/token-created.txt"),
        OwnerNotice::TokenElsewhere => include_str!("../../../etc/mail/token-elsewhere.txt"),
        OwnerNotice::AccountDeleted => include_str!("../../../etc/mail/account-deleted.txt"),
    }
}

/// Refuses a text with a name of no kind: it would come in the place of none.
fn check_names(folder: &Path) -> Result<(), String> {
    let unread = |error: io::Error| format!("{} cannot be read: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(unread)? {
        let path = entry.map_err(unread)?.path();
        let is_text = path.extension().is_some_and(|extension| extension == "txt");
        let stem = path.file_stem().unwrap_or_default();
        let mut kinds = OwnerNotice::ALL.iter();
        if is_text && !kinds.any(|kind| stem == kind.as_str()) {
            let known: Vec<&str> = OwnerNotice::ALL.iter().map(|it| it.as_str()).collect();
            return Err(format!(
                "{}: there is no such kind of mail; there are: {}",
                path.display(),
                known.join(", ")
            ));
        }
    }
    Ok(())
}

impl Templates {
    /// The templates: `folder`'s, and the built-in ones for what it has no file of.
    ///
    /// # Errors
    /// A file cannot be read, is no template, or has the name of no kind. The text names the file and
    /// the line.
    pub fn open(folder: Option<&Path>) -> Result<Templates, String> {
        if let Some(folder) = folder {
            check_names(folder)?;
        }
        let mut templates = Vec::with_capacity(OwnerNotice::ALL.len());
        for kind in OwnerNotice::ALL {
            let name = format!("{kind}.txt");
            let own = folder.map(|folder| folder.join(&name));
            let text = match &own {
                Some(path) => read(path).map_err(|e| format!("{}: {e}", path.display()))?,
                None => None,
            };
            let place = match (&own, &text) {
                (Some(path), Some(_)) => path.display().to_string(),
                _ => format!("etc/mail/{name}"),
            };
            let template = parse(*kind, text.as_deref().unwrap_or_else(|| built_in(*kind)))
                .map_err(|(line, why)| format!("{place}, line {line}: {why}"))?;
            templates.push((*kind, template));
        }
        Ok(Templates(templates))
    }

    /// Subject and text of a mail, the text with LF at the end of each line.
    pub(super) fn fill(
        &self,
        kind: OwnerNotice,
        values: &MailValues<'_>,
    ) -> (String, Zeroizing<String>) {
        let template = self.0.iter().find(|(found, _)| *found == kind);
        let fill = |pieces: &[Piece]| -> String {
            let piece = |piece: &Piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Value(placeholder) => values.of(*placeholder),
            };
            pieces.iter().map(piece).collect()
        };
        template.map_or_else(Default::default, |(_, template)| {
            (
                fill(&template.subject),
                Zeroizing::new(fill(&template.body)),
            )
        })
    }
}

/// Reads a file of the administrator's folder; `None` if it is not there.
fn read(path: &Path) -> Result<Option<String>, String> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot be read: {error}")),
    };
    let most = u64::try_from(TEMPLATE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| format!("cannot be read: {e}"))?;
    if bytes.len() > TEMPLATE_BYTES_MAX {
        return Err(format!("is longer than {TEMPLATE_BYTES_MAX} bytes"));
    }
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|_| "is not in UTF-8".to_owned())
}

/// Reads a template: a line with the subject, an empty one, and the text. An error has its line.
fn parse(kind: OwnerNotice, text: &str) -> Result<Template, (usize, String)> {
    let text = text.replace("\r\n", "\n");
    for (at, line) in text.lines().enumerate() {
        if line.chars().any(|c| c.is_control() && c != '\t') {
            return Err((at + 1, "it has a control character".to_owned()));
        }
    }
    let (head, body) = text.split_once('\n').unwrap_or((&text, ""));
    let subject = head
        .strip_prefix(SUBJECT)
        .map(str::trim)
        .filter(|subject| (1..=SUBJECT_MAX).contains(&subject.chars().count()))
        .ok_or_else(|| {
            let why =
                format!("this must be \"{SUBJECT}\" with a text of 1 to {SUBJECT_MAX} characters");
            (1, why)
        })?;
    let body = body
        .strip_prefix('\n')
        .filter(|body| !body.trim().is_empty())
        .ok_or_else(|| (2, "an empty line and a text must follow".to_owned()))?;
    let template = Template {
        subject: pieces(subject, 1)?,
        body: pieces(body, 3)?,
    };
    let required: &[Placeholder] = match kind {
        OwnerNotice::ResetCode => &[Placeholder::Username, Placeholder::Code],
        OwnerNotice::IdentityLinked
        | OwnerNotice::IdentityUnlinked
        | OwnerNotice::TokenCreated
        | OwnerNotice::TokenElsewhere => &[Placeholder::Username, Placeholder::Detail],
        OwnerNotice::PasswordReset
        | OwnerNotice::PasswordChanged
        | OwnerNotice::EmailChanged
        | OwnerNotice::AccountDeleted => &[Placeholder::Username],
    };
    let has = |pieces: &[Piece], wanted: Placeholder| pieces.contains(&Piece::Value(wanted));
    for (placeholder, name) in Placeholder::ALL {
        if required.contains(&placeholder) && !has(&template.body, placeholder) {
            return Err((3, format!("the text lacks {{{name}}}")));
        }
    }
    // The subject is shown where others look over a shoulder, and kept in logs of mail servers.
    if has(&template.subject, Placeholder::Code) {
        return Err((1, "{code} must not stand in the subject".to_owned()));
    }
    let of_code = [Placeholder::Code, Placeholder::Minutes];
    if kind != OwnerNotice::ResetCode && of_code.iter().any(|one| has(&template.body, *one)) {
        return Err((3, "this mail has no {code} and no {minutes}".to_owned()));
    }
    Ok(template)
}

/// Takes a text apart at its placeholders. `line` is that of its beginning.
fn pieces(text: &str, line: usize) -> Result<Vec<Piece>, (usize, String)> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let at = |rest: &str| line + text[..text.len() - rest.len()].matches('\n').count();
    while let Some(open) = rest.find('{') {
        let (before, from) = rest.split_at(open);
        pieces.push(Piece::Text(before.to_owned()));
        let name = from[1..].split('}').next().unwrap_or_default();
        let known = Placeholder::ALL.iter().find(|(_, known)| *known == name);
        let Some((placeholder, _)) = known.filter(|_| from[1..].contains('}')) else {
            let all: Vec<String> = Placeholder::ALL
                .iter()
                .map(|(_, name)| format!("{{{name}}}"))
                .collect();
            let why = format!("an opening brace begins one of {}", all.join(", "));
            return Err((at(from), why));
        };
        pieces.push(Piece::Value(*placeholder));
        rest = &from[name.len() + 2..];
    }
    pieces.push(Piece::Text(rest.to_owned()));
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values<'a>() -> MailValues<'a> {
        MailValues {
            deployment: "Class {code} 7b",
            username: "{detail}",
            code: "ABCDE",
            minutes: 20,
            time: "2026-11-26 03:00 UTC",
            detail: "{username}",
        }
    }

    #[test]
    fn the_built_in_texts_are_templates_of_plain_short_lines() {
        let templates = Templates::open(None).unwrap();
        for kind in OwnerNotice::ALL {
            let (subject, body) = templates.fill(*kind, &values());
            assert!(subject.starts_with("Class {code} 7b: "), "{subject}");
            assert!(
                body.contains("{detail}"),
                "values are not filled again: {body:?}"
            );
            assert_eq!(body.contains("ABCDE"), *kind == OwnerNotice::ResetCode);
            assert!(built_in(*kind).is_ascii());
            assert!(built_in(*kind).lines().all(|line| line.len() <= 78));
        }
    }

    #[test]
    fn a_folder_s_texts_come_first_and_faults_are_named_with_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("reset-code.txt");
        let good = "Subject: Passwort für {deployment}\r\n\r\nHallo {username},\r\n{code}\r\n";
        std::fs::write(&file, good).unwrap();
        let templates = Templates::open(Some(folder.path())).unwrap();
        let (subject, body) = templates.fill(OwnerNotice::ResetCode, &values());
        assert_eq!(subject, "Passwort für Class {code} 7b");
        assert_eq!(*body, "Hallo {detail},\nABCDE\n");
        let (subject, _) = templates.fill(OwnerNotice::TokenElsewhere, &values());
        assert!(subject.contains("token"), "{subject}");
        for (text, says) in [
            ("", "line 1: this must be \"Subject: \""),
            ("Subject: \n\n{username}{code}", "line 1: this must be"),
            ("Subject: x\n{username}{code}", "line 2: an empty line"),
            ("Subject: x\n\n \n", "line 2: an empty line"),
            ("Subject: x\n\n{username}", "lacks {code}"),
            ("Subject: x\n\n{code}", "lacks {username}"),
            (
                "Subject: {code}\n\n{username}{code}",
                "must not stand in the subject",
            ),
            ("Subject: x\n\na\nb {user} c", "line 4: an opening brace"),
            ("Subject: x\n\n{code} {username", "line 3: an opening brace"),
            (
                "Subject: x\r\rBcc: y\n\n{username}{code}",
                "line 1: it has a control",
            ),
            (
                "Subject: x\n\n{username}\u{1b}{code}",
                "line 3: it has a control",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = Templates::open(Some(folder.path())).unwrap_err();
            assert!(error.contains("reset-code.txt"), "{error}");
            assert!(error.contains(says), "{text:?}: {error}");
        }
        std::fs::write(&file, [b'S', 0xFF]).unwrap();
        let error = Templates::open(Some(folder.path())).unwrap_err();
        assert!(error.contains("is not in UTF-8"), "{error}");
        std::fs::write(&file, vec![b'a'; TEMPLATE_BYTES_MAX + 1]).unwrap();
        let error = Templates::open(Some(folder.path())).unwrap_err();
        assert!(error.contains("longer than"), "{error}");
        std::fs::remove_file(&file).unwrap();
        std::fs::write(folder.path().join("README"), "not looked at").unwrap();
        let unknown = folder.path().join("token-used.txt");
        std::fs::write(&unknown, "Subject: x\n\n{username}").unwrap();
        let error = Templates::open(Some(folder.path())).unwrap_err();
        assert!(
            error.contains("token-used.txt: there is no such kind"),
            "{error}"
        );
        std::fs::remove_file(&unknown).unwrap();
        assert!(Templates::open(Some(&unknown)).is_err(), "no such folder");
        std::fs::write(
            folder.path().join("token-elsewhere.txt"),
            "Subject: x\n\n{username} {detail} {code}",
        )
        .unwrap();
        let error = Templates::open(Some(folder.path())).unwrap_err();
        assert!(error.contains("has no {code}"), "{error}");
    }
}
