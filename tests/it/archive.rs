//! Retained recordings through the library: consent, retention, forgetting, export, encryption.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use earmark::archive::{Archive, ArchiveError, Consent, ExportOptions, Key, NewRecording, Purpose, Retention, UtcTime};
use earmark::audio::{Block, Recording};
use earmark::report::Item;
use earmark::{Event, FlagState, Outcome};
use sha2::{Digest, Sha256};

use crate::support::{drain, warble};

/// An empty folder that goes with the test.
pub struct Scratch(pub PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("archive-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub fn day(number: u32) -> UtcTime {
    "2026-01-01T12:00:00Z".parse::<UtcTime>().unwrap().plus_days(number)
}

/// Every file below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // Other processes may be removing what is listed.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The files below a folder that hold this text, in upper or lower case, or whose name does.
pub fn containing(folder: &Path, text: &str) -> Vec<PathBuf> {
    let wanted = text.to_lowercase();
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default().to_ascii_lowercase();
        bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
            || path.strip_prefix(folder).unwrap().to_string_lossy().to_lowercase().contains(&wanted)
    };
    files(folder).into_iter().filter(holds).collect()
}

pub fn consent(archive: &Archive, speaker: &str, purposes: &[Purpose]) {
    for purpose in purposes {
        archive.note_consent(&Consent::new(speaker, *purpose, true, day(0), "terms")).unwrap();
    }
}

/// A transcript and, if `flagged`, a flag in it, as a track would report them: the words are given, the rest is the crate's.
fn events(words: &str, flagged: bool) -> Vec<Event> {
    use earmark::stt::{Request, TranscribeError, Transcript, Word, Worker};
    struct Says<'a>(&'a str);
    impl Worker for Says<'_> {
        fn transcribe(&mut self, request: &Request<'_>) -> Result<Transcript, TranscribeError> {
            let (mut transcript, step) = (Transcript::default(), request.audio.len() as u64 / 12);
            transcript.language = "en".into();
            transcript.language_confidence = 1.0;
            for (n, word) in (0..).zip(self.0.split(' ')) {
                transcript.words.push(Word { text: word.into(), start: n * step, end: (n + 1) * step, confidence: 0.95 });
            }
            Ok(transcript)
        }
    }
    let flagger: Vec<Box<dyn earmark::flag::Flagger>> = vec![Box::new(earmark::flag::Policy::bundled().flagger())];
    let vad = Box::new(earmark::vad::EnergyVad::new());
    let mut track = earmark::Track::new(earmark::TrackConfig::recording(), vad, flagger).unwrap();
    let speech = warble(16_000, &[(0.5, false), (3.0, true), (0.5, false)]);
    track.push(earmark::MonoTime::ZERO, earmark::Pcm::f32(&speech, 16_000, 1).unwrap()).unwrap();
    track.finish(earmark::MonoTime::ZERO);
    let mut out = Vec::new();
    drain(&mut track, &mut Says(words), &mut out);
    assert!(out.iter().any(|e| matches!(e, Event::Transcript(t) if t.text.contains(words.split(' ').next().unwrap()))));
    assert_eq!(flagged, out.iter().any(|e| matches!(e, Event::Flag(f) if f.state == FlagState::Confirmed)), "{words}");
    out
}

const HARMLESS: &str = "could you pass me the report before the meeting";
const THREAT: &str = "I know where you live and I will kill you";

/// A recording in which each speaker says something.
fn record(archive: &Archive, room: &str, at: UtcTime, said: &[(&str, &str)]) -> String {
    let mut recorder = archive.record(NewRecording::new(room, at)).unwrap();
    for (n, (speaker, words)) in said.iter().enumerate() {
        let track = recorder.add_track(speaker, at).unwrap().unwrap();
        let tone = warble(16_000, &[(0.5, false), (3.0 + n as f32, true), (0.5, false)]);
        assert!(recorder.push(track, &tone, 16_000, at).unwrap());
        for event in events(words, *words == THREAT) {
            recorder.line(track, &Item::Event(event)).unwrap();
        }
    }
    recorder.finish().unwrap()
}

fn assert_clean(archive: &Archive) {
    assert_eq!(archive.verify(true).unwrap().findings, []);
}

/// The files of a zip.
pub fn unzip(path: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut zip = zip::ZipArchive::new(fs::File::open(path).unwrap()).unwrap();
    (0..zip.len())
        .map(|index| {
            let (mut file, mut bytes) = (zip.by_index(index).unwrap(), Vec::new());
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

pub fn samples(flac: &[u8]) -> (Vec<f32>, u32) {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{:?}.flac", std::thread::current().id()));
    fs::write(&path, flac).unwrap();
    let (mut out, mut recording) = (Vec::new(), Recording::open(&path).unwrap());
    while let Some(Block::Audio { samples, .. }) = recording.next_block().unwrap() {
        out.extend_from_slice(samples);
    }
    (out, recording.rate())
}

#[test]
fn nobody_is_recorded_without_consent_to_moderation() {
    let scratch = Scratch::new("consent");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    let mut recorder = archive.record(NewRecording::new("lobby", day(0))).unwrap();
    assert_eq!(recorder.add_track("wilhelmina", day(0)).unwrap(), None);
    consent(&archive, "reusable", &[Purpose::Reuse]);
    assert_eq!(recorder.add_track("reusable", day(0)).unwrap(), None, "consent to one purpose is none to another");
    let later = Consent::new("tomorrow", Purpose::Moderation, true, day(1), "asked");
    archive.note_consent(&later).unwrap();
    assert_eq!(recorder.add_track("tomorrow", day(0)).unwrap(), None, "not given yet");
    consent(&archive, "bob", &[Purpose::Moderation]);
    assert_eq!(recorder.add_track("bob", day(0)).unwrap(), Some(0));
    let id = recorder.finish().unwrap();
    assert_eq!(archive.item(&id).unwrap().not_recorded, 3);
    assert_eq!(containing(&scratch.0, "wilhelmina"), [] as [PathBuf; 0]);
    assert!(archive.note_consent(&Consent::new("bob", Purpose::Reuse, true, day(0), " ")).is_err(), "a consent has a source");
}

#[test]
fn a_recording_of_nobody_leaves_nothing_behind() {
    let scratch = Scratch::new("nobody");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    let mut recorder = archive.record(NewRecording::new("lobby", day(0))).unwrap();
    recorder.add_track("silent", day(0)).unwrap();
    recorder.finish().unwrap();
    assert!(archive.items().unwrap().is_empty());
    assert_clean(&archive);
}

#[test]
fn who_withdraws_while_being_recorded_is_recorded_no_further() {
    let scratch = Scratch::new("withdraw");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    let mut recorder = archive.record(NewRecording::new("lobby", day(1))).unwrap();
    let track = recorder.add_track("alice", day(1)).unwrap().unwrap();
    let second = vec![0.25; 8_000];
    for _ in 0..12 {
        assert!(recorder.push(track, &second, 8_000, day(1)).unwrap());
    }
    archive.note_consent(&Consent::new("alice", Purpose::Moderation, false, day(1), "button in the room")).unwrap();
    let kept = (0..20).filter(|_| recorder.push(track, &second, 8_000, day(1)).unwrap()).count();
    assert!(kept <= 8, "at most to the end of the segment: {kept} s");
    let id = recorder.finish().unwrap();
    assert_eq!(archive.item(&id).unwrap().duration().as_secs(), 20);
    assert_clean(&archive);
}

#[test]
fn retention_removes_on_the_day_the_manual_names() {
    let scratch = Scratch::new("retention");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    let plain = record(&archive, "plain", day(0), &[("alice", HARMLESS)]);
    let flagged = record(&archive, "flagged", day(0), &[("alice", THREAT)]);
    let held = record(&archive, "held", day(0), &[("alice", HARMLESS)]);
    let endless = record(&archive, "endless", day(0), &[("alice", HARMLESS)]);
    let released = record(&archive, "released", day(0), &[("alice", HARMLESS)]);
    archive.hold(&held, "appeal 1", false, day(20)).unwrap();
    archive.hold(&endless, "court", true, day(20)).unwrap();
    archive.hold(&released, "appeal 2", false, day(20)).unwrap();
    let there = || archive.items().unwrap().into_iter().map(|item| item.id).collect::<Vec<_>>();
    let purge =
        |on, dry| archive.purge(Retention::default(), day(on), dry).unwrap().into_iter().map(|p| p.item).collect::<Vec<_>>();
    assert!(purge(29, false).is_empty());
    assert_eq!(purge(30, true), [plain.as_str()], "a dry run tells");
    assert_eq!(there().len(), 5, "and removes nothing");
    assert_eq!(purge(30, false), [plain.as_str()]);
    archive.release(&released, day(31)).unwrap();
    assert_eq!(purge(31, false), [released.as_str()]);
    assert!(purge(119, false).is_empty());
    let mut last = purge(121, false);
    last.sort();
    let mut expected = [flagged.clone(), held.clone()];
    expected.sort();
    assert_eq!(last, expected);
    assert_eq!(there(), [endless.as_str()]);
    assert!(purge(10_000, false).is_empty());
    assert_clean(&archive);
    let log = fs::read_to_string(scratch.join("a/removals.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 4);
    assert!(!log.contains("alice"), "the log names no speaker");
    for id in [&plain, &released, &flagged, &held] {
        assert!(log.contains(id.as_str()) && !scratch.join("a/items").join(id).exists());
    }
}

#[test]
fn a_changed_byte_a_missing_file_and_a_shortened_log_are_found() {
    let scratch = Scratch::new("verify");
    let root = scratch.join("a");
    let archive = Archive::create(&root, None).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    record(&archive, "gone", day(0), &[("alice", HARMLESS)]);
    record(&archive, "stays", day(20), &[("alice", HARMLESS)]);
    archive.purge(Retention::default(), day(40), false).unwrap();
    assert_clean(&archive);
    let all = files(&root.join("items"));
    for path in all.iter().filter(|path| !path.ends_with("lock")) {
        let bytes = fs::read(path).unwrap();
        let mut changed = bytes.clone();
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        fs::write(path, changed).unwrap();
        assert_eq!(archive.verify(false).unwrap().findings.len(), 1, "{}", path.display());
        fs::remove_file(path).unwrap();
        assert_eq!(archive.verify(false).unwrap().findings.len(), 1, "{}", path.display());
        fs::write(path, bytes).unwrap();
    }
    let log = root.join("removals.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    fs::write(&log, text.replace("kept 30 days", "kept 31 days")).unwrap();
    assert_eq!(archive.verify(false).unwrap().findings.len(), 1);
    fs::write(&log, text).unwrap();
    assert_clean(&archive);
}

#[test]
fn who_is_forgotten_is_nowhere_in_the_folder() {
    let scratch = Scratch::new("forget");
    let root = scratch.join("a");
    let archive = Archive::create(&root, None).unwrap();
    for speaker in ["wilhelmina", "bob"] {
        consent(&archive, speaker, &Purpose::ALL);
    }
    let asked = Consent::new("bob", Purpose::Reuse, true, day(0), "told by Wilhelmina");
    archive.note_consent(&asked).unwrap();
    let alone = record(&archive, "alone", day(0), &[("wilhelmina", "xylophone lessons are on Tuesday")]);
    let both = record(
        &archive,
        "Wilhelmina's room",
        day(1),
        &[("wilhelmina", "xylophone lessons are on Tuesday"), ("bob", "thank you Wilhelmina see you then")],
    );
    let held = record(&archive, "held", day(2), &[("wilhelmina", "quagmire is a fine word")]);
    let other = record(&archive, "other", day(3), &[("bob", HARMLESS)]);
    archive.hold(&held, "appeal", false, day(3)).unwrap();
    archive.hold(&both, "Wilhelmina appeals", false, day(3)).unwrap();
    archive.release(&both, day(4)).unwrap();
    assert!(!containing(&root, "wilhelmina").is_empty() && !containing(&root, "xylophone").is_empty());

    let done = archive.forget("wilhelmina", false, day(5)).unwrap();
    assert_eq!((done.items.len(), &done.held, done.mentions > 0), (2, &vec![held.clone()], true));
    assert_clean(&archive);
    assert!(containing(&root, "xylophone").is_empty(), "words are gone");
    assert!(archive.item(&alone).is_err(), "nothing of it was left");
    assert_eq!(archive.item(&both).unwrap().speakers.len(), 1);
    assert_eq!(archive.item(&held).unwrap().speakers[0].name, "wilhelmina");
    let bob = |id: &str| archive.item(id).unwrap().speakers.iter().filter(|s| s.name == "bob").map(|s| s.bytes).sum::<u64>();
    assert!(bob(&both) > 0 && bob(&other) > 0, "others stay");

    archive.release(&held, day(6)).unwrap();
    assert_clean(&archive);
    assert_eq!(containing(&root, "wilhelmina"), [] as [PathBuf; 0]);
    assert_eq!(containing(&root, "quagmire"), [] as [PathBuf; 0]);
    assert_eq!(archive.consents().unwrap().iter().filter(|c| c.speaker == "bob").count(), 3);
    let log = fs::read_to_string(root.join("removals.jsonl")).unwrap();
    assert_eq!(log.lines().count(), 3);
    assert_eq!(archive.forget("wilhelmina", false, day(7)).unwrap().items, [] as [String; 0], "again is no error");
}

#[test]
fn an_export_is_complete_readable_and_its_hashes_match() {
    let scratch = Scratch::new("export");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    for speaker in ["alice", "<b>bob"] {
        consent(&archive, speaker, &[Purpose::Moderation]);
    }
    let id = record(&archive, "lobby & co", day(0), &[("alice", THREAT), ("<b>bob", HARMLESS)]);
    let output = scratch.join("lobby.zip");
    let done = archive.export(&id, &output, &ExportOptions::default(), day(1)).unwrap();
    let files = unzip(&output);
    assert_eq!((done.flags > 0, done.files), (true, files.len()));
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    assert_eq!(sums.lines().count(), files.len() - 1);
    for line in sums.lines() {
        let (sum, file) = line.split_once("  ").unwrap();
        let digest: String = Sha256::digest(&files[file]).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, sum, "{file}");
    }
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    for entry in manifest["files"].as_array().unwrap() {
        assert_eq!(files[entry["file"].as_str().unwrap()].len() as u64, entry["bytes"].as_u64().unwrap());
        assert!(sums.contains(entry["sha256"].as_str().unwrap()));
    }
    assert_eq!(samples(&files["audio/1-alice.flac"]).0.len(), 4 * 16_000);
    assert_eq!(samples(&files["audio/room.flac"]).0.len(), 5 * 16_000);
    let page = String::from_utf8(files["index.html"].clone()).unwrap();
    assert!(
        page.contains("lobby &amp; co") && page.contains("&lt;b&gt;bob") && !page.contains("<b>bob") && !page.contains("http")
    );
    let statement: serde_json::Value = serde_json::from_slice(&files["evidence/1-f1/statement.json"]).unwrap();
    assert_eq!(statement["to_complete"].as_array().unwrap().len(), 3, "what only the platform knows is not made up");
    assert_eq!(statement["category"], "STATEMENT_CATEGORY_VIOLENCE");
    let clip: String = Sha256::digest(&files["evidence/1-f1/clip.flac"]).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(statement["clip"][1], clip.as_str());
    assert!(matches!(
        archive.export(&id, &scratch.join("a/inside.zip"), &ExportOptions::default(), day(1)),
        Err(ArchiveError::Refused(_))
    ));
}

#[test]
fn reuse_leaves_out_who_did_not_agree_to_it() {
    let scratch = Scratch::new("reuse");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    consent(&archive, "alice", &Purpose::ALL);
    consent(&archive, "zebediah", &[Purpose::Moderation]);
    let said = [("alice", "good morning Zebediah how are you"), ("zebediah", "quagmire is a fine word")];
    let id = record(&archive, "lobby", day(0), &said);
    let mut options = ExportOptions::default();
    options.purpose = Purpose::Reuse;
    let output = scratch.join("reuse.zip");
    let done = archive.export(&id, &output, &options, day(1)).unwrap();
    assert_eq!((done.withheld, done.speakers), (1, vec!["alice".to_owned()]));
    let files = unzip(&output);
    for (name, bytes) in &files {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        assert!(!text.contains("zebediah") && !text.contains("quagmire") && !name.contains("zebediah"), "{name}");
    }
    // Zebediah's track is a second longer; in the mix that second has no voice of anybody.
    let (mix, _) = samples(&files["audio/room.flac"]);
    assert_eq!(mix, samples(&files["audio/1-alice.flac"]).0);
    archive.note_consent(&Consent::new("alice", Purpose::Reuse, false, day(2), "letter")).unwrap();
    assert_eq!(archive.export(&id, &output, &options, day(3)).unwrap().speakers, [] as [String; 0], "withdrawn");
}

#[test]
fn gaps_stay_silent_and_other_rates_are_kept() {
    let scratch = Scratch::new("gaps");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    let mut recorder = archive.record(NewRecording::new("lobby", day(0))).unwrap();
    let track = recorder.add_track("alice", day(0)).unwrap().unwrap();
    let ramp: Vec<f32> = (0..44_100 * 13).map(|n| ((n % 2_000) as f32 - 1_000.0) / 32_768.0).collect();
    for piece in ramp.chunks(777) {
        recorder.push(track, piece, 44_100, day(0)).unwrap();
    }
    recorder.push_gap(track, std::time::Duration::from_millis(1_500)).unwrap();
    recorder.push(track, &ramp[..44_100], 44_100, day(0)).unwrap();
    assert!(recorder.push(track, &ramp[..10], 7_999, day(0)).is_err());
    let id = recorder.finish().unwrap();
    let output = scratch.join("gaps.zip");
    archive.export(&id, &output, &ExportOptions::default(), day(1)).unwrap();
    let (heard, rate) = samples(&unzip(&output)["audio/1-alice.flac"]);
    assert_eq!(rate, 44_100);
    assert_eq!(&heard[..ramp.len()], &ramp[..], "bit for bit across segments");
    let resumed = ramp.len() + 66_150;
    let from = heard.len() - 44_100;
    assert!(from.abs_diff(resumed) <= 3, "{from} or {resumed}");
    assert!(heard[ramp.len()..from].iter().all(|sample| *sample == 0.0));
    assert_eq!(&heard[from..], &ramp[..44_100]);
    assert_clean(&archive);
}

#[test]
fn an_encrypted_archive_shows_no_word_and_no_audio_and_needs_its_key() {
    let scratch = Scratch::new("encrypted");
    let root = scratch.join("a");
    let key = Key::from_hex(&"5a".repeat(32)).unwrap();
    let archive = Archive::create(&root, Some(&key)).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    let id = record(&archive, "lobby", day(0), &[("alice", "xylophone lessons are on Tuesday")]);
    let readable = || files(&root).iter().any(|path| fs::read(path).unwrap().windows(4).any(|window| window == b"fLaC"));
    assert!(containing(&root, "xylophone").is_empty() && !readable());
    assert_clean(&archive);
    let other = Key::from_hex(&"5b".repeat(32)).unwrap();
    assert!(matches!(Archive::open(&root, Some(&other)), Err(ArchiveError::Key(_))));
    // A recording whose process died is finished by whoever has the key; the others still list and verify.
    let mut killed = archive.record(NewRecording::new("killed", day(1))).unwrap();
    let track = killed.add_track("alice", day(1)).unwrap().unwrap();
    killed.push(track, &warble(16_000, &[(2.0, true)]), 16_000, day(1)).unwrap();
    drop(killed);
    assert!(!readable());
    let keyless = Archive::open(&root, None).unwrap();
    assert!(matches!(keyless.record(NewRecording::new("x", day(0))), Err(ArchiveError::Key(_))));
    assert!(matches!(keyless.export(&id, &scratch.join("x.zip"), &ExportOptions::default(), day(1)), Err(ArchiveError::Key(_))));
    assert_eq!(keyless.items().unwrap().len(), 2);
    let keyed = Archive::open(&root, Some(&key)).unwrap();
    assert_clean(&keyed);
    assert_eq!(keyed.items().unwrap()[1].duration().as_secs(), 2);
    keyed.export(&id, &scratch.join("x.zip"), &ExportOptions::default(), day(1)).unwrap();
    assert!(String::from_utf8_lossy(&unzip(&scratch.join("x.zip"))["transcript.txt"]).contains("xylophone"));
    let plain = Archive::create(&scratch.join("b"), None).unwrap();
    drop(plain);
    assert!(matches!(Archive::open(&scratch.join("b"), Some(&key)), Err(ArchiveError::Key(_))));
}

#[test]
fn what_is_no_archive_is_left_alone() {
    let scratch = Scratch::new("foreign");
    assert!(matches!(Archive::open(&scratch.join("none"), None), Err(ArchiveError::NotAnArchive(_))));
    let folder = scratch.join("holiday");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("photo.jpg"), b"x").unwrap();
    assert!(Archive::create(&folder, None).is_err());
    assert_eq!(files(&folder).len(), 1);
    let root = scratch.join("broken");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("index.sqlite"), b"this is no database at all, whatever its name may say").unwrap();
    assert!(matches!(Archive::open(&root, None), Err(ArchiveError::Damaged { .. })));
}

#[test]
fn errors_and_debug_output_quote_nobody() {
    let scratch = Scratch::new("quiet");
    let archive = Archive::create(&scratch.join("a"), None).unwrap();
    consent(&archive, "alice", &[Purpose::Moderation]);
    let mut recorder = archive.record(NewRecording::new("lobby", day(0))).unwrap();
    let track = recorder.add_track("alice", day(0)).unwrap().unwrap();
    for event in events("xylophone lessons are on Tuesday", false) {
        recorder.line(track, &Item::Event(event)).unwrap();
    }
    let shown = format!("{recorder:?} {archive:?}");
    assert!(!shown.contains("xylophone"));
    assert!(!shown.contains(Outcome::Checked.as_str()), "no event line at all");
}
