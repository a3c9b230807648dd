//! The faults of a file of settings while it is being checked, each with its place.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::super::rule::Problem;
use crate::diag::{Excerpt, Fault, Faults};
use crate::disk::Disk;
use crate::ident::NameError;

/// A file of settings, and what was found wrong with it so far.
pub(super) struct Check<'a> {
    pub(super) shown: &'a str,
    pub(super) source: &'a str,
    pub(super) root: &'a Path,
    pub(super) disk: &'a Disk,
    pub(super) faults: Faults,
}

impl Check<'_> {
    pub(super) fn fault(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::new(self.shown, message).at(Excerpt::of(self.source, span)).help(help));
    }

    pub(super) fn name<T>(
        &mut self,
        typed: &Spanned<String>,
        make: impl Fn(&str) -> Result<T, NameError>,
    ) -> Option<T> {
        match make(typed.get_ref()) {
            Ok(name) => Some(name),
            Err(error @ NameError::Empty { .. }) => {
                self.fault(typed.span(), error.to_string(), "give it a name");
                None
            }
            Err(NameError::Malformed { name, what, rule }) => {
                let article = if what.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
                self.fault(typed.span(), format!("`{name}` is not {article} {what}"), rule);
                None
            }
        }
    }

    /// Every fault at the same place.
    pub(super) fn faults_at(&mut self, span: &Range<usize>, found: Vec<Problem>) {
        for problem in found {
            self.fault(span.clone(), problem.message, problem.help);
        }
    }
}

pub(super) fn line_of(source: &str, place: usize) -> usize {
    source.as_bytes().iter().take(place).filter(|byte| **byte == b'\n').count() + 1
}

/// What serde_json says, without its line and column: the caret says that.
#[must_use]
pub fn plain_json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}
