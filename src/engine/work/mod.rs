//! The work of a run: makes calls, submits batches, asks questions and watches cells. Every answer is in a journal before
//! anything depends on it.

pub(crate) mod batch;
pub(crate) mod calls;
pub(crate) mod send;
pub(crate) mod oracles;
pub(crate) mod question;
pub(crate) mod recorder;
pub(crate) mod reuse;
pub(crate) mod runtime;
pub(crate) mod stopping;
