//! Opening a recording: what is refused before a parser sees it, and the choice of its sound track.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error as FormatError;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_FLAC, FORMAT_ID_ISOMP4, FORMAT_ID_MKV, FORMAT_ID_MP3, FORMAT_ID_OGG};
use symphonia::core::formats::{FormatId, FormatOptions, FormatReader, Track, TrackFlags};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::TimeBase;
use thiserror::Error;

use super::edit_list::Edit;
use super::elementary::{Elementary, Problem};
use super::frame::Frame;
use super::playlist::{self, Playlist};
use super::segments::Segments;
use super::source::{Source, Tail};
use super::timeline::{Timeline, Window};
use super::transport;
use super::upsample::Upsampler;
use super::{CHANNELS, LEAST_RATE, RATES, Recording, guarded};

/// Fewer bytes than this hold no audio in any format.
const MIN_BYTES: u64 = 16;
/// Bytes at the beginning by which transport streams, playlists and bare frames are told.
const HEAD: u64 = 8 << 10;

/// A file that cannot be opened as a recording.
#[derive(Debug, Error)]
#[error("{}: {problem}", shown(.path))]
pub struct OpenError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: OpenProblem,
}

/// Why a file cannot be opened as a recording.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenProblem {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// A directory.
    #[error("is a directory; name the recordings in it")]
    Directory,
    /// Nothing in it, or too little for any format.
    #[error("has {0} bytes, too few for a recording; was it written completely?")]
    TooShort(u64),
    /// No known container in it.
    #[error(
        "is no recording earmark can read (wav, flac, mp3, ogg, opus, webm, mkv, m4a, mp4, aac, ts, m3u8, aiff, caf); convert it first: ffmpeg -i IN OUT.flac"
    )]
    Unrecognised,
    /// A format that is known and not decoded.
    #[error("is {0}, which earmark does not decode; convert it first: ffmpeg -i IN OUT.flac")]
    Foreign(&'static str),
    /// A playlist that leads to no sound.
    #[error("is a playlist that {0}")]
    Playlist(String),
    /// The container is known, its header broken.
    #[error("has a damaged header ({0}); copy it again or repair it")]
    Damaged(String),
    /// No sound track.
    #[error("has no sound track")]
    NoAudio,
    /// The sound is in a codec that isn't built in.
    #[error("has sound in a codec earmark does not decode ({0}); convert it to flac first")]
    Codec(String),
    /// The sampling rate is out of range.
    #[error("has a rate of {0} Hz, it must be 4000 to 192000; convert it first")]
    Rate(u32),
    /// The channel count is out of range.
    #[error("has {0} channels, there must be 1 to 8; convert it first")]
    Channels(usize),
}

/// A path on one line.
pub(super) fn shown(path: &Path) -> impl fmt::Display {
    path.display().to_string().escape_debug().to_string()
}

pub(super) struct SoundTrack {
    pub(super) id: u32,
    pub(super) decoder: Box<dyn AudioDecoder>,
    pub(super) time_base: TimeBase,
    pub(super) window: Window,
    rate: u32,
    channels: u16,
    /// In the time base.
    length: Option<u64>,
    /// First position in the stream, in the time base.
    first: i64,
    /// The encoder left its delay and a count of frames (mp3).
    counted: bool,
}

/// Opens a recording at its `index`th sound track that can be decoded, the default one first.
pub(super) fn open(path: &Path, index: usize) -> Result<Recording, OpenError> {
    read(path, index).map_err(|problem| OpenError { path: path.to_owned(), problem })
}

fn read(path: &Path, index: usize) -> Result<Recording, OpenProblem> {
    let mut file = File::open(path).map_err(OpenProblem::Io)?;
    let metadata = file.metadata().map_err(OpenProblem::Io)?;
    if metadata.is_dir() {
        return Err(OpenProblem::Directory);
    }
    if metadata.is_file() && metadata.len() < MIN_BYTES {
        return Err(OpenProblem::TooShort(metadata.len()));
    }
    let mut edits = Vec::new();
    if metadata.is_file() {
        let mut head = Vec::new();
        file.by_ref().take(HEAD).read_to_end(&mut head).map_err(OpenProblem::Io)?;
        if playlist::is_playlist(&head) {
            return read_playlist(path, index);
        }
        if transport::layout(&head).is_some() {
            let parsed = parse_elementary(Segments::file(path.to_owned()), &head, Tail::default(), index)?;
            return Ok(recording(path, parsed, None, index));
        }
        if let Some(foreign) = foreign(&head) {
            return Err(OpenProblem::Foreign(foreign));
        }
        file.seek(SeekFrom::Start(0)).map_err(OpenProblem::Io)?;
        edits = Edit::read_all(&mut file);
    }
    drop(file);
    let mut parsed = parse(path, true, index);
    if metadata.is_file() && matches!(parsed, Err(OpenProblem::Damaged(_))) {
        // Parsers that look ahead fail on a cut-off file; read from front to back it gives what is there.
        parsed = parse(path, false, index).or(parsed);
    }
    let Parsed { format, mut track, tail } = parsed?;
    if let Some(window) = Edit::window(&edits, track.id, track.time_base, track.length) {
        track.window = window;
    }
    Ok(recording(path, Parsed { format, track, tail }, None, index))
}

/// A recording of what was parsed; `listed` is its length where something outside the files tells it.
fn recording(path: &Path, parsed: Parsed, listed: Option<Duration>, index: usize) -> Recording {
    let Parsed { format, track, tail } = parsed;
    let certain = certain_length(&track, &tail, format.format_info().format).map(|ticks| time(ticks, track.time_base));
    let duration = listed.or(certain).or_else(|| duration(&track, format.as_ref())).map(|duration| duration + tail.cut);
    Recording {
        path: path.to_owned(),
        decoder: track.decoder,
        track: track.id,
        index,
        timeline: Timeline::new(track.time_base, track.window),
        format,
        duration,
        cut: tail.cut,
        certain,
        samples: Vec::new(),
        upsampler: Upsampler::default(),
        served: 0,
        rate: if track.rate < LEAST_RATE { 2 * track.rate } else { track.rate },
        channels: track.channels,
        lost: Duration::ZERO,
        fruitless: 0,
        ended: false,
    }
}

fn read_playlist(path: &Path, index: usize) -> Result<Recording, OpenProblem> {
    let mut list = Playlist::read(path).map_err(OpenProblem::Playlist)?;
    let tail = Tail { cut: list.cut_tail(), ..Tail::default() };
    let listed = list.segments.iter().map(|segment| segment.duration).sum();
    let mut head = Vec::new();
    let first = list.segments.iter().find(|segment| !segment.is_missing).cloned().into_iter().collect();
    Segments::new(first).take(HEAD).read_to_end(&mut head).map_err(OpenProblem::Io)?;
    if list.header.is_none() && (transport::layout(&head).is_some() || Frame::coding(&head).is_some()) {
        return Ok(recording(path, parse_elementary(Segments::new(list.segments), &head, tail, index)?, Some(listed), index));
    }
    if list.segments.iter().any(|segment| segment.is_missing) {
        return Err(OpenProblem::Playlist(
            "lacks segments, and those it has don't tell where they belong; get the others".into(),
        ));
    }
    let segments = list.header.into_iter().chain(list.segments).collect();
    let parsed = parse_source(Box::new(Segments::new(segments)), tail, index)?;
    Ok(recording(path, parsed, Some(listed), index))
}

fn parse_elementary(source: Segments, head: &[u8], tail: Tail, index: usize) -> Result<Parsed, OpenProblem> {
    let opened = guarded(|| {
        let format = Elementary::open(source, head).map_err(|problem| match problem {
            Problem::Io(e) => OpenProblem::Io(e),
            Problem::Foreign(what) => OpenProblem::Codec(what.into()),
            Problem::NoSound => OpenProblem::NoAudio,
        })?;
        let track = sound_track(&format, index)?;
        Ok(Parsed { format: Box::new(format), track, tail })
    });
    opened.unwrap_or_else(|| Err(OpenProblem::Damaged("its parser gave up".into())))
}

/// Formats that can be told from their first bytes and for which there is no decoder.
fn foreign(head: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 9] = [
        (b"#!AMR", "AMR"),
        (b"#!SILK", "SILK"),
        (b"\x02#!SILK", "SILK"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (ASF)"),
        (b".RMF", "RealMedia"),
        (b".snd", "Sun audio"),
        (b"\x0b\x77", "AC-3"),
        (b"MThd", "MIDI"),
        (b"FLV", "Flash video"),
    ];
    KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}

struct Parsed {
    format: Box<dyn FormatReader>,
    track: SoundTrack,
    tail: Tail,
}

fn parse(path: &Path, seekable: bool, index: usize) -> Result<Parsed, OpenProblem> {
    let file = File::open(path).map_err(OpenProblem::Io)?;
    let (source, tail) = Source::new(file, seekable).map_err(OpenProblem::Io)?;
    parse_source(Box::new(source), tail, index)
}

fn parse_source(source: Box<dyn MediaSource>, tail: Tail, index: usize) -> Result<Parsed, OpenProblem> {
    let parsed = guarded(|| {
        let stream = MediaSourceStream::new(source, Default::default());
        let probe = symphonia::default::get_probe();
        let format = probe.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default()).map_err(refusal)?;
        let track = sound_track(format.as_ref(), index)?;
        Ok(Parsed { format, track, tail })
    });
    parsed.unwrap_or_else(|| Err(OpenProblem::Damaged("its parser gave up".into())))
}

fn refusal(error: FormatError) -> OpenProblem {
    match error {
        FormatError::IoError(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
            OpenProblem::Damaged("the file ends within it".into())
        }
        FormatError::IoError(e) => OpenProblem::Io(e),
        FormatError::Unsupported(what) if what.starts_with("core (probe)") => OpenProblem::Unrecognised,
        FormatError::Unsupported(what) if ["wave format", "codec", "mp4a"].iter().any(|word| what.contains(word)) => {
            OpenProblem::Codec(what.into())
        }
        FormatError::Unsupported(what) | FormatError::DecodeError(what) | FormatError::LimitError(what) => {
            OpenProblem::Damaged(what.into())
        }
        other => OpenProblem::Damaged(other.to_string()),
    }
}

/// The `index`th of the sound tracks that can be decoded, the default one first.
pub(super) fn sound_track(format: &dyn FormatReader, index: usize) -> Result<SoundTrack, OpenProblem> {
    let mut tracks: Vec<(&Track, &AudioCodecParameters)> =
        format.tracks().iter().filter_map(|track| Some((track, track.codec_params.as_ref()?.audio()?))).collect();
    tracks.sort_by_key(|(track, _)| !track.flags.contains(TrackFlags::DEFAULT));
    let (mut problem, mut passed) = (OpenProblem::NoAudio, 0);
    for (track, parameters) in tracks {
        match decoder(track, parameters, format.format_info().format) {
            Ok(found) if passed == index => return Ok(found),
            Ok(_) => passed += 1,
            Err(e) if matches!(problem, OpenProblem::NoAudio) => problem = e,
            Err(_) => {}
        }
    }
    Err(problem)
}

fn decoder(track: &Track, parameters: &AudioCodecParameters, format: FormatId) -> Result<SoundTrack, OpenProblem> {
    let mut parameters = parameters.clone();
    let mut rate = parameters.sample_rate.unwrap_or_default();
    if parameters.sample_rate.is_some() && parameters.codec != CODEC_ID_OPUS && !RATES.contains(&rate) {
        return Err(OpenProblem::Rate(rate));
    }
    let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
    if parameters.channels.is_some() && !CHANNELS.contains(&channels) {
        return Err(OpenProblem::Channels(channels));
    }
    let mut window = Window::default();
    if parameters.codec == CODEC_ID_OPUS {
        // The decoder would drop the pre-skip from whatever packet comes first; the timeline knows where it lies.
        if let Some([low, high]) = parameters.extra_data.as_mut().and_then(|head| head.get_mut(10..12)) {
            let skip = u16::from_le_bytes([std::mem::take(low), std::mem::take(high)]);
            match format {
                // An Ogg stream counts the pre-skip.
                FORMAT_ID_OGG => window.start = track.start_ts.get().saturating_add(skip.into()),
                // Matroska has milliseconds, and ffmpeg writes a wrong codec delay for originals not at 48 kHz.
                FORMAT_ID_MKV => window.lead = Some(f64::from(skip) / 48_000.0),
                // MP4 has an edit list.
                _ => {}
            }
        }
        // The decoder knows only these; the rate a container states is that of the original.
        if ![8_000, 12_000, 16_000, 24_000, 48_000].contains(&rate) {
            rate = 48_000;
            parameters.sample_rate = Some(rate);
        }
    }
    let decoder = codecs().make_audio_decoder(&parameters, &AudioDecoderOptions::default());
    let time_base = track.time_base.or_else(|| TimeBase::try_from_recip(rate)).unwrap_or_default();
    Ok(SoundTrack {
        id: track.id,
        decoder: decoder.map_err(|e| match e {
            FormatError::Unsupported(what) => OpenProblem::Codec(what.into()),
            e => refusal(e),
        })?,
        time_base,
        window,
        rate,
        channels: channels as u16,
        length: track.duration.map(|duration| duration.get()).or(track.num_frames),
        first: track.start_ts.get(),
        counted: track.delay.is_some(),
    })
}

fn codecs() -> &'static CodecRegistry {
    static CODECS: OnceLock<CodecRegistry> = OnceLock::new();
    CODECS.get_or_init(|| {
        let mut codecs = CodecRegistry::new();
        symphonia::default::register_enabled_codecs(&mut codecs);
        codecs.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
        codecs
    })
}

/// The length in ticks where the container counts frames rather than estimates them.
fn certain_length(track: &SoundTrack, tail: &Tail, format: FormatId) -> Option<u64> {
    match format {
        FORMAT_ID_OGG => {
            let (_, end) = tail.ogg.filter(|(serial, _)| *serial == track.id)?;
            u64::try_from(end.saturating_sub(track.window.start.max(track.first))).ok()
        }
        FORMAT_ID_FLAC | FORMAT_ID_ISOMP4 => presented(track),
        FORMAT_ID_MP3 if track.counted => presented(track),
        _ => None,
    }
}

fn presented(track: &SoundTrack) -> Option<u64> {
    let end = track.window.end.and_then(|end| u64::try_from(end).ok()).or(track.length)?;
    Some(end.saturating_sub(u64::try_from(track.window.start).unwrap_or(0))).filter(|length| *length > 0)
}

fn duration(track: &SoundTrack, format: &dyn FormatReader) -> Option<Duration> {
    let media = format.media_info();
    let stated = || Some(time(media.duration?.get(), media.time_base?));
    presented(track).map(|ticks| time(ticks, track.time_base)).or_else(stated).filter(|length| !length.is_zero())
}

fn time(ticks: u64, base: TimeBase) -> Duration {
    let nanos = u128::from(ticks) * u128::from(base.numer.get()) * 1_000_000_000 / u128::from(base.denom.get());
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
