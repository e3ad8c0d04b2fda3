//! The tests that run real daemons.
