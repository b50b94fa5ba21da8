//! Word times: a Viterbi path through the model's own timestamp distributions.
//!
//! At every token the decoder also says how likely it is that a segment ends at each 20 ms position. The ends of a
//! segment's words are the monotone path that these distributions and the words' lengths like best.

/// Ends of words, in positions, within `from..=to`.
///
/// `ends[k]` is the log-distribution (from position 0) seen right after word `k`; `lengths` are the words' lengths in
/// letters; `voiced[p]` is how many positions before `p` hold voice, so that pauses are nobody's time. The last word
/// always ends at `to`.
pub(super) fn word_ends(ends: &[&[f32]], lengths: &[usize], voiced: &[f32], from: usize, to: usize) -> Vec<usize> {
    let (words, span) = (ends.len(), to.saturating_sub(from));
    if words == 0 {
        return Vec::new();
    }
    let voiced = |t: usize| voiced.get(from + t).or(voiced.last()).copied().unwrap_or(0.0);
    let spoken = (voiced(span) - voiced(0)).max(words as f32);
    let letters = lengths.iter().sum::<usize>().max(1) as f32;
    let width = span + 1;
    let unreachable = f32::NEG_INFINITY;
    let mut score = vec![unreachable; words * width];
    let mut back = vec![0_u16; words * width];
    for k in 0..words {
        let expected = spoken * lengths[k] as f32 / letters;
        let spread = 0.5 * expected + 4.0;
        // Right after a timestamp the model still points at it; no word is shorter than 20 ms a letter.
        let least = lengths[k].min(span / (2 * words));
        let prior = |s: usize, t: usize| {
            let off = (voiced(t) - voiced(s) - expected) / spread;
            -0.5 * off * off
        };
        for t in least..width {
            if k + 1 == words && t != span {
                continue;
            }
            let here = ends[k].get(from + t).copied().unwrap_or(-20.0).max(-20.0);
            let best = if k == 0 {
                Some((0, prior(0, t)))
            } else {
                let previous = &score[(k - 1) * width..k * width];
                let paths = (0..=t - least).filter(|s| previous[*s] > unreachable).map(|s| (s, previous[s] + prior(s, t)));
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

/// Moves a word's borders inwards to where `is_voice` (by tick): the path has no pauses, so a pause lies inside a
/// neighbouring word.
pub(super) fn trim(start: u64, end: u64, is_voice: impl Fn(u64) -> bool) -> (u64, u64) {
    const HOP: u64 = 160;
    let (first, last) = (start / HOP, end / HOP);
    let Some(begin) = (first..last).find(|hop| is_voice(hop * HOP)) else { return (start, end) };
    let finish = (begin..last).rfind(|hop| is_voice(hop * HOP)).unwrap_or(begin);
    (start.max(begin * HOP), end.min((finish + 1) * HOP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn even(len: usize) -> Vec<f32> {
        (0..len).map(|p| p as f32).collect()
    }

    fn peak(at: usize, len: usize) -> Vec<f32> {
        (0..len).map(|t| -(t.abs_diff(at) as f32)).collect()
    }

    #[test]
    fn the_path_follows_the_distributions() {
        let (a, b, c) = (peak(10, 60), peak(42, 60), peak(50, 60));
        assert_eq!(word_ends(&[&a, &b, &c], &[4, 8, 4], &even(60), 0, 50), [10, 42, 50]);
    }

    #[test]
    fn without_evidence_words_share_the_span_by_length() {
        let flat = vec![-4.0; 120];
        assert_eq!(word_ends(&[&flat, &flat], &[3, 7], &even(120), 0, 100), [30, 100]);
        assert_eq!(word_ends(&[&flat], &[3], &even(120), 20, 20), [20]);
        assert!(word_ends(&[], &[], &even(11), 0, 10).is_empty());
    }

    #[test]
    fn more_words_than_positions_still_end_in_order() {
        let flat = [-1.0; 4];
        let ends = word_ends(&[&flat[..]; 6], &[1; 6], &even(4), 0, 2);
        assert!(ends.windows(2).all(|pair| pair[0] <= pair[1]) && ends[5] == 2);
    }

    #[test]
    fn words_are_where_the_voice_is() {
        let flat = vec![-4.0; 101];
        let voiced: Vec<f32> = (0..101).map(|p| (p as f32 - 40.0).clamp(0.0, 40.0)).collect();
        assert_eq!(word_ends(&[&flat, &flat], &[5, 5], &voiced, 0, 100)[0], 60);
        let is_voice = |tick: u64| (4_800..8_000).contains(&tick);
        assert_eq!(trim(0, 16_000, is_voice), (4_800, 8_000));
        assert_eq!(trim(9_000, 16_000, is_voice), (9_000, 16_000));
    }
}
