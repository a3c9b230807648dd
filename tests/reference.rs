//! The reference pages are generated: configuration from the JSON Schema, commands from the program's own help. The glossary keeps its
//! shape, and no link in the documentation is dead.
//!
//! `UPDATE_REFERENCE=1 cargo test --test reference` writes the generated pages anew.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use route_prof::disk::Disk;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::Scratch;
use serde_json::{Map, Value, json};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The committed page is the generated one; with `UPDATE_REFERENCE` it becomes it.
fn hold(name: &str, page: &str) {
    let path = root().join(name);
    if std::env::var_os("UPDATE_REFERENCE").is_some() {
        #[allow(clippy::disallowed_methods, reason = "a test that was told to write its page")]
        {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page).unwrap();
        }
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    // Not `assert_eq`: two whole pages on the screen say less than this line.
    assert!(
        there.replace("\r\n", "\n") == page,
        "{name} is out of date: UPDATE_REFERENCE=1 cargo test --test reference"
    );
}

// ---- Configuration ----

/// The tables of `route-prof.toml` in the order in which a file has them, and the names that a user gives in their headings.
const TABLES: [(&str, &str); 11] = [
    ("tier", ""),
    ("provider", "NAME"),
    ("prices", "\"PROVIDER/MODEL\""),
    ("task", "NAME"),
    ("policy", ""),
    ("strategy", ""),
    ("projection", ""),
    ("baseline", ""),
    ("simulate", ""),
    ("run", ""),
    ("tape", ""),
];
/// Numbers that measure nothing.
const NO_QUANTITY: [&str; 2] = ["version", "seed"];

/// A key of `route-prof.toml`.
struct Key {
    table: String,
    name: String,
    kind: String,
    default: String,
    unit: String,
    about: String,
    values: Vec<(String, String)>,
    is_quantity: bool,
}

impl Key {
    fn path(&self) -> String {
        if self.table.is_empty() { self.name.clone() } else { format!("{} {}", self.table, self.name) }
    }
}

/// A table of `route-prof.toml`: its heading, what it is for, and its keys.
struct Table {
    heading: String,
    about: String,
    keys: Vec<Key>,
}

struct Schema {
    whole: Value,
}

impl Schema {
    fn new() -> Self {
        Self { whole: route_prof::config::json_schema() }
    }

    /// The schema behind a reference, and whether the value may be left out as a whole.
    fn resolve<'a>(&'a self, schema: &'a Value) -> (&'a Value, bool) {
        if let Some(name) = schema["$ref"].as_str() {
            return (self.whole.pointer(name.trim_start_matches('#')).unwrap(), false);
        }
        match schema["anyOf"].as_array() {
            Some(options) => {
                let option = options.iter().find(|option| option["type"] != "null").unwrap();
                (self.resolve(option).0, true)
            }
            None => (schema, false),
        }
    }

    /// The tables, in the order of a file: first the keys that stand above all of them.
    fn tables(&self) -> Vec<Table> {
        let properties = self.whole["properties"].as_object().unwrap();
        let named: BTreeSet<&str> = TABLES.iter().map(|(name, _)| *name).collect();
        let top: Vec<&str> =
            properties.keys().map(String::as_str).filter(|key| !named.contains(key)).collect();
        assert_eq!(top, ["version"], "a table is missing in TABLES");
        let mut tables = vec![Table {
            heading: String::new(),
            about: String::new(),
            keys: vec![self.key("", "version", &properties["version"], true)],
        }];
        for (name, inner) in TABLES {
            let (schema, _) = self.resolve(&properties[name]);
            match (&schema["items"], &schema["additionalProperties"]) {
                (items @ Value::Object(_), _) => {
                    self.table(&format!("[[{name}]]"), items, inner, &mut tables)
                }
                (_, each @ Value::Object(_)) => {
                    self.table(&format!("[{name}.{inner}]"), each, inner, &mut tables);
                }
                _ => self.table(&format!("[{name}]"), &properties[name], inner, &mut tables),
            }
        }
        tables
    }

    fn table(&self, heading: &str, schema: &Value, inner: &str, into: &mut Vec<Table>) {
        let (schema, _) = self.resolve(schema);
        let mut table = Table { heading: heading.to_owned(), about: text(schema), keys: Vec::new() };
        let mut below = Vec::new();
        self.keys(heading, "", schema, inner, &mut table.keys, &mut below);
        // What must be written comes first.
        table.keys.sort_by_key(|key| key.default != "required");
        into.push(table);
        for (heading, schema) in below {
            self.table(&heading, &schema, "", into);
        }
    }

    fn keys(
        &self,
        heading: &str,
        prefix: &str,
        schema: &Value,
        inner: &str,
        keys: &mut Vec<Key>,
        below: &mut Vec<(String, Value)>,
    ) {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, property) in schema["properties"].as_object().unwrap() {
            let (meant, optional) = self.resolve(property);
            let inside = heading.trim_matches(['[', ']']);
            if meant["properties"].is_object() && optional {
                below.push((format!("[{inside}.{name}]"), meant.clone()));
            } else if meant["properties"].is_object() {
                self.keys(heading, &format!("{prefix}{name}."), meant, inner, keys, below);
            } else if meant["additionalProperties"]["$ref"].is_string() {
                below.push((format!("[{inside}.{name}.{inner}]"), meant["additionalProperties"].clone()));
            } else {
                let is_required = required.contains(&name.as_str());
                keys.push(self.key(heading, &format!("{prefix}{name}"), property, is_required));
            }
        }
    }

    fn key(&self, table: &str, name: &str, property: &Value, is_required: bool) -> Key {
        let (meant, _) = self.resolve(property);
        let (items, _) = self.resolve(&meant["items"]);
        let values: Vec<(String, String)> = meant["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|option| (format!("`{}`", option["const"]), text(option)))
            .collect();
        // A number, or a table in its place.
        let plain = if meant["anyOf"].is_array() { "number or table".to_owned() } else { plain_type(meant) };
        let kind = match plain.as_str() {
            _ if !values.is_empty() => {
                values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
            }
            "array" => format!("list of {}s", plain_type(items)),
            "object" if meant["additionalProperties"]["type"] == "string" => "table of strings".to_owned(),
            "object" => "table".to_owned(),
            other => other.to_owned(),
        };
        let default = match (&property["default"], property["x-if-omitted"].as_str()) {
            _ if is_required => "required".to_owned(),
            (_, Some(words)) => words.to_owned(),
            (Value::Null, None) => String::new(),
            // An amount of money is written as a string and read as either.
            (Value::String(amount), None) if plain.contains("number") => format!("`{amount}`"),
            (value, None) => format!("`{value}`").replace(',', ", "),
        };
        let number = |kind: &str| kind.contains("number") || kind == "integer";
        Key {
            table: table.to_owned(),
            name: name.to_owned(),
            default,
            unit: property["x-unit"].as_str().unwrap_or_default().to_owned(),
            about: text(property),
            is_quantity: (number(&plain) || number(&plain_type(items))) && !NO_QUANTITY.contains(&name),
            kind,
            values,
        }
    }

    /// Writes every default of the schema into the tables that `value` has, where it has no value of its own.
    fn fill(&self, schema: &Value, value: &mut Value) {
        let (schema, _) = self.resolve(schema);
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| self.fill(&schema["items"], item)),
            Value::Object(fields) => {
                let Some(properties) = schema["properties"].as_object() else {
                    let each = &schema["additionalProperties"];
                    fields.values_mut().filter(|_| each.is_object()).for_each(|field| self.fill(each, field));
                    return;
                };
                for (name, property) in properties {
                    let (meant, optional) = self.resolve(property);
                    if meant["properties"].is_object() && !optional {
                        fields.entry(name).or_insert_with(|| Value::Object(Map::new()));
                    }
                    match fields.get_mut(name) {
                        Some(field) => self.fill(property, field),
                        None if property["default"].is_null() => {}
                        None => {
                            fields.insert(name.clone(), property["default"].clone());
                        }
                    }
                }
            }
            _ => {}
        }
    }
}

fn text(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().to_owned()
}

/// The type in TOML's words; `null` is no value there.
fn plain_type(schema: &Value) -> String {
    let named = match &schema["type"] {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => {
            names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    named.join(" or ")
}

fn configuration(tables: &[Table]) -> String {
    let mut page = String::from(
        "<!-- Generated by tests/reference.rs from the JSON Schema. Do not edit: UPDATE_REFERENCE=1 cargo test --test reference -->\n\n\
         # Configuration reference: route-prof.toml\n\n\
         Every key of `route-prof.toml`. Unknown keys, wrong types and impossible values are errors that point at their line.\n\
         Paths are relative to the folder of `route-prof.toml`. Where the default is not code, it says what applies if the key is omitted.\n\
         Editors that read JSON Schema can use [`schemas/config.schema.json`](../../schemas/config.schema.json).\n",
    );
    for table in tables {
        if !table.heading.is_empty() {
            let about = table.about.replace('\n', " ");
            write!(page, "\n## `{}`\n\n{about}\n", table.heading).unwrap();
        }
        page.push_str("\n| key | type | default | unit | description |\n|---|---|---|---|---|\n");
        for key in &table.keys {
            let cells = [&format!("`{}`", key.path()), &key.kind, &key.default, &key.unit, &key.about];
            let row: Vec<&str> = cells.iter().map(|cell| cell.as_str()).collect();
            page.push_str(
                &format!("| {} |\n", row.join(" | ")).replace("|  |", "| |").replace("|  |", "| |"),
            );
        }
        for key in table.keys.iter().filter(|key| !key.values.is_empty()) {
            write!(page, "\nValues of `{}`:\n\n", key.path()).unwrap();
            for (value, about) in &key.values {
                writeln!(page, "- {value}: {about}").unwrap();
            }
        }
    }
    page
}

#[test]
fn the_configuration_reference_is_that_of_the_schema() {
    hold("docs/reference/configuration.md", &configuration(&Schema::new().tables()));
}

#[test]
fn every_key_has_a_line_of_description_a_default_and_a_unit() {
    let mut faults = Vec::new();
    for table in Schema::new().tables() {
        if table.heading.is_empty() != table.about.is_empty() {
            faults.push(format!("{} has no description", table.heading));
        }
        for key in table.keys {
            let mut texts = vec![(key.path(), key.about.clone())];
            texts.extend(
                key.values.iter().map(|(value, about)| (format!("{} = {value}", key.path()), about.clone())),
            );
            for (path, about) in texts {
                if !about.ends_with('.') || about.contains(['\n', '|']) || about.chars().count() > 120 {
                    faults.push(format!(
                        "{path}: write one line of description, at most 120 characters: {about:?}"
                    ));
                }
            }
            if key.default.is_empty() {
                faults.push(format!(
                    "{}: no `default`, and no `x-if-omitted` that says what then applies",
                    key.path()
                ));
            }
            if key.is_quantity == key.unit.is_empty() {
                faults.push(format!("{}: a quantity has an `x-unit`, and nothing else has one", key.path()));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// Only what has no default, in every table.
fn least() -> Value {
    json!({
        "version": 1,
        "tier": [{ "name": "one", "model": "p/m" }, { "name": "two", "model": "p/n" }],
        "provider": { "p": { "api": "openai" }, "e": { "api": "openai-embeddings" } },
        "prices": { "model": { "p/m": { "input": 1, "output": 2 } } },
        "task": { "t": { "oracle": "o@1" } },
        "strategy": {
            "classifier": { "price": 0.1, "accuracy": 0.5 },
            "nearest": { "embeddings": "e/v" },
        },
        "tape": { "file": "tape.jsonl" },
    })
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_program() {
    let schema = Schema::new();
    let mut whole = least();
    for name in ["policy", "run", "simulate"] {
        whole[name] = Value::Object(Map::new());
    }
    schema.fill(&schema.whole, &mut whole);
    assert!(
        whole["policy"]["route_floor"].is_number() && whole["provider"]["p"]["limits"].is_object(),
        "{whole:#}"
    );
    let scratch = Scratch::empty();
    let loaded = |settings: &Value| {
        scratch.write("route-prof.toml", toml::to_string(settings).unwrap());
        let config = route_prof::config::load(&Disk::real(), &scratch.file("route-prof.toml")).unwrap();
        let shown = format!("{config:#?}");
        // Where a table stands in the file is no setting.
        shown.lines().filter(|line| !line.trim_start().starts_with("line: ")).collect::<Vec<_>>().join("\n")
    };
    let (omitted, written) = (loaded(&least()), loaded(&whole));
    let differ: Vec<_> = omitted.lines().zip(written.lines()).filter(|(left, right)| left != right).collect();
    assert!(omitted == written, "omitted, written: {differ:#?}");
}

// ---- Commands ----

/// The names of the subcommands that a help text lists.
fn subcommands(help: &str) -> Vec<String> {
    let listed =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let first = listed.filter_map(|line| line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')));
    first.filter_map(|rest| rest.split_whitespace().next()).map(str::to_owned).collect()
}

/// A command's words, and its help; then those of its subcommands.
fn helps(scratch: &Scratch, words: &[String], into: &mut Vec<(String, String)>) {
    let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
    args.push("--help");
    let ran = scratch.run(&args).exits(0);
    let help: Vec<&str> = ran.stdout.lines().map(str::trim_end).collect();
    let help = help.join("\n").trim_end().to_owned();
    let below = subcommands(&help);
    into.push((
        ["route-prof"].into_iter().chain(words.iter().map(String::as_str)).collect::<Vec<_>>().join(" "),
        help,
    ));
    for name in below {
        helps(scratch, &[words, &[name]].concat(), into);
    }
}

#[test]
fn the_command_reference_is_the_programs_own_help() {
    let mut all = Vec::new();
    helps(&Scratch::empty(), &[], &mut all);
    assert!(all.len() > 20, "{}", all.len());
    let mut page = String::from(
        "<!-- Generated by tests/reference.rs from the program's help. Do not edit: UPDATE_REFERENCE=1 cargo test --test reference -->\n\n\
         # Command reference\n\n\
         The output of `--help` for every command.\n\n",
    );
    for (name, help) in &all {
        let depth = name.split(' ').count().saturating_sub(2);
        let about = help.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        writeln!(page, "{}- [`{name}`](#{}): {about}", "  ".repeat(depth), name.replace(' ', "-")).unwrap();
    }
    for (name, help) in &all {
        write!(page, "\n## {name}\n\n```text\n{help}\n```\n").unwrap();
    }
    hold("docs/reference/commands.md", &page);
}

// ---- Hand-written pages ----

#[test]
fn the_glossary_is_a_term_and_a_line_each_in_order() {
    let page = std::fs::read_to_string(root().join("docs/glossary.md")).unwrap();
    let entries: Vec<&str> = page.split("\n### ").skip(1).collect();
    assert!(entries.len() > 60, "{}", entries.len());
    let mut before = String::new();
    for entry in entries {
        let lines: Vec<&str> = entry.trim_end().lines().collect();
        let [term, definition] = lines[..] else { panic!("a term and one line: {entry:?}") };
        assert!(term.to_lowercase() > before, "{term} stands after {before}");
        before = term.to_lowercase();
        // Reports take the line as it is.
        let plain = definition.ends_with('.') && !definition.contains(['`', '*', '[', '<']);
        assert!(plain, "{term}: a sentence in plain text: {definition:?}");
    }
}

fn pages(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        match entry.path() {
            path if path.is_dir() => pages(&path, into),
            path if path.extension().is_some_and(|end| end == "md") => into.push(path),
            _ => {}
        }
    }
}

/// The anchors that GitHub gives to the headings of a page.
fn anchors(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.starts_with("```");
        let heading = line.trim_start_matches('#');
        if !fenced && heading.len() < line.len() && heading.starts_with(' ') {
            let kept = heading.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            found.insert(kept.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

#[test]
fn every_link_in_the_documentation_leads_somewhere() {
    let mut paths = vec![root().join("README.md"), root().join("CHANGELOG.md")];
    pages(&root().join("docs"), &mut paths);
    let texts: BTreeMap<PathBuf, String> = paths
        .iter()
        .map(|path| (path.canonicalize().unwrap(), std::fs::read_to_string(path).unwrap()))
        .collect();
    let mut dead = Vec::new();
    for (path, text) in &texts {
        let links = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next());
        for link in links.filter(|link| !link.contains("://")) {
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let target = target.canonicalize().unwrap_or(target);
            let leads = target.exists()
                && anchor.is_none_or(|anchor| {
                    texts.get(&target).is_some_and(|page| anchors(page).contains(anchor))
                });
            if !leads {
                dead.push(format!(
                    "{}: {link}",
                    path.strip_prefix(root().canonicalize().unwrap()).unwrap().display()
                ));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}
