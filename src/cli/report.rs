//! `report`: recomputes a run's routes and reports with today's policy, prices and traffic, or with those of a what-if.

use super::args::decide::ReportArgs;
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{ending, outputs, session};
use crate::console::{Align, Console};
use crate::diag::{escape, shown};
use crate::engine::{self, ReportRequest, Summary, WhatIfRequest};
use crate::units::{Usd, count, have};

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
        console.warn(&format!("{corpus} has changed since the run: new and edited prompts count as missing"));
    }
    outputs::pages(&engine, summary, &reported.folder)?;
    outputs::show(global, console, summary)?;
    outputs::report_files(console, &reported.folder, &reported.router);
    if summary.run.missing > 0 {
        console.warn(&format!(
            "{} of {} {} no answer in this run; measure them with `route-prof run {corpus}`",
            summary.run.missing,
            count(summary.run.trials, "trial"),
            have(summary.run.missing),
        ));
        return Ok(Exit::Incomplete);
    }
    let programs = reported.programs_missing;
    if programs > 0 {
        console.warn(&format!(
            "{programs} verdicts of oracle programs are not stored (the programs never ran, or have changed), so their replies are ungraded: run them with `route-prof grade latest --write`"
        ));
    }
    match ending::of_questions(console, &reported.questions, None) {
        Exit::Fine if programs > 0 => Ok(Exit::Incomplete),
        exit => Ok(exit),
    }
}

/// The run's routes and costs if prices, traffic or policy were different, compared with the current ones.
fn what_if(global: &Global, console: &Console, args: &ReportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let changes = &args.what_if;
    let request = WhatIfRequest {
        run: args.run.clone(),
        prices: read(&changes.prices)?,
        traffic: read(&changes.traffic)?,
        policy: read(&changes.policy)?,
        out: changes.out.clone(),
        router: args.router.clone(),
    };
    let what_if = engine.what_if(&engine.open(global.config.as_deref())?, &request)?;
    if let Some(folder) = &changes.out {
        outputs::pages(&engine, &what_if.what_if, folder)?;
        console.note(&format!("wrote {}", shown(&folder.join("report.html"))));
    }
    if let Some(router) = &args.router {
        console.note(&format!("wrote {}, the routes of the what-if", shown(router)));
    }
    outputs::show(global, console, &what_if.what_if)?;
    if global.format == Format::Human {
        let mut text = format!("\nWhat if: {}\n", escape(&what_if.changes.join("; ")));
        text.push_str(&cost_table(console, &what_if.current, &what_if.what_if));
        text.push_str(&if what_if.routes.is_empty() {
            "no route changes\n".to_owned()
        } else {
            what_if.routes.to_text()
        });
        console.out(&text)?;
    }
    Ok(Exit::Fine)
}

/// The cost per month of the routes, now and in the what-if.
fn cost_table(console: &Console, current: &Summary, what_if: &Summary) -> String {
    let month = |summary: &Summary| summary.projection.total.as_ref().map(|total| total.month.mean);
    let unknown = || "unknown".to_owned();
    let (current, what_if) = (month(current), month(what_if));
    let difference = current.zip(what_if).map(|(current, what_if)| {
        let (change, sign) =
            if what_if < current { (current - what_if, "-") } else { (what_if - current, "+") };
        let share = (current > Usd::ZERO).then(|| change.to_f64() / current.to_f64() * 100.0);
        let share = share.map(|share| format!(" ({sign}{share:.0} %)")).unwrap_or_default();
        if change == Usd::ZERO { "none".to_owned() } else { format!("{sign}{}{share}", change.human()) }
    });
    let row = vec![
        "cost per month".to_owned(),
        current.map_or_else(unknown, Usd::human),
        what_if.map_or_else(unknown, Usd::human),
        difference.unwrap_or_else(unknown),
    ];
    let align = [Align::Left, Align::Right, Align::Right, Align::Right];
    console.table(&["", "current", "what-if", "difference"], &[row], &align)
}

fn read<T: std::str::FromStr<Err = engine::Error>>(changes: &[String]) -> Result<Vec<T>, engine::Error> {
    changes.iter().map(|change| change.parse()).collect()
}
