//! What is asked beside the trials: judges and programs about replies, models of strategies about prompts, a model for prompts.
//!
//! One mechanism serves them all (`store`): a question has a key; its answer is looked up beside the run's journal, used again
//! from other runs, or asked for, and kept before anything rests on it.

pub(crate) mod ask;
mod grading;
mod judge;
mod program;
mod replies;
pub(crate) mod store;
pub(crate) mod strategy;

pub(crate) use self::grading::of_replies;
pub(crate) use self::strategy::of_prompts;
