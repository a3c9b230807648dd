//! The engine as a library: the example runs, and a request is stopped, watched and refused as its documentation says.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use common::{Scratch, quickstart};
use route_prof::engine::{CheckRequest, Engine, ErrorKind, Event, ReportRequest, RouterUpdate, RunRequest};

#[test]
fn the_example_profiles_the_quickstart_and_prints_each_route() {
    let scratch = quickstart();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let ran = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--locked", "--offline", "--example", "embed", "--manifest-path"])
        .arg(&manifest)
        .current_dir(scratch.path())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{err}");
    insta::assert_snapshot!(out, @r"
    order_number: small (route, 100.0 % of 52 prompts pass)
    intent: mid (monitor, 99.8 % of 55 prompts pass)
    sentiment: frontier (monitor, 97.2 % of 56 prompts pass)
    extraction: frontier (monitor, 99.3 % of 52 prompts pass)
    arithmetic: frontier (escalate, 29.5 % of 52 prompts pass)
    grounded_qa: frontier (undecided, 91.5 % of 52 prompts pass)
    ");
    assert!(err.contains("957 answers of corpora/quickstart.tape.jsonl"), "{err}");
    let example = std::fs::read_to_string(manifest.with_file_name("examples/embed.rs")).unwrap();
    assert!(example.lines().count() < 40, "an example is read in a minute");
}

/// An engine that keeps what it tells.
fn listening() -> (Engine, Arc<Mutex<Vec<Event>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    (Engine::new().with_observer(move |event| kept.lock().unwrap().push(event)), heard)
}

/// A project whose models answer.
fn project() -> Scratch {
    let scratch = Scratch::project();
    scratch
        .write("script.toml", "[[rule]]\nmatch = \"sky\"\nreply = \"blue\"\n\n[[rule]]\nreply = \"green\"\n");
    scratch
}

fn config(scratch: &Scratch) -> std::path::PathBuf {
    scratch.file("route-prof.toml")
}

#[test]
fn a_run_tells_its_progress_and_writes_what_other_requests_read() {
    let scratch = project();
    let (engine, events) = listening();
    let project = engine.open(Some(&config(&scratch))).unwrap();
    let request = RunRequest::new(scratch.file("corpus.jsonl"));
    let ran = engine.run(&project, &request).unwrap();
    assert_eq!(ran.summary.run.answered, ran.summary.run.trials);
    assert_eq!(ran.router, RouterUpdate::Written(scratch.file("router.toml")));
    let events = events.lock().unwrap();
    let begins =
        events.iter().position(|event| matches!(event, Event::CallsStarted { stages } if stages.len() == 2));
    let ends = events.iter().position(|event| matches!(event, Event::CallsFinished));
    assert!(begins < ends && begins.is_some(), "{events:?}");
    let done = events.iter().rev().find_map(|event| match event {
        Event::Progress { stage: 0, progress } => Some(progress.done),
        _ => None,
    });
    assert_eq!(done, Some(ran.summary.run.prompts));

    let checked =
        engine.check(&engine.open(Some(&config(&scratch))).unwrap(), &CheckRequest::default()).unwrap();
    assert!(checked.fresh, "{}", checked.diff.to_text());
    let request = ReportRequest { run: "latest".to_owned(), router: None };
    let reported = engine.report(&engine.open(Some(&config(&scratch))).unwrap(), &request).unwrap();
    assert_eq!(reported.summary, ran.summary);
}

#[test]
fn a_stop_before_the_first_call_leaves_a_run_that_goes_on_later() {
    let scratch = project();
    let engine = Engine::new()
        .with_stop_signal(route_prof::engine::StopSignal::with_listener(|stopper| stopper.drain()));
    let request = RunRequest::new(scratch.file("corpus.jsonl"));
    let project = engine.open(Some(&config(&scratch))).unwrap();
    let ran = engine.run(&project, &request).unwrap();
    assert_eq!(ran.calls.unwrap().ended, route_prof::engine::EndReason::Interrupted);
    assert_eq!((ran.summary.run.answered, ran.router), (0, RouterUpdate::Withheld));
    // The same request, from an engine that nobody stops.
    let engine = Engine::new();
    let project = engine.open(Some(&config(&scratch))).unwrap();
    let ran = engine.run(&project, &request).unwrap();
    assert_eq!(ran.summary.run.answered, ran.summary.run.trials);
}

#[test]
fn an_error_says_whose_turn_it_is_and_what_to_do() {
    let scratch = Scratch::project();
    let engine = Engine::new();
    let open = || engine.open(Some(&config(&scratch))).unwrap();
    let request = ReportRequest { run: "nowhere".to_owned(), router: None };
    let error = engine.report(&open(), &request).unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Input, "there is no run `nowhere`"));
    assert!(error.help().unwrap().contains("route-prof run"), "{error:?}");
    scratch.write("corpus.jsonl", "{\"id\":\"a\"\n");
    let error = engine.run(&open(), &RunRequest::new(scratch.file("corpus.jsonl"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.faults().is_some_and(|faults| !faults.0.is_empty()), "{error}");
}
