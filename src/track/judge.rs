//! Words to flags and actions: one speaker's word stream against the policy.

use std::sync::Arc;
use std::time::Duration;

use super::provisional;
use crate::error::EngineError;
use crate::event::{Flag, FlagId, FlagState, UtteranceId};
use crate::flag::{Category, Finding, Findings, Flagger, HeardWord, TextView, count_once};
use crate::strikes::{Action, Strikes};
use crate::time::{MediaSpan, MediaTime, TICKS_PER_SECOND};

/// Words said longer ago than this are no context: nobody finishes a phrase after half a minute.
const CONTEXT_TICKS: u64 = 30 * TICKS_PER_SECOND;
/// Findings in one utterance beyond which a flagger must be broken.
const MAX_FINDINGS: usize = 512;

/// An utterance's words as the guard left them.
pub(crate) struct Heard<'a> {
    pub(crate) utterance: UtteranceId,
    pub(crate) words: &'a [HeardWord],
    pub(crate) language: &'a str,
    pub(crate) unspaced: bool,
}

/// What the policy says about an utterance. Who knows the clock sets the flags' lag.
#[derive(Default)]
pub(crate) struct Verdict {
    pub(crate) flags: Vec<(Flag, Option<Action>)>,
    /// Set when a flagger could not judge: the utterance stays unchecked.
    pub(crate) failed: Option<EngineError>,
}

pub(crate) struct Judge {
    flaggers: Vec<Box<dyn Flagger>>,
    /// Context, then, during a call, the fresh words.
    window: Vec<HeardWord>,
    context_words: usize,
    strikes: Strikes,
    flags: u64,
    by_category: [u64; Category::ALL.len()],
}

impl Judge {
    pub(crate) fn new(flaggers: Vec<Box<dyn Flagger>>, context_words: usize, strikes: Strikes) -> Self {
        Self { flaggers, window: Vec::new(), context_words, strikes, flags: 0, by_category: [0; Category::ALL.len()] }
    }

    pub(crate) fn counts(&self) -> impl Iterator<Item = (Category, u64)> + '_ {
        Category::ALL.into_iter().zip(self.by_category).filter(|(_, count)| *count > 0)
    }

    /// Judges an utterance. Flags that bear out one of `provisional` take its id, and it is removed there; what is left
    /// was not borne out.
    pub(crate) fn judge(&mut self, heard: &Heard<'_>, provisional: &mut Vec<Flag>) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(first) = heard.words.first() else { return verdict };
        let context_from = self.context_from(first.span.start);
        self.window.drain(..context_from);
        let fresh = self.window.len();
        self.window.extend_from_slice(heard.words);
        let view = TextView { words: &self.window, fresh, language: heard.language };
        let mut findings = Findings::default();
        for flagger in &mut self.flaggers {
            if let Err(error) = flagger.on_text(&view, &mut findings) {
                verdict.failed = Some(error);
            }
        }
        let mut found = findings.take();
        if found.len() > MAX_FINDINGS {
            verdict.failed =
                Some(EngineError { engine: "policy", problem: format!("more than {MAX_FINDINGS} findings in one utterance") });
            found.truncate(MAX_FINDINGS);
        }
        settle(&self.window, fresh, &mut found);
        for finding in found {
            let before = provisional::position(provisional, &finding, span_of(&self.window, &finding));
            let id = before.map_or_else(|| self.next_id(), |index| provisional.remove(index).id);
            let flag = flag(&self.window, fresh, heard, &finding, id, FlagState::Confirmed);
            if let Some(count) = Category::ALL.iter().position(|c| *c == finding.category) {
                self.by_category[count] += 1;
            }
            let action = self.strikes.record(id.to_string(), flag.span.end, &finding);
            verdict.flags.push((flag, action));
        }
        verdict
    }

    /// Takes back what a flag counted; the score at `now` is then what is left.
    pub(crate) fn dismiss(&mut self, flag: FlagId, now: MediaTime) -> f32 {
        self.strikes.retract(&flag.to_string());
        self.strikes.score(now)
    }

    /// Flags that are not among `provisional` yet, on words that may still change, all of them `likely` to stay; they are added
    /// there. It leaves no other trace: what the utterance's end brings is judged as if nobody had asked before.
    pub(crate) fn foresee(&mut self, heard: &Heard<'_>, likely: &[bool], provisional: &mut Vec<Flag>) -> Vec<Flag> {
        let Some(first) = heard.words.first() else { return Vec::new() };
        let mut window = self.window[self.context_from(first.span.start)..].to_vec();
        let fresh = window.len();
        window.extend_from_slice(heard.words);
        let view = TextView { words: &window, fresh, language: heard.language };
        let mut findings = Findings::default();
        for flagger in &mut self.flaggers {
            // One that cannot judge now is heard when the utterance has ended.
            let _ = flagger.on_partial(&view, &mut findings);
        }
        let mut found = findings.take();
        found.retain(|f| (f.first..=f.last).all(|n| n < fresh || likely.get(n - fresh).is_some_and(|likely| *likely)));
        settle(&window, fresh, &mut found);
        let mut flags = Vec::new();
        for finding in found {
            if provisional.len() < MAX_FINDINGS
                && provisional::position(provisional, &finding, span_of(&window, &finding)).is_none()
            {
                let flag = flag(&window, fresh, heard, &finding, self.next_id(), FlagState::Provisional);
                provisional.push(flag.clone());
                flags.push(flag);
            }
        }
        flags
    }

    fn next_id(&mut self) -> FlagId {
        self.flags += 1;
        FlagId(self.flags)
    }

    /// Index of the first word said before `now` that is still context.
    fn context_from(&self, now: MediaTime) -> usize {
        let recent = self.window.partition_point(|word| word.span.end + CONTEXT_TICKS < now);
        recent.max(self.window.len().saturating_sub(self.context_words))
    }
}

/// Orders findings that touch fresh words; what several flaggers found of one incident counts once.
fn settle(window: &[HeardWord], fresh: usize, found: &mut Vec<Finding>) {
    found.retain(|f| f.first <= f.last && (fresh..window.len()).contains(&f.last));
    count_once(window, found);
    found.sort_by_key(|f| (f.first, f.last));
}

fn span_of(window: &[HeardWord], finding: &Finding) -> MediaSpan {
    MediaSpan::new(window[finding.first].span.start, window[finding.last].span.end)
}

fn flag(window: &[HeardWord], fresh: usize, heard: &Heard<'_>, finding: &Finding, id: FlagId, state: FlagState) -> Flag {
    Flag {
        id,
        state,
        utterance: heard.utterance,
        span: span_of(window, finding),
        category: finding.category,
        severity: finding.severity,
        confidence: finding.confidence,
        matched: join(&window[finding.first..=finding.last], heard.unspaced),
        text: join(&window[finding.first.min(fresh)..], heard.unspaced),
        rule: finding.rule.clone(),
        reason: finding.reason.clone(),
        scores: finding.scores,
        policy: finding.policy.clone(),
        lag: Duration::ZERO,
    }
}

/// The words as text.
pub(crate) fn join(words: &[HeardWord], unspaced: bool) -> Arc<str> {
    let texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
    texts.join(if unspaced { "" } else { " " }).into()
}
