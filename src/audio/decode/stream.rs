//! From a file to a demuxer, and from its tracks to the one that is decoded.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::well_known::{FORMAT_ID_ADTS, FORMAT_ID_MP1, FORMAT_ID_MP2, FORMAT_ID_MP3};
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::TimeBase;

use super::fault::{OpenError, codec_name};

const LOWEST_RATE: u32 = 8_000;
const HIGHEST_RATE: u32 = 192_000;
const MOST_CHANNELS: usize = 8;
/// Opus has one true rate; what its header names is only the rate of the encoder's input.
const OPUS_RATE: u32 = 48_000;
/// Fewer file bytes for each second than silence takes in any codec: the header lies.
const FEWEST_BYTES_PER_SECOND: u64 = 16;

static CODECS: LazyLock<CodecRegistry> = LazyLock::new(|| {
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<symphonia_adapter_libopus::OpusDecoder>();
    codecs
});

/// The chosen track and its decoder; a chained stream brings a new one.
pub(super) struct Stream {
    pub(super) track_id: u32,
    pub(super) time_base: Option<TimeBase>,
    pub(super) params: AudioCodecParameters,
    pub(super) decoder: Box<dyn AudioDecoder>,
    /// Frames of Opus pre-skip still to drop. It may span packets, which the decoder's own
    /// trimming does not handle.
    pub(super) skip: usize,
}

/// The demuxer for the content of a file, or the panic of a demuxer on hostile headers, which must
/// not take down its caller.
pub(super) fn probe(path: &Path, seekable: bool) -> std::thread::Result<Result<Box<dyn FormatReader>, Error>> {
    catch_unwind(AssertUnwindSafe(|| {
        let file = File::open(path)?;
        let source: Box<dyn MediaSource> = if seekable { Box::new(file) } else { Box::new(ReadOnlySource::new(file)) };
        let source = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
        let mut hint = Hint::new();
        if let Some(extension) = path.extension().and_then(|e| e.to_str()) {
            hint.with_extension(extension);
        }
        let (format, meta) = (FormatOptions::default(), MetadataOptions::default());
        symphonia::default::get_probe().probe(&hint, source, format, meta)
    }))
}

/// Whether no demuxer knows the content, as opposed to one that knows it and gives up.
pub(super) fn is_unknown(error: &Error) -> bool {
    matches!(error, Error::Unsupported(what) if what.starts_with("core (probe)"))
}

impl Stream {
    pub(super) fn choose(reader: &dyn FormatReader, path: &Path) -> Result<Self, OpenError> {
        let mut refused = None;
        for track in reader.tracks() {
            let Some(CodecParameters::Audio(params)) = &track.codec_params else { continue };
            let what = match in_range(params.sample_rate, params.channels.as_ref().map(|c| c.count())) {
                Err(what) => what,
                Ok(()) => match Self::start(track, params) {
                    Some(stream) => return Ok(stream),
                    None => codec_name(params.codec),
                },
            };
            refused.get_or_insert(what);
        }
        Err(match refused {
            Some(what) => OpenError::Unsupported { path: path.into(), what },
            None => OpenError::NoAudioTrack { path: path.into() },
        })
    }

    fn start(track: &Track, params: &AudioCodecParameters) -> Option<Self> {
        let mut params = params.clone();
        let mut skip = 0;
        if params.codec == CODEC_ID_OPUS {
            params.sample_rate = Some(OPUS_RATE);
            // Taken from the decoder, which would drop it from the first packet only.
            skip = params.extra_data.take().map_or(0, |header| pre_skip(&header));
        }
        let decoder = make_decoder(&params)?;
        Some(Self { track_id: track.id, time_base: track.time_base, params, decoder, skip })
    }
}

pub(super) fn make_decoder(params: &AudioCodecParameters) -> Option<Box<dyn AudioDecoder>> {
    let options = AudioDecoderOptions::default().gapless(true);
    // A decoder that panics on a hostile header is as good as none.
    catch_unwind(AssertUnwindSafe(|| CODECS.make_audio_decoder(params, &options))).ok()?.ok()
}

/// Frames at 48 kHz to drop from the start (RFC 7845, section 5.1).
fn pre_skip(header: &[u8]) -> usize {
    match header {
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', _, _, low, high, ..] => usize::from(u16::from_le_bytes([*low, *high])),
        _ => 0,
    }
}

pub(super) fn in_range(rate: Option<u32>, channels: Option<usize>) -> Result<(), String> {
    match (rate, channels) {
        (Some(rate), _) if !(LOWEST_RATE..=HIGHEST_RATE).contains(&rate) => {
            Err(format!("a sample rate of {rate} Hz (supported: {LOWEST_RATE} to {HIGHEST_RATE})"))
        }
        (_, Some(channels)) if !(1..=MOST_CHANNELS).contains(&channels) => {
            Err(format!("{channels} channels (supported: 1 to {MOST_CHANNELS})"))
        }
        _ => Ok(()),
    }
}

/// The duration to show, and the one exact enough to miss the end by.
pub(super) fn durations(reader: &dyn FormatReader, track_id: u32, bytes: Option<u64>) -> (Option<Duration>, Option<Duration>) {
    let time = |base: Option<TimeBase>, units| Some(nanos(base?.calc_duration(units?)?.as_nanos()));
    let plausible = |d: &Duration| !d.is_zero() && bytes.is_none_or(|b| d.as_secs() <= b / FEWEST_BYTES_PER_SECOND);
    let tracks = reader.tracks();
    let of_track = tracks
        .iter()
        .find(|track| track.id == track_id)
        .and_then(|track| time(track.time_base, track.duration))
        .filter(plausible);
    let media = reader.media_info();
    let of_media = time(media.time_base, media.duration).filter(plausible);
    // Without a header with the frame count, MPEG and ADTS durations are guessed from the bit rate.
    let guessed = match reader.format_info().format {
        FORMAT_ID_MP1 | FORMAT_ID_MP2 | FORMAT_ID_MP3 => tracks.iter().all(|t| t.delay.is_none()),
        FORMAT_ID_ADTS => true,
        _ => false,
    };
    // Another track, video say, may be longer than the audio.
    let exact = of_track.or(of_media.filter(|_| tracks.len() == 1));
    (of_track.or(of_media), exact.filter(|_| !guessed))
}

pub(super) fn nanos(time: i128) -> Duration {
    Duration::from_nanos(u64::try_from(time.max(0)).unwrap_or(u64::MAX))
}

pub(super) fn length(frames: usize, rate: u32) -> Duration {
    Duration::from_nanos((frames as u128 * 1_000_000_000 / u128::from(rate)) as u64)
}
