//! Words to flags and actions: one speaker's word stream against the policy.

use std::sync::Arc;
use std::time::Duration;

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
    pub(crate) lag: Duration,
}

/// What the policy says about an utterance.
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

    pub(crate) fn judge(&mut self, heard: &Heard<'_>) -> Verdict {
        let mut verdict = Verdict::default();
        let Some(first) = heard.words.first() else { return verdict };
        self.trim_context(first.span.start);
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
        found.retain(|f| f.first <= f.last && (fresh..self.window.len()).contains(&f.last));
        // Several flaggers may have found the same thing.
        if self.flaggers.len() > 1 {
            count_once(&self.window, &mut found);
        }
        found.sort_by_key(|f| (f.first, f.last));
        for finding in found {
            verdict.flags.push(self.flag(&finding, fresh, heard));
        }
        verdict
    }

    fn flag(&mut self, finding: &Finding, fresh: usize, heard: &Heard<'_>) -> (Flag, Option<Action>) {
        self.flags += 1;
        let id = FlagId(self.flags);
        if let Some(count) = Category::ALL.iter().position(|c| *c == finding.category) {
            self.by_category[count] += 1;
        }
        let matched = &self.window[finding.first..=finding.last];
        let span = MediaSpan::new(matched[0].span.start, matched[matched.len() - 1].span.end);
        let sentence = &self.window[finding.first.min(fresh)..];
        let flag = Flag {
            id,
            state: FlagState::Confirmed,
            utterance: heard.utterance,
            span,
            category: finding.category,
            severity: finding.severity,
            confidence: finding.confidence,
            matched: join(matched, heard.unspaced),
            text: join(sentence, heard.unspaced),
            rule: finding.rule.clone(),
            reason: finding.reason.clone(),
            policy: finding.policy.clone(),
            lag: heard.lag,
        };
        let action = self.strikes.record(id.to_string(), span.end, finding);
        (flag, action)
    }

    fn trim_context(&mut self, now: MediaTime) {
        let recent = self.window.partition_point(|word| word.span.end + CONTEXT_TICKS < now);
        let keep_from = recent.max(self.window.len().saturating_sub(self.context_words));
        self.window.drain(..keep_from);
    }
}

/// The words as text.
pub(crate) fn join(words: &[HeardWord], unspaced: bool) -> Arc<str> {
    let texts: Vec<&str> = words.iter().map(|word| &*word.text).collect();
    texts.join(if unspaced { "" } else { " " }).into()
}
