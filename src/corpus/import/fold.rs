//! Frequency as weight: prompts that are the same, or nearly so, become one line that weighs as much as all of them.

use std::collections::BTreeMap;

use crate::corpus::{RawPrompt, near};

/// Folds near-duplicates of the same task, system text and oracle into the first of them, adding up their weights. Returns
/// how many lines went.
pub fn fold(lines: Vec<RawPrompt>, least: f64) -> (Vec<RawPrompt>, usize) {
    let before = lines.len();
    // Prompts that are graded or asked otherwise are other prompts.
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, line) in lines.iter().enumerate() {
        let key =
            serde_json::json!([line.task, line.system, line.oracle, line.expected, line.params, line.tags]);
        groups.entry(key.to_string()).or_default().push(at);
    }
    let mut stands_for: Vec<usize> = (0..lines.len()).collect();
    for group in groups.values() {
        let texts: Vec<String> = group.iter().filter_map(|at| lines.get(*at)).map(text).collect();
        for (own, other) in near::representatives(&texts, least).into_iter().enumerate() {
            if let (Some(own), Some(other)) = (group.get(own), group.get(other))
                && let Some(slot) = stands_for.get_mut(*own)
            {
                *slot = *other;
            }
        }
    }
    let mut weights = vec![0.0; lines.len()];
    for (line, at) in lines.iter().zip(&stands_for) {
        if let Some(weight) = weights.get_mut(*at) {
            *weight = (*weight + line.weight.unwrap_or(1.0)).min(f64::MAX);
        }
    }
    let kept = lines.into_iter().zip(weights).zip(&stands_for).enumerate();
    let folded: Vec<RawPrompt> = kept
        .filter(|(at, (_, other))| at == *other)
        .map(|(_, ((line, weight), _))| RawPrompt { weight: (weight != 1.0).then_some(weight), ..line })
        .collect();
    let gone = before - folded.len();
    (folded, gone)
}

/// All that a line says.
pub(super) fn text(line: &RawPrompt) -> String {
    let mut text = line.prompt.clone().unwrap_or_default();
    for message in line.messages.iter().flatten() {
        text.push('\n');
        text.push_str(&message.plain());
    }
    for value in line.vars.iter().flat_map(BTreeMap::values) {
        text.push('\n');
        text.push_str(&value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_and_nothing_is_lost() {
        let line = |text: &str| RawPrompt { prompt: Some(text.to_owned()), ..RawPrompt::default() };
        let (folded, gone) = fold(vec![line("Where is it?"), line("Refund me"), line("where is  it?")], 0.9);
        assert_eq!(gone, 1);
        assert_eq!(folded.iter().map(|line| line.weight).collect::<Vec<_>>(), [Some(2.0), None]);
    }
}
