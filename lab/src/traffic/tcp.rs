//! TCP bulk flows: the client writes, closes its side, and waits for the server's close.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use socket2::{Domain, Socket, Type};

use super::{Load, STALL, Sent, TCP_PORT};
use crate::system;

/// How long a connection may take to close: a lost FIN is sent again after 0.2, 0.6, 1.4, 3, 6.2 ... seconds.
const CLOSING: Duration = Duration::from_secs(60);

/// The server's side of a run: reads `flows` connections to their ends.
#[derive(Debug)]
pub(super) struct Sink {
    senders_gone: Arc<AtomicBool>,
    reader: JoinHandle<Result<u64>>,
}

impl Sink {
    /// Listens, so that clients can connect when this returns.
    pub(super) fn open(namespace: &str, address: IpAddr, flows: u16) -> Result<Self> {
        let listener = system::within(namespace, || listen(address))?;
        let senders_gone = Arc::new(AtomicBool::new(false));
        let gone = senders_gone.clone();
        Ok(Self { senders_gone, reader: std::thread::spawn(move || accept(&listener, flows, &gone)) })
    }

    /// Call when all senders have ended. Answers the bytes received.
    pub(super) fn finish(self) -> Result<u64> {
        self.senders_gone.store(true, Ordering::Relaxed);
        self.reader.join().map_err(|_| anyhow!("the server's thread panicked"))?
    }
}

fn listen(address: IpAddr) -> Result<TcpListener> {
    TcpListener::bind((address, TCP_PORT)).context("cannot listen: is other traffic running in this lab?")
}

fn accept(listener: &TcpListener, flows: u16, senders_gone: &AtomicBool) -> Result<u64> {
    listener.set_nonblocking(true)?;
    let mut readers = Vec::new();
    while readers.len() < usize::from(flows) {
        let last_look = senders_gone.load(Ordering::Relaxed);
        match listener.accept() {
            Ok((stream, _)) => readers.push(std::thread::spawn(move || read_to_end(stream))),
            Err(error) if error.kind() == ErrorKind::WouldBlock && !last_look => {
                std::thread::sleep(Duration::from_millis(2));
            }
            // A sender that failed has said so itself.
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error).context("cannot accept a TCP flow"),
        }
    }
    readers.into_iter().map(|r| r.join().map_err(|_| anyhow!("a reader panicked"))?).sum()
}

/// Serves connections until the process ends.
pub(super) fn serve_forever(address: IpAddr) -> Result<()> {
    let listener = listen(address)?;
    loop {
        let (stream, _) = listener.accept()?;
        std::thread::spawn(move || read_to_end(stream));
    }
}

fn read_to_end(mut stream: TcpStream) -> Result<u64> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(STALL))?;
    let (mut buffer, mut total) = (vec![0; 256 * 1024], 0);
    loop {
        match stream.read(&mut buffer).context("a TCP flow stalled")? {
            0 => return Ok(total),
            n => total += n as u64,
        }
    }
}

/// Sends one flow from the calling thread's namespace, to the end of the connection. Port 0: any.
pub(super) fn send(server: IpAddr, src_port: u16, load: &Load, deadline: Option<Instant>) -> Result<Sent> {
    let socket = Socket::new(Domain::for_address((server, TCP_PORT).into()), Type::STREAM, None)?;
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    socket.bind(&SocketAddr::from((any, src_port)).into()).with_context(|| format!("cannot use port {src_port}"))?;
    let target = SocketAddr::from((server, TCP_PORT));
    socket.connect_timeout(&target.into(), STALL).context("cannot connect to the server of the lab")?;
    let mut stream = TcpStream::from(socket);
    let src_port = stream.local_addr()?.port();
    stream.set_write_timeout(Some(STALL))?;
    stream.set_read_timeout(Some(STALL))?;

    // Paced flows write little at a time, so that the pace holds within milliseconds.
    let block = vec![0; if load.tcp_rate.is_some() { 8 * 1024 } else { 64 * 1024 }];
    let started = Instant::now();
    let mut sent = 0;
    loop {
        let left = match deadline {
            Some(deadline) if Instant::now() < deadline => block.len() as u64,
            Some(_) => 0,
            None => load.bytes - sent,
        };
        if left == 0 {
            break;
        }
        let n = left.min(block.len() as u64) as usize;
        stream.write_all(&block[..n]).context("a TCP flow stalled")?;
        sent += n as u64;
        if let Some(mbit) = load.tcp_rate {
            let due = Duration::from_secs_f64(sent as f64 * 8.0 / (mbit * 1e6));
            std::thread::sleep(due.saturating_sub(started.elapsed()));
        }
    }
    stream.shutdown(Shutdown::Write)?;
    // The server closes when it has read everything.
    stream.read_to_end(&mut Vec::new()).context("a TCP flow did not close")?;
    Ok(Sent { src_port, amount: sent })
}

/// Waits until no connection of the namespace can send anything of its own accord any more.
pub(super) fn wait_until_closed(namespace: &str) -> Result<()> {
    system::within(namespace, || {
        let deadline = Instant::now() + CLOSING;
        loop {
            let mut open = 0;
            for table in ["tcp", "tcp6"] {
                let text = std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
                open += text.lines().skip(1).filter(|line| is_active(line)).count();
            }
            if open == 0 {
                // The last packets may still be between two nodes.
                std::thread::sleep(Duration::from_millis(50));
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{open} TCP connections in {namespace} are still closing: the counts are not final");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    })
}

/// Whether a line of /proc/net/tcp is a connection of ours that is neither closed, listening, nor in TIME_WAIT.
fn is_active(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let port = |address: &str| address.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
    let ours = words.iter().skip(1).take(2).any(|address| port(address) == Some(TCP_PORT));
    ours && words.get(3).is_some_and(|state| !matches!(*state, "06" | "07" | "0A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_living_connections_of_the_lab_count() {
        let line = |local: &str, remote: &str, state: &str| format!("   0: {local} {remote} {state} 00000000:00000000");
        assert!(is_active(&line("02034D0A:1451", "02014D0A:2710", "09"))); // LAST_ACK
        assert!(is_active(&line("02014D0A:2710", "02034D0A:1451", "01"))); // ESTABLISHED
        assert!(!is_active(&line("02014D0A:2710", "02034D0A:1451", "06"))); // TIME_WAIT
        assert!(!is_active(&line("02034D0A:1451", "00000000:0000", "0A"))); // LISTEN
        assert!(!is_active(&line("02034D0A:1452", "02014D0A:2710", "01"))); // another port
    }
}
