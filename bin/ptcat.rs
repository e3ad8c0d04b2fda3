//! A thin program.
fn main() {}
