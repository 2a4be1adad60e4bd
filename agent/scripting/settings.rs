//! Where a script comes from and what it is given.

use agent_api::{Context, Result, bail};
use agent_starlark::Plain;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The script, in the settings or in a file.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The script itself. This or `script` is required.
    pub source: String,
    /// The file that holds the script; it is read at the start.
    pub script: String,
    /// Values that the script finds as global names: texts, numbers, booleans, lists and tables.
    pub constants: BTreeMap<String, Constant>,
}

impl Settings {
    /// The text of the script and the name by which errors call it. Reads the file, if there is one.
    pub fn text(&self) -> Result<(String, String)> {
        match (self.source.is_empty(), self.script.is_empty()) {
            (true, true) => bail!("source or script is required"),
            (false, false) => bail!("source and script cannot both be set"),
            (false, true) => Ok((self.source.clone(), "source".to_owned())),
            (true, false) => {
                let text = std::fs::read_to_string(&self.script).with_context(|| format!("read {}", self.script))?;
                Ok((text, self.script.clone()))
            }
        }
    }
}

/// A value of the settings, as a script gets it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, number, boolean, list or table")]
pub enum Constant {
    /// true or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Constant>),
    /// A dictionary.
    Table(BTreeMap<String, Constant>),
}

impl Constant {
    pub(crate) fn plain(&self) -> Plain {
        match self {
            Constant::Bool(v) => Plain::Bool(*v),
            Constant::Int(v) => Plain::Int((*v).into()),
            Constant::Float(v) => Plain::Float(*v),
            Constant::Text(v) => Plain::Str(v.clone()),
            Constant::List(items) => Plain::List(items.iter().map(Constant::plain).collect()),
            Constant::Table(entries) => {
                Plain::Dict(entries.iter().map(|(k, v)| (Plain::Str(k.clone()), v.plain())).collect())
            }
        }
    }
}

/// Any value: the type holds itself, which a schema in one piece cannot say.
impl JsonSchema for Constant {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Constant".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!(true)
    }
}
