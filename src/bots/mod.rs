//! The bots this worker runs. This is the folder to edit.
//!
//! Write a bot in a file of its own, give it a name below, and map a CometChat UID to that name in the setting `BOTS`.

mod assistant;
#[cfg(feature = "rehearsal")]
mod rehearsal;

crate::worker! {
    "assistant" => assistant::assistant(),
    #[cfg(feature = "rehearsal")]
    "rehearsal" => rehearsal::Rehearsal,
    #[cfg(feature = "rehearsal")]
    "rehearsal-10" => rehearsal::behind(10),
    #[cfg(feature = "rehearsal")]
    "rehearsal-100" => rehearsal::behind(100),
    #[cfg(feature = "rehearsal")]
    "rehearsal-1000" => rehearsal::behind(1_000),
}
