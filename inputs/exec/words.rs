//! Splitting a command into words as a shell does, without any of the shell's other powers.

use agent_api::{Result, bail};

/// The words of a command: separated by blanks, with `'...'`, `"..."` and `\` as in a POSIX shell. Variables, pipes and
/// redirections are nothing special.
pub(super) fn split(command: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    // None between words: a pair of quotes makes a word that is empty.
    let mut word: Option<String> = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => single(&mut rest, word.get_or_insert_default())?,
            '"' => double(&mut rest, word.get_or_insert_default())?,
            '\\' => match rest.next() {
                // A line that goes on.
                Some('\n') => {}
                Some(c) => word.get_or_insert_default().push(c),
                None => bail!("nothing after the last \\"),
            },
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn single(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<()> {
    for c in rest {
        if c == '\'' {
            return Ok(());
        }
        word.push(c);
    }
    bail!("a single quote is not closed")
}

fn double(rest: &mut std::str::Chars<'_>, word: &mut String) -> Result<()> {
    while let Some(c) = rest.next() {
        match c {
            '"' => return Ok(()),
            '\\' => match rest.next() {
                Some('\n') => {}
                Some(c @ ('$' | '`' | '"' | '\\')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => break,
            },
            c => word.push(c),
        }
    }
    bail!("a double quote is not closed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_a_shell() {
        let cases: [(&str, &[&str]); 9] = [
            ("a  b\tc\nd", &["a", "b", "c", "d"]),
            (" ", &[]),
            ("a '' \"\"", &["a", "", ""]),
            ("a'b c'\"d e\"f", &["ab cd ef"]),
            (r"'a\b' \'x \ ", &[r"a\b", "'x", " "]),
            (r#""\$x \` \" \\ \n""#, &[r#"$x ` " \ \n"#]),
            ("a\\\nb \"c\\\nd\"", &["ab", "cd"]),
            ("echo $HOME | wc > f", &["echo", "$HOME", "|", "wc", ">", "f"]),
            ("ä 'ö'", &["ä", "ö"]),
        ];
        for (command, words) in cases {
            assert_eq!(split(command).unwrap(), words, "{command}");
        }
    }

    #[test]
    fn what_is_open_at_the_end_is_refused() {
        for (command, cause) in [("a 'b", "single"), ("a \"b'", "double"), ("a \"\\", "double"), ("a \\", "last")] {
            assert!(split(command).unwrap_err().to_string().contains(cause), "{command}");
        }
    }
}
