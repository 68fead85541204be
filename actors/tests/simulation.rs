//! The deciding halves of connections and shards under a seeded scheduler, over the delivery orders
//! that mailboxes allow. See `sim/mod.rs` for what is modelled and `sim/seeds.rs` for how to see a
//! failed run again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod sim;

use std::cell::RefCell;
use std::rc::Rc;

use shardwright_config::PipelineOrder;
use shardwright_tests::Rng;
use shardwright_tests::history::{explain, is_strictly_serializable};

use sim::fault::{Check, Failure, Fault};
use sim::forecast::Forecast;
use sim::program::Once;
use sim::programs::bank::{Bank, Counter, Mover, Setter, Watcher};
use sim::programs::customer::{Customer, Role};
use sim::programs::history::{Record, Recorded};
use sim::programs::order::{Observer, Plan, Writer};
use sim::programs::own::Own;
use sim::programs::queue::{self, Found, Goods, Queues};
use sim::programs::reader::{self, Reader};
use sim::programs::several::{Asker, Filler, Keys};
use sim::programs::streams::{self, Fate, Inspector, Streams};
use sim::seeds;
use sim::world::{Seen, Setup, World};

/// Clients with keys of their own, between which others come and are cut off.
fn own_keys(setup: Setup) -> Result<World, Failure> {
    let mut world = World::new(setup);
    let clients = 1 + world.rng.below(5);
    for client in 0..clients {
        let pipelines = 1 + world.rng.below(4);
        world.add(Own::new(client, pipelines));
    }
    for client in clients..clients + world.rng.below(3) {
        world.add(Own::new(client, 2)).killable = true;
    }
    world.run()?;
    world.finish()?;
    Ok(world)
}

/// Values so large that a part of a parcel stops before its replies grow too large.
fn large_values(setup: Setup) -> Result<World, Failure> {
    let setup = Setup { largest_read: 1 << 21, rate_limited: 0, ..setup.with_several_shards() };
    let mut world = World::new(setup);
    for client in 0..2 {
        world.add(Own::new(client, 3).with_values(800_000));
    }
    world.run()?;
    world.finish()?;
    Ok(world)
}

fn bank(setup: Setup, torn: bool) -> Result<(), Failure> {
    let mut world = World::new(setup);
    let bank = Bank::new(&mut world.rng, 6);
    world.add(Once::new(&bank.opening()));
    world.run()?;
    world.add(Setter::new(&bank, 6, torn));
    for _ in 0..2 {
        world.add(Mover::new(&bank, 5)).killable = true;
        world.add(Watcher::new(&bank, 4)).killable = true;
        world.add(Counter::new(&bank, 6));
    }
    world.add(Own::new(0, 2));
    world.run()?;
    world.add(Counter::new(&bank, 2));
    world.run()?;
    world.finish()
}

/// Whether others do other things meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Noise {
    None,
    Some,
}

fn history(setup: Setup, noise: Noise) -> Result<(), Failure> {
    let mut world = World::new(setup);
    let names = Recorded::names(&mut world.rng);
    let record = Record::default();
    let together = if setup.order == PipelineOrder::Strict { 3 } else { 1 };
    for _ in 0..2 + world.rng.below(3) {
        world.add(Recorded::new(&record, &names, 6, together));
    }
    if noise == Noise::Some {
        world.add(Own::new(0, 2));
    }
    world.run()?;
    world.finish()?;
    let record = record.borrow();
    match is_strictly_serializable(&record) {
        true => Ok(()),
        false => Err(Failure::new(Check::History, explain(&record))),
    }
}

/// Gives how often a write was seen to overtake another; an error if it must not. What is promised
/// is taken from `promised`.
fn order(setup: Setup, promised: PipelineOrder, noise: Noise) -> Result<usize, Failure> {
    let mut world = World::new(setup);
    let is_strict = promised == PipelineOrder::Strict;
    let is_plain = world.rng.percent(50);
    let mut rng = world.rng.fork();
    let plan = Rc::new(Plan::new(&mut rng, is_strict, is_plain, |key: &str| world.shard_of(key)));
    let overtaken = Rc::new(RefCell::new(0));
    world.add(Writer::new(Rc::clone(&plan), 5));
    for _ in 0..2 {
        world.add(Observer::new(Rc::clone(&plan), 10, Rc::clone(&overtaken)));
    }
    if noise == Noise::Some {
        world.add(Own::new(0, 1));
    }
    world.run()?;
    world.finish()?;
    let overtaken = *overtaken.borrow();
    Ok(overtaken)
}

/// Clients that push, wait for, move and take elements, and end each other's waits.
fn customers(world: &mut World, queues: &Rc<Queues>, goods: Goods) {
    let mut name = 0;
    let mut add = |world: &mut World, role: Role, most: usize, killable: usize| {
        let pipelines = 1 + world.rng.below(most);
        let is_killable = world.rng.percent(killable);
        world.add(Customer::new(queues, name, role, pipelines)).killable = is_killable;
        name += 1;
    };
    (0..1 + world.rng.below(2)).for_each(|_| add(world, Role::Pusher, 5, 20));
    (0..2 + world.rng.below(4)).for_each(|_| add(world, Role::Taker, 5, 40));
    (0..world.rng.below(3)).for_each(|_| add(world, Role::Mover, 4, 40));
    (0..world.rng.below(2)).for_each(|_| add(world, Role::Snatcher, 4, 0));
    let others = 1 + world.rng.below(2);
    match goods {
        Goods::Lists => {}
        Goods::Swapped => (0..others).for_each(|_| add(world, Role::Swapper, 5, 0)),
        Goods::Mixed => (0..others).for_each(|_| add(world, Role::Turner, 5, 0)),
    }
    if world.rng.percent(60) {
        let clients = 2 + world.rng.below(8);
        add(world, Role::Unblocker(clients), 5, 0);
    }
    if goods != Goods::Swapped && world.rng.percent(20) {
        world.add(Own::new(0, 2));
    }
}

/// What lies in the queues when nothing happens any more.
fn look(world: &mut World, queues: &Queues) -> Result<Found, Failure> {
    world.run_to_waits()?;
    world.meddle(false);
    let found = Rc::default();
    world.add(queue::Reader::new(queues, &found));
    world.run_to_waits()?;
    Ok(found.take())
}

/// Everybody waits in line, and what was pushed is given out once. Those who would wait for ever are
/// fed or unblocked until all have said all.
fn queue(setup: Setup, goods: Goods) -> Result<World, Failure> {
    let mut world = World::new(setup);
    let queues = Queues::new(&mut world.rng, goods);
    customers(&mut world, &queues, goods);
    world.meddle(true);
    for round in 1000.. {
        let found = look(&mut world, &queues)?;
        let waits = world.run_to_waits()?;
        let lines: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
        queues.nobody_waits_in_vain(&lines, &found)?;
        let keys = lines.iter().map(|wait| (wait.keys[0].clone(), wait.kind)).collect();
        let numbers: Vec<u32> = waits.iter().map(|(number, _)| *number).collect();
        if numbers.is_empty() {
            break;
        }
        let role = if world.rng.percent(50) { Role::Closer(numbers) } else { Role::Feeder(keys) };
        world.add(Customer::new(&queues, round, role, 1));
        world.meddle(true);
    }
    world.finish()?;
    let found = look(&mut world, &queues)?;
    queues.note_unblocked(world.seen.meddled);
    queues.judge(world.given(), &found)?;
    Ok(world)
}

/// Clients that add to streams, read them, and end each other's waits.
fn readers(world: &mut World, streams: &Rc<Streams>) {
    use reader::Role;
    let mut name = 0;
    let mut add = |world: &mut World, role: Role, most: usize, killable: usize| {
        let pipelines = 1 + world.rng.below(most);
        let is_killable = world.rng.percent(killable);
        world.add(Reader::new(streams, name, role, pipelines)).killable = is_killable;
        name += 1;
    };
    (0..1 + world.rng.below(2)).for_each(|_| add(world, Role::Adder, 5, 20));
    (0..1 + world.rng.below(4)).for_each(|_| add(world, Role::Consumer, 4, 40));
    (0..world.rng.below(3)).for_each(|_| add(world, Role::Follower, 5, 40));
    match streams.fate {
        Fate::Kept => (0..world.rng.below(2)).for_each(|_| add(world, Role::Deleter, 4, 0)),
        Fate::Lost => (0..1 + world.rng.below(2)).for_each(|_| add(world, Role::Breaker, 6, 0)),
    }
    if world.rng.percent(50) {
        let clients = 2 + world.rng.below(8);
        add(world, Role::Unblocker(clients), 5, 0);
    }
}

/// What lies in the streams when nothing happens any more.
fn inspect(world: &mut World, streams: &Streams) -> Result<streams::Found, Failure> {
    world.run_to_waits()?;
    world.meddle(false);
    let found = Rc::default();
    world.add(Inspector::new(streams, &found));
    world.run_to_waits()?;
    Ok(found.take())
}

/// Each group gives an entry to one consumer, and whoever reads for itself sees all. Those who would
/// wait for ever are fed or unblocked until all have said all.
fn stream(setup: Setup, fate: Fate) -> Result<World, Failure> {
    let mut world = World::new(setup);
    let streams = Streams::new(&mut world.rng, fate);
    world.add(Once::new(&streams.opening()));
    world.run()?;
    readers(&mut world, &streams);
    world.meddle(true);
    let mut fed = Vec::new();
    for round in 1000.. {
        let found = inspect(&mut world, &streams)?;
        let waits = world.run_to_waits()?;
        let lines: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
        streams.nobody_waits_in_vain(&lines, &found)?;
        if let Some(wait) = lines.iter().find(|wait| fed.contains(&wait.number())) {
            let text = format!("{:?} was not woken by what it waits for", wait.conn);
            return Err(Failure::new(Check::Delivery, text));
        }
        if lines.is_empty() {
            break;
        }
        let keys = lines.iter().map(|wait| wait.keys[0].clone()).collect();
        let alone = lines.iter().filter(|wait| wait.member.is_none());
        let numbers: Vec<u64> = alone.map(|wait| wait.number()).collect();
        let clients: Vec<u32> = waits.iter().map(|(client, _)| *client).collect();
        // Where streams come and go, an ID may be one that was there before.
        let feeds = fate == Fate::Kept && world.rng.percent(60);
        let role = if feeds { reader::Role::Feeder(keys) } else { reader::Role::Closer(clients) };
        fed = if feeds { numbers } else { Vec::new() };
        world.add(Reader::new(&streams, round, role, 1));
        world.meddle(true);
    }
    world.finish()?;
    let found = inspect(&mut world, &streams)?;
    streams.note_unblocked(world.seen.meddled);
    streams.judge(world.reads(), &found)?;
    Ok(world)
}

/// Transactions fill several keys, for which many wait.
fn several(setup: Setup) -> Result<Rc<Forecast>, Failure> {
    let mut world = World::new(setup);
    let (keys, forecast) = (Keys::new(&mut world.rng), Rc::new(Forecast::default()));
    world.foretell(&forecast);
    world.add(Once::new(&keys.opening()));
    world.run()?;
    for name in 0..3 + world.rng.below(6) {
        let (waits, is_killable) = (1 + world.rng.below(4), world.rng.percent(20));
        world.add(Asker::new(&keys, name, waits)).killable = is_killable;
    }
    for _ in 0..1 + world.rng.below(2) {
        let transactions = 2 + world.rng.below(4);
        world.add(Filler::new(&keys, &forecast, transactions));
    }
    loop {
        let waits = world.run_to_waits()?;
        let end = |(client, _): &(u32, _)| format!("CLIENT UNBLOCK {client}");
        let lines: Vec<_> = waits.iter().map(end).collect();
        if lines.is_empty() {
            break;
        }
        world.add(Once::new(&lines));
    }
    world.finish()?;
    Ok(forecast)
}

#[test]
fn every_client_gets_what_its_own_commands_did_in_their_order() {
    seeds::check(1, |seed| own_keys(Setup::new(seed, Fault::None)).map(drop));
}

#[test]
fn replies_too_large_for_a_turn_stop_and_go_on() {
    seeds::check(200, |seed| large_values(Setup::new(seed, Fault::None)).map(drop));
}

#[test]
fn money_neither_comes_nor_goes() {
    seeds::check(1, |seed| bank(Setup::new(seed, Fault::None), false));
}

#[test]
fn histories_are_strictly_serializable() {
    seeds::check(1, |seed| history(Setup::new(seed, Fault::None), Noise::Some));
}

#[test]
fn every_element_goes_to_one_client_that_waits_in_line() {
    seeds::check(1, |seed| queue(Setup::new(seed, Fault::None), Goods::Lists).map(drop));
}

#[test]
fn who_waits_for_another_type_is_passed_over() {
    seeds::check(1, |seed| queue(Setup::new(seed, Fault::None), Goods::Mixed).map(drop));
}

#[test]
fn what_another_database_brings_is_served_too() {
    seeds::check(2, |seed| queue(Setup::new(seed, Fault::None), Goods::Swapped).map(drop));
}

#[test]
fn each_group_gives_an_entry_to_one_consumer_and_readers_see_all() {
    seeds::check(2, |seed| stream(Setup::new(seed, Fault::None), Fate::Kept).map(drop));
}

#[test]
fn readers_are_told_when_their_stream_or_group_goes() {
    seeds::check(2, |seed| stream(Setup::new(seed, Fault::None), Fate::Lost).map(drop));
}

#[test]
fn keys_that_a_transaction_fills_are_served_in_its_order() {
    let forecasts = seeds::check(2, |seed| several(Setup::new(seed, Fault::None)));
    let sum = |count: fn(&Forecast) -> usize| forecasts.iter().map(|f| count(f)).sum::<usize>();
    let (right, several) = (sum(|f| f.right.get()), sum(|f| f.several.get()));
    println!("{right} served as foretold, {several} transactions served those of several keys");
    assert!(several > 0 || forecasts.len() < 100, "no transaction served those of several keys");
}

#[test]
fn strict_pipelines_take_effect_in_their_order() {
    let strict = PipelineOrder::Strict;
    seeds::check(1, |seed| {
        order(Setup::new(seed, Fault::None).with_order(strict), strict, Noise::Some)
    });
}

#[test]
fn relaxed_pipelines_keep_the_order_of_each_shard_and_around_wide_commands() {
    let relaxed = PipelineOrder::Relaxed;
    let seen = seeds::check(1, |seed| {
        order(Setup::new(seed, Fault::None).with_order(relaxed), relaxed, Noise::Some)
    });
    let overtaken: usize = seen.iter().sum();
    assert!(overtaken > 0 || seen.len() < 100, "nothing ever overtook anything");
}

/// What the scenarios are meant to meet, they do meet.
#[test]
fn what_is_rare_happens() {
    let mut sums = Seen::default().all();
    let mut add = |world: World| {
        sums.iter_mut().zip(world.seen.all()).for_each(|(sum, (_, count))| sum.1 += count);
    };
    (0..300).for_each(|seed| add(own_keys(Setup::new(seed, Fault::None)).unwrap()));
    (0..300).for_each(|seed| add(queue(Setup::new(seed, Fault::None), Goods::Lists).unwrap()));
    (0..5).for_each(|seed| add(large_values(Setup::new(seed, Fault::None)).unwrap()));
    println!("{sums:?}");
    assert!(sums.iter().all(|(_, count)| *count > 0), "{sums:?}");
}

#[test]
fn a_seed_tells_the_run() {
    let run = |seed| {
        let setup = Setup::new(seed, Fault::None);
        let worlds = [own_keys(setup).unwrap(), queue(setup, Goods::Swapped).unwrap()];
        worlds.map(|world| (world.step(), world.blocks()))
    };
    (7..20).for_each(|seed| assert_eq!(run(seed), run(seed)));
}

/// Everything that something may be noticed by.
fn any(seed: u64, fault: Fault) -> Result<(), Failure> {
    let setup = Setup::new(seed, fault);
    match Rng::new(seed).below(3) {
        0 => own_keys(setup).map(drop),
        1 => bank(setup, false),
        _ => history(setup, Noise::None),
    }
}

#[test]
fn finds_a_missing_ordering_lock() {
    seeds::finds(&[Check::Progress], 2000, |seed| any(seed, Fault::NoOrderingLock));
}

#[test]
fn finds_a_mailbox_that_stays_open_while_the_partition_is_away() {
    let checks = [Check::Progress, Check::Effects];
    seeds::finds(&checks, 200, |seed| any(seed, Fault::MailboxStaysOpen));
}

#[test]
fn finds_a_partition_that_does_not_come_home() {
    seeds::finds(&[Check::Progress], 200, |seed| any(seed, Fault::PartitionKept));
}

#[test]
fn finds_replies_in_the_wrong_order() {
    let checks = [Check::Reply];
    seeds::finds(&checks, 200, |seed| own_keys(Setup::new(seed, Fault::RepliesSwapped)).map(drop));
}

#[test]
fn finds_an_answer_before_its_effect() {
    let setup = |seed| Setup::new(seed, Fault::AnsweredEarly).with_several_shards();
    seeds::finds(&[Check::History], 1000, |seed| history(setup(seed), Noise::None));
    for promised in [PipelineOrder::Strict, PipelineOrder::Relaxed] {
        seeds::finds(&[Check::Order], 1000, |seed| {
            order(setup(seed).with_order(promised), promised, Noise::None).map(drop)
        });
    }
}

#[test]
fn finds_a_forgotten_watch() {
    let setup = |seed| Setup::new(seed, Fault::WatchForgotten).with_several_shards();
    seeds::finds(&[Check::Sum], 1000, |seed| match bank(setup(seed), false) {
        Err(failure) if failure.check == Check::Leftover => Ok(()),
        other => other,
    });
}

#[test]
fn finds_a_transfer_in_two_steps() {
    seeds::finds(&[Check::Sum], 1000, |seed| bank(Setup::new(seed, Fault::None), true));
}

#[test]
fn finds_relaxed_order_where_strict_was_promised() {
    let setup = |seed| Setup::new(seed, Fault::None).with_order(PipelineOrder::Relaxed);
    seeds::finds(&[Check::Order], 1000, |seed| {
        order(setup(seed), PipelineOrder::Strict, Noise::None).map(drop)
    });
}

#[test]
fn finds_effects_that_are_late() {
    seeds::finds(&[Check::Effects], 50, |seed| any(seed, Fault::EffectsLate));
}

#[test]
fn finds_replies_that_do_not_wait_for_the_log() {
    seeds::finds(&[Check::Durability], 50, |seed| any(seed, Fault::NotHeld));
}

#[test]
fn finds_sessions_that_do_not_know_what_must_be_durable() {
    seeds::finds(&[Check::Durability], 50, |seed| any(seed, Fault::NotTold));
}

/// Where replies do not wait, WAITAOF alone can tell.
#[test]
fn finds_a_waitaof_that_claims_too_much() {
    seeds::finds(&[Check::Durability], 500, |seed| {
        own_keys(Setup { holds: Some(false), ..Setup::new(seed, Fault::NotTold) }).map(drop)
    });
}

#[test]
fn finds_a_checkpoint_whose_mark_is_early() {
    seeds::finds(&[Check::Checkpoint], 200, |seed| any(seed, Fault::MarkEarly));
}

#[test]
fn finds_effects_that_are_lost() {
    seeds::finds(&[Check::Effects], 50, |seed| any(seed, Fault::EffectsLost));
}

/// A run with several shards in which those who wait are treated wrongly.
fn queue_with(fault: Fault) -> impl Fn(u64) -> Result<(), Failure> {
    move |seed| queue(Setup::new(seed, fault).with_several_shards(), Goods::Lists).map(drop)
}

#[test]
fn finds_a_wait_that_two_shards_can_both_end() {
    let run = queue_with(Fault::ClaimOfEachKey);
    seeds::finds(&[Check::Delivery], 500, |seed| match run(seed) {
        // The client may notice it before the elements are counted.
        Err(failure) if failure.check != Check::Delivery => Ok(()),
        other => other,
    });
}

#[test]
fn finds_a_wait_that_is_not_forgotten_everywhere() {
    let checks = [Check::Leftover, Check::Delivery];
    seeds::finds(&checks, 200, queue_with(Fault::EndWaitLost));
}

#[test]
fn finds_a_wait_that_loses_its_place() {
    seeds::finds(&[Check::Line], 500, queue_with(Fault::PlaceLost));
}

#[test]
fn finds_a_wait_that_nobody_serves() {
    seeds::finds(&[Check::Delivery], 200, queue_with(Fault::RetryLost));
}

#[test]
fn finds_a_session_that_does_not_know_that_its_wait_has_ended() {
    seeds::finds(&[Check::Progress], 200, queue_with(Fault::WakeLost));
}

#[test]
fn finds_a_wait_that_ends_too_early() {
    seeds::finds(&[Check::Reply], 200, queue_with(Fault::ClockJumps));
}

#[test]
fn finds_a_wait_that_does_not_end_in_time() {
    seeds::finds(&[Check::Progress], 200, queue_with(Fault::TimerLost));
}

#[test]
fn finds_what_is_given_to_somebody_who_has_gone() {
    seeds::finds(&[Check::Delivery], 200, queue_with(Fault::WaitOutlives));
}

/// A run with several shards in which those who wait for streams are treated wrongly.
fn stream_with(fault: Fault) -> impl Fn(u64) -> Result<(), Failure> {
    move |seed| stream(Setup::new(seed, fault).with_several_shards(), Fate::Kept).map(drop)
}

#[test]
fn finds_entries_that_are_given_to_somebody_who_has_gone() {
    seeds::finds(&[Check::Delivery], 200, stream_with(Fault::WaitOutlives));
}

#[test]
fn finds_a_wait_for_streams_that_is_not_forgotten_everywhere() {
    let checks = [Check::Leftover, Check::Delivery];
    seeds::finds(&checks, 200, stream_with(Fault::EndWaitLost));
}
