//! Real speech through the real model: what is flagged, what is not, and who can influence whom.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use earmark::model::ModelStore;
use earmark::stt::{Transcriber, Whisper};
use earmark::{Channels, Event, Flag, Moderator, ModeratorOptions, TrackConfig, scan_file};

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn model(name: &str) -> Arc<dyn Transcriber> {
    let file = ModelStore::new(vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("models")]).resolve(name).unwrap();
    Arc::new(Whisper::load(&file.name, &file.path).unwrap())
}

pub fn moderator(model: &Arc<dyn Transcriber>, workers: usize) -> Moderator {
    let mut options = ModeratorOptions::default();
    options.track = TrackConfig::recording();
    options.workers = workers;
    Moderator::new(model, options).unwrap()
}

fn base() -> &'static Moderator {
    static BASE: OnceLock<Moderator> = OnceLock::new();
    BASE.get_or_init(|| moderator(&model("base"), 2))
}

fn events(moderator: &Moderator, name: &str) -> Vec<Event> {
    let mut events = Vec::new();
    scan_file(moderator, &data(name), Channels::Mix, &mut |_: u16, event| events.push(event)).unwrap();
    events
}

fn flags(events: &[Event]) -> Vec<&Flag> {
    events.iter().filter_map(|e| if let Event::Flag(flag) = e { Some(flag) } else { None }).collect()
}

#[test]
fn flagged_clips_are_flagged_with_their_category_and_word_times() {
    let clips = [
        ("flag_insult_1", "harassment", 3.3),
        ("flag_insult_2", "harassment", 4.38),
        ("flag_profanity_1", "profanity", 2.3),
        ("flag_profanity_2", "profanity", 3.27),
        ("flag_threat_1", "threat", 3.65),
        ("flag_threat_2", "threat", 3.25),
        ("flag_selfharm_1", "self_harm", 3.65),
        ("flag_identity_1", "hate", 5.05),
        ("flag_sexual_1", "sexual_harassment", 3.08),
        ("flag_mixed_1", "profanity", 4.88),
        ("fr_flag_1", "harassment", 2.73),
    ];
    let mut missed = Vec::new();
    for (clip, category, seconds) in clips {
        let events = events(base(), &format!("tts/{clip}.flac"));
        let found = flags(&events);
        if !found.iter().any(|flag| flag.category.as_str() == category) {
            missed.push((clip, found.iter().map(|f| f.category.as_str()).collect::<Vec<_>>()));
        }
        assert!(found.iter().all(|f| f.span.start < f.span.end && f.span.end.as_secs_f64() <= seconds + 0.02), "{clip}");
    }
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn clean_clips_telephone_prompts_and_music_are_not_flagged() {
    let mut clean: Vec<String> = (1..=6).map(|n| format!("tts/clean_{n}.flac")).collect();
    clean.extend(["tts/fr_clean_1.flac", "tts/es_clean_1.flac", "speech_real/two_cities.flac"].map(Into::into));
    clean.extend(["asterisk/en_vm-options.flac", "asterisk/ru_vm-intro.flac", "asterisk/it_vm-intro.flac"].map(Into::into));
    for clip in clean {
        assert_eq!(flags(&events(base(), &clip)), Vec::<&Flag>::new(), "{clip}");
    }
    let music = events(base(), "music/morning_coffee_20s.flac");
    assert!(!music.iter().any(|e| matches!(e, Event::Transcript(_) | Event::Flag(_))));
}

#[test]
fn inv8_what_was_heard_before_on_a_worker_changes_nothing() {
    let tiny = model("tiny.en");
    let alone = moderator(&tiny, 1);
    let fresh: Vec<_> = ["tts/flag_insult_1.flac", "speech_real/ps_numbers.flac", "tts/clean_3.flac"]
        .map(|clip| (clip, events(&moderator(&tiny, 1), clip)))
        .into();
    for before in ["speech_real/two_cities.flac", "tts/flag_threat_1.flac", "music/morning_coffee_20s.flac"] {
        events(&alone, before);
        for (clip, expected) in &fresh {
            assert_eq!(&without_lag(events(&alone, clip)), &without_lag(expected.clone()), "{clip} after {before}");
        }
    }
}

/// The clock's reading is no part of what was heard.
fn without_lag(mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        match event {
            Event::Transcript(transcript) => transcript.lag = std::time::Duration::ZERO,
            Event::Flag(flag) => flag.lag = std::time::Duration::ZERO,
            _ => (),
        }
    }
    events
}
