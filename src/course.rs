//! spec/course.md · 4 The Protocol
//!
//! The course: sixteen stages, in the specification's order, in which somebody builds a server of
//! their own from nothing to a whole deployment. Each stage is a dialogue; the first line that is
//! not met is told in the specification's words.

pub mod children;
pub mod failure;
pub mod judge;
pub mod market;
pub mod notes;
pub mod our_master;
pub mod stages;
pub mod student;
pub mod traffic;

pub use failure::StageFailure;
pub use judge::{CourseEvent, CoursePlan, CourseReport, StageOutcome, StageResult};
pub use stages::{STAGES, Stage};
