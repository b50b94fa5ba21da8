//! Behaviour of the crate from outside, one module per behaviour.

mod api;
#[cfg(feature = "archive")]
mod archive;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod bleep;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod cli;
// The command's own reader, for the lists of cases.
#[allow(dead_code, reason = "only the reader is needed here")]
#[path = "../../src/bin/earmark/csv.rs"]
mod csv;
#[cfg(feature = "decode")]
mod decode;
#[cfg(feature = "decode")]
mod decode_damage;
#[cfg(feature = "decode")]
mod decode_streams;
mod fixtures;
mod flag;
mod invariants;
mod live;
mod policy;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod report;
mod rooms;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod scan;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod speech;
mod spoken;
mod support;
