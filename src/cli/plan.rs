//! `plan`: the calls, cost and time of a run, and what its prompts can decide.

use std::path::Path;

use super::args::global::{Format, Global};
use super::args::run::SourceArgs;
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::engine::{NextPrompts, PlanOutput, PlanRequest, TaskPower};
use crate::units::{Millis, Usd, count, effective_n};

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

fn text(console: &Console, report: &PlanOutput) -> String {
    let estimate = &report.estimate;
    let distinct: u64 = report.decides.iter().map(|task| task.distinct_prompts).sum();
    let distinct = if distinct == report.prompts { String::new() } else { format!(" ({distinct} distinct)") };
    let mut text = format!(
        "{}{distinct}, {}: {} to send, {} already answered, {} too long for the context window\n",
        count(report.prompts, "prompt"),
        count(estimate.trials, "trial"),
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
        "cost of the run: {} – {} (prices: {})\nAt the upper bound every output is as long as its cap. Retries are not included.\n",
        estimate.low.human(),
        estimate.high.human(),
        report.price_source,
    ));
    for judge in &report.judges {
        text.push_str(&format!(
            "judge {}: up to {} more calls, {} – {}\n",
            judge.model,
            judge.calls,
            judge.low.human(),
            judge.high.human()
        ));
    }
    for model in &report.strategies {
        text.push_str(&format!(
            "strategy queries to {}: up to {} more calls, {} – {}\n",
            model.model,
            model.calls,
            model.low.human(),
            model.high.human()
        ));
    }
    match estimate.seconds.and_then(|seconds| Millis::from_ms(seconds * 1000.0)) {
        Some(time) => text.push_str(&format!(
            "time: about {time} at the configured limits, if each reply takes {} s\n",
            estimate.assumed_latency_s
        )),
        None => text.push_str("nothing to send: the run would make no call\n"),
    }
    for merged in &report.merged_bands {
        text.push_str(&format!("\n{merged}\n"));
    }
    text.push_str(&power_text(console, &report.decides));
    text.push_str(&next_prompts_text(console, &report.next_prompts));
    text
}

fn power_text(console: &Console, decides: &[TaskPower]) -> String {
    let rows: Vec<Vec<String>> = decides
        .iter()
        .map(|task| {
            let floor = match (task.decidable, task.detectable, task.smallest_n) {
                (true, Some(rate), _) => format!("from {:.1} %", rate * 100.0),
                (true, None, _) => "only if nearly all pass".to_owned(),
                (false, _, Some(n)) => format!("needs n ≥ {n}"),
                (false, _, None) => "no".to_owned(),
            };
            let margin = match (task.decidable_margin, task.smallest_n_margin) {
                (true, Some(n)) => format!("yes (needs n ≥ {n})"),
                (_, Some(n)) => format!("needs n ≥ {n}"),
                (_, None) => "no".to_owned(),
            };
            vec![
                task.task.to_string(),
                task.distinct_prompts.to_string(),
                effective_n(task.n_eff),
                format!("{} (P ≥ {})", task.route_floor, task.confidence),
                floor,
                margin,
            ]
        })
        .collect();
    let align = [Align::Left, Align::Right, Align::Right, Align::Left, Align::Left, Align::Left];
    let margins: Vec<String> = decides.iter().map(|task| format!("{:.1}", task.margin * 100.0)).collect();
    let one = margins.first().filter(|first| margins.iter().all(|margin| margin == *first));
    let margin = one.map_or_else(|| "the margin".to_owned(), |margin| format!("{margin} points"));
    let non_inferior = format!("non-inferior within {margin}");
    let headers =
        ["task", "distinct\nprompts", "effective n", "route floor", "meets floor", non_inferior.as_str()];
    let mut text = format!("\nWhat these prompts can decide:\n{}", console.table(&headers, &rows, &align));
    if let Some(task) = decides.first() {
        let basis = if task.discordant_measured { "measured in the last run" } else { "assumed" };
        text.push_str("meets floor: the lowest pass rate that would meet the route floor with these prompts, or the effective n that it takes.\n");
        text.push_str(&format!(
            "{non_inferior}: whether these prompts can show that an equally good tier is not worse by more than\n\
             that, with a power of 80 %, if the tiers disagree on {:.1} % of the prompts ({basis}).\n",
            task.discordant * 100.0
        ));
    }
    text
}

fn next_prompts_text(console: &Console, report: &NextPrompts) -> String {
    let mut text = format!("\nWhere {} more prompts of a task would save most:\n", report.more);
    if report.other_rule {
        text.push_str("unknown: the last run was decided by floors; apply today's rule with `route-prof report latest`\n");
        return text;
    }
    if report.tasks.is_empty() {
        text.push_str("nowhere: no cheaper tier is undecided for lack of prompts\n");
        return text;
    }
    let unknown = || "unknown".to_owned();
    let rows: Vec<Vec<String>> = report
        .tasks
        .iter()
        .map(|next| {
            vec![
                next.task.to_string(),
                format!("{} instead of {}", next.tier, next.instead_of),
                next.requests_per_day.map_or_else(unknown, |requests| format!("{requests:.0}")),
                next.savings_per_request.map_or_else(unknown, Usd::human),
                format!("{:.1} %", next.chance * 100.0),
                next.expected_savings_per_month.map_or_else(unknown, Usd::human),
            ]
        })
        .collect();
    let align = [Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Right];
    let headers = [
        "task",
        "cheaper tier",
        "requests\nper day",
        "savings per\nrequest",
        "chance",
        "expected savings\na month",
    ];
    text.push_str(&console.table(&headers, &rows, &align));
    text.push_str("expected savings: requests x savings per request x the chance that the prompts prove the cheaper tier good enough.\n");
    text.push_str(&match &report.run {
        Some(run) => format!("Pass rates and costs are from run {run}.\n"),
        None => "Nothing was measured yet: every pass rate counts as equally likely, and every reply as half as long as its \
                 cap.\n"
            .to_owned(),
    });
    text
}
