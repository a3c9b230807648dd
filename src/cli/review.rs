//! `review export` and `review import`: people label a sample of a run's answers, and pass rates are corrected by the labels.

use super::args::global::{Format, Global};
use super::args::project::{ReviewExportArgs, ReviewImportArgs};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::diag::shown;
use crate::engine::{ReviewExportRequest, ReviewImportOutput, ReviewImportRequest};
use crate::render;
use crate::units::count;

pub(super) fn export(global: &Global, console: &Console, args: &ReviewExportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = ReviewExportRequest {
        run: args.run.clone(),
        n: args.n,
        task: args.task.clone(),
        seed: args.seed,
        show_tier: args.show_tier,
    };
    let exported = engine.review_export(&engine.open(global.config.as_deref())?, &request)?;
    let (page, table) = (args.out.join("review.html"), args.out.join("review.csv"));
    // The table may hold what people have filled in.
    engine.write_new(&table, &render::review::csv(&exported.set)?)?;
    engine.write(&page, &render::review::html(&exported.set)?)?;
    let drawn = exported.set.items.len();
    let among = if args.n.is_some() { " of tiers that serve or are undecided" } else { "" };
    console.note(&format!(
        "wrote {} (open it in a browser) and {}: {drawn} of {}{among}, from {}",
        shown(&page),
        shown(&table),
        count(exported.of, "answer"),
        if exported.strata == 1 { "1 stratum".to_owned() } else { format!("{} strata", exported.strata) }
    ));
    if exported.judges && (drawn as u64) < exported.labels_required {
        console.note(&format!(
            "a judge needs {} human labels before its verdicts can lead to more than `monitor`: raise --n",
            exported.labels_required
        ));
    }
    Ok(Exit::Fine)
}

pub(super) fn import(global: &Global, console: &Console, args: &ReviewImportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = ReviewImportRequest { run: args.run.clone(), file: args.file.clone() };
    let imported = engine.review_import(&engine.open(global.config.as_deref())?, &request)?;
    match global.format {
        Format::Json => outputs::json(console, &imported)?,
        Format::Human => show(console, &imported)?,
    }
    Ok(Exit::Fine)
}

fn show(console: &Console, result: &ReviewImportOutput) -> anyhow::Result<()> {
    let percent =
        |share: Option<f64>| share.map_or_else(|| "–".to_owned(), |share| format!("{:.1} %", share * 100.0));
    let rows: Vec<Vec<String>> = result
        .agreement
        .iter()
        .map(|cell| {
            vec![
                cell.task.to_string(),
                cell.tier.to_string(),
                cell.oracle.to_string(),
                cell.labels.to_string(),
                percent(cell.agreement),
                cell.kappa.map_or_else(|| "–".to_owned(), |kappa| format!("{kappa:.2}")),
                percent(cell.sensitivity),
                percent(cell.specificity),
            ]
        })
        .collect();
    let mut align = vec![Align::Left; 3];
    align.resize(8, Align::Right);
    let headers = ["task", "tier", "oracle", "labels", "agreement", "kappa", "sensitivity", "specificity"];
    console.out(&console.table(&headers, &rows, &align))?;
    if result.ungraded > 0 {
        console.note(&format!(
            "ignored {}: the oracle could not grade the answer",
            count(result.ungraded as u64, "label")
        ));
    }
    for file in &result.calibrated {
        console.note(&format!(
            "wrote {file}; commit it, and update the routes with `route-prof report {}`",
            result.run
        ));
    }
    Ok(())
}
