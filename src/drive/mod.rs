//! Drivers: they own the threads and the clock that the core does without.

mod driven;
mod moderator;
mod pool;

pub use driven::{DriveError, Driven};
pub use moderator::{Moderator, ModeratorOptions, OpenError};
pub use pool::Pool;
