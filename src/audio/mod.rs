//! Audio in: samples of any rate and channel count to 16 kHz mono.

#[cfg(feature = "decode")]
#[allow(clippy::disallowed_methods, reason = "reads files")]
mod decode;
mod level;
mod pcm;
mod resample;
mod ring;

#[cfg(feature = "decode")]
pub use decode::{Block, DecodeError, OpenError, OpenProblem, Recording, is_guarded, playlist_parts};
pub use level::Level;
pub use pcm::{ChannelPick, Pcm, PcmError};
pub use resample::{ResampleError, Resampler};
pub(crate) use ring::Ring;
