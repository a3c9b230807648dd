//! The names of a run's files, beside each other in its folder.

/// The attempts at the run's trials.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// What models said that were asked about replies or prompts: judges, and models of strategies.
pub(crate) const JUDGE_JOURNAL: &str = "judge.jsonl";
/// What programs of `command` oracles said.
pub(crate) const PROGRAM_JOURNAL: &str = "programs.jsonl";
/// What the run was made of.
pub(crate) const RECORD: &str = "run.json";
/// What came of it.
pub(crate) const SUMMARY: &str = "summary.json";
/// A row for every trial.
pub(crate) const RESULTS: &str = "results.csv";
/// In the folder of all runs: the name of the last one.
pub(crate) const LATEST: &str = "latest";
