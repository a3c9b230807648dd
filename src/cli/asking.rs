//! What oracles ask about stored replies: looks up what judges have answered, and grades with that and with what programs say
//! (`programs`). Makes no call to a model; what is left to ask is handed to `judging`.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::evidence::{Basis, Rows};
use super::exit::UsageError;
use super::programs::{self, Heard};
use super::project::Project;
use super::run_record::JUDGE_JOURNAL;
use crate::config::{DataLocation, DataNeed};
use crate::corpus::{Corpus, Prompt};
use crate::disk;
use crate::grade::{self, Matter, OracleSet};
use crate::ident::{Digest, ModelRef, PromptId, TrialKey};
use crate::journal::{Reader, fetch_at};
use crate::oracle::ask::{ModelQuestion, OwnAnswers};
use crate::oracle::{Answer, AnswerBook, Asks, Oracle, Question};
use crate::provider;
use crate::record::{Attempt, Outcome, Request, Via, trial_key};
use crate::summary::JudgeSpend;

/// A question to a model that nobody has answered yet, as a trial of its own.
#[derive(Clone, Debug)]
pub(crate) struct OpenQuestion {
    /// Who wants to know.
    pub(crate) purpose: Purpose,
    /// The key of its request.
    pub(crate) key: TrialKey,
    /// The prompt whose reply it is about.
    pub(crate) prompt: PromptId,
    /// Who is asked.
    pub(crate) model: ModelRef,
    /// What is asked.
    pub(crate) request: Request,
}

/// What a question is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A judge is to grade a reply.
    Judge,
    /// A strategy wants to know something of a prompt.
    Strategy,
    /// Prompts are to be written.
    Writer,
}

/// Grades every row whose oracle asks, with what programs say and what judges have said.
pub(super) fn settle(basis: &Basis<'_>, rows: &mut Rows) -> anyhow::Result<()> {
    let asks: Vec<Asks> = basis.oracles.iter().flat_map(|oracle| oracle.criterion.asks()).collect();
    if asks.is_empty() {
        return Ok(());
    }
    let mut replies = Replies::of(basis, rows)?;
    // The programs first, because what they settle need not be asked of a model.
    let Heard { mut book, missing, files } = programs::settle(basis, &mut replies, rows)?;
    (rows.programs_missing, rows.programs) = (missing, files);

    let asks_models = asks.iter().any(|asks| matches!(asks, Asks::Model { .. }));
    let mut identities = Identities::default();
    let mut questions: BTreeMap<[u8; 32], (Digest, OpenQuestion)> = BTreeMap::new();
    if asks_models {
        replies.each(rows, |_, matter, oracle| {
            for question in grade::questions(oracle, matter, &book) {
                let id = question.id();
                if let Question::Model(asked) = &question
                    && !questions.contains_key(id.bytes())
                {
                    let open = identities.open(basis.project, asked, matter.prompt, Purpose::Judge)?;
                    questions.insert(*id.bytes(), (id, open));
                }
            }
            Ok(())
        })?;
        let mut by_key: HashMap<TrialKey, Vec<Digest>> = HashMap::new();
        for (id, open) in questions.values() {
            by_key.entry(open.key).or_default().push(*id);
        }
        rows.judged = Some(stored_answers(basis, &by_key, &mut book)?);
    }
    let mut open = BTreeMap::new();
    let mut regraded = Vec::new();
    replies.each(rows, |row, matter, oracle| {
        regraded.push((row, grade::grade_with(oracle, matter, &book)));
        for question in grade::questions(oracle, matter, &book) {
            let id = question.id();
            if !book.has(&id)
                && let Some((_, question)) = questions.get(id.bytes())
            {
                open.entry(*id.bytes()).or_insert_with(|| question.clone());
            }
        }
        Ok(())
    })?;
    for (row, graded) in regraded {
        if let Some(seen) = rows.observations.get_mut(row) {
            seen.outcome = Some(graded.outcome);
            seen.verdict = graded.verdict;
            seen.gate_passed = graded.gate_passed;
            seen.truth_passed = graded.truth_passed;
        }
    }
    rows.open = open.into_values().collect();
    if let Some(judged) = &mut rows.judged {
        judged.missing = rows.open.len() as u64;
    }
    Ok(())
}

/// The stored replies whose oracle asks.
pub(super) struct Replies<'a> {
    corpus: &'a Corpus,
    oracles: &'a OracleSet<'a>,
    files: Vec<File>,
    /// The rows, each with the number of its journal and the offset in it.
    rows: Vec<(usize, u16, u64)>,
}

impl<'a> Replies<'a> {
    fn of(basis: &Basis<'a>, rows: &Rows) -> anyhow::Result<Self> {
        let mut wanted = Vec::new();
        for (at, (seen, place)) in rows.observations.iter().zip(&rows.places).enumerate() {
            let asks = basis
                .oracles
                .of(seen.prompt as usize)
                .is_some_and(|oracle| !oracle.criterion.asks().is_empty());
            if let (true, Some(Outcome::Reply), Some((journal, offset))) = (asks, seen.outcome, place) {
                wanted.push((at, *journal, *offset));
            }
        }
        let files =
            basis.answers.iter().map(|answers| disk::open(&answers.path)).collect::<Result<_, _>>()?;
        Ok(Self { corpus: basis.corpus, oracles: basis.oracles, files, rows: wanted })
    }

    /// Reads each reply again: texts stay on disk.
    pub(super) fn each(
        &mut self,
        rows: &Rows,
        mut take: impl FnMut(usize, Matter<'_>, &Oracle) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for (at, journal, offset) in &self.rows {
            let file = self.files.get_mut(usize::from(*journal)).context("a reply of another journal")?;
            let attempt: Attempt = fetch_at(file, *offset)?;
            let seen = rows.observations.get(*at).context("a row of another run")?;
            let prompt = self.corpus.load(seen.prompt as usize)?;
            let oracle = self.oracles.of(seen.prompt as usize).context("a prompt without an oracle")?;
            take(*at, Matter { attempt: &attempt, prompt: &prompt, cost: seen.cost }, oracle)?;
        }
        Ok(())
    }
}

/// API and base URL of the judges' providers.
#[derive(Default)]
pub(super) struct Identities {
    known: BTreeMap<String, (String, String)>,
}

impl Identities {
    /// The question as a trial.
    pub(super) fn open(
        &mut self,
        project: &Project,
        question: &ModelQuestion,
        prompt: &Prompt,
        purpose: Purpose,
    ) -> anyhow::Result<OpenQuestion> {
        let name = question.model.provider.as_str();
        if !self.known.contains_key(name) {
            let provider = project.config.providers.get(&question.model.provider);
            let identity = provider::identity(provider.context("a judge of an unknown provider")?)?;
            self.known.insert(name.to_owned(), (identity.api, identity.base_url));
        }
        let (api, base_url) = self.known.get(name).context("a judge of an unknown provider")?;
        let request = question.request(api);
        let key = trial_key(api, base_url, &question.model.model, &request, 0);
        Ok(OpenQuestion { purpose, key, prompt: prompt.id.clone(), model: question.model.clone(), request })
    }
}

/// The journals that may hold answers to what is asked about replies: the one of that name beside each run's own, and
/// recordings.
pub(super) fn stored_files(basis: &Basis<'_>, name: &str) -> Vec<PathBuf> {
    basis.answers.iter().filter_map(|answers| stored_file(&answers.path, answers.via, name)).collect()
}

/// The same of one journal; `None` where there is no such file.
pub(super) fn stored_file(journal: &Path, via: Option<Via>, name: &str) -> Option<PathBuf> {
    let path = match via {
        Some(Via::Tape) => journal.to_owned(),
        Some(Via::Live | Via::Reuse | Via::Script) | None => journal.with_file_name(name),
    };
    path.is_file().then_some(path)
}

/// Takes the judges' stored answers into the book, and says what they took.
fn stored_answers(
    basis: &Basis<'_>,
    by_key: &HashMap<TrialKey, Vec<Digest>>,
    book: &mut AnswerBook,
) -> anyhow::Result<JudgeSpend> {
    let mut spend = JudgeSpend {
        questions: by_key.values().map(Vec::len).sum::<usize>() as u64,
        ..JudgeSpend::default()
    };
    for path in stored_files(basis, JUDGE_JOURNAL) {
        for record in Reader::open(&path)? {
            let (_, attempt) = record?;
            let Some(ids) = by_key.get(&attempt.key) else { continue };
            spend.attempts += u64::from(attempt.was_sent());
            spend.billed += attempt.billed.filter(|_| attempt.via == Via::Live).unwrap_or_default();
            let price = basis.project.catalogue.price(&attempt.model).ok();
            match price.and_then(|price| price.cost(&attempt.usage)) {
                Some(cost) => spend.list += cost.billed,
                None if attempt.may_be_billed() => spend.unpriced += 1,
                None => {}
            }
            if let Some(answer) = answer(&attempt) {
                for id in ids {
                    book.put(*id, answer.clone());
                }
            }
        }
    }
    Ok(spend)
}

/// What an attempt at a question says; `None` where it must be asked again.
pub(super) fn answer(attempt: &Attempt) -> Option<Answer> {
    match attempt.outcome {
        Outcome::Reply => Some(Answer::Text(attempt.text.clone())),
        Outcome::Refused | Outcome::Truncated | Outcome::Overflow => {
            attempt.was_sent().then(|| Answer::Failed(attempt.outcome.name().to_owned()))
        }
        Outcome::Error => None,
    }
}

/// Refuses judges that cannot be asked, or must not be: of an unknown provider, the model under test, or one to whom the data
/// may not go.
pub(super) fn check_judges(
    project: &Project,
    corpus: &Corpus,
    oracles: &OracleSet<'_>,
) -> anyhow::Result<()> {
    for oracle in oracles.iter() {
        for asks in oracle.criterion.asks() {
            let Asks::Model { model, own_answers, .. } = asks else { continue };
            if !project.config.providers.contains_key(&model.provider) {
                return Err(UsageError::with_help(
                    format!(
                        "oracle {} is judged by {model}, but there is no provider `{}`",
                        oracle.id, model.provider
                    ),
                    format!(
                        "define [provider.{}] in route-prof.toml, or name a judge of another provider",
                        model.provider
                    ),
                ));
            }
            project.catalogue.price(&model)?;
            let same = project.config.tiers.iter().find(|tier| same_model(&tier.model, &model));
            if let (Some(tier), OwnAnswers::Refused) = (same, own_answers) {
                return Err(UsageError::with_help(
                    format!(
                        "oracle {} is judged by {model}, which would grade its own answers as tier {}",
                        oracle.id, tier.name
                    ),
                    "judges favour their own style: name another model, or write allow_self = true into [judge]",
                ));
            }
        }
    }
    for entry in corpus.entries().iter().enumerate() {
        let (at, entry) = entry;
        let task = project.config.tasks.get(usize::from(entry.task));
        if task.is_none_or(|task| task.data_location == DataNeed::Any) {
            continue;
        }
        for asks in oracles.of(at).map(|oracle| oracle.criterion.asks()).unwrap_or_default() {
            let Asks::Model { model, .. } = asks else { continue };
            let provider = project.config.providers.get(&model.provider);
            if provider.is_none_or(|provider| provider.data_location == DataLocation::External) {
                return Err(UsageError::with_help(
                    format!(
                        "the data of task {} may not leave, but its judge {model} is not local",
                        task.map(|task| task.name.to_string()).unwrap_or_default()
                    ),
                    "name a judge of a provider with data_location = \"local\"",
                ));
            }
        }
    }
    Ok(())
}

/// Whether two names mean the same model, by whichever provider it is served.
fn same_model(one: &ModelRef, other: &ModelRef) -> bool {
    let last = |model: &ModelRef| model.model.rsplit('/').next().unwrap_or_default().to_lowercase();
    one == other || last(one) == last(other)
}
