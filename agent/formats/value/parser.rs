//! Reading: the whole document is one value, of which the last word counts unless it is text.

use crate::scalar::default_name;
use agent_api::*;
use agent_golang::number::{parse_bool, parse_float, parse_int};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::Deserialize;

register!(Entry::parser::<Single>());

/// What the value is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `integer` or `int`; `float` or `long`; `boolean` or `bool`; `string` or `str`; `auto_integer` and `auto_float` take a text for what is
    /// no such number; `base64` takes the whole document as it is, of any bytes, in that encoding.
    data_type: String,
    /// Key of the field.
    value_field_name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { data_type: "int".to_owned(), value_field_name: "value".to_owned() }
    }
}

/// The parser of single values.
pub struct Single {
    name: String,
    key: String,
    kind: Kind,
    /// Takes a text for what is no number.
    auto: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Bool,
    Text,
    Base64,
}

impl Plugin for Single {
    const NAME: &'static str = "value";
    const ABOUT: &'static str = "A single value.";
    type Settings = Settings;

    fn new(settings: Settings, env: &Env) -> Result<Self> {
        let (kind, auto) = match settings.data_type.as_str() {
            "" | "int" | "integer" => (Kind::Int, false),
            "float" | "long" => (Kind::Float, false),
            "bool" | "boolean" => (Kind::Bool, false),
            "str" | "string" => (Kind::Text, false),
            "auto_integer" => (Kind::Int, true),
            "auto_float" => (Kind::Float, true),
            "base64" => (Kind::Base64, false),
            other => bail!("data_type: unknown type {other:?}"),
        };
        let key = match settings.value_field_name {
            key if key.is_empty() => "value".to_owned(),
            key => key,
        };
        Ok(Single { name: default_name(env), key, kind, auto })
    }
}

impl Parser for Single {
    fn parse(&mut self, body: &Body, out: &mut Collector) -> Result<(), ParseError> {
        let text = body.text();
        let encoded;
        let text = text.trim_matches('\0').trim();
        let word = match self.kind {
            Kind::Text => text,
            _ => match text.split_whitespace().next_back() {
                Some(word) => word,
                None => return Ok(()),
            },
        };
        let (value, kind) = match self.kind {
            Kind::Int => (parse_int(word, 10).ok().map(Value::Int), "integer"),
            Kind::Float => (parse_float(word).ok().map(Value::Float), "float"),
            Kind::Bool => (parse_bool(word).ok().map(Value::Bool), "boolean"),
            Kind::Text => (Some(Value::Str(text)), "text"),
            Kind::Base64 => {
                encoded = STANDARD.encode(body.bytes());
                (Some(Value::Str(&encoded)), "text")
            }
        };
        match value.or(self.auto.then_some(Value::Str(word))) {
            Some(value) => drop(out.metric(&self.name).field(&self.key, value)),
            None => {
                let mut error = ParseError::default();
                error.add(0, word, format_args!("no {kind}"));
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{build, parse, random_texts, read, text};

    #[test]
    fn the_last_word_counts() {
        let cases = [
            ("", " 12 13\n\0", "test value=Int(13) 0"),
            ("float", "2.50", "test value=Float(2.5) 0"),
            ("long", "17", "test value=Float(17.0) 0"),
            ("boolean", "x T", "test value=Bool(true) 0"),
            ("string", "\n one two\nthree \n", "test value=Str(\"one two\\nthree\") 0"),
            ("string", "", "test value=Str(\"\") 0"),
            ("auto_integer", "1.5", "test value=Str(\"1.5\") 0"),
            ("auto_float", "1.5", "test value=Float(1.5) 0"),
            ("int", " ", ""),
            ("base64", " hello\n", "test value=Str(\"IGhlbGxvCg==\") 0"),
            ("base64", "\n", ""),
        ];
        for (kind, document, want) in cases {
            assert_eq!(parse::<Single>(document, &[("data_type", text(kind))]), want, "{kind} {document:?}");
        }
        assert_eq!(parse::<Single>("1", &[("value_field_name", text("n"))]), "test n=Int(1) 0");
    }

    #[test]
    fn what_does_not_fit_is_quoted() {
        let mut parser: Single = build(&[]).unwrap();
        assert_eq!(read(&mut parser, "a 1.5").1.unwrap(), "no integer in \"1.5\"");
        assert!(build::<Single>(&[("data_type", text("odd"))]).is_err());
        for document in random_texts(&["1", "-", ".", " ", "\n", "\0", "x", "ä"], 9, 2000) {
            let _read = read(&mut parser, &document);
        }
    }
}
