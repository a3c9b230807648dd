//! The pages about oracles: every kind has one, and every oracle on them does what the page says.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::{Path, PathBuf};

use common::Scratch;
use route_prof::oracle::KINDS;

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/oracles")
}

/// The TOML blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let parts = page.split("```toml\n").skip(1);
    parts.map(|part| part.split("```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_kind_has_a_page_that_the_index_links() {
    let index = std::fs::read_to_string(docs().join("README.md")).unwrap();
    for kind in KINDS {
        let page = docs().join(format!("{}.md", kind.name));
        assert!(page.is_file(), "docs/oracles/{}.md is missing", kind.name);
        assert!(index.contains(&format!("({}.md)", kind.name)), "the index does not link {}", kind.name);
    }
}

#[test]
fn every_oracle_on_the_pages_passes_its_own_examples() {
    let scratch = Scratch::project();
    let mut written = 0;
    for entry in std::fs::read_dir(docs()).unwrap().flatten() {
        let page = std::fs::read_to_string(entry.path()).unwrap();
        for block in blocks(&page).iter().filter(|block| block.starts_with("id = ")) {
            let id = block.split('"').nth(1).unwrap();
            scratch.write(&format!("oracles/{id}.toml"), block);
            written += 1;
        }
    }
    assert!(written >= KINDS.len(), "{written} oracles on the pages");
    let ran = scratch.run(&["oracle", "check"]).exits(0);
    assert!(ran.stdout.contains("0 failed") || !ran.stdout.contains("wanted"), "{}", ran.stdout);
    let listed = scratch.run(&["oracle", "list", "--format", "json"]).exits(0).json();
    assert_eq!(listed.as_array().unwrap().len(), written + 1, "none was left out");
}
