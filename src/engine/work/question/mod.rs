//! Questions besides the trials: to judges and programs about replies, to strategy models about prompts, and to a model that
//! writes prompts.
//!
//! All of them work the same way (`store`): a question has a key. Its answer is looked up beside the run's journal, reused from
//! other runs, or asked for, and it is stored before anything depends on it.

pub(crate) mod ask;
mod grading;
mod judge;
mod program;
mod replies;
pub(crate) mod store;
pub(crate) mod strategy;

pub(crate) use self::grading::of_replies;
pub(crate) use self::strategy::of_prompts;
