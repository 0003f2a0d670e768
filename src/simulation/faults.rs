//! What goes wrong in the world of one seed, and how often.

use std::time::Duration;

use super::random::Random;
use crate::conversation::Settings;
use crate::conversation::ports::Millis;

/// From and until when, in milliseconds since the beginning.
pub type Span = (Millis, Millis);

/// Probabilities, drawn from the seed. About half of them are 0 in any one world, so that faults are also met alone
/// and in pairs, and not only all at once.
#[derive(Debug, Clone)]
pub struct Faults {
    /// At each step: everything that one object has in memory is gone.
    pub crash: f64,
    /// At each step: every object crashes (a deploy).
    pub deploy: f64,
    /// At each await: the event ends there, and the object lives on.
    pub cut_off: f64,
    /// At each step: the object does not come to its next one for a while, however much has become ready.
    pub stall: f64,
    /// When an object has been idle: it leaves memory.
    pub evict: f64,
    /// A write is refused.
    pub write_fails: f64,
    /// A write is stored, and said to have failed.
    pub write_lies: f64,
    /// The longest that a commit takes to reach the disk, in milliseconds.
    pub slowest_commit: Millis,
    pub alarm_late: f64,
    pub alarm_twice: f64,

    pub kv_stale: f64,
    pub kv_read_fails: f64,
    pub kv_refuses: f64,
    /// The write is not answered, and lands late or never.
    pub kv_hangs: f64,
    /// A time in which KV does nothing.
    pub kv_outage: Option<Span>,

    pub too_many_requests: f64,
    pub fails_before: f64,
    pub fails_after: f64,
    pub timeout_before: f64,
    pub timeout_after: f64,
    /// No answer, and accepted after it was given up.
    pub late: f64,
    pub cut: f64,
    pub refuses: f64,
    /// Answered with 200 by somebody else, or without an id; taken or not.
    pub odd_ok: f64,
    /// 408, 409 or 425; taken or not.
    pub conflicts: f64,
    /// The id of a message is absurdly long.
    pub long_ids: f64,
    pub history_fails: f64,
    /// The most that a page of the history holds, whatever is asked for.
    pub history_cap: usize,
    /// A page is shorter than it might be.
    pub short_pages: f64,
    /// An item of a page is null or lies about its time, or all of them do.
    pub odd_items: f64,
    /// Somebody else says something under the id of a reply that is not there yet.
    pub forged: f64,
    /// Whether `muid` shows in the history.
    pub muid_echoed: bool,
    /// Whether a page of the history begins with the newest message.
    pub newest_first: bool,
    /// How far CometChat's clock is from ours, in milliseconds.
    pub skew: i64,
    /// Other people's messages that push a reply out of the first page.
    pub chatter: f64,
    /// A time in which CometChat answers nothing but errors.
    pub outage: Option<Span>,
    /// A time in which it shows no history.
    pub history_outage: Option<Span>,
    /// A time in which it refuses the key.
    pub denied: Option<Span>,
    /// A time in which the deployment does not have the bot.
    pub no_bot: Option<Span>,

    pub duplicate: f64,
    pub late_duplicate: f64,
    pub delayed: f64,
    pub acknowledgement_lost: f64,
    /// Whether CometChat tries again 10 s and 30 s after what was not acknowledged.
    pub redelivers: bool,
    /// A fixed rule puts the message aside.
    pub put_aside: f64,
    /// An app-wide webhook reports the message too, as one that is not addressed to the bot.
    pub two_wires: f64,
    /// How many messages of a steady stream are put aside.
    pub stream: u64,
    /// An operator tries a dead letter again.
    pub replays: f64,
    /// At a start: a row of the object has been damaged.
    pub damages: f64,
    /// At each step: another instance of the object starts while this one goes on.
    pub twins: f64,
    /// At each step: the clock is set back.
    pub clock_back: f64,

    pub bot_fails: f64,
    pub bot_hangs: f64,
    pub bot_panics: f64,
    pub bot_is_slow: f64,
}

impl Faults {
    pub fn draw(random: &mut Random) -> Self {
        // One world in ten is calm: it shows that the engine also works, and not only survives.
        let calm = random.chance(0.1);
        let mut upto = |most: f64| {
            let drawn = if random.chance(0.5) { 0.0 } else { random.unit() * most };
            if calm { 0.0 } else { drawn }
        };
        Self {
            crash: upto(0.03),
            deploy: upto(0.002),
            cut_off: upto(0.02),
            stall: upto(0.005),
            evict: upto(1.0),
            write_fails: upto(0.05),
            write_lies: upto(0.02),
            alarm_late: upto(0.5),
            alarm_twice: upto(0.3),
            kv_stale: upto(0.9),
            kv_read_fails: upto(0.4),
            kv_refuses: upto(0.4),
            kv_hangs: upto(0.3),
            too_many_requests: upto(0.4),
            fails_before: upto(0.3),
            fails_after: upto(0.3),
            timeout_before: upto(0.2),
            timeout_after: upto(0.3),
            late: upto(0.3),
            cut: upto(0.3),
            refuses: upto(0.1),
            odd_ok: upto(0.2),
            conflicts: upto(0.1),
            long_ids: upto(0.1),
            short_pages: upto(0.5),
            odd_items: upto(0.1),
            forged: upto(0.3),
            two_wires: upto(0.3),
            replays: upto(1.0),
            damages: upto(0.3),
            twins: upto(0.003),
            clock_back: upto(0.002),
            history_fails: upto(0.4),
            chatter: upto(0.3),
            duplicate: upto(0.6),
            late_duplicate: upto(0.5),
            delayed: upto(0.5),
            acknowledgement_lost: upto(0.3),
            put_aside: upto(0.3),
            bot_fails: upto(0.3),
            bot_hangs: upto(0.1),
            bot_panics: upto(0.2),
            bot_is_slow: upto(0.3),
            slowest_commit: random.pick(&[0, 5, 30, 300]),
            muid_echoed: random.chance(0.5),
            newest_first: random.chance(0.5),
            skew: i64::try_from(random.below(120_001)).unwrap() - 60_000,
            history_cap: if calm { 1_000 } else { random.pick(&[1_000, 1_000, 100, 30, 7]) },
            stream: if !calm && random.chance(0.03) { random.between(10, 200) } else { 0 },
            outage: span(random, calm),
            history_outage: span(random, calm),
            denied: span(random, calm),
            kv_outage: span(random, calm),
            no_bot: span(random, calm),
            redelivers: random.chance(0.7),
        }
    }
}

/// A time in which something does not work at all: in few worlds, and of minutes to more than a day.
fn span(random: &mut Random, calm: bool) -> Option<Span> {
    const MINUTE: Millis = 60_000;
    if calm || !random.chance(0.06) {
        return None;
    }
    let begin = random.below(MINUTE);
    let longest = random.pick(&[5, 15, 15, 30, 30, 60, 180, 1_600]);
    Some((begin, begin + random.below(longest * MINUTE)))
}

impl Faults {
    /// When the last of the times is over in which something does not work at all.
    pub fn over(&self) -> Millis {
        let spans = [self.outage, self.history_outage, self.denied, self.kv_outage, self.no_bot];
        spans.into_iter().flatten().map(|(_, end)| end).max().unwrap_or_default()
    }
}

/// The settings of a deployer, drawn from the seed.
pub fn settings(random: &mut Random) -> Settings {
    Settings {
        rest_after: Duration::from_secs(random.pick(&[1, 5, 30, 30])),
        // Shorter than what KV may be stale is for tests that have no KV to wait for.
        empty_after: Duration::from_secs(random.pick(&[240, 600, 3_600, 86_400])),
        state_ttl: Duration::from_secs(90 * 86_400),
        reply_budget_per_minute: random.pick(&[0, 0, 0, 2, 30]),
        give_up_after: Duration::from_secs(random.pick(&[20, 600, 3_600, 86_400, 86_400])),
        logs_messages: true,
        interactive_messages: false,
    }
}
