//! Talks to the server that MIGRATE sends keys to, on control's thread. Connections are kept for a
//! while, since keys are often moved one by one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use shardwright_codec::resp::write_command;
use shardwright_store::error::CommandError;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{Delivered, Item, ItemValue, PeerLogin, Shipment, Target};
use crate::gateway::Shipped;
use crate::server::Server;

/// How long a connection is kept for the next shipment, as in Redis.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// Most connections at the same time, kept ones among them: whoever needs another one waits. Their
/// descriptors are set aside.
pub(crate) const MOST_OPEN: usize = 32;

/// Bytes that are sent at once; each such piece may take as long as the target's patience.
const PIECE: usize = 1 << 16;

/// Longest reply that is read: more than any error is long.
const LONGEST_REPLY: u64 = 1 << 16;

/// Connections to other servers.
#[derive(Debug)]
pub struct Peers {
    /// Those that wait for the next shipment to their server, in the order in which they came.
    kept: Mutex<Vec<Kept>>,
    /// Places for those that there may be still.
    places: Arc<Semaphore>,
}

impl Default for Peers {
    fn default() -> Self {
        Self { kept: Mutex::default(), places: Arc::new(Semaphore::new(MOST_OPEN)) }
    }
}

#[derive(Debug)]
struct Kept {
    host: String,
    port: Option<u16>,
    login: Option<PeerLogin>,
    peer: Peer,
    since: Instant,
}

impl Peers {
    fn take(&self, target: &Target) -> Option<Peer> {
        let mut kept = self.kept();
        let wanted = (&target.host, target.port, &target.login);
        let at = kept.iter().position(|kept| (&kept.host, kept.port, &kept.login) == wanted)?;
        Some(kept.remove(at).peer)
    }

    fn keep(&self, target: &Target, peer: Peer) {
        // Without a free place somebody may wait for this one's.
        if self.places.available_permits() > 0 {
            let Target { host, port, login, .. } = target.clone();
            self.kept().push(Kept { host, port, login, peer, since: Instant::now() });
        }
    }

    fn drop_old(&self) {
        self.kept().retain(|kept| kept.since.elapsed() < KEPT_FOR);
    }

    /// A place for a new connection; the oldest that is kept makes room for it.
    async fn place(&self, patience: Duration) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(place);
        }
        let oldest = {
            let mut kept = self.kept();
            (!kept.is_empty()).then(|| kept.remove(0))
        };
        drop(oldest);
        let place = timeout(patience, Arc::clone(&self.places).acquire_owned()).await;
        place.map_err(|_| Failure::Unknown)?.map_err(|_| Failure::Unknown)
    }

    fn kept(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends a shipment and tells its connection what became of it. Runs on control's thread.
pub fn ship(server: &Arc<Server>, shipment: Shipment) {
    let server = Arc::clone(server);
    actix_rt::spawn(async move {
        let Shipment { conn, target, items } = shipment;
        let delivered = deliver(&server.peers, &target, &items).await;
        if let Some(directory) = server.directory() {
            directory.thread(conn.thread).gateway.do_send(Shipped { conn, delivered });
        }
        actix_rt::time::sleep(KEPT_FOR).await;
        server.peers.drop_old();
    });
}

/// Why a shipment ended before its end.
#[derive(Debug)]
enum Failure {
    /// The name of the server leads nowhere, or there is no place for a connection.
    Unknown,
    /// It could not be reached, or does not take what is sent.
    Writing,
    /// Its reply is late, or no reply.
    Reading,
    /// It refuses to talk to us.
    Refused(Vec<u8>),
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unknown => Self::Text("IOERR error or timeout connecting to the client"),
            Failure::Writing => Self::Text("IOERR error or timeout writing to target instance"),
            Failure::Reading => Self::Text("IOERR error or timeout reading to target instance"),
            Failure::Refused(text) => refusal(&text),
        }
    }
}

fn refusal(text: &[u8]) -> CommandError {
    CommandError::quoting("ERR Target instance replied with error: ", text, "")
}

async fn deliver(peers: &Peers, target: &Target, items: &[Item]) -> Delivered {
    let mut delivered = Delivered { accepted: vec![false; items.len()], error: None };
    let kept = peers.take(target);
    let was_kept = kept.is_some();
    let mut ended = attempt(peers, kept, target, items, &mut delivered).await;
    let broken = matches!(ended, Err(Failure::Reading | Failure::Writing));
    if was_kept && broken && !delivered.accepted.contains(&true) && delivered.error.is_none() {
        // The other server may have closed it meanwhile.
        ended = attempt(peers, None, target, items, &mut delivered).await;
    }
    match ended {
        Ok(peer) => peers.keep(target, peer),
        Err(failure) => delivered.error = Some(delivered.error.unwrap_or_else(|| failure.into())),
    }
    delivered
}

async fn attempt(
    peers: &Peers,
    kept: Option<Peer>,
    target: &Target,
    items: &[Item],
    delivered: &mut Delivered,
) -> Result<Peer, Failure> {
    let mut peer = match kept {
        Some(peer) => peer,
        None => {
            let mut peer = Peer::connect(peers, target).await?;
            peer.log_in(target).await?;
            peer
        }
    };
    peer.select(target).await?;
    peer.send(items, target.patience, delivered).await?;
    Ok(peer)
}

/// A connection to another server.
#[derive(Debug)]
struct Peer {
    read: BufReader<OwnedReadHalf>,
    write: OwnedWriteHalf,
    /// The database that is selected there.
    db: i64,
    /// Free for another connection when this one is gone.
    _place: OwnedSemaphorePermit,
}

impl Peer {
    async fn connect(peers: &Peers, target: &Target) -> Result<Self, Failure> {
        let address = (target.host.as_str(), target.port.ok_or(Failure::Unknown)?);
        let place = peers.place(target.patience).await?;
        let found = timeout(target.patience, tokio::net::lookup_host(address)).await;
        let mut found = found.map_err(|_| Failure::Unknown)?.map_err(|_| Failure::Unknown)?;
        let first = found.next().ok_or(Failure::Unknown)?;
        let connected = timeout(target.patience, TcpStream::connect(first)).await;
        let stream = connected.map_err(|_| Failure::Writing)?.map_err(|_| Failure::Writing)?;
        // It only makes single keys late if this fails.
        drop(stream.set_nodelay(true));
        let (read, write) = stream.into_split();
        Ok(Self { read: BufReader::new(read), write, db: 0, _place: place })
    }

    async fn log_in(&mut self, target: &Target) -> Result<(), Failure> {
        let Some(PeerLogin { user, password }) = &target.login else { return Ok(()) };
        let password = password.expose();
        match user {
            Some(user) => self.ask(&[b"AUTH", user, password], target.patience).await,
            None => self.ask(&[b"AUTH", password], target.patience).await,
        }
    }

    /// Selects the database before anything is sent: keys that were sent together with SELECT
    /// would go into another database if that one is refused.
    async fn select(&mut self, target: &Target) -> Result<(), Failure> {
        if self.db != target.db {
            let number = target.db.to_string();
            self.ask(&[b"SELECT", number.as_bytes()], target.patience).await?;
            self.db = target.db;
        }
        Ok(())
    }

    async fn ask(&mut self, words: &[&[u8]], patience: Duration) -> Result<(), Failure> {
        let mut command = Vec::new();
        write_command(words, &mut command);
        write_pieces(&mut self.write, &command, patience).await?;
        match read_reply(&mut self.read, patience).await? {
            Reply::Done => Ok(()),
            Reply::Error(text) => Err(Failure::Refused(text)),
        }
    }

    /// Sends the items and takes their replies at the same time, since neither side may have room
    /// for all of them.
    async fn send(
        &mut self,
        items: &[Item],
        patience: Duration,
        delivered: &mut Delivered,
    ) -> Result<(), Failure> {
        let Self { read, write, .. } = self;
        let sending = async {
            let mut pending = Vec::new();
            for item in items {
                write_item(item, &mut pending);
                if pending.len() >= PIECE {
                    write_pieces(write, &pending, patience).await?;
                    pending.clear();
                }
            }
            write_pieces(write, &pending, patience).await
        };
        let taking = async {
            for accepted in &mut delivered.accepted {
                match read_reply(read, patience).await? {
                    Reply::Done => *accepted = true,
                    Reply::Error(text) if delivered.error.is_none() => {
                        delivered.error = Some(refusal(&text));
                    }
                    Reply::Error(_) => {}
                }
            }
            Ok(())
        };
        let (sent, taken) = tokio::join!(sending, taking);
        sent.and(taken)
    }
}

fn write_item(item: &Item, out: &mut Vec<u8>) {
    match &item.value {
        None => write_command(&[b"DEL", item.key.as_slice()], out),
        Some(ItemValue { payload, ttl, replace }) => {
            let ttl = ttl.to_string();
            let words: [&[u8]; 5] = [b"RESTORE", &item.key, ttl.as_bytes(), payload, b"REPLACE"];
            write_command(&words[..if *replace { 5 } else { 4 }], out);
        }
    }
}

async fn write_pieces(
    write: &mut OwnedWriteHalf,
    bytes: &[u8],
    patience: Duration,
) -> Result<(), Failure> {
    for piece in bytes.chunks(PIECE) {
        let written = timeout(patience, write.write_all(piece)).await;
        written.map_err(|_| Failure::Writing)?.map_err(|_| Failure::Writing)?;
    }
    Ok(())
}

/// A reply of one line.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Done,
    /// Its text.
    Error(Vec<u8>),
}

impl Reply {
    /// Reads a line with its end. All that we ask for is answered by a status, a number or an error.
    fn parse(line: &[u8]) -> Option<Self> {
        match line.strip_suffix(b"\r\n")? {
            [b'+' | b':', ..] => Some(Self::Done),
            [b'-', text @ ..] => Some(Self::Error(text.to_vec())),
            _ => None,
        }
    }
}

async fn read_reply(
    read: &mut BufReader<OwnedReadHalf>,
    patience: Duration,
) -> Result<Reply, Failure> {
    let mut line = Vec::new();
    let mut bounded = read.take(LONGEST_REPLY);
    let reading = bounded.read_until(b'\n', &mut line);
    timeout(patience, reading)
        .await
        .map_err(|_| Failure::Reading)?
        .map_err(|_| Failure::Reading)?;
    Reply::parse(&line).ok_or(Failure::Reading)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_statuses_numbers_and_errors() {
        assert_eq!(Reply::parse(b"+OK\r\n"), Some(Reply::Done));
        assert_eq!(Reply::parse(b":1\r\n"), Some(Reply::Done));
        assert_eq!(Reply::parse(b"-ERR x\r\n"), Some(Reply::Error(b"ERR x".to_vec())));
        for wrong in ["", "+OK", "$-1\r\n", "\r\n", "HTTP/1.1 400 Bad Request\r\n"] {
            assert_eq!(Reply::parse(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn whoever_finds_no_place_waits_for_one_but_not_longer_than_it_may() {
        actix_rt::System::new().block_on(async {
            let peers = Peers::default();
            let short = Duration::from_millis(20);
            let mut places = Vec::new();
            for _ in 0..MOST_OPEN {
                places.push(peers.place(short).await.unwrap());
            }
            assert!(matches!(peers.place(short).await, Err(Failure::Unknown)));
            let (place, ()) = tokio::join!(peers.place(Duration::from_secs(10)), async {
                places.pop();
            });
            assert!(place.is_ok());
        });
    }

    #[test]
    fn items_are_restored_or_deleted() {
        let value = |replace| ItemValue { payload: b"p".to_vec(), ttl: 7, replace };
        for (value, expected) in [
            (Some(value(false)), "*4\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n7\r\n$1\r\np\r\n"),
            (
                Some(value(true)),
                "*5\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$1\r\n7\r\n$1\r\np\r\n$7\r\nREPLACE\r\n",
            ),
            (None, "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n"),
        ] {
            let mut out = Vec::new();
            write_item(&Item { key: b"k".to_vec(), value }, &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected);
        }
    }
}
