//! `run --stop-early`: what is settled is not called any more, whatever is paid for is kept, and every command agrees on it.
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

use route_prof::disk::Disk;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use common::server::{Act, Server};
use common::{ORACLE, Ran, Scratch};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use route_prof::config::{self, Config, Consequence, Policy};
use route_prof::policy::{Band, Unit, Watch};
use route_prof::units::Share;
use serde_json::{Value, json};

/// A project at a server: `prompts` prompts of which `small` is right for none and `large` for all.
fn project(server: &Server, prompts: usize, weight: impl Fn(usize) -> f64) -> Scratch {
    let scratch = Scratch::empty();
    let config = common::two_tiers_at(&server.base_url(), "[policy]\nbootstrap_resamples = 200\n");
    scratch.write("route-prof.toml", config.replace("\"low\"", "\"high\""));
    scratch.write("oracles/colour@1.toml", ORACLE);
    let line = |n: usize| json!({"id": format!("p{n}"), "task": "colour", "prompt": text(n), "expected": "red", "weight": weight(n)});
    scratch.write("corpus.jsonl", (0..prompts).map(|n| format!("{}\n", line(n))).collect::<String>());
    scratch
}

/// Prompts that have next to nothing in common.
fn text(n: usize) -> String {
    let mut random = ChaCha8Rng::seed_from_u64(n as u64);
    let words: Vec<String> = (0..8).map(|_| format!("{:x}", random.next_u32())).collect();
    format!("{n} {}?", words.join(" "))
}

/// The number of the prompt that a request asks.
fn number(body: &Value) -> usize {
    let messages = body["messages"].as_array().unwrap();
    messages.last().unwrap()["content"].as_str().unwrap().split(' ').next().unwrap().parse().unwrap()
}

fn server() -> Server {
    Server::start(|body, _| Act::say(if body["model"] == "pup" { "blue" } else { "red" }))
}

fn run(scratch: &Scratch, args: &[&str]) -> Ran {
    let mut command = scratch.command(args);
    command.env("TEST_KEY", "key-of-the-test-1234567890");
    scratch.ran(&command.output().unwrap())
}

#[test]
fn settled_cells_are_called_no_more_and_every_command_agrees_on_it() {
    let server = server();
    let scratch = project(&server, 400, |_| 1.0);
    let ran = run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let calls = server.asked();
    assert!(calls < 400, "{calls} calls of 800: neither tier needs all of them");
    assert!(
        ran.stderr
            .contains("stopped early: colour on small is decided (not good enough) after 30 of 400 prompts"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("stopped early: colour on large is decided (good enough)"), "{}", ran.stderr);
    assert!(ran.stdout.contains("2 of 2 cells were decided before"), "{}", ran.stdout);

    let summary = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let early = &summary["run"]["stop_early"];
    assert_eq!(early["calls_saved"].as_u64().unwrap() + calls as u64, 800, "{early}");
    assert_eq!((&summary["run"]["missing"], &summary["run"]["errors"]), (&json!(0), &json!(0)));
    let cells = &summary["tasks"][0]["cells"];
    assert_eq!((&cells[0]["band"], &cells[1]["band"]), (&json!("below"), &json!("route")));
    // The bounds are those of the confidence sequence: wider than Wilson's, and on the right side of the floor.
    let low = cells[1]["pass_rate"]["low"].as_f64().unwrap();
    assert!((0.95..0.97).contains(&low), "{low}");
    // What was spared is said in money, too: so many calls at what the others of the cell cost.
    let cost: f64 = early["cost_saved"].as_str().unwrap().parse().unwrap();
    assert!(cost > 0.0 && early["alpha"] == json!(0.05), "{early}");

    let router = scratch.read("router.toml");
    assert!(router.contains("stop_alpha = 0.05"), "{router}");
    assert!(router.contains("stopped early after"), "{router}");
    run(&scratch, &["check"]).exits(0);
    assert_eq!(scratch.read("router.toml"), router);

    // The same command again has nothing to ask; without the flag, the rest is measured and nothing is paid for twice.
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    assert_eq!((server.asked(), scratch.read("router.toml")), (calls, router));
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!((server.asked(), server.distinct()), (800, 800));
    assert!(!scratch.read("router.toml").contains("stop_alpha"));
}

#[test]
fn a_fresh_run_after_one_that_stopped_early_begins_anew() {
    let server = server();
    let scratch = project(&server, 300, |_| 1.0);
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let (calls, first) = (server.asked(), scratch.read("reports/latest"));
    run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--fresh"]).exits(0);
    assert!(server.asked() > calls + 100);
    assert_ne!(scratch.read("reports/latest"), first);
}

#[test]
fn a_ceiling_ends_it_and_the_next_call_goes_on_where_it_stood() {
    let server = server();
    let scratch = project(&server, 400, |_| 1.0);
    run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--max-cost", "0.008"]).exits(3);
    let before = server.asked();
    assert!(before > 10, "{before}");
    run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--max-cost", "5"]).exits(0);
    assert_eq!(server.asked(), server.distinct(), "no call was made twice");
    assert!(server.asked() < 400, "{}", server.asked());
}

/// One prompt in four is light and fails one time in ten; the others weigh four times as much and pass. By weight 99.2 % pass, by
/// number 97.5 %.
fn uneven() -> (Server, Scratch) {
    let server = Server::start(|body, _| {
        let passes = body["model"] == "hound" && !number(body).is_multiple_of(40);
        Act::say(if passes { "red" } else { "blue" })
    });
    let scratch = project(&server, 400, |n| if n.is_multiple_of(4) { 1.0 } else { 4.0 });
    (server, scratch)
}

#[test]
fn prompts_are_drawn_in_proportion_to_weight_and_count_alike() {
    let (server, scratch) = uneven();
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let calls = server.asked();
    let summary = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let cells = &summary["tasks"][0]["cells"];
    assert_eq!((&cells[0]["band"], &cells[1]["band"]), (&json!("below"), &json!("route")));
    assert_eq!(cells[0]["stopped_early"]["prompts"], 30, "uneven weights cost no calls");
    let rate = &cells[1]["pass_rate"];
    // Each drawn prompt counts alike: no effective size is lost, and the mean is that of the weighted rate.
    assert!((rate["n"].as_f64().unwrap() - rate["n_eff"].as_f64().unwrap()).abs() < 0.01, "{rate}");
    assert!(rate["mean"].as_f64().unwrap() > 0.97 && rate["low"].as_f64().unwrap() >= 0.95, "{rate}");
    let results = scratch.read(&format!("reports/{}/results.csv", scratch.read("reports/latest").trim()));
    let mut asked = [0, 0];
    for record in csv::Reader::from_reader(results.as_bytes()).deserialize::<HashMap<String, String>>() {
        let row = record.unwrap();
        if row["tier"] == "large" && row["outcome"] == "reply" {
            asked[usize::from(row["prompt"][1..].parse::<usize>().unwrap().is_multiple_of(4))] += 1;
        }
    }
    // A third as many in the corpus, a twelfth in the draw.
    assert!(asked[1] * 5 < asked[0], "{asked:?}");
    let router = scratch.read("router.toml");
    run(&scratch, &["check"]).exits(0);
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    assert_eq!((server.asked(), scratch.read("router.toml")), (calls, router));
    // Without the flag the rest is asked, and counts by its weight again.
    run(&scratch, &["run", "corpus.jsonl"]).exits(0);
    assert_eq!((server.asked(), server.distinct()), (800, 800));
    let whole = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let mean = whole["tasks"][0]["cells"][1]["pass_rate"]["mean"].as_f64().unwrap();
    assert!((mean - (1.0 - 10.0 / 1300.0)).abs() < 1e-3, "{mean}");
}

/// `small` is right throughout; `large`, ten times as dear, is wrong one time in 25, which no sequence settles.
fn proven() -> (Server, Scratch) {
    let server = Server::start(|body, _| {
        Act::say(if body["model"] == "pup" || !number(body).is_multiple_of(25) { "red" } else { "blue" })
    });
    let scratch = project(&server, 400, |_| 1.0);
    (server, scratch)
}

#[test]
fn a_dearer_tier_is_spared_once_a_cheaper_one_is_proven() {
    let (server, scratch) = proven();
    let ran = run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let calls = server.asked();
    assert!((136..=160).contains(&calls), "{calls}: 68 of each, and what was in flight");
    assert!(
        ran.stderr.contains("colour on small is decided (good enough) after 68 of 400 prompts"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("spared: colour on large is not measured further"), "{}", ran.stderr);
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("1 dearer one was spared because a cheaper tier is proven"), "{words}");
    assert!(words.contains("run with --complete to measure dearer tiers"), "{words}");
    assert!(words.contains("spared after"), "{words}");

    let summary = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let (run_facts, task) = (&summary["run"], &summary["tasks"][0]);
    let (small, large) = (&task["cells"][0], &task["cells"][1]);
    assert_eq!((&small["band"], &large["band"]), (&json!("route"), &json!("undecided")));
    assert_eq!(large["stopped_early"]["spared_by"], "small");
    assert!(small["stopped_early"].get("spared_by").is_none());
    let early = &run_facts["stop_early"];
    assert_eq!((&early["stopped"], &early["spared"]), (&json!(1), &json!(1)));
    assert_eq!(early["calls_saved"].as_u64().unwrap() + calls as u64, 800);
    // Nothing is missing: no decision waits for what was not asked.
    assert_eq!((&run_facts["missing"], &run_facts["errors"]), (&json!(0), &json!(0)));
    assert_eq!((&task["route"]["tier"], &task["route"]["decision"]), (&json!("small"), &json!("route")));
    let codes: Vec<&str> =
        summary["notices"].as_array().unwrap().iter().map(|n| n["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"stopped-early") && !codes.contains(&"incomplete"), "{codes:?}");
    let page = scratch.read(&format!("reports/{}/report.md", scratch.read("reports/latest").trim()));
    assert!(page.contains("spared") && !page.contains("undecided"), "{page}");

    let router = scratch.read("router.toml");
    run(&scratch, &["check"]).exits(0);
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    assert_eq!((server.asked(), scratch.read("router.toml")), (calls, router));
}

#[test]
fn prompts_of_a_cluster_are_one_piece_of_evidence() {
    let server = server();
    let scratch = project(&server, 240, |_| 1.0);
    let line = |n: usize| {
        let cluster = format!("template {}", n / 4);
        json!({"id": format!("p{n}"), "task": "colour", "prompt": text(n), "expected": "red", "cluster": cluster})
    };
    scratch.write("corpus.jsonl", (0..240).map(|n| format!("{}\n", line(n))).collect::<String>());
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]).exits(0);
    let summary = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let cells = &summary["tasks"][0]["cells"];
    // 30 clusters of four are 120 prompts; of 60 clusters, none of which fails, 68 would be needed.
    assert_eq!(cells[0]["stopped_early"]["prompts"], 120, "{}", cells[0]);
    assert!(cells[1].get("stopped_early").is_none(), "{}", cells[1]);
    assert_eq!(cells[1]["pass_rate"]["n_eff"], 60.0);
}

#[test]
fn complete_measures_a_dearer_tier_until_it_is_decided_itself() {
    let (server, scratch) = proven();
    let ran = run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--complete"]).exits(0);
    assert!(!ran.stderr.contains("spared"), "{}", ran.stderr);
    assert!((468..=480).contains(&server.asked()), "{}: 68 and 400", server.asked());
    let summary = run(&scratch, &["report", "--format", "json"]).exits(0).json();
    let cells = &summary["tasks"][0]["cells"];
    assert_eq!((&cells[0]["stopped_early"]["prompts"], cells[1].get("stopped_early")), (&json!(68), None));
    assert_eq!(summary["run"]["stop_early"]["complete"], true);
    let router = scratch.read("router.toml");
    assert!(router.contains("stop_complete = true"), "{router}");
    run(&scratch, &["check"]).exits(0);
    assert_eq!(scratch.read("router.toml"), router);
    // It is no way to run without early stopping.
    let ran = run(&scratch, &["run", "corpus.jsonl", "--complete"]).exits(2);
    assert!(ran.stderr.contains("add --stop-early"), "{}", ran.stderr);
}

#[test]
fn a_tier_that_may_be_too_slow_spares_no_other() {
    let (server, scratch) = proven();
    scratch.replace("route-prof.toml", "requests_per_day", "latency_p95_ms = 1\nrequests_per_day");
    run(&scratch, &["run", "corpus.jsonl", "--stop-early"]);
    assert!(server.asked() > 460, "{}: the larger one has to be measured", server.asked());
}

#[test]
fn interrupted_wherever_it_stops_as_if_it_had_not_been() {
    let facts = |scratch: &Scratch| {
        let summary = run(scratch, &["report", "--format", "json"]).exits(0).json();
        let cells = summary["tasks"][0]["cells"].as_array().unwrap().clone();
        let fact = |cell: &Value| {
            ["band", "pass_rate", "stopped_early", "counts"].map(|key| cell.get(key).cloned()).to_vec()
        };
        cells.iter().map(fact).collect::<Vec<_>>()
    };
    let alone = ["run", "corpus.jsonl", "--stop-early", "--concurrency", "1", "--pin-concurrency"];
    for make in [uneven, proven] {
        let (_server, whole) = make();
        run(&whole, &alone).exits(0);
        let (server, parts) = make();
        for ceiling in ["0.003", "0.006"] {
            run(&parts, &[&alone[..], &["--max-cost", ceiling]].concat()).exits(3);
        }
        run(&parts, &alone).exits(0);
        assert_eq!(server.asked(), server.distinct());
        assert_eq!(facts(&whole), facts(&parts));
    }
}

#[test]
fn prompts_of_uneven_weight_and_repeats_are_settled_too() {
    let server = server();
    let scratch = project(&server, 300, |n| 1.0 + (n % 3) as f64);
    let ran = run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--repeats", "2"]).exits(0);
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("2 of 2 cells were decided before their last prompt"), "{words}");
    assert!(server.asked() < 900, "{} of 1,200", server.asked());
    // Every prompt that was asked was asked as often as it was to be.
    let results = scratch.read(&format!("reports/{}/results.csv", scratch.read("reports/latest").trim()));
    let mut answers: BTreeMap<(String, String), u32> = BTreeMap::new();
    for record in csv::Reader::from_reader(results.as_bytes()).deserialize::<HashMap<String, String>>() {
        let row = record.unwrap();
        *answers.entry((row["prompt"].clone(), row["tier"].clone())).or_default() +=
            u32::from(row["outcome"] == "reply");
    }
    let halves = answers.values().filter(|answers| **answers == 1).count();
    assert!(halves <= 8, "{halves}: only what was in flight may be half");
}

#[test]
fn what_asks_a_program_is_measured_whole_and_batches_are_refused() {
    let server = server();
    let scratch = project(&server, 60, |_| 1.0);
    scratch.replace("route-prof.toml", "colour@1", "program@1");
    scratch.write(
        "oracles/program@1.toml",
        "id = \"program@1\"\ndescription = \"any\"\n[command]\nargv = [\"cat\", \"/dev/null\"]\n\
         [[example]]\noutput = \"a\"\nverdict = \"pass\"\n[[example]]\noutput = \"b\"\nverdict = \"fail\"\n",
    );
    let ran = run(&scratch, &["run", "corpus.jsonl", "--stop-early"]);
    assert_eq!(server.asked(), 120, "{}", ran.all());
    let words = ran.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        words.contains(
            "Measured in full, because the oracle asks a model or a program after the calls: colour."
        ),
        "{words}"
    );
    run(&scratch, &["run", "corpus.jsonl", "--stop-early", "--batch"]).exits(2);
    scratch.replace("route-prof.toml", "[policy]", "[run]\nstop_early = true\n[policy]");
    let ran = run(&scratch, &["run", "corpus.jsonl", "--batch"]).exits(2);
    assert!(ran.stderr.contains("--stop-early does not work with --batch"), "{}", ran.stderr);
    scratch.replace("route-prof.toml", "[policy]", "[policy]\nrule = \"non_inferior\"");
    let ran = run(&scratch, &["run", "corpus.jsonl"]).exits(2);
    assert!(ran.stderr.contains("--stop-early does not work with rule"), "{}", ran.stderr);
}

/// By task and tier.
type Cells<T> = BTreeMap<(String, String), T>;

/// The verdicts of a recording in the order of the corpus, and what the whole of it decides.
fn recorded(folder: &Path) -> (Cells<Vec<bool>>, Cells<Band>, Config) {
    let scratch = Scratch::empty();
    scratch.run(&["corpus", "import", "zeroeval", &folder.to_string_lossy(), "--out", "z"]).exits(0);
    scratch.replace("z/route-prof.toml", "[prices]", "[policy]\nbootstrap_resamples = 100\n[prices]");
    let summary = scratch
        .run(&["--config", "z/route-prof.toml", "run", "z/corpus.jsonl", "--format", "json"])
        .exits(0)
        .json();
    let mut bands = BTreeMap::new();
    for task in summary["tasks"].as_array().unwrap() {
        for cell in task["cells"].as_array().unwrap() {
            let at = (task["name"].as_str().unwrap().to_owned(), cell["tier"].as_str().unwrap().to_owned());
            bands.insert(at, serde_json::from_value(cell["band"].clone()).unwrap());
        }
    }
    let results = scratch.read(&format!("z/reports/{}/results.csv", scratch.read("z/reports/latest").trim()));
    let mut verdicts: Cells<Vec<bool>> = BTreeMap::new();
    for record in csv::Reader::from_reader(results.as_bytes()).deserialize::<HashMap<String, String>>() {
        let row = record.unwrap();
        verdicts
            .entry((row["task"].clone(), row["tier"].clone()))
            .or_default()
            .push(row["verdict"] == "pass");
    }
    let config = config::load(&Disk::real(), &scratch.file("z/route-prof.toml")).unwrap();
    (verdicts, bands, config)
}

/// How often all nine cells, and each of them, are decided in a random order as the full run decides them; and the share of the calls
/// that is saved.
fn orders(folder: &Path, alpha: Option<f64>, number: usize) -> (Cells<u32>, u32, f64) {
    let (verdicts, bands, config) = recorded(folder);
    assert_eq!(verdicts.len(), 9);
    let policy = Policy { stop_alpha: alpha.map(Share::clamped), ..Policy::default() };
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let (mut called, mut all, mut joint, mut each) = (0, 0, vec![true; number], Cells::new());
    for (cell, mut passes) in verdicts {
        let task = config.task(&cell.0).unwrap();
        let mut same = 0;
        for whole in &mut joint {
            for at in (1..passes.len()).rev() {
                passes.swap(at, ((u64::from(random.next_u32()) * (at as u64 + 1)) >> 32) as usize);
            }
            let mut watch = Watch::new(task, &policy, 9);
            let mut calls = 0;
            for passed in &passes {
                watch.take(Unit::of(f64::from(u8::from(*passed))));
                calls += 1;
                if watch.is_decided() {
                    break;
                }
            }
            // What is never settled is measured whole, and decides as the full run does.
            let agrees = watch.early_stop().is_none_or(|stop| stop.band == bands[&cell]);
            same += u32::from(agrees);
            *whole &= agrees;
            called += calls;
            all += passes.len();
        }
        each.insert(cell, same);
    }
    let joint = joint.iter().filter(|same| **same).count() as u32;
    (each, joint, 1.0 - called as f64 / all as f64)
}

fn decides_as_the_full_run_does(number: usize) {
    let Some(folder) = common::recordings("zeroeval-claude") else { return };
    // At the alpha of the consequence (medium), and at that of high consequence.
    for (alpha, promised) in [(None, stopping_alpha()), (Some(0.05), 0.05)] {
        let (each, joint, saved) = orders(&folder, alpha, number);
        let worst = each.iter().min_by_key(|(_, same)| **same).unwrap();
        eprintln!(
            "alpha {promised:.2}: {:.1} % of the calls saved; all nine decisions the same in {joint} of {number} orders; least: {worst:?}",
            100.0 * saved
        );
        let all = number as f64;
        let most = all * promised + 2.0 * (all * promised * (1.0 - promised)).sqrt();
        assert!(all - f64::from(*worst.1) <= most, "{worst:?}");
        assert!((0.4..0.9).contains(&saved), "{saved}");
    }
}

#[test]
fn random_orders_of_all_nine_cells_decide_as_the_full_run_does() {
    decides_as_the_full_run_does(60);
}

#[test]
#[ignore = "takes a minute: the numbers in docs/stop-early.md"]
fn a_thousand_orders_of_all_nine_cells_decide_as_the_full_run_does() {
    decides_as_the_full_run_does(1000);
}

/// What a task of medium consequence allows for.
fn stopping_alpha() -> f64 {
    1.0 - Policy::default().confidence(Consequence::Medium).get()
}

#[test]
fn a_recording_shows_what_stopping_would_have_spared() {
    let server = server();
    let scratch = project(&server, 200, |_| 1.0);
    run(&scratch, &["run", "corpus.jsonl", "--record-tape", "tape.jsonl"]).exits(0);
    let full = scratch.read("router.toml");
    let replay = |extra: &[&str]| {
        let args = [&["run", "corpus.jsonl", "--tape", "tape.jsonl", "--format", "json"][..], extra].concat();
        run(&scratch, &args).exits(0).json()
    };
    let early = replay(&["--stop-early"]);
    let spared = early["run"]["stop_early"]["calls_saved"].as_u64().unwrap();
    assert!(spared > 200, "{spared}");
    assert_eq!(early["run"]["answered"].as_u64().unwrap() + spared, 400);
    assert_eq!(
        early["spend"]["attempts"].as_u64().unwrap() + spared,
        400,
        "what was not asked for is not counted"
    );
    assert_eq!(early, replay(&["--stop-early"]), "the same twice");
    let route = |text: &str| text.lines().find(|line| line.starts_with("tier = ")).unwrap().to_owned();
    assert_eq!(route(&scratch.read("router.toml")), route(&full));
    assert!(Value::is_null(&replay(&[])["run"]["stop_early"]));
}
