//! `review export`: a sample of a run's answers, as a page and as a table.

use std::collections::BTreeMap;

use anyhow::Context;

use super::Reply;
use crate::cli::args::{Global, ReviewExportArgs};
use crate::cli::evidence::{self, Basis, Rows};
use crate::cli::exit::{Exit, UsageError};
use crate::cli::past_run::PastRun;
use crate::console::Console;
use crate::corpus::sample;
use crate::disk;
use crate::grade::labels::Label;
use crate::ident::Digester;
use crate::journal::fetch_at;
use crate::render::review::{self, Item, Set};

pub(in crate::cli) fn run(
    global: &Global,
    console: &Console,
    args: &ReviewExportArgs,
) -> anyhow::Result<Exit> {
    let past = PastRun::open(global, &args.run)?;
    let oracles = past.project.oracles(&past.corpus, &past.versions())?;
    let basis = past.basis(&oracles);
    let rows = evidence::collect(&basis)?;
    let mut replies = super::replies(&basis, &rows)?;
    if let Some(task) = &args.task {
        let tasks = &past.project.config.tasks;
        let Some(index) = tasks.iter().position(|known| known.name.as_str() == task) else {
            let names: Vec<&str> = tasks.iter().map(|task| task.name.as_str()).collect();
            return Err(UsageError::with_help(
                format!("there is no task `{}`", task.escape_debug()),
                format!("there are: {}", names.join(", ")),
            ));
        };
        replies.retain(|reply| reply.task == index);
    }
    if replies.is_empty() {
        return Err(UsageError::with_help(
            "the run has no graded answer to look at",
            "measure first: `route-prof run CORPUS`",
        ));
    }
    let mut strata: BTreeMap<(usize, usize, Option<Label>), Vec<usize>> = BTreeMap::new();
    for (at, reply) in replies.iter().enumerate() {
        strata.entry((reply.task, reply.tier, reply.machine)).or_default().push(at);
    }
    let groups: Vec<Vec<usize>> = strata.into_values().collect();
    let seed = args.seed.unwrap_or(past.project.config.run.seed);
    let drawn = sample::draw_from(&groups, args.n, seed);
    let items: Vec<Item> = drawn
        .iter()
        .filter_map(|at| replies.get(*at))
        .map(|reply| item(&basis, &rows, reply, args.show_tier))
        .collect::<anyhow::Result<_>>()?;
    let mut digester = Digester::new("route-prof review set 1");
    for item in &items {
        digester.part(item.id.as_bytes());
    }
    let set = Set { id: digester.finish().short(), run: past.record.id.to_string(), items };
    disk::make_folder(&args.out)?;
    let (page, table) = (args.out.join("review.html"), args.out.join("review.csv"));
    disk::replace(&page, &review::html(&set)?)?;
    disk::replace(&table, &review::csv(&set)?)?;
    let show = |path| past.project.shown(path);
    console.note(&format!(
        "{} of {} answers in {} strata: {} (open it in a browser) and {}",
        set.items.len(),
        replies.len(),
        groups.len(),
        show(&page),
        show(&table)
    ));
    if (set.items.len() as u64) < u64::from(past.project.config.policy.judge_min_labels) {
        console.note(&format!(
            "a judge needs {} labels before it can drive a route above monitor: see --n",
            past.project.config.policy.judge_min_labels
        ));
    }
    Ok(Exit::Fine)
}

fn item(basis: &Basis<'_>, rows: &Rows, reply: &Reply<'_>, show_tier: bool) -> anyhow::Result<Item> {
    let (journal, offset) =
        rows.places.get(reply.row).copied().flatten().context("an answer that is nowhere")?;
    let source = basis.answers.get(usize::from(journal)).context("an answer of another journal")?;
    let attempt = fetch_at(&mut disk::open(&source.path)?, offset)?;
    let prompt = basis.corpus.load(reply.prompt)?;
    let task = basis.project.config.tasks.get(reply.task).context("a task of other settings")?;
    let tool_calls = match &attempt.tool_calls {
        serde_json::Value::Null => String::new(),
        calls => format!("\n[tool calls] {calls:#}"),
    };
    let tier = basis.project.config.tiers.get(reply.tier);
    Ok(Item {
        id: reply.id.clone(),
        task: task.name.to_string(),
        about: task.description.clone(),
        prompt: prompt.content.plain(),
        expected: prompt.expected.as_ref().map(|expected| match expected {
            serde_json::Value::String(text) => text.clone(),
            other => format!("{other:#}"),
        }),
        output: format!("{}{tool_calls}", attempt.text),
        by: tier.filter(|_| show_tier).map(|tier| format!("{}: {}", tier.name, tier.model)),
    })
}
