//! A Rust program that profiles models with route-prof as a library: the quickstart from its recording, and each route.
//!
//! Run it in the project's folder: `cargo run --example embed`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example prints")]

use route_prof::engine::{Engine, Error, Event, RunRequest};

fn main() -> Result<(), Error> {
    // What happens on the way goes to one consumer: here, a line for the recording that is replayed.
    let engine = Engine::new().with_observer(|event| {
        if let Event::Replaying { recording, answered, .. } = event {
            eprintln!("{answered} answers of {recording}");
        }
    });
    let project = engine.open(None)?;
    let ran = engine.run(&project, &RunRequest::new("corpora/quickstart.jsonl"))?;
    for task in &ran.summary.tasks {
        let pass_rate = task.route.pass_rate.map_or_else(String::new, |rate| {
            format!(", {:.1} % of {} prompts pass", rate.mean * 100.0, rate.n)
        });
        println!("{}: {} ({}{pass_rate})", task.name, task.route.tier, task.route.decision.name());
    }
    Ok(())
}
