//! Behaviour of the crate from outside, one module per behaviour.

#[cfg(all(feature = "whisper", feature = "cli"))]
mod cli;
#[cfg(feature = "decode")]
mod decode;
mod fixtures;
mod flag;
mod invariants;
mod policy;
#[cfg(all(feature = "whisper", feature = "cli"))]
mod speech;
mod support;
