//! `schema`: prints the JSON Schemas of every file that is read or written.

use serde_json::{Value, json};

use super::args::global::{Format, Global};
use super::args::project::SchemaArgs;
use super::exit::Exit;
use super::session;
use crate::console::Console;
use crate::diag::{UsageError, nearest};
use crate::engine::SCHEMAS;

pub(super) fn run(global: &Global, console: &Console, args: &SchemaArgs) -> anyhow::Result<Exit> {
    let text = |schema: &Value| serde_json::to_string_pretty(schema).map(|text| format!("{text}\n"));
    if let Some(folder) = &args.out {
        let engine = session::engine(console);
        for file in &SCHEMAS {
            let path = folder.join(format!("{}.schema.json", file.name));
            engine.write(&path, text(&(file.schema)())?.as_bytes())?;
        }
        return Ok(Exit::Fine);
    }
    match &args.name {
        Some(wanted) => {
            let Some(file) = SCHEMAS.iter().find(|file| file.name == wanted) else {
                let names: Vec<&str> = SCHEMAS.iter().map(|file| file.name).collect();
                let help = match nearest(wanted, names.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("use one of: {}", names.join(", ")),
                };
                return Err(UsageError::with_help(
                    format!("there is no schema `{}`", wanted.escape_debug()),
                    help,
                ));
            };
            console.out(&text(&(file.schema)())?)?;
        }
        None if global.format == Format::Json => {
            let all: serde_json::Map<String, Value> =
                SCHEMAS.iter().map(|file| (file.name.to_owned(), json!(file.what))).collect();
            console.out(&format!("{:#}\n", Value::Object(all)))?;
        }
        None => {
            let lines: String =
                SCHEMAS.iter().map(|file| format!("{:<15} {}\n", file.name, file.what)).collect();
            console.out(&lines)?;
        }
    }
    Ok(Exit::Fine)
}
