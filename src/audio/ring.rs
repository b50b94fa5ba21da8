//! Bounded history of a track's 16 kHz mono samples, addressed by absolute position.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::time::{MediaSpan, MediaTime};

/// Samples `start()..end()` of a track. It grows only as far as somebody still needs the audio, so an idle
/// track holds little more than its pre-roll.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    samples: VecDeque<f32>,
    start: MediaTime,
}

impl Ring {
    pub(crate) fn start(&self) -> MediaTime {
        self.start
    }

    pub(crate) fn end(&self) -> MediaTime {
        self.start + self.samples.len() as u64
    }

    pub(crate) fn extend(&mut self, samples: &[f32]) {
        self.samples.extend(samples);
    }

    /// Forgets everything before `position`, at most all there is.
    pub(crate) fn release_before(&mut self, position: MediaTime) {
        let gone = position.ticks().saturating_sub(self.start.ticks()).min(self.samples.len() as u64);
        self.samples.drain(..gone as usize);
        self.start = self.start + gone;
        // A burst must not pin its peak for the rest of the track's life.
        if self.samples.capacity() > 4 * self.samples.len().max(2048) {
            self.samples.shrink_to(2 * self.samples.len().max(2048));
        }
    }

    /// Gives back what it does not need now.
    pub(crate) fn rest(&mut self) {
        self.samples.shrink_to_fit();
    }

    /// Continues at `position` without the audio in between; what is held is forgotten.
    pub(crate) fn restart_at(&mut self, position: MediaTime) {
        self.samples.clear();
        self.start = position;
    }

    /// The samples of `span`, silence where the ring does not hold them.
    pub(crate) fn copy(&self, span: MediaSpan) -> Arc<[f32]> {
        let held = span.start.max(self.start)..span.end.min(self.end());
        let lead = (held.start.ticks() - span.start.ticks()).min(span.ticks()) as usize;
        let mut out = vec![0.0; span.ticks() as usize];
        if held.start < held.end {
            let from = (held.start - self.start) as usize;
            let count = (held.end - held.start) as usize;
            for (to, sample) in out[lead..lead + count].iter_mut().zip(self.samples.range(from..from + count)) {
                *to = *sample;
            }
        }
        out.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ticks: u64) -> MediaTime {
        MediaTime::from_ticks(ticks)
    }

    #[test]
    fn positions_stay_absolute_past_32_bits() {
        let mut ring = Ring::default();
        let year = 365 * 24 * 3600 * 16_000_u64;
        ring.restart_at(at(year));
        ring.extend(&[1.0, 2.0, 3.0]);
        ring.release_before(at(year + 1));
        assert_eq!(ring.start(), at(year + 1));
        assert_eq!(ring.end(), at(year + 3));
        assert_eq!(&*ring.copy(MediaSpan::new(at(year + 1), at(year + 3))), &[2.0, 3.0]);
    }

    #[test]
    fn audio_no_longer_held_reads_as_silence() {
        let mut ring = Ring::default();
        ring.extend(&[1.0, 2.0, 3.0, 4.0]);
        ring.release_before(at(2));
        assert_eq!(&*ring.copy(MediaSpan::new(at(1), at(4))), &[0.0, 3.0, 4.0]);
        assert_eq!(&*ring.copy(MediaSpan::new(at(3), at(6))), &[4.0, 0.0, 0.0]);
        assert_eq!(&*ring.copy(MediaSpan::new(at(0), at(1))), &[0.0]);
    }

    #[test]
    fn a_burst_is_given_back() {
        let mut ring = Ring::default();
        ring.extend(&vec![0.0; 1_000_000]);
        ring.release_before(at(999_000));
        assert_eq!(ring.end() - ring.start(), 1_000);
        assert!(ring.samples.capacity() < 100_000);
    }
}
