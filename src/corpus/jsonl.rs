//! A corpus in JSON Lines: one object a line, blank lines skipped.

use std::io::{BufRead, BufReader, Read};

use super::index::{CorpusError, Index, LONGEST, Place, find};
use super::line::{KEYS, RawPrompt};
use crate::config::plain_json_error;
use crate::diag::nearest;
use crate::disk::Readable;

pub(super) fn index(file: Box<dyn Readable>, index: &mut Index<'_>) -> Result<(), CorpusError> {
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let (mut offset, mut number) = (0_u64, 0_u32);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(LONGEST as u64 + 1).read_until(b'\n', &mut line).map_err(|error| {
            let fault = crate::diag::Fault::new(index.shown, format!("the file cannot be read: {error}"));
            crate::diag::Faults::from(fault.help("check the file"))
        })?;
        if read == 0 {
            return Ok(());
        }
        number = number.saturating_add(1);
        let begin = offset;
        offset += read as u64;
        if line.len() > LONGEST {
            let help = "no model accepts a prompt of this size".to_owned();
            index.fault(number, "…", 0..1, "the line is longer than 16 MiB".to_owned(), help);
            // The rest of the line is no line of its own.
            offset += skip_line(&mut reader) as u64;
            continue;
        }
        let skip = if number == 1 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let Some(bytes) = line.get(skip..) else { continue };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.trim_end_matches(['\n', '\r']),
            Err(error) => {
                let good = String::from_utf8_lossy(bytes.get(..error.valid_up_to()).unwrap_or_default());
                let shown = format!("{good}\u{fffd}");
                let message = format!("the line is not UTF-8 from byte {} on", error.valid_up_to() + 1);
                let help = "save the file as UTF-8".to_owned();
                index.fault(number, &shown, good.len()..shown.len(), message, help);
                continue;
            }
        };
        if text.trim().is_empty() {
            continue;
        }
        match serde_json::from_str::<RawPrompt>(text) {
            Ok(raw) => {
                let place = Place { offset: begin + skip as u64, len: text.len(), line: number };
                index.add(raw, place, text);
            }
            Err(error) => {
                let column = error.column().saturating_sub(1).min(text.len().saturating_sub(1));
                let (message, help, name) = explain(&error);
                let span = name.and_then(|name| find(text, &name)).unwrap_or(column..column + 1);
                index.fault(number, text, span, message, help);
            }
        }
    }
}

fn skip_line(reader: &mut impl BufRead) -> usize {
    let mut skipped = 0;
    loop {
        let Ok(buffer) = reader.fill_buf() else { return skipped };
        if buffer.is_empty() {
            return skipped;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let used = end.unwrap_or(buffer.len());
        reader.consume(used);
        skipped += used;
        if end.is_some() {
            return skipped;
        }
    }
}

/// The error of serde_json, reworded: message, help, and the text to point at.
fn explain(error: &serde_json::Error) -> (String, String, Option<String>) {
    let text = plain_json_error(error);
    if let Some(rest) = text.strip_prefix("unknown field `")
        && let Some(name) = rest.split('`').next()
    {
        let help = match nearest(name, KEYS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the keys of a prompt are {}", KEYS.join(", ")),
        };
        return (format!("unknown key `{name}`"), help, Some(name.to_owned()));
    }
    match error.classify() {
        serde_json::error::Category::Data => {
            (text, format!("the keys of a prompt are {}", KEYS.join(", ")), None)
        }
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => {
            (format!("not valid JSON: {text}"), "write one JSON object per line".to_owned(), None)
        }
    }
}
