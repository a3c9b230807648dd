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
