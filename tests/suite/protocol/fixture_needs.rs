//! What a dialogue needs, met by a deployment of its own.

pub use papertrader::testkit::fixture_rig::{FixtureRig, need};
