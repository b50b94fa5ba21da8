//! Invariant 4: what a track says it may allocate at most is an upper bound.

use std::alloc::System;
use std::time::Duration;

use cap::Cap;
use earmark::vad::EnergyVad;
use earmark::{Event, MonoTime, Output, Pcm, Track, TrackConfig};

#[path = "it/support.rs"]
mod support;

use support::{LevelReader, Loudness, drain, warble};

/// Counts what this process allocates; this test is alone in its process.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

#[test]
fn inv4_a_track_never_holds_more_than_it_says() {
    let mut config = TrackConfig::live();
    config.history = Duration::from_secs(30);
    let bound = config.max_memory_bytes();
    let mut track = Track::new(config, Box::new(EnergyVad::new()), Vec::new()).unwrap();
    // Speech that is never transcribed until the track is full, then all of it, twice.
    let speech = warble(48_000, &[(0.6, false), (2.0, true)]);
    let (mut events, mut most): (Vec<Event>, usize) = (Vec::new(), 0);
    let before = MEMORY.allocated();
    for _ in 0..2 {
        while track.push(MonoTime::ZERO, Pcm::f32(&speech, 48_000, 1).unwrap()).is_ok() {
            most = most.max(MEMORY.allocated().saturating_sub(before));
        }
        let Output::Job(job) = (loop {
            match track.poll() {
                Output::Event(_) => (),
                other => break other,
            }
        }) else {
            panic!("a full track has work")
        };
        most = most.max(MEMORY.allocated().saturating_sub(before));
        track.complete(MonoTime::ZERO, job.run(&mut LevelReader { fails: false }));
        drain(&mut track, &mut LevelReader { fails: false }, &mut events);
        most = most.max(MEMORY.allocated().saturating_sub(before));
        events.clear();
    }
    assert!(most > 30 * 16_000 * 4, "the track was full: {most}");
    assert!(most <= bound, "{most} bytes held, {bound} promised");
    drop((track, events, speech));
    unanswered_trials(bound);
}

/// Pauses in long speech: in each a final is begun on trial, and nobody answers or drops any.
fn unanswered_trials(bound: usize) {
    let mut config = TrackConfig::live();
    config.history = Duration::from_secs(30);
    let mut track = Track::new(config, Box::new(Loudness), Vec::new()).unwrap();
    let speech = warble(16_000, &[(0.9, true), (0.25, false)]);
    let before = MEMORY.allocated();
    let (mut jobs, mut withdrawn, mut most) = (Vec::new(), 0, 0);
    while track.push(MonoTime::ZERO, Pcm::f32(&speech, 16_000, 1).unwrap()).is_ok() {
        loop {
            match track.poll() {
                Output::Event(_) => (),
                Output::Job(job) => jobs.push(job),
                Output::Wait(_) | Output::Done => break,
            }
        }
        withdrawn = withdrawn.max(jobs.iter().filter(|job| job.is_withdrawn()).count());
        most = most.max(MEMORY.allocated().saturating_sub(before));
    }
    assert!(withdrawn >= 2 && jobs.len() <= 4, "{withdrawn} of {} jobs withdrawn", jobs.len());
    assert!(most <= bound, "{most} bytes held, {bound} promised");
}
