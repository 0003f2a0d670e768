//! What CometChat tells us: the credentials it presents, the envelope, and the message inside.

pub mod authentication;
pub mod envelope;
pub mod error;
pub mod message;
#[cfg(test)]
mod tests;
pub mod verdict;

pub use authentication::Credentials;
pub use envelope::Callback;
pub use error::CallbackError;
pub use message::{Attachment, Content, Media, Message, Person, ReceiverType};
pub use verdict::{Ignored, Roster};

/// The largest callback that is read, in bytes. CometChat allows 65,536 characters a message
/// (properties-and-constraints); entities come on top of it, and a character may take four bytes.
pub const MAX_BYTES: usize = 256 * 1024;

/// CometChat writes UIDs in lower case and looks them up so (properties-and-constraints).
pub fn uid(text: &str) -> String {
    text.to_ascii_lowercase()
}

/// What comes from outside and goes into rows and logs has an end: 64 characters.
pub fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}
