//! earmark: real-time moderation of audio rooms.
//!
//! Live rooms move too fast for human moderators, and nobody can listen to weeks of recordings. earmark streams room
//! audio through resampling, voice-activity detection and on-device Whisper, and emits flagged transcript segments with
//! timestamps: who said it, when, which words, which category, how severe, how sure. No audio leaves the machine.
//!
//! ```text
//!  push(now, Pcm)                                            poll() -> Event | Job | Wait | Done
//!    | audio/pcm       validate, mix or pick channels           ^
//!    v                                                          |
//!  audio/resample   any rate -> 16 kHz mono                 outbox (bounded)
//!    v                                                          ^
//!  vad              one speech probability per 32 ms frame      |
//!    v                                                          |
//!  segment          hysteresis -> utterances                    |
//!    v                                                          |
//!  job              bounded queue --Job--> driver --> Worker::transcribe     (outside the core)
//!                                 <--------complete(now, JobDone)
//!    v
//!  stt/guard        is this text supported by the audio under it?
//!    v
//!  flag             policy over the speaker's words
//!    v
//!  strikes          per-speaker score with decay -> warn, mute, remove, review
//!    v
//!  ledger           every tick of audio ends with exactly one outcome
//! ```
//!
//! Inference plays the part of IO: a [`Track`] takes audio and hands out [`Job`]s; a driver runs them on a
//! [`stt::Worker`] and gives the results back. The core has no clock, thread, socket or file of its own.
//!
//! Most programs want [`scan_file`] for recordings and [`Moderator`] for live rooms; both bring a pool of workers.
//! Features: `whisper` (speech to text), `pool` (worker threads, `Moderator`), `decode` (recordings) and `cli` (the
//! command) are on by default; `serde` (event lines, reports, [`rescan`]) and `archive` (retained recordings) come with
//! `cli`; `metrics`, `tracing`, `cuda`, `metal` and `vulkan` are off. Without any of them what is left is Rust alone.
#![cfg_attr(
    all(feature = "whisper", feature = "pool", feature = "decode"),
    doc = concat!("\n```no_run\n", include_str!("../examples/quickstart.rs"), "```")
)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
// Clocks, threads, files and sockets are for the modules that say so below; clippy.toml lists what that means.
#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_macros))]

#[cfg(feature = "archive")]
#[allow(clippy::disallowed_methods, reason = "keeps files")]
pub mod archive;
pub mod audio;
mod bleep;
mod config;
#[cfg(feature = "pool")]
#[allow(clippy::disallowed_methods, reason = "threads and their clock")]
mod drive;
mod error;
mod event;
pub mod flag;
mod hex;
mod job;
mod ledger;
#[cfg(any(feature = "whisper", feature = "cli"))]
#[allow(clippy::disallowed_methods, reason = "finds, checks and fetches files")]
pub mod model;
#[cfg(feature = "serde")]
pub mod report;
#[cfg(feature = "serde")]
pub mod rescan;
mod room;
#[cfg(all(feature = "pool", feature = "decode"))]
mod scan;
mod segment;
mod standings;
mod strikes;
pub mod stt;
mod time;
mod track;
pub mod vad;

/// The examples of the README compile.
#[cfg(all(doctest, feature = "whisper", feature = "pool", feature = "decode"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub use audio::{ChannelPick, Pcm, PcmError};
pub use bleep::{BleepConfig, BleepError, BleepOutcome, BleepSample, BleepSound, BleepStats, Bleeper};
pub use config::{ConfigError, Language, Overload, TrackConfig};
#[cfg(feature = "pool")]
pub use drive::{
    DriveError, Driven, DrivenRoom, LiveEvent, LoadLevel, LoadStep, Moderator, ModeratorOptions, OpenError, Pool, PoolOptions,
};
pub use error::EngineError;
pub use event::{Coverage, Event, Flag, FlagId, FlagState, Outcome, Output, TranscriptEvent, TranscriptState, UtteranceId};
pub use job::{Job, JobDone, JobId, JobKind};
pub use room::{Room, RoomConfig, RoomError, RoomEvent, RoomLayout, RoomOutput, Seat, TrackMaker};
#[cfg(all(feature = "pool", feature = "decode"))]
pub use scan::{Channels, ScanError, ScanSink, scan_file};
pub use segment::SegmentConfig;
pub use standings::Standings;
pub use strikes::{Action, ActionKind, Rung, StrikeConfig, Strikes};
pub use time::{MediaSpan, MediaTime, MonoTime, TICKS_PER_SECOND};
pub use track::{PushError, Summary, Track};
