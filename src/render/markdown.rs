//! `report.md`: fits a comment on a pull request. Foreign text cannot make links, mentions, HTML or table cells of its own.

use super::bill;
use super::compared;
use super::figures::{self, Savings};
use super::renderer::{RenderError, Renderer};
use super::sentences;
use super::service;
use crate::summary::{Decision, Money, NoticeLevel, Strategies, Summary};
use crate::units::percent;

pub(super) const RENDERER: Renderer = Renderer { name: "markdown", file: "report.md", render };

fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut md = String::from("## route-prof\n\n");
    for note in summary
        .run
        .source
        .sentence()
        .into_iter()
        .chain(summary.evidence.price_note.as_ref().map(|note| format!("Prices: {note}.")))
    {
        md.push_str(&format!("> {}\n>\n", escape(&note)));
    }
    md.push_str(&format!("\n**{}**\n\n", escape(&sentences::verdict(summary))));
    let owners = bill::owners(summary);
    md.push_str(&format!(
        "| task | tier | decision | pass rate ({}) | n | p95 | per request | fallback |{}\n|---|---|---|--:|--:|--:|--:|---|{}\n",
        sentences::ci(summary),
        if owners { " owner |" } else { "" },
        if owners { "---|" } else { "" }
    ));
    for task in &summary.tasks {
        let route = &task.route;
        let mark = match route.decision {
            Decision::Route => "✅",
            Decision::Monitor => "👁",
            Decision::Undecided => "❔",
            Decision::Escalate => "❌",
        };
        let mut cells = vec![
            task.name.to_string(),
            route.tier.to_string(),
            format!("{mark} {}", route.decision.name()),
            route.pass_rate.map_or_else(|| "unknown".to_owned(), |rate| figures::rate(&rate)),
            route.pass_rate.map_or_else(String::new, |rate| rate.n.to_string()),
            route.latency.map_or_else(|| "–".to_owned(), |latency| latency.p95.to_string()),
            route.cost_per_request.map_or_else(|| "unknown".to_owned(), |cost| cost.human()),
            route.fallback.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        ];
        if owners {
            cells.push(task.owner.clone().unwrap_or_else(|| "–".to_owned()));
        }
        row(&mut md, &cells);
    }
    for note in service::concurrency(summary).into_iter().chain(sentences::method(summary)) {
        md.push_str(&format!("\n{}\n", escape(&note)));
    }
    projection(&mut md, summary);
    strategies(&mut md, summary);
    details(&mut md, summary);
    for spent in [sentences::judges(summary), sentences::stop_early(summary)].into_iter().flatten() {
        md.push_str(&format!("\n{}\n", escape(&spent)));
    }
    let warnings = summary
        .notices
        .iter()
        .filter(|notice| notice.level >= NoticeLevel::Warning && !sentences::is_banner(notice));
    for notice in warnings {
        md.push_str(&format!("\n⚠️ {}\n", escape(&notice.text)));
    }
    let run = &summary.run;
    md.push_str(&format!(
        "\n<sub>run {} · corpus {} ({} prompts, {} of {} trials answered) · {} · {}</sub>\n",
        escape(run.id.as_str()),
        escape(&run.corpus),
        run.prompts,
        run.answered,
        run.trials,
        escape(&summary.evidence.price_source),
        escape(&summary.tool),
    ));
    Ok(md.into_bytes())
}

fn projection(md: &mut String, summary: &Summary) {
    let projection = &summary.projection;
    let Some(total) = &projection.total else {
        md.push_str(&format!("\n{}\n", escape(&bill::none(summary))));
        if let Some(weighted) = bill::weighted(summary) {
            md.push_str(&format!("\n{}\n", escape(&weighted)));
        }
        return;
    };
    let ci = sentences::ci(summary);
    let money =
        |money: &Money| format!("{} ({} – {})", money.mean.human(), money.low.human(), money.high.human());
    md.push_str(&format!(
        "\n| projected cost | pass rate ({ci}) | month ({ci}) | year | savings from routing per month |\n|---|--:|--:|--:|--:|\n"
    ));
    row(
        md,
        &[
            "**as routed**".to_owned(),
            String::new(),
            money(&total.month),
            total.year.mean.human(),
            String::new(),
        ],
    );
    for baseline in &projection.baselines {
        let (month, year) = baseline.cost.as_ref().map_or_else(
            || ("unknown".to_owned(), String::new()),
            |cost| (money(&cost.month), cost.year.mean.human()),
        );
        let pass_rate = baseline.pass_rate.map_or_else(|| "unknown".to_owned(), |rate| figures::rate(&rate));
        let savings = Savings::of_routes(Some(total), baseline).map_or_else(String::new, Savings::cell);
        row(md, &[format!("all traffic on {}", baseline.tier), pass_rate, month, year, savings]);
    }
    if let Some(today) = &projection.today {
        let (month, year) = today.cost.as_ref().map_or_else(
            || ("unknown".to_owned(), String::new()),
            |cost| (money(&cost.month), cost.year.mean.human()),
        );
        let savings = Savings::of(Some(total), today.cost.as_ref(), today.savings);
        row(
            md,
            &[
                format!("what serves today: {}", bill::tiers(today)),
                today.pass_rate.map_or_else(|| "unknown".to_owned(), |rate| figures::rate(&rate)),
                month,
                year,
                savings.map_or_else(String::new, Savings::cell),
            ],
        );
    }
    let scenarios: Vec<_> = projection.scenarios.iter().flatten().map(bill::scenario).collect();
    if !scenarios.is_empty() {
        md.push_str("\n| scenario | month at the low end | month at the high end |\n|---|--:|--:|\n");
    }
    for (what, low, high) in scenarios {
        row(md, &[what, low, high]);
    }
    for remark in bill::remarks(summary) {
        md.push_str(&format!("\n{}\n", escape(&remark)));
    }
    md.push_str(&format!("\n{}\n", escape(&sentences::sufficient_tier(summary))));
}

fn strategies(md: &mut String, summary: &Summary) {
    let Some(strategies) = &summary.strategies else { return };
    let ci = sentences::ci(summary);
    let best = compared::best_single(strategies).map(|best| &best.id);
    md.push_str(&format!("\n{}\n\n", escape(&compared::strategies(strategies, &ci))));
    md.push_str(&format!(
        "| strategy | pass rate ({ci}) | per 1,000 requests | savings {} | gain over random routing (points) |\n|---|--:|--:|--:|--:|\n",
        compared::savings_unit(strategies)
    ));
    for line in compared::short_list(summary, strategies) {
        let savings = compared::savings(strategies, line).filter(|_| Some(&line.id) != best);
        row(
            md,
            &[
                line.label.clone(),
                format!(
                    "{} ({:.1}–{:.1})",
                    percent(line.pass_rate.mean),
                    line.pass_rate.low * 100.0,
                    line.pass_rate.high * 100.0
                ),
                line.cost_per_1000.mean.human(),
                savings.map_or_else(|| "–".to_owned(), Savings::cell),
                line.gain_over_random.map_or_else(|| "–".to_owned(), |gain| figures::points(gain.mean)),
            ],
        );
    }
    flips(md, strategies);
}

/// Rows of the table of flips; the page and `summary.json` have more.
const FLIPS: usize = 5;

fn flips(md: &mut String, strategies: &Strategies) {
    let Some(first) = compared::first_flip(strategies) else { return };
    md.push_str(&format!(
        "\n<details><summary>What would flip a route or the comparison</summary>\n\n{}\n\n| change | factor | flips | from | to |\n|---|--:|---|---|---|\n",
        escape(&first)
    ));
    for flip in strategies.route_flips.iter().take(FLIPS) {
        row(
            md,
            &[
                compared::change(&flip.change),
                figures::factor(flip.factor),
                format!("the route of {}", flip.task),
                flip.from.to_string(),
                flip.to.to_string(),
            ],
        );
    }
    for flip in strategies.traffic_flips.iter().take(FLIPS) {
        row(
            md,
            &[
                format!("the traffic of {}", flip.task),
                figures::factor(flip.factor),
                compared::flipped(&flip.what),
                compared::ahead(strategies, flip.from.as_deref()),
                compared::ahead(strategies, flip.to.as_deref()),
            ],
        );
    }
    md.push_str("\nTraffic flips no route, because each task is decided by itself.\n\n</details>\n");
}

fn details(md: &mut String, summary: &Summary) {
    md.push_str(&format!(
        "\n<details><summary>Evidence: pass rate of each tier for each task ({})</summary>\n\n| task |",
        sentences::ci(summary)
    ));
    for tier in &summary.tiers {
        md.push_str(&format!(" {} |", escape(tier.name.as_str())));
    }
    md.push_str("\n|---|");
    md.push_str(&"--:|".repeat(summary.tiers.len()));
    md.push('\n');
    for task in &summary.tasks {
        let mut cells = vec![task.name.to_string()];
        cells.extend(task.cells.iter().map(|cell| {
            let rate = cell.pass_rate.map_or_else(
                || "no evidence".to_owned(),
                |rate| format!("{} n {}", figures::rate(&rate), rate.n),
            );
            let mut text = format!("{rate}, {}", sentences::standing(cell));
            text.extend(cell.versus.iter().map(|versus| format!("; {}", sentences::versus(versus))));
            text.extend(service::availability(cell).map(|seen| format!("; {seen}")));
            text.extend(service::open(cell).iter().map(|open| format!("; {open}")));
            text.extend(cell.repeats.iter().map(|repeats| format!("; {}", sentences::repeats(repeats))));
            text
        }));
        row(md, &cells);
    }
    for outside in &summary.outside_ladder {
        let mut line = format!(
            "\n{} ({}):",
            escape(&outside.model.to_string()),
            escape(&sentences::role(&outside.role))
        );
        for cell in &outside.cells {
            let rate = cell.cell.pass_rate.map_or_else(
                || "no evidence".to_owned(),
                |rate| format!("{} n {}", figures::rate(&rate), rate.n),
            );
            line.push_str(&format!(
                " {} {rate}, {};",
                escape(cell.task.as_str()),
                sentences::band(cell.cell.band)
            ));
        }
        md.push_str(line.trim_end_matches(';'));
        if let Some(served) = sentences::served(outside) {
            md.push_str(&format!("; {}", escape(&served)));
        }
        md.push('\n');
    }
    md.push_str("\n</details>\n\n<details><summary>Reasons</summary>\n\n");
    for task in &summary.tasks {
        md.push_str(&format!("- **{}**: {}\n", escape(task.name.as_str()), escape(&sentences::reason(task))));
    }
    md.push_str("\n</details>\n");
}

fn row(md: &mut String, cells: &[String]) {
    md.push('|');
    for cell in cells {
        let bold = cell.strip_prefix("**").and_then(|cell| cell.strip_suffix("**"));
        match bold {
            Some(inner) => md.push_str(&format!(" **{}** |", escape(inner))),
            None => md.push_str(&format!(" {} |", escape(cell))),
        }
    }
    md.push('\n');
}

/// Text that Markdown takes for nothing but text.
fn escape(text: &str) -> String {
    let text = crate::diag::escape(text);
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => safe.push(' '),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            // An invisible joiner keeps a mention or a bare link from becoming one.
            '@' => safe.push_str("@\u{2060}"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '|' | '#' | '~' | '!' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe.replace("://", ":\u{2060}//").replace("www.", "www\u{2060}.")
}
