//! The recordings under `tests/data`: where they are, and that they are what their lists say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The path of a recording, such as "tts/clean_1.flac".
pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The SHA-256 of a file's bytes in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Looks until something is so, or the process ends.
#[cfg(all(feature = "whisper", feature = "cli"))]
pub fn until(child: &mut std::process::Child, mut so: impl FnMut() -> bool) {
    while child.try_wait().unwrap().is_none() && !so() {
        std::thread::yield_now();
    }
}

#[test]
fn every_recording_is_listed_with_its_checksum_and_origin() {
    let sums = std::fs::read_to_string(data("SHA256SUMS")).unwrap();
    let readme = std::fs::read_to_string(data("README.md")).unwrap();
    let mut listed = BTreeSet::new();
    for line in sums.lines() {
        let (expected, file) = line.split_once("  ").unwrap();
        assert_eq!(sha256(&std::fs::read(data(file)).unwrap()), expected, "{file}");
        let row = readme.lines().find(|row| row.starts_with(&format!("| `{file}` |")));
        assert!(row.is_some_and(|row| row.contains(expected)), "{file} is not in the README");
        listed.insert(data(file));
    }
    for folder in ["asterisk", "formats", "music", "speech_real", "tts"] {
        for entry in std::fs::read_dir(data(folder)).unwrap() {
            let path = entry.unwrap().path();
            assert!(listed.contains(&path), "{} is not in SHA256SUMS", path.display());
        }
    }
}
