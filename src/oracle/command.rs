//! `command`: a program of the user's decides. It reads one JSON object on stdin and prints one on stdout.
//!
//! The program is not run here: the oracle asks for it. Whatever goes wrong with it (it crashes, hangs, prints nonsense or
//! too much) is the oracle's own failure, so that the reply stays ungraded; it is never a fail.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use super::ask::{Answer, Asks, ProgramQuestion, Question, QuestionContext, object};
use super::judgement::{Judgement, NOT_RUN};
use super::kind::{Build, Criterion, Kind, TableError, settings};
use super::sample::Sample;
use crate::corpus::Content;
use crate::record::Verdict;

pub(super) const KIND: Kind = Kind {
    name: "command",
    summary: "the verdict of your own program",
    build: Build::Alone(|table| {
        let settings: Settings = settings(table)?;
        if settings.argv.get_ref().first().is_none_or(|program| program.trim().is_empty()) {
            let help = "name the program and its arguments: argv = [\"checks/intent.py\", \"--strict\"]";
            return Err(TableError::new(settings.argv.span(), "no program is named", help));
        }
        if !(settings.timeout_s.get_ref().is_finite() && *settings.timeout_s.get_ref() > 0.0) {
            let help = "give the program some seconds: timeout_s = 10";
            return Err(TableError::new(settings.timeout_s.span(), "this is not a duration", help));
        }
        Ok(Box::new(Command {
            argv: settings.argv.into_inner(),
            timeout_s: settings.timeout_s.into_inner(),
            max_output_bytes: settings.max_output_bytes,
            env: settings.env,
            threshold: settings.threshold,
        }))
    }),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// A program of the user's says pass or fail.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The program and its arguments. No shell reads them. A relative path is relative to the folder of `route-prof.toml`; a
    /// bare name is looked up in `PATH`.
    #[schemars(with = "Vec<String>")]
    argv: Spanned<Vec<String>>,
    /// Seconds that it may take for one reply (default: 10). Then it and its children are killed.
    #[serde(default = "default_timeout")]
    #[schemars(with = "f64")]
    timeout_s: Spanned<f64>,
    /// The most bytes that it may print (default: 65536).
    #[serde(default = "default_max_output")]
    max_output_bytes: usize,
    /// The environment variables that it sees beside `PATH`. It sees no other.
    #[serde(default)]
    env: Vec<String>,
    /// The lowest `score` that passes. Without it the program's `pass` decides.
    threshold: Option<f64>,
}

fn default_timeout() -> Spanned<f64> {
    Spanned::new(0..0, 10.0)
}

const fn default_max_output() -> usize {
    64 * 1024
}

#[derive(Debug)]
struct Command {
    argv: Vec<String>,
    timeout_s: f64,
    max_output_bytes: usize,
    env: Vec<String>,
    threshold: Option<f64>,
}

impl Command {
    fn question(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Question {
        let prompt = asked.prompt;
        let vars = prompt.and_then(|prompt| match &prompt.content {
            Content::Vars(vars) => Some(vars),
            Content::Text(_) | Content::Messages(_) => None,
        });
        let input = json!({
            "id": prompt.map(|prompt| prompt.id.as_str()),
            "task": prompt.map(|prompt| prompt.task.as_str()),
            "prompt": prompt.map(|prompt| prompt.content.plain()),
            "vars": vars,
            "tags": prompt.map(|prompt| &prompt.tags),
            "expected": sample.expected,
            "output": sample.output,
            "tool_calls": sample.facts.tool_calls,
        });
        Question::Program(ProgramQuestion {
            argv: self.argv.clone(),
            input: format!("{input}\n"),
            timeout_s: self.timeout_s,
            max_output_bytes: self.max_output_bytes,
            env: self.env.clone(),
        })
    }

    /// What the program printed, as a verdict.
    fn verdict(&self, printed: &str) -> Verdict {
        let Some(said) = object::<ProgramReply>(printed) else {
            return Verdict::Ungraded("the program printed no JSON object".to_owned());
        };
        let reason =
            said.reason.as_ref().and_then(Value::as_str).map(one_line).filter(|text| !text.is_empty());
        let pass = match &said.pass {
            None | Some(Value::Null) => None,
            Some(Value::Bool(pass)) => Some(*pass),
            Some(_) => return Verdict::Ungraded("the program's `pass` is neither true nor false".to_owned()),
        };
        let pass = match self.threshold {
            None => match pass {
                Some(pass) => pass,
                None => return Verdict::Ungraded("the program printed no `pass`".to_owned()),
            },
            Some(threshold) => match said.score.as_ref().and_then(Value::as_f64) {
                // A program that says fail means it, whatever its score is.
                Some(score) => pass.unwrap_or(true) && score >= threshold,
                None => return Verdict::Ungraded("the program printed no `score`".to_owned()),
            },
        };
        if pass {
            Verdict::Pass
        } else {
            Verdict::Fail(reason.unwrap_or_else(|| "the program says fail".to_owned()))
        }
    }
}

/// A program's output. Fields of any type, so that a wrong type can be reported.
#[derive(Deserialize)]
struct ProgramReply {
    pass: Option<Value>,
    score: Option<Value>,
    reason: Option<Value>,
}

/// A reason for people: one line of bounded length.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

impl Criterion for Command {
    fn judge(&self, _sample: &Sample<'_>) -> Judgement {
        Judgement::gateless(Verdict::Ungraded(NOT_RUN.to_owned()))
    }

    fn has_gate(&self) -> bool {
        false
    }

    fn needs_expected(&self) -> bool {
        false
    }

    fn questions(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Vec<Question> {
        vec![self.question(sample, asked)]
    }

    fn judge_with(&self, sample: &Sample<'_>, asked: &QuestionContext<'_>) -> Judgement {
        match asked.answers.get(&self.question(sample, asked)) {
            None => self.judge(sample),
            Some(Answer::Text(printed)) => Judgement::gateless(self.verdict(printed)),
            Some(Answer::Failed(why)) => Judgement::gateless(Verdict::Ungraded(why.clone())),
        }
    }

    fn asks(&self) -> Vec<Asks> {
        vec![Asks::Program]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(threshold: Option<f64>, printed: &str) -> &'static str {
        let command = Command {
            argv: vec!["x".to_owned()],
            timeout_s: 1.0,
            max_output_bytes: 10,
            env: Vec::new(),
            threshold,
        };
        command.verdict(printed).name()
    }

    #[test]
    fn only_a_clear_word_is_a_verdict() {
        assert_eq!(verdict(None, r#"{"pass": true}"#), "pass");
        assert_eq!(verdict(None, r#"{"pass": false, "reason": "too\nlong"}"#), "fail");
        for nonsense in
            ["", "true", "pass", "[]", "{}", r#"{"pass": "yes"}"#, r#"{"score": 1}"#, r#"{"pass": true} x"#]
        {
            assert_eq!(verdict(None, nonsense), "ungraded", "{nonsense}");
        }
    }

    #[test]
    fn a_threshold_asks_for_a_score_and_a_program_that_says_fail_means_it() {
        assert_eq!(verdict(Some(0.8), r#"{"score": 0.8}"#), "pass");
        assert_eq!(verdict(Some(0.8), r#"{"score": 0.79, "pass": true}"#), "fail");
        assert_eq!(verdict(Some(0.8), r#"{"score": 1, "pass": false}"#), "fail");
        assert_eq!(verdict(Some(0.8), r#"{"pass": true}"#), "ungraded");
    }
}
