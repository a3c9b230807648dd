//! The outcome of a run: rows, digests of the evidence, the summary, and the files in its folder.

pub(crate) mod calls;
pub(crate) mod collect;
pub(crate) mod evidence;
pub(crate) mod labelled;
pub(crate) mod results;
pub(crate) mod save;
pub(crate) mod summarise;
