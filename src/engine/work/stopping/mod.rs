//! `--stop-early`: watches the cells of a run in one order of their prompts, drawn from the seed in proportion to weight, and tells which
//! trials still matter.
//!
//! Answers arrive in any order, and slow ones may differ from fast ones. So the test looks at a cell's prompts in the drawn order,
//! up to the first one without an answer: the decision does not depend on which answers happened to arrive first.

mod cells;
mod drawn;
mod replay;

pub(crate) use cells::{CutCell, Stopping};
pub(crate) use replay::Replay;
