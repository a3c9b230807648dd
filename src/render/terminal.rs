//! The tables on stdout: notices, routes, evidence, projection. Returns text; printing is the console's.

use super::sentences;
use crate::console::{Align, escape, table};
use crate::diag::Paint;
use crate::summary::{Band, Cell, Decision, Horizon, NoticeLevel, Summary};
use crate::units::percent;

/// The summary as text of at most `width` columns.
#[must_use]
pub fn render(summary: &Summary, width: usize, paint: Paint) -> String {
    let page = Page { width, paint };
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

    /// A table, its marks turned into sequences.
    fn table(&self, headers: &[&str], rows: &[Vec<String>], align: &[Align]) -> String {
        let mut text = table(self.width, headers, rows, align);
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
                sum + unicode_width::UnicodeWidthStr::width(shown)
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

    /// What was measured beside the ladder, if anything.
    fn outside(&self, summary: &Summary) -> String {
        if summary.outside_ladder.is_empty() {
            return String::new();
        }
        let mut headers = vec!["beside the ladder".to_owned(), "what for".to_owned()];
        headers.extend(summary.tasks.iter().map(|task| task.name.to_string()));
        headers.push("per request".to_owned());
        let rows = summary.outside_ladder.iter().map(|outside| {
            let mut row = vec![outside.model.to_string(), sentences::role(&outside.role)];
            row.extend(outside.cells.iter().map(|cell| self.cell(&cell.cell)));
            row.push(outside.cost_per_request.map_or_else(|| "unknown".to_owned(), |cost| cost.human()));
            row
        });
        let mut align = vec![Align::Left, Align::Left];
        align.resize(headers.len(), Align::Right);
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let mut text = format!("\n{}", self.table(&headers, &rows.collect::<Vec<_>>(), &align));
        for outside in &summary.outside_ladder {
            if let Some(served) = sentences::served(outside) {
                text.push_str(&self.wrap(&escape(&format!("{}: {served}", outside.name)), "  "));
            }
        }
        text
    }

    /// The strategies that matter, and what they come to.
    fn strategies(&self, summary: &Summary) -> String {
        let Some(strategies) = &summary.strategies else { return String::new() };
        let rows = sentences::short_list(strategies).into_iter().map(|line| {
            vec![
                line.label.clone(),
                format!(
                    "{} ({:.0}–{:.0})",
                    percent(line.pass_rate.mean),
                    line.pass_rate.low * 100.0,
                    line.pass_rate.high * 100.0
                ),
                line.cost_per_1000.mean.human(),
                line.savings.map_or_else(|| "–".to_owned(), |savings| sentences::saving_short(&savings)),
                line.gain_over_random.map_or_else(|| "–".to_owned(), |over| sentences::points(over.mean)),
                line.latency_p95.map_or_else(|| "–".to_owned(), |p95| p95.to_string()),
            ]
        });
        let headers = ["strategy", "pass rate", "per 1,000", "saves", "over mix", "p95"];
        let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right];
        self.heading("Strategies")
            + &self.table(&headers, &rows.collect::<Vec<_>>(), &align)
            + &self.wrap(&escape(&sentences::strategies(strategies)), "  ")
    }

    fn routes(&self, summary: &Summary) -> String {
        let rows: Vec<Vec<String>> = summary
            .tasks
            .iter()
            .map(|task| {
                let route = &task.route;
                let code = match route.decision {
                    Decision::Route => "32",
                    Decision::Monitor | Decision::Undecided => "33",
                    Decision::Escalate => "31",
                };
                vec![
                    task.name.to_string(),
                    route.tier.to_string(),
                    self.mark(code, route.decision.name()),
                    route.pass_rate.map_or_else(|| "unknown".to_owned(), |rate| sentences::rate_short(&rate)),
                    route.latency.map_or_else(|| "–".to_owned(), |latency| latency.p95.to_string()),
                    route.cost_per_request.map_or_else(|| "unknown".to_owned(), |cost| cost.human()),
                    route.fallback.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
                ]
            })
            .collect();
        let headers = ["task", "tier", "decision", "pass rate", "p95", "per request", "fallback"];
        let align =
            [Align::Left, Align::Left, Align::Left, Align::Right, Align::Right, Align::Right, Align::Left];
        let mut text = self.heading("Routes") + &self.table(&headers, &rows, &align);
        for task in &summary.tasks {
            text.push_str(&self.wrap(&escape(&format!("{}: {}", task.name, task.route.reason)), "  "));
        }
        text
    }

    fn evidence(&self, summary: &Summary) -> String {
        let mut headers = vec!["pass rate".to_owned()];
        headers.extend(summary.tiers.iter().map(|tier| tier.name.to_string()));
        let rows: Vec<Vec<String>> = summary
            .tasks
            .iter()
            .map(|task| {
                let mut row = vec![task.name.to_string()];
                row.extend(task.cells.iter().map(|cell| self.cell(cell)));
                row
            })
            .collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let mut align = vec![Align::Right; headers.len()];
        if let Some(first) = align.first_mut() {
            *first = Align::Left;
        }
        let mut text = self.heading("Evidence") + &self.table(&headers, &rows, &align);
        if let Some(method) = sentences::method(summary) {
            text.push_str(&self.wrap(&escape(&method), "  "));
        }
        text
    }

    fn cell(&self, cell: &Cell) -> String {
        let mut text = match (&cell.pass_rate, cell.band) {
            (None, _) => "no evidence".to_owned(),
            (Some(rate), band) => {
                let code = match band {
                    Band::Route => "32",
                    Band::Monitor | Band::Undecided => "33",
                    Band::Below => "31",
                };
                self.mark(code, &sentences::rate_short(rate))
            }
        };
        for lost in sentences::lost(cell) {
            text.push_str(&format!("\n{lost}"));
        }
        if let Some(repeats) = &cell.repeats {
            text.push_str(&format!("\n{}", sentences::repeats(repeats)));
        }
        if !cell.infeasible.is_empty() {
            let why: Vec<String> = cell.infeasible.iter().map(sentences::infeasible).collect();
            text.push_str(&format!("\n{}", why.join("; ")));
        }
        text
    }

    fn projection(&self, summary: &Summary) -> String {
        let projection = &summary.projection;
        let Some(total) = &projection.total else {
            let help = "no projection: state requests_per_day in the tasks of route-prof.toml";
            return self.heading("Projected cost") + &self.wrap(help, "");
        };
        let line = |name: String, requests: f64, cost: &Horizon, savings: String| {
            let (day, month, year) = (
                sentences::usd_short(cost.day.mean),
                sentences::money_short(&cost.month),
                sentences::usd_short(cost.year.mean),
            );
            vec![name, format!("{requests:.0}"), day, month, year, savings]
        };
        let mut rows: Vec<Vec<String>> = projection
            .tasks
            .iter()
            .map(|task| {
                line(
                    format!("{} → {}", task.task, task.tier),
                    task.requests_per_day,
                    &task.routed,
                    String::new(),
                )
            })
            .collect();
        rows.push(line(self.mark("1", "all, as routed"), projection.requests_per_day, total, String::new()));
        for baseline in &projection.baselines {
            let name = format!("all on {}", baseline.tier);
            match &baseline.cost {
                Some(cost) => {
                    let savings = baseline
                        .savings
                        .map_or_else(String::new, |savings| sentences::saving_short(&savings));
                    rows.push(line(name, projection.requests_per_day, cost, savings));
                }
                None => rows.push(vec![name, String::new(), "unknown".to_owned()]),
            }
        }
        for row in &mut rows {
            row.resize(6, String::new());
        }
        let headers = ["task → tier", "requests", "day", "month (interval)", "year", "routes save"];
        let align = [Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Right];
        let mut text = self.heading("Projected cost") + &self.table(&headers, &rows, &align);
        if !projection.left_out.is_empty() {
            let names: Vec<String> = projection.left_out.iter().map(ToString::to_string).collect();
            text.push_str(
                &self.wrap(&format!("left out (traffic or a cost is unknown): {}", names.join(", ")), "  "),
            );
        }
        let best = match &projection.cheapest_sufficient_tier {
            Some(tier) => format!("The cheapest single tier that is good enough for every task is {tier}."),
            None => "No single tier is good enough for every task.".to_owned(),
        };
        text.push_str(&self.wrap(&best, "  "));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_take_no_room_in_a_table() {
        let rows = |page: &Page| vec![vec![page.mark("31", "97.3 % (94–99)"), "x".to_owned()]];
        let (plain, colour) =
            (Page { width: 60, paint: Paint::Plain }, Page { width: 60, paint: Paint::Colour });
        let (one, two) = (
            plain.table(&["a", "b"], &rows(&plain), &[Align::Left, Align::Left]),
            colour.table(&["a", "b"], &rows(&colour), &[Align::Left, Align::Left]),
        );
        assert!(two.contains("\u{1b}[31m97.3\u{1b}[0m"), "{two:?}");
        assert_eq!(one, two.replace("\u{1b}[31m", "").replace("\u{1b}[0m", ""));
    }
}
