// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Frames as tc sees them: ingress after GRO, egress before the queueing discipline.
//
// In:  packets at the tc hooks of one interface.
// Out: FRAMES, one record per frame: length, offload and VLAN metadata, time and the first SNAPLEN bytes; LOST, frames that
//      found the ring full. Packets go on untouched (TCX_NEXT).
//
// `struct frame` is read by src/source/ebpf.rs: change both together.

#include "helpers.h"

// The head of the kernel's stable view of a packet, include/uapi/linux/bpf.h.
struct __sk_buff {
	u32 len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
	u32 priority, ingress_ifindex, ifindex, tc_index, cb[5], hash, tc_classid, data;
	u32 data_end, napi_id, family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port;
	u32 local_port, data_meta;
	u64 flow_keys, tstamp;
	u32 wire_len, gso_segs;
	u64 sk;
	u32 gso_size;
};

#define NEXT (-1)

volatile const u32 SNAPLEN;

struct frame {
	u64 at_ns; // CLOCK_MONOTONIC
	u32 wire_len, captured;
	u32 gso_size, gso_segs;
	u16 vlan_tci;
	u8 vlan_present, outgoing;
	u32 pad;
	u8 data[];
};

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 16 << 20);
} FRAMES SEC(".maps");
struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} LOST SEC(".maps");

INLINE int take(struct __sk_buff *skb, u8 outgoing)
{
	struct frame *f = bpf_ringbuf_reserve(&FRAMES, sizeof(*f) + SNAPLEN, 0);
	if (!f) {
		u32 zero = 0;
		u64 *lost = bpf_map_lookup_elem(&LOST, &zero);
		if (lost)
			*lost += 1;
		return NEXT;
	}
	f->at_ns = bpf_ktime_get_ns();
	f->wire_len = skb->len;
	f->gso_size = skb->gso_size;
	f->gso_segs = skb->gso_segs;
	f->vlan_present = skb->vlan_present != 0;
	f->vlan_tci = skb->vlan_tci;
	f->outgoing = outgoing;
	f->pad = 0;
	u32 n = skb->len;
	if (n > SNAPLEN)
		n = SNAPLEN;
	f->captured = 0;
	if (n > 0 && bpf_skb_load_bytes(skb, 0, f->data, n) == 0)
		f->captured = n;
	// User space looks every few milliseconds: a wake-up per frame would cost more than the frame.
	bpf_ringbuf_submit(f, RB_NO_WAKEUP);
	return NEXT;
}

SEC("classifier") int ingress(struct __sk_buff *skb)
{
	return take(skb, 0);
}

SEC("classifier") int egress(struct __sk_buff *skb)
{
	return take(skb, 1);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
