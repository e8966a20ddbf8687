//! The names and values of a question before anybody has judged them.
//!
//! The command line, the query string and the JSON body all become this one shape, so that they
//! cannot come to mean different things. Values are texts; a JSON number keeps its digits.

use std::collections::BTreeMap;

use serde_json::Value;

use super::usage::Usage;

/// Each name with its values, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params {
    values: BTreeMap<String, Vec<String>>,
}

impl Params {
    /// Adds a value.
    pub fn push(&mut self, name: &str, value: impl Into<String>) {
        self.values.entry(name.to_owned()).or_default().push(value.into());
    }

    /// Adds several values.
    pub fn extend(&mut self, name: &str, values: impl IntoIterator<Item = String>) {
        self.values.entry(name.to_owned()).or_default().extend(values);
    }

    /// Reads a JSON object: texts, numbers, truth values, or lists of them.
    ///
    /// # Errors
    /// Something else, or no object.
    pub fn from_json(body: &Value) -> Result<Self, Usage> {
        let Value::Object(members) = body else {
            return Err(Usage::NoObject);
        };
        let mut params = Self::default();
        for (name, value) in members {
            match value {
                Value::Array(list) => {
                    let values: Result<Vec<_>, _> = list.iter().map(|v| text(name, v)).collect();
                    params.extend(name, values?);
                }
                Value::Null => {}
                single => params.push(name, text(name, single)?),
            }
        }
        Ok(params)
    }

    /// The JSON object that [`from_json`](Self::from_json) reads back.
    pub fn to_json(&self) -> Value {
        let members = self.values.iter().map(|(name, values)| (name.clone(), Value::from(values.clone())));
        Value::Object(members.collect())
    }

    /// Takes the only value of a name, if there is one.
    ///
    /// # Errors
    /// There are several.
    pub fn take_one(&mut self, name: &'static str) -> Result<Option<String>, Usage> {
        let mut values = self.values.remove(name).unwrap_or_default();
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(Usage::Several(name)),
        }
    }

    /// Takes all values of a name.
    pub fn take_all(&mut self, name: &'static str) -> Vec<String> {
        self.values.remove(name).unwrap_or_default()
    }

    /// A name that nobody took.
    pub fn left(&self) -> Option<&str> {
        self.values.keys().next().map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Params {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        let mut params = Self::default();
        for (name, value) in pairs {
            params.push(&name, value);
        }
        params
    }
}

/// A duration as a JSON number is milliseconds; as a text it names its unit.
fn text(name: &str, value: &Value) -> Result<String, Usage> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) if DURATIONS.contains(&name) => Ok(format!("{number}ms")),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(_) if CODES.contains(&name) => Err(Usage::NoCode(name.to_owned())),
        Value::Bool(truth) => Ok(truth.to_string()),
        _ => Err(Usage::Nested(name.to_owned())),
    }
}

const DURATIONS: [&str; 3] = ["window", "cell", "timeout"];
const CODES: [&str; 5] = ["site", "area", "subject", "subjects", "seed"];
