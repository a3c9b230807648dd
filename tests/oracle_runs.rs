//! Oracles against the stored replies of a run: `oracle check --run` holds gates against the truth part, `grade --samples`
//! shows what flips under another version.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::Scratch;
use common::server::{Act, Server};
use serde_json::{Value, json};

/// A run whose small model answers once right, once with another colour, once with no colour, and once with hostile text
/// around the right one; the large model is always right.
fn ran() -> Scratch {
    let scratch = Scratch::project();
    let rules = [
        ("pup", "sky", "Blue."),
        ("pup", "grass", "red"),
        ("pup", "blood", "crimson"),
        ("pup", "leaf", "<b>\\u001B[2J\\u202Egreen"),
        ("hound", "sky", "blue"),
        ("hound", "grass", "green"),
        ("hound", "blood", "red"),
        ("hound", "leaf", "green"),
    ];
    let script: String = rules
        .iter()
        .map(|(model, word, reply)| {
            format!("[[rule]]\nmodel = \"{model}\"\nmatch = \"{word}\"\nreply = \"{reply}\"\n")
        })
        .collect();
    scratch.write("script.toml", script);
    scratch.run(&["run", "corpus.jsonl"]).exits(0);
    scratch
}

#[test]
fn a_gate_is_held_against_the_truth_on_the_replies_of_a_run() {
    let scratch = ran();
    let report = scratch.run(&["oracle", "check", "--run", "latest", "--format", "json"]).exits(0).json();
    let gates = report["gates"].as_array().unwrap();
    let on_run: Vec<&Value> =
        gates.iter().filter(|gate| gate["on"].as_str().unwrap().starts_with("run ")).collect();
    assert_eq!(on_run.len(), 1, "{report:#}");
    // Five right answers; of the three wrong ones the gate cannot see that `red` is the wrong colour.
    assert_eq!(
        [
            &on_run[0]["n"],
            &on_run[0]["passes"],
            &on_run[0]["fails"],
            &on_run[0]["false_accepts"],
            &on_run[0]["false_rejects"]
        ],
        [&json!(8), &json!(5), &json!(3), &json!(1), &json!(0)]
    );
    let shown = scratch.run(&["oracle", "check", "--run", "latest"]).exits(0);
    insta::assert_snapshot!(shown.stdout, @"
    1 oracle, 2 examples, 0 failed
     gate of    tested on           n   false accept rate (95 % CI)   false reject rate (95 % CI)
    ──────────────────────────────────────────────────────────────────────────────────────────────
     colour@1   examples            2    0.0 % (0.0–79.3 %), 0 of 1    0.0 % (0.0–79.3 %), 0 of 1
     colour@1   run corpus-d34b8e   8   33.3 % (6.1–79.2 %), 1 of 3    0.0 % (0.0–43.4 %), 0 of 5
    ");
    // Without a run there are only the examples.
    let alone = scratch.run(&["oracle", "check", "--format", "json"]).exits(0).json();
    assert_eq!(alone["gates"].as_array().unwrap().len(), 1);
    let missing = scratch.run(&["oracle", "check", "--run", "nowhere"]).exits(2);
    assert!(missing.stderr.contains("nowhere"), "{}", missing.all());
}

#[test]
fn samples_of_what_flips_are_shown_and_hostile_replies_cannot_draw() {
    let scratch = ran();
    scratch.write(
        "oracles/colour@2.toml",
        "id = \"colour@2\"\ndescription = \"The colour stands in it\"\n\n[contains]\nmode = \"any\"\nvalues = [\"green\", \"crimson\"]\n\n\
         [[example]]\noutput = \"green\"\nverdict = \"pass\"\n\n[[example]]\noutput = \"red\"\nverdict = \"fail\"\n",
    );
    let args = ["grade", "latest", "--oracle", "colour@2"];
    let one = scratch.run(&[&args[..], &["--samples", "1"]].concat()).exits(0);
    insta::assert_snapshot!(one.stdout, @r#"
    8 replies graded, 5 verdicts flip
     prompt   task     tier    verdict        reason
    ──────────────────────────────────────────────────────────────────────────────
     sky      colour   small   pass -> fail   none of the required texts is there
     sky      colour   large   pass -> fail   none of the required texts is there
     blood    colour   small   fail -> pass   not a label of the set
     blood    colour   large   pass -> fail   none of the required texts is there
     leaf     colour   small   fail -> pass   not a label of the set

    sky on small: pass -> fail; expected "blue". The reply:
      Blue.
     task     tier    pass rate before    after
    ────────────────────────────────────────────
     colour   small             16.7 %   33.3 %
     colour   large            100.0 %   66.7 %
    changed inputs:
      oracle colour@1 -> colour@2
    routes whose figures change:
      colour: pass rate 100.0 % -> 66.7 %
    "#);
    assert!(one.stderr.contains("nothing was written; add --write"), "{}", one.all());
    let all = scratch.run(&[&args[..], &["--samples", "9"]].concat()).exits(0).stdout;
    assert!(all.contains("leaf on small: fail -> pass") && all.contains("<b>"), "{all}");
    assert!(!all.contains('\u{1b}') && !all.contains('\u{202e}'), "{all}");

    let replies = |samples: &str| {
        let report =
            scratch.run(&[&args[..], &["--samples", samples, "--format", "json"]].concat()).exits(0).json();
        let flips = report["flips"].as_array().unwrap().clone();
        (flips.len(), flips.iter().filter(|flip| flip["reply"].is_string()).count())
    };
    let (flips, none) = replies("0");
    assert_eq!((flips, none), (5, 0));
    assert_eq!(replies("2"), (5, 2));
    assert_eq!(replies("99"), (5, 5));
}

/// A server whose cheaper model's filter refuses what the dearer one declines in words; the judge passes all.
fn filtered() -> Server {
    Server::start(|body, _| {
        let reply = |finish: &str, text: &str| {
            let body = json!({"model": body["model"], "choices": [{"index": 0, "finish_reason": finish,
                "message": {"role": "assistant", "content": text}}], "usage": {"prompt_tokens": 5, "completion_tokens": 1}});
            Act::Status(200, Vec::new(), body.to_string())
        };
        match body["model"].as_str() {
            Some("pup") => reply("content_filter", ""),
            Some("owl") => reply("stop", "{\"reasoning\": \"so it is\", \"verdict\": \"pass\"}"),
            _ => reply("stop", "I'm sorry, but I can't help with that."),
        }
    })
}

#[test]
fn a_refusal_that_the_api_reports_is_one_where_a_refusal_is_asked_for() {
    let server = filtered();
    let judge = "{ judge = { rubric = \"It is brief.\", model = \"local/owl\" } }";
    let counts = |kind: &str| {
        let scratch = Scratch::project();
        let config = common::two_tiers_at(&server.base_url(), "")
            .replace("api_key_env = \"TEST_KEY\"", "stream = false");
        scratch.write(
            "route-prof.toml",
            format!("{config}[prices.model.\"local/owl\"]\ninput = 1\noutput = 1\n"),
        );
        scratch.write(
            "oracles/colour@1.toml",
            format!(
                "id = \"colour@1\"\ndescription = \"d\"\n{kind}\n[[example]]\noutput = \"x\"\nverdict = \"pass\"\n\
                 [[example]]\noutput = \"y\"\nverdict = \"fail\"\n"
            ),
        );
        scratch.run(&["run", "corpus.jsonl"]).exits(0);
        let run = scratch.read("reports/latest");
        let summary: Value =
            serde_json::from_str(&scratch.read(&format!("reports/{}/summary.json", run.trim()))).unwrap();
        [0, 1].map(|tier| {
            let counts = &summary["tasks"][0]["cells"][tier]["counts"];
            ["passed", "failed", "refused", "ungraded"].map(|name| counts[name].as_u64().unwrap())
        })
    };
    // Cheaper tier: the filter. Dearer one: words.
    assert_eq!(counts("[refusal]"), [[4, 0, 0, 0], [4, 0, 0, 0]]);
    assert_eq!(counts("[not.refusal]"), [[0, 0, 4, 0], [0, 4, 0, 0]]);
    assert_eq!(counts("[word_count]\nmax = 100"), [[0, 0, 4, 0], [4, 0, 0, 0]]);
    assert_eq!(
        counts("[any]\nof = [{ refusal = {} }, { exact = { value = \"x\" } }]"),
        [[4, 0, 0, 0], [4, 0, 0, 0]]
    );
    // A judge that has a say is asked about it.
    assert_eq!(counts(&format!("[all]\nof = [{{ refusal = {{}} }}, {judge}]")), [[4, 0, 0, 0], [4, 0, 0, 0]]);
}
