//! A question to a model, besides the trials: by a judge, by a strategy, or for new prompts.

use std::collections::BTreeMap;

use anyhow::Context;

use super::project::Project;
use crate::corpus::Prompt;
use crate::ident::{ModelRef, PromptId, TrialKey};
use crate::oracle::ask::ModelQuestion;
use crate::provider;
use crate::record::{Request, trial_key};

/// A question to a model without an answer yet, treated as a trial of its own.
#[derive(Clone, Debug)]
pub(crate) struct OpenQuestion {
    /// Its purpose.
    pub(crate) purpose: Purpose,
    /// The key of its request.
    pub(crate) key: TrialKey,
    /// The prompt that it is about.
    pub(crate) prompt: PromptId,
    /// The model that is asked.
    pub(crate) model: ModelRef,
    /// The request to the model.
    pub(crate) request: Request,
}

/// The purpose of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A judge grades a reply.
    Judge,
    /// A strategy queries a model about a prompt.
    Strategy,
    /// A model writes prompts.
    Writer,
}

/// API and base URL of each provider, which are part of a question's key.
#[derive(Default)]
pub(crate) struct Identities {
    known: BTreeMap<String, (String, String)>,
}

impl Identities {
    /// Turns a question into a trial.
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
                provider::identity(project.disk(), provider.context("the model's provider is not defined")?)?;
            self.known.insert(name.to_owned(), (identity.api, identity.base_url));
        }
        let (api, base_url) = self.known.get(name).context("the model's provider is not defined")?;
        let request = question.request(api);
        let key = trial_key(api, base_url, &question.model.model, &request, 0);
        Ok(OpenQuestion { purpose, key, prompt: prompt.id.clone(), model: question.model.clone(), request })
    }
}
