//! A question to a model beside the trials: a judge's, a strategy's, or a request for prompts.

use std::collections::BTreeMap;

use anyhow::Context;

use super::project::Project;
use crate::corpus::Prompt;
use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::oracle::ask::ModelQuestion;
use crate::provider;
use crate::record::{Request, trial_key};

/// A question to a model that nobody has answered yet, as a trial of its own.
#[derive(Clone, Debug)]
pub(crate) struct OpenQuestion {
    /// Who wants to know.
    pub(crate) purpose: Purpose,
    /// The key of its request.
    pub(crate) key: TrialKey,
    /// The prompt that it is about.
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

/// API and base URL of the providers that are asked, which belong to a question's key.
#[derive(Default)]
pub(crate) struct Identities {
    known: BTreeMap<String, (String, String)>,
}

impl Identities {
    /// The question as a trial.
    pub(crate) fn open(
        &mut self,
        project: &Project,
        question: &ModelQuestion,
        prompt: &Prompt,
        purpose: Purpose,
    ) -> anyhow::Result<OpenQuestion> {
        let name = question.model.provider.as_str();
        if !self.known.contains_key(name) {
            let provider = project.config.providers.get(&question.model.provider);
            let identity =
                provider::identity(project.disk(), provider.context("a judge of an unknown provider")?)?;
            self.known.insert(name.to_owned(), (identity.api, identity.base_url));
        }
        let (api, base_url) = self.known.get(name).context("a judge of an unknown provider")?;
        let request = question.request(api);
        let key = trial_key(api, base_url, &question.model.model, &request, 0);
        Ok(OpenQuestion { purpose, key, prompt: prompt.id.clone(), model: question.model.clone(), request })
    }
}
