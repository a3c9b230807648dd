//! `word_count`: how many words the output has. A gate.

use schemars::JsonSchema;
use serde::Deserialize;

use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "word_count",
    summary: "a number of words, exactly or within bounds",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A number of words: runs of anything but white space.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Exactly so many.
    exact: Option<usize>,
    /// The minimum number of words.
    min: Option<usize>,
    /// So many at most.
    max: Option<usize>,
}

#[derive(Debug)]
struct WordCount {
    min: usize,
    max: usize,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let span = table.span();
    let bounds = match settings::<Settings>(table)? {
        Settings { exact: Some(exact), min: None, max: None } => WordCount { min: exact, max: exact },
        Settings { exact: None, min: None, max: None } | Settings { exact: Some(_), .. } => {
            let help = "write exact = 50, or min = 10 and max = 60, or one of these two";
            return Err(TableError::new(span, "the bounds are missing, or there are too many", help));
        }
        Settings { exact: None, min, max } => {
            WordCount { min: min.unwrap_or(0), max: max.unwrap_or(usize::MAX) }
        }
    };
    if bounds.min > bounds.max {
        return Err(TableError::new(span, "min is above max", "swap them"));
    }
    Ok(Box::new(bounds))
}

impl Criterion for WordCount {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let count = sample.output.split_whitespace().count();
        if count < self.min {
            Judgement::rejected("too few words")
        } else if count > self.max {
            Judgement::rejected("too many words")
        } else {
            Judgement::let_through(Verdict::Pass)
        }
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}
