//! Tokens to words with times and confidences.

use std::sync::Arc;

use crate::stt::evidence::VOICED;
use crate::stt::whisper::POSITION_TICKS;
use crate::stt::whisper::align;
use crate::stt::whisper::greedy::{Decoded, Token, Vocabulary};
use crate::stt::{Evidence, Word};

/// Languages written without spaces between words.
pub(super) fn is_unspaced(language: &str) -> bool {
    matches!(language, "zh" | "ja" | "th" | "lo" | "my" | "yue" | "km" | "bo")
}

/// The detector is sure of a word a little after it began, and of its end a little late: 64 ms.
const ONSET: u64 = 1_024;

/// A word being put together from tokens.
#[derive(Default)]
struct Draft {
    bytes: Vec<u8>,
    log_probability: f32,
    tokens: usize,
    /// Index of the token after the word's last one.
    next: usize,
}

/// A segment between two timestamps.
struct Segment {
    from: usize,
    to: usize,
    drafts: Vec<Draft>,
}

/// The words of a decoded window, in ticks from its start.
pub(super) fn assemble(
    decoded: &Decoded,
    vocabulary: &Vocabulary,
    language: &str,
    audio: &[f32],
    evidence: Evidence<'_>,
    bytes_of: impl Fn(i32) -> Vec<u8>,
) -> Vec<Word> {
    let unspaced = is_unspaced(language);
    let positions = audio.len().div_ceil(POSITION_TICKS);
    let peak = audio.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
    // 30 dB below the loudest sample is the room, not the voice.
    let threshold = peak * 0.03;
    const HOP: usize = 160;
    let loud: Vec<bool> = audio.chunks(HOP).map(|hop| hop.iter().any(|sample| sample.abs() > threshold)).collect();
    let is_voice = |tick: u64| {
        let near = evidence.peak_under(tick.saturating_sub(ONSET), tick + ONSET);
        near >= VOICED && loud.get(tick as usize / HOP).copied().unwrap_or(false)
    };
    let mut voiced = vec![0.0; positions + 1];
    for position in 0..positions {
        voiced[position + 1] = voiced[position] + evidence.at((position * POSITION_TICKS) as u64);
    }
    let mut out = Vec::new();
    for segment in segments(decoded, vocabulary, unspaced, positions, bytes_of) {
        let times = |token: usize| decoded.tokens.get(token).map_or(&decoded.last_times[..], |token| &token.times);
        let ends: Vec<&[f32]> = segment.drafts.iter().map(|draft| times(draft.next)).collect();
        let texts: Vec<String> = segment.drafts.iter().map(|d| String::from_utf8_lossy(&d.bytes).trim().to_owned()).collect();
        let lengths: Vec<usize> =
            texts.iter().map(|text| text.chars().filter(|c| c.is_alphanumeric()).count().max(1) + 1).collect();
        let path = align::word_ends(&ends, &lengths, &voiced, segment.from, segment.to);
        let mut start = segment.from;
        for ((draft, text), end) in segment.drafts.iter().zip(texts).zip(path) {
            let ticks = |position: usize| (position * POSITION_TICKS).min(audio.len()) as u64;
            let (from, to) = align::trim(ticks(start), ticks(end), is_voice);
            if !text.is_empty() {
                let confidence = (draft.log_probability / draft.tokens.max(1) as f32).exp();
                out.push(Word { text: Arc::from(text), start: from, end: to.max(from), confidence });
            }
            start = end;
        }
    }
    out
}

fn segments(
    decoded: &Decoded,
    vocabulary: &Vocabulary,
    unspaced: bool,
    positions: usize,
    bytes_of: impl Fn(i32) -> Vec<u8>,
) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    let mut open = Segment { from: 0, to: positions, drafts: Vec::new() };
    for (index, token) in decoded.tokens.iter().enumerate() {
        if token.id >= vocabulary.first_time {
            let at = ((token.id - vocabulary.first_time) as usize).min(positions);
            if open.drafts.is_empty() {
                open.from = at;
            } else {
                open.to = at.max(open.from);
                out.push(std::mem::replace(&mut open, Segment { from: at, to: positions, drafts: Vec::new() }));
            }
            continue;
        }
        push(&mut open.drafts, token, index, unspaced, bytes_of(token.id));
    }
    if !open.drafts.is_empty() {
        out.push(open);
    }
    out
}

fn push(drafts: &mut Vec<Draft>, token: &Token, index: usize, unspaced: bool, bytes: Vec<u8>) {
    let complete = drafts.last().is_some_and(|draft| std::str::from_utf8(&draft.bytes).is_ok());
    let starts_word = bytes.first() == Some(&b' ') || (unspaced && complete && !is_punctuation(&bytes));
    if drafts.is_empty() || starts_word {
        drafts.push(Draft::default());
    }
    if let Some(draft) = drafts.last_mut() {
        draft.bytes.extend(bytes);
        draft.log_probability += token.probability.max(1e-6).ln();
        draft.tokens += 1;
        draft.next = index + 1;
    }
}

fn is_punctuation(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(char::is_alphanumeric))
}
