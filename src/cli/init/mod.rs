//! `init`: a project to start from. It runs as it is, without a key: the answers are scripted, and say so.

mod tasks;

use serde_json::json;

use super::args::{Format, Global, InitArgs};
use super::exit::{Exit, UsageError};
use super::project::CONFIG_FILE;
use crate::console::Console;
use crate::disk;

const FILES: [(&str, &str); 6] = [
    (CONFIG_FILE, include_str!("../template/route-prof.toml")),
    ("corpora/example.jsonl", include_str!("../template/example.jsonl")),
    ("corpora/example.script.toml", include_str!("../template/example.script.toml")),
    ("corpora/prompts/intent.md", include_str!("../template/intent.md")),
    ("oracles/intent@1.toml", include_str!("../template/intent@1.toml")),
    ("oracles/order@1.toml", include_str!("../template/order@1.toml")),
];

pub(crate) fn run(global: &Global, console: &Console, args: &InitArgs) -> anyhow::Result<Exit> {
    let files: Vec<(String, String)> = if args.task.is_empty() {
        FILES.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    } else {
        tasks::files(&args.task, CONFIG_FILE)?
    };
    let corpus = if args.task.is_empty() { "corpora/example.jsonl" } else { tasks::CORPUS };
    let there: Vec<&str> =
        files.iter().map(|(name, _)| name.as_str()).filter(|name| args.folder.join(name).exists()).collect();
    if !there.is_empty() {
        return Err(UsageError::with_help(
            format!("{} is there already", there.join(", ")),
            "name another folder, or move it away: nothing is overwritten",
        ));
    }
    for (name, text) in &files {
        disk::replace(&args.folder.join(name), text.as_bytes())?;
    }
    let folder = args.folder.display();
    match global.format {
        Format::Json => {
            let files: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            console.out(&format!("{:#}\n", json!({ "folder": args.folder, "files": files })))?;
        }
        Format::Human => {
            for (name, _) in &files {
                console.out(&format!("wrote {}\n", args.folder.join(name).display()))?;
            }
            let step =
                if args.folder.as_os_str() == "." { String::new() } else { format!("cd {folder} && ") };
            console.out(&format!(
                "\nTry it, without a key and without a cost (the answers are scripted):\n  {step}route-prof run {corpus}\n\
                 Then put your own prompts, models and oracles in place of these.\n"
            ))?;
        }
    }
    Ok(Exit::Fine)
}
