//! What is wrong with fallbacks.

use crate::ident::TierName;
use crate::policy::Band;
use crate::summary::notice::{Notice, NoticeLevel};
use crate::summary::result::Summary;

/// What is wrong with the fallbacks of the routes, as far as it was measured or is known.
pub(super) fn notices(summary: &Summary) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut say = |level, code: &str, text| notices.push(Notice { level, code: code.to_owned(), text });
    for task in &summary.tasks {
        for (outside, cell) in summary.fallbacks_of(task) {
            let (model, tier, name) = (&outside.model, &task.route.tier, &task.name);
            let text = match cell.band {
                Band::Route | Band::Monitor => continue,
                Band::Below => {
                    format!("{model} is a fallback of {tier}, but it is not good enough for {name}.")
                }
                Band::Undecided => {
                    format!(
                        "{model} is a fallback of {tier}; there is too little evidence that it is good enough for {name}."
                    )
                }
            };
            say(NoticeLevel::Warning, "fallback-quality", text);
        }
        // A route's fallbacks get the same requests: what fits one must fit the others.
        let window = |name: &TierName| {
            summary.tiers.iter().find(|tier| tier.name == *name).and_then(|tier| tier.context_window)
        };
        let own = window(&task.route.tier);
        for fallback in &task.route.fallback {
            if let (Some(own), Some(other)) = (own, window(fallback))
                && other < own
            {
                say(
                    NoticeLevel::Error,
                    "fallback-window",
                    format!(
                        "{} falls back from {} to {fallback}, whose context window is smaller ({other} tokens, not {own}): a \
                         request that fits the first can fail on the second.",
                        task.name, task.route.tier
                    ),
                );
            }
        }
    }
    notices
}
