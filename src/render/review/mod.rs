//! Answers for people to judge: one HTML page that works offline and by keyboard, and the same as CSV.
//!
//! The page shows foreign text. It reaches the page as JSON in a block that no browser runs, and the page's script writes it
//! as text only. The content policy allows this very script and this very style, by their digests, and nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest;

use super::renderer::RenderError;
use crate::diag::formula_safe;
use crate::engine::ReviewSet;

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The digest of an inline script or style, as a content policy names it.
fn policy_digest(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

/// JSON that can stand within a script element: nothing in it can end the element or begin a comment.
fn inert_json(set: &ReviewSet) -> Result<String, serde_json::Error> {
    let mut text = String::new();
    for c in serde_json::to_string(set)?.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => text.push(c),
        }
    }
    Ok(text)
}

/// The page.
///
/// # Errors
/// When the set cannot be written as JSON.
pub fn html(set: &ReviewSet) -> Result<Vec<u8>, RenderError> {
    // The data goes in last, so that nothing in it is taken for a place to fill.
    let page = PAGE
        .replace("{style-digest}", &policy_digest(STYLE))
        .replace("{script-digest}", &policy_digest(SCRIPT))
        .replace("{style}", STYLE)
        .replace("{script}", SCRIPT)
        .replacen("{data}", &inert_json(set)?, 1);
    Ok(page.into_bytes())
}

/// A table to be filled in: a row an answer, with a column `verdict` that is empty. No cell can be taken for a formula.
///
/// # Errors
/// When it cannot be written.
pub fn csv(set: &ReviewSet) -> Result<Vec<u8>, RenderError> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record([
        "id",
        "verdict",
        "note",
        "task",
        "prompt",
        "expected",
        "output",
        "by",
        "inclusion",
    ])?;
    for item in &set.items {
        writer.write_record([
            &*formula_safe(&item.id),
            "",
            "",
            &formula_safe(&item.task),
            &formula_safe(&item.prompt),
            &formula_safe(item.expected.as_deref().unwrap_or_default()),
            &formula_safe(&item.output),
            &formula_safe(item.by.as_deref().unwrap_or_default()),
            &item.inclusion.to_string(),
        ])?;
    }
    writer.into_inner().map_err(|error| RenderError::Io(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ReviewItem;

    fn set(output: &str) -> ReviewSet {
        ReviewSet {
            id: "s".to_owned(),
            run: "r".to_owned(),
            items: vec![ReviewItem {
                id: "a1".to_owned(),
                task: "tone".to_owned(),
                about: None,
                prompt: "p".to_owned(),
                expected: None,
                output: output.to_owned(),
                by: None,
                inclusion: 0.25,
            }],
        }
    }

    #[test]
    fn no_answer_can_leave_its_place() {
        let hostile = "</script><script>alert(1)</script><!-- {script} {style} {data} \u{2028} & <img src=x onerror=alert(2)>";
        let page = String::from_utf8(html(&set(hostile)).unwrap()).unwrap();
        assert_eq!(page.matches("<script").count(), 2, "the data and the program");
        assert_eq!(page.matches("</script>").count(), 2);
        assert!(!page.contains("<img") && !page.contains("alert(1)</"), "{page}");
        let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(read["items"][0]["output"], hostile, "it is all there, and only data");
    }

    #[test]
    fn the_policy_allows_this_script_and_this_style_and_nothing_else() {
        let page = String::from_utf8(html(&set("x")).unwrap()).unwrap();
        assert!(page.contains("default-src 'none'"), "{page}");
        for (open, close, inline) in [("<style>", "</style>", STYLE), ("<script>", "</script>", SCRIPT)] {
            let written = page.split(open).nth(1).unwrap().split(close).next().unwrap();
            assert_eq!(written, inline, "the digest is of what stands between the tags");
            assert!(page.contains(&policy_digest(inline)));
        }
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("eval("));
        assert!(!page.contains("http://") && !page.contains("https://"), "it reaches for nothing");
    }

    #[test]
    fn no_cell_of_the_table_is_a_formula() {
        let table = String::from_utf8(csv(&set("=cmd|' /C calc'!A0")).unwrap()).unwrap();
        assert!(table.contains("'=cmd"), "{table}");
    }
}
