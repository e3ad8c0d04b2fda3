//! spec/cli/papertrader.md · 4.6.1 and 4.6.3 (the password behind hashedPass)
//!
//! Reads a password. The model derives from it the hashedPass that is sent in its place.

use crate::client::ClientError;
use crate::model::{ResetCode, Username};
use std::io::{BufRead, IsTerminal, Write};
use zeroize::{Zeroize, Zeroizing};

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
    ResetCode::parse(line.trim()).map_err(|wrong| ClientError::Local(wrong.0.to_owned()))
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

/// Gets the password of `username`: from standard input, or from the terminal without echo. `twice`
/// makes the user type it twice, for a new account.
///
/// # Errors
/// No terminal, an invalid line, or two passwords that differ.
pub fn ask(
    username: &Username,
    from_stdin: bool,
    twice: bool,
) -> Result<Zeroizing<String>, ClientError> {
    if from_stdin {
        return from_reader(&mut std::io::stdin().lock());
    }
    let prompt = |text: String| -> Result<Zeroizing<String>, ClientError> {
        let read = rpassword::prompt_password(text).map(Zeroizing::new);
        read.map_err(|e| {
            let hint = if std::io::stdin().is_terminal() {
                ""
            } else {
                "; without one, pipe it to --password-stdin"
            };
            ClientError::Local(format!(
                "the password cannot be asked for at a terminal: {e}{hint}"
            ))
        })
    };
    let password = check(prompt(format!("Password of {username}: "))?)?;
    if twice {
        let mut again = prompt("Once more: ".to_owned())?;
        let same = *again == *password;
        again.zeroize();
        if !same {
            return Err(ClientError::Local("the two passwords differ".to_owned()));
        }
    }
    Ok(password)
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
}
