//! Small JSON objects, for answers, metadata and log lines.
//!
//! `serde_json::json!` builds a tree first, which costs a worker more bytes than all of its own lines.

use serde_json::Value;

/// An object under construction. Fields stand in the order in which they are added.
#[derive(Debug, Default)]
pub struct Json(String);

impl Json {
    /// An object without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, name: &str, text: &str) -> Self {
        let text = Value::from(text).to_string();
        self.raw(name, &text)
    }

    /// Adds a whole number.
    #[must_use]
    pub fn number(self, name: &str, number: u64) -> Self {
        let number = number.to_string();
        self.raw(name, &number)
    }

    /// Adds what is JSON already.
    #[must_use]
    pub fn raw(mut self, name: &str, json: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    /// The object.
    pub fn build(mut self) -> String {
        if self.0.is_empty() {
            self.0.push('{');
        }
        self.0.push('}');
        self.0
    }
}

/// A list of texts.
pub fn list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut list = String::from("[");
    for text in texts {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&Value::from(text).to_string());
    }
    list.push(']');
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_json() {
        let object = Json::new().text("a", "\"quoted\"\n").number("b", 7).raw("c", &list(["x", "y"])).build();
        assert_eq!(object, r#"{"a":"\"quoted\"\n","b":7,"c":["x","y"]}"#);
        assert_eq!(Json::new().build(), "{}");
        assert_eq!(list([]), "[]");
    }
}
