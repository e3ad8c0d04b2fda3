//! spec/cli/papertrader.md · 4.6.1 and 4.6.3 (the password behind hashedPass)
//!
//! Reads a password. The model derives from it the hashedPass that is sent in its place.

use crate::cli::terminal::{for_people, wrapped_for_stderr};
use crate::client::{ClientError, PasswordStrength};
use crate::model::account::{NEW_PASSWORD_MIN, normal_password};
use crate::model::{ResetCode, Username};
use std::io::{BufRead, ErrorKind, IsTerminal, Write};
use zeroize::Zeroizing;

/// The longest password in bytes.
pub const PASSWORD_MAX: usize = 1024;

/// Reads a password as one line, without its line end.
///
/// # Errors
/// No line, an empty one, one longer than [`PASSWORD_MAX`], or one that is not UTF-8.
pub fn from_reader(reader: &mut impl BufRead) -> Result<Zeroizing<String>, ClientError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(PASSWORD_MAX + 2));
    let mut limited = std::io::Read::take(reader, PASSWORD_MAX as u64 + 2);
    limited
        .read_until(b'\n', &mut bytes)
        .map_err(|e| ClientError::Local(format!("standard input: {e}")))?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    check(Zeroizing::new(
        std::str::from_utf8(&bytes)
            .map_err(|_| ClientError::Local("the password is not UTF-8".to_owned()))?
            .to_owned(),
    ))
}

/// Gets the code for a new password of `username`: from standard input, or from the terminal, where
/// it is shown as it is typed.
///
/// # Errors
/// No terminal, an invalid line, or a text that is no code.
pub fn ask_code(username: &Username, from_stdin: bool) -> Result<ResetCode, ClientError> {
    let mut stdin = std::io::stdin().lock();
    if !from_stdin {
        if !stdin.is_terminal() {
            let text = "the code cannot be asked for without a terminal; pipe code and new password \
                        to --password-stdin";
            return Err(ClientError::Local(text.to_owned()));
        }
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "Code for {username}: ");
        let _ = stderr.flush();
    }
    let line = from_reader(&mut stdin).map_err(|error| match error {
        ClientError::Local(text) => ClientError::Local(text.replace("password", "code")),
        other => other,
    })?;
    // Whoever types it may group it in another way.
    let is_letter = |c: &char| *c != '-' && !c.is_whitespace();
    let letters = Zeroizing::new(line.chars().filter(is_letter).collect::<String>());
    ResetCode::parse(&letters).map_err(|wrong| ClientError::Local(wrong.0.to_owned()))
}

/// Has the name of an account typed at the terminal, by which a person confirms what cannot be
/// undone.
///
/// # Errors
/// No terminal, or another name.
pub fn ask_same_name(username: &Username) -> Result<(), ClientError> {
    let mut stdin = std::io::stdin().lock();
    if !stdin.is_terminal() {
        let text = format!("this deletes {username} for good; without a terminal, say --yes");
        return Err(ClientError::Local(text));
    }
    let mut stderr = std::io::stderr().lock();
    let _ = write!(
        stderr,
        "This deletes the account {username} for good. Its name, to go on: "
    );
    let _ = stderr.flush();
    let line = from_reader(&mut stdin).map_err(|_| other_name(username))?;
    let typed = Username::parse(line.trim()).ok();
    if typed.is_some_and(|typed| typed.key() == username.key()) {
        Ok(())
    } else {
        Err(other_name(username))
    }
}

fn other_name(username: &Username) -> ClientError {
    ClientError::Local(format!("that is not {username}; nothing is deleted"))
}

fn check(password: Zeroizing<String>) -> Result<Zeroizing<String>, ClientError> {
    if password.is_empty() {
        Err(ClientError::Local("the password is empty".to_owned()))
    } else if password.len() > PASSWORD_MAX {
        Err(ClientError::Local(format!(
            "the password is longer than {PASSWORD_MAX} bytes"
        )))
    } else {
        Ok(password)
    }
}

/// Gets the password of `username`: from standard input, or from the terminal without echo.
///
/// # Errors
/// No terminal, or an invalid line.
pub fn ask(username: &Username, from_stdin: bool) -> Result<Zeroizing<String>, ClientError> {
    read(&format!("Password of {username}: "), from_stdin)
}

/// Gets a password for `username` to be: from standard input, or typed twice at the terminal. With
/// `is_told` standard error says how strong it is: of one that is typed before it is typed once more,
/// so that another can be chosen; of one that is piped if it is weak.
///
/// # Errors
/// No terminal, an invalid line, two passwords that differ, or one that is too easily guessed: fewer
/// than [`NEW_PASSWORD_MIN`] characters, the username or the e-mail address.
pub fn ask_new(
    username: &Username,
    email: Option<&str>,
    from_stdin: bool,
    is_told: bool,
) -> Result<Zeroizing<String>, ClientError> {
    let password = read(&format!("New password of {username}: "), from_stdin)?;
    if let Some(why) = weakness(&password, username, email) {
        return Err(ClientError::Local(why.to_owned()));
    }
    if is_told {
        tell_strength(&password, username, email, from_stdin);
    }
    if !from_stdin && *read("Once more: ", false)? != *password {
        return Err(ClientError::Local("the two passwords differ".to_owned()));
    }
    Ok(password)
}

/// Says on standard error how strong a new password is.
fn tell_strength(password: &str, username: &Username, email: Option<&str>, from_stdin: bool) {
    let strength = PasswordStrength::of(password, username, email);
    if !from_stdin || strength.is_weak() {
        let line = wrapped_for_stderr(&for_people(&strength.to_string()));
        // If standard error is closed, nobody is there to be advised.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    }
}

fn read(prompt: &str, from_stdin: bool) -> Result<Zeroizing<String>, ClientError> {
    if from_stdin {
        return from_reader(&mut std::io::stdin().lock());
    }
    let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
    check(typed.map_err(|e| {
        if e.kind() == ErrorKind::UnexpectedEof {
            // Ctrl-D has left the cursor behind the prompt.
            let _ = writeln!(std::io::stderr());
            return ClientError::Local("no password was typed".to_owned());
        }
        let hint = if std::io::stdin().is_terminal() {
            ""
        } else {
            "; without one, pipe it to --password-stdin"
        };
        ClientError::Local(format!(
            "the password cannot be asked for at a terminal: {e}{hint}"
        ))
    })?)
}

/// Why a password is not taken for an account; `None` if it is.
fn weakness(password: &str, username: &Username, email: Option<&str>) -> Option<&'static str> {
    let normal = normal_password(password);
    let is = |other: &str| normal.to_lowercase() == other.to_lowercase();
    if normal.chars().count() < NEW_PASSWORD_MIN {
        Some("a password has at least 8 characters")
    } else if is(username.as_str()) {
        Some("the username is no password")
    } else if email.is_some_and(is) {
        Some("the e-mail address is no password")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        let read = |bytes: &[u8]| from_reader(&mut &bytes[..]).map(|p| p.to_string());
        assert_eq!(read(b"secret\n").unwrap(), "secret");
        assert_eq!(read(b"sec ret \r\nmore").unwrap(), "sec ret ");
        assert_eq!(read(b"secret").unwrap(), "secret");
        assert!(read(b"\n").is_err());
        assert!(read(b"").is_err());
        assert!(read(b"\xff\n").is_err());
        assert!(read(&[b'a'; PASSWORD_MAX]).is_ok());
        assert!(read(&[b'a'; PASSWORD_MAX + 1]).is_err());
    }

    #[test]
    fn a_new_password_is_not_too_easily_guessed() {
        let name = Username::parse("Alice.Long").unwrap();
        let why = |password: &str| weakness(password, &name, Some("Alice@example.org"));
        assert_eq!(why("12345678"), None);
        // Characters count, in their composed form.
        assert_eq!(
            why("\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}\u{e4}"),
            None
        );
        assert!(why("a\u{308}a\u{308}a\u{308}a\u{308}").is_some());
        for password in ["1234567", "alice.long", "ALICE@EXAMPLE.ORG"] {
            assert!(why(password).is_some(), "{password}");
        }
        assert_eq!(why("alice.long1"), None);
    }
}
