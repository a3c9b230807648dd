//! `run`: measure, decide, write.

use super::args::global::Global;
use super::args::run::{RunArgs, Switch};
use super::exit::Exit;
use super::{ending, outputs, session};
use crate::console::Console;
use crate::engine::{RunRequest, Streaming};

pub(super) fn run(global: &Global, console: &Console, args: &RunArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let project = engine.open(global.config.as_deref())?;
    let ran = engine.run(&project, &request(args))?;
    outputs::pages(&engine, &ran.summary, &ran.folder)?;
    outputs::show(global, console, &ran.summary)?;
    outputs::report_files(console, &ran.folder, &ran.router);
    match ending::of_trials(console, &ran.summary, ran.calls.as_ref(), args.max_cost) {
        Exit::Fine => Ok(ending::of_questions(console, &ran.questions, args.max_cost)),
        exit => Ok(exit),
    }
}

fn request(args: &RunArgs) -> RunRequest {
    RunRequest {
        corpus: args.corpus.clone(),
        source: args.source.options(),
        max_cost: args.max_cost,
        stream: args.stream.map(|switch| match switch {
            Switch::On => Streaming::On,
            Switch::Off => Streaming::Off,
        }),
        concurrency: args.concurrency,
        pin_concurrency: args.pin_concurrency,
        resubmit: args.resubmit,
        stop_early: args.stop_early,
        complete: args.complete,
        record_tape: args.record_tape.clone(),
        run_id: args.run_id.clone(),
        router: args.router.clone(),
    }
}
