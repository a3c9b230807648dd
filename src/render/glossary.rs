//! The terms of a page: links to their definitions and the section that lists them, word for word as `docs/glossary.md` has
//! them. Knows no page.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind, HtmlEscape, context};

const GLOSSARY: &str = include_str!("../../docs/glossary.md");

/// Each term with its definition: a heading, and the line below it.
fn entries() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = GLOSSARY.split("\n### ").skip(1);
    sections.filter_map(|section| section.split_once('\n')).map(|(term, text)| (term.trim(), text.trim()))
}

/// The anchor of a term: `term-effective-sample-size`.
fn anchor(term: &str) -> String {
    let words = term.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let words: Vec<String> = words.map(str::to_lowercase).collect();
    format!("term-{}", words.join("-"))
}

/// The terms that a page has used so far, by their name in lower case.
#[derive(Clone, Default)]
pub(super) struct Glossary {
    used: Arc<Mutex<BTreeMap<String, (&'static str, &'static str)>>>,
}

impl Glossary {
    /// Gives templates `term("pass rate", "Pass rate")`, which links a text to the definition of a term, and `used_terms()`,
    /// which lists the definitions of all terms linked so far. A term that the glossary does not have is an error.
    pub(super) fn install(&self, engine: &mut Environment<'_>) {
        let (links, lists) = (self.clone(), self.clone());
        engine.add_function("term", move |term: String, label: Option<String>| links.link(&term, label));
        engine.add_function("used_terms", move || lists.list());
    }

    fn link(&self, term: &str, label: Option<String>) -> Result<Value, Error> {
        let known = entries().find(|(known, _)| *known == term);
        let (term, definition) = known.ok_or_else(|| {
            Error::new(ErrorKind::InvalidOperation, format!("docs/glossary.md does not define `{term}`"))
        })?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.insert(term.to_lowercase(), (term, definition));
        let label = label.unwrap_or_else(|| term.to_owned());
        Ok(Value::from_safe_string(format!(
            "<a class=\"term\" href=\"#{}\" title=\"{}\">{}</a>",
            anchor(term),
            HtmlEscape(definition),
            HtmlEscape(&label)
        )))
    }

    fn list(&self) -> Vec<Value> {
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = |(term, definition): &(&'static str, &'static str)| {
            context! { id => anchor(term), term => *term, definition => *definition }
        };
        used.values().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_glossary_has_one_line_per_term() {
        let all: Vec<_> = entries().collect();
        assert!(all.len() > 80, "{}", all.len());
        for (term, definition) in all {
            assert!(!definition.is_empty() && !definition.contains('\n'), "{term}: {definition}");
        }
    }

    #[test]
    fn a_term_is_linked_and_listed_once() {
        let (glossary, mut engine) = (Glossary::default(), Environment::new());
        engine.set_auto_escape_callback(|_| minijinja::AutoEscape::Html);
        glossary.install(&mut engine);
        let page = "{{ term('pass^k') }}{{ term('pass^k', '<b>') }}{% for t in used_terms() %} {{ t.id }}: {{ t.term }}{% endfor %}";
        let page = engine.render_str(page, ()).unwrap();
        assert!(page.contains("href=\"#term-pass-k\" title=\"The chance"), "{page}");
        assert!(page.contains(">&lt;b&gt;</a> term-pass-k: pass^k"), "{page}");
        assert_eq!(page.matches("term-pass-k:").count(), 1, "{page}");
        assert!(engine.render_str("{{ term('wisdom') }}", ()).is_err());
    }
}
