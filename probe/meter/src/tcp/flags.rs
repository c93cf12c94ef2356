//! Raw TCP flag counters, RFC 9293 section 3.1, RFC 3168 section 6.1 and RFC 9768 section 3.1.

use sce_proto::FlowInterval;

use crate::packet::{Packet, Segment, flag};

/// How many segments carried each flag, since the last report.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flags {
    fin: u32,
    syn: u32,
    rst: u32,
    psh: u32,
    ack: u32,
    urg: u32,
    ece: u32,
    cwr: u32,
    ae: u32,
    pure_acks: u32,
}

impl Flags {
    pub(crate) fn observe(&mut self, p: &Packet<'_>, s: &Segment<'_>) {
        let pure = p.payload_bytes == 0 && s.flags & (flag::ACK | flag::SYN | flag::FIN | flag::RST) == flag::ACK;
        self.pure_acks += u32::from(pure);
        if s.flags == flag::ACK {
            self.ack += p.segments;
            return;
        }
        let of = |bit: u16| u32::from(s.flags & bit != 0);
        // Segmentation repeats these bits on every wire packet ...
        let n = p.segments;
        self.ack += of(flag::ACK) * n;
        self.ece += of(flag::ECE) * n;
        self.ae += of(flag::AE) * n;
        self.urg += of(flag::URG) * n;
        // ... CWR only on the first, PSH and FIN only on the last one.
        self.cwr += of(flag::CWR);
        self.psh += of(flag::PSH);
        self.fin += of(flag::FIN);
        self.syn += of(flag::SYN);
        self.rst += of(flag::RST);
    }

    pub(crate) fn report(&mut self, out: &mut FlowInterval) {
        let Flags { fin, syn, rst, psh, ack, urg, ece, cwr, ae, pure_acks } = std::mem::take(self);
        out.tcp_fin = u64::from(fin);
        out.tcp_syn = u64::from(syn);
        out.tcp_rst = u64::from(rst);
        out.tcp_psh = u64::from(psh);
        out.tcp_ack = u64::from(ack);
        out.tcp_urg = u64::from(urg);
        out.tcp_ece = u64::from(ece);
        out.tcp_cwr = u64::from(cwr);
        out.tcp_ae = u64::from(ae);
        out.pure_acks = u64::from(pure_acks);
    }
}
