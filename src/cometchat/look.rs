//! Looking for a reply among the conversation's recent messages, before it is sent again.

use super::answer::{Later, Sent, error_code, later};
use super::{NoAnswer, Request, Response, action};
use crate::address::Address;
use crate::json::Fields;

/// How many messages are asked for at a time. A server may give fewer, whatever is left.
const PAGE: usize = 100;

/// How many messages are read before the history is too long to be searched.
const MAX_MESSAGES: usize = 10_000;

/// How many pages are read at most, so that short ones come to an end too.
const MAX_PAGES: usize = 400;

/// How far CometChat's clock may be behind ours, in seconds.
const SKEW_SECONDS: u64 = 60;

/// A look for one reply, page by page from the newest message back to the time the reply was made.
#[derive(Debug)]
pub struct Look<'a> {
    address: &'a Address,
    id: &'a str,
    /// The id of the message it answers, which is below its own.
    answers: Option<u64>,
    since: u64,
    pages: usize,
    messages: usize,
    /// The oldest message that has been read, by its id.
    oldest: Option<u64>,
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
    /// CometChat did not look at the request.
    Later(Later),
    /// The history could not be read. Sending now might be sending twice.
    Undecided(String),
    /// There have been too many messages since the reply was made, and there will not be fewer.
    TooLong,
}

impl<'a> Look<'a> {
    /// A look for the reply `id` to the message `answers`, which was made at `made_at` (UNIX milliseconds).
    pub fn new(address: &'a Address, id: &'a str, answers: &str, made_at: u64) -> Self {
        let since = (made_at / 1_000).saturating_sub(SKEW_SECONDS);
        Self { address, id, answers: answers.parse().ok(), since, pages: 0, messages: 0, oldest: None }
    }

    /// The next request: the newest messages as the bot sees them, or those before the ones that were read.
    pub fn request(&self) -> Request {
        let cursor = self.oldest.map_or(String::new(), |id| format!("&id={id}"));
        // Backwards from the newest; which end a list begins with otherwise is not documented. `perPage` counts in one part of the docs and `limit` in another (docs/cometchat.md, section 5).
        Request {
            method: "GET",
            path: format!("{}?perPage={PAGE}&limit={PAGE}&affix=prepend{cursor}", action::history(self.address)),
            on_behalf_of: Some(self.address.bot.clone()),
            body: None,
        }
    }

    /// Reads a page. `now` is in UNIX milliseconds.
    ///
    /// The end of the history is an empty page, not a short one: servers cap pages, and leave out what they cannot
    /// show. What is no message counts for nothing, neither for the end nor for the age.
    pub fn read(&mut self, response: Result<Response, NoAnswer>, now: u64) -> Seen {
        let response = match response {
            Ok(response) => response,
            Err(NoAnswer(why)) => return Seen::Undecided(why),
        };
        if let Some(later) = later(&response, now) {
            return Seen::Later(later);
        }
        if response.status != 200 {
            return Seen::Undecided(error_code(&response));
        }
        let unreadable = || Seen::Undecided("unreadable_history".to_owned());
        let answer = Fields::parse(&response.body).unwrap_or_default();
        let Some(page) = answer.list("data") else { return unreadable() };
        if page.is_empty() {
            return Seen::Absent;
        }
        let messages: Vec<Fields<'_>> = page.iter().filter_map(|item| Fields::parse(item.get()).ok()).collect();
        if let Some(sent) = messages.iter().filter(|message| self.is_the_reply(message)).find_map(Sent::new) {
            return Seen::Found(sent);
        }
        if messages.len() == page.len() && messages.iter().all(|message| self.is_older(message)) {
            return Seen::Absent;
        }
        self.pages = self.pages.saturating_add(1);
        self.messages = self.messages.saturating_add(page.len());
        if self.messages >= MAX_MESSAGES || self.pages >= MAX_PAGES {
            return Seen::TooLong;
        }
        // The order within a page is not documented. A page that does not lead further back would come for ever.
        match messages.iter().filter_map(number).min().filter(|id| self.oldest.is_none_or(|oldest| *id < oldest)) {
            Some(oldest) => {
                self.oldest = Some(oldest);
                Seen::Before(self.request())
            }
            None => unreadable(),
        }
    }

    /// Whether a message of the history was there before the reply. A page may be a single message and its date may be wrong, so its place among the ids counts too.
    fn is_older(&self, message: &Fields<'_>) -> bool {
        let is_before = number(message).zip(self.answers).is_some_and(|(id, answers)| id < answers);
        is_before && message.read::<u64>("sentAt").is_some_and(|at| at < self.since)
    }

    /// Whether a message of the history is the reply. Its id can be guessed, so the sender counts.
    fn is_the_reply(&self, message: &Fields<'_>) -> bool {
        message.text("sender").eq_ignore_ascii_case(&self.address.bot)
            && (message.text("muid") == self.id || message.object("data").object("metadata").text("halley") == self.id)
    }
}

fn number(message: &Fields<'_>) -> Option<u64> {
    message.id("id")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::callback::ReceiverType;

    const ID: &str = "demo_bot-1000-answer-0";
    const ANSWERS: &str = "1000";

    fn read(pages: &[Value]) -> Vec<Seen> {
        let address = Address::new("demo_bot", ReceiverType::User, "ann");
        let mut look = Look::new(&address, ID, ANSWERS, 1_000_000);
        pages
            .iter()
            .map(|page| {
                let body = json!({ "data": page }).to_string();
                look.read(Ok(Response { status: 200, body, ..Response::default() }), 0)
            })
            .collect()
    }

    fn page(first_id: usize, messages: usize, sent_at: i64) -> Value {
        (first_id..).take(messages).map(|id| json!({ "id": id.to_string(), "sentAt": sent_at })).collect()
    }

    fn before(id: u64) -> Seen {
        Seen::Before(Request {
            method: "GET",
            path: format!("/users/ann/messages?perPage=100&limit=100&affix=prepend&id={id}"),
            on_behalf_of: Some("demo_bot".to_owned()),
            body: None,
        })
    }

    #[test]
    fn either_field_tells_if_the_bot_is_the_sender() {
        let found = || Seen::Found(Sent { id: "9".into() });
        for (message, seen) in [
            (json!({ "id": "9", "sender": "demo_bot", "muid": ID }), found()),
            (json!({ "id": 9, "sender": "Demo_Bot", "data": { "metadata": { "halley": ID } } }), found()),
            (json!({ "id": "9", "sender": "demo_bot", "muid": "other", "data": null }), before(9)),
            (json!({ "id": "9", "sender": "ann", "muid": ID, "data": { "metadata": { "halley": ID } } }), before(9)),
            (json!({ "id": "9", "muid": ID }), before(9)),
        ] {
            assert_eq!(read(&[json!([message])]), [seen], "{message}");
        }
        let long = json!({ "id": "9".repeat(200_000), "sender": "demo_bot", "muid": ID });
        assert_eq!(read(&[json!([long])]), [Seen::Found(Sent::default())]);
    }

    #[test]
    fn a_look_goes_backwards_from_the_newest_message() {
        let address = Address::new("demo_bot", ReceiverType::Group, "team-1");
        let request = Look::new(&address, ID, ANSWERS, 0).request();
        assert_eq!(request.path, "/groups/team-1/messages?perPage=100&limit=100&affix=prepend");
        assert_eq!(request.on_behalf_of.as_deref(), Some("demo_bot"));
    }

    #[test]
    fn only_an_empty_page_or_one_of_older_messages_is_the_end() {
        assert_eq!(read(&[json!([])]), [Seen::Absent]);
        assert_eq!(read(&[page(500, 100, 900)]), [Seen::Absent]);
        // A cap of the server's, down to the end.
        assert_eq!(
            read(&[page(500, 30, 2_000), page(470, 30, 2_000), json!([])]),
            [before(500), before(470), Seen::Absent]
        );
        for odd in [json!(null), json!(7), json!({ "id": "499", "sentAt": 2_000 }), json!({ "id": "499" })] {
            let mut mixed = page(500, 99, 900);
            mixed.as_array_mut().unwrap().push(odd.clone());
            assert!(matches!(read(&[mixed])[..], [Seen::Before(_)]), "{odd}");
        }
        let mut newer = page(500, 99, 2_000);
        newer.as_array_mut().unwrap().push(json!({ "id": "100", "sentAt": 1 }));
        assert_eq!(read(&[newer]), [before(100)]);
        // Dates that lie, which the ids give away.
        assert_eq!(read(&[page(1_001, 1, 1)]), [before(1_001)]);
        assert_eq!(read(&[page(950, 100, 900)]), [before(950)]);
    }

    #[test]
    fn a_history_that_leads_nowhere_decides_nothing() {
        let unreadable = || Seen::Undecided("unreadable_history".to_owned());
        assert_eq!(read(&[page(500, 30, 2_000), page(500, 30, 2_000)]), [before(500), unreadable()]);
        assert_eq!(read(&[json!([null, null])]), [unreadable()]);
        assert_eq!(read(&[json!([{ "id": "x", "sentAt": 2_000 }])]), [unreadable()]);
        assert_eq!(read(&[json!({})]), [unreadable()]);
    }

    #[test]
    fn a_history_that_is_too_long_is_given_up() {
        let pages: Vec<Value> = (0..100).map(|n| page(100_000 - n * 100, 100, 2_000)).collect();
        let seen = read(&pages);
        assert!(seen[..99].iter().all(|seen| matches!(seen, Seen::Before(_))), "{seen:?}");
        assert_eq!(seen[99], Seen::TooLong);
        let short: Vec<Value> = (0..MAX_PAGES).map(|n| page(100_000 - n, 1, 2_000)).collect();
        assert_eq!(read(&short).last(), Some(&Seen::TooLong));
    }

    #[test]
    fn an_answer_that_cannot_be_read_decides_nothing() {
        let address = Address::new("demo_bot", ReceiverType::Group, "team-1");
        let undecided = |why: &str| Seen::Undecided(why.to_owned());
        let answer = |status, body: &str| Ok(Response { status, body: body.into(), ..Response::default() });
        for (response, seen) in [
            (Err(NoAnswer("timeout".into())), undecided("timeout")),
            (answer(500, ""), undecided("HTTP_500")),
            (answer(404, ""), undecided("HTTP_404")),
            (answer(200, "{"), undecided("unreadable_history")),
            (answer(429, ""), Seen::Later(Later::Busy { wait: None })),
            (answer(401, ""), Seen::Later(Later::Denied { code: "HTTP_401".into() })),
        ] {
            assert_eq!(Look::new(&address, ID, ANSWERS, 0).read(response, 0), seen);
        }
    }

    #[test]
    fn a_message_of_the_second_up_to_which_is_looked_is_not_older() {
        // Nor is the message that is answered older than itself, whatever its date says.
        assert_eq!(read(&[page(999, 1, 939)]), [Seen::Absent]);
        assert_eq!(read(&[page(1_000, 1, 939)]), [before(1_000)]);
        // The reply was made at 1,000 s; the look goes 60 s further back.
        assert_eq!(read(&[page(500, 1, 939)]), [Seen::Absent]);
        assert_eq!(read(&[page(500, 1, 940)]), [before(500)]);
    }
}
