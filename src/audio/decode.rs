//! Recordings of any common format to blocks of interleaved samples, one packet in memory at a time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use symphonia::core::errors::Error;
use symphonia::core::formats::FormatReader;
use symphonia::core::formats::well_known::FORMAT_ID_MKV;
use symphonia::core::packet::Packet;

mod fault;
mod stream;

pub use fault::{DecodeError, OpenError};
use stream::{Stream, durations, in_range, is_unknown, length, make_decoder, nanos, probe};

/// What a corrupt packet stands for when neither container nor codec says.
const UNKNOWN_PACKET: Duration = Duration::from_millis(20);
/// Containers round their timestamps: a smaller jump is jitter.
const SMALLEST_GAP: Duration = Duration::from_millis(100);
/// Beyond this a jump is a broken timestamp, not a silent participant.
const LARGEST_GAP: Duration = Duration::from_secs(24 * 3600);
/// A duration hint this little short is rounding or encoder padding.
const SMALLEST_TAIL: Duration = Duration::from_millis(500);
/// Unbroken run of bad packets after which the remainder is given up.
const MOST_BAD_PACKETS: u32 = 200;

/// A stretch of a recording, as long as a packet and never more than one second of audio.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Block<'a> {
    /// Decoded audio.
    Audio {
        /// Interleaved samples, a whole number of frames, nominally in [-1, 1]. Floating-point
        /// recordings pass through as they are, non-finite samples included.
        samples: &'a [f32],
        /// Frames per second, 8000 to 192000. May change between blocks of a chained stream.
        rate: u32,
        /// Channels, 1 to 8. May change between blocks of a chained stream.
        channels: u16,
    },
    /// Time that passed in the room but cannot be decoded: corrupt, missing or cut off.
    Lost(Duration),
}

/// A recording being decoded from the start to the end; it holds the current packet only.
///
/// Reads wav, aiff, caf, flac, mp3, ogg (Vorbis, Opus, FLAC), webm and mkv, mp4 and m4a (AAC,
/// ALAC) and raw AAC. The format is told by the content, whatever the file is called.
///
/// ```
/// use earmark::audio::{OpenError, Recording};
///
/// let missing = Recording::open("no such recording.wav".as_ref());
/// assert!(matches!(missing, Err(OpenError::Unreadable { .. })));
/// ```
pub struct Recording {
    path: PathBuf,
    reader: Box<dyn FormatReader>,
    stream: Stream,
    /// The hint as shown to callers.
    duration: Option<Duration>,
    /// The hint where it is exact enough to tell that the end is missing.
    expected: Option<Duration>,
    /// Audio and losses of everything read from the file so far.
    position: Duration,
    /// Where the next packet should start, on the container's clock in nanoseconds.
    next_start: Option<i128>,
    /// Read, but waiting for the gap before it to be reported.
    held: Option<Packet>,
    samples: Vec<f32>,
    /// Samples of `samples` already handed out.
    taken: usize,
    rate: u32,
    channels: u16,
    bad_packets: u32,
    /// Demuxing with seeks; a cut-off file may need to be read front to back instead.
    may_look_ahead: bool,
    ended: bool,
}

enum Step {
    Audio,
    Lost(Duration),
    Nothing,
    End,
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("path", &self.path)
            .field("duration", &self.duration)
            .field("position", &self.position)
            .field("rate", &self.rate)
            .field("channels", &self.channels)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Recording {
    /// Opens the file at `path` and finds its first audio track that can be decoded.
    ///
    /// # Errors
    ///
    /// [`OpenError`] where the file cannot be read, is empty or a directory, is not audio, has no
    /// audio track, or has only audio outside what is supported.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let unreadable = |source| OpenError::Unreadable { path: path.into(), source };
        let file_type = std::fs::metadata(path).map_err(unreadable)?;
        if file_type.is_dir() {
            return Err(OpenError::Directory { path: path.into() });
        }
        let bytes = file_type.is_file().then_some(file_type.len());
        if bytes == Some(0) {
            return Err(OpenError::Empty { path: path.into() });
        }
        let (mut probed, mut ahead) = (probe(path, true), true);
        if bytes.is_some() && matches!(probed, Ok(Err(ref e)) if !is_unknown(e)) {
            // A container cut off short fails where its demuxer looks ahead for the missing part;
            // read from front to back it gives what is there.
            (probed, ahead) = (probe(path, false).or(probed), false);
        }
        let reader = match probed {
            Ok(Ok(reader)) => reader,
            Ok(Err(Error::IoError(source))) if source.raw_os_error().is_some() => {
                return Err(unreadable(source));
            }
            Ok(Err(error)) if !is_unknown(&error) => {
                return Err(OpenError::Damaged { path: path.into(), what: error.to_string() });
            }
            _ => return Err(OpenError::NotAudio { path: path.into() }),
        };
        let stream = Stream::choose(reader.as_ref(), path)?;
        let (duration, expected) = durations(reader.as_ref(), stream.track_id, bytes);
        Ok(Self {
            path: path.into(),
            // Only Matroska's clock starts with the recording; others may start anywhere.
            next_start: (reader.format_info().format == FORMAT_ID_MKV).then_some(0),
            reader,
            stream,
            duration,
            expected,
            position: Duration::ZERO,
            held: None,
            samples: Vec::new(),
            taken: 0,
            rate: 0,
            channels: 0,
            bad_packets: 0,
            may_look_ahead: ahead && bytes.is_some(),
            ended: false,
        })
    }

    /// What the container says of its length: a hint, absent or wrong in many recordings.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }

    /// Decodes the next block; `None` at the end, and always after that.
    ///
    /// Corrupt packets, gaps between timestamps and a missing end come as [`Block::Lost`], so that
    /// the lengths of all blocks add up to the time that passed in the room.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the disk fails or the stream turns into audio outside what is
    /// supported. The recording has ended then.
    pub fn next_block(&mut self) -> Result<Option<Block<'_>>, DecodeError> {
        while self.taken >= self.samples.len() {
            match self.advance() {
                Ok(Step::Audio | Step::Nothing) => {}
                Ok(Step::Lost(time)) => return Ok(Some(Block::Lost(time))),
                Ok(Step::End) => return Ok(None),
                Err(error) => {
                    self.ended = true;
                    return Err(error);
                }
            }
        }
        let second = self.rate as usize * usize::from(self.channels);
        let start = self.taken;
        self.taken = self.samples.len().min(start + second);
        Ok(Some(Block::Audio { samples: &self.samples[start..self.taken], rate: self.rate, channels: self.channels }))
    }

    fn advance(&mut self) -> Result<Step, DecodeError> {
        self.samples.clear();
        self.taken = 0;
        if self.ended {
            return Ok(Step::End);
        }
        if let Some(packet) = self.held.take() {
            return self.decode(&packet);
        }
        // As in `open`: a panic on hostile input is a corrupt file, and its demuxer is not used again.
        let next = catch_unwind(AssertUnwindSafe(|| self.reader.next_packet()));
        match next {
            Ok(Ok(Some(packet))) if packet.track_id != self.stream.track_id => Ok(Step::Nothing),
            Ok(Ok(Some(packet))) => match self.gap_before(&packet) {
                Some(gap) => {
                    self.held = Some(packet);
                    Ok(self.lose(gap))
                }
                None => self.decode(&packet),
            },
            Ok(Err(Error::ResetRequired)) => self.restart(),
            Ok(Err(Error::IoError(ref e))) if e.raw_os_error().is_none() && self.start_over() => Ok(Step::Nothing),
            Ok(Err(Error::DecodeError(_))) if self.start_over() => Ok(Step::Nothing),
            Ok(Err(Error::DecodeError(_))) => {
                // How much went missing shows in the timestamp of the next good packet.
                self.bad_packets += 1;
                if self.bad_packets > MOST_BAD_PACKETS { Ok(self.end()) } else { Ok(Step::Nothing) }
            }
            // The reader makes up its own end-of-file errors; those of the system carry a number.
            Ok(Err(Error::IoError(source))) if source.raw_os_error().is_some() => {
                Err(DecodeError::Unreadable { path: self.path.clone(), source })
            }
            Ok(Ok(None) | Err(_)) | Err(_) => Ok(self.end()),
        }
    }

    /// A forward jump of the container's clock: packets that were never written or are unreadable.
    fn gap_before(&self, packet: &Packet) -> Option<Duration> {
        let start = self.stream.time_base?.calc_time(packet.pts)?.as_nanos();
        let gap = nanos(start.checked_sub(self.next_start?)?);
        let most = match self.expected {
            Some(expected) => expected.saturating_sub(self.position) + SMALLEST_TAIL,
            None => LARGEST_GAP,
        };
        (gap > SMALLEST_GAP && gap <= most.min(LARGEST_GAP)).then_some(gap)
    }

    fn decode(&mut self, packet: &Packet) -> Result<Step, DecodeError> {
        let stream = &mut self.stream;
        let said = stream.time_base.map(|base| nanos(base.calc_duration_saturating(packet.dur).as_nanos()));
        let start = stream.time_base.and_then(|base| base.calc_time(packet.pts)).map(|t| t.as_nanos());
        let decoder = &mut stream.decoder;
        // A decoder's panic on a corrupt packet loses that packet; the decoder is then replaced.
        let decoded = catch_unwind(AssertUnwindSafe(|| match decoder.decode(packet) {
            Ok(buffer) => {
                let (rate, channels) = (buffer.spec().rate(), buffer.spec().channels().count());
                let supported = in_range(Some(rate), Some(channels));
                if supported.is_ok() {
                    buffer.copy_to_vec_interleaved(&mut self.samples);
                }
                Ok((rate, channels, supported))
            }
            Err(error) => Err(error),
        }));
        let panicked = decoded.is_err();
        let Ok(Ok((rate, channels, supported))) = decoded else {
            self.samples.clear();
            if panicked || matches!(decoded, Ok(Err(Error::ResetRequired))) {
                match make_decoder(&self.stream.params) {
                    Some(decoder) => self.stream.decoder = decoder,
                    None => return Ok(self.end()),
                }
            }
            return Ok(self.bad_packet(said, start));
        };
        if let Err(what) = supported {
            return Err(DecodeError::Unsupported { path: self.path.clone(), what });
        }
        let frames = self.samples.len() / channels;
        let skipped = self.stream.skip.saturating_sub(packet.trim_start.get() as usize).min(frames);
        self.stream.skip = self.stream.skip.saturating_sub(skipped + packet.trim_start.get() as usize);
        self.taken = skipped * channels;
        self.rate = rate;
        self.channels = channels as u16;
        self.bad_packets = 0;
        self.position += length(frames - skipped, rate);
        // The container's word may be missing (Matroska) or short, the decoder's lacks what it
        // trimmed: the longer one raises no false gap.
        let played = said.unwrap_or_default().max(length(frames, rate));
        self.next_start = start.map(|s| s.saturating_add(played.as_nanos() as i128));
        Ok(Step::Audio)
    }

    fn bad_packet(&mut self, said: Option<Duration>, start: Option<i128>) -> Step {
        self.bad_packets += 1;
        if self.bad_packets > MOST_BAD_PACKETS {
            return self.end();
        }
        let time = said.filter(|t| !t.is_zero() && *t <= LARGEST_GAP).unwrap_or(UNKNOWN_PACKET);
        self.next_start = start.map(|s| s.saturating_add(time.as_nanos() as i128));
        self.lose(time)
    }

    /// A chained stream starts anew, with another serial number and perhaps another codec.
    fn restart(&mut self) -> Result<Step, DecodeError> {
        self.stream = match Stream::choose(self.reader.as_ref(), &self.path) {
            Ok(stream) => stream,
            Err(OpenError::Unsupported { path, what }) => {
                return Err(DecodeError::Unsupported { path, what });
            }
            Err(_) => return Ok(self.end()),
        };
        self.next_start = None;
        // The hint speaks of the first link of the chain only.
        self.expected = None;
        self.bad_packets += 1;
        if self.bad_packets > MOST_BAD_PACKETS { Ok(self.end()) } else { Ok(Step::Nothing) }
    }

    /// Reads a file front to back whose first packet already seemed to lie beyond its end.
    fn start_over(&mut self) -> bool {
        if !self.position.is_zero() || !std::mem::take(&mut self.may_look_ahead) {
            return false;
        }
        let Ok(Ok(reader)) = probe(&self.path, false) else { return false };
        let Ok(stream) = Stream::choose(reader.as_ref(), &self.path) else { return false };
        self.reader = reader;
        self.stream = stream;
        true
    }

    fn lose(&mut self, time: Duration) -> Step {
        self.position = self.position.saturating_add(time);
        Step::Lost(time)
    }

    fn end(&mut self) -> Step {
        self.ended = true;
        let missing = self.expected.unwrap_or_default().saturating_sub(self.position);
        if missing >= SMALLEST_TAIL { self.lose(missing) } else { Step::End }
    }
}
