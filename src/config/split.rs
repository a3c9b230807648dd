//! A task in bands of length, each decided by itself.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ident::{NameError, TaskName};
use crate::units::Tokens;

/// The requests of a task whose estimated input is of a certain length: a task of its own wherever tasks are decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LengthBand {
    /// The task.
    pub of: TaskName,
    /// Requests of more estimated input tokens than this; `None` without a lower bound.
    pub input_tokens_above: Option<Tokens>,
    /// Requests of at most so many estimated input tokens; `None` without an upper bound.
    pub input_tokens_up_to: Option<Tokens>,
}

impl LengthBand {
    /// Whether a request of that many estimated input tokens is of this band.
    #[must_use]
    pub fn contains(&self, input: Tokens) -> bool {
        self.input_tokens_above.is_none_or(|above| input > above)
            && self.input_tokens_up_to.is_none_or(|up_to| input <= up_to)
    }

    /// The band in words, such as `over 5000`.
    #[must_use]
    pub fn words(&self) -> String {
        match (self.input_tokens_above, self.input_tokens_up_to) {
            (None, None) => "of any length".to_owned(),
            (None, Some(up_to)) => format!("up to {up_to}"),
            (Some(above), None) => format!("over {above}"),
            (Some(above), Some(up_to)) => format!("{} to {up_to}", above.0.saturating_add(1)),
        }
    }

    /// The name of the band in tables and files, such as `summarise.over-5000`.
    ///
    /// # Errors
    /// When the name is too long for a task.
    pub fn name(&self) -> Result<TaskName, NameError> {
        TaskName::new(&format!("{}.{}", self.of, self.words().replace(' ', "-")))
    }
}

/// The bands between rising bounds, shortest requests first.
#[must_use]
pub fn length_bands(of: &TaskName, bounds: &[Tokens]) -> Vec<LengthBand> {
    let above = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let up_to = bounds.iter().copied().map(Some).chain(std::iter::once(None));
    above
        .zip(up_to)
        .map(|(above, up_to)| LengthBand {
            of: of.clone(),
            input_tokens_above: above,
            input_tokens_up_to: up_to,
        })
        .collect()
}

/// Those bands, and every one that comes of merging neighbours, short of the whole task.
#[must_use]
pub(super) fn possible_bands(of: &TaskName, bounds: &[Tokens]) -> Vec<LengthBand> {
    let bands = length_bands(of, bounds);
    let merged = |from: usize, to: usize| {
        let (first, last) = (bands.get(from)?, bands.get(to)?);
        let whole = first.input_tokens_above.is_none() && last.input_tokens_up_to.is_none();
        (!whole).then(|| LengthBand { input_tokens_up_to: last.input_tokens_up_to, ..first.clone() })
    };
    let all = (0..bands.len()).flat_map(|from| (from..bands.len()).map(move |to| (from, to)));
    all.filter_map(|(from, to)| merged(from, to)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_of_exactly_one_band_and_every_band_has_a_name_of_its_own() {
        let task = TaskName::new("summarise").unwrap();
        let bands = length_bands(&task, &[Tokens(1000), Tokens(5000)]);
        let names: Vec<String> = bands.iter().map(|band| band.name().unwrap().to_string()).collect();
        assert_eq!(names, ["summarise.up-to-1000", "summarise.1001-to-5000", "summarise.over-5000"]);
        for (input, expected) in [(0, 0), (1000, 0), (1001, 1), (5000, 1), (5001, 2), (u64::MAX, 2)] {
            let of: Vec<usize> = (0..3).filter(|at| bands[*at].contains(Tokens(input))).collect();
            assert_eq!(of, [expected], "{input}");
        }
        let long = TaskName::new(&"x".repeat(60)).unwrap();
        assert!(length_bands(&long, &[Tokens(1000)])[0].name().is_err());
    }
}
