//! Scans a recording and prints what breaks the policy: `cargo run --example quickstart [FILE]`.

use std::path::PathBuf;
use std::sync::Arc;

use earmark::model::ModelStore;
use earmark::stt::{Transcriber, Whisper};
use earmark::{Channels, Event, Moderator, ModeratorOptions, TrackConfig, scan_file};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let bundled = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tts/flag_threat_1.flac");
    let path = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(bundled), PathBuf::from);

    let file = ModelStore::discover().resolve("tiny.en")?;
    let model: Arc<dyn Transcriber> = Arc::new(Whisper::load(&file.name, &file.path)?);
    let mut options = ModeratorOptions::default();
    options.track = TrackConfig::recording();
    let moderator = Moderator::new(&model, options)?;

    let mut show = |_channel: u16, event: Event| {
        if let Event::Flag(flag) = event {
            println!("{} {} {}: {}", flag.span, flag.severity, flag.category, flag.reason);
        }
    };
    for summary in scan_file(&moderator, &path, Channels::Mix, &mut show)? {
        println!("{:.1} s of audio, {} kinds of flags", summary.duration.as_secs_f64(), summary.flags.len());
    }
    Ok(())
}
