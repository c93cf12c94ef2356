//! Three network namespaces in a row (client, router, server), for live tests of the kernel programs.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

/// A path that is taken down when dropped. Interfaces: client `up0`, router `west` and `east`, server `down0`.
pub(crate) struct Path {
    pub(crate) client: String,
    pub(crate) router: String,
    pub(crate) server: String,
}

/// Address of the server.
pub(crate) const SERVER: &str = "10.91.2.2";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Runs a command line; its standard output.
pub(crate) fn run(line: &str) -> Result<String, String> {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap_or_default();
    let out = Command::new(program).args(words).output().map_err(|e| format!("{program}: {e}"))?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(format!("{line}: {}", String::from_utf8_lossy(&out.stderr).trim()))
}

impl Path {
    /// Builds the path, with all offloads on; says why not where this machine cannot.
    pub(crate) fn build() -> Result<Path, String> {
        let id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let name = |node: &str| format!("scek-{id}-{node}");
        let path = Path { client: name("c"), router: name("r"), server: name("s") };
        for ns in [&path.client, &path.router, &path.server] {
            run(&format!("ip netns add {ns}"))?;
            run(&format!("ip -n {ns} link set lo up"))?;
            // Nothing but the test's own packets.
            run(&format!(
                "ip netns exec {ns} sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
            ))?;
        }
        let (c, r, s) = (&path.client, &path.router, &path.server);
        run(&format!("ip link add up0 netns {c} type veth peer name west netns {r}"))?;
        run(&format!("ip link add east netns {r} type veth peer name down0 netns {s}"))?;
        let links =
            [((c, "up0", "10.91.1.2"), (r, "west", "10.91.1.1")), ((r, "east", "10.91.2.1"), (s, "down0", SERVER))];
        for (one, other) in links {
            for ((ns, interface, address), mac) in [(one, "02:00:00:00:00:01"), (other, "02:00:00:00:00:02")] {
                run(&format!("ip -n {ns} address add {address}/24 dev {interface}"))?;
                run(&format!("ip -n {ns} link set {interface} address {mac} up"))?;
            }
            // Who waits for an answer to ARP holds some ninety packets and drops the others, where no test looks.
            for ((ns, interface, _), (_, _, address), mac) in
                [(one, other, "02:00:00:00:00:02"), (other, one, "02:00:00:00:00:01")]
            {
                run(&format!("ip -n {ns} neighbour replace {address} dev {interface} lladdr {mac} nud permanent"))?;
            }
        }
        run(&format!("ip -n {c} route add default via 10.91.1.1"))?;
        run(&format!("ip -n {s} route add default via 10.91.2.1"))?;
        run(&format!("ip netns exec {r} sysctl -qw net.ipv4.ip_forward=1"))?;
        for ns in [c, s] {
            run(&format!("ip netns exec {ns} sysctl -qw net.ipv4.tcp_ecn=1"))?;
        }
        Ok(path)
    }

    /// The server receives wire packets: what leaves the router is segmented, and nothing is merged again.
    pub(crate) fn segment_on_the_last_link(&self) -> Result<(), String> {
        for (ns, interface) in [(&self.router, "east"), (&self.server, "down0")] {
            run(&format!("ip netns exec {ns} ethtool -K {interface} tso off gso off gro off tx off"))?;
        }
        Ok(())
    }

    /// The client sends wire packets.
    pub(crate) fn segment_at_the_client(&self) -> Result<(), String> {
        run(&format!("ip netns exec {} ethtool -K up0 tso off gso off", self.client)).map(|_| ())
    }

    /// The client sends nothing again because an acknowledgement is late: the machine may stall, and what was acknowledged
    /// in time then looks as if it had not been.
    pub(crate) fn nothing_twice_unless_lost(&self) -> Result<(), String> {
        let c = &self.client;
        run(&format!("ip netns exec {c} sysctl -qw net.ipv4.tcp_early_retrans=0"))?;
        // Two processors may send the packets of one burst: what overtook others is no sign of a loss.
        run(&format!("ip netns exec {c} sysctl -qw net.ipv4.tcp_recovery=0 net.ipv4.tcp_reordering=300"))?;
        run(&format!("ip -n {c} route change default via 10.91.1.1 rto_min 10s")).map(|_| ())
    }

    /// Limits the rate towards the server.
    pub(crate) fn limit(&self, mbit: u32, queue_bytes: u32) -> Result<(), String> {
        let r = &self.router;
        run(&format!("tc -n {r} qdisc add dev east root tbf rate {mbit}mbit burst 3000 limit {queue_bytes}"))
            .map(|_| ())
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        for ns in [&self.client, &self.router, &self.server] {
            let _ = run(&format!("ip netns del {ns}"));
        }
    }
}

/// Does something inside a namespace, on a thread of its own.
pub(crate) fn within<T: Send>(ns: &str, work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let file = File::open(format!("/run/netns/{ns}")).unwrap();
            setns(file, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

/// TCP events at a steady rate inside a namespace, over loopback: every byte that is written is an event where it arrives,
/// and its acknowledgement another one at the sender. As many as the machine can make if `events_per_s` is 0.
pub(crate) fn chatter(ns: &str, length: Duration, events_per_s: u32) {
    const CONNECTIONS: u32 = 64;
    within(ns, || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut pairs: Vec<(TcpStream, TcpStream)> = (0..CONNECTIONS)
            .map(|_| {
                let talker = TcpStream::connect(address).unwrap();
                talker.set_nodelay(true).unwrap();
                (talker, listener.accept().unwrap().0)
            })
            .collect();
        let round = Duration::from_secs(1).checked_div(events_per_s / (2 * CONNECTIONS)).unwrap_or_default();
        let begin = Instant::now();
        let mut next = begin;
        while begin.elapsed() < length {
            for (talker, listener) in &mut pairs {
                talker.write_all(&[1]).unwrap();
                listener.read_exact(&mut [0]).unwrap();
            }
            next += round;
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    });
}
