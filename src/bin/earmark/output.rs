//! Where reports go: standard output or a file, in some format.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::Path;

use clap::ValueEnum;
use earmark::report::{Csv, Cues, Human, Item, Json, Jsonl, Report, Run, Source};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Human,
    /// One JSON object a line.
    Jsonl,
    /// One JSON array.
    Json,
    /// Subtitles.
    Srt,
    /// Web subtitles.
    Vtt,
    /// A table.
    Csv,
    /// A page to read and listen to (scan only).
    Html,
}

/// Why writing stopped.
pub enum Stop {
    /// The reader went away: nothing to say.
    Closed,
    /// The disk is full, the file cannot be written.
    Failed(String),
}

pub struct Output {
    out: Box<dyn Write>,
    name: String,
    report: Box<dyn Report>,
    run: Run,
    flush: bool,
}

impl Output {
    /// `format` decides unless it is `None`: then people get text on a terminal and programs get JSON lines.
    pub fn open(
        path: Option<&Path>,
        format: Option<Format>,
        lines: Jsonl,
        unmask: bool,
        run: Run,
        flush: bool,
    ) -> Result<Self, String> {
        let terminal = path.is_none() && io::stdout().is_terminal();
        let colour = terminal && anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never;
        let report: Box<dyn Report> = match format.unwrap_or(if terminal { Format::Human } else { Format::Jsonl }) {
            Format::Human => Box::new(Human { unmask, colour }),
            Format::Jsonl => Box::new(lines),
            Format::Json => Box::new(Json::new(lines)),
            Format::Srt => Box::new(Cues::srt()),
            Format::Vtt => Box::new(Cues::vtt()),
            Format::Csv => Box::new(Csv::default()),
            Format::Html => return Err("--format html: only `earmark scan` writes it".into()),
        };
        Self::with(report, path, run, flush)
    }

    /// Whatever `report` writes, into a file or standard output.
    pub fn with(report: Box<dyn Report>, path: Option<&Path>, run: Run, flush: bool) -> Result<Self, String> {
        let name = path.map_or_else(|| "standard output".into(), |path| path.display().to_string());
        let out: Box<dyn Write> = match path {
            Some(path) => Box::new(BufWriter::new(File::create(path).map_err(|e| format!("{name}: cannot be written: {e}"))?)),
            None => Box::new(BufWriter::new(io::stdout())),
        };
        Ok(Self { out, name, report, run, flush })
    }

    pub fn item(&mut self, source: &Source, item: &Item) -> Result<(), Stop> {
        let written = self.report.item(&mut self.out, &self.run, source, item);
        written.and_then(|()| if self.flush { self.out.flush() } else { Ok(()) }).map_err(|e| self.stop(&e))
    }

    pub fn finish(&mut self) -> Result<(), Stop> {
        self.report.finish(&mut self.out).map_err(|e| self.stop(&e))
    }

    pub fn flush(&mut self) -> Result<(), Stop> {
        self.out.flush().map_err(|e| self.stop(&e))
    }

    fn stop(&self, error: &io::Error) -> Stop {
        match error.kind() {
            ErrorKind::BrokenPipe => Stop::Closed,
            // A report that writes files of its own says which one it was.
            _ if error.get_ref().is_some() => Stop::Failed(error.to_string()),
            _ => Stop::Failed(format!("{}: {error}", self.name)),
        }
    }
}

/// Ends a command that could not write: quietly when nobody reads any more.
pub fn stopped(stop: Stop) -> Result<u8, String> {
    match stop {
        Stop::Closed => Ok(0),
        Stop::Failed(message) => Err(message),
    }
}
