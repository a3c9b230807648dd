//! Reports the engine's events on stderr: progress bars and notes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::console::{Console, ProgressDisplay};
use crate::diag::{escape, shown};
use crate::engine::{Event, Observer, QuestionPurpose};
use crate::render;
use crate::units::{Millis, count};

/// Reports the engine's events on stderr.
pub(super) struct ConsoleObserver {
    console: Console,
    progress: Mutex<Option<ProgressDisplay>>,
}

impl ConsoleObserver {
    pub(super) fn new(console: Console) -> Self {
        Self { console, progress: Mutex::new(None) }
    }

    fn progress(&self) -> MutexGuard<'_, Option<ProgressDisplay>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints a line without breaking the progress bars.
    fn message(&self, text: &str) {
        match &*self.progress() {
            Some(progress) => progress.message(text),
            None => self.console.note(text),
        }
    }
}

impl Observer for ConsoleObserver {
    fn event(&self, event: Event) {
        match &event {
            Event::CallsStarted { stages } => {
                *self.progress() = Some(ProgressDisplay::new(&self.console, stages))
            }
            Event::Progress { stage, progress } => {
                if let Some(display) = &*self.progress() {
                    display.update(*stage, *progress);
                }
            }
            Event::CallsFinished => {
                if let Some(display) = self.progress().take() {
                    display.finish();
                }
            }
            Event::CeilingReached { spent, ceiling } => self.console.warn(&format!(
                "the run has already cost {}; the limit (--max-cost) is {}",
                spent.human(),
                ceiling.human()
            )),
            Event::TierPaused { .. } | Event::CellStoppedEarly { .. } | Event::BatchSubmitted { .. } => {
                self.message(&text(&event));
            }
            _ => self.console.note(&text(&event)),
        }
    }
}

/// The message for an event.
fn text(event: &Event) -> String {
    match event {
        Event::OracleLockUpdated => "updated oracles.lock; commit it".to_owned(),
        Event::JournalRepaired { file } => {
            format!(
                "removed the incomplete last line of {file}, left by a kill or power cut; that call is made again"
            )
        }
        Event::Resuming { run, answered, trials } => {
            format!("continuing run {run}: {answered} of {trials} trials are answered")
        }
        Event::Replaying { recording, answered, trials } => {
            let complete = if answered == trials { "; no model is called" } else { "" };
            format!(
                "replaying the recording {}: it answers {answered} of {trials} trials{complete}",
                escape(recording)
            )
        }
        Event::AnswersReused { answers } => {
            format!("reused {} from earlier runs; --fresh measures again", count(*answers, "answer"))
        }
        Event::QuestionAnswersReused { answers } => {
            format!("reused {} of judges and strategy models", count(*answers, "stored answer"))
        }
        Event::ContextOverflow { trials } => {
            format!("{trials} trials do not fit their model's context window and are not sent")
        }
        Event::AskingModels { questions, purpose, models } => {
            let what = match purpose {
                QuestionPurpose::Judges => "questions to judges",
                QuestionPurpose::JudgesAndStrategies => "questions to judges and strategy models",
                QuestionPurpose::Prompts => "requests for prompts",
            };
            let names: Vec<String> = models.iter().map(ToString::to_string).collect();
            format!("asking {questions} {what}: {}", names.join(", "))
        }
        Event::RunningPrograms { questions } => {
            format!("running oracle programs on {}", count(*questions, "question"))
        }
        Event::TierPaused { tier, wait, why } => format!(
            "tier {tier} is paused for {}: {}; the other tiers continue",
            Millis::from(*wait),
            why.as_deref().unwrap_or("requested by the server")
        ),
        Event::CellStoppedEarly { task, tier, band, after, prompts } => format!(
            "stopped early: {task} on {tier} is decided ({}) after {after} of {prompts} prompts",
            render::band(*band)
        ),
        Event::CellSpared { task, tier, by, after, prompts } => format!(
            "spared: {task} on {tier} is not measured further after {after} of {prompts} prompts, because {by} costs less and \
             is proven good enough (--complete measures on)"
        ),
        Event::BatchSubmitted { requests, model, batch } => format!(
            "submitted {} for {model} as batch {}; you can interrupt, the same command collects the answers later",
            count(*requests, "request"),
            escape(batch)
        ),
        Event::AwaitingBatches { trials } => {
            format!("waiting for {} submitted before", count(*trials, "trial"))
        }
        Event::RecordingWritten { answers, path } => {
            format!("wrote a recording of {} to {}", count(*answers, "answer"), shown(path))
        }
        Event::CostBound { calls, model: None, at_most } => {
            format!("{}, at most {}", count(*calls, "tiny call"), at_most.human())
        }
        Event::CostBound { calls, model: Some(model), at_most } => {
            format!("{} to {model}, at most {}", count(*calls, "call"), at_most.human())
        }
        Event::PromptsRejected { reason, count } => format!("rejected {count} {reason}"),
        Event::ComparingDigests => {
            "no stored answers: comparing digests only, without recomputing the routes".to_owned()
        }
        // These have no text of their own.
        Event::CeilingReached { .. }
        | Event::CallsStarted { .. }
        | Event::Progress { .. }
        | Event::CallsFinished => String::new(),
    }
}
