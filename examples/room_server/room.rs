//! A room's task: the tracks of its speakers, from their samples to lines on the board.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use earmark::archive::UtcTime;
use earmark::report::{Item, Jsonl, Report, Run, Source};
use earmark::{DriveError, Driven, Event, Flag, Moderator, Overload, PushError, TrackConfig, TranscriptState};
use serde_json::{Map, Value};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::board::{Board, Key, News};
use crate::decisions::FlagFacts;
use crate::metrics::{AUDIO, LOST, WITHHELD};
use crate::server::stopped;

/// Messages waiting for a room; a speaker's socket is not read while there are more.
const QUEUE: usize = 64;
/// How often a room looks at the clock.
const TICK: Duration = Duration::from_millis(100);
/// Time that a closing room gives to what is still being transcribed.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// What a speaker's socket, or a moderator's, tells the room.
#[derive(Debug)]
pub enum ToRoom {
    Join { speaker: Arc<str>, consent: bool },
    Audio { speaker: Arc<str>, samples: Vec<f32>, rate: u32, channels: u16 },
    Gap { speaker: Arc<str>, lost: Duration },
    Consent { speaker: Arc<str>, given: bool },
    Mute { speaker: Arc<str>, muted: bool },
    Leave { speaker: Arc<str> },
}

/// What every room works with.
pub struct Ears {
    pub moderator: Moderator,
    pub run: Run,
    pub board: Arc<Board>,
}

/// Settings of a live track that shows partials and keeps to the clock.
pub fn track_config() -> TrackConfig {
    let mut config = TrackConfig::live();
    config.partial_every = Some(Duration::from_millis(700));
    config.overload = Overload::Shed;
    config.history = Duration::from_secs(30);
    config
}

struct Line {
    track: Option<Driven>,
    consent: bool,
    muted: bool,
    present: bool,
}

struct Room {
    name: Arc<str>,
    ears: Arc<Ears>,
    wake: Arc<Notify>,
    lines: BTreeMap<Arc<str>, Line>,
}

/// Starts a room's task; it ends when `stop` turns true or all senders are gone.
pub fn open(name: Arc<str>, ears: Arc<Ears>, stop: watch::Receiver<bool>, alive: Sender<()>) -> Sender<ToRoom> {
    let (sender, receiver) = channel(QUEUE);
    let room = Room { name, ears, wake: Arc::new(Notify::new()), lines: BTreeMap::new() };
    tokio::spawn(async move {
        room.run(receiver, stop).await;
        drop(alive);
    });
    sender
}

impl Room {
    async fn run(mut self, mut messages: Receiver<ToRoom>, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wake = self.wake.clone();
        loop {
            tokio::select! {
                message = messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => break,
                },
                () = wake.notified() => (),
                _ = tick.tick() => (),
                () = stopped(&mut stop) => break,
            }
            self.pump();
        }
        for line in self.lines.values_mut() {
            line.present = false;
            line.track.iter_mut().for_each(Driven::finish);
        }
        let until = Instant::now() + LAST_WORDS;
        self.pump();
        while !self.lines.is_empty() && timeout_at(until, wake.notified()).await.is_ok() {
            self.pump();
        }
    }

    fn take(&mut self, message: ToRoom) {
        match message {
            ToRoom::Join { speaker, consent } => {
                let track = consent.then(|| self.track()).flatten();
                self.lines.insert(speaker, Line { track, consent, muted: false, present: true });
            }
            ToRoom::Audio { speaker, samples, rate, channels } => self.audio(&speaker, &samples, rate, channels),
            ToRoom::Gap { speaker, lost } => {
                self.ears.board.metrics.add(LOST, "", lost.as_secs_f64());
                if let Some(track) = self.lines.get_mut(&speaker).and_then(|line| line.track.as_mut()) {
                    let _ = track.push_gap(lost);
                }
            }
            ToRoom::Consent { speaker, given } => {
                let track = given.then(|| self.track()).flatten();
                if let Some(line) = self.lines.get_mut(&speaker) {
                    // What was held under the consent goes with it.
                    (line.track, line.consent) = (track, given);
                }
            }
            ToRoom::Mute { speaker, muted } => {
                if let Some(line) = self.lines.get_mut(&speaker) {
                    line.muted = muted;
                }
            }
            ToRoom::Leave { speaker } => {
                if let Some(line) = self.lines.get_mut(&speaker) {
                    line.present = false;
                    line.track.iter_mut().for_each(Driven::finish);
                }
            }
        }
    }

    fn track(&self) -> Option<Driven> {
        let wake = self.wake.clone();
        let track = self.ears.moderator.open_track_in(&self.name, |_| ()).ok()?;
        Some(track.with_wake(Arc::new(move || wake.notify_one())))
    }

    fn audio(&mut self, speaker: &Arc<str>, samples: &[f32], rate: u32, channels: u16) {
        let Some(line) = self.lines.get_mut(speaker) else { return };
        let length = Duration::from_secs_f64(samples.len() as f64 / f64::from(channels) / f64::from(rate));
        let metrics = &self.ears.board.metrics;
        metrics.add(AUDIO, "", length.as_secs_f64());
        if !line.consent {
            return metrics.add(WITHHELD, "no_consent", length.as_secs_f64());
        }
        let Some(track) = &mut line.track else { return };
        if line.muted {
            metrics.add(WITHHELD, "muted", length.as_secs_f64());
            let _ = track.push_gap(length);
        } else if let Err(DriveError::Push(PushError::Full)) = track.push(samples, rate, channels) {
            let _ = track.push_gap(length);
        }
    }

    fn pump(&mut self) {
        for (speaker, line) in &mut self.lines {
            let Some(track) = &mut line.track else { continue };
            let key = Key { room: self.name.clone(), speaker: speaker.clone() };
            track.pump(&mut |event| publish(&self.ears, &key, event));
        }
        self.lines.retain(|_, line| line.present || line.track.as_ref().is_some_and(|track| !track.is_done()));
    }
}

/// The event as a line of the schema. Lines of many speakers share a socket, so each says whose it is.
fn publish(ears: &Ears, key: &Key, event: Event) {
    let source = Source { source: None, room: key.room.to_string(), speaker: key.speaker.to_string() };
    let mut text = Vec::new();
    let item = Item::Event(event);
    let written = Jsonl { words: false, lag: true }.item(&mut text, &ears.run, &source, &item);
    let Ok(Value::Object(mut line)) = written.map_err(serde_json::Error::io).and_then(|()| serde_json::from_slice(&text)) else {
        return;
    };
    line.insert("room".into(), source.room.into());
    line.insert("speaker".into(), source.speaker.into());
    line.insert("received".into(), UtcTime::now().to_string().into());
    let Item::Event(event) = item else { return };
    let news = match &event {
        Event::Transcript(said) if said.state == TranscriptState::Final => News::Final { lag: said.lag },
        Event::Flag(flag) => News::Flag { facts: facts(&line, flag), lag: flag.lag },
        Event::Action(action) => News::Advice { action: action.kind.as_str(), score: f64::from(action.score) },
        _ => News::Passing,
    };
    ears.board.event(key, Value::Object(line).to_string(), news);
}

fn facts(line: &Map<String, Value>, flag: &Flag) -> FlagFacts {
    FlagFacts {
        flag: line.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        state: flag.state.as_str(),
        category: flag.category.as_str(),
        severity: flag.severity.as_str(),
        confidence: (f64::from(flag.confidence) * 1000.0).round() / 1000.0,
        rule: flag.rule.to_string(),
        policy: flag.policy.to_string(),
        start: (flag.span.start.as_secs_f64() * 1000.0).round() / 1000.0,
        end: (flag.span.end.as_secs_f64() * 1000.0).round() / 1000.0,
    }
}
