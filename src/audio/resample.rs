//! Any rate to 16 kHz mono with rubato, delay compensated to the sample.

use std::fmt;

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Async, Fft, FixedAsync, FixedSync, SincInterpolationParameters, SincInterpolationType, WindowFunction};
use thiserror::Error;

use crate::time::TICKS_PER_SECOND;

const OUT_RATE: usize = TICKS_PER_SECOND as usize;
/// Ticks a block of the Fourier resampler aims at: 25 ms, a transition band of about 0.6 kHz.
const BLOCK_TICKS: usize = 400;
/// Rates that share too few factors with 16 kHz would need longer blocks than this and are interpolated instead.
const MAX_BLOCK_TICKS: usize = 1280;

/// A rate the resampler cannot be made for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("cannot resample from {rate} Hz: {problem}")]
pub struct ResampleError {
    /// The rate.
    pub rate: u32,
    /// What is wrong with it.
    pub problem: String,
}

/// A stream of mono samples at any rate from 8 to 192 kHz to 16 kHz.
///
/// The filter's delay is taken out: sample `n` of the output lies at `n / 16000` seconds of the input. What comes out
/// does not depend on how the input is split. `n` input samples give `ceil(n * 16000 / rate)` output samples after
/// [`flush`](Self::flush).
///
/// ```
/// let mut resampler = earmark::audio::Resampler::new(48_000)?;
/// let mut out = Vec::new();
/// resampler.push(&[0.0; 4_800], &mut out);
/// resampler.flush(&mut out);
/// assert_eq!(out.len(), 1_600);
/// # Ok::<(), earmark::audio::ResampleError>(())
/// ```
pub struct Resampler {
    rate: u32,
    /// `None` at 16 kHz, where samples pass through.
    engine: Option<Box<dyn rubato::Resampler<f32>>>,
    pending: Vec<f32>,
    block: Vec<f32>,
    /// Output samples of the filter's delay still to be dropped.
    skip: usize,
    taken: u64,
    given: u64,
}

impl fmt::Debug for Resampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resampler").field("rate", &self.rate).field("taken", &self.taken).finish_non_exhaustive()
    }
}

impl Resampler {
    /// Upper bound on the heap memory of one resampler of any rate.
    pub const MAX_MEMORY_BYTES: usize = 1 << 20;

    /// A resampler from `rate` Hz.
    ///
    /// # Errors
    ///
    /// [`ResampleError`] when the rate is not within 8 to 192 kHz.
    pub fn new(rate: u32) -> Result<Self, ResampleError> {
        let fail = |problem: String| ResampleError { rate, problem };
        if !(8_000..=192_000).contains(&rate) {
            return Err(fail("it must be between 8000 and 192000 Hz".into()));
        }
        let engine = if rate as usize == OUT_RATE { None } else { Some(engine(rate as usize).map_err(fail)?) };
        let (skip, block) = engine.as_ref().map_or((0, 0), |e| (e.output_delay(), e.output_frames_max()));
        Ok(Self { rate, engine, pending: Vec::new(), block: vec![0.0; block], skip, taken: 0, given: 0 })
    }

    /// The input rate in Hz.
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// Takes mono samples and appends what is ready, 16 kHz mono, to `out`.
    pub fn push(&mut self, input: &[f32], out: &mut Vec<f32>) {
        self.taken += input.len() as u64;
        if self.engine.is_none() {
            out.extend_from_slice(input);
            self.given += input.len() as u64;
            return;
        }
        self.pending.extend_from_slice(input);
        self.run(u64::MAX, out);
    }

    /// Appends the rest; the resampler is then ready for a new stream.
    pub fn flush(&mut self, out: &mut Vec<f32>) {
        let total = (u128::from(self.taken) * OUT_RATE as u128).div_ceil(u128::from(self.rate)) as u64;
        while self.given < total {
            let Some(need) = self.engine.as_ref().map(|engine| engine.input_frames_next()) else { break };
            self.pending.resize(self.pending.len().max(need), 0.0);
            let before = (self.given, self.skip);
            self.run(total, out);
            if before == (self.given, self.skip) {
                break;
            }
        }
        if let Some(engine) = &mut self.engine {
            engine.reset();
            self.skip = engine.output_delay();
        }
        self.pending.clear();
        (self.taken, self.given) = (0, 0);
    }

    /// Processes whole blocks, giving at most `total` samples in all.
    fn run(&mut self, total: u64, out: &mut Vec<f32>) {
        let Some(engine) = &mut self.engine else { return };
        let mut used = 0;
        loop {
            let need = engine.input_frames_next();
            let Some(input) = self.pending.get(used..used + need) else { break };
            let capacity = self.block.len();
            let (Ok(from), Ok(mut to)) =
                (InterleavedSlice::new(input, 1, need), InterleavedSlice::new_mut(&mut self.block, 1, capacity))
            else {
                break;
            };
            // Both buffers have the sizes the engine asked for, which is all it checks.
            let Ok((_, made)) = engine.process_into_buffer(&from, &mut to, None) else { break };
            used += need;
            let skipped = self.skip.min(made);
            self.skip -= skipped;
            let keep = ((made - skipped) as u64).min(total - self.given) as usize;
            out.extend_from_slice(&self.block[skipped..skipped + keep]);
            self.given += keep as u64;
        }
        self.pending.drain(..used);
        if self.pending.capacity() > 65_536 {
            self.pending.shrink_to(self.pending.len());
        }
    }
}

fn engine(rate: usize) -> Result<Box<dyn rubato::Resampler<f32>>, String> {
    let mut common = rate;
    let mut rest = OUT_RATE;
    while rest != 0 {
        (common, rest) = (rest, common % rest);
    }
    let (step_in, step_out) = (rate / common, OUT_RATE / common);
    let mut blocks = BLOCK_TICKS.div_ceil(step_out);
    // An odd block would put the filter's centre between two samples.
    if step_in * blocks % 2 == 1 || step_out * blocks % 2 == 1 {
        blocks += 1;
    }
    if step_out * blocks <= MAX_BLOCK_TICKS && (step_in * blocks).is_multiple_of(2) {
        let window = WindowFunction::BlackmanHarris2;
        let fft = Fft::<f32>::new_custom(rate, OUT_RATE, step_in * blocks, 1, 1, window, FixedSync::Both);
        return fft.map(|fft| Box::new(fft) as _).map_err(|e| e.to_string());
    }
    let taps = (256 * rate.div_ceil(OUT_RATE)).clamp(256, 2048);
    let parameters = SincInterpolationParameters {
        sinc_len: taps,
        f_cutoff: Some(0.945),
        interpolation: SincInterpolationType::Cubic,
        oversampling_factor: 64,
        window: WindowFunction::BlackmanHarris2,
    };
    let chunk = rate / 100;
    let ratio = OUT_RATE as f64 / rate as f64;
    let sinc = Async::<f32>::new_sinc(ratio, 1.0, &parameters, chunk, 1, FixedAsync::Input);
    sinc.map(|sinc| Box::new(sinc) as _).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests;
