//! Rust text as tokens, without comments, literals and tests: enough to read paths from, no parser.

/// What a path is made of; everything else that is no literal is one `Mark` a character.
#[derive(Clone, Debug, PartialEq)]
pub enum Token {
    Word(String),
    /// `::`
    Joint,
    Mark(char),
}

impl Token {
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Token::Word(own) if own == word)
    }
}

/// The tokens of what ships: items under `#[cfg(test)]` are left out, the name of such a `mod x;` is returned beside.
pub fn product(text: &str) -> (Vec<Token>, Vec<String>) {
    let tokens = tokens(text);
    let mut kept = Vec::new();
    let mut test_modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if is_test_only(&tokens[at..]) {
            let end = end_of_item(&tokens, at);
            if let Some(name) = declared(&tokens[at..end]) {
                test_modules.push(name);
            }
            at = end;
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    (kept, test_modules)
}

fn is_test_only(tokens: &[Token]) -> bool {
    let word = |text: &str| Token::Word(text.to_owned());
    let (mark, open, close) = (Token::Mark('#'), Token::Mark('('), Token::Mark(')'));
    tokens.starts_with(&[mark, Token::Mark('['), word("cfg"), open, word("test"), close])
}

/// Where the item that starts here ends: at its `;`, or at the brace that closes its body.
fn end_of_item(tokens: &[Token], start: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(start) {
        match token {
            Token::Mark('{' | '(' | '[') => depth += 1,
            Token::Mark('}' | ')' | ']') => {
                depth -= 1;
                if depth == 0 && *token == Token::Mark('}') {
                    return at + 1;
                }
            }
            Token::Mark(';') if depth == 0 => return at + 1,
            _ => {}
        }
    }
    tokens.len()
}

/// The `x` of the `mod x;` that these tokens end in.
fn declared(item: &[Token]) -> Option<String> {
    match item {
        [.., keyword, Token::Word(name), Token::Mark(';')] if keyword.is("mod") => Some(name.clone()),
        _ => None,
    }
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let next = chars.get(at + 1).copied();
        match chars[at] {
            '/' if next == Some('/') => at = after_line(&chars, at),
            '/' if next == Some('*') => at = after_block(&chars, at),
            '"' => at = after_string(&chars, at),
            '\'' => at = after_quote(&chars, at),
            ':' if next == Some(':') => {
                found.push(Token::Joint);
                at += 2;
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end = (at..chars.len())
                    .find(|i| !(chars[*i].is_alphanumeric() || chars[*i] == '_'))
                    .unwrap_or(chars.len());
                let word: String = chars[at..end].iter().collect();
                at = match after_raw_string(&chars, &word, end) {
                    Some(after) => after,
                    None => {
                        found.push(Token::Word(word));
                        end
                    }
                };
            }
            c => {
                if !c.is_whitespace() {
                    found.push(Token::Mark(c));
                }
                at += 1;
            }
        }
    }
    found
}

fn after_line(chars: &[char], start: usize) -> usize {
    (start..chars.len()).find(|at| chars[*at] == '\n').unwrap_or(chars.len())
}

/// Block comments nest.
fn after_block(chars: &[char], start: usize) -> usize {
    let mut depth = 0;
    let mut at = start;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => depth += 1,
            ('*', '/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn after_string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

/// After `'x'` or `'\…'`; a lifetime has no second quote, its name is left to be read as a word.
fn after_quote(chars: &[char], start: usize) -> usize {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => {
            let end = (start + 3..chars.len()).find(|at| chars[*at] == '\'');
            end.map_or(chars.len(), |end| end + 1)
        }
        (Some(_), Some('\'')) => start + 3,
        _ => start + 1,
    }
}

/// After the raw string that `r`, `br` or `cr` opens here, if one does.
fn after_raw_string(chars: &[char], prefix: &str, start: usize) -> Option<usize> {
    if !matches!(prefix, "r" | "br" | "cr") {
        return None;
    }
    let hashes = chars[start..].iter().take_while(|c| **c == '#').count();
    if chars.get(start + hashes) != Some(&'"') {
        return None;
    }
    let body = start + hashes + 1;
    let closes = |at: &usize| {
        chars[*at] == '"'
            && chars[at + 1..].len() >= hashes
            && chars[at + 1..=at + hashes].iter().all(|c| *c == '#')
    };
    Some((body..chars.len()).find(closes).map_or(chars.len(), |at| at + 1 + hashes))
}
