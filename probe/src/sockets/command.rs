//! `sce-probe sockets`: what the kernel does with its congestion windows, on this terminal, without a collector.

use std::io::{self, Write};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use sce_proto::{Kind, Record, SocketSample};

use super::filter::{Filter, Prefix};
use super::sampler::{Options, Sockets};
use super::trace::{Style, Trace};
use crate::units;

/// Time between two looks at the ring buffer.
const LOOK: Duration = Duration::from_millis(20);

/// Form of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    /// One line per kernel event, as tcc-trace prints it
    Line,
    /// One JSON object per kernel event, with the names of tcc-trace
    Json,
    /// One JSON object per socket and interval, with the fields of the record SocketSample
    Samples,
}

/// Which sockets.
#[derive(Debug, Clone, Args)]
pub struct FilterArgs {
    /// Only sockets with an end at this address or prefix; up to 8, separated by commas
    #[arg(long = "ip", value_name = "ADDRESS", value_delimiter = ',')]
    pub ip: Vec<Prefix>,
    /// Only sockets with an end at this port; up to 8, separated by commas
    #[arg(long = "port", value_name = "PORT", value_delimiter = ',')]
    pub port: Vec<u16>,
    /// Sockets of all network namespaces of this host, not only of the command's own
    #[arg(long)]
    pub all_netns: bool,
}

/// Options of `sockets`.
#[derive(Debug, Args)]
pub struct SocketsArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a comment here would become the command's description")]
    pub filter: FilterArgs,
    /// Form of output
    #[arg(short, long, value_enum, default_value = "line")]
    pub output: Output,
    /// Length of an interval, with `-o samples`
    #[arg(long, value_name = "TIME", value_parser = units::duration, default_value = "1s")]
    pub interval: Duration,
    /// Use no kernel program: sample by inet_diag, with `-o samples`
    #[arg(long)]
    pub without_ebpf: bool,
    /// End after this time
    #[arg(long, value_name = "TIME", value_parser = units::duration)]
    pub duration: Option<Duration>,
}

/// Prints until the time is up, or without end.
pub fn run(args: &SocketsArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let filter = Filter::new(args.filter.ip.clone(), args.filter.port.clone()).map_err(anyhow::Error::msg)?;
    let options = Options {
        filter,
        all_netns: args.filter.all_netns,
        events: args.output != Output::Samples,
        without_ebpf: args.without_ebpf,
        ..Options::default()
    };
    let (mut sockets, notes) = Sockets::open(options).context("the sockets of this host cannot be read")?;
    for note in &notes {
        tracing::warn!("{note}");
    }
    let style = match args.output {
        Output::Line => Style::Line,
        Output::Json => Style::Json,
        Output::Samples => return samples(args, &mut sockets, out),
    };
    if !sockets.traced() {
        bail!("events need the kernel program, which is not at work; `-o samples` does without it");
    }
    let (mut trace, mut failed) = (Trace::default(), Ok(()));
    until(args.duration, LOOK, || {
        sockets.events(|event, _| {
            if failed.is_ok() {
                failed = trace.print(event, style, out);
            }
        });
        report(&mut sockets);
        std::mem::replace(&mut failed, Ok(())).and_then(|()| out.flush())
    })
}

fn samples(args: &SocketsArgs, sockets: &mut Sockets, out: &mut impl Write) -> anyhow::Result<()> {
    until(args.duration, args.interval.max(LOOK), || {
        let mut samples = Vec::new();
        sockets.tick(&mut samples)?;
        for sample in &samples {
            writeln!(out, "{}", json(sample))?;
        }
        report(sockets);
        out.flush()
    })
}

/// Repeats at a steady pace.
fn until(duration: Option<Duration>, pace: Duration, mut step: impl FnMut() -> io::Result<()>) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut next = begin + pace;
    loop {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next = (next + pace).max(Instant::now());
        step().context("output")?;
        if duration.is_some_and(|d| begin.elapsed() >= d) {
            return Ok(());
        }
    }
}

fn report(sockets: &mut Sockets) {
    let lost = sockets.lost();
    if lost.events > 0 || lost.sockets > 0 {
        tracing::warn!(lost.events, lost.sockets, "The ring buffer or the table of sockets was full");
    }
}

/// All fields that are not zero, and the addresses as text.
fn json(sample: &SocketSample) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    for (i, field) in SocketSample::FIELDS.iter().enumerate() {
        let value = sample.get(i);
        if value.is_default() {
            continue;
        }
        let value = match field.kind {
            Kind::U64 if field.name == "flow_key" => format!("{:016x}", value.u64()).into(),
            Kind::U64 => value.u64().into(),
            Kind::I64 => value.i64().into(),
            Kind::Str => value.str().into(),
            Kind::Bytes => address(value.bytes()).into(),
        };
        object.insert(field.name.to_owned(), value);
    }
    object.into()
}

fn address(bytes: &[u8]) -> String {
    let v4 = <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    v4.or_else(|| <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from)).map_or_else(String::new, |a| a.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_print_what_is_known() {
        let src_ip = vec![10, 0, 0, 1];
        let sample = SocketSample { flow_key: 0xab, src_ip, cwnd_segments_last: 10, ..SocketSample::default() };
        let text = r#"{"flow_key":"00000000000000ab","src_ip":"10.0.0.1","cwnd_segments_last":10}"#;
        assert_eq!(json(&sample).to_string(), text);
    }
}
