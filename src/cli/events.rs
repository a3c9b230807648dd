//! What happens in the engine, on stderr: progress bars, and notes in words.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::console::{Console, ProgressDisplay};
use crate::diag::{escape, shown};
use crate::engine::{Asking, Event, Observer};
use crate::render;
use crate::units::Millis;

/// Tells what happens on stderr.
pub(super) struct Narrator {
    console: Console,
    progress: Mutex<Option<ProgressDisplay>>,
}

impl Narrator {
    pub(super) fn new(console: Console) -> Self {
        Self { console, progress: Mutex::new(None) }
    }

    fn progress(&self) -> MutexGuard<'_, Option<ProgressDisplay>> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something without tearing the bars.
    fn message(&self, text: &str) {
        match &*self.progress() {
            Some(progress) => progress.message(text),
            None => self.console.note(text),
        }
    }
}

impl Observer for Narrator {
    fn event(&self, event: Event) {
        match &event {
            Event::Begins { stages } => *self.progress() = Some(ProgressDisplay::new(&self.console, stages)),
            Event::Progress { stage, progress } => {
                if let Some(display) = &*self.progress() {
                    display.update(*stage, *progress);
                }
            }
            Event::Ends => {
                if let Some(display) = self.progress().take() {
                    display.finish();
                }
            }
            Event::CeilingReached { spent, ceiling } => self.console.warn(&format!(
                "this run has cost {} before, the ceiling is {}",
                spent.human(),
                ceiling.human()
            )),
            Event::TierWaits { .. } | Event::CellDecided { .. } | Event::BatchSubmitted { .. } => {
                self.message(&words(&event));
            }
            _ => self.console.note(&words(&event)),
        }
    }
}

/// An event in words.
fn words(event: &Event) -> String {
    match event {
        Event::OraclesLocked => {
            "oracles.lock now holds the digest of every oracle version; commit it".to_owned()
        }
        Event::JournalRepaired { file } => {
            format!("the last line of {file} was torn and is cut off: what it held is asked again")
        }
        Event::Continues { run, answered, trials } => {
            format!("continuing run {run}: {answered} of {trials} trials are answered")
        }
        Event::Replays { recording, answered, trials } => format!(
            "replaying the recording {}: {answered} of {trials} trials; no model is called",
            escape(recording)
        ),
        Event::AnswersReused { answers } => {
            format!("{answers} answers of earlier runs are taken over; --fresh measures anew")
        }
        Event::QuestionsReused { answers } => format!("{answers} answers of judges are taken over"),
        Event::TooLong { trials } => {
            format!("{trials} trials do not fit their model's context window and are not sent")
        }
        Event::Asks { questions, purpose, models } => {
            let what = match purpose {
                Asking::Judges => "questions to judges",
                Asking::JudgesAndStrategies => "questions to models, of judges and strategies",
                Asking::Prompts => "requests for prompts",
            };
            let names: Vec<String> = models.iter().map(ToString::to_string).collect();
            format!("{questions} {what}: {}", names.join(", "))
        }
        Event::RunsPrograms { questions } => format!("{questions} questions to programs of oracles"),
        Event::TierWaits { tier, wait, why } => format!(
            "tier {tier} waits for {}: {}; the other tiers go on",
            Millis::from(*wait),
            why.as_deref().unwrap_or("the server asks for it")
        ),
        Event::CellDecided { task, tier, band, after, prompts } => format!(
            "settled early: {tier} is {} for {task}, after {after} of {prompts} prompts",
            render::band(*band)
        ),
        Event::BatchSubmitted { requests, model, batch } => format!(
            "handed {requests} requests for {model} over as batch {}; interrupting is safe, the same command collects them",
            escape(batch)
        ),
        Event::BatchesAwaited { trials } => {
            format!("{trials} trials were handed over before and are waited for")
        }
        Event::Recorded { answers, path } => {
            format!("recorded {answers} answers in {}", shown(path))
        }
        Event::MayCost { calls, model: None, at_most } => {
            let calls = if *calls == 1 { "1 tiny call".to_owned() } else { format!("{calls} tiny calls") };
            format!("{calls}, {} at the most", at_most.human())
        }
        Event::MayCost { calls, model: Some(model), at_most } => {
            format!("{calls} calls to {model} cost {} at the most", at_most.human())
        }
        Event::DigestsOnly => {
            "there are no stored answers here: comparing digests only, without computing the routes again"
                .to_owned()
        }
        // These are shown, not told.
        Event::CeilingReached { .. } | Event::Begins { .. } | Event::Progress { .. } | Event::Ends => {
            String::new()
        }
    }
}
