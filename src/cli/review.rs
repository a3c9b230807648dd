//! `review export` and `review import`: people judge a sample of a run's answers, and judges are held against them.

use super::args::global::{Format, Global};
use super::args::project::{ReviewExportArgs, ReviewImportArgs};
use super::exit::Exit;
use super::{outputs, session};
use crate::console::{Align, Console};
use crate::diag::shown;
use crate::engine::{ReviewExport, ReviewImport, ReviewImported};
use crate::render;

pub(super) fn export(global: &Global, console: &Console, args: &ReviewExportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = ReviewExport {
        run: args.run.clone(),
        n: args.n,
        task: args.task.clone(),
        seed: args.seed,
        show_tier: args.show_tier,
    };
    let exported = engine.review_export(&engine.open(global.config.as_deref())?, &request)?;
    let (page, table) = (args.out.join("review.html"), args.out.join("review.csv"));
    engine.write(&page, &render::review::html(&exported.set)?)?;
    engine.write(&table, &render::review::csv(&exported.set)?)?;
    let drawn = exported.set.items.len();
    console.note(&format!(
        "{drawn} of {} answers in {} strata: {} (open it in a browser) and {}",
        exported.of,
        exported.strata,
        shown(&page),
        shown(&table)
    ));
    if (drawn as u64) < exported.labels_needed {
        console.note(&format!(
            "a judge needs {} labels before it can drive a route above monitor: see --n",
            exported.labels_needed
        ));
    }
    Ok(Exit::Fine)
}

pub(super) fn import(global: &Global, console: &Console, args: &ReviewImportArgs) -> anyhow::Result<Exit> {
    let engine = session::engine(console);
    let request = ReviewImport { run: args.run.clone(), file: args.file.clone() };
    let imported = engine.review_import(&engine.open(global.config.as_deref())?, &request)?;
    match global.format {
        Format::Json => outputs::json(console, &imported)?,
        Format::Human => show(console, &imported)?,
    }
    Ok(Exit::Fine)
}

fn show(console: &Console, result: &ReviewImported) -> anyhow::Result<()> {
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
    let headers = ["task", "tier", "oracle", "labels", "agree", "kappa", "passes the good", "fails the bad"];
    console.out(&console.table(&headers, &rows, &align))?;
    if result.ungraded > 0 {
        console.note(&format!(
            "{} answers are left out, because the oracle could not grade them",
            result.ungraded
        ));
    }
    for file in &result.calibrated {
        console.note(&format!(
            "wrote {file}; commit it, and decide anew with `route-prof report {}`",
            result.run
        ));
    }
    Ok(())
}
