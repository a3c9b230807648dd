//! A prompt with `{{variables}}`, and how such a text is filled.

use minijinja::UndefinedBehavior;
use serde_json::{Map, Value};

use crate::record::Message;

/// A prompt with `{{variables}}`.
#[derive(Clone, Debug)]
pub(super) enum Template {
    Text(String),
    Messages(Vec<Message>),
}

/// Fills a template; what is not defined is empty, as in Nunjucks.
pub(super) fn render(template: &str, vars: &Map<String, Value>) -> Result<String, String> {
    let mut engine = minijinja::Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    // A template of a foreign file must come to an end.
    engine.set_fuel(Some(100_000));
    let vars = minijinja::Value::from(minijinja::value::Serde(vars));
    engine.render_str(template, vars).map_err(|error| format!("its template fails: {error}"))
}
