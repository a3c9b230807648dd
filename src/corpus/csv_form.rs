//! A corpus in CSV: a header with the keys of a prompt, a record a prompt.
//!
//! `messages`, `vars` and `params` are JSON. `expected` is JSON where it parses as such, else a text. `tags` are
//! separated by `;` or `|`.

use std::io::SeekFrom;

use serde_json::Value;

use super::index::{CorpusError, Index, LONGEST, Place, find};
use super::line::{Column, KEYS, RawPrompt};
use crate::diag::{Fault, Faults, nearest};
use crate::disk::Readable;

pub(super) fn index(mut file: Box<dyn Readable>, index: &mut Index<'_>) -> Result<Vec<Column>, CorpusError> {
    let base = skip_bom(&mut *file)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<Vec<Column>> = None;
    let mut pending: Option<(Place, csv::ByteRecord)> = None;
    loop {
        let at = reader.position().clone();
        let more = reader.read_byte_record(&mut record).map_err(|error| {
            Faults::from(
                Fault::new(index.shown, format!("the file cannot be read as CSV: {error}"))
                    .help("check its quotes"),
            )
        })?;
        // The reader tells where a record begins, so the one before ends there.
        if let Some((mut place, before)) = pending.take() {
            place.len = usize::try_from(at.byte() + base - place.offset).unwrap_or(usize::MAX);
            if let Some(columns) = &columns {
                add(index, place, &before, columns);
            }
        }
        if !more {
            break;
        }
        let number =
            u32::try_from(record.position().map_or(at.line(), csv::Position::line)).unwrap_or(u32::MAX);
        if columns.is_none() {
            columns = Some(header(index, &record, number)?);
            continue;
        }
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let begin = record.position().map_or(at.byte(), csv::Position::byte);
        pending = Some((Place { offset: begin + base, len: 0, line: number }, record.clone()));
    }
    Ok(columns.unwrap_or_default())
}

fn skip_bom(file: &mut dyn Readable) -> Result<u64, CorpusError> {
    let mut head = [0; 3];
    let read = file.read(&mut head).unwrap_or_default();
    let base = if head.get(..read) == Some(b"\xef\xbb\xbf".as_slice()) { 3 } else { 0 };
    file.seek(SeekFrom::Start(base))
        .map_err(|_| CorpusError::Changed { path: "the corpus".to_owned(), line: 1 })?;
    Ok(base)
}

fn header(index: &Index<'_>, record: &csv::ByteRecord, number: u32) -> Result<Vec<Column>, CorpusError> {
    let mut faults = Faults::default();
    let mut columns = Vec::new();
    let line = record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",");
    for name in record {
        let name = String::from_utf8_lossy(name);
        let name = name.trim();
        match KEYS.iter().position(|key| *key == name) {
            Some(at) if columns.contains(&at) => {
                let excerpt = crate::diag::Excerpt::of_line(number as usize, &line, 0..line.len());
                let fault = Fault::new(index.shown, format!("there are two columns named `{name}`"));
                faults.push(fault.at(excerpt).help("keep one of them"));
            }
            Some(at) => columns.push(at),
            None => {
                let span = find(&line, name).unwrap_or(0..line.len());
                let help = match nearest(name, KEYS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the columns of a corpus are {}", KEYS.join(", ")),
                };
                let excerpt = crate::diag::Excerpt::of_line(number as usize, &line, span);
                let fault = Fault::new(index.shown, format!("unknown column `{}`", name.escape_debug()));
                faults.push(fault.at(excerpt).help(help));
            }
        }
    }
    Ok(faults.into_result(columns)?)
}

fn add(index: &mut Index<'_>, place: Place, record: &csv::ByteRecord, columns: &[Column]) {
    let shown =
        record.iter().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",").replace(['\n', '\r'], " ");
    let fail = |index: &mut Index<'_>, message: String, help: &str| {
        index.fault(place.line, &shown, 0..shown.len(), message, help.to_owned());
    };
    if place.len > LONGEST {
        fail(index, "the record is longer than 16 MiB".to_owned(), "no model accepts a prompt of this size");
        return;
    }
    if record.len() != columns.len() {
        let message = format!("the record has {} fields, the header has {}", record.len(), columns.len());
        fail(index, message, "quote fields that hold commas or line breaks");
        return;
    }
    let mut cells = Vec::with_capacity(columns.len());
    for cell in record {
        match std::str::from_utf8(cell) {
            Ok(cell) => cells.push(cell),
            Err(_) => {
                fail(index, "the record is not UTF-8".to_owned(), "save the file as UTF-8");
                return;
            }
        }
    }
    match raw(&cells, columns) {
        Ok(raw) => index.add(raw, place, &shown),
        Err(message) => fail(index, message, "see `route-prof schema corpus` for what each column holds"),
    }
}

/// Reads one record again.
pub(super) fn record(text: &str, columns: &[Column]) -> Option<RawPrompt> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let record = reader.records().next()?.ok()?;
    let cells: Vec<&str> = record.iter().collect();
    raw(&cells, columns).ok()
}

fn raw(cells: &[&str], columns: &[Column]) -> Result<RawPrompt, String> {
    fn json<T: serde::de::DeserializeOwned>(name: &str, cell: &str) -> Result<Option<T>, String> {
        serde_json::from_str(cell).map(Some).map_err(|error| {
            format!("`{name}` is not valid JSON: {}", crate::config::plain_json_error(&error))
        })
    }
    let mut prompt = RawPrompt::default();
    for (cell, column) in cells.iter().zip(columns) {
        let name = KEYS.get(*column).copied().unwrap_or_default();
        if cell.is_empty() {
            continue;
        }
        let text = || Some((*cell).to_owned());
        match name {
            "id" => prompt.id = text(),
            "task" => prompt.task = text(),
            "prompt" => prompt.prompt = text(),
            "system" => prompt.system = text(),
            "oracle" => prompt.oracle = text(),
            "cluster" => prompt.cluster = text(),
            "messages" => prompt.messages = json(name, cell)?,
            "vars" => prompt.vars = json(name, cell)?,
            "params" => prompt.params = json(name, cell)?.unwrap_or_default(),
            "expected" => {
                let value = serde_json::from_str(cell).unwrap_or_else(|_| Value::String((*cell).to_owned()));
                prompt.expected = Some(value);
            }
            "weight" => {
                let number = cell
                    .trim()
                    .parse::<f64>()
                    .map_err(|_| format!("the weight `{}` is not a number", cell.escape_debug()))?;
                prompt.weight = Some(number);
            }
            "max_output_tokens" => {
                let number = cell.trim().parse().map_err(|_| {
                    format!("max_output_tokens `{}` is not a whole number", cell.escape_debug())
                })?;
                prompt.max_output_tokens = Some(number);
            }
            "tags" => {
                let tags = cell.split([';', '|']).map(str::trim).filter(|tag| !tag.is_empty());
                prompt.tags = tags.map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    Ok(prompt)
}
