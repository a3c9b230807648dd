//! The simulated day, on the quickstart's recording: what comes is served or turned away, budgets hold, outages and slow tiers are
//! passed over.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use std::path::Path;
use std::sync::LazyLock;

use common::Scratch;
use route_prof::simulate::{Day, Hour, Outage, Profile, Settings, SimulateError, Variant, day};
use route_prof::summary::Summary;

/// A copy of the quickstart, run.
fn quickstart() -> Scratch {
    let scratch = Scratch::empty();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("corpora"), root.join("oracles")];
    let mut files = vec![root.join("route-prof.toml")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            if entry.path().is_dir() { folders.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    for file in files {
        let name = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
        scratch.write(&name, std::fs::read(&file).unwrap());
    }
    scratch.run(&["run", "corpora/quickstart.jsonl"]).exits(0);
    scratch
}

static SUMMARY: LazyLock<Summary> = LazyLock::new(|| {
    let scratch = quickstart();
    let run = scratch.read("reports/latest");
    serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap()
});

fn settings() -> Settings {
    Settings {
        requests: 20_000,
        profile: Profile::Flat,
        drift: 0.0,
        outages: Vec::new(),
        budget_per_day: None,
        users: 100,
        budget_per_user: None,
        window: 200,
        seed: 1,
        lambda: 0.5,
    }
}

fn routes(settings: &Settings) -> Day {
    day(&SUMMARY.clone(), settings, Variant::Routes).unwrap()
}

#[test]
fn every_request_is_served_or_turned_away_and_the_same_seed_gives_the_same_day() {
    for profile in [Profile::Flat, Profile::Office] {
        let settings = Settings { profile, drift: 1.0, ..settings() };
        let day = routes(&settings);
        assert_eq!(day.total.requests, 20_000);
        assert_eq!(day.total.served + day.total.rejected, day.total.requests);
        assert_eq!(day.hours.iter().map(|hour| hour.requests).sum::<u64>(), 20_000);
        assert_eq!(day, routes(&settings));
        assert_ne!(day, routes(&Settings { seed: 2, ..settings }));
    }
}

#[test]
fn an_outage_of_the_whole_day_sends_everything_of_that_tier_elsewhere() {
    let summary = SUMMARY.clone();
    let calm = routes(&settings());
    let tier = summary.tasks[0].route.tier.clone();
    let outages = vec![Outage { tier, from: 0, minutes: 1440 }];
    let out = routes(&Settings { outages, ..settings() });
    assert!(out.total.fallbacks + out.total.rejected > calm.total.fallbacks + calm.total.rejected);
    let hours = Settings {
        outages: vec![Outage { tier: summary.tasks[0].route.tier.clone(), from: 600, minutes: 60 }],
        ..settings()
    };
    let hit = routes(&hours);
    for (hour, calm) in hit.hours.iter().zip(&calm.hours) {
        let troubled = |hour: &Hour| hour.fallbacks + hour.rejected;
        assert_eq!(troubled(hour) > troubled(calm), hour.hour == 10, "hour {}", hour.hour);
    }
    let unknown = Settings {
        outages: vec![Outage { tier: "nobody".parse().unwrap(), from: 0, minutes: 1 }],
        ..settings()
    };
    assert!(matches!(day(&summary, &unknown, Variant::Routes), Err(SimulateError::UnknownTier(_))));
}

#[test]
fn no_budget_is_ever_exceeded() {
    let free = routes(&settings());
    let half = free.total.cost / 2.0;
    let tight = routes(&Settings { budget_per_day: Some(half), ..settings() });
    assert!(tight.total.cost <= half + 1e-9, "{} {half}", tight.total.cost);
    assert!(tight.total.downgraded + tight.total.rejected > 0);
    let each = free.total.cost / 100.0 / 2.0;
    let tight = routes(&Settings { budget_per_user: Some(each), ..settings() });
    assert!(tight.total.cost <= each * 100.0 + 1e-9);
}

#[test]
fn slower_hours_are_slower() {
    let calm = routes(&settings());
    let drifting = routes(&Settings { drift: 3.0, ..settings() });
    assert!(drifting.total.p95_ms > calm.total.p95_ms);
    let at = |hour: usize| drifting.hours[hour].p50_ms.unwrap();
    assert!(at(15) > at(3));
}

#[test]
fn the_adaptive_variant_meets_the_same_day_and_learns() {
    let summary = SUMMARY.clone();
    let adaptive = day(&summary, &settings(), Variant::Adaptive).unwrap();
    assert_eq!(adaptive.total.served + adaptive.total.rejected, 20_000);
    let quality = |day: &Day| day.total.passes / day.total.served as f64;
    // A price of nothing for cost: it goes after quality alone, and finds no less than the routes do, but for what it tries out.
    let greedy = day(&summary, &Settings { lambda: 0.0, ..settings() }, Variant::Adaptive).unwrap();
    assert!(
        quality(&greedy) + 0.03 > quality(&routes(&settings())),
        "{} {}",
        quality(&greedy),
        quality(&routes(&settings()))
    );
}

proptest::proptest! {
    #[test]
    fn nothing_is_lost_whatever_happens(
        requests in 0u64..2000, from in 0u32..1440, minutes in 0u32..2000, drift in 0.0..5.0f64, budget in 0.0..1.0f64, users in 0u32..5, seed in 0u64..9
    ) {
        let summary = SUMMARY.clone();
        let settings = Settings {
            requests, drift, users, seed,
            outages: vec![Outage { tier: summary.tiers[0].name.clone(), from, minutes }],
            budget_per_day: Some(budget),
            budget_per_user: Some(budget / 2.0),
            ..settings()
        };
        for variant in [Variant::Routes, Variant::Adaptive] {
            let day = day(&summary, &settings, variant).unwrap();
            proptest::prop_assert_eq!(day.total.served + day.total.rejected, requests);
            proptest::prop_assert!(day.total.cost <= budget + 1e-9);
        }
    }
}

#[test]
fn the_command_says_it_by_the_hour_and_writes_it_down() {
    let scratch = quickstart();
    let ran = scratch
        .run(&[
            "simulate",
            "--requests",
            "5000",
            "--outage",
            "small@10:00+60",
            "--drift",
            "0.5",
            "--adaptive",
        ])
        .exits(0);
    for says in ["hour", "fallback", "routes", "adaptive", "Assumptions:"] {
        assert!(ran.stdout.contains(says), "{says}: {}", ran.stdout);
    }
    let run = scratch.read("reports/latest");
    let csv = scratch.read(&format!("reports/{}/simulate.csv", run.trim()));
    assert_eq!(csv.lines().count(), 1 + 2 * 24, "{csv}");
    let json = scratch.run(&["simulate", "--requests", "5000", "--format", "json"]).exits(0).json();
    assert_eq!(json["days"][0]["total"]["requests"], 5000);
    for (args, says) in [
        (["--outage", "small@ten"], "write --outage"),
        (["--outage", "nobody@10:00+5"], "there is no tier `nobody`"),
        (["--profile", "lunar"], "possible values"),
    ] {
        let ran = scratch.run(&[&["simulate"], &args[..]].concat()).exits(2);
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

/// The quickstart with a section of settings more.
fn with_settings(more: &str) -> Scratch {
    let scratch = quickstart();
    let config = scratch.read("route-prof.toml");
    scratch.write("route-prof.toml", format!("{config}\n{more}\n"));
    scratch
}

#[test]
fn the_settings_say_what_day_it_is_and_flags_win() {
    let scratch = with_settings(
        "[simulate]\nrequests = 3000\nhours = [0,0,0,0,0,0,0,0,1,1,1,1,1,1,1,1,0,0,0,0,0,0,0,0]\ndrift = 0.5\n\
         outages = [\"small@10:00+60\"]\nusers = 10\nbudget_per_user = 5\nwindow = 50\nadaptive = true\nlambda = 0\nseed = 3",
    );
    let ran = scratch.run(&["simulate", "--format", "json"]).exits(0).json();
    assert_eq!(ran["days"].as_array().unwrap().len(), 2);
    assert_eq!((&ran["days"][0]["total"]["requests"], &ran["seed"]), (&3000.into(), &3.into()));
    assert_eq!(ran["days"][0]["hours"][7]["requests"], 0);
    assert!(ran["days"][0]["hours"][10]["fallbacks"].as_u64().unwrap() > 0, "{ran}");
    let run = scratch.read("reports/latest");
    let page = scratch.read(&format!("reports/{}/simulate.html", run.trim()));
    for says in [
        "small does not answer for 60 minutes from 10:00",
        "adaptive",
        "<svg",
        "3000 requests from 10 users",
        "Assumptions:",
    ] {
        assert!(page.contains(says), "{says}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "it asks for nothing");
    for chart in ["day-requests", "day-fallbacks", "day-latency", "day-cost"] {
        let svg = scratch.read(&format!("reports/{}/charts/{chart}.svg", run.trim()));
        assert!(svg.starts_with("<svg"), "{chart}");
    }
    let again = scratch.run(&["simulate", "--format", "json"]).exits(0).json();
    assert_eq!(ran, again);
    let flags =
        ["simulate", "--requests", "100", "--seed", "4", "--profile", "flat", "--outage", "mid@01:00+1"];
    let flagged = scratch.run(&[&flags[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!((&flagged["days"][0]["total"]["requests"], &flagged["seed"]), (&100.into(), &4.into()));
    assert_eq!(flagged["days"][0]["hours"][10]["fallbacks"], flagged["days"][0]["hours"][11]["fallbacks"]);
}

#[test]
fn what_is_wrong_with_the_day_is_pointed_at() {
    let scratch = with_settings(
        "[simulate]\nrequests = 10\nhours = [1, 2]\ndrift = -1.0\noutages = [\"small@ten\", \"nobody@10:00+5\"]\n\
         budget_per_day = -1\nusers = 0\nwindow = 0\nlambda = -0.5",
    );
    let ran = scratch.run(&["simulate"]).exits(2);
    for says in [
        "hours of [simulate] is not a list of 24 weights",
        "drift of [simulate] is negative",
        "`small@ten` is not an outage",
        "there is no tier `nobody`",
        "budget_per_day of [simulate] is negative",
        "users of [simulate] is out of range",
        "window of [simulate] is out of range",
        "lambda of [simulate] is negative",
    ] {
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
    }
    let scratch = with_settings("[simulate]\nrequest = 10");
    assert!(scratch.run(&["simulate"]).exits(2).stderr.contains("unknown key `request`"));
}
