//! `is_sql`: the whole output is SQL of a dialect, over the tables that are allowed. A gate; nothing is run.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use schemars::JsonSchema;
use serde::Deserialize;
use sqlparser::ast::visit_relations;
use sqlparser::dialect::dialect_from_str;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, Tokenizer};
use toml::Spanned;

use super::judgement::Judgement;
use super::kind::{Build, Criterion, Kind, Table, TableError, settings};
use super::sample::Sample;
use crate::record::Verdict;

pub(super) const IS_SQL: Kind = Kind {
    name: "is_sql",
    summary: "the whole output is SQL of a dialect, over allowed tables",
    build: Build::Alone(build),
    schema: || schemars::schema_for!(Settings).to_value(),
};

/// The longest text that is looked at, in bytes.
const LONGEST: usize = 256 << 10;
/// The most tokens of a query: more than a model writes in one reply.
const MOST_TOKENS: usize = 20_000;
/// How many brackets may be open at once. The parser tries some words in two ways, and in two ways again inside, so that its time
/// doubles with each level.
const DEEPEST: usize = 16;
/// The stack of a reader in bytes: what the parser needs by itself, and what a token takes at most. The parser holds its own calls
/// to a limit for most of its grammar; patterns of rows and whatever walks the tree of `1 + 1 + ...` go as deep as the text is long.
const STACK: usize = 8 << 20;
const STACK_OF_TOKEN: usize = 24 << 10;

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
        TableError::new(settings.dialect.span(), "unknown dialect", help)
    })?;
    let tables =
        settings.allow_tables.map(|tables| tables.into_iter().map(|name| name.to_lowercase()).collect());
    Ok(Box::new(Sql { dialect: settings.dialect.into_inner(), tables }))
}

impl Sql {
    /// What is said of a text, by a reader whose stack is as large as its tokens need.
    fn read(&self, output: &str) -> Judgement {
        let Some(dialect) = dialect_from_str(&self.dialect) else {
            return Judgement::rejected("the dialect is not known");
        };
        let Ok(tokens) = Tokenizer::new(dialect.as_ref(), output).tokenize() else {
            return Judgement::rejected("the output is no SQL");
        };
        let words = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).count();
        if words > MOST_TOKENS {
            return Judgement::ungraded("the query is too long to be read");
        }
        if depth(&tokens) > DEEPEST {
            return Judgement::ungraded(TOO_DEEP);
        }
        std::thread::scope(|scope| {
            let reader = std::thread::Builder::new()
                .stack_size(STACK + words * STACK_OF_TOKEN)
                .spawn_scoped(scope, || self.parse(tokens));
            reader
                .ok()
                .and_then(|reader| reader.join().ok())
                .unwrap_or_else(|| Judgement::ungraded("the query cannot be read here"))
        })
    }

    fn parse(&self, tokens: Vec<Token>) -> Judgement {
        let Some(dialect) = dialect_from_str(&self.dialect) else {
            return Judgement::rejected("the dialect is not known");
        };
        let statements = match Parser::new(dialect.as_ref()).with_tokens(tokens).parse_statements() {
            Ok(statements) if !statements.is_empty() => statements,
            Err(ParserError::RecursionLimitExceeded) => return Judgement::ungraded(TOO_DEEP),
            Ok(_) | Err(ParserError::TokenizerError(_) | ParserError::ParserError(_)) => {
                return Judgement::rejected("the output is no SQL");
            }
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
}

const TOO_DEEP: &str = "the query is nested too deep to be read";

/// How many brackets are open at once, at most.
fn depth(tokens: &[Token]) -> usize {
    let (mut open, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => open += 1,
            Token::RParen | Token::RBracket | Token::RBrace => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

impl Criterion for Sql {
    fn judge(&self, sample: &Sample<'_>) -> Judgement {
        if sample.output.len() > LONGEST {
            return Judgement::ungraded("the output is too long to be read as SQL");
        }
        self.read(sample.output)
    }

    fn has_gate(&self) -> bool {
        true
    }

    fn needs_expected(&self) -> bool {
        false
    }
}
