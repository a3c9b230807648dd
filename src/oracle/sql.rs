//! `is_sql`: the whole output is SQL of a dialect, over the tables that are allowed. A gate; nothing is run.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Deserialize;
use sqlparser::ast::visit_relations;
use sqlparser::dialect::dialect_from_str;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};
use toml::Spanned;

use super::{Criterion, Judgement, Kind, Sample, Table, TableError, settings};
use crate::record::Verdict;

pub(super) const IS_SQL: Kind = Kind {
    name: "is_sql",
    summary: "the whole output is SQL of a dialect, over allowed tables",
    build,
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// The longest text that is looked at, in bytes.
const LONGEST: usize = 256 << 10;
/// The most tokens of a query. The parser and what walks its trees go down as deep as a chain of operators is long, so that a longer
/// one could take the whole program down with it.
const MOST_TOKENS: usize = 2000;

/// SQL of a dialect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The dialect: `generic`, `postgres`, `mysql`, `sqlite`, `mssql`, `bigquery`, `snowflake`, `duckdb`, ...
    #[serde(default = "generic")]
    #[schemars(with = "String")]
    dialect: Spanned<String>,
    /// The tables that may be named; any where absent.
    allow_tables: Option<Vec<String>>,
}

fn generic() -> Spanned<String> {
    Spanned::new(0..0, "generic".to_owned())
}

struct Sql {
    /// Known to name a dialect: those themselves cannot go from thread to thread.
    dialect: String,
    tables: Option<BTreeSet<String>>,
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sql").field("tables", &self.tables).finish_non_exhaustive()
    }
}

fn build(table: Table<'_>) -> Result<Box<dyn Criterion>, TableError> {
    let settings: Settings = settings(table)?;
    dialect_from_str(settings.dialect.get_ref()).ok_or_else(|| {
        let help = "use generic, ansi, postgres, mysql, sqlite, mssql, bigquery, snowflake, duckdb, hive, clickhouse or redshift";
        TableError::new(settings.dialect.span(), "this dialect is not known", help)
    })?;
    let tables =
        settings.allow_tables.map(|tables| tables.into_iter().map(|name| name.to_lowercase()).collect());
    Ok(Box::new(Sql { dialect: settings.dialect.into_inner(), tables }))
}

impl Criterion for Sql {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        let Some(dialect) = dialect_from_str(&self.dialect) else {
            return Judgement::rejected("the dialect is not known");
        };
        if sample.output.len() > LONGEST {
            return Judgement::ungraded("the output is too long to be read as SQL");
        }
        let Ok(tokens) = Tokenizer::new(dialect.as_ref(), sample.output).tokenize() else {
            return Judgement::rejected("the output is no SQL");
        };
        if tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count() > MOST_TOKENS {
            return Judgement::ungraded("the query is too long to be read");
        }
        let statements = match Parser::new(dialect.as_ref()).with_tokens(tokens).parse_statements() {
            Ok(statements) if !statements.is_empty() => statements,
            Ok(_) | Err(_) => return Judgement::rejected("the output is no SQL"),
        };
        let Some(allowed) = &self.tables else { return Judgement::let_through(Verdict::Pass) };
        let stray = visit_relations(&statements, |name| {
            let name = name.to_string().replace(['"', '`', '[', ']'], "").to_lowercase();
            // `public.users` is allowed where `users` is.
            let last = name.rsplit('.').next().unwrap_or_default();
            if allowed.contains(&name) || allowed.contains(last) {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            }
        });
        match stray {
            ControlFlow::Continue(()) => Judgement::let_through(Verdict::Pass),
            ControlFlow::Break(()) => Judgement::rejected("a table that is not allowed"),
        }
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}
