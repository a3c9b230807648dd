//! `plan`: what a run would take, and what it could decide.

use std::path::Path;

use super::args::global::{Format, Global};
use super::args::run::SourceArgs;
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::engine::{NextPrompts, PlanReport, PlanRequest, TaskPower};
use crate::units::{Millis, Usd};

pub(super) fn run(
    global: &Global,
    console: &Console,
    corpus: &Path,
    source: &SourceArgs,
) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = PlanRequest { corpus: corpus.to_owned(), source: source.options() };
    let report = engine.plan(&engine.open(global.config.as_deref())?, &request)?;
    match global.format {
        Format::Json => outputs::json(console, &report)?,
        Format::Human => console.out(&text(console, &report))?,
    }
    Ok(Exit::Fine)
}

fn text(console: &Console, report: &PlanReport) -> String {
    let estimate = &report.estimate;
    let mut text = format!(
        "{} prompts, {} trials: {} to send, {} answered already, {} that do not fit\n",
        report.prompts,
        estimate.trials,
        estimate.to_send,
        estimate.answered,
        estimate.cells.iter().map(|cell| cell.overflow).sum::<u64>(),
    );
    let rows: Vec<Vec<String>> = estimate
        .cells
        .iter()
        .map(|cell| {
            vec![
                cell.task.to_string(),
                cell.tier.to_string(),
                cell.to_send.to_string(),
                format!("{:.0}", cell.input_mean),
                cell.output_cap.to_string(),
                format!("{} – {}", cell.low.human(), cell.high.human()),
                if cell.overflow == 0 { String::new() } else { cell.overflow.to_string() },
            ]
        })
        .collect();
    let align =
        [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right];
    let headers = ["task", "tier", "to send", "input tokens", "output cap", "cost", "too long"];
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str(&format!(
        "cost of the run: {} – {} ({}); the upper figure is every output at its cap, retries aside\n",
        estimate.low.human(),
        estimate.high.human(),
        report.price_source,
    ));
    for judge in &report.judges {
        text.push_str(&format!(
            "judge {}: up to {} calls on top, {} – {}\n",
            judge.model,
            judge.calls,
            judge.low.human(),
            judge.high.human()
        ));
    }
    for model in &report.strategies {
        text.push_str(&format!(
            "strategies ask {}: up to {} calls on top, {} – {}\n",
            model.model,
            model.calls,
            model.low.human(),
            model.high.human()
        ));
    }
    match estimate.seconds.and_then(|seconds| Millis::from_ms(seconds * 1000.0)) {
        Some(time) => text.push_str(&format!(
            "time at the limits of the settings: about {time}, if a reply takes {} s\n",
            estimate.assumed_latency_s
        )),
        None => text.push_str("nothing to send: no call would be made\n"),
    }
    text.push_str(&decides_text(console, &report.decides));
    text.push_str(&worth_text(console, &report.next_prompts));
    text
}

fn decides_text(console: &Console, decides: &[TaskPower]) -> String {
    let rows: Vec<Vec<String>> = decides
        .iter()
        .map(|task| {
            let floor = match (task.decidable, task.detectable, task.smallest_n) {
                (true, Some(rate), _) => format!("yes: a tier that passes {:.1} % or more", rate * 100.0),
                (true, None, _) => "barely: only if nearly every reply passes".to_owned(),
                (false, _, Some(n)) => format!("no: {n} prompts of equal weight at the least"),
                (false, _, None) => "no number of prompts can".to_owned(),
            };
            let margin = match (task.decidable_margin, task.smallest_n_margin) {
                (true, Some(n)) => format!("yes ({n} do)"),
                (_, Some(n)) => format!("no: {n}"),
                (_, None) => "no".to_owned(),
            };
            vec![
                task.task.to_string(),
                task.prompts.to_string(),
                format!("{:.0}", task.n_eff),
                format!("{} at P {}", task.route_floor, task.confidence),
                floor,
                margin,
            ]
        })
        .collect();
    let align = [Align::Left, Align::Right, Align::Right, Align::Left, Align::Left, Align::Left];
    let margins: Vec<String> = decides.iter().map(|task| format!("{:.1}", task.margin * 100.0)).collect();
    let one = margins.first().filter(|first| margins.iter().all(|margin| margin == *first));
    let within =
        one.map_or_else(|| "within the margin".to_owned(), |margin| format!("within {margin} points"));
    let headers = ["task", "prompts", "n eff", "floor", "can clear the floor", within.as_str()];
    let mut text = format!("\nWhat these prompts can decide:\n{}", console.table(&headers, &rows, &align));
    if let Some(task) = decides.first() {
        let basis = if task.discordant_measured { "as in the last run" } else { "assumed" };
        text.push_str(&format!(
            "{within}: can a tier as good as another one be shown to be no worse than that, four times out of five,\nif they \
             disagree on {:.1} % of the prompts ({basis})?\n",
            task.discordant * 100.0
        ));
    }
    text
}

fn worth_text(console: &Console, next: &NextPrompts) -> String {
    let mut text = format!("\nWhere {} more prompts of a task help most:\n", next.more);
    if next.other_rule {
        text.push_str("unknown: the last run was decided by floors; `route-prof report latest` decides it by the rule of today\n");
        return text;
    }
    if next.tasks.is_empty() {
        text.push_str("nowhere: no cheaper tier is left open for want of prompts\n");
        return text;
    }
    let unknown = || "unknown".to_owned();
    let rows: Vec<Vec<String>> = next
        .tasks
        .iter()
        .map(|worth| {
            vec![
                worth.task.to_string(),
                format!("{} for {}", worth.tier, worth.instead_of),
                worth.requests_per_day.map_or_else(unknown, |requests| format!("{requests:.0}")),
                worth.saved_per_request.map_or_else(unknown, Usd::human),
                format!("{:.1} %", worth.chance * 100.0),
                worth.month.map_or_else(unknown, Usd::human),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right];
    let headers = ["task", "may serve", "requests a day", "saved a request", "chance", "worth a month"];
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str("worth: traffic x saving x the chance that they prove the cheaper tier good enough;\n");
    text.push_str(&match &next.run {
        Some(run) => format!("rates and costs are those of run {run}\n"),
        None => "nothing was measured yet, so every pass rate is taken to be as likely as any other, and a reply to be half \
                 as long as it may be\n"
            .to_owned(),
    });
    text
}
