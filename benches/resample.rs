//! Cost of resampling 20 ms packets to 16 kHz.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use earmark::audio::Resampler;

fn resample(c: &mut Criterion) {
    let mut group = c.benchmark_group("resample/20ms");
    group.measurement_time(Duration::from_secs(2));
    for rate in [8_000, 44_100, 48_000] {
        let packet: Vec<f32> = (0..rate / 50).map(|n| (n as f32 * 0.1).sin() * 0.3).collect();
        let mut resampler = Resampler::new(rate).unwrap();
        let mut out = Vec::with_capacity(1024);
        group.bench_function(rate.to_string(), |b| {
            b.iter(|| {
                out.clear();
                resampler.push(black_box(&packet), &mut out);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, resample);
criterion_main!(benches);
