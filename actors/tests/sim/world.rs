//! The world of one run: threads, clients, and the scheduler that picks what happens next.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

use shardwright_actors::clients::{ClientInfo, Peer};
use shardwright_actors::clock::Clock;
use shardwright_actors::messages::{ConnId, RoundId};
use shardwright_actors::server::{ControlRequest, Identity, Server, SettingsListener};
use shardwright_actors::session::{Client, Session};
use shardwright_actors::shard::core::ShardCore;
use shardwright_actors::shards::ShardSet;
use shardwright_config::{AppendFsync, DebugAccess, Disk, Loaded, PipelineOrder, Settings};
use shardwright_store::hash::KeyHasher;
use shardwright_store::partition::{Partition, PartitionOptions};
use shardwright_store::types::{ShardId, ShardMap, UnixMillis};
use shardwright_tests::Rng;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::client::SimClient;
use super::fault::{Check, Failure, Fault};
use super::forecast::Forecast;
use super::ledger::{Ledger, Shadows};
use super::network::Network;
use super::post::Whim;
use super::program::Program;
use super::turn::Event;
use super::waits::{Read, Wait, Waits};

/// What a run begins with.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Tells the run.
    pub seed: u64,
    /// Number of shards.
    pub shards: u16,
    /// Whether commands of a pipeline may overtake each other.
    pub order: PipelineOrder,
    /// What is broken.
    pub fault: Fault,
    /// Bytes that a read may bring at most.
    pub largest_read: usize,
    /// Of a hundred runs, how many have a limit on the rate of commands.
    pub rate_limited: usize,
    /// Whether replies wait until the log is durable, if chance does not decide that.
    pub holds: Option<bool>,
}

impl Setup {
    /// What the seed says.
    pub fn new(seed: u64, fault: Fault) -> Self {
        let mut rng = Rng::new(seed);
        let shards = [1, 2, 2, 3, 3, 7][rng.below(6)];
        let order = if rng.percent(50) { PipelineOrder::Strict } else { PipelineOrder::Relaxed };
        let largest_read = 1 << rng.below(12);
        Self { seed, shards, order, fault, largest_read, rate_limited: 5, holds: None }
    }

    /// The same with this order.
    pub fn with_order(self, order: PipelineOrder) -> Self {
        Self { order, ..self }
    }

    /// The same with at least two shards.
    pub fn with_several_shards(self) -> Self {
        Self { shards: self.shards.max(2), ..self }
    }
}

/// How often rare things happened.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// A session waited for its client to take replies.
    pub drains: usize,
    /// A session was slowed down.
    pub pauses: usize,
    /// A local batch or block stopped before its end.
    pub stops: usize,
    /// A parcel stopped before its end and was put behind what waited.
    pub rests: usize,
    /// Requests of a parcel came back unrun, since their replies grew too large.
    pub unrun: usize,
    /// A block shared the round of one before it.
    pub shared: usize,
    /// A partition came for a round that its lead had not reached.
    pub early: usize,
    /// An answer came for a client that had gone.
    pub orphans: usize,
    /// A checkpoint was written.
    pub checkpoints: usize,
    /// A client was served for which it had waited.
    pub served: usize,
    /// One shard alone served a wait that others knew of.
    pub served_apart: usize,
    /// A block was ordered to serve a wait.
    pub retries: usize,
    /// A client that waited was served by such a block.
    pub served_retried: usize,
    /// A wait was ended in the middle of a shard's turn.
    pub meddled: usize,
    /// A wait took too long.
    pub timeouts: usize,
    /// A wait was ended by another client.
    pub unblocked: usize,
    /// A client went while it waited.
    pub cuts: usize,
    /// A session read on while it waited.
    pub read_on: usize,
}

impl Seen {
    /// All counts with their names.
    pub fn all(&self) -> [(&'static str, usize); 18] {
        let mut copy = *self;
        copy.counts().map(|(name, count)| (name, *count))
    }

    fn counts(&mut self) -> [(&'static str, &mut usize); 18] {
        [
            ("drains", &mut self.drains),
            ("pauses", &mut self.pauses),
            ("stops", &mut self.stops),
            ("rests", &mut self.rests),
            ("unrun", &mut self.unrun),
            ("shared", &mut self.shared),
            ("early", &mut self.early),
            ("orphans", &mut self.orphans),
            ("checkpoints", &mut self.checkpoints),
            ("served", &mut self.served),
            ("served apart", &mut self.served_apart),
            ("retries", &mut self.retries),
            ("served retried", &mut self.served_retried),
            ("meddled", &mut self.meddled),
            ("timeouts", &mut self.timeouts),
            ("unblocked", &mut self.unblocked),
            ("cuts", &mut self.cuts),
            ("read on", &mut self.read_on),
        ]
    }

    /// Adds what happened besides.
    pub fn add(&mut self, more: Self) {
        let counts = self.counts().into_iter();
        counts.zip(more.all()).for_each(|((_, count), (_, more))| *count += more);
    }
}

/// One run.
pub struct World {
    /// What the run was begun with.
    pub setup: Setup,
    /// Chance for whoever needs some.
    pub rng: Rng,
    pub(super) server: Arc<Server>,
    pub(super) clock: Clock,
    pub(super) now: UnixMillis,
    pub(super) step: u64,
    pub(super) shards: Vec<ShardCore>,
    pub(super) shadows: Shadows,
    pub(super) network: Network,
    pub(super) clients: Vec<SimClient>,
    pub(super) whim: Whim,
    pub(super) is_traced: bool,
    /// Replies have to wait until the log is durable.
    pub(super) gated: bool,
    /// There is a log.
    pub(super) logged: bool,
    /// The block that each shard leads or led last, and the shards that it needs.
    pub(super) leading: Vec<(RoundId, ShardSet)>,
    /// What happened that does not happen in every run.
    pub seen: Seen,
    /// Clients that were cut off.
    pub(super) cut: HashSet<ConnId>,
    /// How eagerly each queue and each client is served, until the next change of mind.
    bias: Vec<u32>,
    bias_until: u64,
    _control: UnboundedReceiver<ControlRequest>,
}

struct Unheard;

impl SettingsListener for Unheard {
    fn in_force(&self, _: &Settings) {}
}

/// Steps after which a run is taken for endless. The longest need some tens of thousands.
const MOST_STEPS: u64 = 2_000_000;

/// When all runs begin.
const BEGIN: UnixMillis = UnixMillis(1_700_000_000_000);

fn server(
    setup: &Setup,
    rng: &mut Rng,
    gated: bool,
    logged: bool,
) -> (Arc<Server>, UnboundedReceiver<ControlRequest>) {
    static DEFAULTS: LazyLock<Loaded> = LazyLock::new(|| {
        let (arguments, environment) = (Vec::<OsString>::new(), Vec::<(OsString, OsString)>::new());
        shardwright_config::load(arguments, environment, &Disk).unwrap()
    });
    let mut loaded = DEFAULTS.clone();
    let settings = &mut loaded.settings;
    settings.pipeline_order = setup.order;
    settings.reply_buffer_limit = [1, 40, 1000, 1 << 26][rng.below(4)];
    settings.pipeline_depth = [1, 3, 1024, 1024][rng.below(4)];
    settings.rate_limit = if rng.percent(setup.rate_limited) { 20 } else { 0 };
    settings.enable_debug_command = DebugAccess::Yes;
    settings.appendonly = logged;
    settings.appendfsync = match setup.fault {
        Fault::NotHeld => AppendFsync::Everysec,
        _ if gated => AppendFsync::Always,
        _ => AppendFsync::Everysec,
    };
    let identity = Identity {
        version: "0",
        run_id: "0".repeat(40),
        started: BEGIN,
        executable: PathBuf::new(),
        config_file: None,
    };
    let (control, requests) = unbounded_channel();
    let hasher = KeyHasher::new([1, 2]);
    let server = Server::new(identity, loaded, setup.shards, hasher, control, Box::new(Unheard));
    (Arc::new(server), requests)
}

impl World {
    /// A world without clients.
    pub fn new(setup: Setup) -> Self {
        let mut rng = Rng::new(setup.seed ^ 0x5eed);
        let gated = setup.fault == Fault::NotHeld || setup.holds.unwrap_or(rng.percent(40));
        let logged = gated || rng.percent(60);
        let (server, control) = server(&setup, &mut rng, gated, logged);
        let map = ShardMap::new(setup.shards);
        let options: Vec<_> = map
            .all()
            .map(|id| PartitionOptions {
                id,
                slots: map.slots_of(id),
                databases: 16,
                hasher: server.router().hasher,
                seed: setup.seed,
                now: BEGIN,
            })
            .collect();
        let core = |options: &PartitionOptions| {
            let mut partition = Partition::new(*options);
            partition.encode_effects(true);
            ShardCore::new(Box::new(partition))
        };
        let network = Network::new(&server, Ledger::new(&options), setup.fault, rng.fork());
        Self {
            setup,
            clock: Clock::new(),
            now: BEGIN,
            step: 0,
            shards: options.iter().map(core).collect(),
            shadows: Shadows::new(&options),
            network,
            clients: Vec::new(),
            whim: Whim {
                rng: rng.fork(),
                stops: [0, 5, 50][rng.below(3)],
                meddles: 0,
                waiting: Vec::new(),
                unblocked: Vec::new(),
            },
            is_traced: std::env::var_os("SHARDWRIGHT_TRACE").is_some(),
            gated,
            logged,
            leading: vec![(RoundId(0), ShardSet::default()); setup.shards.into()],
            seen: Seen::default(),
            cut: HashSet::new(),
            bias: Vec::new(),
            bias_until: 0,
            server,
            rng,
            _control: control,
        }
    }

    /// The shard that a key belongs to.
    pub fn shard_of(&self, key: &str) -> ShardId {
        let router = self.server.router();
        router.map.shard_of(router.hasher.hash(key.as_bytes()).slot)
    }

    /// Adds a client on a thread chosen by chance.
    pub fn add(&mut self, program: impl Program + 'static) -> &mut SimClient {
        let thread = ShardId(self.rng.below(self.setup.shards.into()) as u16);
        let index = self.clients.len() as u32;
        let id = ConnId { thread, index, generation: 0 };
        let known = &self.server.clients;
        known.admit(usize::MAX);
        let info = Arc::new(ClientInfo::new(index.into(), id, Peer::default(), self.now));
        known.add(Arc::clone(&info));
        let session = Session::new(id, Client::new(info, true));
        let capacity = [7, 100, 5000, 1 << 20][self.rng.below(4)].max(self.setup.largest_read / 8);
        let mut client = SimClient::new(session, capacity, Box::new(program));
        client.talk(&mut self.rng, self.step);
        self.clients.push(client);
        self.bias_until = 0;
        self.clients.last_mut().unwrap()
    }

    /// Whether waits may be ended in the middle of a turn, as another thread can do.
    pub fn meddle(&mut self, may: bool) {
        let may = may && self.setup.shards > 1;
        self.whim.meddles = if may { [0, 10, 30][self.rng.below(3)] } else { 0 };
    }

    /// Steps so far.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Blocks so far.
    pub fn blocks(&self) -> u64 {
        self.network.blocks()
    }

    /// Runs until nothing can happen any more. All clients must have been served then.
    ///
    /// # Errors
    /// What is wrong.
    pub fn run(&mut self) -> Result<(), Failure> {
        self.rest()?;
        self.is_served(|_| false)
    }

    /// Runs until nothing can happen any more but what new clients do. All clients must have been
    /// served then, or wait for keys. Gives those who wait, with the numbers of their clients.
    ///
    /// # Errors
    /// What is wrong.
    pub fn run_to_waits(&mut self) -> Result<Vec<(u32, &Wait)>, Failure> {
        self.rest()?;
        self.is_served(Session::waits_for_key)?;
        let waits = self.network.waits.open().filter(|wait| self.client_at(wait.conn).is_some());
        if let Some(until) = waits.clone().find_map(Wait::until) {
            let text = self.report(&format!("has forgotten somebody who waits until {until:?}"));
            return Err(Failure::new(Check::Progress, text));
        }
        Ok(waits.map(|wait| (wait.conn.index, wait)).collect())
    }

    /// What was given to clients that waited for it, and whether these have gone.
    pub fn given(&self) -> impl Iterator<Item = (&str, bool)> {
        let Waits { given, .. } = &self.network.waits;
        given.iter().map(|(conn, element)| (element.as_str(), self.cut.contains(conn)))
    }

    /// What was read of streams, and whether the client that read it was cut off.
    pub fn reads(&self) -> impl Iterator<Item = (&Read, bool)> {
        self.network.waits.reads.iter().map(|read| (read, self.cut.contains(&read.conn)))
    }

    /// Transactions serve those who wait as is foretold.
    pub fn foretell(&mut self, forecast: &Rc<Forecast>) {
        self.network.waits.forecast = Some(Rc::clone(forecast));
    }

    fn rest(&mut self) -> Result<(), Failure> {
        let mut events = Vec::new();
        loop {
            self.step += 1;
            if let Some(failure) = self.network.ledger.take_failure() {
                return Err(failure);
            }
            if self.step > MOST_STEPS {
                return Err(Failure::new(Check::Progress, self.report("goes on for ever")));
            }
            if self.step >= self.bias_until {
                self.change_mind();
            }
            events.clear();
            self.events(&mut events);
            if events.is_empty() {
                if self.sleep_until_somebody_wakes() {
                    continue;
                }
                return Ok(());
            }
            if self.rng.below(50) == 0 {
                self.idle();
            }
            let event = self.pick(&events);
            if self.is_traced {
                eprintln!("{:6} {event:?}", self.step);
            }
            self.perform(event)?;
        }
    }

    /// Checks what must hold once all has been said.
    ///
    /// # Errors
    /// What is left over.
    pub fn finish(&mut self) -> Result<(), Failure> {
        let leftover = |text: String| Failure::new(Check::Leftover, text);
        for (at, shard) in self.shards.iter().enumerate() {
            if !shard.is_open() {
                return Err(leftover(format!("shard {at} is closed")));
            }
        }
        if !self.network.is_empty() {
            return Err(leftover(self.report("has messages on their way")));
        }
        self.add(super::program::Once::new(&["DEBUG SHADOW".into()]));
        self.run()?;
        match self.network.ledger.left().find(|(_, watched, awaited)| watched + awaited > 0) {
            Some((shard, watched, awaited)) => Err(leftover(format!(
                "nobody is left, and of {shard} {watched} keys are on watch, {awaited} waited for"
            ))),
            None => Ok(()),
        }
    }

    /// Whether all have been served, but for those who may wait.
    fn is_served(&self, may_wait: impl Fn(&Session) -> bool) -> Result<(), Failure> {
        let waits = |client: &SimClient| client.session.as_ref().is_some_and(|s| !may_wait(s));
        if self.clients.iter().any(waits) {
            return Err(Failure::new(Check::Progress, self.report("is stuck")));
        }
        Ok(())
    }

    fn report(&self, what: &str) -> String {
        let mut text = format!("the server {what} at step {}", self.step);
        for (at, (lines, shard)) in self.network.lines.iter().zip(&self.shards).enumerate() {
            text.push_str(&format!(
                "\n  shard {at}: open {}, mailbox {}, dock {}, gateway {}, to send {}",
                shard.is_open(),
                lines.mailbox.len(),
                lines.dock.len(),
                lines.gateway.len(),
                lines.outgoing.len()
            ));
        }
        for client in self.clients.iter().filter(|client| client.session.is_some()) {
            text.push_str(&format!("\n  {}", client.describe()));
        }
        text
    }

    /// Chooses anew who is served eagerly and who has to wait.
    fn change_mind(&mut self) {
        let places = Event::places(self.setup.shards.into(), self.clients.len());
        let Self { rng, bias, .. } = self;
        bias.clear();
        bias.extend((0..places).map(|_| [1, 4, 4, 40][rng.below(4)]));
        self.bias_until = self.step + 20 + rng.below(300) as u64;
    }

    fn pick(&mut self, events: &[Event]) -> Event {
        let threads = self.setup.shards.into();
        let weight = |event: &Event| self.bias[event.place(threads)] as usize;
        let mut at = self.rng.below(events.iter().map(weight).sum());
        for event in events {
            match at.checked_sub(weight(event)) {
                Some(rest) => at = rest,
                None => return *event,
            }
        }
        events[0]
    }
}
