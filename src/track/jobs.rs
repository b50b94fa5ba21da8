//! What a track hands out: the audio of finished utterances, and of the one still open.

use std::sync::Arc;

use super::report::place;
use super::{Partial, State, Track};
use crate::config::Language;
use crate::event::{TranscriptState, UtteranceId};
use crate::job::{Job, JobId, JobKind};
use crate::stt::{Evidence, Transcript, guard};
use crate::time::{MediaSpan, ticks_of};

impl Track {
    pub(super) fn next_final(&mut self) -> Option<Job> {
        // A job goes out only while it is among the first `max_in_flight` unreported ones: what it may know of earlier
        // utterances then depends on the audio alone, not on which worker was faster.
        let entry =
            self.timeline.iter_mut().take(self.config.max_in_flight).find(|entry| matches!(entry.state, State::Waiting))?;
        let id = JobId(self.next_job);
        self.next_job += 1;
        let deadline = self.config.job_timeout.map(|timeout| self.now + timeout);
        entry.state = State::InFlight { job: id, deadline };
        let (span, probs, utterance) = (entry.utterance.span, entry.utterance.probs.clone(), entry.id);
        let job = self.job(id, JobKind::Final, span, probs, utterance);
        self.release();
        Some(Job { deadline, ..job })
    }

    pub(super) fn next_partial(&mut self) -> Option<Job> {
        let every = ticks_of(self.config.partial_every?);
        if self.partial.is_some() || !self.timeline.is_empty() || self.config.max_in_flight > 1 {
            return None;
        }
        let (start, probs) = self.segmenter.open_probs()?;
        let end = self.ring.end();
        if end.ticks() < self.partial_until.max(start).ticks() + every {
            return None;
        }
        self.partial_until = end;
        let (id, utterance) = (JobId(self.next_job), UtteranceId(self.next_utterance));
        self.next_job += 1;
        let span = MediaSpan::new(start, end);
        self.partial = Some(Partial { job: id, utterance, span, probs: probs.clone() });
        Some(self.job(id, JobKind::Partial, span, probs, utterance))
    }

    fn job(&self, id: JobId, kind: JobKind, span: MediaSpan, probs: Arc<[f32]>, utterance: UtteranceId) -> Job {
        let (audio, frame_len) = (self.ring.copy(span), self.frame.len());
        let language = self.config.language.clone();
        let spoken_before = match &language {
            Language::Auto => self.spoken_before(utterance),
            Language::Fixed(_) => None,
        };
        Job { id, kind, span, audio, probs, frame_len, language, spoken_before, deadline: None }
    }

    /// The language most utterances were in that are sure to be reported before `utterance` goes out.
    fn spoken_before(&self, utterance: UtteranceId) -> Option<Arc<str>> {
        let known = |id: UtteranceId| id.0 + self.config.max_in_flight as u64 <= utterance.0;
        let heard: Vec<&Arc<str>> = self.languages.iter().filter(|(id, _)| known(*id)).map(|(_, language)| language).collect();
        let count = |language: &Arc<str>| heard.iter().filter(|other| **other == language).count();
        heard.iter().rev().max_by_key(|language| count(language)).map(|language| Arc::clone(language))
    }

    pub(super) fn complete_partial(&mut self, result: Option<Transcript>) {
        let Some(partial) = self.partial.take() else { return };
        let evidence = Evidence::new(&partial.probs, self.frame.len() as u64);
        if let Some(Ok(guarded)) = result.map(|transcript| guard::check(transcript, evidence)) {
            let words = place(&guarded.transcript, partial.span);
            self.report_words(partial.utterance, TranscriptState::Partial, partial.span, words, &guarded.transcript);
        }
    }
}
