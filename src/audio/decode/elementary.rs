//! The sound of a transport stream, or of bare frames cut into segments, as packets with times.

use std::collections::VecDeque;
use std::io;

use symphonia::core::audio::layouts;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_AAC, CODEC_ID_MP1, CODEC_ID_MP2, CODEC_ID_MP3};
use symphonia::core::errors::{Error, Result, SeekErrorKind, seek_error};
use symphonia::core::formats::{FORMAT_ID_NULL, FormatInfo, FormatReader, MediaInfo, SeekMode, SeekTo, SeekedTo, Track};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::{Metadata, MetadataLog};
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, TimeBase, Timestamp};

use super::frame::{Frame, Split};
use super::segments::{Chunk, Segments};
use super::transport::{self, Coding, Piece, Transport};

/// Ticks a second of a transport stream's clock.
const CLOCK: u64 = 90_000;
/// Sound is found within this many bytes of a transport stream, or it has none.
const MAX_SEARCH: usize = 4 << 20;
/// Bytes of sound held at most; a frame has up to eight thousand.
const MAX_HELD: usize = 1 << 20;
/// Bytes of a transport stream read at a time.
const READ: usize = 1 << 16;

/// What the bytes of a file are.
enum Wrapping {
    Transport {
        transport: Transport,
        stride: usize,
        offset: usize,
    },
    /// Frames and, before them, the times that HLS puts into ID3 tags.
    Bare,
}

/// A reader of sound frames.
pub(super) struct Elementary {
    source: Segments,
    wrapping: Wrapping,
    coding: Coding,
    /// Bytes of the container not yet taken apart.
    raw: Vec<u8>,
    /// Bytes of sound not yet cut into frames, and how many were before them.
    sound: Vec<u8>,
    before: u64,
    /// Times by the position of the first byte that they belong to.
    times: VecDeque<(u64, i64)>,
    /// Time missing, by the position of the first byte after it.
    skips: VecDeque<(u64, i64)>,
    /// The clock of the next frame: a time and the samples since.
    clock: i64,
    samples: u64,
    rate: u32,
    /// Added to every time, so that joined recordings follow one another.
    shift: i64,
    rejoin: bool,
    ended: bool,
    tracks: Vec<Track>,
    metadata: MetadataLog,
}

impl Elementary {
    /// Reads up to the first frame. `head` is the beginning of the first file.
    pub(super) fn open(source: Segments, head: &[u8]) -> std::result::Result<Self, Problem> {
        let (wrapping, coding) = match transport::layout(head) {
            Some((stride, offset)) => (Wrapping::Transport { transport: Transport::default(), stride, offset }, None),
            None => (Wrapping::Bare, Frame::coding(head)),
        };
        let mut reader = Self {
            source,
            wrapping,
            coding: coding.unwrap_or(Coding::Adts),
            raw: Vec::new(),
            sound: Vec::new(),
            before: 0,
            times: VecDeque::new(),
            skips: VecDeque::new(),
            clock: 0,
            samples: 0,
            rate: 48_000,
            shift: 0,
            rejoin: false,
            ended: false,
            tracks: Vec::new(),
            metadata: MetadataLog::default(),
        };
        let first = reader.find_first()?;
        reader.rate = first.rate;
        let mut parameters = AudioCodecParameters::new();
        parameters.for_codec(match (reader.coding, first.layer) {
            (Coding::Adts, _) => CODEC_ID_AAC,
            (Coding::Mpeg, 1) => CODEC_ID_MP1,
            (Coding::Mpeg, 2) => CODEC_ID_MP2,
            (Coding::Mpeg, _) => CODEC_ID_MP3,
        });
        parameters.with_sample_rate(first.rate);
        parameters.with_channels(if first.channels == 1 { layouts::CHANNEL_LAYOUT_MONO } else { layouts::CHANNEL_LAYOUT_STEREO });
        let mut track = Track::new(0);
        track.with_codec_params(CodecParameters::Audio(parameters));
        track.time_base = TimeBase::try_from_recip(CLOCK as u32);
        track.start_ts = Timestamp::new(reader.clock);
        reader.tracks.push(track);
        Ok(reader)
    }

    fn find_first(&mut self) -> std::result::Result<Frame, Problem> {
        let mut searched = 0;
        loop {
            match Frame::split(self.coding, &self.sound, self.ended) {
                Split::Frame(frame) => return Ok(frame),
                Split::Skip(bytes) => {
                    self.drop_sound(bytes);
                    searched += bytes;
                }
                Split::More if self.ended => return Err(self.nothing()),
                Split::More => {}
            }
            if searched > MAX_SEARCH {
                return Err(self.nothing());
            }
            let held = self.sound.len();
            let read = self.fill().map_err(Problem::Io)?;
            searched += if self.sound.len() == held { read } else { 0 };
        }
    }

    fn nothing(&self) -> Problem {
        match &self.wrapping {
            Wrapping::Transport { transport: Transport { foreign: Some(what), .. }, .. } => Problem::Foreign(what),
            _ => Problem::NoSound,
        }
    }

    fn drop_sound(&mut self, bytes: usize) {
        self.sound.drain(..bytes);
        self.before += bytes as u64;
    }

    /// Reads on; gives the number of bytes read, 0 at a border or at the end.
    fn fill(&mut self) -> io::Result<usize> {
        let held = self.raw.len();
        match self.source.read_chunk(&mut self.raw, READ)? {
            Chunk::Bytes => {}
            Chunk::Joined { elsewhere } => {
                if elsewhere {
                    self.break_off();
                    self.rejoin = true;
                }
                return Ok(0);
            }
            Chunk::Missing(length) => {
                self.break_off();
                // A transport stream's times tell of it; bare frames may have none.
                if matches!(self.wrapping, Wrapping::Bare) {
                    let at = self.before + self.sound.len() as u64;
                    self.skips.push_back((at, (length.as_secs_f64() * CLOCK as f64) as i64));
                }
                return Ok(0);
            }
            Chunk::End => {
                self.ended = true;
            }
        }
        let read = self.raw.len() - held;
        match &self.wrapping {
            Wrapping::Bare => self.take_bare(),
            Wrapping::Transport { .. } => self.take_packets(),
        }
        Ok(read)
    }

    /// What was begun does not go on.
    fn break_off(&mut self) {
        self.raw.clear();
        if let Wrapping::Transport { transport, .. } = &mut self.wrapping {
            transport.restart();
        }
    }

    fn take_bare(&mut self) {
        let mut raw = std::mem::take(&mut self.raw);
        while let Some((length, time)) = id3(&raw) {
            if raw.len() < length && !self.ended {
                self.raw = raw;
                return;
            }
            if let Some(time) = time {
                self.date(time);
            }
            raw.drain(..length.min(raw.len()));
        }
        self.sound.append(&mut raw);
    }

    fn take_packets(&mut self) {
        let raw = std::mem::take(&mut self.raw);
        let Wrapping::Transport { transport, stride, offset } = &mut self.wrapping else { return };
        let (stride, offset) = (*stride, *offset);
        let mut at = offset.min(raw.len());
        let (mut dated, mut sound) = (Vec::new(), std::mem::take(&mut self.sound));
        while at + 188 <= raw.len() {
            if raw[at] != 0x47 {
                match transport::next_packet(&raw, at, stride) {
                    Some(next) => at = next,
                    None => {
                        at = raw.len().saturating_sub(187).max(at);
                        break;
                    }
                }
            }
            match transport.packet(&raw[at..at + 188]) {
                Some(Piece::Sound { pts, bytes }) => {
                    if let Some(pts) = pts {
                        dated.push((self.before + sound.len() as u64, pts));
                    }
                    sound.extend(bytes);
                }
                // The frame that was cut off can't be told from the one that follows: only time tells.
                Some(Piece::Hole) | None => {}
            }
            at += stride;
        }
        if let Some(coding) = transport.coding() {
            self.coding = coding;
        }
        self.sound = sound;
        for (position, pts) in dated {
            self.date_at(position, pts);
        }
        self.raw = raw.get(at.saturating_sub(offset)..).unwrap_or_default().to_vec();
        if self.sound.len() > MAX_HELD {
            let surplus = self.sound.len() - MAX_HELD;
            self.drop_sound(surplus);
        }
    }

    fn date(&mut self, time: u64) {
        self.date_at(self.before + self.sound.len() as u64, time);
    }

    /// Notes the time of the frame that begins at a position, made continuous: 33 bits wrap after 26 hours.
    fn date_at(&mut self, position: u64, time: u64) {
        const WRAP: i64 = 1 << 33;
        let last = self.times.back().map_or_else(|| self.now(), |(_, time)| *time);
        let near = last - self.shift;
        let time = i64::try_from(time).unwrap_or(0);
        let mut time = near + (time - near + WRAP / 2).rem_euclid(WRAP) - WRAP / 2;
        if std::mem::take(&mut self.rejoin) || self.tracks.is_empty() && self.times.is_empty() {
            // Another recording's clock says nothing about the distance to this one.
            self.shift = last - time;
        }
        time += self.shift;
        self.times.push_back((position, time));
    }

    fn now(&self) -> i64 {
        self.clock + (self.samples * CLOCK / u64::from(self.rate.max(1))) as i64
    }

    fn next_frame(&mut self) -> io::Result<Option<Packet>> {
        loop {
            match Frame::split(self.coding, &self.sound, self.ended) {
                Split::Frame(frame) => {
                    while self.skips.front().is_some_and(|(position, _)| *position <= self.before) {
                        self.clock += self.skips.pop_front().map_or(0, |(_, skip)| skip);
                    }
                    let mut dated = false;
                    while self.times.front().is_some_and(|(position, _)| *position <= self.before) {
                        if let Some((_, time)) = self.times.pop_front() {
                            (self.clock, dated) = (time, true);
                        }
                    }
                    if dated {
                        self.samples = 0;
                    }
                    let pts = self.now();
                    self.rate = frame.rate;
                    let duration = u64::from(frame.samples) * CLOCK / u64::from(frame.rate.max(1));
                    self.samples += u64::from(frame.samples);
                    let data = self.sound[frame.header..frame.length].to_vec();
                    self.drop_sound(frame.length);
                    return Ok(Some(Packet::new(0, Timestamp::new(pts), Duration::from(duration), data)));
                }
                Split::Skip(bytes) => self.drop_sound(bytes),
                Split::More if self.ended => return Ok(None),
                Split::More => {
                    self.fill()?;
                }
            }
        }
    }
}

/// Why a stream cannot be opened.
pub(super) enum Problem {
    Io(io::Error),
    /// Sound in a coding that is not decoded.
    Foreign(&'static str),
    NoSound,
}

/// The length of an ID3 tag at the start of `bytes`, and the transport stream's time that HLS writes into it.
fn id3(bytes: &[u8]) -> Option<(usize, Option<u64>)> {
    const OWNER: &[u8] = b"com.apple.streaming.transportStreamTimestamp\0";
    let [b'I', b'D', b'3', _, _, _, a, b, c, d, ..] = *bytes else { return None };
    let length = [a, b, c, d].into_iter().fold(0, |length, byte| length << 7 | usize::from(byte & 0x7f));
    let tag = bytes.get(10..10 + length).unwrap_or_default();
    let owner = tag.windows(OWNER.len()).position(|window| window == OWNER);
    let time = owner.and_then(|at| tag.get(at + OWNER.len()..)?.first_chunk::<8>().copied());
    Some((10 + length, time.map(|time| u64::from_be_bytes(time) & 0x1_ffff_ffff)))
}

impl FormatReader for Elementary {
    fn format_info(&self) -> &FormatInfo {
        static INFO: FormatInfo = FormatInfo { format: FORMAT_ID_NULL, short_name: "ts", long_name: "MPEG transport stream" };
        &INFO
    }

    fn media_info(&self) -> &MediaInfo {
        static INFO: std::sync::OnceLock<MediaInfo> = std::sync::OnceLock::new();
        INFO.get_or_init(MediaInfo::default)
    }

    fn metadata(&mut self) -> Metadata<'_> {
        self.metadata.metadata()
    }

    fn seek(&mut self, _mode: SeekMode, _to: SeekTo) -> Result<SeekedTo> {
        seek_error(SeekErrorKind::Unseekable)
    }

    fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    fn next_packet(&mut self) -> Result<Option<Packet>> {
        self.next_frame().map_err(Error::IoError)
    }

    fn into_inner<'s>(self: Box<Self>) -> MediaSourceStream<'s>
    where
        Self: 's,
    {
        MediaSourceStream::new(Box::new(self.source), Default::default())
    }
}
