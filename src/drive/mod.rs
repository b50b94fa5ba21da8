//! Drivers: they own the threads and the clock that the core does without.

mod answers;
mod driven;
mod driven_room;
mod finite;
mod ladder;
mod moderator;
mod observe;
mod pool;
mod schedule;

pub use driven::{DriveError, Driven};
pub use driven_room::{DrivenRoom, LiveEvent};
pub use ladder::{LoadLevel, LoadStep};
pub use moderator::{Moderator, ModeratorOptions, OpenError};
pub use pool::{Pool, PoolOptions};
