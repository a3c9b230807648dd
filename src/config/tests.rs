//! Tests of the configuration: what is accepted, and how faults read.

use std::path::PathBuf;

use super::*;
use crate::disk::Disk;

const GOOD: &str = r#"version = 1

[[tier]]
name = "tier1"
model = "local/pup"

[provider.local]
api = "openai"
base_url = "http://127.0.0.1:8101/v1/"

[task.intent]
oracle = "intent@1"
consequence = "low"
requests_per_day = 35000

[task.a_later_one]
oracle = "other@2"
"#;

fn at(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("route-prof.toml");
    Disk::real().replace(&path, text.as_bytes()).unwrap();
    (folder, path)
}

fn faults(text: &str) -> String {
    let (folder, path) = at(text);
    let error = load(&Disk::real(), &path).expect_err("faults").to_string();
    error.replace(&*folder.path().to_string_lossy(), "[folder]")
}

#[test]
fn good_settings_keep_the_order_of_the_file_and_take_the_defaults() {
    let (_folder, path) = at(GOOD);
    let config = load(&Disk::real(), &path).unwrap();
    let names: Vec<&str> = config.tasks.iter().map(|task| task.name.as_str()).collect();
    assert_eq!(names, ["intent", "a_later_one"]);
    assert_eq!(config.policy, Policy::default());
    let provider = config.providers.values().next().unwrap();
    assert_eq!(provider.base_url.as_deref(), Some("http://127.0.0.1:8101/v1"));
    assert!(provider.stream);
    assert_eq!(config.tasks[0].line, 11);
}

#[test]
fn digests_change_with_what_they_cover_and_with_nothing_else() {
    let (_one, path) = at(GOOD);
    let base = load(&Disk::real(), &path).unwrap();
    let (_two, path) = at(&GOOD.replace("35000", "36000"));
    let traffic = load(&Disk::real(), &path).unwrap();
    assert_ne!(base.tasks_digest(), traffic.tasks_digest());
    assert_eq!(base.tiers_digest(), traffic.tiers_digest());
    assert_eq!(base.policy_digest(), traffic.policy_digest());
    let (_three, path) = at(&format!("{GOOD}\n[policy]\nroute_floor = 0.9\n"));
    assert_ne!(base.policy_digest(), load(&Disk::real(), &path).unwrap().policy_digest());
}

#[test]
fn an_unknown_key_is_pointed_at() {
    insta::assert_snapshot!(faults(&format!("{GOOD}\n[policy]\nroute_flor = 0.9\n")), @r"
    error: unknown key `route_flor`
      --> [folder]/route-prof.toml:20:1
       |
    20 | route_flor = 0.9
       | ^^^^^^^^^^
       |
       = help: did you mean `route_floor`?
    ");
}

#[test]
fn all_faults_come_at_once() {
    let text = GOOD
        .replace("version = 1", "version = 3")
        .replace("local/pup", "locl/pup")
        .replace("35000", "-1")
        .replace("http://127.0.0.1:8101/v1/", "http://example.com/v1");
    insta::assert_snapshot!(faults(&text), @r#"
    error: version 3 is not supported
     --> [folder]/route-prof.toml:1:11
      |
    1 | version = 3
      |           ^
      |
      = help: write `version = 1`, or update route-prof

    error: base_url sends keys and prompts unencrypted
     --> [folder]/route-prof.toml:9:12
      |
    9 | base_url = "http://example.com/v1"
      |            ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use https, or set data_location = "local" if the server is in your own network

    error: provider `locl` is not defined
     --> [folder]/route-prof.toml:5:9
      |
    5 | model = "locl/pup"
      |         ^^^^^^^^^^
      |
      = help: did you mean `local`? (or define [provider.locl])

    error: requests_per_day is -1
      --> [folder]/route-prof.toml:14:20
       |
    14 | requests_per_day = -1
       |                    ^^
       |
       = help: use a finite number, 0 or more
    "#);
}

#[test]
fn a_key_in_the_file_is_refused_and_not_repeated() {
    let text = GOOD.replace("api = \"openai\"", "api = \"openai\"\napi_key_env = \"sk-verysecret\"");
    let said = faults(&text);
    assert!(said.contains("is not the name of a variable"), "{said}");
    assert!(!said.contains("verysecret"), "{said}");
    let text = GOOD
        .replace("api = \"openai\"", "api = \"openai\"\nheaders = { Authorization = \"Bearer verysecret\" }");
    let said = faults(&text);
    assert!(said.contains("contains a key"), "{said}");
    assert!(!said.contains("verysecret"), "{said}");
}

#[test]
fn missing_files_are_faults_of_the_line_that_names_them() {
    let said = faults(&GOOD.replace("consequence = \"low\"", "system_file = \"nope.md\""));
    assert!(said.contains("nope.md: no such file or folder"), "{said}");
    assert!(said.contains("13 | system_file"), "{said}");
}

#[test]
fn a_key_that_is_gone_says_what_replaces_it() {
    let text = faults(&format!("{GOOD}\n[policy]\nalert_relative = 0.15\n"));
    assert!(text.contains("unknown key `alert_relative`") && text.contains("alert_rise"), "{text}");
}

#[test]
fn the_numbers_of_alerts_and_availability_are_checked() {
    for (key, wrong) in [
        ("alert_rise", "1.0"),
        ("alert_rise", "nan"),
        ("alert_run_length", "10"),
        ("availability_floor", "1.0"),
    ] {
        let text = faults(&format!("{GOOD}\n[policy]\n{key} = {wrong}\n"));
        assert!(text.contains("help"), "{key}: {text}");
    }
    let text = faults(&GOOD.replace("consequence = \"low\"", "ttft_p95_ms = -1\nescalate_above = 5"));
    assert!(text.contains("ttft_p95_ms is -1") && text.contains("use a share"), "{text}");
}
