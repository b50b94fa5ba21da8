//! `earmark scan PATH...`: recordings to transcript and flags.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use earmark::flag::Severity;
use earmark::report::html::Clips;
use earmark::report::{Item, Jsonl, Source};
use earmark::{Event, Moderator, ScanSink, TrackConfig, scan_file};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use rayon::prelude::*;

use crate::html::Html;
use crate::options::{ChannelMode, Level, Shared};
use crate::output::{Format, Output, Stop, stopped};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Recordings, or folders of them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    shared: Shared,
    /// All channels as one track, or every channel as a speaker.
    #[arg(long, value_enum, default_value_t = ChannelMode::Mix)]
    channels: ChannelMode,
    /// Human on a terminal, JSON lines otherwise, unless given.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Show matched words as they were said, and the transcript (human format).
    #[arg(long)]
    unmask: bool,
    /// Audio in HTML reports: a clip of each flag from the flagged speaker's channel, from every channel, or none.
    #[arg(long, value_enum, default_value_t = ClipMode::On)]
    clips: ClipMode,
    /// Exit with 1 when a flag is at least this severe.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Level>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum ClipMode {
    On,
    All,
    Off,
}

impl From<ClipMode> for Clips {
    fn from(mode: ClipMode) -> Self {
        match mode {
            ClipMode::On => Self::Speaker,
            ClipMode::All => Self::Everyone,
            ClipMode::Off => Self::Off,
        }
    }
}

/// Files that a folder is searched for; a file named on the command line is tried whatever its name.
const EXTENSIONS: [&str; 18] = [
    "wav", "wave", "flac", "mp3", "ogg", "oga", "opus", "webm", "mkv", "mka", "m4a", "mp4", "m4b", "aac", "aif", "aiff", "caf",
    "mov",
];

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// A line on its way to the output.
struct Message {
    file: usize,
    source: Source,
    /// Nothing when the file is through.
    item: Option<Item>,
}

pub fn run(args: &Args) -> Result<u8, String> {
    // A second Ctrl-C ends at once.
    let handler = || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(handler).map_err(|e| format!("Ctrl-C cannot be handled: {e}"))?;
    let files = find(&args.paths)?;
    let (moderator, run) = args.shared.start(TrackConfig::recording())?;
    let lines = Jsonl { words: args.shared.words, lag: false };
    let path = args.shared.output.as_deref();
    let mut output = match args.format {
        Some(Format::Html) => {
            let (html, path) = Html::new(path, &files, args.channels.into(), args.clips.into())?;
            Output::with(Box::new(html), path.as_deref(), run, false)?
        }
        Some(Format::Srt | Format::Vtt) if files.len() > 1 => {
            return Err(format!("--format srt and vtt are for one recording, here are {}: scan them one by one", files.len()));
        }
        format => Output::open(path, format, lines, args.unmask, run, false)?,
    };
    let bar = progress_bar(args.shared.quiet, files.len());
    let verdict = scan_all(args, &moderator, &files, &mut output, &bar);
    bar.finish_and_clear();
    let verdict = match verdict {
        Ok(verdict) => verdict,
        Err(stop) => return stopped(stop),
    };
    if let Err(stop) = output.finish() {
        return stopped(stop);
    }
    if INTERRUPTED.load(Ordering::SeqCst) {
        return Ok(130);
    }
    let flagged = args.fail_on.is_some_and(|level| verdict.worst >= Some(Severity::from(level)));
    Ok(if verdict.unreadable {
        2
    } else if flagged {
        1
    } else if verdict.unchecked {
        3
    } else {
        0
    })
}

#[derive(Default)]
struct Verdict {
    unreadable: bool,
    unchecked: bool,
    worst: Option<Severity>,
}

impl Verdict {
    fn note(&mut self, item: &Item) {
        match item {
            Item::Error(_) => self.unreadable = true,
            Item::Summary(summary, _) => self.unchecked |= summary.unchecked > 0,
            Item::Event(Event::Flag(flag)) if flag.is_confirmed() => self.worst = self.worst.max(Some(flag.severity)),
            _ => (),
        }
    }
}

/// Scans files side by side over one pool and writes their lines in the order of the files.
fn scan_all(
    args: &Args,
    moderator: &Moderator,
    files: &[PathBuf],
    output: &mut Output,
    bar: &ProgressBar,
) -> Result<Verdict, Stop> {
    let readers = args.shared.jobs.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(readers.min(files.len())).build();
    let pool = pool.map_err(|e| Stop::Failed(format!("the reading threads cannot be started: {e}")))?;
    let (sender, receiver) = sync_channel::<Message>(256);
    let mut verdict = Verdict::default();
    let mut current = 0;
    let mut waiting: BTreeMap<usize, Vec<Message>> = BTreeMap::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let sender = sender;
            // One at a time and in order: the lines of the first file should come first.
            pool.install(|| {
                (0..files.len()).into_par_iter().with_max_len(1).for_each_with(sender, |sender, file| {
                    scan_one(args, moderator, file, &files[file], sender, bar);
                });
            });
        });
        let mut write = |message: &Message, output: &mut Output| {
            let Some(item) = &message.item else { return Ok(()) };
            verdict.note(item);
            bar.suspend(|| {
                if let Item::Error(text) = item {
                    eprintln!("earmark: {text}");
                }
                output.item(&message.source, item)
            })
        };
        for message in &receiver {
            if message.file != current {
                waiting.entry(message.file).or_default().push(message);
                continue;
            }
            let mut last = message.item.is_none();
            let mut result = write(&message, output);
            while last && result.is_ok() {
                last = false;
                current += 1;
                result = output.flush();
                for message in waiting.remove(&current).unwrap_or_default() {
                    result = result.and_then(|()| write(&message, output));
                    last |= message.item.is_none();
                }
            }
            if let Err(stop) = result {
                INTERRUPTED.store(true, Ordering::SeqCst);
                // Readers blocked on a full channel must see that nobody listens.
                drop(receiver);
                return Err(stop);
            }
        }
        Ok(())
    })?;
    Ok(verdict)
}

struct Collect<'a> {
    sender: &'a SyncSender<Message>,
    file: usize,
    sources: Vec<Source>,
    /// Events of later channels, kept until the first channel is done so that a track's lines stay together.
    later: Vec<Vec<Item>>,
    bar: &'a ProgressBar,
    read: Duration,
}

impl Collect<'_> {
    fn send(&self, channel: usize, item: Item) {
        // An error means that writing has stopped, and so will this scan.
        let _ = self.sender.send(Message { file: self.file, source: self.sources[channel].clone(), item: Some(item) });
    }
}

impl ScanSink for Collect<'_> {
    fn event(&mut self, channel: u16, event: Event) {
        let channel = usize::from(channel);
        if channel == 0 {
            return self.send(0, Item::Event(event));
        }
        if self.later.len() < channel {
            self.later.resize_with(channel, Vec::new);
        }
        self.later[channel - 1].push(Item::Event(event));
    }

    fn progress(&mut self, read: Duration, total: Option<Duration>) -> bool {
        if let Some(total) = total.filter(|_| self.read.is_zero()) {
            self.bar.inc_length(total.as_secs());
        }
        self.bar.inc(read.as_secs() - self.read.as_secs());
        self.read = read.max(Duration::from_nanos(1));
        !INTERRUPTED.load(Ordering::SeqCst)
    }
}

fn scan_one(args: &Args, moderator: &Moderator, file: usize, path: &Path, sender: &SyncSender<Message>, bar: &ProgressBar) {
    if INTERRUPTED.load(Ordering::SeqCst) {
        return;
    }
    let began = Instant::now();
    let name = path.display().to_string();
    let room = args
        .shared
        .room
        .clone()
        .unwrap_or_else(|| path.file_stem().map_or_else(|| name.clone(), |s| s.to_string_lossy().into_owned()));
    let source =
        |channel| Source { source: Some(name.clone()), room: room.clone(), speaker: args.shared.speaker(args.channels, channel) };
    let sources: Vec<Source> = (0..8).map(source).collect();
    let mut collect = Collect { sender, file, sources, later: Vec::new(), bar, read: Duration::ZERO };
    collect.send(0, Item::Start);
    let result = scan_file(moderator, path, args.channels.into(), &mut collect);
    let wall = began.elapsed();
    match result {
        Ok(summaries) => {
            for (channel, summary) in summaries.into_iter().enumerate() {
                if channel > 0 {
                    collect.send(channel, Item::Start);
                    for item in collect.later.get_mut(channel - 1).map(std::mem::take).unwrap_or_default() {
                        collect.send(channel, item);
                    }
                }
                collect.send(channel, Item::Summary(summary, wall));
            }
        }
        Err(error) => collect.send(0, Item::Error(error.to_string())),
    }
    let _ = sender.send(Message { file, source: Source::default(), item: None });
}

fn progress_bar(quiet: bool, files: usize) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr_with_hz(5) };
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_bar} {pos}/{len} s of audio, {eta} left {msg}") {
        bar.set_style(style);
    }
    bar.set_message(if files == 1 { "1 file".to_owned() } else { format!("{files} files") });
    bar
}

fn find(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
        if metadata.is_dir() {
            let before = files.len();
            search(path, 0, &mut files);
            if files.len() == before {
                return Err(format!("{}: no recordings in this folder", path.display()));
            }
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

/// Recordings below `folder`, sorted by name; links to folders are not followed, so a loop of them cannot hold the search.
fn search(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) => return eprintln!("earmark: {}: {e}", folder.display()),
    };
    let mut found: Vec<_> = entries.flatten().collect();
    found.sort_by_key(std::fs::DirEntry::file_name);
    for entry in found {
        let path = entry.path();
        let known = || path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)));
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth < 64 => search(&path, depth + 1, files),
            Ok(kind) if !kind.is_dir() && known() => files.push(path),
            _ => (),
        }
    }
}
