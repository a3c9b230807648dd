//! The bands of length of a task.

use std::ops::Range;

use toml::Spanned;

use super::super::raw::RawSplit;
use super::super::split::possible_bands;
use super::super::task::Task;
use super::check::Check;
use crate::ident::TaskName;
use crate::units::Tokens;

impl Check<'_> {
    /// The bounds of a task's bands, where it has some.
    pub(super) fn split(&mut self, name: &TaskName, raw: Option<Spanned<RawSplit>>) -> Vec<Tokens> {
        let Some(raw) = raw else { return Vec::new() };
        let span = raw.span();
        let typed = raw.into_inner().input_tokens;
        if typed.is_empty() {
            self.fault(
                span.clone(),
                "this split has no bound",
                "name one or more, such as input_tokens = [5000]",
            );
        }
        let mut bounds: Vec<Tokens> = Vec::new();
        for bound in &typed {
            let value = *bound.get_ref();
            if value == 0 {
                self.fault(
                    bound.span(),
                    "no request has 0 input tokens or fewer",
                    "use a bound of 1 or more",
                );
            } else if let Some(before) = bounds.last().filter(|before| before.0 >= value) {
                let message = format!("the bound {value} is not above the one before it, {before}");
                self.fault(
                    bound.span(),
                    message,
                    "order the bounds from the lowest to the highest, each once",
                );
            } else {
                bounds.push(Tokens(value));
            }
        }
        if let Some(error) = possible_bands(name, &bounds).iter().find_map(|band| band.name().err()) {
            self.fault(span, format!("a band cannot be named: {error}"), "shorten the name of the task");
        }
        bounds
    }

    /// Bands stand beside tasks, so that no task may have the name of a band.
    pub(super) fn band_names(&mut self, tasks: &[(Range<usize>, Task)]) {
        let bands: Vec<(TaskName, TaskName)> = tasks
            .iter()
            .flat_map(|(_, task)| possible_bands(&task.name, &task.split))
            .filter_map(|band| Some((band.name().ok()?, band.of)))
            .collect();
        for (place, task) in tasks {
            if let Some((_, of)) = bands.iter().find(|(name, _)| *name == task.name) {
                let message =
                    format!("`{}` is also the name of a band of task `{of}`, by its `split`", task.name);
                self.fault(place.clone(), message, "give this task another name");
            }
        }
    }
}
