//! `init`: creates a project to start from.

use serde_json::json;

use super::args::global::{Format, Global};
use super::args::project::InitArgs;
use super::exit::Exit;
use super::session;
use crate::console::Console;
use crate::engine::InitRequest;

pub(super) fn run(global: &Global, console: &Console, args: &InitArgs) -> anyhow::Result<Exit> {
    let request = InitRequest { folder: args.folder.clone(), tasks: args.task.clone() };
    let project = session::engine(console).init(&request)?;
    match global.format {
        Format::Json => {
            console.out(&format!("{:#}\n", json!({ "folder": args.folder, "files": project.files })))?;
        }
        Format::Human => {
            for name in &project.files {
                console.out(&format!("wrote {}\n", args.folder.join(name).display()))?;
            }
            let folder = args.folder.display();
            let step =
                if args.folder.as_os_str() == "." { String::new() } else { format!("cd {folder} && ") };
            console.out(&format!(
                "\nTry it, without a key and without cost (the answers are scripted):\n  {step}route-prof run {}\n\
                 Then replace the prompts, models and oracles with your own.\n",
                project.corpus
            ))?;
        }
    }
    Ok(Exit::Fine)
}
