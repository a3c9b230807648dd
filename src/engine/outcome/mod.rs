//! What comes out of a run: rows, the digests of its evidence, the summary, and the files of its folder.

pub(crate) mod calls;
pub(crate) mod collect;
pub(crate) mod evidence;
pub(crate) mod results;
pub(crate) mod save;
pub(crate) mod summarise;
