use super::*;

const RATES: [u32; 8] = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000];

fn resample(rate: u32, input: &[f32]) -> Vec<f32> {
    let mut resampler = Resampler::new(rate).unwrap();
    let mut out = Vec::new();
    resampler.push(input, &mut out);
    resampler.flush(&mut out);
    out
}

fn sine(rate: u32, frequency: f64, samples: usize) -> Vec<f32> {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..samples).map(|n| (step * n as f64).sin() as f32 * 0.5).collect()
}

fn power(samples: &[f32]) -> f64 {
    samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / samples.len() as f64
}

/// The band-limited input at `seconds` by direct evaluation of a long windowed sinc in f64.
fn reference(input: &[f32], rate: u32, seconds: f64) -> f64 {
    let (rate, cutoff) = (f64::from(rate), 7_600_f64.min(f64::from(rate) * 0.475));
    let half = 0.04;
    let centre = seconds * rate;
    let from = ((seconds - half) * rate).ceil().max(0.0) as usize;
    let to = (((seconds + half) * rate).floor() as usize + 1).min(input.len());
    let taps = (from..to).map(|n| {
        let t = (n as f64 - centre) / rate;
        let x = std::f64::consts::TAU * cutoff * t;
        let sinc = if x.abs() < 1e-12 { 1.0 } else { x.sin() / x };
        let window = 0.5 + 0.5 * (std::f64::consts::PI * t / half).cos();
        f64::from(input[n]) * sinc * window * 2.0 * cutoff / rate
    });
    taps.sum()
}

#[test]
fn every_sample_matches_a_direct_windowed_sinc() {
    for rate in RATES {
        let count = rate as usize / 2;
        // Speech-band content well inside both filters' pass-bands: several tones with a fade.
        let tones: Vec<Vec<f32>> = [310.0, 1_130.0, 2_470.0, 3_210.0].iter().map(|f| sine(rate, *f, count)).collect();
        let input: Vec<f32> = (0..count)
            .map(|n| {
                let fade = (std::f32::consts::PI * n as f32 / count as f32).sin();
                fade * tones.iter().map(|t| t[n]).sum::<f32>() * 0.4
            })
            .collect();
        let out = resample(rate, &input);
        assert_eq!(out.len(), (count * 16_000).div_ceil(rate as usize), "{rate} Hz");
        for (n, sample) in out.iter().enumerate() {
            let expected = reference(&input, rate, n as f64 / 16_000.0);
            assert!((f64::from(*sample) - expected).abs() < 2e-3, "{rate} Hz, sample {n}: {sample} for {expected}");
        }
    }
}

#[test]
fn splits_change_nothing() {
    for rate in [8_000, 16_000, 44_100, 48_000, 8_001, 191_999] {
        let input = sine(rate, 700.0, rate as usize / 4);
        let whole = resample(rate, &input);
        for size in [1, 7, 480, 3_001] {
            let mut resampler = Resampler::new(rate).unwrap();
            let mut out = Vec::new();
            for piece in input.chunks(size) {
                resampler.push(piece, &mut out);
            }
            resampler.flush(&mut out);
            assert_eq!(out, whole, "{rate} Hz in pieces of {size}");
        }
    }
}

#[test]
fn the_pass_band_is_flat_to_7_khz() {
    for rate in RATES.into_iter().chain([12_345, 191_999]) {
        for frequency in [100.0, 1_000.0, 3_000.0, 3_400.0, 5_000.0, 6_000.0, 7_000.0] {
            if frequency > f64::from(rate) * 0.43 {
                continue;
            }
            let out = resample(rate, &sine(rate, frequency, rate as usize));
            let gain = 10.0 * (power(&out[4_000..12_000]) / 0.125).log10();
            assert!(gain.abs() <= 0.5, "{rate} Hz input, {frequency} Hz tone: {gain:.2} dB");
        }
    }
}

#[test]
fn what_16_khz_cannot_hold_is_gone() {
    for rate in [22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 191_999] {
        for frequency in [8_300.0, 9_000.0, 10_500.0, 15_000.0, 20_000.0, 40_000.0] {
            if frequency > f64::from(rate) * 0.48 {
                continue;
            }
            let out = resample(rate, &sine(rate, frequency, rate as usize));
            let gain = 10.0 * (power(&out[4_000..12_000]) / 0.125).log10();
            assert!(gain <= -60.0, "{rate} Hz input, {frequency} Hz tone: {gain:.1} dB");
        }
    }
}

#[test]
fn a_flushed_resampler_starts_afresh() {
    let input = sine(48_000, 440.0, 12_345);
    let mut resampler = Resampler::new(48_000).unwrap();
    let (mut first, mut second) = (Vec::new(), Vec::new());
    resampler.push(&input, &mut first);
    resampler.flush(&mut first);
    resampler.push(&input, &mut second);
    resampler.flush(&mut second);
    assert_eq!(first, second);
}

#[test]
fn rates_out_of_range_are_refused() {
    assert!(Resampler::new(7_999).is_err());
    assert_eq!(Resampler::new(192_001).unwrap_err().rate, 192_001);
}
