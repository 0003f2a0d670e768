//! CometChat: what it has taken, and the many ways in which it may answer.
//!
//! It never deduplicates by `muid`: nothing is known to say that it does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde_json::{Value, json};

use super::world::{Slot, State, World};
use crate::cometchat::{NoAnswer, Request, Response};
use crate::conversation::ports::Millis;

/// How long after it was given up a request may still be accepted. The engine assumes that it is 2 s.
const UNDER_WAY: Millis = 2_000;

type Answer = Result<Response, NoAnswer>;

/// Everything that was ever said.
#[derive(Debug, Default)]
pub struct History {
    threads: BTreeMap<String, Vec<Said>>,
    ids: u64,
}

/// A message in a history.
#[derive(Debug)]
pub struct Said {
    pub id: u64,
    sent_at: i64,
    /// The reply that it is; `None` for what others say.
    pub reply: Option<String>,
    /// The reply that somebody else pretends it to be.
    forged: Option<String>,
    /// Whether its sender was told an id that can be kept.
    pub is_told: bool,
    /// Whether it is no message, but what has been done to one.
    pub is_done: bool,
}

/// What CometChat has last answered an object.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    /// By the object's clock.
    pub at: Millis,
    /// Whether it was put off: 429, or the key refused.
    pub put_off: bool,
    /// How long it was asked to wait.
    pub told: Millis,
}

impl History {
    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        100 + self.ids
    }

    pub fn say(&mut self, thread: &str, reply: Option<String>, sent_at: i64) -> u64 {
        self.push(thread, sent_at, reply, None)
    }

    fn push(&mut self, thread: &str, sent_at: i64, reply: Option<String>, forged: Option<String>) -> u64 {
        let id = self.next_id();
        let said = Said { id, sent_at, reply, forged, is_told: true, is_done: false };
        self.threads.entry(thread.to_owned()).or_default().push(said);
        id
    }

    /// Nobody can know the id of this message.
    fn forget_id(&mut self, id: u64) {
        for said in self.threads.values_mut().flatten().filter(|said| said.id == id) {
            said.is_told = false;
        }
    }

    pub fn thread(&self, name: &str) -> &[Said] {
        self.threads.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The history of a bot with a person, or of a group.
pub fn thread(bot: &str, receiver_type: &str, peer: &str) -> String {
    if receiver_type == "user" { format!("user/{peer}/{bot}") } else { format!("group/{peer}") }
}

/// A request under way. Dropping it gives it up; CometChat may take it all the same.
pub struct Call {
    world: World,
    flight: Rc<RefCell<Flight>>,
    answer: Slot<Answer>,
}

#[derive(Debug)]
pub struct Flight {
    object: usize,
    request: Request,
    /// Whether it has left the object.
    left: bool,
    answered: bool,
    given_up: bool,
    /// Whether CometChat takes it if nothing comes between.
    taken_in_the_end: bool,
    /// The id it was given.
    taken: Option<u64>,
}

impl Future for Call {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer> {
        let polled = Pin::new(&mut self.answer).poll(context);
        if matches!(polled, Poll::Ready(Ok(_))) {
            self.flight.borrow_mut().answered = true;
        }
        polled
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.world.with(|state| {
            give_up(state, &self.flight);
            let flight = self.flight.borrow();
            if !flight.answered && flight.object < state.objects.len() {
                // It is not looked for at once.
                state.hold_back(flight.object, UNDER_WAY);
            }
        });
    }
}

impl Call {
    pub fn new(world: &World, object: usize, request: &Request) -> Self {
        let flight = Rc::new(RefCell::new(Flight {
            object,
            request: request.clone(),
            left: false,
            answered: false,
            given_up: false,
            taken_in_the_end: false,
            taken: None,
        }));
        let call = Self { world: world.clone(), flight: flight.clone(), answer: Slot::default() };
        let answer = call.answer.clone();
        world.with(|state| {
            let flights = &mut state.objects[object].flights;
            flights.retain(|flight| flight.strong_count() > 0);
            flights.push(Rc::downgrade(&flight));
            state.leave(object, move |world| {
                world.with(|state| {
                    if flight.borrow().given_up {
                        return;
                    }
                    flight.borrow_mut().left = true;
                    if flight.borrow().request.method == "GET" {
                        show(state, &flight, answer);
                    } else {
                        take(state, &flight, answer);
                    }
                });
            });
        });
        call
    }
}

/// What becomes of a message that was posted.
fn take(state: &mut State, flight: &Rc<RefCell<Flight>>, answer: Slot<Answer>) {
    state.count("sends");
    let object = flight.borrow().object;
    // What may be repeated harmlessly may be so by two who both had the lane, after the first has heard that it is done.
    if is_message(&flight.borrow().request) || !is_done(state, &flight.borrow()) {
        state.check_send(object, &reply_of(&flight.borrow().request));
    }
    let faults = state.faults.clone();
    let wait = if state.random.chance(0.1) { state.random.between(500, 9_000) } else { state.random.between(1, 300) };
    let told = |state: &mut State, what: &str| {
        let id = reply_of(&flight.borrow().request);
        state.trace(Some(object), format_args!("POST {id}: {what}"));
    };
    if is_message(&flight.borrow().request) && state.fault("ids forged", faults.forged) {
        let sent_at = clock(state);
        let id = reply_of(&flight.borrow().request);
        let thread = thread_of(state, &flight.borrow());
        state.cometchat.push(&thread, sent_at, None, Some(id));
    }
    if state.is_within(faults.denied) {
        told(state, "denied");
        state.count("sends denied");
        let response = denial(state);
        answer_later(state, wait, object, answer, Ok(response));
    } else if state.fault("sends answered with 429", faults.too_many_requests) {
        told(state, "429");
        let response = too_many(state);
        answer_later(state, wait, object, answer, Ok(response));
    } else if state.is_within(faults.outage) || state.fault("sends failed before they were taken", faults.fails_before)
    {
        told(state, "5xx, not taken");
        let response = state.random.pick(&[failure(500), failure(503), html(502)]);
        answer_later(state, wait, object, answer, Ok(response));
    } else if state.fault("sends failed after they were taken", faults.fails_after) {
        told(state, "5xx, taken");
        take_later(state, wait, flight);
        answer_later(state, wait + 1, object, answer, Ok(failure(500)));
    } else if state.fault("sends answered with an odd 200", faults.odd_ok) {
        let response = state.random.pick(&[html(200), failure(200), data(200, &json!({})), empty(204)]);
        answer_perhaps_taken(state, wait, flight, answer, response);
    } else if state.fault("sends answered with 408, 409 or 425", faults.conflicts) {
        let status = state.random.pick(&[408, 409, 425]);
        let response = failure(status);
        if status == 409 {
            state.refuse(object, &reply_of(&flight.borrow().request));
        }
        answer_perhaps_taken(state, wait, flight, answer, response);
    } else if state.fault("sends timed out, not taken", faults.timeout_before) {
        told(state, "no answer, not taken");
    } else if state.fault("sends timed out, taken", faults.timeout_after) {
        told(state, "no answer, taken");
        take_later(state, wait, flight);
    } else if state.fault("sends taken after they were given up", faults.late) {
        told(state, "no answer, taken late");
        flight.borrow_mut().taken_in_the_end = true;
    } else if state.fault("sends cut off", faults.cut) {
        told(state, "connection cut");
        flight.borrow_mut().taken_in_the_end = state.random.chance(0.7);
        let flight = flight.clone();
        state.later(wait, move |world| {
            world.with(|state| give_up(state, &flight));
            answer.put(Err(NoAnswer("connection reset".to_owned())));
        });
    } else if state.fault("sends refused", faults.refuses) {
        told(state, "4xx");
        state.refuse(object, &reply_of(&flight.borrow().request));
        let response = state.random.pick(&[failure(400), failure(404), failure(403)]);
        answer_later(state, wait, object, answer, Ok(response));
    } else {
        told(state, "200");
        take_later(state, wait, flight);
        let flight = flight.clone();
        state.later(wait + 1, move |world| {
            let Some(id) = flight.borrow().taken else { return };
            let body = world.with(|state| {
                let long = state.faults.long_ids;
                if state.fault("ids of absurd length", long) {
                    state.cometchat.forget_id(id);
                    return json!({ "id": format!("{}{id}", "9".repeat(100)) });
                }
                if state.random.chance(0.5) { json!({ "id": id }) } else { json!({ "id": id.to_string() }) }
            });
            world.with(|state| answer_later(state, 0, object, answer, Ok(data(200, &body))));
        });
    }
}

/// Answers so that nobody can tell whether the message was taken.
fn answer_perhaps_taken(
    state: &mut State,
    wait: Millis,
    flight: &Rc<RefCell<Flight>>,
    answer: Slot<Answer>,
    response: Response,
) {
    let object = flight.borrow().object;
    let taken = state.random.chance(0.5);
    let id = reply_of(&flight.borrow().request);
    state.trace(Some(object), format_args!("POST {id}: {}, taken: {taken}", response.status));
    if taken {
        take_later(state, wait, flight);
    }
    answer_later(state, wait + 1, object, answer, Ok(response));
}

fn answer_later(state: &mut State, wait: Millis, object: usize, answer: Slot<Answer>, response: Answer) {
    state.later(wait, move |world| {
        world.with(|state| {
            let at = state.wall();
            let put_off = response.as_ref().is_ok_and(is_put_off);
            let told = response.as_ref().map_or(0, |response| told(response, at));
            if let Some(object) = state.objects.get_mut(object) {
                object.answered = Some(Answered { at, put_off, told });
            }
        });
        answer.put(response);
    });
}

/// Whether an answer is no failure of the one request.
fn is_put_off(response: &Response) -> bool {
    [401, 429].contains(&response.status)
        || response.body.contains("AUTH_ERR")
        || (response.status, response.body.as_str()) == (403, "<html>")
}

/// How long an answer asks to wait.
fn told(response: &Response, now: Millis) -> Millis {
    let number = |header: &Option<String>| header.as_deref().and_then(|text| text.parse::<Millis>().ok());
    let reset = || number(&response.rate_limit_reset).map(|at| (at * 1_000).saturating_sub(now));
    number(&response.retry_after).map(|seconds| seconds * 1_000).or_else(reset).unwrap_or_default()
}

fn take_later(state: &mut State, wait: Millis, flight: &Rc<RefCell<Flight>>) {
    flight.borrow_mut().taken_in_the_end = true;
    let flight = flight.clone();
    state.later(wait, move |world| {
        if !flight.borrow().given_up {
            world.with(|state| accept(state, &flight));
        }
    });
}

/// Nobody waits for the answer any more. What CometChat would have taken, it may still take for a moment.
pub fn give_up(state: &mut State, flight: &Rc<RefCell<Flight>>) {
    let (may_land, object) = {
        let mut flight = flight.borrow_mut();
        let first = !std::mem::replace(&mut flight.given_up, true);
        (first && flight.left && flight.taken_in_the_end && flight.taken.is_none(), flight.object)
    };
    if may_land && state.random.chance(0.7) {
        let wait = state.random.below(UNDER_WAY);
        state.trace(Some(object), format_args!("given up, taken all the same in {wait} ms"));
        let flight = flight.clone();
        state.later(wait, move |world| {
            world.with(|state| {
                state.count("sends taken late");
                accept(state, &flight);
            });
        });
    }
}

/// CometChat takes a message: from here on it is in the history.
fn accept(state: &mut State, flight: &Rc<RefCell<Flight>>) {
    let (object, id, thread) = {
        let flight = flight.borrow();
        (flight.object, reply_of(&flight.request), thread_of(state, &flight))
    };
    state.trace(Some(object), format_args!("CometChat has {id}"));
    let sent_at = clock(state);
    if !is_message(&flight.borrow().request) {
        return act(state, flight, &thread, id, sent_at);
    }
    if state.cometchat.thread(&thread).iter().any(|said| said.reply.as_deref() == Some(&id)) {
        state.violate(format_args!("{id} was sent twice"));
    }
    state.count("replies taken");
    flight.borrow_mut().taken = Some(state.cometchat.say(&thread, Some(id), sent_at));
    let chatter = state.faults.chatter;
    if state.fault("bursts of chatter", chatter) {
        for _ in 0..state.random.pick(&[5, 99, 100, 150, 250]) {
            state.cometchat.say(&thread, None, sent_at);
        }
    }
}

/// Something is done to a message, perhaps for the second time.
fn act(state: &mut State, flight: &Rc<RefCell<Flight>>, thread: &str, id: String, sent_at: i64) {
    state.count("actions done");
    let target = flight.borrow().request.path.split('/').nth(2).unwrap().to_owned();
    let first = id.rsplit_once('-').map(|(answer, _)| format!("{answer}-0"));
    let said = state.cometchat.thread(thread).iter().find(|said| said.id.to_string() == target);
    let is_its_own = said.is_some_and(|said| said.reply == first);
    if flight.borrow().request.method == "PUT" && !is_its_own {
        state.violate(format_args!("{id} edits {target}"));
    }
    let known = state.cometchat.thread(thread).iter().find(|said| said.reply.as_ref() == Some(&id)).map(|said| said.id);
    let number = known.unwrap_or_else(|| state.cometchat.say(thread, Some(id), sent_at));
    for said in state.cometchat.threads.values_mut().flatten().filter(|said| said.id == number) {
        said.is_done = true;
    }
    flight.borrow_mut().taken = Some(number);
}

/// A page of the history.
fn show(state: &mut State, flight: &Rc<RefCell<Flight>>, answer: Slot<Answer>) {
    state.count("looks");
    let object = flight.borrow().object;
    let faults = state.faults.clone();
    let wait = state.random.between(1, 300);
    let is_out = state.is_within(faults.outage) || state.is_within(faults.history_outage);
    if state.is_within(faults.denied) {
        let response = denial(state);
        return answer_later(state, wait, object, answer, Ok(response));
    }
    if is_out || state.fault("looks failed", faults.history_fails) {
        state.trace(Some(object), format_args!("GET history: fails"));
        let response = match state.random.below(6) {
            0 => return, // No answer at all.
            1 => Err(NoAnswer("connection reset".to_owned())),
            2 if !is_out => Ok(too_many(state)),
            3 if !is_out => Ok(Response { status: 200, body: r#"{"data":"#.to_owned(), ..Response::default() }),
            _ => Ok(failure(500)),
        };
        return answer_later(state, wait, object, answer, response);
    }
    let flight = flight.clone();
    state.later(wait, move |world| {
        world.with(|state| {
            let page = page(state, &flight.borrow().request);
            state.trace(Some(object), format_args!("GET history: {} messages", page.len()));
            let body = format!(r#"{{"data":[{}]}}"#, page.join(","));
            let wait = state.random.between(1, 300);
            answer_later(state, wait, object, answer, Ok(Response { status: 200, body, ..Response::default() }));
        });
    });
}

fn page(state: &mut State, request: &Request) -> Vec<String> {
    let (path, query) = request.path.split_once('?').unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let bot = request.on_behalf_of.as_deref().unwrap();
    let thread = thread(bot, parts[1].trim_end_matches('s'), parts[2]);
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let asked: usize = parameter("perPage").unwrap().parse().unwrap();
    assert_eq!(parameter("affix"), Some("prepend"));
    let before = parameter("id").map_or(u64::MAX, |id| id.parse().unwrap());
    if before < u64::MAX {
        state.count("looks at further pages");
    }
    let faults = state.faults.clone();
    let mut size = asked.min(faults.history_cap);
    if state.fault("pages cut short", faults.short_pages) {
        size = 1 + state.random.index(size);
    }
    let lies = state.fault("pages of old dates alone", faults.odd_items);
    let newest_first =
        state.cometchat.thread(&thread).iter().rev().filter(|said| said.id < before && !said.is_done).take(size);
    let mut page: Vec<String> = newest_first
        .map(|Said { id, sent_at, reply, forged, .. }| (id, if lies { &1 } else { sent_at }, reply, forged))
        .map(|(id, sent_at, reply, forged)| match (reply, forged) {
            (None, None) => format!(r#"{{"id":"{id}","sender":"ann","sentAt":{sent_at},"data":{{"text":"…"}}}}"#),
            (reply, forged) => {
                let (sender, known) = match reply {
                    Some(reply) => (bot, reply),
                    None => ("ann", forged.as_ref().unwrap()),
                };
                let muid = if faults.muid_echoed { format!(r#""muid":"{known}","#) } else { String::new() };
                let data = format!(r#"{{"text":"…","metadata":{{"halley":"{known}"}}}}"#);
                format!(r#"{{"id":"{id}","sender":"{sender}",{muid}"sentAt":{sent_at},"data":{data}}}"#)
            }
        })
        .collect();
    if !faults.newest_first {
        page.reverse();
    }
    if page.len() > 1 && state.fault("odd items in a page", faults.odd_items) {
        let odd = state.random.pick(&[
            "null".to_owned(),
            "7".to_owned(),
            r#"{"id":"99999999","sender":"ann","sentAt":1}"#.to_owned(),
            r#"{"id":"99999999","sender":"ann"}"#.to_owned(),
        ]);
        let place = state.random.index(page.len());
        page.insert(place, odd);
    }
    page
}

/// CometChat's clock, in seconds.
fn clock(state: &State) -> i64 {
    (i64::try_from(state.now).unwrap() + state.faults.skew) / 1_000
}

/// Another one's message, as CometChat gets it.
pub fn hear(state: &mut State, thread: &str) -> u64 {
    let sent_at = clock(state);
    state.cometchat.say(thread, None, sent_at)
}

fn too_many(state: &mut State) -> Response {
    let mut response = failure(429);
    match state.random.below(4) {
        0 => {}
        1 => response.retry_after = Some(state.random.pick(&[0, 1, 5, 30, 600]).to_string()),
        // Seconds from now, in place of a moment.
        2 => response.rate_limit_reset = Some(state.random.pick(&[1, 10, 60]).to_string()),
        _ => response.rate_limit_reset = Some((clock(state) + state.random.pick(&[-5, 1, 10, 60])).to_string()),
    }
    response
}

/// The key, the app or the plan is refused.
fn denial(state: &mut State) -> Response {
    let (status, code) = state.random.pick(&[
        (401, "AUTH_ERR_APIKEY_NOT_FOUND"),
        (403, "AUTH_ERR_NO_ACCESS"),
        (403, ""),
        (400, "AUTH_ERR_INVALID_APPID"),
    ]);
    if code.is_empty() {
        html(status)
    } else {
        Response { body: json!({ "error": { "code": code } }).to_string(), ..empty(status) }
    }
}

fn empty(status: u16) -> Response {
    Response { status, ..Response::default() }
}

fn failure(status: u16) -> Response {
    Response { body: json!({ "error": { "code": format!("ERR_{status}") } }).to_string(), ..empty(status) }
}

fn data(status: u16, data: &Value) -> Response {
    Response { body: json!({ "data": data }).to_string(), ..empty(status) }
}

fn html(status: u16) -> Response {
    Response { body: "<html>".to_owned(), ..empty(status) }
}

/// The history that a message goes into, or that what is done belongs to.
fn thread_of(state: &State, flight: &Flight) -> String {
    let request = &flight.request;
    if !is_message(request) {
        let address = &state.objects[flight.object].address;
        return thread(&address.bot, address.receiver_type.as_str(), &address.peer);
    }
    let body = body(request);
    let bot = request.path.split('/').nth(2).unwrap();
    thread(bot, body["receiverType"].as_str().unwrap(), body["receiver"].as_str().unwrap())
}

/// Whether a request makes a message.
fn is_message(request: &Request) -> bool {
    request.path.ends_with("/messages")
}

/// Whether CometChat has done it already.
fn is_done(state: &State, flight: &Flight) -> bool {
    let reply = reply_of(&flight.request);
    state.cometchat.thread(&thread_of(state, flight)).iter().any(|said| said.reply.as_ref() == Some(&reply))
}

/// Which of the things it is that the bot says and does: what is said has an id, and of the others the bot says which
/// they are.
fn reply_of(request: &Request) -> String {
    if is_message(request) {
        let body = body(request);
        assert_eq!(body["muid"], body["data"]["metadata"]["halley"]);
        return body["muid"].as_str().unwrap().to_owned();
    }
    let parts: Vec<&str> = request.path.split('/').collect();
    let (n, message) = match request.method {
        "PUT" => {
            let body = body(request);
            let (n, message) = body["data"]["text"].as_str().unwrap().split_once(" to ").unwrap();
            (n.to_owned(), message.to_owned())
        }
        _ => (parts[4].to_owned(), parts[2].to_owned()),
    };
    format!("{}-{message}-answer-{n}", request.on_behalf_of.as_deref().unwrap())
}

fn body(request: &Request) -> Value {
    serde_json::from_str(request.body.as_deref().unwrap()).unwrap()
}
