//! earmark: real-time moderation of audio rooms.
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod audio;
mod error;
pub mod flag;
#[cfg(any(feature = "whisper", feature = "cli"))]
pub mod model;
mod time;
pub mod vad;

pub use error::*;
pub use time::{MediaSpan, MediaTime, MonoTime, TICKS_PER_SECOND};
