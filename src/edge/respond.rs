//! Answers in JSON, and errors in the form that CometChat gives its own.

use worker::Result;
use worker::web_sys::{Headers, Response, ResponseInit};

use crate::callback::CallbackError;
use crate::config::Misconfigured;

/// A JSON answer.
pub fn json(status: u16, body: &str) -> Result<Response> {
    send(status, None, body)
}

/// An error, with the header that its status asks for.
pub fn error(error: &CallbackError) -> Result<Response> {
    let header = (error.status == 503).then_some(("Retry-After", "10"));
    send(error.status, header, &error.to_json())
}

/// What is said to whom no door is opened.
pub fn wrong_credentials() -> CallbackError {
    CallbackError::new(401, "ERR_UNAUTHORIZED", "The credentials are missing or wrong.")
}

/// 401, with the scheme that is asked for.
pub fn unauthorized(scheme: &str) -> Result<Response> {
    let header = format!("{scheme} realm=\"halley\"");
    send(401, Some(("WWW-Authenticate", &header)), &wrong_credentials().to_json())
}

/// 405, with the methods that are allowed.
pub fn method_not_allowed(allow: &str) -> Result<Response> {
    let error = CallbackError::new(405, "ERR_METHOD_NOT_ALLOWED", format!("This path takes {allow} only."));
    send(405, Some(("Allow", allow)), &error.to_json())
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

fn send(status: u16, header: Option<(&str, &str)>, body: &str) -> Result<Response> {
    let headers = Headers::new()?;
    headers.set("Content-Type", "application/json")?;
    if let Some((name, value)) = header {
        headers.set(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(status);
    init.set_headers(&headers);
    Ok(Response::new_with_opt_str_and_init(Some(body), &init)?)
}
