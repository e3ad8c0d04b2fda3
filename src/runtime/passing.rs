//! spec/runtime.md · 3.1.1, 3.2.1 Main Module: deployment stage
//!
//! Tells faults of the system that pass by themselves from those that a person must mend.

use rustix::io::Errno;
use std::io;

/// What the system answers where a path or an address is wrong, for as long as nobody changes
/// something.
const LASTING: [Errno; 11] = [
    Errno::NOENT,
    Errno::NOTDIR,
    Errno::ISDIR,
    Errno::ACCESS,
    Errno::PERM,
    Errno::LOOP,
    Errno::NAMETOOLONG,
    Errno::INVAL,
    Errno::NXIO,
    Errno::NODEV,
    Errno::ROFS,
];

/// Whether trying again later may succeed although nobody changes anything: a busy disk, too few
/// descriptors, a port in use. Errors that the system did not give, such as invalid UTF-8, last.
pub fn is_passing(error: &io::Error) -> bool {
    error
        .raw_os_error()
        .is_some_and(|code| !LASTING.iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_system_passes_and_a_wrong_path_lasts() {
        let error = |errno: Errno| io::Error::from_raw_os_error(errno.raw_os_error());
        for errno in [
            Errno::MFILE,
            Errno::IO,
            Errno::AGAIN,
            Errno::ADDRINUSE,
            Errno::STALE,
        ] {
            assert!(is_passing(&error(errno)), "{errno}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::NOTDIR] {
            assert!(!is_passing(&error(errno)), "{errno}");
        }
        assert!(!is_passing(&io::Error::from(io::ErrorKind::InvalidData)));
    }
}
