//! Word times: a Viterbi path through the model's own timestamp distributions.
//!
//! At every token the decoder also says how likely it is that a segment ends at each 20 ms position. The ends of a
//! segment's words are the monotone path that these distributions and the words' lengths like best.

/// Ends of words, in positions, within `from..=to`.
///
/// `ends[k]` is the log-distribution (from position 0) seen right after word `k`; `lengths` are the words' lengths in
/// letters. The last word always ends at `to`.
pub(super) fn word_ends(ends: &[&[f32]], lengths: &[usize], from: usize, to: usize) -> Vec<usize> {
    let (words, span) = (ends.len(), to.saturating_sub(from));
    if words == 0 {
        return Vec::new();
    }
    let letters = lengths.iter().sum::<usize>().max(1) as f32;
    let width = span + 1;
    let unreachable = f32::NEG_INFINITY;
    let mut score = vec![unreachable; words * width];
    let mut back = vec![0_u16; words * width];
    for k in 0..words {
        let expected = span as f32 * lengths[k] as f32 / letters;
        let spread = 0.5 * expected + 4.0;
        // Right after a timestamp the model still points at it; no word is shorter than 20 ms a letter.
        let least = lengths[k].min(span / (2 * words));
        let prior = |duration: usize| {
            let off = (duration as f32 - expected) / spread;
            -0.5 * off * off
        };
        for t in 0..width {
            if k + 1 == words && t != span {
                continue;
            }
            if t < least {
                continue;
            }
            let here = ends[k].get(from + t).copied().unwrap_or(-20.0).max(-20.0);
            let earliest = t.saturating_sub((4.0 * expected) as usize + 60);
            let best = if k == 0 {
                Some((0, prior(t)))
            } else {
                let previous = &score[(k - 1) * width..k * width];
                let paths =
                    (earliest..=t - least).filter(|s| previous[*s] > unreachable).map(|s| (s, previous[s] + prior(t - s)));
                paths.max_by(|a, b| a.1.total_cmp(&b.1))
            };
            if let Some((s, value)) = best {
                score[k * width + t] = value + 0.5 * here;
                back[k * width + t] = s as u16;
            }
        }
    }
    let mut path = vec![to; words];
    let mut t = span;
    for k in (1..words).rev() {
        t = if score[k * width + t] > unreachable { usize::from(back[k * width + t]) } else { span * k / words };
        path[k - 1] = from + t;
    }
    path
}

/// Moves a word's borders inwards over silence: the path has no pauses, so a pause lies inside a neighbouring word.
pub(super) fn trim(audio: &[f32], start: u64, end: u64, threshold: f32) -> (u64, u64) {
    const HOP: u64 = 160;
    let loud = |hop: u64| {
        let from = (hop * HOP) as usize;
        let samples = audio.get(from..(from + HOP as usize).min(audio.len())).unwrap_or_default();
        samples.iter().any(|sample| sample.abs() > threshold)
    };
    let (first, last) = (start / HOP, end / HOP);
    let Some(begin) = (first..last).find(|hop| loud(*hop)) else { return (start, end) };
    let finish = (begin..last).rfind(|hop| loud(*hop)).unwrap_or(begin);
    (start.max(begin * HOP), end.min((finish + 1) * HOP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(at: usize, len: usize) -> Vec<f32> {
        (0..len).map(|t| -(t.abs_diff(at) as f32)).collect()
    }

    #[test]
    fn the_path_follows_the_distributions() {
        let (a, b, c) = (peak(10, 60), peak(42, 60), peak(50, 60));
        assert_eq!(word_ends(&[&a, &b, &c], &[4, 8, 4], 0, 50), [10, 42, 50]);
    }

    #[test]
    fn without_evidence_words_share_the_span_by_length() {
        let flat = vec![-4.0; 120];
        assert_eq!(word_ends(&[&flat, &flat], &[3, 7], 0, 100), [30, 100]);
        assert_eq!(word_ends(&[&flat], &[3], 20, 20), [20]);
        assert!(word_ends(&[], &[], 0, 10).is_empty());
    }

    #[test]
    fn more_words_than_positions_still_end_in_order() {
        let flat = [-1.0; 4];
        let ends = word_ends(&[&flat[..]; 6], &[1; 6], 0, 2);
        assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]) && ends[5] == 2);
    }

    #[test]
    fn silence_at_the_borders_is_not_the_word() {
        let mut audio = vec![0.0; 16_000];
        audio[4_800..8_000].fill(0.5);
        assert_eq!(trim(&audio, 0, 16_000, 0.01), (4_800, 8_000));
        assert_eq!(trim(&audio, 9_000, 16_000, 0.01), (9_000, 16_000));
    }
}
