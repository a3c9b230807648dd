//! The paths that a file names, in its `use` declarations and inline, as lists of segments.

use crate::tokens::Token;

/// A path as written, from its first segment on, and the name that a `use` gives it.
#[derive(Debug, PartialEq)]
pub struct Named {
    pub segments: Vec<String>,
    /// `None` for an inline path and a glob.
    pub bound: Option<String>,
}

pub fn paths(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].is("use") {
            at = tree(tokens, at + 1, &[], &mut found);
        } else if tokens[at].is("pub") && tokens.get(at + 1) == Some(&Token::Mark('(')) {
            // `pub(in crate::x)` says who may look; nothing is imported.
            at += tokens[at..].iter().take_while(|token| **token != Token::Mark(')')).count();
        } else if let Token::Word(first) = &tokens[at] {
            let mut segments = vec![first.clone()];
            while let [Token::Joint, Token::Word(next), ..] = &tokens[at + 1..] {
                segments.push(next.clone());
                at += 2;
            }
            at += 1;
            if segments.len() > 1 {
                found.push(Named { segments, bound: None });
            }
        } else if tokens[at] == Token::Joint && matches!(tokens.get(at + 1), Some(Token::Word(_))) {
            // The rest of `<T>::x::y`, or an absolute path: neither names a module of this crate.
            at += 2;
        } else {
            at += 1;
        }
    }
    found
}

/// Reads one tree of a `use` and returns where it ends: at its `,`, `}` or `;`.
fn tree(tokens: &[Token], start: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let mut bound = None;
    let mut at = start;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Word(word) if word == "as" => {
                if let Some(Token::Word(name)) = tokens.get(at + 1) {
                    bound = Some(name.clone());
                }
                at += 2;
            }
            // `a::{self}` names `a`.
            Token::Word(word) if word == "self" && !segments.is_empty() => at += 1,
            Token::Word(word) => {
                segments.push(word.clone());
                at += 1;
            }
            Token::Mark('*') => {
                found.push(Named { segments, bound: None });
                return at + 1;
            }
            Token::Mark('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != Token::Mark('}')) {
                    at = tree(tokens, at, &segments, found);
                    if tokens.get(at) == Some(&Token::Mark(',')) {
                        at += 1;
                    }
                }
                return at + 1;
            }
            Token::Joint => at += 1,
            Token::Mark(_) => break,
        }
    }
    let bound = bound.or_else(|| segments.last().cloned());
    found.push(Named { segments, bound });
    // Never stand still, whatever the text is.
    at.max(start + 1)
}
