//! House rules that no compiler checks: layers, headers, sizes, registries, oracles, the budget of dependencies.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

mod graph;
mod paths;
mod tokens;

/// The most crates that the program may be made of.
const CRATE_BUDGET: usize = 250;
/// The most lines of a source file.
const LONGEST_FILE: usize = 500;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a folder, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { found.push(entry.path()) }
        }
    }
    found.sort();
    found
}

fn sources() -> Vec<(PathBuf, String)> {
    let all =
        files(&root().join("src")).into_iter().filter(|path| path.extension().is_some_and(|ext| ext == "rs"));
    all.map(|path| (path.clone(), read(&path))).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// The top-level modules, lowest first, as `lib.rs` lists them.
fn layers() -> Vec<String> {
    let lib = read(&root().join("src/lib.rs"));
    let names: Vec<String> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .map(str::to_owned)
        .collect();
    assert!(names.len() > 15, "{names:?}");
    names
}

fn module_of(path: &Path) -> String {
    let relative = path.strip_prefix(root().join("src")).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// The code without its tests: from `#[cfg(test)]` before a module with a body on, nothing counts.
fn without_tests(text: &str) -> &str {
    text.split_once("#[cfg(test)]\nmod tests {").map_or(text, |(code, _)| code)
}

/// The top-level modules that a file names.
fn imported(code: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut rest = code;
    while let Some((_, after)) = rest.split_once("crate::") {
        rest = after;
        // `use crate::{a, b::c}` names several; elsewhere one follows.
        match after.strip_prefix('{') {
            Some(list) => {
                let list = list.split_once("};").map_or(list, |(list, _)| list);
                all.extend(
                    list.split(',').map(|part| part.trim().split("::").next().unwrap_or_default().to_owned()),
                );
            }
            None => all.push(after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()),
        }
    }
    all
}

#[test]
fn a_module_imports_only_from_modules_below_it() {
    let layers = layers();
    let level = |name: &str| layers.iter().position(|layer| layer == name);
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let Some(own) = level(&module_of(&path)) else { continue };
        if path.file_name().is_some_and(|name| name == "tests.rs" || name == "fixture.rs") {
            continue;
        }
        for name in imported(without_tests(&text)) {
            if level(&name).is_some_and(|other| other > own) {
                faults.push(format!("{}: imports {name}, which lies above it", shown(&path)));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// What the command line may import: the engine with what shows its results, and the names and units that arguments are made of.
const BELOW_THE_COMMAND_LINE: [&str; 7] = ["cli", "engine", "render", "console", "diag", "ident", "units"];

#[test]
fn the_command_line_stands_on_the_engine_alone() {
    let mut faults = Vec::new();
    let mut lines = 0;
    for (path, text) in sources().iter().filter(|(path, _)| shown(path).starts_with("src/cli/")) {
        lines += text.lines().count();
        if text.lines().count() > 300 {
            faults.push(format!("{}: a command's file reads like a paragraph", shown(path)));
        }
        for name in imported(without_tests(text)) {
            if !BELOW_THE_COMMAND_LINE.contains(&name.as_str()) {
                faults.push(format!("{}: imports {name}", shown(path)));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(lines < 4_000, "{lines} lines in src/cli: what decides or computes belongs in the engine");
}

/// The storeys of the engine, lowest first: the contract with the caller, what a run is, the engine, what is done, what comes out,
/// and the requests.
const ENGINE: [&[&str]; 6] =
    [&["error", "event", "stop"], &["run"], &["context"], &["work"], &["outcome"], &["request"]];

#[test]
fn a_part_of_the_engine_imports_only_from_storeys_below_it() {
    let storey = |name: &str| ENGINE.iter().position(|names| names.contains(&name));
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let name = shown(&path);
        let Some(inside) = name.strip_prefix("src/engine/") else { continue };
        let own = inside.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        if own == "mod" {
            continue;
        }
        let own = storey(&own).unwrap_or_else(|| panic!("{name} stands on no storey"));
        let mut rest = without_tests(&text);
        while let Some((_, after)) = rest.split_once("crate::engine::") {
            rest = after;
            let other: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            if storey(&other).is_some_and(|other| other > own) {
                faults.push(format!("{name}: imports engine::{other}, which lies above it"));
            }
        }
        for word in ["clap", "Console", "crate::render", "println!"] {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.into_iter().any(|line| line.contains(word)) {
                faults.push(format!("{name}: the engine knows no {word}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_files_name_one_another_in_a_ring() {
    let sources: Vec<(String, String)> =
        sources().into_iter().map(|(path, text)| (shown(&path), text)).collect();
    let graph = graph::Graph::of(&sources);
    assert!(graph.places().count() > 200, "the graph lost files: {}", graph.places().count());
    let rings: Vec<String> = graph.rings().iter().map(|ring| ring.join(" -> ")).collect();
    assert!(rings.is_empty(), "move what these files share into a file below them: {rings:#?}");
}

#[test]
fn product_code_does_not_go_by_the_name_of_tests() {
    let misnamed: Vec<String> =
        sources().iter().map(|(path, _)| shown(path)).filter(|name| name.ends_with("_tests.rs")).collect();
    assert!(misnamed.is_empty(), "tests live in tests.rs, code has a name of its own: {misnamed:#?}");
}

#[test]
fn every_file_says_what_it_is_for() {
    let bare: Vec<String> =
        sources().iter().filter(|(_, text)| !text.starts_with("//! ")).map(|(path, _)| shown(path)).collect();
    assert!(bare.is_empty(), "without a //! header: {bare:#?}");
}

#[test]
fn no_file_is_longer_than_a_person_reads() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(_, text)| text.lines().count() > LONGEST_FILE)
        .map(|(path, text)| format!("{}: {} lines", shown(path), text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_plug_in_is_registered() {
    // Files that are no plug-ins, by folder.
    let helpers: &[(&str, &str, &[&str])] = &[
        (
            "provider",
            "APIS",
            &[
                "api", "batch", "classify", "common", "content", "describe", "facts", "http", "limits",
                "quirks", "redact", "response", "served", "sse", "tests",
            ],
        ),
        (
            "oracle",
            "KINDS",
            &[
                "field",
                "file",
                "ask",
                "json_compare",
                "judgement",
                "kind",
                "library",
                "normalise",
                "number_text",
                "registry",
                "sample",
                "tests",
                "text_metrics",
            ],
        ),
        (
            "render",
            "RENDERERS",
            &[
                "bill",
                "charts",
                "compared",
                "day",
                "figures",
                "glossary",
                "renderer",
                "review",
                "sentences",
                "service",
                "terminal",
                "tests",
            ],
        ),
        // `day` draws a simulated day, which is no part of a summary.
        ("render/charts", "CHARTS", &["canvas", "day", "plane"]),
        (
            "policy/strategies",
            "STRATEGIES",
            &[
                "drawing", "evaluate", "figures", "matrix", "mmlu", "queries", "replay", "strategy", "sweep",
                "tests", "text", "traffic",
            ],
        ),
    ];
    for (folder, registry, helpers) in helpers {
        let path = root().join("src").join(folder);
        // Where files of the folder look kinds up, the registry lies apart from mod.rs, so that they need not reach up.
        let apart = path.join("registry.rs");
        let index = read(&if apart.exists() { apart } else { path.join("mod.rs") });
        let list = index.split_once(&format!("const {registry}:")).map(|(_, rest)| rest).unwrap_or_default();
        let list = list.split_once("];").map_or(list, |(list, _)| list);
        for entry in std::fs::read_dir(&path).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned();
            if name == "mod"
                || helpers.contains(&name.as_str())
                || name.ends_with(".snap")
                || name == "snapshots"
            {
                continue;
            }
            assert!(list.contains(&format!("&{name}::")), "src/{folder}/{name} is not in {registry}");
        }
    }
}

#[test]
fn every_oracle_has_the_name_of_its_file_and_examples_of_both_kinds() {
    for folder in ["oracles", "src/engine/request/template"] {
        let all = files(&root().join(folder));
        let oracles = all
            .iter()
            .filter(|path| path.to_string_lossy().ends_with(".toml") && path.to_string_lossy().contains('@'));
        for path in oracles {
            let text = read(path);
            let stem = path.file_stem().unwrap().to_string_lossy();
            assert!(text.contains(&format!("id = \"{stem}\"")), "{}: its id is not its name", shown(path));
            for verdict in ["pass", "fail"] {
                let line = format!("verdict = \"{verdict}\"");
                assert!(text.contains(&line), "{}: no example with {line}", shown(path));
            }
        }
    }
}

#[test]
fn only_the_console_prints_and_only_the_disk_writes() {
    for (path, text) in sources() {
        // An example in a doc comment may print: it is the reader's program.
        let code: Vec<&str> =
            without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        let code = code.join("\n");
        let name = shown(&path);
        // A simulation says what it measured.
        let is_test = name.ends_with("tests.rs") || name.contains("/tests/");
        if name != "src/console.rs" && !is_test {
            for word in ["println!", "print!(", "io::stdout", "io::stderr"] {
                assert!(!code.contains(word), "{name} prints: {word}");
            }
        }
        if name != "src/disk.rs" && !name.ends_with("tests.rs") {
            for word in ["fs::write", "File::create", "OpenOptions", "create_dir", "fs::rename", "fs::remove"]
            {
                assert!(!code.contains(word), "{name} writes to disk: {word}");
            }
        }
    }
}

#[test]
fn the_outside_world_is_reached_through_its_seams() {
    // What a file may name that others may not; programs of `command` oracles are processes of this machine in any world.
    let doors: &[(&str, &[&str])] = &[
        ("reqwest::", &["src/net.rs"]),
        ("TcpStream", &["src/net.rs"]),
        ("tokio::time", &["src/clock.rs"]),
        ("Instant::now()", &["src/console.rs", "src/grade/program.rs"]),
        ("Timestamp::now()", &["src/clock.rs"]),
        ("SystemTime", &[]),
        ("fs::metadata", &["src/disk.rs"]),
        ("File::open", &["src/disk.rs"]),
        ("read_dir", &["src/disk.rs"]),
        (".is_file()", &["src/disk.rs"]),
        (".is_dir()", &[]),
    ];
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let name = shown(&path);
        if name.ends_with("tests.rs") || name.contains("/tests/") {
            continue;
        }
        let uses_the_seam = text.contains("clock::{") || text.contains("clock::Instant");
        for (word, allowed) in doors {
            // `Instant` of the seam is the clock of the world.
            if allowed.contains(&name.as_str()) || (*word == "Instant::now()" && uses_the_seam) {
                continue;
            }
            let mut lines = without_tests(&text).lines();
            if lines.any(|line| line.contains(word) && !line.trim_start().starts_with("//")) {
                faults.push(format!("{name} names {word}: go through disk, net or clock"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn the_map_names_files_that_are_there() {
    for page in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = read(&root().join(page));
        let mut named = 0;
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "docs/", "examples/", "scripts/"]
                .iter()
                .any(|front| quoted.starts_with(front));
            if !is_path || quoted.contains("NAME") || quoted.contains(' ') {
                continue;
            }
            named += 1;
            assert!(root().join(quoted).exists(), "{page} names {quoted}, which is not there");
        }
        assert!(named > 15, "{page} names {named} files");
    }
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let tracked = Command::new("git").args(["ls-files"]).current_dir(root()).output();
    let Ok(tracked) = tracked.as_ref().map(|output| String::from_utf8_lossy(&output.stdout)) else { return };
    let places: Vec<String> =
        ["work", "root", "home", "Users"].iter().map(|name| format!("/{name}/")).collect();
    for name in tracked.lines().filter(|name| *name != "tests/tidy/main.rs") {
        let Ok(text) = std::fs::read_to_string(root().join(name)) else { continue };
        for place in &places {
            let at = text.find(place.as_str());
            // Within a longer path or a URL the words are harmless.
            let alone = at.is_some_and(|at| {
                let before = text[..at].chars().next_back();
                before
                    .is_none_or(|c| !(c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}' | ']')))
            });
            assert!(!alone, "{name} names {place}");
        }
    }
}

#[test]
fn the_crates_stay_within_their_budget() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-e", "normal", "--prefix", "none", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    let crates: BTreeSet<String> = text
        .lines()
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    assert!(crates.len() > 50, "cargo tree said too little: {text}");
    assert!(crates.len() <= CRATE_BUDGET, "{} crates, the budget is {CRATE_BUDGET}", crates.len());
}
