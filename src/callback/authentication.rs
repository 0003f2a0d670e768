//! HTTP Basic, the only proof of origin that CometChat offers: no signature is documented.

use base64ct::{Base64, Encoding};
use subtle::{Choice, ConstantTimeEq};

/// The user name and passwords that a callback may present.
///
/// They are kept as the header that is expected, so that nothing of what a stranger sends is decoded.
pub struct Credentials {
    accepted: Vec<String>,
}

impl Credentials {
    /// Accepts `username` with any of `passwords`. Two of them overlap while a password is rotated.
    ///
    /// An empty password matches nothing, so that a setting left blank never opens the door.
    pub fn new<'a>(username: &str, passwords: impl IntoIterator<Item = &'a str>) -> Self {
        let accepted = passwords
            .into_iter()
            .filter(|password| !password.is_empty())
            .map(|password| Base64::encode_string(format!("{username}:{password}").as_bytes()))
            .collect();
        Self { accepted }
    }

    /// Whether the `Authorization` header is one of those expected, in time that depends on lengths only.
    pub fn accept(&self, authorization: Option<&str>) -> bool {
        let Some((scheme, presented)) = authorization.and_then(|header| header.split_once(' ')) else {
            return false;
        };
        // RFC 7617: the scheme is case-insensitive.
        if !scheme.eq_ignore_ascii_case("basic") {
            return false;
        }
        let presented = presented.trim().as_bytes();
        self.accepted
            .iter()
            .fold(Choice::from(0), |found, expected| found | expected.as_bytes().ct_eq(presented))
            .into()
    }
}

/// Whether `Authorization` carries this bearer token. An empty token matches nothing.
pub fn is_bearer(token: &str, authorization: Option<&str>) -> bool {
    let Some((scheme, presented)) = authorization.and_then(|header| header.split_once(' ')) else {
        return false;
    };
    !token.is_empty()
        && scheme.eq_ignore_ascii_case("bearer")
        && bool::from(token.as_bytes().ct_eq(presented.trim().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_what_is_expected() {
        let credentials = Credentials::new("halley", ["secret", "older"]);
        // halley:secret, halley:older, halley:wrong, Halley:secret, halley:
        for (header, accepted) in [
            (Some("Basic aGFsbGV5OnNlY3JldA=="), true),
            (Some("basic aGFsbGV5OnNlY3JldA=="), true),
            (Some("Basic aGFsbGV5Om9sZGVy"), true),
            (Some("Basic aGFsbGV5Ondyb25n"), false),
            (Some("Basic SGFsbGV5OnNlY3JldA=="), false),
            (Some("Basic aGFsbGV5Og=="), false),
            (Some("Basic"), false),
            (Some("Basic "), false),
            (Some("Bearer aGFsbGV5OnNlY3JldA=="), false),
            (Some("aGFsbGV5OnNlY3JldA=="), false),
            (Some("Basic ∆∆∆"), false),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(credentials.accept(header), accepted, "{header:?}");
        }
    }

    #[test]
    fn an_empty_password_matches_nothing() {
        let credentials = Credentials::new("halley", [""]);
        assert!(!credentials.accept(Some("Basic aGFsbGV5Og==")));
        assert!(!is_bearer("", Some("Bearer ")));
    }

    #[test]
    fn a_bearer_token_is_compared_whole() {
        assert!(is_bearer("token", Some("Bearer token")));
        assert!(is_bearer("token", Some("bearer token")));
        assert!(!is_bearer("token", Some("Bearer toke")));
        assert!(!is_bearer("token", Some("Basic token")));
        assert!(!is_bearer("token", None));
    }
}
