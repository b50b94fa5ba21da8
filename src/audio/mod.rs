//! Audio in: samples of any rate and channel count to 16 kHz mono.

mod level;
pub(crate) mod pcm;
mod resample;
