//! What is done: calls are made, batches handed over, questions asked, cells watched. Everything that is acknowledged is in a
//! journal before anything rests on it.

pub(crate) mod batch;
pub(crate) mod calls;
pub(crate) mod send;
pub(crate) mod oracles;
pub(crate) mod question;
pub(crate) mod recorder;
pub(crate) mod reuse;
pub(crate) mod runtime;
pub(crate) mod stopping;
