//! Tests of the plan: order, keys, requests, estimates.

use std::collections::HashSet;
use std::path::Path;

use super::bands::Division;
use super::tokens::Fit;
use super::*;
use crate::disk::Disk;
use crate::units::{Share, Usd};

fn project(extra: &str, corpus: &str) -> (tempfile::TempDir, Config, Corpus) {
    let folder = tempfile::tempdir().unwrap();
    let write =
        |name: &str, text: &str| Disk::real().replace(&folder.path().join(name), text.as_bytes()).unwrap();
    write(
        "route-prof.toml",
        &format!(
            r#"version = 1
[[tier]]
name = "a"
model = "p/a"
params = {{ temperature = 0, top_p = 1 }}
[[tier]]
name = "b"
model = "p/b"
max_output_tokens = 7
[provider.p]
api = "scripted"
limits = {{ concurrency = 2, requests_per_minute = 60 }}
[task.t]
oracle = "o@1"
system_file = "system.md"
shots = "shots.jsonl"
params = {{ temperature = 1 }}
{extra}"#
        ),
    );
    write("system.md", "Be brief.\n");
    write(
        "shots.jsonl",
        "{\"role\":\"user\",\"content\":\"q\"}\n{\"role\":\"assistant\",\"content\":\"a\"}\n",
    );
    write("c.jsonl", corpus);
    let config = crate::config::load(&Disk::real(), &folder.path().join("route-prof.toml")).unwrap();
    let corpus = Corpus::open(&Disk::real(), &folder.path().join("c.jsonl"), "c.jsonl", &config).unwrap();
    (folder, config, corpus)
}

fn targets(window: Option<u64>) -> Vec<TargetSpec> {
    let usd = |text: &str| text.parse::<Usd>().unwrap();
    ["a", "b"]
        .map(|name| TargetSpec {
            tier: TierName::new(name).unwrap(),
            model: format!("p/{name}").parse().unwrap(),
            api: "scripted".to_owned(),
            base_url: String::new(),
            price: ModelPrice {
                input: usd("1"),
                output: usd("2"),
                cache_read: None,
                cache_write: None,
                cache_write_1h: None,
                long_context: None,
                batch: None,
                context_window: None,
                deprecated: None,
            },
            context_window: window.map(Tokens),
        })
        .into()
}

fn lines(n: usize) -> String {
    (0..n).map(|i| format!("{{\"id\":\"p{i}\",\"prompt\":\"question number {i}\"}}\n")).collect()
}

#[test]
fn the_order_interleaves_tiers_and_is_the_same_for_the_same_seed() {
    let (_folder, config, corpus) = project("", &lines(50));
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let order = plan.remaining(7, Repeats::Spread, |_| false);
    assert_eq!(order.len(), 100);
    for pair in order.chunks(2) {
        let tiers: HashSet<u16> = pair.iter().map(|at| plan.spec(*at as usize).target).collect();
        assert_eq!(tiers.len(), 2);
    }
    assert_eq!(order, plan.remaining(7, Repeats::Spread, |_| false));
    assert_ne!(order, plan.remaining(8, Repeats::Spread, |_| false));
    // What an earlier part of the run has answered is left out, and the order of the rest stays.
    let done: HashSet<TrialKey> = order[..30].iter().map(|at| plan.key(*at as usize)).collect();
    assert_eq!(plan.remaining(7, Repeats::Spread, |key| done.contains(key)), order[30..]);
}

#[test]
fn prompts_of_the_same_text_share_their_trials() {
    let (_folder, config, corpus) =
        project("", "{\"id\":\"x\",\"prompt\":\"same\"}\n{\"id\":\"y\",\"prompt\":\"same\"}\n");
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    assert_eq!(plan.key(0), plan.key(2));
    assert_eq!(plan.remaining(1, Repeats::Spread, |_| false).len(), 2);
    let result =
        estimate::estimate(&config, &corpus, &plan, &Division::new(&config, &corpus).unwrap(), |_| false)
            .unwrap();
    assert_eq!((result.trials, result.to_send), (4, 2));
}

#[test]
fn a_request_is_what_production_would_send() {
    let (_folder, config, corpus) = project("", "{\"prompt\":\"hello\",\"params\":{\"stop\":[\"x\"]}}\n");
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let (_, request) = plan.request(&config, &corpus, plan.spec(1)).unwrap();
    let turns: Vec<(String, String)> = request.messages.iter().map(|m| (m.role.clone(), m.plain())).collect();
    let wanted = [("system", "Be brief."), ("user", "q"), ("assistant", "a"), ("user", "hello")];
    assert_eq!(turns, wanted.map(|(role, text)| (role.to_owned(), text.to_owned())));
    assert_eq!(request.max_output_tokens, Tokens(7));
    assert_eq!(request.params["temperature"], 1);
    assert_eq!(request.params["stop"][0], "x");
    assert!(!request.params.contains_key("top_p"));
}

#[test]
fn templates_take_variables() {
    let (_folder, config, corpus) =
        project("template = \"C: {{ c }} / Q: {{ q }}\"\n", "{\"vars\":{\"c\":\"<b>\",\"q\":2}}\n");
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let (_, request) = plan.request(&config, &corpus, plan.spec(0)).unwrap();
    assert_eq!(request.messages.last().unwrap().plain(), "C: <b> / Q: 2");
}

#[test]
fn an_estimate_counts_what_would_be_sent() {
    let (_folder, config, corpus) = project("", &lines(30));
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let first = plan.key(0);
    let result =
        estimate::estimate(&config, &corpus, &plan, &Division::new(&config, &corpus).unwrap(), |key| {
            *key == first
        })
        .unwrap();
    assert_eq!((result.trials, result.answered, result.to_send), (60, 1, 59));
    assert!(result.low < result.high);
    // 59 requests at 60 a minute take 59 seconds; 59 x 3 s over 2 places take 88.5.
    assert_eq!(result.seconds, Some(89.0));
    let small = Plan::new(&config, &corpus, targets(Some(12))).unwrap();
    let result =
        estimate::estimate(&config, &corpus, &small, &Division::new(&config, &corpus).unwrap(), |_| false)
            .unwrap();
    assert_eq!((result.to_send, result.cells[0].overflow), (0, 30));
}

#[test]
fn the_bound_is_never_below_the_estimate_and_the_guard_holds() {
    for text in ["hello", "ünïcödé 漢字 😀", &"a b ".repeat(60_000)] {
        let request = Request {
            messages: vec![Message::text("user", text)],
            params: Default::default(),
            max_output_tokens: Tokens(10),
        };
        assert!(tokens::bound(&request) >= tokens::estimate(&request), "{}", text.len());
    }
    let guard = Share::clamped(0.8);
    assert_eq!(tokens::fit(Tokens(80), Tokens(10), Some(Tokens(100)), guard), Fit::Fits);
    assert!(matches!(tokens::fit(Tokens(81), Tokens(1), Some(Tokens(100)), guard), Fit::AboveGuard { .. }));
    assert!(matches!(tokens::fit(Tokens(80), Tokens(21), Some(Tokens(100)), guard), Fit::AboveWindow { .. }));
    assert_eq!(tokens::fit(Tokens(u64::MAX), Tokens(1), None, guard), Fit::Fits);
}

#[test]
fn a_huge_text_is_counted_at_both_of_its_ends() {
    let of = |text: String| {
        let messages = vec![Message::text("user", &text)];
        tokens::estimate(&Request { messages, params: Default::default(), max_output_tokens: Tokens(1) }).0
    };
    // A token a word in the first half, one for three bytes of each character in the second.
    let (words, signs) = ("hello ".repeat(100_000), "漢".repeat(200_000));
    let (all, parts) = (of(format!("{words}{signs}")), of(words) + of(signs));
    assert!(all.abs_diff(parts) < parts / 20, "{all} {parts}");
}

#[test]
fn a_changed_corpus_is_noticed() {
    let (folder, config, corpus) = project("", &lines(2));
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let path: &Path = &folder.path().join("c.jsonl");
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(10).unwrap();
    assert!(plan.request(&config, &corpus, plan.spec(2)).is_err());
}

/// Name, prompts and traffic of a part.
type Named = (String, u64, Option<f64>);

/// Prompts of 1, 2, ... times the same words, so many of each; how a split of them at these bounds comes out.
fn divided(counts: &[u32], bounds: &[u64], min_prompts: u32) -> (Vec<Named>, Vec<String>) {
    let lengths = (1_usize..).zip(counts);
    let line = |length: usize, n: u32| {
        let text = "word ".repeat(length * 20);
        format!(
            "{{\"id\": \"p{length}-{n}\", \"cluster\": \"{length}-{n}\", \"prompt\": \"{text}\", \"expected\": \"x\"}}\n"
        )
    };
    let corpus: String =
        lengths.flat_map(|(length, count)| (0..*count).map(move |n| line(length, n))).collect();
    let (_folder, mut config, corpus) = project("", &corpus);
    config.policy.min_prompts = min_prompts;
    config.tasks[0].split = bounds.iter().copied().map(Tokens).collect();
    config.tasks[0].requests_per_day = Some(1000.0);
    let division = Division::new(&config, &corpus).unwrap();
    for (at, entry) in corpus.entries().iter().enumerate() {
        let part = &division.parts[usize::from(division.of(at))];
        assert_eq!(part.index, entry.task);
    }
    let parts = division.parts.iter();
    let parts = parts.map(|part| (part.task.name.to_string(), part.prompts, part.task.requests_per_day));
    (parts.collect(), division.merged)
}

#[test]
fn bands_with_too_few_prompts_join_their_smaller_neighbour() {
    let part = |name: &str, prompts: u64, requests: f64| (name.to_owned(), prompts, Some(requests));
    // About 42, 62, 82 and 102 tokens, system text and shots included.
    let bounds = [52, 72, 92];
    let (parts, merged) = divided(&[50, 30, 60, 60], &bounds, 30);
    let all = [
        part("t.up-to-52", 50, 250.0),
        part("t.53-to-72", 30, 150.0),
        part("t.73-to-92", 60, 300.0),
        part("t.over-92", 60, 300.0),
    ];
    assert_eq!((parts.as_slice(), merged.len()), (&all[..], 0));
    // The second has one too few, and the first is its smaller neighbour.
    let (parts, merged) = divided(&[50, 29, 60, 61], &bounds, 30);
    let some = [part("t.up-to-72", 79, 395.0), part("t.73-to-92", 60, 300.0), part("t.over-92", 61, 305.0)];
    assert_eq!((parts.as_slice(), merged.len()), (&some[..], 1));
    assert!(merged[0].contains("29 distinct prompts have 53 to 72"), "{merged:?}");
    // Two small neighbours are enough together; what is left is decided apart.
    let (parts, _) = divided(&[80, 10, 20, 90], &bounds, 30);
    let joined = [part("t.up-to-52", 80, 400.0), part("t.53-to-92", 30, 150.0), part("t.over-92", 90, 450.0)];
    assert_eq!(parts, joined);
    // None has enough, nor all of them together: the task as it is.
    let (parts, merged) = divided(&[9, 9, 9, 2], &bounds, 30);
    assert_eq!(parts, [part("t", 29, 1000.0)]);
    assert!(merged[0].contains("as a whole"), "{merged:?}");
    // Without a bound nothing is read, and nothing is said.
    let (parts, merged) = divided(&[9, 9, 9, 2], &[], 30);
    assert_eq!((parts, merged.len()), (vec![part("t", 29, 1000.0)], 0));
}

#[test]
fn the_length_of_a_request_is_that_of_all_that_is_sent() {
    // 20 words of its own: the system text lifts it over the bound.
    let (_folder, mut config, corpus) = project(
        "",
        &format!("{{\"id\": \"p\", \"prompt\": \"{}\", \"expected\": \"x\"}}\n", "word ".repeat(20)),
    );
    config.policy.min_prompts = 0;
    let plan = Plan::new(&config, &corpus, targets(None)).unwrap();
    let (_, request) = plan.request(&config, &corpus, plan.spec(0)).unwrap();
    let estimate = tokens::estimate(&request);
    for (bound, name) in [(estimate.0, "up-to"), (estimate.0 - 1, "over")] {
        config.tasks[0].split = vec![Tokens(bound)];
        let division = Division::new(&config, &corpus).unwrap();
        // The other band is empty, so that both are one again; the notice says which one was.
        let empty = if name == "up-to" { format!("over {bound}") } else { format!("up to {bound}") };
        assert!(
            division.merged[0].contains(&format!("0 distinct prompts have {empty}")),
            "{:?}",
            division.merged
        );
    }
}
