//! Answers in JSON, and errors in the form that CometChat gives its own.

use worker::{Response, ResponseBuilder, Result};

use crate::callback::CallbackError;
use crate::config::Misconfigured;

/// A JSON answer.
pub fn json(status: u16, body: &str) -> Result<Response> {
    Ok(builder(status)?.fixed(body.as_bytes().to_vec()))
}

/// An error, with the headers that its status asks for.
pub fn error(error: &CallbackError) -> Result<Response> {
    let builder = builder(error.status)?;
    let builder = match error.status {
        503 => builder.with_header("Retry-After", "10")?,
        _ => builder,
    };
    Ok(builder.fixed(error.to_json().into_bytes()))
}

/// 401, with the scheme that is asked for.
pub fn unauthorized(scheme: &str) -> Result<Response> {
    let error = CallbackError::new(401, "ERR_UNAUTHORIZED", "The credentials are missing or wrong.");
    Ok(builder(401)?
        .with_header("WWW-Authenticate", &format!("{scheme} realm=\"halley\""))?
        .fixed(error.to_json().into_bytes()))
}

/// 405, with the methods that are allowed.
pub fn method_not_allowed(allow: &str) -> Result<Response> {
    let error = CallbackError::new(405, "ERR_METHOD_NOT_ALLOWED", format!("This path takes {allow} only."));
    Ok(builder(405)?.with_header("Allow", allow)?.fixed(error.to_json().into_bytes()))
}

/// 404 for a path that leads nowhere.
pub fn not_found() -> Result<Response> {
    error(&CallbackError::new(404, "ERR_API_NOT_FOUND", "There is nothing at this path."))
}

/// 503 for a deployment whose settings are not complete.
pub fn misconfigured(problems: &Misconfigured) -> CallbackError {
    CallbackError::new(503, "ERR_MISCONFIGURED", format!("The settings are not complete: {problems}."))
}

/// 503 for something that may go better later.
pub fn unavailable(what: &str) -> Result<Response> {
    error(&CallbackError::new(503, "ERR_UNAVAILABLE", format!("{what} Try again later.")))
}

fn builder(status: u16) -> Result<ResponseBuilder> {
    ResponseBuilder::new().with_status(status).with_header("Content-Type", "application/json")
}
