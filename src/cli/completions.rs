//! `completions` and `man`: generated from the arguments, so that they never go out of date.

use std::path::Path;

use clap::CommandFactory;

use super::args::Cli;
use super::exit::Exit;
use super::session;
use crate::console::Console;

pub(super) fn completions(console: &Console, shell: clap_complete::Shell) -> anyhow::Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "route-prof", &mut text);
    console.out(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Fine)
}

pub(super) fn man(console: &Console, folder: Option<&Path>) -> anyhow::Result<Exit> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(folder) = folder else {
        console.out(&String::from_utf8_lossy(&page(&command)?))?;
        return Ok(Exit::Fine);
    };
    let engine = session::engine(console);
    for (name, bytes) in pages(&command, "route-prof")? {
        engine.write(&folder.join(format!("{name}.1")), &bytes)?;
    }
    Ok(Exit::Fine)
}

fn page(command: &clap::Command) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(text)
}

/// The pages of a command and its subcommands, named as `man` expects: `route-prof-corpus-check`.
fn pages(command: &clap::Command, name: &str) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    // The page's title is the file's name: `route-prof-corpus-check`.
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).title(name).render(&mut text)?;
    let mut all = vec![(name.to_owned(), text)];
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        all.extend(pages(sub, &format!("{name}-{}", sub.get_name()))?);
    }
    Ok(all)
}
