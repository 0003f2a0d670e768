//! The engine in a simulated world: a virtual clock, and everything that can go wrong, decided by one seed.
#![allow(clippy::arithmetic_side_effects, reason = "the small numbers of a test")]

mod bot;
mod callbacks;
mod cometchat;
mod executor;
mod faults;
mod invariants;
mod kv;
mod ports;
mod random;
mod storage;
mod trace;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use trace::Counters;

/// How many seeds one test runs.
const SEEDS: u64 = 5_000;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a number, not {text:?}")))
}

fn run(seed: u64, tracing: bool) -> Result<Counters, String> {
    catch_unwind(AssertUnwindSafe(|| executor::run(seed, tracing))).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        Err(format!(
            "panicked: {}",
            what.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).to_owned())).unwrap_or_default()
        ))
    })
}

/// Runs every second seed, so that two tests share the work.
fn explore(offset: u64) {
    let seeds = setting("SEEDS").map_or(SEEDS, |seeds| seeds / 2);
    let mut sum = Counters::new();
    for n in 0..seeds {
        let seed = 2 * n + offset;
        match run(seed, false) {
            Ok(counters) => trace::add(&mut sum, &counters),
            Err(what) => panic!(
                "Seed {seed} breaks a promise: {what}\n\
                 Replay it with: SEED={seed} cargo test simulation::replay -- --nocapture"
            ),
        }
    }
    println!("{seeds} seeds:\n{}", trace::table(&sum));
}

#[test]
fn even_seeds() {
    explore(0);
}

#[test]
fn odd_seeds() {
    explore(1);
}

/// Runs the seed of the environment variable `SEED` with its trace.
#[test]
fn replay() {
    let Some(seed) = setting("SEED") else { return };
    if let Err(what) = run(seed, true) {
        panic!("Seed {seed} breaks a promise: {what}");
    }
}

#[test]
fn a_seed_decides_everything() {
    for seed in 0..20 {
        assert_eq!(run(seed, false), run(seed, false), "{seed}");
    }
}
