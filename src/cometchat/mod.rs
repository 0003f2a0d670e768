//! What we ask of CometChat: requests, answers, errors. No network here; the edge carries them.

pub mod action;
pub mod answer;
mod boundary;
pub mod breaker;
pub mod look;
pub mod reply;
mod split;

pub use action::Action;
pub use answer::{Answer, Later, Sent, Service};
pub use breaker::Breaker;
pub use reply::{Body, ReplyId};

use std::time::Duration;

/// How long CometChat may take to answer a request before it is given up.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A request to the REST API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: &'static str,
    /// The path below the base URL, with its query.
    pub path: String,
    /// The UID for the header `onBehalfOf`, where the call takes one.
    pub on_behalf_of: Option<String>,
    /// The JSON body, where the call takes one.
    pub body: Option<String>,
}

/// What came back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`, in seconds.
    pub retry_after: Option<String>,
    /// The header `X-Rate-Limit-Reset` or `X-RateLimit-Reset` (CometChat's pages spell both), in UNIX seconds.
    pub rate_limit_reset: Option<String>,
    /// The body.
    pub body: String,
}

/// The request left, and no answer came: a timeout or a broken connection. It may have been accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// Percent-encodes one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(super::segment("team-1_a.b~c"), "team-1_a.b~c");
        assert_eq!(super::segment("../x?y#z é"), "..%2Fx%3Fy%23z%20%C3%A9");
    }
}
