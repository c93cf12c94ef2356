//! Kernel truth of sockets: congestion window, round trips, retransmissions, joined to the packets by the flow key.
//!
//! In: TCP tracepoints through a kernel program (`bpf/sockets.bpf.c`), or where that cannot be, dumps by netlink; SCTP's
//! tracepoints and dumps. Out: [`SocketSample`](sce_proto::SocketSample) records, per interval and socket, and at every event where asked for.
//! Nothing here looks at packets or decides what a number means.

pub mod command;
mod diag;
mod ends;
mod filter;
mod interval;
#[cfg(feature = "ebpf")]
mod kernel;
#[cfg(not(feature = "ebpf"))]
#[path = "absent.rs"]
mod kernel;
mod layout;
mod sampler;
mod sctp;
mod tcp_info;
mod trace;

pub use diag::{Diag, DiagSocket};
pub use ends::{Ends, on_the_wire};
pub use filter::{Filter, MAX_NETS, MAX_PORTS, Prefix};
pub use interval::Labels;
pub use layout::{Event, EventKind, State, Totals};
pub use sampler::{Lost, Options, Sockets};
pub use tcp_info::TcpInfo;
pub use trace::{Style, Trace};

const TCP: u8 = 6;
