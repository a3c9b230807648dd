//! `pattern`: a regular expression. Gate: it matches (or does not, as asked). Truth: its first group is the expected text.

use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::judgement::{Judgement, NO_EXPECTED};
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::normalise::{Normaliser, apply};
use super::sample::{Sample, as_text};
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "pattern",
    summary: "a regular expression, and what its first group captures",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A regular expression. Where it has a group and the prompt a reference, the first group must be that reference.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The expression, in the syntax of Rust's regex crate: linear time, no look-around.
    #[schemars(with = "String")]
    regex: Spanned<String>,
    /// Whether the output must match or must not.
    #[serde(default)]
    must: Must,
    /// What is done to the output before it is matched, and to the group and the reference before they are compared.
    #[serde(default)]
    normalise: Vec<Normaliser>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Must {
    /// It must match.
    #[default]
    Match,
    /// It must not match.
    NotMatch,
}

#[derive(Debug)]
struct Pattern {
    regex: Regex,
    must: Must,
    normalise: Vec<Normaliser>,
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    let regex = compile(&settings.regex)?;
    Ok(Box::new(Pattern { regex, must: settings.must, normalise: settings.normalise }))
}

/// A regular expression of a file of the user's; one that would be huge is refused.
pub(super) fn compile(regex: &Spanned<String>) -> Result<Regex, TableError> {
    RegexBuilder::new(regex.get_ref()).size_limit(1 << 22).build().map_err(|error| {
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let help = "the syntax is that of Rust's regex crate; look-around and back-references are not in it";
        TableError::new(regex.span(), format!("this is not a regular expression: {last}"), help)
    })
}

impl Pattern {
    fn captures(&self) -> bool {
        self.must == Must::Match && self.regex.captures_len() > 1
    }
}

impl Criterion for Pattern {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let output = apply(&self.normalise, sample.output);
        match self.must {
            Must::NotMatch if self.regex.is_match(&output) => {
                return Judgement::rejected("matches the forbidden pattern");
            }
            Must::NotMatch => return Judgement::let_through(Verdict::Pass),
            Must::Match => {}
        }
        let Some(found) = self.regex.captures(&output) else {
            return Judgement::rejected("does not match the pattern");
        };
        if !self.captures() {
            return Judgement::let_through(Verdict::Pass);
        }
        let verdict = match sample.expected.map(as_text) {
            None => Verdict::Ungraded(NO_EXPECTED.to_owned()),
            Some(None) => Verdict::Ungraded("the expected answer is no text".to_owned()),
            Some(Some(expected)) => {
                let group = found.get(1).map_or("", |group| group.as_str());
                if apply(&self.normalise, group) == apply(&self.normalise, &expected) {
                    Verdict::Pass
                } else {
                    Verdict::Fail("the captured text is another than expected".to_owned())
                }
            }
        };
        Judgement::let_through(verdict)
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        self.captures()
    }
}
