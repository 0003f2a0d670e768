//! Why a callback is refused, in the form that CometChat gives its own errors.

use std::fmt;

use super::shorten;
use crate::json::{Json, list};

/// A refusal: a status, a code that programs read, and a sentence that people read. It names fields, and quotes nothing
/// of the callback.
#[derive(Debug, Clone, PartialEq)]
pub struct CallbackError {
    /// The HTTP status.
    pub status: u16,
    /// What programs read, in CometChat's style: `ERR_…`.
    pub code: &'static str,
    /// What people read.
    pub message: String,
    /// JSON, field by field for a malformed callback: `{"data.id": ["The data.id field is required."]}`.
    pub details: Option<String>,
}

impl CallbackError {
    /// A refusal without details.
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: None }
    }

    /// 400: the body is not a callback.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "ERR_BAD_REQUEST", message)
    }

    /// 400: one field is missing or cannot be what it says.
    pub fn field(field: &str, problem: impl fmt::Display) -> Self {
        Self {
            details: Some(Json::new().raw(field, &list([format!("The {field} field {problem}.").as_str()])).build()),
            ..Self::malformed("Failed to validate the data sent with the request.")
        }
    }

    /// 401: what is said to whom no door is opened.
    pub fn wrong_credentials() -> Self {
        Self::new(401, "ERR_UNAUTHORIZED", "The credentials are missing or wrong.")
    }

    /// The body, in CometChat's form (docs/cometchat.md, section 1.7): `{"error":{"code","message","details"}}`.
    pub fn to_json(&self) -> String {
        let error = Json::new().text("code", self.code).text("message", &self.message);
        let error = match &self.details {
            Some(details) => error.raw("details", details),
            None => error,
        };
        Json::new().raw("error", &error.build()).build()
    }

    /// The line for the log. `bot` is what the path of the callback names.
    pub fn to_line(&self, bot: &str) -> String {
        Json::new()
            .text("event", "refused")
            .text("bot", &shorten(bot))
            .number("status", u64::from(self.status))
            .text("code", self.code)
            .raw("details", self.details.as_deref().unwrap_or("null"))
            .build()
    }
}

impl fmt::Display for CallbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for CallbackError {}
