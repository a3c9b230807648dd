//! The tables on stdout: routes, evidence, projected cost, strategies, notices. Returns text; printing is the console's.

use unicode_width::UnicodeWidthStr;

use super::bill;
use super::compared;
use super::figures::{self, Savings};
use super::sentences;
use super::service;
use crate::console::{Align, escape, table};
use crate::diag::Paint;
use crate::summary::{Band, Baseline, Cell, Decision, NoticeLevel, Summary, TaskSummary};

/// The summary as text of at most `width` columns.
#[must_use]
pub fn render(summary: &Summary, width: usize, paint: Paint) -> String {
    let page = Page { width, paint, ci: sentences::ci(summary) };
    let mut text = String::new();
    if let Some(source) = summary.run.source.sentence() {
        text.push_str(&page.wrap(&page.colour("33", &escape(&source)), ""));
    }
    if let Some(note) = &summary.evidence.price_note {
        text.push_str(&page.wrap(&page.colour("33", &escape(&format!("Prices: {note}."))), ""));
    }
    text.push('\n');
    text.push_str(&page.wrap(&page.colour("1", &sentences::verdict(summary)), ""));
    text.push_str(&page.routes(summary));
    text.push_str(&page.evidence(summary));
    text.push_str(&page.outside(summary));
    text.push_str(&page.projection(summary));
    text.push_str(&page.strategies(summary));
    text.push('\n');
    for spent in [sentences::judges(summary), sentences::stop_early(summary)].into_iter().flatten() {
        text.push_str(&page.wrap(&spent, "  "));
    }
    for notice in summary.notices.iter().filter(|notice| !sentences::is_banner(notice)) {
        let label = match notice.level {
            NoticeLevel::Note => page.colour("36", "note:"),
            NoticeLevel::Warning => page.colour("33", "warning:"),
            NoticeLevel::Error => page.colour("31", "error:"),
        };
        text.push_str(&page.wrap(&format!("{label} {}", escape(&notice.text)), "  "));
    }
    text
}

/// Characters without a width that no text holds (they would be escaped), each for a colour.
const MARKS: [(&str, char); 4] =
    [("32", '\u{2061}'), ("33", '\u{2062}'), ("31", '\u{2063}'), ("1", '\u{2064}')];
const UNMARK: char = '\u{206a}';

struct Page {
    width: usize,
    paint: Paint,
    /// What the intervals are: `95 % CI`.
    ci: String,
}

/// A column of a table.
struct Column {
    header: String,
    align: Align,
    cells: Vec<String>,
    /// Whether the table may go without it on a narrow terminal.
    need: Need,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// The table says nothing without it.
    Required,
    /// The files have it, too.
    IfItFits,
}

/// Names of strategies are broken into lines of at least so many columns.
const NAME: usize = 31;

impl Column {
    fn left(header: &str, cells: Vec<String>) -> Self {
        Self { header: header.to_owned(), align: Align::Left, cells, need: Need::Required }
    }

    fn right(header: &str, cells: Vec<String>) -> Self {
        Self { align: Align::Right, ..Self::left(header, cells) }
    }

    fn if_it_fits(self) -> Self {
        Self { need: Need::IfItFits, ..self }
    }

    /// The columns that it takes, unless a cell is broken at its spaces beyond [`NAME`].
    fn natural(&self) -> usize {
        let lines = self.cells.iter().chain(std::iter::once(&self.header)).flat_map(|cell| cell.lines());
        lines.map(UnicodeWidthStr::width).max().unwrap_or_default().min(NAME)
    }
}

impl Page {
    fn colour(&self, code: &str, text: &str) -> String {
        match self.paint {
            Paint::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Paint::Plain => text.to_owned(),
        }
    }

    /// The same within a table, whose layout counts every character: marks without a width stand for the sequences until the
    /// table is laid out. Each word is marked by itself, so that a cell may be broken between words.
    fn mark(&self, code: &str, text: &str) -> String {
        let mark = MARKS.iter().find(|(known, _)| *known == code).map(|(_, mark)| *mark);
        match (self.paint, mark) {
            (Paint::Colour, Some(mark)) => {
                text.split(' ').map(|word| format!("{mark}{word}{UNMARK}")).collect::<Vec<_>>().join(" ")
            }
            (Paint::Colour | Paint::Plain, _) => text.to_owned(),
        }
    }

    /// A table, its marks turned into sequences. On a narrow terminal the last columns that it may go without are left out.
    fn table(&self, mut columns: Vec<Column>) -> String {
        // A column of space before each cell, one after it, and one between two columns.
        let width = |columns: &[Column]| {
            columns.iter().map(Column::natural).sum::<usize>() + (3 * columns.len()).saturating_sub(1)
        };
        while width(&columns) > self.width
            && let Some(at) = columns.iter().rposition(|column| column.need == Need::IfItFits)
        {
            columns.remove(at);
        }
        let headers: Vec<&str> = columns.iter().map(|column| column.header.as_str()).collect();
        let align: Vec<Align> = columns.iter().map(|column| column.align).collect();
        let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or_default();
        let rows: Vec<Vec<String>> = (0..rows)
            .map(|row| {
                columns.iter().map(|column| column.cells.get(row).cloned().unwrap_or_default()).collect()
            })
            .collect();
        let mut text = table(self.width, &headers, &rows, &align);
        for (code, mark) in MARKS {
            text = text.replace(mark, &format!("\u{1b}[{code}m"));
        }
        text.replace(UNMARK, "\u{1b}[0m")
    }

    fn heading(&self, text: &str) -> String {
        format!("\n{}\n", self.colour("1", text))
    }

    /// Text broken at spaces, further lines indented.
    fn wrap(&self, text: &str, indent: &str) -> String {
        let mut out = String::new();
        let mut column = 0;
        for word in text.split_whitespace() {
            // Escape sequences take no column.
            let visible = word.split('\u{1b}').enumerate().fold(0, |sum, (at, part)| {
                let shown = if at == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) };
                sum + UnicodeWidthStr::width(shown)
            });
            if column > 0 && column + 1 + visible > self.width {
                out.push('\n');
                out.push_str(indent);
                column = indent.len();
            } else if column > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += visible;
        }
        out.push('\n');
        out
    }

    /// What was measured outside the ladder, if anything.
    fn outside(&self, summary: &Summary) -> String {
        let models = &summary.outside_ladder;
        if models.is_empty() {
            return String::new();
        }
        let mut columns = vec![
            Column::left(
                "outside the ladder",
                models.iter().map(|outside| outside.model.to_string()).collect(),
            ),
            Column::left("role", models.iter().map(|outside| sentences::role(&outside.role)).collect()),
        ];
        for task in &summary.tasks {
            let cell = models.iter().map(|outside| {
                let cell = outside.cells.iter().find(|cell| cell.task == task.name);
                cell.map_or_else(|| "–".to_owned(), |cell| self.cell(&cell.cell, None))
            });
            columns.push(Column::right(task.name.as_str(), cell.collect()));
        }
        let cost = models.iter().map(|outside| unknown_or(outside.cost_per_request.map(|cost| cost.human())));
        columns.push(Column::right("per\nrequest", cost.collect()));
        let mut text = format!("\n{}", self.table(columns));
        for outside in models {
            if let Some(served) = sentences::served(outside) {
                text.push_str(&self.wrap(&escape(&format!("{}: {served}", outside.name)), "  "));
            }
        }
        text
    }

    /// The strategies that matter, and what they show.
    fn strategies(&self, summary: &Summary) -> String {
        let Some(strategies) = &summary.strategies else { return String::new() };
        let lines = compared::short_list(summary, strategies);
        let best = compared::best_single(strategies).map(|best| best.id.as_str());
        let savings = lines.iter().map(|line| match compared::savings(strategies, line) {
            Some(savings) if Some(line.id.as_str()) != best => savings.cell(),
            Some(_) | None => "–".to_owned(),
        });
        let header = format!("savings\n{}", compared::savings_unit(strategies));
        let columns = vec![
            Column::left("strategy", lines.iter().map(|line| line.label.clone()).collect()),
            Column::right(
                &format!("pass rate\n({})", self.ci),
                lines.iter().map(|line| figures::share_short(&line.pass_rate)).collect(),
            ),
            Column::right(&header, savings.collect()),
            Column::right(
                "gain over\nrandom",
                lines
                    .iter()
                    .map(|line| dash_or(line.gain_over_random.map(|gain| figures::points(gain.mean))))
                    .collect(),
            ),
            Column::right(
                "per 1,000\nrequests",
                lines.iter().map(|line| line.cost_per_1000.mean.human()).collect(),
            )
            .if_it_fits(),
            Column::right(
                "p95",
                lines.iter().map(|line| dash_or(line.latency_p95.map(|p95| p95.to_string()))).collect(),
            )
            .if_it_fits(),
        ];
        self.heading("Strategies")
            + &self.table(columns)
            + &self.wrap(&escape(&compared::strategies(strategies, &self.ci)), "  ")
    }

    fn routes(&self, summary: &Summary) -> String {
        let decision = |decision: Decision| {
            let code = match decision {
                Decision::Route => "32",
                Decision::Monitor | Decision::Undecided => "33",
                Decision::Escalate => "31",
            };
            self.mark(code, decision.name())
        };
        let each = |cell: &dyn Fn(&TaskSummary) -> String| summary.tasks.iter().map(cell).collect();
        let mut columns = vec![
            Column::left("task", each(&|task| task.name.to_string())),
            Column::left("tier", each(&|task| task.route.tier.to_string())),
            Column::left("decision", each(&|task| decision(task.route.decision))),
            Column::right(
                &format!("pass rate\n({})", self.ci),
                each(&|task| unknown_or(task.route.pass_rate.map(|rate| figures::rate_short(&rate)))),
            ),
            Column::right(
                "p95",
                each(&|task| dash_or(task.route.latency.map(|latency| latency.p95.to_string()))),
            ),
            Column::right(
                "per\nrequest",
                each(&|task| unknown_or(task.route.cost_per_request.map(|cost| cost.human()))),
            ),
            Column::left(
                "fallback",
                each(&|task| {
                    task.route.fallback.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                }),
            )
            .if_it_fits(),
        ];
        if bill::owners(summary) {
            let owner = each(&|task| dash_or(task.owner.as_ref().map(|owner| escape(owner).into_owned())));
            columns.push(Column::left("owner", owner).if_it_fits());
        }
        let mut text = self.heading("Routes") + &self.table(columns);
        if let Some(note) = service::concurrency(summary) {
            text.push_str(&self.wrap(&escape(&note), "  "));
        }
        for task in &summary.tasks {
            text.push_str(&self.wrap(&escape(&format!("{}: {}", task.name, sentences::reason(task))), "  "));
        }
        text
    }

    fn evidence(&self, summary: &Summary) -> String {
        let tasks = &summary.tasks;
        let most = |task: &TaskSummary| {
            task.cells.iter().filter_map(|cell| cell.pass_rate).map(|rate| rate.n).max().unwrap_or_default()
        };
        let mut columns = vec![
            Column::left(
                &format!("pass rate\n({})", self.ci),
                tasks.iter().map(|task| task.name.to_string()).collect(),
            ),
            Column::right("n", tasks.iter().map(|task| most(task).to_string()).collect()),
        ];
        for (at, tier) in summary.tiers.iter().enumerate() {
            let cell = |task: &TaskSummary| {
                task.cells.get(at).map_or_else(String::new, |cell| self.cell(cell, Some(most(task))))
            };
            columns.push(Column::right(tier.name.as_str(), tasks.iter().map(cell).collect()));
        }
        let mut text = self.heading("Evidence") + &self.table(columns);
        if let Some(method) = sentences::method(summary) {
            text.push_str(&self.wrap(&escape(&method), "  "));
        }
        text
    }

    /// A cell; its n only where it is not that of the row.
    fn cell(&self, cell: &Cell, n: Option<u64>) -> String {
        let mut text = match (&cell.pass_rate, cell.band) {
            (None, _) => "no evidence".to_owned(),
            (Some(rate), band) => {
                let code = match band {
                    Band::Undecided if cell.is_spared() => "2",
                    Band::Route => "32",
                    Band::Monitor | Band::Undecided => "33",
                    Band::Below => "31",
                };
                let shown = self.mark(code, &figures::rate_short(rate));
                if n == Some(rate.n) { shown } else { format!("{shown}\nn {}", rate.n) }
            }
        };
        for gap in sentences::gaps(cell).into_iter().chain(service::availability(cell)) {
            text.push_str(&format!("\n{gap}"));
        }
        if let Some(repeats) = &cell.repeats {
            text.push_str(&format!("\n{}", sentences::repeats(repeats)));
        }
        if !cell.infeasible.is_empty() {
            let why: Vec<String> = cell.infeasible.iter().map(sentences::infeasible).collect();
            text.push_str(&format!("\n{}", why.join("; ")));
        }
        for open in service::open(cell) {
            text.push_str(&format!("\n{open}"));
        }
        text
    }

    fn projection(&self, summary: &Summary) -> String {
        let projection = &summary.projection;
        let heading = self.heading("Projected cost");
        let Some(total) = &projection.total else {
            let mut text = heading + &self.wrap(&bill::none(summary), "");
            if let Some(weighted) = bill::weighted(summary) {
                text.push_str(&self.wrap(&weighted, ""));
            }
            return text;
        };
        let mut lines: Vec<(String, String, _)> = projection
            .tasks
            .iter()
            .map(|task| {
                let requests = bill::requests(summary, task.task.as_str(), task.requests_per_day);
                (format!("{} → {}", task.task, task.tier), requests, &task.routed)
            })
            .collect();
        let requests = format!("{:.0}", projection.requests_per_day);
        lines.push((self.mark("1", "total, as routed"), requests, total));
        let month = format!("month\n({})", self.ci);
        let columns = vec![
            Column::left("task → tier", lines.iter().map(|line| line.0.clone()).collect()),
            Column::right("requests\nper day", lines.iter().map(|line| line.1.clone()).collect()),
            Column::right("day", lines.iter().map(|line| figures::usd_short(line.2.day.mean)).collect())
                .if_it_fits(),
            Column::right(&month, lines.iter().map(|line| figures::money_short(&line.2.month)).collect()),
            Column::right("year", lines.iter().map(|line| figures::usd_short(line.2.year.mean)).collect()),
        ];
        let mut text = heading + &self.table(columns) + "\n" + &self.baselines(summary);
        text.push_str(&self.sources(summary));
        for remark in bill::remarks(summary) {
            text.push_str(&self.wrap(&escape(&remark), "  "));
        }
        text + &self.wrap(&sentences::sufficient_tier(summary), "  ")
    }

    /// Where the uncertainty of the bill comes from, and the bill at the ends of each range.
    fn sources(&self, summary: &Summary) -> String {
        let rows = bill::source_rows(summary);
        let mut text = String::new();
        if !rows.is_empty() {
            let month = format!("month, if only\nthis varies ({})", self.ci);
            text.push('\n');
            text.push_str(&self.table(vec![
                Column::left(
                    "what may come out otherwise",
                    rows.iter().map(|row| row.0.to_owned()).collect(),
                ),
                Column::right("part of the\nvariance", rows.iter().map(|row| row.1.clone()).collect()),
                Column::right(&month, rows.iter().map(|row| figures::money_short(&row.2)).collect()),
            ]));
        }
        let scenarios: Vec<_> = summary.projection.scenarios.iter().flatten().map(bill::scenario).collect();
        if !scenarios.is_empty() {
            text.push('\n');
            text.push_str(&self.table(vec![
                Column::left("scenario", scenarios.iter().map(|row| row.0.clone()).collect()),
                Column::right("month at\nthe low end", scenarios.iter().map(|row| row.1.clone()).collect()),
                Column::right("month at\nthe high end", scenarios.iter().map(|row| row.2.clone()).collect()),
            ]));
        }
        text
    }

    /// All traffic on one tier, and what the routes save against that.
    fn baselines(&self, summary: &Summary) -> String {
        let projection = &summary.projection;
        let baselines = instead(summary);
        let each = |cell: &dyn Fn(&Baseline) -> String| baselines.iter().map(|one| cell(&one.1)).collect();
        let savings = |baseline: &Baseline| {
            dash_or(Savings::of_routes(projection.total.as_ref(), baseline).map(Savings::cell))
        };
        self.table(vec![
            Column::left("all traffic on", baselines.iter().map(|one| one.0.clone()).collect()),
            Column::right(
                &format!("pass rate\n({})", self.ci),
                each(&|baseline| unknown_or(baseline.pass_rate.map(|rate| figures::rate_short(&rate)))),
            ),
            Column::right(
                &format!("month\n({})", self.ci),
                each(&|baseline| unknown_or(baseline.cost.map(|cost| figures::money_short(&cost.month)))),
            ),
            Column::right(
                "year",
                each(&|baseline| dash_or(baseline.cost.map(|cost| figures::usd_short(cost.year.mean)))),
            )
            .if_it_fits(),
            Column::right("savings from\nrouting per month", each(&savings)),
        ])
    }
}

/// What the routes are compared with, by name: each tier for all traffic, then what serves today.
fn instead(summary: &Summary) -> Vec<(String, Baseline)> {
    let projection = &summary.projection;
    let mut all: Vec<(String, Baseline)> =
        projection.baselines.iter().map(|one| (one.tier.to_string(), one.clone())).collect();
    if let (Some(today), Some(first)) = (&projection.today, projection.baselines.first()) {
        let row = Baseline {
            tier: first.tier.clone(),
            cost: today.cost,
            pass_rate: today.pass_rate,
            savings: today.savings,
        };
        all.push((format!("what serves today: {}", bill::tiers(today)), row));
    }
    all
}

fn unknown_or(text: Option<String>) -> String {
    text.unwrap_or_else(|| "unknown".to_owned())
}

fn dash_or(text: Option<String>) -> String {
    text.unwrap_or_else(|| "–".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room_in_a_table() {
        let page = |paint| Page { width: 60, paint, ci: "95 % CI".to_owned() };
        let (plain, colour) = (page(Paint::Plain), page(Paint::Colour));
        let columns = |page: &Page| {
            vec![
                Column::left("a", vec![page.mark("31", "97.3 % (94–99)")]),
                Column::left("b", vec!["x".to_owned()]),
            ]
        };
        let (one, two) = (plain.table(columns(&plain)), colour.table(columns(&colour)));
        assert!(two.contains("\u{1b}[31m97.3\u{1b}[0m"), "{two:?}");
        assert_eq!(one, two.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""));
    }

    #[test]
    fn a_narrow_terminal_goes_without_the_last_column_that_it_may() {
        let columns = || {
            vec![
                Column::left("a", vec!["x".repeat(20)]),
                Column::left("b", vec!["y".repeat(20)]).if_it_fits(),
                Column::left("c", vec!["z".repeat(20)]),
            ]
        };
        let page = |width| Page { width, paint: Paint::Plain, ci: String::new() };
        assert!(page(80).table(columns()).contains(&"y".repeat(20)));
        let narrow = page(60).table(columns());
        assert!(!narrow.contains('y') && narrow.contains(&"z".repeat(20)), "{narrow}");
    }
}
