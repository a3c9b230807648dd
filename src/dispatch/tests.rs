//! Tests of dispatch with the scripted provider: order of events, stops, budgets, failures of its neighbours.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::*;
use crate::config::{DataLocation, Limits, Provider, RunSettings};
use crate::disk::Disk;
use crate::ident::{Digest, PromptId, ProviderName, TrialKey};
use crate::provider::Endpoint;
use crate::record::{Attempt, Message, Outcome, Request};
use crate::units::{Tokens, Usd};

/// Trials that ask "say N"; every third trial is of tier 1.
struct Numbers {
    reserve: Usd,
    broken: Option<u32>,
}

impl Source for Numbers {
    fn load(&self, trial: u32) -> anyhow::Result<Call> {
        anyhow::ensure!(self.broken != Some(trial), "the corpus is gone");
        Ok(Call {
            key: TrialKey::from_digest(&Digest::of(&trial.to_le_bytes())),
            prompt: PromptId::new(&format!("p{trial}"))?,
            tier: self.tier(trial),
            model: "s/m".parse()?,
            repeat: 0,
            request: Request {
                messages: vec![Message::text("user", &format!("say {trial}"))],
                params: BTreeMap::new(),
                max_output_tokens: Tokens(4),
            },
            tokens: 10,
            exact_model: true,
            reserve: self.reserve,
            attempts_before: 0,
        })
    }

    fn price(&self, _: u16, _: &Attempt) -> Option<Usd> {
        None
    }

    fn tier(&self, trial: u32) -> u16 {
        u16::from(trial.is_multiple_of(3))
    }
}

#[derive(Default)]
struct Kept {
    finished: Vec<(u32, u16, Outcome, bool)>,
    fail_after: Option<usize>,
}

impl Sink for Kept {
    fn record(&mut self, batch: &[Finished]) -> anyhow::Result<()> {
        if self.fail_after.is_some_and(|most| self.finished.len() >= most) {
            anyhow::bail!("no space left");
        }
        self.finished.extend(batch.iter().map(|f| (f.trial, f.tier, f.attempt.outcome, f.last)));
        Ok(())
    }
}

fn lane(script: &str, trials: u32, concurrency: usize) -> Lane {
    static NUMBER: Mutex<u32> = Mutex::new(0);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("script-{}.toml", {
        let mut number = NUMBER.lock().unwrap();
        *number += 1;
        *number
    }));
    Disk::real().replace(&path, script.as_bytes()).unwrap();
    let limits = Limits { concurrency, requests_per_minute: None, tokens_per_minute: None };
    let provider = Provider {
        name: ProviderName::new("s").unwrap(),
        api: "scripted".to_owned(),
        base_url: None,
        api_version: None,
        api_key_env: None,
        headers: BTreeMap::new(),
        data_location: DataLocation::Local,
        limits,
        stream: false,
        max_tokens_field: None,
        served_model: None,
        script: Some(path),
        line: 1,
    };
    let endpoint =
        Endpoint::connect(&crate::world::World::default(), &provider, &RunSettings::default()).unwrap();
    Lane { endpoint: Arc::new(endpoint), limits, trials: (0..trials).collect() }
}

fn go(lane: Lane, source: Numbers, sink: &mut Kept, ceiling: Option<Usd>) -> anyhow::Result<Report> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (_stop_mode, listener) = watch::channel(StopMode::Run);
    let budget = Arc::new(Budget::new(ceiling, Usd::ZERO));
    let settings = settings();
    runtime.block_on(run(vec![lane], Arc::new(source), sink, budget, settings, listener))
}

fn settings() -> Settings {
    Settings {
        max_attempts: 3,
        seed: 1,
        max_elapsed: Duration::from_secs(600),
        retry_share: 0.2,
        max_park: Duration::from_secs(600),
        concurrency: Concurrency::Adaptive,
        clock: Arc::new(crate::clock::MachineClock),
    }
}

fn numbers() -> Numbers {
    Numbers { reserve: Usd::ZERO, broken: None }
}

const ANSWER: &str = "[[rule]]\nmatch = \"say ([0-9]+)\"\nreply = \"$1\"\n";

#[test]
fn every_trial_is_answered_once() {
    let mut kept = Kept::default();
    let report = go(lane(ANSWER, 500, 16), numbers(), &mut kept, None).unwrap();
    assert_eq!(
        report,
        Report { ended: EndReason::Complete, attempts: 500, stopped: Vec::new(), throttled_to: None }
    );
    let mut trials: Vec<u32> = kept.finished.iter().map(|(trial, ..)| *trial).collect();
    trials.sort_unstable();
    assert_eq!(trials, (0..500).collect::<Vec<u32>>());
    assert!(kept.finished.iter().all(|(.., last)| *last));
}

#[test]
fn a_failure_that_passes_is_tried_again_and_one_that_stays_is_given_up() {
    let script = format!(
        "[[rule]]\nmatch = \"say 7$\"\nstatus = 503\n[[rule]]\nmatch = \"say 8$\"\ntimes = 1\nstatus = 500\n{ANSWER}"
    );
    let mut kept = Kept::default();
    let report = go(lane(&script, 10, 4), numbers(), &mut kept, None).unwrap();
    assert_eq!(report.attempts, 8 + 3 + 2);
    let of = |wanted: u32| -> Vec<(Outcome, bool)> {
        kept.finished
            .iter()
            .filter(|(trial, ..)| *trial == wanted)
            .map(|(_, _, outcome, last)| (*outcome, *last))
            .collect()
    };
    let error = Outcome::Error;
    assert_eq!(of(7), [(error, false), (error, false), (error, true)]);
    assert_eq!(of(8), [(error, false), (Outcome::Reply, true)]);
}

#[test]
fn money_trouble_stops_one_tier_and_the_others_go_on() {
    let script = format!(
        "[[rule]]\nmatch = \"say (0|3|6|9)$\"\nstatus = 429\ncode = \"insufficient_quota\"\n{ANSWER}"
    );
    let mut kept = Kept::default();
    let report = go(lane(&script, 40, 1), numbers(), &mut kept, None).unwrap();
    assert_eq!(report.stopped.len(), 1);
    assert_eq!(report.stopped[0].0, 1);
    assert_eq!(kept.finished.iter().filter(|(_, tier, ..)| *tier == 1).count(), 1, "one call was enough");
    assert_eq!(
        kept.finished.iter().filter(|(_, tier, outcome, _)| *tier == 0 && outcome.is_answer()).count(),
        26
    );
}

#[test]
fn five_refusals_of_the_same_words_stop_a_tier_and_long_waits_do_at_once() {
    let mut kept = Kept::default();
    let report =
        go(lane("[[rule]]\nstatus = 400\nreply = \"bad parameter\"\n", 60, 1), numbers(), &mut kept, None)
            .unwrap();
    assert_eq!(report.stopped.len(), 2);
    assert_eq!(report.attempts, 10);
    let mut kept = Kept::default();
    let wait = "[[rule]]\nstatus = 429\nretry_after_s = 3600\n";
    let report = go(lane(wait, 60, 1), numbers(), &mut kept, None).unwrap();
    assert_eq!((report.attempts, report.stopped.len()), (2, 2));
    assert!(report.stopped[0].1.contains("60 min 0 s"), "{:?}", report.stopped);
}

#[test]
fn what_can_cost_too_much_is_not_sent() {
    let usd = |text: &str| text.parse::<Usd>().unwrap();
    let mut kept = Kept::default();
    let source = Numbers { reserve: usd("0.3"), broken: None };
    // A script bills nothing that is known, so each call counts as what it could have cost.
    let report = go(lane(ANSWER, 50, 8), source, &mut kept, Some(usd("1"))).unwrap();
    assert_eq!((report.ended, report.attempts), (EndReason::Budget, 3));
}

#[test]
fn a_corpus_or_a_disk_that_fails_ends_the_run() {
    let mut kept = Kept::default();
    let source = Numbers { broken: Some(20), ..numbers() };
    let error = go(lane(ANSWER, 50, 2), source, &mut kept, None).unwrap_err();
    assert_eq!(error.to_string(), "the corpus is gone");
    assert!(kept.finished.len() >= 18, "what was answered before is kept: {}", kept.finished.len());
    let mut full = Kept { fail_after: Some(10), ..Kept::default() };
    let error = go(lane(ANSWER, 50, 2), numbers(), &mut full, None).unwrap_err();
    assert_eq!(error.to_string(), "no space left");
}
