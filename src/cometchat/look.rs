//! Looking for a reply among the conversation's recent messages, before it is sent again.

use super::{NoAnswer, Request, Response, Sent, answer, reply};
use crate::conversation::Address;
use crate::json::Fields;

/// How many messages one page of the history holds.
const PAGE: usize = 100;

/// How many pages are read before the look is given up as undecided.
const PAGES: usize = 10;

/// How far CometChat's clock may be behind ours, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A look for one reply, page by page from the newest message back to the time the reply was made.
#[derive(Debug)]
pub struct Look<'a> {
    address: &'a Address,
    id: &'a str,
    since: u64,
    pages: usize,
}

/// What a page showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The reply is there: it was accepted.
    Found(Sent),
    /// The history back to the time the reply was made does not have it.
    Absent,
    /// Older messages have to be read first.
    Before(Request),
    /// The history could not be read far enough. Sending now might be sending twice.
    Undecided {
        /// Why.
        reason: String,
        /// How long CometChat asks to wait, in milliseconds.
        wait: Option<u64>,
    },
}

impl<'a> Look<'a> {
    /// A look for the reply `id`, which was made at `made_at` (UNIX milliseconds).
    pub fn new(address: &'a Address, id: &'a str, made_at: u64) -> Self {
        let since = (made_at / 1_000).saturating_sub(SKEW_SECONDS);
        Self { address, id, since, pages: 0 }
    }

    /// The first request: the newest messages, as the bot sees them.
    pub fn request(&self) -> Request {
        self.page("")
    }

    /// Reads a page. `now` is in UNIX milliseconds.
    pub fn read(&mut self, response: Result<Response, NoAnswer>, now: u64) -> Seen {
        let undecided = |reason: String, wait| Seen::Undecided { reason, wait };
        let response = match response {
            Ok(response) => response,
            Err(NoAnswer(why)) => return undecided(why, None),
        };
        if response.status != 200 {
            return undecided(answer::error_code(&response), answer::wait(&response, now));
        }
        let answer = Fields::parse(&response.body).unwrap_or_default();
        if answer.raw("data").is_none_or(|data| !data.get().starts_with('[')) {
            return undecided("unreadable_history".to_owned(), None);
        }
        let page = answer.objects("data");
        if let Some(message) = page.iter().find(|message| is(message, self.id)) {
            return Seen::Found(Sent { id: message.id("id").unwrap_or_default() });
        }
        self.pages = self.pages.saturating_add(1);
        // The order within a page is not documented, so the oldest is looked for.
        let sent_at = |message: &Fields<'_>| message.read::<u64>("sentAt");
        let number = |message: &Fields<'_>| message.id("id").and_then(|id| id.parse::<u64>().ok());
        match page.iter().min_by_key(|message| (sent_at(message), number(message))) {
            None => Seen::Absent,
            Some(oldest) if sent_at(oldest).is_some_and(|at| at < self.since) || page.len() < PAGE => Seen::Absent,
            Some(_) if self.pages >= PAGES => undecided("history_too_long".to_owned(), None),
            Some(oldest) => {
                let id = super::segment(&oldest.id("id").unwrap_or_default());
                Seen::Before(self.page(&format!("&affix=prepend&id={id}")))
            }
        }
    }

    fn page(&self, cursor: &str) -> Request {
        // `perPage` counts in one part of the docs and `limit` in another (docs/cometchat.md, section 5).
        Request {
            method: "GET",
            path: format!("{}?perPage={PAGE}&limit={PAGE}{cursor}", reply::history(self.address)),
            on_behalf_of: Some(self.address.bot.clone()),
            body: None,
        }
    }
}

/// Whether a message of the history is the reply with this id.
fn is(message: &Fields<'_>, id: &str) -> bool {
    message.text("muid") == id || message.object("data").object("metadata").text("halley") == id
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::callback::ReceiverType;

    const ID: &str = "demo_bot-7-answer-0";

    fn read(pages: &[Value]) -> Vec<Seen> {
        let address = Address::new("demo_bot", ReceiverType::User, "ann");
        let mut look = Look::new(&address, ID, 1_000_000);
        pages
            .iter()
            .map(|page| {
                let body = json!({ "data": page }).to_string();
                look.read(Ok(Response { status: 200, body, ..Response::default() }), 0)
            })
            .collect()
    }

    fn full_page(sent_at: i64) -> Value {
        (0..PAGE).map(|n| json!({ "id": format!("5{n:02}"), "sentAt": sent_at })).collect()
    }

    #[test]
    fn either_field_tells() {
        let found = || Seen::Found(Sent { id: "9".into() });
        assert_eq!(read(&[json!([{ "id": "9", "muid": ID }])]), [found()]);
        assert_eq!(read(&[json!([{ "id": 9, "data": { "metadata": { "halley": ID } } }])]), [found()]);
        assert_eq!(read(&[json!([{ "id": "9", "muid": "other", "data": null }])]), [Seen::Absent]);
        assert_eq!(read(&[json!([])]), [Seen::Absent]);
    }

    #[test]
    fn a_full_page_of_newer_messages_decides_nothing() {
        let pages = read(&vec![full_page(2_000); PAGES]);
        let Seen::Before(request) = &pages[0] else { panic!("{pages:?}") };
        assert_eq!(request.path, "/users/ann/messages?perPage=100&limit=100&affix=prepend&id=500");
        assert_eq!(request.on_behalf_of.as_deref(), Some("demo_bot"));
        assert!(matches!(pages[PAGES - 1], Seen::Undecided { .. }));
        assert_eq!(read(&[full_page(900)]), [Seen::Absent]);
    }

    #[test]
    fn an_answer_that_cannot_be_read_decides_nothing() {
        let address = Address::new("demo_bot", ReceiverType::Group, "team-1");
        for response in [
            Err(NoAnswer("timeout".into())),
            Ok(Response { status: 500, ..Response::default() }),
            Ok(Response { status: 200, body: "{".into(), ..Response::default() }),
        ] {
            let mut look = Look::new(&address, ID, 0);
            assert!(matches!(look.read(response, 0), Seen::Undecided { .. }));
        }
    }
}
