//! `report.html`: one file that a stakeholder can open anywhere. No network, no script; light, dark, on a phone, printed.
//! Its terms link to their definitions at the end of the page.
//!
//! Every foreign text goes through the template engine's escaping; charts are the only markup that is passed as it is, and
//! are made here.

pub mod day;
mod strategies;

use minijinja::{AutoEscape, Environment, context, value::Value};

use super::bill;
use super::charts;
use super::figures::{self, Savings};
use super::glossary::Glossary;
use super::renderer::{RenderError, Renderer};
use super::sentences;
use super::service;
use crate::config::Rule;
use crate::summary::{Band, Cell, Decision, Horizon, Money, NoticeLevel, OutsideModel, Summary, TaskSummary};
use crate::units::{effective_n, percent};

pub(super) const RENDERER: Renderer = Renderer { name: "html", file: "report.html", render };

fn render(summary: &Summary) -> Result<Vec<u8>, RenderError> {
    let mut engine = Environment::new();
    engine.set_auto_escape_callback(|_| AutoEscape::Html);
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Strict);
    Glossary::default().install(&mut engine);
    engine.add_template("report", include_str!("report.html.jinja"))?;
    engine.add_template("strategies", include_str!("strategies.html.jinja"))?;
    let charts: Vec<Value> = charts::all(summary)?
        .into_iter()
        .map(|chart| {
            let name = chart.file.trim_end_matches(".svg");
            context! { name => name, title => chart.title, svg => Value::from_safe_string(chart.svg) }
        })
        .collect();
    let strategies = summary.strategies.as_ref();
    let strategies = strategies
        .map(|strategies| {
            let value = strategies::value(strategies, &sentences::ci(summary));
            engine.get_template("strategies")?.render(context! { strategies => value })
        })
        .transpose()?;
    let page = engine.get_template("report")?.render(context! {
        style => Value::from_safe_string(include_str!("report.css").to_owned()),
        tool => summary.tool.clone(),
        run => context! {
            id => summary.run.id.as_str(),
            corpus => summary.run.corpus.clone(),
            prompts => summary.run.prompts,
            trials => summary.run.trials,
            answered => summary.run.answered,
            errors => summary.run.errors,
            missing => summary.run.missing,
            repeats => summary.run.repeats,
            seed => summary.run.seed,
        },
        source => summary.run.source.sentence(),
        price_source => summary.evidence.price_source.clone(),
        price_note => summary.evidence.price_note.clone(),
        method => sentences::method(summary),
        concurrency => service::concurrency(summary),
        ci => sentences::ci(summary),
        non_inferior => match summary.method.rule {
            Rule::Floor => false,
            Rule::NonInferior => true,
        },
        // A figure and its sign stay on one line.
        verdict => sentences::verdict(summary).replace(" %", "\u{a0}%"),
        tiles => tiles(summary),
        notices => notices(summary),
        tiers => summary.tiers.iter().map(|tier| context! {
            name => tier.name.as_str(),
            model => tier.model.to_string(),
            pass_rate => tier.pass_rate.map(|rate| figures::rate(&rate)),
            p95 => tier.latency.map(|latency| latency.p95.to_string()),
            cost => tier.cost_per_request.map(|cost| cost.human()),
            input => tier.price.input.human(),
            output => tier.price.output.human(),
            window => tier.context_window.map(|tokens| tokens.to_string()),
            dominated_by => tier.dominated_by.as_ref().map(|other| other.to_string()),
        }).collect::<Vec<_>>(),
        tasks => summary.tasks.iter().map(|task| self::task(summary, task)).collect::<Vec<_>>(),
        outside => summary.outside_ladder.iter().map(outside).collect::<Vec<_>>(),
        charts => charts,
        strategies => strategies.map(Value::from_safe_string),
        projection => projection(summary),
        spend => context! {
            attempts => summary.spend.attempts,
            retries => summary.spend.retries,
            list_price => summary.spend.list_price.human(),
            billed => summary.spend.billed.human(),
            unpriced => summary.spend.unpriced,
            judges => sentences::judges(summary),
            stop_early => sentences::stop_early(summary),
        },
        digests => digests(summary),
    })?;
    Ok(page.into_bytes())
}

fn tiles(summary: &Summary) -> Vec<Value> {
    let mut tiles = Vec::new();
    let projection = &summary.projection;
    if let Some(total) = &projection.total {
        tiles.push(context! {
            label => "per month, as routed",
            value => total.month.mean.human(),
            small => format!("{}: {} – {}", sentences::ci(summary), total.month.low.human(), total.month.high.human()),
        });
    }
    // Against the top of the ladder, and against the best that a single tier can do: a router that does not pay off is seen.
    let top = projection.baselines.last();
    let best = projection
        .baselines
        .iter()
        .find(|baseline| Some(&baseline.tier) == projection.cheapest_sufficient_tier.as_ref());
    let best = best.filter(|best| top.is_none_or(|top| top.tier != best.tier));
    if let Some(today) = &projection.today {
        let savings = Savings::of(projection.total.as_ref(), today.cost.as_ref(), today.savings);
        if let (Some(cost), Some(savings)) = (&today.cost, savings) {
            let (value, label) = savings.tile(&format!("what serves today ({})", bill::tiers(today)));
            tiles.push(context! {
                label => label,
                value => value,
                small => format!("which costs {} a month", cost.month.mean.human()),
            });
        }
    }
    for baseline in top.into_iter().chain(best) {
        let savings = Savings::of_routes(projection.total.as_ref(), baseline);
        if let (Some(cost), Some(savings)) = (&baseline.cost, savings) {
            let (value, label) = savings.tile(&format!("all traffic on {}", baseline.tier));
            tiles.push(context! {
                label => label,
                value => value,
                small => format!("which costs {} a month", cost.month.mean.human()),
            });
        }
    }
    let good = summary
        .tasks
        .iter()
        .filter(|task| matches!(task.route.decision, Decision::Route | Decision::Monitor));
    tiles.push(context! {
        label => "tasks with a tier that is good enough",
        value => format!("{} of {}", good.count(), summary.tasks.len()),
        small => format!("{} prompts, {} answers", summary.run.prompts, summary.run.answered),
    });
    tiles
}

fn notices(summary: &Summary) -> Vec<Value> {
    let class = |level| match level {
        NoticeLevel::Note => "note",
        NoticeLevel::Warning => "warning",
        NoticeLevel::Error => "error",
    };
    let shown = summary.notices.iter().filter(|notice| !sentences::is_banner(notice));
    shown.map(|notice| context! { class => class(notice.level), text => notice.text.clone() }).collect()
}

const fn band_class(band: Band) -> &'static str {
    match band {
        Band::Route => "good",
        Band::Monitor | Band::Undecided => "warn",
        Band::Below => "bad",
    }
}

const fn decision_class(decision: Decision) -> &'static str {
    match decision {
        Decision::Route => "good",
        Decision::Monitor | Decision::Undecided => "warn",
        Decision::Escalate => "bad",
    }
}

fn margin(margin: f64) -> String {
    format!("{:.1} points", margin * 100.0)
}

fn task(summary: &Summary, task: &TaskSummary) -> Value {
    let route = &task.route;
    context! {
        name => task.name.as_str(),
        description => task.description.clone(),
        owner => task.owner.clone(),
        oracle => task.oracle.to_string(),
        consequence => sentences::consequence(task.consequence),
        latency_p95_limit => task.latency_p95_limit.map(|need| need.to_string()),
        ttft_p95_limit => task.ttft_p95_limit.map(|need| need.to_string()),
        failing => task.cells.iter().any(|cell| cell.availability.is_some_and(|seen| seen.failed > 0)),
        requests => task.requests_per_day.map(|requests| bill::requests(summary, task.name.as_str(), requests)),
        expected_output => task.expected_output_tokens.map(|tokens| format!("{tokens:.0}")),
        prompts => task.prompts,
        adversarial => task.adversarial,
        route_floor => percent(task.route_floor),
        monitor_floor => percent(task.monitor_floor),
        margin => task.margin.map(margin),
        monitor_margin => task.monitor_margin.map(margin),
        confidence_required => format!("{:.2}", task.confidence_required),
        tier => route.tier.as_str(),
        decision => sentences::decision(route.decision),
        short => route.decision.name(),
        class => decision_class(route.decision),
        pass_rate => route.pass_rate.map(|rate| figures::rate(&rate)),
        n => route.pass_rate.map(|rate| rate.n),
        n_eff => route.pass_rate.map(|rate| effective_n(rate.n_eff)),
        p95 => route.latency.map(|latency| latency.p95.to_string()),
        cost => route.cost_per_request.map(|cost| cost.human()),
        fallback => route.fallback.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        gate => route.gate.as_ref().map(|gate| gate.to_string()),
        gate_required => route.quality_gate == crate::summary::QualityGate::Required,
        escalation => route.escalation.map(|escalation| context! {
            baseline => percent(escalation.baseline),
            alert => percent(escalation.alert_above),
            window => escalation.window,
            above => escalation.escalate_above.map(percent),
            detector => escalation.detector.as_ref().map(service::detector),
        }),
        reason => sentences::reason(task),
        cells => task.cells.iter().map(|cell| self::cell(summary, cell)).collect::<Vec<_>>(),
    }
}

fn outside(outside: &OutsideModel) -> Value {
    context! {
        name => outside.name.as_str(),
        model => outside.model.to_string(),
        role => sentences::role(&outside.role),
        served => sentences::served(outside),
        pass_rate => outside.pass_rate.map(|rate| figures::rate(&rate)),
        p95 => outside.latency.map(|latency| latency.p95.to_string()),
        cost => outside.cost_per_request.map(|cost| cost.human()),
        cells => outside.cells.iter().map(|cell| context! {
            task => cell.task.as_str(),
            class => band_class(cell.cell.band),
            pass_rate => cell.cell.pass_rate.map(|rate| percent(rate.mean)),
            n => cell.cell.pass_rate.map(|rate| rate.n),
        }).collect::<Vec<_>>(),
    }
}

fn cell(_summary: &Summary, cell: &Cell) -> Value {
    context! {
        tier => cell.tier.as_str(),
        class => if cell.is_spared() { "small" } else { band_class(cell.band) },
        band => sentences::standing(cell),
        pass_rate => cell.pass_rate.map(|rate| percent(rate.mean)),
        interval => cell.pass_rate.map(|rate| format!("{:.1} – {:.1} %", rate.low * 100.0, rate.high * 100.0)),
        n => cell.pass_rate.map(|rate| rate.n),
        // Rounded down, as in the reasons: 29.7 are not the 30 that are required.
        n_eff => cell.pass_rate.map(|rate| effective_n(rate.n_eff)),
        p_route => cell.p_route.map(|p| format!("{p:.2}")),
        p_monitor => cell.p_monitor.map(|p| format!("{p:.2}")),
        more => cell.more_prompts,
        versus => cell.versus.as_ref().map(sentences::versus),
        repeats => cell.repeats.as_ref().map(sentences::repeats),
        reasons => cell.fail_reasons.iter().map(|reason| context! { text => reason.reason.clone(), count => reason.count }).collect::<Vec<_>>(),
        gaps => sentences::gaps(cell).join(", "),
        available => service::availability(cell),
        availability => cell.availability.as_ref().map(service::availability_column),
        unproven => service::open(cell).join("; "),
        gate_rejection_rate => cell.gate_rejection_rate.map(|rate| percent(rate.mean)),
        p50 => cell.latency.map(|latency| latency.p50.to_string()),
        p95 => cell.latency.as_ref().map(service::p95),
        ttft => cell.latency.and_then(|latency| latency.ttft_p50).map(|ttft| ttft.to_string()),
        input => cell.tokens.map(|tokens| format!("{:.0}", tokens.input_mean)),
        output => cell.tokens.map(|tokens| format!("{:.0}", tokens.output_mean)),
        retry_rate => percent(cell.retry_rate),
        cost => cell.cost.map(|cost| cost.mean.human()),
        effective => cell.effective_cost.map(|cost| cost.total.human()),
        infeasible => cell.infeasible.iter().map(sentences::infeasible).collect::<Vec<_>>().join("; "),
    }
}

fn money(money: &Money) -> Value {
    context! { mean => money.mean.human(), interval => format!("{} – {}", money.low.human(), money.high.human()) }
}

fn horizon(cost: &Horizon) -> Value {
    context! { day => money(&cost.day), month => money(&cost.month), year => money(&cost.year) }
}

fn projection(summary: &Summary) -> Value {
    let projection = &summary.projection;
    context! {
        requests => format!("{:.0}", projection.requests_per_day),
        none => bill::none(summary),
        weighted => bill::weighted(summary),
        remarks => bill::remarks(summary),
        sources => bill::source_rows(summary).iter().map(|&(name, ref share, ref month)| context! {
            name => name, share => share.clone(), month => money(month),
        }).collect::<Vec<_>>(),
        scenarios => projection.scenarios.iter().flatten().map(bill::scenario).map(|(what, low, high)| context! {
            what => what, low => low, high => high,
        }).collect::<Vec<_>>(),
        today => projection.today.as_ref().map(|today| context! {
            tier => format!("What serves today: {}", bill::tiers(today)),
            cost => today.cost.as_ref().map(horizon),
            pass_rate => today.pass_rate.map(|rate| figures::rate(&rate)),
            savings => Savings::of(projection.total.as_ref(), today.cost.as_ref(), today.savings).map(|savings| context! {
                money => savings.cell(),
                interval => savings.interval(),
            }),
        }),
        tasks => projection.tasks.iter().map(|task| context! {
            task => task.task.as_str(),
            tier => task.tier.as_str(),
            requests => bill::requests(summary, task.task.as_str(), task.requests_per_day),
            cost => horizon(&task.routed),
        }).collect::<Vec<_>>(),
        total => projection.total.as_ref().map(horizon),
        uncached => projection.total_uncached.as_ref().map(horizon),
        baselines => projection.baselines.iter().map(|baseline| context! {
            tier => baseline.tier.as_str(),
            cost => baseline.cost.as_ref().map(horizon),
            pass_rate => baseline.pass_rate.map(|rate| figures::rate(&rate)),
            savings => Savings::of_routes(projection.total.as_ref(), baseline).map(|savings| context! {
                money => savings.cell(),
                interval => savings.interval(),
            }),
        }).collect::<Vec<_>>(),
        sufficient_tier => sentences::sufficient_tier(summary),
    }
}

fn digests(summary: &Summary) -> Vec<Value> {
    let evidence = &summary.evidence;
    let mut all = vec![
        ("corpus".to_owned(), evidence.corpus),
        ("tiers".to_owned(), evidence.tiers),
        ("tasks".to_owned(), evidence.tasks),
        ("policy".to_owned(), evidence.policy),
        ("prices".to_owned(), evidence.prices),
    ];
    all.extend(evidence.oracles.iter().map(|(oracle, digest)| (format!("oracle {oracle}"), *digest)));
    all.into_iter().map(|(name, digest)| context! { name => name, digest => digest.to_string() }).collect()
}
