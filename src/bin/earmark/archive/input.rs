//! What is recorded: a file, or raw PCM on standard input.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use clap::ValueEnum;
use earmark::audio::{Block, Recording};

/// A stretch of the input.
pub enum Piece {
    Audio { samples: Vec<f32>, rate: u32, channels: u16 },
    Lost(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    S16le,
    F32le,
}

/// The shape of raw PCM.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Raw {
    /// Frames a second of raw PCM on standard input.
    #[arg(long, value_name = "HZ", default_value_t = 16_000, value_parser = clap::value_parser!(u32).range(8_000..=192_000))]
    rate: u32,
    /// Interleaved channels of raw PCM on standard input.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=8))]
    raw_channels: u16,
    /// Sample format of raw PCM on standard input, little-endian.
    #[arg(long, value_enum, default_value_t = Encoding::S16le)]
    encoding: Encoding,
}

pub enum Message {
    Bytes(Vec<u8>),
    Failed(String),
    End,
}

/// Ends the input from elsewhere.
pub struct Stop(SyncSender<Message>);

impl Stop {
    /// False when the reader is too busy to hear it.
    pub fn stop(&self) -> bool {
        self.0.try_send(Message::End).is_ok()
    }
}

pub enum Input {
    File(Box<Recording>),
    Raw {
        raw: Raw,
        messages: Receiver<Message>,
        /// Bytes of an incomplete frame.
        rest: Vec<u8>,
    },
}

impl Input {
    pub fn open(path: &Path) -> Result<Self, String> {
        Ok(Self::File(Box::new(Recording::open(path).map_err(|e| e.to_string())?)))
    }

    /// Standard input, and what ends it.
    pub fn standard(raw: Raw) -> Result<(Self, Stop), String> {
        let (sender, messages) = sync_channel(4);
        let stop = Stop(sender.clone());
        let thread = std::thread::Builder::new().name("stdin".into());
        thread.spawn(move || read(&sender)).map_err(|e| format!("standard input: {e}"))?;
        Ok((Self::Raw { raw, messages, rest: Vec::new() }, stop))
    }

    pub fn next(&mut self) -> Result<Option<Piece>, String> {
        match self {
            Self::File(recording) => Ok(recording.next_block().map_err(|e| e.to_string())?.map(|block| match block {
                Block::Audio { samples, rate, channels } => Piece::Audio { samples: samples.to_vec(), rate, channels },
                Block::Lost(lost) => Piece::Lost(lost),
                _ => Piece::Lost(Duration::ZERO),
            })),
            Self::Raw { raw, messages, rest } => match messages.recv() {
                Ok(Message::Bytes(bytes)) => {
                    rest.extend_from_slice(&bytes);
                    let sample = if raw.encoding == Encoding::S16le { 2 } else { 4 };
                    let whole = rest.len() - rest.len() % (sample * usize::from(raw.raw_channels));
                    let complete: Vec<u8> = rest.drain(..whole).collect();
                    let samples = match raw.encoding {
                        Encoding::S16le => {
                            complete.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect()
                        }
                        Encoding::F32le => {
                            complete.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
                        }
                    };
                    Ok(Some(Piece::Audio { samples, rate: raw.rate, channels: raw.raw_channels }))
                }
                Ok(Message::Failed(problem)) => Err(problem),
                Ok(Message::End) | Err(_) => Ok(None),
            },
        }
    }
}

fn read(sender: &SyncSender<Message>) {
    let mut input = io::stdin().lock();
    loop {
        let mut piece = vec![0; 16_384];
        let message = match input.read(&mut piece) {
            Ok(0) => Message::End,
            Ok(n) => {
                piece.truncate(n);
                Message::Bytes(piece)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => Message::Failed(format!("standard input: {e}")),
        };
        let last = !matches!(message, Message::Bytes(_));
        if sender.send(message).is_err() || last {
            return;
        }
    }
}
