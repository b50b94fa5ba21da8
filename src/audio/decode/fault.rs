//! What can go wrong with a recording, told so that its owner knows what to do.

use std::io;
use std::path::PathBuf;

use symphonia::core::codecs::audio::{AudioCodecId, well_known as id};

/// Why a recording could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The system refused to read the file.
    #[error("cannot read {}: {source}; check that it exists and may be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{} is empty (0 bytes); check that the recording was written", .path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The path is a directory.
    #[error("{} is a directory; name the recordings in it", .path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// Nothing in the file looks like a known audio format.
    #[error("{} is not audio in a known format; convert it to wav, flac, mp3, ogg, webm or m4a", .path.display())]
    NotAudio {
        /// The file.
        path: PathBuf,
    },
    /// The format is known, but its headers make no sense or are missing.
    #[error("{} is damaged or incomplete: {what}; get another copy of it", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file is a known container, without audio in it.
    #[error("{} has no audio track; check that sound was recorded", .path.display())]
    NoAudioTrack {
        /// The file.
        path: PathBuf,
    },
    /// The audio is of a kind that is not decoded.
    #[error("{} has {what}, which is not supported; convert it to 16-bit wav or flac", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not supported, such as a codec or a sample rate.
        what: String,
    },
}

/// Why a recording stopped being decoded before its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The system failed to read on.
    #[error("cannot read on in {}: {source}; check the disk and start again", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The stream turned into audio of a kind that is not decoded.
    #[error("{} goes on with {what}, which is not supported; convert it to 16-bit wav or flac", .path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What is not supported, such as a codec or a sample rate.
        what: String,
    },
}

pub(super) fn codec_name(codec: AudioCodecId) -> String {
    let name = match codec {
        id::CODEC_ID_AC3 | id::CODEC_ID_EAC3 => "AC-3 audio",
        id::CODEC_ID_DCA => "DTS audio",
        id::CODEC_ID_WMA => "WMA audio",
        id::CODEC_ID_SPEEX => "Speex audio",
        id::CODEC_ID_MP1 | id::CODEC_ID_MP2 => "MPEG layer 1 or 2 audio",
        id::CODEC_ID_AAC => "AAC audio of an unusual kind",
        id::CODEC_ID_OPUS => "Opus audio with more than two channels",
        id::CODEC_ID_WAVPACK => "WavPack audio",
        _ => "audio of an unknown codec",
    };
    name.into()
}

#[cfg(test)]
mod tests {
    use super::super::Recording;
    use super::*;

    fn open(name: &str, bytes: &[u8]) -> String {
        let folder = std::env::temp_dir().join(format!("earmark-decode-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        std::fs::remove_file(&path).unwrap();
        assert!(error.contains(name) && !error.contains('\n'), "{error}");
        error
    }

    #[test]
    fn an_empty_file_is_called_empty() {
        assert!(open("empty.wav", b"").contains("0 bytes"));
    }

    #[test]
    fn text_called_wav_is_not_audio() {
        assert!(open("text.wav", &b"hello world\n".repeat(1000)).contains("not audio"));
    }

    #[test]
    fn a_single_byte_is_not_audio() {
        assert!(open("byte.mp3", b"R").contains("not audio"));
    }

    #[test]
    fn a_directory_is_called_a_directory() {
        let error = Recording::open(&std::env::temp_dir()).unwrap_err();
        assert!(matches!(error, OpenError::Directory { .. }), "{error}");
    }

    #[test]
    fn a_rate_out_of_range_is_named() {
        let mut wav = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
        wav.extend(4_000u32.to_le_bytes());
        wav.extend(8_000u32.to_le_bytes());
        wav.extend(b"\x02\0\x10\0data\x08\0\0\0\0\0\0\0\0\0\0\0");
        assert!(open("slow.wav", &wav).contains("4000 Hz"));
    }
}
