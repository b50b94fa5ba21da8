//! Subtitles and tables: SRT, WebVTT and CSV.

use std::io::{self, Write};

use crate::event::{Event, TranscriptState};
use crate::report::{Item, Report, Run, Source};
use crate::time::{MediaSpan, MediaTime};

/// Transcripts and flags as cues or rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cues {
    /// SubRip; the number of cues so far.
    Srt(u64),
    /// WebVTT; whether its header is written.
    Vtt(bool),
    /// Comma-separated values; whether its header is written.
    Csv(bool),
}

fn stamp(time: MediaTime, point: char) -> String {
    let ms = time.ticks() / 16;
    format!("{:02}:{:02}:{:02}{point}{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000)
}

fn field(text: &str) -> String {
    // A spreadsheet runs what begins with one of these.
    let text = if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

impl Cues {
    fn cue(&mut self, out: &mut dyn Write, span: MediaSpan, speaker: &str, text: &str) -> io::Result<()> {
        match self {
            Self::Srt(count) => {
                *count += 1;
                writeln!(out, "{count}\n{} --> {}\n{speaker}: {text}\n", stamp(span.start, ','), stamp(span.end, ','))
            }
            Self::Vtt(_) => {
                let safe = text.replace('&', "&amp;").replace('<', "&lt;").replace("-->", "--&gt;");
                writeln!(out, "{} --> {}\n<v {speaker}>{safe}\n", stamp(span.start, '.'), stamp(span.end, '.'))
            }
            Self::Csv(_) => Ok(()),
        }
    }

    fn header(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (done, header) = match self {
            Self::Srt(_) => return Ok(()),
            Self::Vtt(done) => (done, "WEBVTT\n"),
            Self::Csv(done) => (done, "source,room,speaker,type,start,end,category,severity,confidence,match,text,rule,reason"),
        };
        if std::mem::replace(done, true) { Ok(()) } else { writeln!(out, "{header}") }
    }

    fn row(out: &mut dyn Write, source: &Source, kind: &str, span: MediaSpan, rest: [&str; 7]) -> io::Result<()> {
        let (start, end) = (format!("{:.3}", span.start.as_secs_f64()), format!("{:.3}", span.end.as_secs_f64()));
        let head = [source.source.as_deref().unwrap_or_default(), &source.room, &source.speaker, kind, &start, &end];
        let fields: Vec<String> = head.into_iter().chain(rest).map(field).collect();
        writeln!(out, "{}", fields.join(","))
    }
}

impl Report for Cues {
    fn item(&mut self, out: &mut dyn Write, _: &Run, source: &Source, item: &Item) -> io::Result<()> {
        self.header(out)?;
        let csv = matches!(self, Self::Csv(_));
        match item {
            Item::Event(Event::Transcript(said)) if said.state == TranscriptState::Final => {
                let confidence = format!("{:.3}", said.confidence);
                if csv {
                    return Self::row(out, source, "transcript", said.span, ["", "", &confidence, "", &said.text, "", ""]);
                }
                self.cue(out, said.span, &source.speaker, &said.text)
            }
            Item::Event(Event::Flag(flag)) => {
                let (category, severity, confidence) =
                    (flag.category.as_str(), flag.severity.as_str(), format!("{:.3}", flag.confidence));
                if csv {
                    let rest = [category, severity, &confidence, &flag.matched, &flag.text, &flag.rule, &flag.reason];
                    return Self::row(out, source, "flag", flag.span, rest);
                }
                self.cue(out, flag.span, &source.speaker, &format!("[{severity} {category}] {}", flag.reason))
            }
            Item::Error(message) if csv => {
                Self::row(out, source, "error", MediaSpan::default(), ["", "", "", "", message, "", ""])
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_disarmed() {
        assert_eq!(field("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(field("=1+1"), "'=1+1");
        assert_eq!(stamp(MediaTime::from_ticks(16_000 * 3_661 + 8), ','), "01:01:01,000");
    }
}
