//! The whole engine in a simulated world: files in memory, a host in memory, a clock that jumps. The same seed gives the same bytes,
//! the journal's included, and nothing of the machine is touched.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use common::world::{Host, Memory, Says, completion, world};
use route_prof::engine::{CheckRequest, Engine, RunOutput, RunRequest};
use serde_json::json;

const CONFIG: &str = "/nowhere/route-prof.toml";

/// A project that is nowhere but in memory.
fn project() -> Memory {
    let memory = Memory::default();
    let settings =
        common::two_tiers_at("https://host.invalid/v1", "").replace("api_key_env = \"TEST_KEY\"\n", "");
    memory.put(CONFIG, settings + "\n[run]\nmax_attempts = 3\n");
    memory.put("/nowhere/oracles/colour@1.toml", common::ORACLE);
    let lines = (0..60).map(|n| {
        let line = json!({ "id": format!("p{n}"), "task": "colour", "prompt": format!("{n}: the sky?"), "expected": "blue" });
        format!("{line}\n")
    });
    memory.put("/nowhere/corpus.jsonl", lines.collect::<String>());
    memory
}

fn run(memory: &Memory, says: Says) -> (RunOutput, u64) {
    let host = Host { says, asked: Arc::new(AtomicU64::new(0)) };
    let asked = Arc::clone(&host.asked);
    let engine = Engine::new().in_world(world(memory, host));
    let project = engine.open(Some(Path::new(CONFIG))).unwrap();
    let ran = engine.run(&project, &RunRequest::new("/nowhere/corpus.jsonl")).unwrap();
    (ran, asked.load(Ordering::Relaxed))
}

/// A host that turns every third request away once, as if it were busy.
fn busy() -> Says {
    let seen = Mutex::new(HashSet::new());
    Arc::new(move |request| {
        let mut seen = seen.lock().unwrap();
        if seen.insert(request.to_string()) && seen.len() % 3 == 0 {
            return (503, json!({ "error": { "message": "overloaded", "type": "server_error" } }));
        }
        (200, completion(&request["model"], "blue"))
    })
}

/// A host that only answers.
fn calm() -> Says {
    Arc::new(|request| (200, completion(&request["model"], "blue")))
}

#[test]
fn a_run_happens_in_memory_and_the_same_seed_gives_the_same_bytes() {
    let both: Vec<BTreeMap<PathBuf, Vec<u8>>> = (0..2)
        .map(|_| {
            let memory = project();
            let (ran, asked) = run(&memory, calm());
            assert_eq!((ran.summary.run.answered, asked), (120, 120));
            memory.all()
        })
        .collect();
    for name in ["router.toml", "reports/latest"] {
        assert!(both[0].contains_key(&Path::new("/nowhere").join(name)), "{:?}", both[0].keys());
    }
    for (path, bytes) in &both[0] {
        let (one, two) = (String::from_utf8_lossy(bytes), String::from_utf8_lossy(&both[1][path]));
        assert_eq!(one, two, "{}", path.display());
    }
    assert!(!Path::new("/nowhere").exists());
}

#[test]
fn what_was_answered_is_not_asked_again_and_check_needs_no_host() {
    let memory = project();
    let (first, asked) = run(&memory, busy());
    assert_eq!(asked, 160, "every third was turned away once");
    assert_eq!(first.summary.run.answered, 120, "and were asked again");
    let (second, asked) = run(&memory, calm());
    assert_eq!(asked, 0);
    assert_eq!(second.summary.tasks, first.summary.tasks);
    let host = Host { says: Arc::new(|_| panic!("a check makes no call")), asked: Arc::default() };
    let engine = Engine::new().in_world(world(&memory, host));
    let checked =
        engine.check(&engine.open(Some(Path::new(CONFIG))).unwrap(), &CheckRequest::default()).unwrap();
    assert!(checked.fresh, "{}", checked.diff.to_text());
}
