//! What a run is: its project, folder, record, inputs and rows.

pub(crate) mod basis;
pub(crate) mod files;
pub(crate) mod folder;
pub(crate) mod past;
pub(crate) mod project;
pub(crate) mod question;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod source;
pub(crate) mod stopped;
