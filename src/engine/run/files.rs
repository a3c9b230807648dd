//! The names of the files in a run's folder.

/// The attempts at the run's trials.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// The answers of judges and strategy models.
pub(crate) const JUDGE_JOURNAL: &str = "judge.jsonl";
/// The verdicts of the programs of `command` oracles.
pub(crate) const PROGRAM_JOURNAL: &str = "programs.jsonl";
/// The inputs of the run.
pub(crate) const RECORD: &str = "run.json";
/// The result of the run.
pub(crate) const SUMMARY: &str = "summary.json";
/// One row per trial.
pub(crate) const RESULTS: &str = "results.csv";
/// In the folder of all runs: the name of the latest one.
pub(crate) const LATEST: &str = "latest";
