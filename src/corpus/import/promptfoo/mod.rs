//! promptfoo's configs and test files: YAML, JSON, JSONL, CSV. A corpus line a pair of test and prompt; equal sets of
//! assertions become one oracle. What has no counterpart here (code, traces, other judges) is listed.

mod assertion;
mod case;
mod check;
mod criterion;
mod csv_cases;
mod files;
mod graded;
mod sample_text;
mod suite;
mod template;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use self::assertion::Context;
use self::case::Test;
use self::criterion::{Criterion, together};
use self::files::Folder;
pub use self::graded::Graders;
use self::graded::Options;
use self::suite::Suite;
use self::template::{Template, render};
use super::oracle_draft::ExampleDraft;
use super::{ImportError, Imported, OracleDraft, Skipped};
use crate::corpus::RawPrompt;
use crate::disk::Disk;
use crate::record::Message;

/// Imports a config or a file of tests as the task `task`; `graders` are asked where the config names none that is known.
///
/// # Errors
/// If the file, or one that it names, cannot be read.
pub fn import(disk: &Disk, path: &Path, task: &str, graders: &Graders) -> Result<Imported, ImportError> {
    let mut imported = Imported::default();
    let file = path.display().to_string();
    let suite = suite::load(disk, path, &mut imported.skipped)?;
    let mut oracles: BTreeMap<String, OracleDraft> = BTreeMap::new();
    let folder = Folder::of(disk, path);
    for (at, test) in suite.tests.iter().enumerate() {
        let name = format!("test {}", at + 1);
        let vars = match folder.vars(&test.vars) {
            Ok(vars) => vars,
            Err((what, reason)) => {
                imported.skipped.push(Skipped { file: file.clone(), place: name, what, reason });
                continue;
            }
        };
        let variants = expand(&vars);
        if variants.len() == COMBINATIONS {
            let what = "combinations of its variables".to_owned();
            let reason = format!("only the first {COMBINATIONS} are imported");
            imported.skipped.push(Skipped { file: file.clone(), place: name.clone(), what, reason });
        }
        let options = Options { said: [&test.options, &suite.default_options], graders };
        for (variant, vars) in variants.iter().enumerate() {
            let mut skip = |what: String, reason: String| {
                imported.skipped.push(Skipped { file: file.clone(), place: name.clone(), what, reason });
            };
            let context = Context { templates: &suite.templates, vars, folder: &folder, options: &options };
            let graded = grade(&suite, test, &context, &mut skip);
            for (prompt, template) in suite.templates().iter().enumerate() {
                let mut id = format!("test-{:03}", at + 1);
                if variants.len() > 1 {
                    id.push_str(&format!(".{}", variant + 1));
                }
                if suite.prompts.len() > 1 {
                    id.push_str(&format!("/prompt-{}", prompt + 1));
                }
                let mut line = RawPrompt {
                    id: Some(id),
                    task: Some(task.to_owned()),
                    tags: test.tags.clone(),
                    ..RawPrompt::default()
                };
                if let Err(why) = fill(&mut line, template.as_ref(), test, vars) {
                    skip(format!("prompt {}", prompt + 1), why);
                    continue;
                }
                if let Some((draft, expected)) = &graded {
                    line.oracle = Some(draft.id.to_string());
                    line.expected.clone_from(expected);
                    oracles.entry(draft.id.to_string()).or_insert_with(|| draft.clone());
                }
                imported.lines.push(line);
            }
        }
    }
    imported.oracles = oracles.into_values().collect();
    Ok(imported)
}

/// Puts what is asked into a line.
fn fill(
    line: &mut RawPrompt,
    template: Option<&Template>,
    test: &Test,
    vars: &Map<String, Value>,
) -> Result<(), String> {
    let around = |text: String| format!("{}{text}{}", test.prefix, test.suffix);
    match template {
        None => line.vars = Some(vars.clone().into_iter().collect()),
        Some(Template::Text(text)) => {
            let text = around(render(text, vars)?);
            if text.trim().is_empty() {
                return Err("the prompt is empty".to_owned());
            }
            line.prompt = Some(text);
        }
        Some(Template::Messages(messages)) => {
            let mut rendered = Vec::new();
            for message in messages {
                let content = match &message.content {
                    Value::String(text) => Value::String(render(text, vars)?),
                    other => other.clone(),
                };
                rendered.push(Message { role: message.role.clone(), content });
            }
            line.messages = Some(rendered);
        }
    }
    Ok(())
}

/// The most combinations of a test's variables.
const COMBINATIONS: usize = 1000;

/// Every combination of the variables whose value is a list, as promptfoo runs them; at most [`COMBINATIONS`].
fn expand(vars: &Map<String, Value>) -> Vec<Map<String, Value>> {
    let mut all = vec![Map::new()];
    for (name, value) in vars {
        let values: Vec<Value> = match value {
            Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_string) => items.clone(),
            other => vec![other.clone()],
        };
        let mut next = Vec::new();
        let pairs = all.iter().flat_map(|one| values.iter().map(move |value| (one, value)));
        for (one, value) in pairs.take(COMBINATIONS) {
            let mut more: Map<String, Value> = one.clone();
            more.insert(name.clone(), value.clone());
            next.push(more);
        }
        all = next;
    }
    all
}

/// The oracle of a test and the reference that it takes.
fn grade(
    suite: &Suite,
    test: &Test,
    context: &Context<'_>,
    skip: &mut impl FnMut(String, String),
) -> Option<(OracleDraft, Option<Value>)> {
    let mut criteria = Vec::new();
    for assertion in suite.default_asserts.iter().chain(&test.asserts) {
        match assertion::read(assertion, context, 0) {
            Ok(Some(criterion)) => criteria.push(criterion),
            Ok(None) => {}
            Err((what, reason)) => skip(what, reason),
        }
    }
    if criteria.is_empty() {
        return None;
    }
    let threshold = test.threshold.or(suite.default_threshold);
    let mut expected = None;
    // A text that is this test's own goes into its line, so that tests which differ in nothing else share an oracle.
    let indices = |wanted: &dyn Fn(&Criterion) -> bool| -> Vec<usize> {
        criteria.iter().enumerate().filter(|(_, c)| wanted(c)).map(|(at, _)| at).collect()
    };
    let needing = indices(&|c| assertion::needs_reference(&c.table));
    let own = indices(&|c| c.own.is_some());
    // A group of an expression would be compared with the reference.
    let grouped = criteria.iter().any(|c| {
        let regex = c.table.get("pattern").and_then(|pattern| pattern.get("regex")?.as_str());
        regex.and_then(|regex| regex::Regex::new(regex).ok()).is_some_and(|regex| regex.captures_len() > 1)
    });
    if needing.len() > 1 || (grouped && !needing.is_empty()) {
        let reason = "several of them need their own reference answer: give each its own test";
        skip("its assertions".to_owned(), reason.to_owned());
        return None;
    }
    // A judge is shown the reference: what another assertion looks for must not sway it.
    let judges = indices(&|c| c.table.get("judge").or_else(|| c.table.get("not")?.get("judge")).is_some());
    let chosen = match (needing.as_slice(), own.as_slice()) {
        ([only], _) => Some(*only),
        ([], [only]) if !grouped && judges.iter().all(|judge| judge == only) => Some(*only),
        _ => None,
    };
    if let Some(criterion) = chosen.and_then(|at| criteria.get_mut(at))
        && let Some((table, reference)) = criterion.own.take()
    {
        criterion.table = table;
        expected = Some(reference);
    }
    let examples = examples(&criteria, threshold, expected.as_ref());
    let description =
        format!("promptfoo: {}", criteria.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", "));
    let table = together(&criteria, threshold);
    match OracleDraft::of_table("promptfoo", description, table, examples) {
        Some(draft) => Some((draft, expected)),
        None => {
            skip("its assertions".to_owned(), "no name could be derived for their oracle".to_owned());
            None
        }
    }
}

/// Self-tests: outputs of which promptfoo's documentation says whether they pass, one that does and one that does not
/// at the least where such can be thought up.
fn examples(criteria: &[Criterion], threshold: Option<f64>, expected: Option<&Value>) -> Vec<ExampleDraft> {
    let holds = |output: &str| -> Option<bool> {
        let (mut passed, mut unknown, mut all) = (0.0, 0.0, 0.0);
        let (mut fails, mut open) = (false, false);
        for criterion in criteria {
            // The facts of an example are such that these pass.
            let holds = match (&criterion.check, &criterion.fact) {
                (None, Some(_)) => Some(true),
                (check, _) => check.as_ref().and_then(|check| check.holds(output)),
            };
            all += criterion.weight;
            match holds {
                Some(true) => passed += criterion.weight,
                Some(false) => fails = true,
                None => (unknown, open) = (unknown + criterion.weight, true),
            }
        }
        match threshold {
            None if fails => Some(false),
            None => (!open).then_some(true),
            Some(least) if all > 0.0 && passed / all >= least => Some(true),
            Some(least) if all <= 0.0 || (passed + unknown) / all < least => Some(false),
            Some(_) => None,
        }
    };
    let mut passing: Vec<String> =
        criteria.iter().flat_map(|c| c.check.iter().flat_map(check::Check::passing)).collect();
    passing.push(passing.join(" "));
    passing.push(passing.iter().rev().cloned().collect::<Vec<_>>().join(" "));
    passing.push(passing.concat());
    let failing = criteria.iter().flat_map(|c| c.check.iter().flat_map(check::Check::failing));
    let candidates: Vec<String> = passing
        .iter()
        .cloned()
        .chain(failing)
        .chain(["", "~", "zzz 0", "I'm sorry, but I can't help with that."].map(str::to_owned))
        .collect();
    let mut found = Vec::new();
    for wanted in [true, false] {
        let fits = candidates.iter().find(|output| holds(output) == Some(wanted));
        if let Some(output) = fits {
            let facts = criteria
                .iter()
                .filter_map(|c| c.fact.as_ref().map(|(name, passes, _)| (*name, passes.clone())));
            found.push(ExampleDraft {
                output: output.clone(),
                expected: expected.cloned(),
                passes: wanted,
                facts: facts.collect(),
            });
        }
    }
    // Where all depends on facts, no output fails; where one of them is off, all does but for a threshold.
    if let ([only], None) = (found.as_slice(), threshold)
        && only.passes
    {
        let facts =
            criteria.iter().filter_map(|c| c.fact.as_ref().map(|(name, _, fails)| (*name, fails.clone())));
        let off = ExampleDraft { passes: false, facts: facts.collect(), ..only.clone() };
        found.push(off);
    }
    found
}
