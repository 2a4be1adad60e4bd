//! Cuts a `.proto` file into tokens.

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'t> {
    /// A name or number; names of several parts are one with their points.
    Word(&'t str),
    /// A text in quotes, escapes left as they are.
    Text(&'t str),
    /// Anything else.
    Sign(char),
}

/// All tokens with their lines.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token<'_>, usize)>, String> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let len = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").ok_or_else(|| format!("line {line}: a comment is not closed"))? + 2
        } else if first == '"' || first == '\'' {
            let len = quoted(rest, first).ok_or_else(|| format!("line {line}: a text is not closed"))?;
            tokens.push((Token::Text(&rest[1..len - 1]), line));
            len
        } else if in_word(first) {
            let len = rest.find(|c| !in_word(c)).unwrap_or(rest.len());
            tokens.push((Token::Word(&rest[..len]), line));
            len
        } else {
            tokens.push((Token::Sign(first), line));
            first.len_utf8()
        };
        line += rest[..len].bytes().filter(|b| *b == b'\n').count();
        rest = &rest[len..];
    }
    Ok(tokens)
}

fn in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '.'
}

/// The length of the text that opens at the beginning, quotes included.
fn quoted(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().skip(1).find_map(|(i, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        escaped = c == '\\';
        (c == quote).then_some(i + 1)
    })
}
