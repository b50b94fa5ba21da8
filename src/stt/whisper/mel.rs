//! Log-mel spectrograms as Whisper was trained on (OpenAI whisper, `audio.py`): 25 ms Hann windows every 10 ms, 80
//! Slaney mel bands up to 8 kHz, the decimal logarithm, at most 80 dB below the loudest value.
//!
//! whisper.cpp computes the same ten times slower: a transform of its own and dense filters.

use std::f64::consts::TAU;
use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use crate::time::TICKS_PER_SECOND;

/// Bands of every Whisper model before `large-v3`.
pub(super) const BANDS: usize = 80;
const WINDOW: usize = 400;
const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;

/// A triangular band: weights of the bins from `first` on.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

/// Computes spectrograms into its own buffer.
pub(super) struct Spectrogram {
    transform: Arc<dyn Fft<f32>>,
    scratch: Vec<Complex32>,
    windows: Vec<Complex32>,
    hann: Vec<f32>,
    bands: Vec<Band>,
    /// Band by band, each a row of frames.
    rows: Vec<f32>,
}

impl Spectrogram {
    pub(super) fn new() -> Self {
        let transform = FftPlanner::new().plan_fft_forward(WINDOW);
        Self {
            scratch: vec![Complex32::default(); transform.get_inplace_scratch_len()],
            windows: vec![Complex32::default(); WINDOW],
            hann: (0..WINDOW).map(|n| (0.5 - 0.5 * (TAU * n as f64 / WINDOW as f64).cos()) as f32).collect(),
            bands: bands(),
            rows: Vec::new(),
            transform,
        }
    }

    /// The spectrogram of `audio` (16 kHz), silence after its end, as `BANDS` rows of `frames` values.
    pub(super) fn of(&mut self, audio: &[f32], frames: usize) -> &[f32] {
        const FLOOR: f32 = -10.0;
        self.rows.clear();
        self.rows.resize(BANDS * frames, FLOOR);
        // Frames are centred: the first one begins 200 samples before the audio, which is mirrored there.
        let heard = frames.min((audio.len() + WINDOW / 2) / HOP + 1);
        let mut most = FLOOR;
        for first in (0..heard).step_by(2) {
            // The transform of one real window is the real part's share, that of the next the imaginary part's.
            for (n, (value, hann)) in self.windows.iter_mut().zip(&self.hann).enumerate() {
                let at = |frame: usize| sample(audio, (frame * HOP + n) as isize - (WINDOW / 2) as isize) * hann;
                *value = Complex32::new(at(first), at(first + 1));
            }
            self.transform.process_with_scratch(&mut self.windows, &mut self.scratch);
            let part = |bin: usize| (self.windows[bin], self.windows[(WINDOW - bin) % WINDOW].conj());
            let powers: [[f32; BINS]; 2] = [
                std::array::from_fn(|bin| {
                    let (a, b) = part(bin);
                    (a + b).norm_sqr() * 0.25
                }),
                std::array::from_fn(|bin| {
                    let (a, b) = part(bin);
                    (a - b).norm_sqr() * 0.25
                }),
            ];
            for (frame, powers) in (first..heard).zip(&powers) {
                for (row, band) in self.rows.chunks_exact_mut(frames).zip(&self.bands) {
                    let power: f32 = band.weights.iter().zip(&powers[band.first..]).map(|(weight, power)| weight * power).sum();
                    let level = power.max(1e-10).log10();
                    row[frame] = level;
                    most = most.max(level);
                }
            }
        }
        for level in &mut self.rows {
            *level = (level.max(most - 8.0) + 4.0) / 4.0;
        }
        &self.rows
    }
}

/// A sample; before the start its mirror image, after the end silence.
fn sample(audio: &[f32], index: isize) -> f32 {
    audio.get(index.unsigned_abs()).copied().unwrap_or(0.0)
}

/// The Slaney mel scale and its inverse: linear up to 1 kHz, logarithmic above.
fn hertz(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * (6.4_f64.ln() / 27.0 * (mel - 15.0)).exp() }
}

fn mel(hertz: f64) -> f64 {
    if hertz < 1000.0 { hertz * 3.0 / 200.0 } else { 15.0 + (hertz / 1000.0).ln() * 27.0 / 6.4_f64.ln() }
}

/// Triangles between neighbouring points of the mel scale, each of area one.
fn bands() -> Vec<Band> {
    let rate = TICKS_PER_SECOND as f64;
    let step = mel(rate / 2.0) / (BANDS + 1) as f64;
    let edge = |band: usize| hertz(step * band as f64);
    let triangle = |band: usize| {
        let (low, peak, high) = (edge(band), edge(band + 1), edge(band + 2));
        let weight = |bin: usize| {
            let frequency = bin as f64 * rate / WINDOW as f64;
            let slope = ((frequency - low) / (peak - low)).min((high - frequency) / (high - peak));
            (slope.max(0.0) * 2.0 / (high - low)) as f32
        };
        let weights: Vec<f32> = (0..BINS).map(weight).collect();
        let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
        let last = weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0);
        Band { first, weights: weights[first..=last].to_vec() }
    };
    (0..BANDS).map(triangle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(audio: &[f32], frame: usize, band: &Band) -> f64 {
        let sums = (band.first..band.first + band.weights.len()).map(|bin| {
            let (mut re, mut im) = (0.0, 0.0);
            for n in 0..WINDOW {
                let angle = TAU * (bin * n % WINDOW) as f64 / WINDOW as f64;
                let hann = 0.5 - 0.5 * (TAU * n as f64 / WINDOW as f64).cos();
                let value = f64::from(sample(audio, (frame * HOP + n) as isize - 200)) * hann;
                (re, im) = (re + value * angle.cos(), im - value * angle.sin());
            }
            (re * re + im * im) * f64::from(band.weights[bin - band.first])
        });
        sums.sum::<f64>().max(1e-10).log10()
    }

    #[test]
    fn it_is_the_definition_written_out() {
        let audio: Vec<f32> = (0..3_300_u32).map(|n| ((n * n % 977) as f32 / 977.0 - 0.5) * (n as f32 / 3_300.0)).collect();
        let mut spectrogram = Spectrogram::new();
        let frames = 40;
        let rows = spectrogram.of(&audio, frames).to_vec();
        let bands = bands();
        let exact: Vec<Vec<f64>> = bands.iter().map(|band| (0..frames).map(|f| direct(&audio, f, band)).collect()).collect();
        let most = exact.iter().flatten().copied().fold(-10.0, f64::max);
        for (row, exact) in rows.chunks_exact(frames).zip(&exact) {
            for (value, exact) in row.iter().zip(exact) {
                let exact = (exact.max(most - 8.0) + 4.0) / 4.0;
                assert!((f64::from(*value) - exact).abs() < 1e-4, "{value} {exact}");
            }
        }
        assert!(rows.chunks_exact(frames).all(|row| row[39] == row[38]), "silence follows the audio");
    }

    #[test]
    fn bands_are_those_of_the_training() {
        let bands = bands();
        // From the filters that OpenAI publishes with the models.
        assert_eq!((bands[0].first, bands[0].weights.len()), (1, 1));
        assert!((bands[0].weights[0] - 0.024_862_6).abs() < 1e-6, "{}", bands[0].weights[0]);
        assert!(bands.iter().all(|band| !band.weights.is_empty()));
    }

    #[test]
    fn audio_of_any_length_is_taken() {
        let mut spectrogram = Spectrogram::new();
        for length in [0, 1, 2, 150, 161, 200, 201, 16_000] {
            assert!(spectrogram.of(&vec![0.1; length], 64).iter().all(|value| value.is_finite()), "{length}");
        }
    }
}
