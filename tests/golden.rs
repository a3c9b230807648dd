//! Published and computed figures of two public recordings, reproduced: RouteLLM's GSM8K and ZeroEval's Anthropic trio.
//!
//! The recordings lie outside of the project. Where they are absent the tests say so on stderr and pass.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::LazyLock;

use regex::Regex;
use route_prof::config::StrategySettings;
use route_prof::measure::{Calls, Observation};
use route_prof::policy::audit;
use route_prof::policy::strategies::text::Texts;
use route_prof::policy::strategies::{Comparison, Drawing, Figures, Matrix, World, compare, ends};
use route_prof::record::{Outcome, Verdict};
use route_prof::units::{Tokens, Usd};
use serde_json::Value;

struct Answer {
    passed: bool,
    accepted: bool,
    cost: Usd,
}

fn observation(prompt: usize, task: u16, tier: u16, answer: &Answer) -> Observation {
    let verdict = if answer.passed { Verdict::Pass } else { Verdict::Fail("wrong".to_owned()) };
    Observation {
        prompt: prompt as u32,
        cluster: None,
        drawn: None,
        task,
        tier,
        repeat: 0,
        weight: 1.0,
        outcome: Some(Outcome::Reply),
        verdict: Some(verdict),
        gate_passed: Some(answer.accepted),
        truth_passed: None,
        total: None,
        first_content: None,
        input: None,
        output: None,
        cost: Some(answer.cost),
        cost_uncached: Some(answer.cost),
        attempts: 1,
        calls: Calls::default(),
        wasted: Usd::ZERO,
        unpriced: 0,
    }
}

/// A recording as the strategies see it.
struct Recording {
    matrix: Matrix,
    observations: Vec<Observation>,
    texts: Texts,
    names: Vec<&'static str>,
}

impl Recording {
    fn new(observations: Vec<Observation>, tasks: usize, texts: Texts, names: Vec<&'static str>) -> Self {
        let mut shares = vec![0.0; tasks];
        for one in observations.iter().filter(|one| one.tier == 0) {
            shares[usize::from(one.task)] += 1.0;
        }
        let matrix = Matrix::new(&observations, names.len(), names.len(), &shares, 1, 5);
        Self { matrix, observations, texts, names }
    }

    fn compare(&self) -> Comparison {
        let means = self.matrix.means(self.matrix.rows.iter()).unwrap();
        let (weak, strong) = ends(&means).unwrap();
        let names: Vec<_> = self.names.iter().map(|name| name.parse().unwrap()).collect();
        let world = World {
            matrix: &self.matrix,
            texts: Some(&self.texts),
            queries: &Default::default(),
            settings: &StrategySettings::default(),
            names: &names,
            routers: &[],
            routes: &[],
            crossed: &[],
            means,
            weak,
            strong,
        };
        let drawing = Drawing { seed: 1, resamples: 200, confidence: 0.95, failure_cost: None, margin: 0.03 };
        compare(&world, drawing).unwrap()
    }
}

fn figures<'a>(comparison: &'a Comparison, id: &str) -> &'a Figures {
    comparison.figures.iter().find(|figures| figures.id == id).unwrap_or_else(|| panic!("no {id}"))
}

#[track_caller]
fn near(value: f64, wanted: f64, within: f64) {
    assert!((value - wanted).abs() <= within, "{value}, not {wanted}");
}

fn routellm() -> Option<Recording> {
    let folder = common::recordings("routellm-gsm8k")?;
    let lines = std::fs::read_to_string(folder.join("contaminated_prompts.jsonl")).unwrap();
    let contaminated: BTreeSet<String> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["eval_prompt"].as_str().unwrap().to_owned())
        .collect();
    let mut observations = Vec::new();
    let mut texts = Texts::default();
    let mut prompt = 0;
    for record in csv::Reader::from_path(folder.join("gsm8k_responses.csv")).unwrap().records() {
        let record = record.unwrap();
        if contaminated.contains(&record[0]) {
            continue;
        }
        texts.push(&record[0]);
        // Prices do not matter to what is tested: the strong model is a hundred times dearer.
        for (tier, cost) in [(0, "0.0001"), (1, "0.01")] {
            let passed = &record[usize::from(tier) + 1] == "True";
            let answer = Answer { passed, accepted: passed, cost: cost.parse().unwrap() };
            observations.push(observation(prompt, 0, tier, &answer));
        }
        prompt += 1;
    }
    Some(Recording::new(observations, 1, texts, vec!["weak", "strong"]))
}

#[test]
fn routellm_gsm8k_has_its_published_figures() {
    let Some(recording) = routellm() else { return };
    let compared = recording.compare();
    assert_eq!(compared.prompts, 1307);
    near(figures(&compared, "single:weak").quality.mean, 833.0 / 1307.0, 1e-9);
    near(figures(&compared, "single:strong").quality.mean, 0.857689, 5e-7);
    let pair = audit::pairs(&recording.matrix).remove(0);
    assert_eq!((pair.both, pair.only_lower, pair.only_upper, pair.neither), (739, 94, 382, 92));
    let perfect = figures(&compared, "perfect-router");
    near(perfect.quality.mean, 0.929610, 5e-7);
    near(perfect.answered_by[1], 0.292272, 5e-7);
    near(perfect.apgr.unwrap(), 1.1309, 5e-5);
    near(perfect.cpt.0.unwrap(), 0.110176, 5e-7);
    let length = figures(&compared, "length");
    near(length.apgr.unwrap(), 0.5987, 5e-5);
    near(length.cpt.0.unwrap(), 0.3651, 5e-5);
    near(length.cpt.1.unwrap(), 0.6666, 5e-5);
    // A coin recovers half of the gap with half of the calls.
    near(figures(&compared, "random").pgr.unwrap(), 0.5, 1e-9);
    // Published for learned routers: nearest neighbours at 0.603; ours is fitted on a fifth less.
    let nearest = figures(&compared, "knn").apgr.unwrap();
    assert!((0.5..0.7).contains(&nearest), "{nearest}");
}

const MODELS: [(&str, &str, &str, &str); 3] = [
    ("haiku-3", "claude-3-haiku-20240307", "0.25", "1.25"),
    ("haiku-3-5", "claude-3-5-haiku-20241022", "0.8", "4"),
    ("sonnet-3-5", "claude-3-5-sonnet-20241022", "3", "15"),
];
const TASKS: [&str; 3] = ["gsm", "crux", "math-l5"];

fn lines(path: PathBuf) -> Vec<Value> {
    std::fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn tokens(text: &str) -> Tokens {
    Tokens(text.chars().count().div_ceil(4) as u64)
}

/// The `answer` of the first balanced object, else that of a pattern.
fn answer(output: &str) -> Option<String> {
    let object = output.find('{').and_then(|from| {
        let mut depth = 0;
        let end = output[from..].char_indices().find_map(|(at, c)| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            (depth == 0).then_some(from + at + 1)
        })?;
        serde_json::from_str::<Value>(&output[from..end].replace('\n', "")).ok()
    });
    match object.as_ref().and_then(|object| object.get("answer")) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
        None => {
            static PATTERN: LazyLock<Regex> =
                LazyLock::new(|| Regex::new(r#""answer"\s*:\s*"([^"]*)""#).unwrap());
            Some(PATTERN.captures(output)?[1].to_owned())
        }
    }
}

fn number(text: &str) -> Option<f64> {
    let text = text.replace(['$', ','], "");
    static NUMBER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(-?\d+(?:\.\d+)?)(?:/(\d+))?").unwrap());
    let found = NUMBER.captures(&text)?;
    let value: f64 = found[1].parse().ok()?;
    match found.get(2) {
        Some(divisor) => Some(value / divisor.as_str().parse::<f64>().ok()?),
        None => Some(value),
    }
}

fn is_right(task: &str, output: &str, reference: &str) -> bool {
    let Some(given) = answer(output) else { return false };
    if task == "crux" {
        // A line break in the answer stands as its escape in the reference.
        let bare = |text: &str| text.trim_matches(['"', '\'']).replace('\n', "\\n");
        return bare(&given) == bare(reference);
    }
    matches!((number(&given), number(reference)), (Some(a), Some(b)) if (a - b).abs() < 1e-9)
}

fn zeroeval() -> Option<Recording> {
    let folder = common::recordings("zeroeval-claude")?;
    let outputs: Vec<BTreeMap<String, String>> = MODELS
        .iter()
        .map(|(_, model, _, _)| {
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            lines(folder.join(format!("output_{model}.jsonl")))
                .iter()
                .map(|line| (text(&line["id"]), text(&line["output"])))
                .collect()
        })
        .collect();
    let mut observations = Vec::new();
    let mut texts = Texts::default();
    for (prompt, question) in lines(folder.join("questions.jsonl")).iter().enumerate() {
        let text = |name: &str| question[name].as_str().unwrap();
        let task = TASKS.iter().position(|task| *task == text("task")).unwrap();
        texts.push(text("question"));
        for (tier, (_, _, input, output)) in MODELS.iter().enumerate() {
            let reply = &outputs[tier][text("id")];
            let price =
                |usd: &str, text: &str| usd.parse::<Usd>().unwrap().per_million(tokens(text)).unwrap();
            let answer = Answer {
                passed: is_right(TASKS[task], reply, text("answer")),
                // The strict gate: the whole reply is JSON, nothing around it.
                accepted: serde_json::from_str::<Value>(reply.trim()).is_ok(),
                cost: price(input, text("prompt")) + price(output, reply),
            };
            observations.push(observation(prompt, task as u16, tier as u16, &answer));
        }
    }
    let names = MODELS.iter().map(|model| model.0).collect();
    Some(Recording::new(observations, TASKS.len(), texts, names))
}

#[test]
fn zeroeval_has_its_published_accuracies_and_costs() {
    let Some(recording) = zeroeval() else { return };
    let compared = recording.compare();
    assert_eq!(compared.prompts, 2840);
    let singles = [
        ("haiku-3", 0.604930, 0.297331),
        ("haiku-3-5", 0.750352, 1.062150),
        ("sonnet-3-5", 0.835915, 2.539260),
    ];
    for (name, quality, cost) in singles {
        let single = figures(&compared, &format!("single:{name}"));
        near(single.quality.mean, quality, 5e-7);
        near(single.cost.mean * 1000.0, cost, 5e-7);
        near(single.aiq.unwrap(), 0.753734, 5e-7);
    }
    let published =
        [("gsm", [88.78, 94.47, 96.66]), ("crux", [54.75, 68.75, 83.88]), ("math-l5", [15.12, 46.46, 59.36])];
    for (task, (name, accuracies)) in published.iter().enumerate() {
        let means =
            recording.matrix.means(recording.matrix.rows.iter().filter(|row| row.task == task)).unwrap();
        for (mean, accuracy) in means.iter().zip(accuracies) {
            assert!(
                (mean.quality * 100.0 - accuracy).abs() < 0.0051,
                "{name}: {}, not {accuracy}",
                mean.quality
            );
        }
    }
}

#[test]
fn zeroeval_strategies_come_to_what_was_computed_for_them() {
    let Some(recording) = zeroeval() else { return };
    let compared = recording.compare();
    let cascade = figures(&compared, "cascade-perfect");
    near(cascade.quality.mean, 0.875704, 5e-7);
    near(cascade.cost.mean * 1000.0, 1.524240, 5e-7);
    let perfect = figures(&compared, "perfect-router");
    near(perfect.quality.mean, 0.875704, 5e-7);
    near(perfect.cost.mean * 1000.0, 0.706080, 5e-7);
    near(perfect.aiq.unwrap(), 0.851020, 5e-7);
    let best = figures(&compared, "single:sonnet-3-5").cost.mean;
    for (id, saving) in [("map-97", 0.1952), ("map-95", 0.3070)] {
        let map = figures(&compared, id);
        near(1.0 - map.in_sample.unwrap().0 / best, saving, 5e-5);
        near(map.in_sample_aiq.unwrap(), 0.769448, 5e-7);
        // Fitted on other prompts it may come to less, never to much more.
        assert!(map.aiq.unwrap() <= map.in_sample_aiq.unwrap() + 1e-3);
    }
    assert!(figures(&compared, "map-97").frontier.unwrap() > 0.0);
}

#[test]
fn a_strict_json_gate_is_dead_and_costs_all_tiers_at_once() {
    let Some(recording) = zeroeval() else { return };
    let compared = recording.compare();
    let cascade = figures(&compared, "cascade");
    near(cascade.cost.mean * 1000.0, 3.898741, 1e-6);
    near(cascade.quality.mean, figures(&compared, "single:sonnet-3-5").quality.mean, 1e-12);
    for task in 0..TASKS.len() {
        let gate = audit::gate(&recording.observations, task, 3, 0.95);
        assert_eq!(gate.iter().map(|cell| cell.is_dead()).collect::<Vec<_>>(), [true, true, false]);
    }
}

#[test]
fn the_tolerable_gate_error_is_that_of_the_corpus() {
    let Some(recording) = zeroeval() else { return };
    let pairs = audit::pairs(&recording.matrix);
    let pair = pairs.iter().find(|pair| (pair.lower, pair.upper) == (0, 2)).unwrap();
    near(pair.tolerable_gate_error.unwrap(), 0.0615, 5e-5);
}
