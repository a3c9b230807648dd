//! `junit.xml`: one test case per task. A routed task passes, a task without a tier that is good enough fails, an undecided one is
//! skipped.

use super::renderer::{RenderError, Renderer};
use super::sentences;
use crate::summary::{Decision, Summary};

pub(super) const RENDERER: Renderer = Renderer { name: "junit", file: "junit.xml", render };

fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let count = |wanted: Decision| summary.tasks.iter().filter(|task| task.route.decision == wanted).count();
    let (failures, skipped) = (count(Decision::Escalate), count(Decision::Undecided));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"route-prof {}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\">\n",
        escape(summary.run.id.as_str()),
        summary.tasks.len(),
    );
    for task in &summary.tasks {
        let name = escape(task.name.as_str());
        let reason = escape(&task.route.reason);
        let inner = match task.route.decision {
            Decision::Route | Decision::Monitor => String::new(),
            Decision::Escalate => format!(
                "      <failure message=\"{}\">{reason}</failure>\n",
                sentences::decision(Decision::Escalate)
            ),
            Decision::Undecided => format!("      <skipped message=\"{reason}\"/>\n"),
        };
        xml.push_str(&format!(
            "    <testcase classname=\"route-prof\" name=\"{name}\">\n{inner}      <system-out>{}: {} ({reason})</system-out>\n    </testcase>\n",
            escape(task.route.tier.as_str()),
            escape(sentences::decision(task.route.decision)),
        ));
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    Ok(xml.into_bytes())
}

/// Text for XML: characters that XML does not know at all go.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
