//! The committed JSON Schemas are those that the program prints.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::Scratch;

#[test]
fn the_committed_schemas_are_up_to_date() {
    let scratch = Scratch::empty();
    scratch.run(&["schema", "--out", "schemas"]).exits(0);
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut names: Vec<String> = std::fs::read_dir(scratch.file("schemas"))
        .unwrap()
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    assert!(names.len() >= 9, "{names:?}");
    for name in names {
        let there = std::fs::read_to_string(committed.join(&name)).unwrap_or_default();
        let fresh = scratch.read(&format!("schemas/{name}"));
        // Not `assert_eq`: two whole schemas on the screen say less than this line.
        assert!(
            there.replace("\r\n", "\n") == fresh,
            "schemas/{name} is old: route-prof schema --out schemas"
        );
    }
}

#[test]
fn what_the_program_reads_and_writes_fits_its_schemas() {
    let scratch = Scratch::project();
    scratch.write("script.toml", "[[rule]]\nreply = \"green\"\n");
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    let schema = |name: &str| -> serde_json::Value { scratch.run(&["schema", name]).exits(0).json() };
    let check = |name: &str, value: serde_json::Value| {
        let validator = jsonschema::validator_for(&schema(name)).unwrap();
        let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    };
    let toml = |name: &str| -> serde_json::Value { toml::from_str(&scratch.read(name)).unwrap() };
    let json = |text: &str| -> serde_json::Value { serde_json::from_str(text).unwrap() };
    let run = format!("reports/{}", scratch.read("reports/latest").trim());
    check("config", toml("route-prof.toml"));
    check("oracle", toml("oracles/colour@1.toml"));
    check("script", toml("script.toml"));
    check("router", toml("router.toml"));
    check("summary", json(&scratch.read(&format!("{run}/summary.json"))));
    check("run", json(&scratch.read(&format!("{run}/run.json"))));
    for line in scratch.read("corpus.jsonl").lines() {
        check("corpus", json(line));
    }
    let journal = scratch.read(&format!("{run}/journal.jsonl"));
    check("journal-header", json(journal.lines().next().unwrap()));
    for line in journal.lines().skip(1) {
        check("journal", json(line));
    }
}
