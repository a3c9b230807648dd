//! JSON Schemas of every file that is read or written.

use serde_json::Value;

use crate::engine::run::record::RunRecord;
use crate::grade::labels::Labelled;
use crate::router::RouterFile;
use crate::summary::Summary;
use crate::{config, corpus, journal, oracle, provider, record};

/// A kind of file, and its schema.
#[derive(Clone, Copy, Debug)]
pub struct FileSchema {
    /// Its name, such as `config`.
    pub name: &'static str,
    /// What it describes.
    pub what: &'static str,
    /// Makes the JSON Schema.
    pub schema: fn() -> Value,
}

/// Every kind of file that is read or written.
///
/// ```
/// let config = route_prof::engine::SCHEMAS.iter().find(|file| file.name == "config");
/// assert_eq!(config.map(|file| (file.schema)()["title"] == "route-prof.toml"), Some(true));
/// ```
pub const SCHEMAS: [FileSchema; 10] = [
    file("config", "route-prof.toml", config::json_schema),
    file("corpus", "a line of a corpus", corpus::json_schema),
    file("oracle", "oracles/<name>@<version>.toml", oracle::json_schema),
    file("label", "a line of oracles/<name>@<version>.labels.jsonl", || {
        schemars::schema_for!(Labelled).to_value()
    }),
    file("script", "the rules of the scripted provider", provider::scripted::json_schema),
    file("journal", "a line of a journal or recording, after its header", || {
        schemars::schema_for!(record::Attempt).to_value()
    }),
    file("journal-header", "the first line of a journal or recording", || {
        schemars::schema_for!(journal::Header).to_value()
    }),
    file("run", "run.json", || schemars::schema_for!(RunRecord).to_value()),
    file("summary", "summary.json", || schemars::schema_for!(Summary).to_value()),
    file("router", "router.toml", || schemars::schema_for!(RouterFile).to_value()),
];

const fn file(name: &'static str, what: &'static str, schema: fn() -> Value) -> FileSchema {
    FileSchema { name, what, schema }
}
