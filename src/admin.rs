//! spec/admin.md · 3.1.5 Worker Management (print, retrieve, boot), 3.1.3, 3.1.4
//!
//! The language of the control socket, by which `papertraderctl` steers a running master.
//! [`protocol`] has the requests, the answers and their bounds; [`model`] has the data in answers;
//! [`roster`] has both for lists of people.
//! Both sides import it, so neither imports the other.

pub mod model;
pub mod protocol;
pub mod roster;
pub mod warning;
