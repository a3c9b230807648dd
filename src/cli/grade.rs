//! `grade`: grades a run's stored replies with today's oracles, and lists what flips.

use super::args::decide::GradeArgs;
use super::args::global::{Format, Global};
use super::exit::Exit;
use super::{ending, outputs, session};
use crate::console::{Align, Console};
use crate::diag::escape;
use crate::engine::{GradeRequest, Regrade};
use crate::units::count;

/// The most flips that are shown.
const SHOWN: usize = 20;

pub(super) fn run(global: &Global, console: &Console, args: &GradeArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = GradeRequest {
        run: args.run.clone(),
        oracles: args.oracle.clone(),
        samples: args.samples,
        allow_judge: args.allow_judge,
        max_cost: args.max_cost,
        write: args.write,
    };
    let graded = engine.grade(&engine.open(global.config.as_deref())?, &request)?;
    if let Some(router) = &graded.router {
        outputs::pages(&engine, &graded.summary, &graded.folder)?;
        outputs::report_files(console, &graded.folder, router);
    }
    let regrade = &graded.regrade;
    match global.format {
        Format::Json => outputs::json(console, regrade)?,
        Format::Human => show(console, regrade)?,
    }
    let differs = !regrade.flips.is_empty() || !regrade.routes.is_empty();
    if differs && !args.write {
        console.note("nothing was written; add --write to save these grades");
    }
    Ok(ending::of_questions(console, &graded.questions, args.max_cost))
}

fn show(console: &Console, result: &Regrade) -> anyhow::Result<()> {
    let flips = result.flips.len() as u64;
    let mut text = format!(
        "{} graded, {} {}\n",
        count(result.replies, "reply"),
        count(flips, "verdict"),
        if flips == 1 { "flips" } else { "flip" }
    );
    if !result.flips.is_empty() {
        let rows: Vec<Vec<String>> = result
            .flips
            .iter()
            .take(SHOWN)
            .map(|flip| {
                vec![
                    escape(flip.prompt.as_str()).into_owned(),
                    flip.task.to_string(),
                    flip.tier.to_string(),
                    format!("{} -> {}", flip.before, flip.after),
                    escape(flip.reason.as_deref().unwrap_or_default()).into_owned(),
                ]
            })
            .collect();
        let headers = ["prompt", "task", "tier", "verdict", "reason"];
        text.push_str(&console.table(&headers, &rows, &[Align::Left; 5]));
        if let Some(more) = result.flips.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            text.push_str(&format!("and {more} more: --format json lists them all\n"));
        }
        for flip in &result.flips {
            let Some(reply) = &flip.reply else { continue };
            let shown: String = reply.split_whitespace().collect::<Vec<_>>().join(" ");
            let expected = flip.expected.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
            text.push_str(&format!(
                "\n{} on {}: {} -> {}; expected {}. The reply:\n  {}\n",
                escape(flip.prompt.as_str()),
                flip.tier,
                flip.before,
                flip.after,
                escape(&expected),
                escape(&shown)
            ));
        }
    }
    if !result.cells.is_empty() {
        let percent =
            |rate: Option<f64>| rate.map_or("unknown".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
        let rows: Vec<Vec<String>> = result
            .cells
            .iter()
            .map(|cell| {
                vec![cell.task.to_string(), cell.tier.to_string(), percent(cell.before), percent(cell.after)]
            })
            .collect();
        let align = [Align::Left, Align::Left, Align::Right, Align::Right];
        text.push_str(&console.table(&["task", "tier", "pass rate before", "after"], &rows, &align));
    }
    text.push_str(&if result.routes.is_empty() {
        "no route changes\n".to_owned()
    } else {
        result.routes.to_text()
    });
    console.out(&text)?;
    Ok(())
}
