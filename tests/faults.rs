//! Broken input of every kind: one clear message, the right exit code, no panic.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "test code"
)]

mod common;

use common::{Ran, Scratch};

/// A project whose script answers every prompt rightly.
fn project() -> Scratch {
    let scratch = Scratch::project();
    scratch.write("script.toml", "[[rule]]\nmatch = \"sky\"\nreply = \"blue\"\n[[rule]]\nmatch = \"blood\"\nreply = \"red\"\n[[rule]]\nreply = \"green\"\n");
    scratch
}

fn run(scratch: &Scratch) -> Ran {
    scratch.run(&["run", "corpus.jsonl"])
}

fn broken(from: &str, to: &str) -> String {
    let scratch = project();
    scratch.replace("route-prof.toml", from, to);
    run(&scratch).exits(2).all()
}

fn corpus(text: impl AsRef<[u8]>) -> String {
    let scratch = project();
    scratch.write("corpus.jsonl", text);
    run(&scratch).exits(2).all()
}

#[test]
fn the_project_itself_is_sound() {
    run(&project()).exits(0);
}

#[test]
fn bad_toml() {
    insta::assert_snapshot!(broken("version = 1", "version = = 1"), @"
    exit 2
    -- stderr
    error: extra `=`, expected nothing
     --> route-prof.toml:1:11
      |
    1 | version = = 1
      |           ^
    ");
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!(broken("consequence =", "consequense ="), @r#"
    exit 2
    -- stderr
    error: unknown key `consequense`
      --> route-prof.toml:25:1
       |
    25 | consequense = "low"
       | ^^^^^^^^^^^
       |
       = help: did you mean `consequence`?
    "#);
}

#[test]
fn a_wrong_type() {
    insta::assert_snapshot!(broken("requests_per_day = 1000", "requests_per_day = \"many\""), @r#"
    exit 2
    -- stderr
    error: invalid type: string "many", expected a number, or { low = 30000, likely = 50000, high = 90000 }
      --> route-prof.toml:26:20
       |
    26 | requests_per_day = "many"
       |                    ^^^^^^
    "#);
}

#[test]
fn no_tier() {
    let scratch = project();
    scratch.write("route-prof.toml", "version = 1\n");
    insta::assert_snapshot!(run(&scratch).exits(2).all(), @"
    exit 2
    -- stderr
    error: there are no tiers
    --> route-prof.toml
     = help: add a [[tier]] with a name and a model for each rung of the ladder, cheapest first
    ");
}

#[test]
fn a_missing_oracle() {
    insta::assert_snapshot!(broken("colour@1", "color@1"), @r#"
    exit 2
    -- stderr
    error: there is no oracle color@1
      --> route-prof.toml:24:11
       |
    24 | oracle = "color@1"
       |           ^^^^^^^
       |
       = help: did you mean `colour`?
    "#);
}

#[test]
fn an_oracle_that_was_edited_without_a_new_version() {
    let scratch = project();
    run(&scratch).exits(0);
    scratch.replace("oracles/colour@1.toml", "\"blue\"]", "\"blue\", \"pink\"]");
    insta::assert_snapshot!(run(&scratch).exits(2).all(), @r#"
    exit 2
    -- stderr
    error: colour@1 was edited without a new version
    --> oracles/colour@1.toml
     = help: a version never changes once it has graded: restore colour@1.toml, and put the change into colour@2.toml (id = "colour@2"), then name that version in route-prof.toml
    "#);
}

#[test]
fn an_oracle_with_an_unknown_kind() {
    let scratch = project();
    scratch.replace("oracles/colour@1.toml", "[label]", "[labels]");
    insta::assert_snapshot!(run(&scratch).exits(2).all(), @"
    exit 2
    -- stderr
    error: unknown key `labels`
     --> oracles/colour@1.toml:4:2
      |
    4 | [labels]
      |  ^^^^^^
      |
      = help: did you mean `label`?
    ");
}

#[test]
fn a_model_without_a_price() {
    insta::assert_snapshot!(broken("[prices.model.\"script/pup\"]\ninput = 1\noutput = 2\n", ""), @r#"
    exit 2
    -- stderr
    error: script/pup has no price in the built-in catalogue of 2026-11-22
    --> route-prof.toml
     = help: state its price in USD per million tokens:
             [prices.model."script/pup"]
             input = 1.00
             output = 5.00
    "#);
}

#[test]
fn an_undefined_provider() {
    insta::assert_snapshot!(broken("model = \"script/pup\"", "model = \"scrip/pup\""), @r#"
    exit 2
    -- stderr
    error: provider `scrip` is not defined
     --> route-prof.toml:5:9
      |
    5 | model = "scrip/pup"
      |         ^^^^^^^^^^^
      |
      = help: did you mean `script`? (or define [provider.scrip])
    "#);
}

#[test]
fn an_unknown_api() {
    insta::assert_snapshot!(broken("api = \"scripted\"", "api = \"script\""), @"
    exit 2
    -- stderr
    note: updated oracles.lock; commit it
    error: provider `script`: unknown api `script`
    --> route-prof.toml:11
     = help: did you mean `scripted`?
    ");
}

#[test]
fn a_key_in_the_settings() {
    let said = broken("api = \"scripted\"", "api = \"openai\"\napi_key_env = \"sk-abcdef123456\"");
    assert!(!said.contains("abcdef123456"), "{said}");
    insta::assert_snapshot!(said, @r#"
    exit 2
    -- stderr
    error: api_key_env of provider `script` is not the name of a variable
      --> route-prof.toml:13:1
       |
    13 | api_key_env = …
       | ^^^^^^^^^^^
       |
       = help: write the NAME of an environment variable, such as "OPENAI_API_KEY"; never write a key into a file (if this was a key, revoke it)
    "#);
}

#[test]
fn a_missing_key_variable() {
    let said = broken("api = \"scripted\"", "api = \"openai\"\napi_key_env = \"ROUTE_PROF_TEST_KEY\"");
    insta::assert_snapshot!(said, @"
    exit 2
    -- stderr
    note: updated oracles.lock; commit it
    error: the key of provider `script` is missing: ROUTE_PROF_TEST_KEY is not set
    --> route-prof.toml:11
     = help: export ROUTE_PROF_TEST_KEY=..., or replay a recording with --tape FILE
    ");
}

#[test]
fn duplicate_ids() {
    insta::assert_snapshot!(corpus("{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"a\",\"prompt\":\"y\"}\n"), @r#"
    exit 2
    -- stderr
    error: the id `a` is already used on line 1
     --> corpus.jsonl:2:7
      |
    2 | {"id":"a","prompt":"y"}
      |       ^^^
      |
      = help: give each prompt its own id
    "#);
}

#[test]
fn an_unknown_task() {
    insta::assert_snapshot!(corpus("{\"id\":\"a\",\"task\":\"color\",\"prompt\":\"x\"}\n"), @r#"
    exit 2
    -- stderr
    error: unknown task `color`
     --> corpus.jsonl:1:18
      |
    1 | {"id":"a","task":"color","prompt":"x"}
      |                  ^^^^^^^
      |
      = help: did you mean `colour`? (or define [task.color] in route-prof.toml)
    "#);
}

#[test]
fn a_bad_json_line_among_others() {
    insta::assert_snapshot!(corpus("{\"id\":\"a\",\"prompt\":\"x\"}\n{\"id\":\"b\",\"prompt\":\"y\"\n{\"id\":\"c\",\"prompt\":\"\"}\n"), @r#"
    exit 2
    -- stderr
    error: not valid JSON: EOF while parsing an object
     --> corpus.jsonl:2:22
      |
    2 | {"id":"b","prompt":"y"
      |                      ^
      |
      = help: write one JSON object per line

    error: the prompt is empty
     --> corpus.jsonl:3:11
      |
    3 | {"id":"c","prompt":""}
      |           ^^^^^^^^
      |
      = help: write the prompt
    "#);
}

#[test]
fn invalid_utf_8() {
    insta::assert_snapshot!(corpus(b"{\"id\":\"a\",\"prompt\":\"x\xff\"}\n"), @r#"
    exit 2
    -- stderr
    error: the line is not UTF-8 from byte 22 on
     --> corpus.jsonl:1:22
      |
    1 | {"id":"a","prompt":"x�
      |                      ^
      |
      = help: save the file as UTF-8
    "#);
}

#[test]
fn an_empty_corpus() {
    insta::assert_snapshot!(corpus(""), @r#"
    exit 2
    -- stderr
    error: the corpus is empty
    --> corpus.jsonl
     = help: add one prompt per line, such as {"id": "p1", "task": "...", "prompt": "...", "expected": "..."}
    "#);
}

#[test]
fn a_weight_that_is_no_number() {
    insta::assert_snapshot!(corpus("{\"id\":\"a\",\"prompt\":\"x\",\"weight\":NaN}\n{\"id\":\"b\",\"prompt\":\"x\",\"weight\":-2}\n"), @r#"
    exit 2
    -- stderr
    error: not valid JSON: expected value
     --> corpus.jsonl:1:33
      |
    1 | {"id":"a","prompt":"x","weight":NaN}
      |                                 ^
      |
      = help: write one JSON object per line

    error: the weight -2 is outside the range from 0 up
     --> corpus.jsonl:2:24
      |
    2 | {"id":"b","prompt":"x","weight":-2}
      |                        ^^^^^^^^
      |
      = help: use a finite number, 0 or more
    "#);
}

#[test]
fn a_corpus_that_is_not_there() {
    insta::assert_snapshot!(project().run(&["run", "nope.jsonl"]).exits(2).all(), @"
    exit 2
    -- stderr
    error: cannot open nope.jsonl: no such file or folder
    --> nope.jsonl
     = help: name a JSONL or CSV file
    ");
}

#[test]
fn no_settings_at_all() {
    let scratch = Scratch::empty();
    insta::assert_snapshot!(scratch.run(&["run", "corpus.jsonl"]).exits(2).all(), @"
    exit 2
    -- stderr
    error: there is no route-prof.toml in this folder or above
    help: start a project with `route-prof init`, or name the file with --config
    ");
}

#[test]
fn a_tape_that_is_no_tape() {
    insta::assert_snapshot!(project().run(&["run", "corpus.jsonl", "--tape", "corpus.jsonl"]).exits(1).all(), @"
    exit 1
    -- stderr
    note: updated oracles.lock; commit it
    error: [folder]/corpus.jsonl is not a journal: its first line is not a header
    ");
}

#[test]
fn a_run_that_is_not_there() {
    insta::assert_snapshot!(project().run(&["report", "last"]).exits(2).all(), @"
    exit 2
    -- stderr
    error: there is no run `last`
    help: there are no runs yet: start one with `route-prof run CORPUS`
    ");
}

#[test]
fn bad_usage() {
    let ran = project().run(&["run", "corpus.jsonl", "--max-cost", "much"]);
    insta::assert_snapshot!(ran.exits(2).all(), @"
    exit 2
    -- stderr
    error: invalid value 'much' for '--max-cost <USD>': `much` is not a number

    For more information, try '--help'.
    ");
}

#[test]
fn an_unreachable_host() {
    let scratch = project();
    // A port that was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    scratch.replace(
        "route-prof.toml",
        "api = \"scripted\"",
        &format!("api = \"openai\"\nbase_url = \"http://127.0.0.1:{port}/v1\""),
    );
    scratch
        .write("route-prof.toml", format!("{}\n[run]\nmax_attempts = 1\n", scratch.read("route-prof.toml")));
    let ran = run(&scratch).exits(3);
    assert!(
        ran.stderr.contains("8 of 8 trials have no answer; run the same command again to continue"),
        "{}",
        ran.all()
    );
    assert!(scratch.read("reports/latest").starts_with("corpus-"));
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written() {
    let scratch = project();
    // A file where the folder should be stops even a privileged user, whom permissions do not.
    scratch.write("reports", "in the way");
    insta::assert_snapshot!(run(&scratch).exits(1).all(), @"
    exit 1
    -- stderr
    note: updated oracles.lock; commit it
    error: cannot make the folder reports/corpus-709e01: a part of the path is a file: Not a directory (os error 20)
    ");
}
