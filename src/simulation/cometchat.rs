//! CometChat: what it has taken, and the many ways in which it may answer.
//!
//! It never deduplicates by `muid`: nothing is known to say that it does.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use serde_json::{Value, json};

use super::world::{BEGIN, Slot, State, World};
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
    id: u64,
    sent_at: i64,
    /// The reply that it is; `None` for what others say.
    pub reply: Option<String>,
}

impl History {
    pub fn next_id(&mut self) -> u64 {
        self.ids += 1;
        100 + self.ids
    }

    pub fn say(&mut self, thread: &str, reply: Option<String>, sent_at: i64) -> u64 {
        let id = self.next_id();
        self.threads.entry(thread.to_owned()).or_default().push(Said { id, sent_at, reply });
        id
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
struct Flight {
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
            state.leave(object, move |world| {
                world.with(|state| {
                    if flight.borrow().given_up {
                        return;
                    }
                    flight.borrow_mut().left = true;
                    if flight.borrow().request.method == "POST" {
                        take(state, &flight, answer);
                    } else {
                        show(state, &flight, answer);
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
    check_committed(state, &flight.borrow());
    let faults = state.faults.clone();
    let wait = if state.random.chance(0.1) { state.random.between(500, 9_000) } else { state.random.between(1, 300) };
    let out = faults.outage.is_some_and(|(begin, end)| (begin..end).contains(&(state.now - BEGIN)));
    let told = |state: &mut State, what: &str| {
        let id = muid(&flight.borrow().request);
        state.trace(Some(object), format_args!("POST {id}: {what}"));
    };
    if state.fault("sends answered with 429", faults.too_many_requests) {
        told(state, "429");
        let response = too_many(state);
        answer_later(state, wait, answer, Ok(response));
    } else if out || state.fault("sends failed before they were taken", faults.fails_before) {
        told(state, "5xx, not taken");
        let response = state.random.pick(&[failure(500), failure(503), html(502)]);
        answer_later(state, wait, answer, Ok(response));
    } else if state.fault("sends failed after they were taken", faults.fails_after) {
        told(state, "5xx, taken");
        take_later(state, wait, flight);
        answer_later(state, wait + 1, answer, Ok(failure(500)));
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
        let response = state.random.pick(&[failure(400), failure(404), html(403)]);
        answer_later(state, wait, answer, Ok(response));
    } else {
        told(state, "200");
        take_later(state, wait, flight);
        let flight = flight.clone();
        state.later(wait + 1, move |world| {
            let Some(id) = flight.borrow().taken else { return };
            let body = world.with(|state| match state.random.below(20) {
                0 => json!({ "data": {} }),
                1..10 => json!({ "data": { "id": id.to_string() } }),
                _ => json!({ "data": { "id": id } }),
            });
            answer.put(Ok(Response { status: 200, body: body.to_string(), ..Response::default() }));
        });
    }
}

fn answer_later(state: &mut State, wait: Millis, answer: Slot<Answer>, response: Answer) {
    state.later(wait, move |_| answer.put(response));
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
fn give_up(state: &mut State, flight: &Rc<RefCell<Flight>>) {
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
        let body = body(&flight.request);
        let bot = flight.request.path.split('/').nth(2).unwrap().to_owned();
        let text = |field: &str| body[field].as_str().unwrap_or_default().to_owned();
        (flight.object, muid(&flight.request), thread(&bot, &text("receiverType"), &text("receiver")))
    };
    state.trace(Some(object), format_args!("CometChat has {id}"));
    if state.cometchat.thread(&thread).iter().any(|said| said.reply.as_deref() == Some(&id)) {
        state.violate(format_args!("{id} was sent twice"));
    }
    state.count("replies taken");
    let sent_at = clock(state);
    flight.borrow_mut().taken = Some(state.cometchat.say(&thread, Some(id), sent_at));
    let chatter = state.faults.chatter;
    if state.fault("bursts of chatter", chatter) {
        for _ in 0..state.random.pick(&[5, 99, 100, 150, 250]) {
            state.cometchat.say(&thread, None, sent_at);
        }
    }
}

/// A reply must be on disk before it leaves.
fn check_committed(state: &mut State, flight: &Flight) {
    let id = muid(&flight.request);
    let needle = format!(r#""id":"{id}""#);
    let rows = &state.objects[flight.object].disk.durable;
    if !rows.iter().any(|(key, row)| (key.contains("/outbox/") || key.contains("/doubt/")) && row.contains(&needle)) {
        state.violate(format_args!("{id} was sent before it was stored"));
    }
}

/// A page of the history.
fn show(state: &mut State, flight: &Rc<RefCell<Flight>>, answer: Slot<Answer>) {
    state.count("looks");
    let object = flight.borrow().object;
    let faults = state.faults.clone();
    let wait = state.random.between(1, 300);
    let out = faults.outage.is_some_and(|(begin, end)| (begin..end).contains(&(state.now - BEGIN)));
    if out || state.fault("looks failed", faults.history_fails) {
        state.trace(Some(object), format_args!("GET history: fails"));
        let response = match state.random.below(6) {
            0 => return, // No answer at all.
            1 => Err(NoAnswer("connection reset".to_owned())),
            2 => Ok(too_many(state)),
            3 => Ok(Response { status: 200, body: r#"{"data":"#.to_owned(), ..Response::default() }),
            _ => Ok(failure(500)),
        };
        return answer_later(state, wait, answer, response);
    }
    let flight = flight.clone();
    state.later(wait, move |world| {
        world.with(|state| {
            let page = page(state, &flight.borrow().request);
            state.trace(Some(object), format_args!("GET history: {} messages", page.len()));
            let body = format!(r#"{{"data":[{}]}}"#, page.join(","));
            let wait = state.random.between(1, 300);
            answer_later(state, wait, answer, Ok(Response { status: 200, body, ..Response::default() }));
        });
    });
}

fn page(state: &mut State, request: &Request) -> Vec<String> {
    let (path, query) = request.path.split_once('?').unwrap();
    let parts: Vec<&str> = path.split('/').collect();
    let bot = request.on_behalf_of.as_deref().unwrap();
    let thread = thread(bot, parts[1].trim_end_matches('s'), parts[2]);
    let parameter = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let size: usize = parameter("perPage").unwrap().parse().unwrap();
    let before = parameter("id").map_or(u64::MAX, |id| {
        assert_eq!(parameter("affix"), Some("prepend"));
        id.parse().unwrap()
    });
    if before < u64::MAX {
        state.count("looks at further pages");
    }
    let echoed = state.faults.muid_echoed;
    let newest_first = state.cometchat.thread(&thread).iter().rev().filter(|said| said.id < before).take(size);
    let mut page: Vec<String> = newest_first
        .map(|Said { id, sent_at, reply }| match reply {
            None => format!(r#"{{"id":"{id}","sender":"ann","sentAt":{sent_at},"data":{{"text":"…"}}}}"#),
            Some(reply) => {
                let muid = if echoed { format!(r#""muid":"{reply}","#) } else { String::new() };
                let data = format!(r#"{{"text":"…","metadata":{{"halley":"{reply}"}}}}"#);
                format!(r#"{{"id":"{id}","sender":"{bot}",{muid}"sentAt":{sent_at},"data":{data}}}"#)
            }
        })
        .collect();
    if !state.faults.newest_first {
        page.reverse();
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
    match state.random.below(3) {
        0 => {}
        1 => response.retry_after = Some(state.random.pick(&[0, 1, 5, 30, 600]).to_string()),
        _ => response.rate_limit_reset = Some((clock(state) + state.random.pick(&[-5, 1, 10, 60])).to_string()),
    }
    response
}

fn failure(status: u16) -> Response {
    let body = json!({ "error": { "code": format!("ERR_{status}") } }).to_string();
    Response { status, body, ..Response::default() }
}

fn html(status: u16) -> Response {
    Response { status, body: "<html>".to_owned(), ..Response::default() }
}

fn body(request: &Request) -> Value {
    serde_json::from_str(request.body.as_deref().unwrap()).unwrap()
}

fn muid(request: &Request) -> String {
    let body = body(request);
    assert_eq!(body["muid"], body["data"]["metadata"]["halley"]);
    body["muid"].as_str().unwrap().to_owned()
}
