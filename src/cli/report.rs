//! `report`: decides and renders a run anew with today's policy, prices and traffic; or as if they were otherwise.

use super::args::decide::ReportArgs;
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{ending, outputs, session};
use crate::console::Console;
use crate::diag::{escape, shown};
use crate::engine::{self, ReportRequest, Summary, WhatIfRequest};

pub(super) fn run(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    if !args.what_if.is_empty() {
        return what_if(global, console, args);
    }
    let engine = session::engine(console);
    let request = ReportRequest { run: args.run.clone(), router: args.router.clone() };
    let reported = engine.report(&engine.open(global.config.as_deref())?, &request)?;
    let summary = &reported.summary;
    let corpus = escape(&summary.run.corpus);
    if reported.corpus_changed {
        console.warn(&format!(
            "{corpus} has changed since the run: prompts that were not measured then count as missing"
        ));
    }
    outputs::pages(&engine, summary, &reported.folder)?;
    outputs::show(global, console, summary)?;
    outputs::tell_files(console, &reported.folder, &reported.router);
    if summary.run.missing > 0 {
        console.warn(&format!(
            "{} of {} trials have no answer in this run; measure them with `route-prof run {corpus}`",
            summary.run.missing, summary.run.trials,
        ));
        return Ok(Exit::Incomplete);
    }
    let programs = reported.programs_missing;
    if programs > 0 {
        console.warn(&format!(
            "{programs} questions to programs have no stored answer, because they never ran or have changed since; what hangs on them is ungraded: `route-prof grade latest --write` asks them"
        ));
    }
    match ending::of_questions(console, &reported.questions, None) {
        Exit::Fine if programs > 0 => Ok(Exit::Incomplete),
        exit => Ok(exit),
    }
}

/// What the run would decide and cost if something were otherwise, beside what it does.
fn what_if(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let wished = &args.what_if;
    let request = WhatIfRequest {
        run: args.run.clone(),
        prices: read(&wished.prices)?,
        traffic: read(&wished.traffic)?,
        policy: read(&wished.policy)?,
        out: wished.out.clone(),
        router: args.router.clone(),
    };
    let what_if = engine.what_if(&engine.open(global.config.as_deref())?, &request)?;
    if let Some(folder) = &wished.out {
        outputs::pages(&engine, &what_if.then, folder)?;
        console.note(&format!("wrote {}", shown(&folder.join("report.html"))));
    }
    if let Some(router) = &args.router {
        console.note(&format!("wrote {}, the routes of the what-if", shown(router)));
    }
    outputs::show(global, console, &what_if.then)?;
    if global.format == Format::Human {
        let month = |summary: &Summary| {
            let total = summary.projection.total.as_ref();
            total.map_or_else(|| "unknown".to_owned(), |total| total.month.mean.human())
        };
        let mut text = format!("\nWhat if: {}\n", escape(&what_if.changes.join("; ")));
        text.push_str(&format!(
            "a month as routed: {} now, {} then\n",
            month(&what_if.now),
            month(&what_if.then)
        ));
        text.push_str(&if what_if.routes.is_empty() {
            "no decision flips\n".to_owned()
        } else {
            what_if.routes.to_text()
        });
        console.out(&text)?;
    }
    Ok(Exit::Fine)
}

fn read<T: std::str::FromStr<Err = engine::Error>>(changes: &[String]) -> Result<Vec<T>, engine::Error> {
    changes.iter().map(|change| change.parse()).collect()
}
