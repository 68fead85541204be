//! Listening: binds the addresses of the settings, accepts on the control thread, and deals
//! connections out over the shard threads.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use shardwright_config::{Loaded, Settings};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use thiserror::Error;
use tokio::net::{TcpListener, UnixListener};

use crate::clients::Peer;
use crate::clock::Clock;
use crate::gateway::{Adopt, refuse};
use crate::seldom::Seldom;
use crate::server::Server;
use crate::socket::Accepted;

/// Pause after an accept failed for lack of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a client that is not from this machine reads while nobody has set a password or an address.
const PROTECTED: &str = "DENIED Redis is running in protected mode because protected mode is enabled \
    and no password is set for the default user. In this mode connections are only accepted from \
    the loopback interface. If you want to connect from external computers to Redis you may adopt \
    one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
    protected-mode no' from the loopback interface by connecting to Redis from the same host the \
    server is running, however MAKE SURE Redis is not publicly accessible from internet if you do \
    so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the \
    protected mode by editing the Redis configuration file, and setting the protected mode option \
    to 'no', and then restarting the server. 3) If you started the server manually just for \
    testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication \
    password for the default user. NOTE: You only need to do one of the above things in order for \
    the server to start accepting connections from the outside.";

/// Why the server does not listen.
#[derive(Debug, Error)]
pub enum ListenError {
    /// An address cannot be used.
    #[error("{setting}, but {address} cannot be listened on: {source}")]
    Address {
        /// The parameter that is at fault, with its value and where it was set.
        setting: String,
        /// The address.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// Neither an address nor a Unix socket is left to listen on.
    #[error("nothing to listen on: 'port' is 0 and 'unixsocket' is not set")]
    Nothing,
}

/// Sockets that the server listens on.
#[derive(Debug)]
pub struct Listeners {
    tcp: Vec<TcpListener>,
    unix: Option<UnixListener>,
    /// The Unix socket's file, to be removed at the end.
    pub unix_path: Option<PathBuf>,
    /// Addresses for the banner.
    pub addresses: Vec<String>,
}

impl Listeners {
    /// Binds all addresses of the settings. On the thread that will accept.
    ///
    /// # Errors
    /// An address that is not optional cannot be used, or there is none.
    pub fn bind(loaded: &Loaded) -> Result<Self, ListenError> {
        let settings = &loaded.settings;
        let mut tcp = Vec::new();
        let mut addresses = Vec::new();
        let backlog = i32::try_from(settings.tcp_backlog).unwrap_or(i32::MAX);
        if settings.port != 0 {
            for address in &settings.bind {
                match bind_tcp(address.host(), settings.port, backlog) {
                    Ok(listener) => {
                        addresses.push(format!("{}:{}", address.host(), settings.port));
                        tcp.push(listener);
                    }
                    Err(error) if address.optional && is_missing(&error) => {
                        tracing::debug!(address = address.name, %error, "optional address left out");
                    }
                    Err(source) => {
                        let setting = loaded.tell(at_fault(&source, "port", "bind"));
                        let address = format!("{}:{}", address.name, settings.port);
                        return Err(ListenError::Address { setting, address, source });
                    }
                }
            }
        }
        let unix_path = settings.unixsocket.clone();
        let unix = match &unix_path {
            Some(path) => {
                let listener = bind_unix(path, settings).map_err(|source| {
                    let (setting, address) =
                        (loaded.tell("unixsocket"), path.display().to_string());
                    ListenError::Address { setting, address, source }
                })?;
                addresses.push(path.display().to_string());
                Some(listener)
            }
            None => None,
        };
        if tcp.is_empty() && unix.is_none() {
            return Err(ListenError::Nothing);
        }
        Ok(Self { tcp, unix, unix_path, addresses })
    }

    /// Accepts on all sockets until the returned tasks are aborted.
    pub fn accept(self, server: &Arc<Server>) -> Vec<AcceptTask> {
        let dealer = Rc::new(Dealer {
            server: Arc::clone(server),
            next: AtomicUsize::new(0),
            clock: Clock::new(),
            told_of_failure: Seldom::default(),
        });
        let mut tasks = Vec::new();
        for listener in self.tcp {
            let dealer = Rc::clone(&dealer);
            tasks.push(actix_rt::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((socket, peer)) => dealer.deal_tcp(socket, peer),
                        Err(error) => dealer.accept_failed(&error).await,
                    }
                }
            }));
        }
        if let (Some(listener), Some(path)) = (self.unix, self.unix_path) {
            tasks.push(actix_rt::spawn(async move {
                loop {
                    match listener.accept().await {
                        Ok((socket, _)) => dealer.deal_unix(socket, &path),
                        Err(error) => dealer.accept_failed(&error).await,
                    }
                }
            }));
        }
        tasks
    }
}

/// What accepts on a socket until it is aborted.
pub type AcceptTask = tokio::task::JoinHandle<()>;

/// The parameter to look at when an address with a port cannot be listened on.
pub(crate) fn at_fault(error: &io::Error, port: &'static str, bind: &'static str) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => port,
        _ => bind,
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported)
        || error.raw_os_error() == Some(97)
}

fn bind_tcp(host: &str, port: u16, backlog: i32) -> io::Result<TcpListener> {
    let address = (host, port).to_socket_addrs()?.next();
    let address = address.ok_or_else(|| io::Error::from(io::ErrorKind::AddrNotAvailable))?;
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    TcpListener::from_std(socket.into())
}

fn bind_unix(path: &Path, settings: &Settings) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    if settings.unixsocketperm.0 != 0 {
        let mode = std::fs::Permissions::from_mode(settings.unixsocketperm.0);
        std::fs::set_permissions(path, mode)?;
    }
    Ok(listener)
}

/// Deals connections out over the shard threads, one after the other.
struct Dealer {
    server: Arc<Server>,
    next: AtomicUsize,
    clock: Clock,
    /// Whoever makes accepting fail can do so as often as it is tried.
    told_of_failure: Seldom,
}

impl Dealer {
    async fn accept_failed(&self, error: &io::Error) {
        if self.told_of_failure.is_due(self.clock.now()) {
            tracing::warn!(%error, "connections cannot be accepted, which is told once a minute");
        }
        actix_rt::time::sleep(ACCEPT_PAUSE).await;
    }

    fn deal_tcp(&self, socket: tokio::net::TcpStream, peer: SocketAddr) {
        let settings = self.server.settings();
        let prepared = prepare(socket, settings.tcp_keepalive);
        let (socket, local) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                tracing::debug!(%error, "a connection ended before it was taken in");
                return;
            }
        };
        let peer_info = Peer {
            address: peer.to_string(),
            local_address: local.to_string(),
            fd: socket.as_raw_fd(),
            unix: false,
            local: peer.ip().to_canonical().is_loopback(),
        };
        let socket = Accepted::Tcp(socket);
        if settings.protected_mode && self.server.is_open() && !peer_info.local {
            refuse(socket, PROTECTED);
            return;
        }
        self.deal(socket, peer_info, &settings);
    }

    fn deal_unix(&self, socket: tokio::net::UnixStream, path: &Path) {
        let settings = self.server.settings();
        let socket = match socket.into_std() {
            Ok(socket) => socket,
            Err(error) => {
                tracing::debug!(%error, "a connection ended before it was taken in");
                return;
            }
        };
        let address = format!("{}:0", path.display());
        let peer = Peer {
            local_address: address.clone(),
            address,
            fd: socket.as_raw_fd(),
            unix: true,
            local: true,
        };
        self.deal(Accepted::Unix(socket), peer, &settings);
    }

    fn deal(&self, socket: Accepted, peer: Peer, settings: &Settings) {
        if !self.server.clients.admit(settings.maxclients as usize) {
            refuse(socket, "ERR max number of clients reached");
            return;
        }
        let Some(directory) = self.server.directory() else { return };
        let thread = self.next.fetch_add(1, Relaxed) % directory.threads.len();
        directory.threads[thread].gateway.do_send(Adopt { socket, peer });
    }
}

/// Sets what every TCP connection gets, and takes it off this thread's runtime.
fn prepare(
    socket: tokio::net::TcpStream,
    keepalive: Duration,
) -> io::Result<(std::net::TcpStream, SocketAddr)> {
    let local = socket.local_addr()?;
    let socket = socket.into_std()?;
    socket.set_nodelay(true)?;
    if !keepalive.is_zero() {
        let probes = TcpKeepalive::new()
            .with_time(keepalive)
            .with_interval((keepalive / 3).max(Duration::from_secs(1)))
            .with_retries(3);
        SockRef::from(&socket).set_tcp_keepalive(&probes)?;
    }
    Ok((socket, local))
}
