//! `is_xml`: one well-formed element as the whole output, with the elements that are asked for. A gate.

use std::collections::BTreeSet;

use quick_xml::Reader;
use quick_xml::events::Event;
use schemars::JsonSchema;
use serde::Deserialize;

use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const IS_XML: Kind = Kind {
    name: "is_xml",
    summary: "the whole output is well-formed XML, with the elements that are asked for",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// The deepest nesting that is read.
const DEEPEST: usize = 200;
/// The longest text that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Well-formed XML.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Elements that must be there, each as a path from the root: `analysis.root_cause`.
    #[serde(default)]
    required_elements: Vec<String>,
}

#[derive(Debug)]
struct Xml {
    required: Vec<String>,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let Settings { required_elements } = settings(table)?;
    Ok(Box::new(Xml { required: required_elements }))
}

/// Keeps the path of an element that is asked for.
fn note(open: &[String], wanted: &[String], found: &mut BTreeSet<String>) {
    let is = |path: &&String| path.split('.').eq(open.iter().map(String::as_str));
    if let Some(path) = wanted.iter().find(is) {
        found.insert(path.clone());
    }
}

/// The paths that are asked for and there; `None` if the text is not one well-formed element.
fn paths(text: &str, wanted: &[String]) -> Option<BTreeSet<String>> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().check_end_names = true;
    let (mut open, mut paths, mut roots): (Vec<String>, _, _) = (Vec::new(), BTreeSet::new(), 0);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                roots += usize::from(open.is_empty());
                open.push(start.name().as_ref().to_owned());
                if open.len() > DEEPEST || start.attributes().any(|attribute| attribute.is_err()) {
                    return None;
                }
                note(&open, wanted, &mut paths);
            }
            Event::Empty(empty) => {
                roots += usize::from(open.is_empty());
                if empty.attributes().any(|attribute| attribute.is_err()) {
                    return None;
                }
                open.push(empty.name().as_ref().to_owned());
                note(&open, wanted, &mut paths);
                open.pop();
            }
            Event::End(_) => {
                open.pop()?;
            }
            Event::Text(text) if open.is_empty() && !text.trim().is_empty() => return None,
            Event::CData(_) | Event::GeneralRef(_) if open.is_empty() => return None,
            Event::Eof => return (open.is_empty() && roots == 1).then_some(paths),
            Event::Text(_)
            | Event::CData(_)
            | Event::GeneralRef(_)
            | Event::Comment(_)
            | Event::Decl(_)
            | Event::PI(_)
            | Event::DocType(_) => {}
        }
    }
}

impl Criterion for Xml {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        if sample.output.len() > LONGEST {
            return Judgement::ungraded("the output is too long to be read as XML");
        }
        match paths(sample.output.trim(), &self.required) {
            None => Judgement::rejected("the output is no well-formed XML"),
            Some(found) if self.required.iter().all(|path| found.contains(path)) => {
                Judgement::let_through(Verdict::Pass)
            }
            Some(_) => Judgement::rejected("a required element is missing"),
        }
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}
