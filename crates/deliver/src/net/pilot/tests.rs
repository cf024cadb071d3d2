//! The table of the state machine, and the pilot on simulated lines.

use super::sim::{Queue, Sim};
use super::*;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn each_sign_leads_to_the_state_that_it_should() {
    let none = Signs::default();
    let full = Signs { full: true, ..none };
    let crowded = Signs {
        crowded: true,
        ..full
    };
    let quiet = Signs { quiet: true, ..none };
    let outrun = Signs {
        outrun: true,
        ..quiet
    };
    let regained = Signs {
        regained: true,
        ..quiet
    };
    let stale = Signs { stale: true, ..quiet };
    let waiting = State::Yield { quiet: None };
    let since = State::Yield {
        quiet: Some(at(4000)),
    };
    let back = State::Back { since: at(4000) };
    let measure = State::Measure { until: at(5300) };
    let (now, hold, look) = (at(5000), at(1000), at(300));
    for (from, signs, to) in [
        (State::Start, none, State::Start),
        (State::Start, quiet, State::Start),
        (State::Start, stale, State::Start),
        (State::Start, full, State::Run),
        (State::Start, crowded, State::Run),
        (State::Start, outrun, State::Run),
        (State::Run, none, State::Run),
        (State::Run, full, State::Run),
        (State::Run, outrun, State::Run),
        (State::Run, crowded, waiting),
        (
            State::Run,
            Signs {
                stale: true,
                ..crowded
            },
            waiting,
        ),
        (State::Run, stale, measure),
        (measure, crowded, measure),
        (State::Measure { until: now }, quiet, State::Run),
        (State::Measure { until: now }, none, waiting),
        (waiting, crowded, waiting),
        (waiting, quiet, State::Yield { quiet: Some(now) }),
        (since, quiet, State::Back { since: now }),
        (since, none, waiting),
        (
            State::Yield {
                quiet: Some(at(4001)),
            },
            quiet,
            State::Yield {
                quiet: Some(at(4001)),
            },
        ),
        (back, quiet, back),
        (back, crowded, waiting),
        (
            back,
            Signs {
                crowded: true,
                ..regained
            },
            waiting,
        ),
        (back, regained, State::Run),
        (State::Back { since: at(0) }, quiet, State::Run),
    ] {
        assert_eq!(from.step(signs, now, hold, look), to, "{from:?} with {signs:?}");
    }
}

#[test]
fn p9_an_idle_line_is_filled_with_little_delay() {
    for (mbit, buffer_ms, base_ms, least) in [
        (20.0, 300.0, 20.0, 0.93),
        (20.0, 100.0, 20.0, 0.93),
        (5.0, 300.0, 20.0, 0.90),
        (1.0, 1000.0, 40.0, 0.85),
        (20.0, 300.0, 60.0, 0.85),
        (200.0, 50.0, 5.0, 0.90),
        (500.0, 50.0, 1.0, 0.85),
    ] {
        let mut sim = Sim::new(mbit, buffer_ms, base_ms, None);
        let (whole, _) = sim.run(20.0);
        let (steady, _) = sim.run(20.0);
        let queue_ms = sim.queue_s() * 1000.0;
        println!(
            "{mbit} Mbit/s, {base_ms} ms: {whole:.3} from the start, then {steady:.3}, queue {queue_ms:.1} ms"
        );
        assert!(whole >= least, "{mbit} Mbit/s, {base_ms} ms: {whole}");
        assert!(steady >= 0.95, "{mbit} Mbit/s, {base_ms} ms: {steady}");
        assert!(queue_ms < 25.0, "{mbit} Mbit/s, {base_ms} ms: {queue_ms}");
    }
}

#[test]
fn p9_it_gives_way_within_200_ms_of_a_queue_and_comes_back() {
    for (mbit, base_ms) in [(20.0, 20.0), (5.0, 20.0), (20.0, 60.0), (100.0, 10.0)] {
        let mut alone = Sim::new(mbit, 300.0, base_ms, None);
        alone.rate_of_nobody();
        alone.class_begins();
        let (_, alone_part) = alone.run(12.0);

        let mut sim = Sim::new(mbit, 300.0, base_ms, None);
        sim.run(20.0);
        sim.class_begins();
        let until_queue = sim.run_until(5.0, |sim| sim.queue_s() > 0.045);
        let until_gone = sim.run_until(5.0, |sim| matches!(sim.state(), State::Yield { .. }));
        let (_, kept) = sim.run(12.0 - until_queue - until_gone);
        let kept = kept / alone_part;
        sim.class_ends();
        let until_back = sim.run_until(30.0, |sim| sim.rate_part() > 0.8);
        let (after, _) = sim.run(10.0);
        println!(
            "{mbit} Mbit/s, {base_ms} ms: gone after {until_gone:.3} s, class kept {kept:.3}, back after {until_back:.2} s, {after:.3}"
        );
        assert!(until_gone <= 0.2, "{mbit} Mbit/s, {base_ms} ms: {until_gone}");
        assert!(kept >= 0.95, "{mbit} Mbit/s, {base_ms} ms: {kept}");
        assert!(until_back <= 5.0, "{mbit} Mbit/s, {base_ms} ms: {until_back}");
        assert!(after >= 0.9, "{mbit} Mbit/s, {base_ms} ms: {after}");
    }
}

#[test]
fn p9_a_line_that_queues_each_flow_by_itself_stays_with_the_class() {
    for (mbit, buffer_ms, base_ms) in [(20.0, 300.0, 20.0), (5.0, 300.0, 20.0), (50.0, 100.0, 40.0)] {
        let mut sim = Sim::new(mbit, buffer_ms, base_ms, None).queueing(Queue::PerFlow);
        sim.run(20.0);
        sim.class_begins();
        let (ours, kept) = sim.run(120.0);
        println!("{mbit} Mbit/s, {buffer_ms} ms, {base_ms} ms: class kept {kept:.3}, we got {ours:.3}");
        assert!(kept >= 0.8, "{mbit} Mbit/s, {base_ms} ms: {kept}");
    }
}

#[test]
fn a_line_that_becomes_slower_for_good_is_found() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    sim.run(60.0);
    sim.narrow_to(8.0);
    sim.run(300.0);
    let (after, _) = sim.run(20.0);
    println!("{after:.3}");
    assert!(after >= 0.85, "{after}");
}

#[test]
fn p9_a_jittery_line_is_used_and_still_left_to_others() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    sim.jitter_s = 0.040;
    sim.run(20.0);
    let (steady, _) = sim.run(40.0);
    sim.class_begins();
    let (_, kept) = sim.run(20.0);
    println!("steady {steady:.3}, class kept {kept:.3}");
    assert!(steady >= 0.85, "{steady}");
    assert!(kept >= 0.90, "{kept}");
}

#[test]
fn p9_who_comes_late_and_remembers_the_empty_line_stays_silent() {
    let kept = |remembered_ms| {
        let mut sim = Sim::new(20.0, 300.0, 20.0, remembered_ms);
        sim.rate_of_nobody();
        sim.class_begins();
        sim.run(5.0);
        sim.ceiling = f64::INFINITY;
        sim.run(40.0).1
    };
    let (knowing, ignorant) = (kept(Some(20.0)), kept(None));
    println!("remembering {knowing:.3}, not remembering {ignorant:.3}");
    assert!(knowing >= 0.95, "{knowing}");
}

#[test]
fn a_line_that_becomes_longer_for_good_is_used_again() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    sim.run(20.0);
    sim.base_s = 0.080;
    sim.run(75.0);
    let (after, _) = sim.run(20.0);
    println!("{after:.3}");
    assert!(after >= 0.85, "{after}");
    let base_ms = sim.pilot.base_us() / 1000;
    assert!((75..=90).contains(&base_ms), "{base_ms}");
}

#[test]
fn the_picture_of_the_empty_line_stays_fresh_and_does_not_creep() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    let (part, _) = sim.run(500.0);
    println!("{part:.3}, base {} us", sim.pilot.base_us());
    assert!(part >= 0.97, "{part}");
    assert!(sim.pilot.base_us() <= 24_000, "{}", sim.pilot.base_us());
    assert!(sim.pilot.base_age(Duration::from_secs_f64(sim.now_s)) <= BASE_STALE + Duration::from_secs(5));
}

#[test]
fn pieces_with_gaps_between_them_do_not_starve_it() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    sim.gaps = 0.15;
    sim.run(20.0);
    let (part, _) = sim.run(40.0);
    println!("{part:.3}");
    assert!(part >= 0.80, "{part}");
}

#[test]
fn p9_a_cap_holds_in_every_state() {
    let mut sim = Sim::new(20.0, 300.0, 20.0, None);
    sim.ceiling = 0.25 * 20e6 / 8.0;
    let (part, _) = sim.run(20.0);
    assert!((0.2..=0.2505).contains(&part), "{part}");
    sim.class_begins();
    sim.run(10.0);
    sim.class_ends();
    sim.run(10.0);
    assert!(sim.rate_part() <= 0.25);
}

/// The samples of a machine that slept, or that was too busy to look: the rate that grew meanwhile
/// by the clock alone left at once, and over some seconds it was no number any more.
#[test]
fn p9_a_long_time_without_a_look_does_not_let_the_rate_leap() {
    for stall in [1, 8, 3_600].map(Duration::from_secs) {
        let mut pilot = Pilot::new(None, Duration::ZERO);
        let mut sample = Sample {
            rtt_us: 1_000,
            unsent_bytes: 100_000,
            ..Sample::default()
        };
        let before = pilot.step(&sample, TICK, f64::INFINITY);
        sample.acked_bytes = 1_000_000;
        let after = pilot.step(&sample, TICK + stall, f64::INFINITY);
        assert!(after <= 4.0 * before, "{stall:?}: {before} to {after}");
    }
    // Not even a line that is never full: what it is asked for stays a number of the kernel's.
    let mut pilot = Pilot::new(None, Duration::ZERO);
    for tick in 1..=10_000u32 {
        let sample = Sample {
            rtt_us: 10,
            unsent_bytes: 100_000,
            acked_bytes: u64::from(tick) * 1_000_000_000,
            ..Sample::default()
        };
        assert!(pilot.step(&sample, TICK * tick, f64::INFINITY) <= MOST);
    }
}
