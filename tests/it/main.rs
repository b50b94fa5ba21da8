//! Behaviour of the crate from outside, one module per behaviour.

#[cfg(feature = "archive")]
mod archive;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod archive_kill;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod cli;
#[cfg(feature = "decode")]
mod decode;
mod fixtures;
mod flag;
mod invariants;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod report;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod speech;
mod support;
