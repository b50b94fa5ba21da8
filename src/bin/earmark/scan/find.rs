//! Which recordings the paths on the command line mean.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Files that a folder is searched for; a file named on the command line is tried whatever its name.
const EXTENSIONS: [&str; 18] = [
    "wav", "wave", "flac", "mp3", "ogg", "oga", "opus", "webm", "mkv", "mka", "m4a", "mp4", "m4b", "aac", "aif", "aiff", "caf",
    "mov",
];
/// Folders in one another; no archive is deeper.
const MAX_DEPTH: usize = 64;

/// A recording to scan, or what stands in for one that cannot be reached.
#[derive(Debug, Clone)]
pub struct Entry {
    pub path: PathBuf,
    /// Why nothing can be read there.
    pub refusal: Option<String>,
    pub bytes: u64,
}

impl Entry {
    fn file(path: PathBuf) -> Self {
        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
        Self { path, refusal: None, bytes }
    }

    fn refused(path: &Path, error: &std::io::Error) -> Self {
        let refusal = Some(format!("{}: cannot be read: {error}", path.display()));
        Self { path: path.to_owned(), refusal, bytes: 0 }
    }
}

/// The recordings in the order in which they were named, those of a folder sorted by name; each path once.
pub fn find(paths: &[PathBuf]) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
        if metadata.is_dir() {
            let before = entries.len();
            search(path, 0, &mut entries);
            if entries.len() == before {
                return Err(format!("{}: no recordings in this folder", path.display()));
            }
        } else {
            entries.push(Entry::file(path.clone()));
        }
    }
    let mut seen = HashSet::new();
    entries.retain(|entry| seen.insert(entry.path.clone()));
    Ok(entries)
}

pub fn paths(entries: &[Entry]) -> Vec<PathBuf> {
    entries.iter().map(|entry| entry.path.clone()).collect()
}

/// Recordings below `folder`; links to folders are not followed, so a loop of them cannot hold the search.
fn search(folder: &Path, depth: usize, entries: &mut Vec<Entry>) {
    let found = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let mut found = match found {
        Ok(found) => found,
        Err(e) => return entries.push(Entry::refused(folder, &e)),
    };
    found.sort_by_key(std::fs::DirEntry::file_name);
    for item in found {
        let path = item.path();
        let known = || path.extension().is_some_and(|e| EXTENSIONS.iter().any(|known| e.eq_ignore_ascii_case(known)));
        match item.file_type() {
            Ok(kind) if kind.is_dir() && depth < MAX_DEPTH => search(&path, depth + 1, entries),
            Ok(kind) if kind.is_file() && known() => entries.push(Entry::file(path)),
            // A link may lead to a recording, to a folder, or nowhere.
            Ok(kind) if kind.is_symlink() && known() && !path.is_dir() => entries.push(Entry::file(path)),
            _ => (),
        }
    }
}
