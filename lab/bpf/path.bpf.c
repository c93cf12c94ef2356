// SPDX-License-Identifier: MIT OR Apache-2.0
//
// The packet side of the lab: counts every packet at one point of the path, and at the
// routers decides what happens to it.
//
// In:  packets at a tc hook (ingress or egress) of one interface; the point's settings in POINTS.
// Out: the packet (marked, bleached, stripped, echoed, translated or dropped), the truth in FLOWS,
//      and, where asked for, one event per packet in LOG.
//
// The object is loaded once per point with its own POINT; the maps are shared by pinning.
// Rust reads the same layouts in src/layout.rs: change both together.

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/pkt_cls.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#define PIN_BY_NAME 1

// The few kernel helpers in use, declared here so that clang and the kernel headers are enough to build.
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_lookup_elem;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) =
	(void *)BPF_FUNC_map_update_elem;
static long (*bpf_map_delete_elem)(void *map, const void *key) = (void *)BPF_FUNC_map_delete_elem;
static u64 (*bpf_ktime_get_ns)(void) = (void *)BPF_FUNC_ktime_get_ns;
static long (*bpf_skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)BPF_FUNC_skb_load_bytes;
static long (*bpf_skb_store_bytes)(struct __sk_buff *skb, u32 offset, const void *from, u32 len, u64 flags) =
	(void *)BPF_FUNC_skb_store_bytes;
static long (*bpf_l3_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) =
	(void *)BPF_FUNC_l3_csum_replace;
static long (*bpf_l4_csum_replace)(struct __sk_buff *skb, u32 offset, u64 from, u64 to, u64 flags) =
	(void *)BPF_FUNC_l4_csum_replace;
static void *(*bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)BPF_FUNC_ringbuf_reserve;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)BPF_FUNC_ringbuf_submit;

enum { NOT_ECT, ECT1, ECT0, CE, DROPPED, OUTCOMES };
enum { TCP_FIN = 0x01, TCP_SYN = 0x02, TCP_RST = 0x04, TCP_ACK = 0x10, TCP_AE = 0x100 };
enum { PROTO_TCP = 1, PROTO_UDP = 2, PROTO_ICMP = 4, PROTO_OTHER = 8 };
enum { ESCE_OFF, ESCE_FULL, ESCE_HALF };
enum { NAT_OFF, NAT_SOURCE, NAT_DESTINATION };

#define L3_OFFSET ETH_HLEN
#define MAX_POINTS 16
#define ICMPV6 58

// Settings of one point. Probabilities are fractions of 2^32, so that 1.0 is expressible.
struct point {
	u64 seed;
	u64 drop, ce, sce, bleach; // exclusive: one draw decides among them
	u64 strip_ae;		   // an own draw
	u64 protos;		   // PROTO_* that decisions apply to
	u64 payload_only;	   // 1: decisions leave packets without payload alone
	u64 log;		   // 1: one event per packet
	u64 esce_learn;		   // 1: remember SCE segments that arrive
	u64 esce_echo;		   // ESCE_*: set AE on the ACKs of those
	u64 nat;		   // NAT_*
};

// One direction of one flow at one point. IPv4 addresses use the first four bytes.
struct flow_key {
	u8 point, proto, family, zero;
	u16 src_port, dst_port; // network order; both the identifier for ICMP echo
	u8 src[16], dst[16];
};

struct cell {
	u64 packets, ip_bytes, payload_packets, payload_bytes;
};

struct flow {
	u64 next_index; // wire segments so far, that is the next packet's index
	u64 first_ns, last_ns;
	u64 buffers; // kernel buffers that passed, with one segment or, with offloads on, more
	u64 ae_packets, ae_stripped_packets;
	u64 esce_acks, esce_bytes;	       // AE set: ACKs, and SCE payload bytes that they echo
	u64 withheld_acks, withheld_bytes;     // AE due but withheld (half)
	struct cell cells[4][OUTCOMES];
};

struct event {
	u64 mono_ns;
	u64 index;
	struct flow_key key;
	u32 tcp_seq, tcp_ack;
	u32 ip_bytes, payload_bytes;
	u16 segments, ip_id;
	u8 ecn_in, outcome, ae_set, ae_stripped;
};

struct nat {
	u8 inside4[4], outside4[4], inside6[16], outside6[16];
	u16 port_xor, zero[3]; // network order
};

struct echo_key {
	struct flow_key flow;
	u32 end_seq;
	u32 latest; // 1, and end_seq 0: the entry that holds the end of the latest SCE segment
};

enum counter {
	LOG_LOST,
	FLOWS_OVERFLOW,
	ECHO_OVERFLOW,
	LOCAL_CONTROL, // link-local and multicast: neighbour discovery and the like, never touched
	NOT_IP,
	UNPARSED,
	EDIT_FAILED,
	COUNTERS
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_POINTS);
	__type(key, u32);
	__type(value, struct point);
	__uint(pinning, PIN_BY_NAME);
} POINTS SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct flow_key);
	__type(value, struct flow);
	__uint(pinning, PIN_BY_NAME);
} FLOWS SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct flow);
	__uint(pinning, PIN_BY_NAME);
} NEW_FLOW SEC(".maps"); // never written: the zeroes a flow starts with, too large for the stack

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct echo_key);
	__type(value, u64);
	__uint(pinning, PIN_BY_NAME);
} ECHO SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct nat);
	__uint(pinning, PIN_BY_NAME);
} NAT SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTERS);
	__type(key, u32);
	__type(value, u64);
	__uint(pinning, PIN_BY_NAME);
} COUNTS SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
	__uint(pinning, PIN_BY_NAME);
} LOG SEC(".maps");

const volatile u32 POINT = 0;

struct packet {
	struct flow_key key;
	u32 l4_offset;
	u32 ip_bytes, payload_bytes; // of the whole buffer, once over the wire: see wire_ip_bytes
	u32 segments;
	u32 tcp_seq, tcp_ack, tcp_header_len;
	u16 tcp_flags, ip_id;
	u8 tos, ecn, has_ports, fragment;
};

INLINE void count(u32 counter)
{
	u64 *value = bpf_map_lookup_elem(&COUNTS, &counter);
	if (value)
		__sync_fetch_and_add(value, 1);
}

INLINE u16 swap16(u16 x)
{
	return __builtin_bswap16(x);
}

// ---- decoding --------------------------------------------------------------------------------

INLINE int parse_ipv4(struct __sk_buff *skb, struct packet *p, u8 *proto)
{
	u8 h[20];
	if (bpf_skb_load_bytes(skb, L3_OFFSET, h, sizeof(h)) < 0)
		return -1;
	if (h[16] >= 224 || (h[16] == 169 && h[17] == 254)) {
		count(LOCAL_CONTROL);
		return 1;
	}
	u32 total = (u32)h[2] << 8 | h[3];
	u16 fragment = (u16)h[6] << 8 | h[7];
	p->ip_bytes = total ? total : skb->len - L3_OFFSET;
	p->tos = h[1];
	p->ip_id = (u16)h[4] << 8 | h[5];
	p->fragment = (fragment & 0x1fff) != 0;
	p->l4_offset = L3_OFFSET + (h[0] & 0x0f) * 4;
	p->key.family = 4;
	__builtin_memcpy(p->key.src, h + 12, 4);
	__builtin_memcpy(p->key.dst, h + 16, 4);
	*proto = h[9];
	return 0;
}

INLINE int parse_ipv6(struct __sk_buff *skb, struct packet *p, u8 *proto)
{
	u8 h[40];
	if (bpf_skb_load_bytes(skb, L3_OFFSET, h, sizeof(h)) < 0)
		return -1;
	if (h[24] == 0xff || (h[24] == 0xfe && (h[25] & 0xc0) == 0x80)) {
		count(LOCAL_CONTROL);
		return 1;
	}
	u32 length = (u32)h[4] << 8 | h[5];
	p->ip_bytes = length ? length + 40 : skb->len - L3_OFFSET;
	p->tos = h[0] << 4 | h[1] >> 4;
	p->key.family = 6;
	__builtin_memcpy(p->key.src, h + 8, 16);
	__builtin_memcpy(p->key.dst, h + 24, 16);
	p->l4_offset = L3_OFFSET + 40;
	u8 next = h[6];
	// Hop-by-hop, routing, fragment and destination options, as far as four of them.
#pragma unroll
	for (int i = 0; i < 4; i++) {
		u8 e[4];
		if (next != 0 && next != 43 && next != 44 && next != 60)
			break;
		if (bpf_skb_load_bytes(skb, p->l4_offset, e, sizeof(e)) < 0)
			return -1;
		if (next == 44) {
			p->fragment = (((u16)e[2] << 8 | e[3]) & 0xfff8) != 0;
			p->l4_offset += 8;
		} else {
			p->l4_offset += ((u32)e[1] + 1) * 8;
		}
		next = e[0];
		if (p->fragment)
			break;
	}
	*proto = next;
	return 0;
}

INLINE int parse_transport(struct __sk_buff *skb, struct packet *p, u8 proto)
{
	u32 headers = p->l4_offset - L3_OFFSET;
	u8 h[20];

	p->key.proto = proto;
	if (!p->fragment && proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(skb, p->l4_offset, h, 20) < 0)
			return -1;
		__builtin_memcpy(&p->key.src_port, h, 4);
		p->tcp_seq = (u32)h[4] << 24 | (u32)h[5] << 16 | (u32)h[6] << 8 | h[7];
		p->tcp_ack = (u32)h[8] << 24 | (u32)h[9] << 16 | (u32)h[10] << 8 | h[11];
		p->tcp_flags = (u16)(h[12] & 0x0f) << 8 | h[13];
		p->tcp_header_len = (h[12] >> 4) * 4;
		p->has_ports = 1;
		headers += p->tcp_header_len;
	} else if (!p->fragment && proto == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(skb, p->l4_offset, h, 8) < 0)
			return -1;
		__builtin_memcpy(&p->key.src_port, h, 4);
		p->has_ports = 1;
		headers += 8;
	} else if (!p->fragment && (proto == IPPROTO_ICMP || proto == ICMPV6)) {
		if (bpf_skb_load_bytes(skb, p->l4_offset, h, 8) < 0)
			return -1;
		int echo = proto == ICMPV6 ? h[0] == 128 || h[0] == 129 : h[0] == 8 || h[0] == 0;
		if (echo) {
			__builtin_memcpy(&p->key.src_port, h + 4, 2);
			p->key.dst_port = p->key.src_port;
		}
		headers += 8;
	}
	p->payload_bytes = p->ip_bytes > headers ? p->ip_bytes - headers : 0;
	p->segments = 1;
	// What the buffer becomes on a wire: one header and at most gso_size of payload per segment.
	if (skb->gso_size && p->payload_bytes > skb->gso_size)
		p->segments = (p->payload_bytes + skb->gso_size - 1) / skb->gso_size;
	p->ip_bytes += (p->segments - 1) * headers;
	return 0;
}

// 0: an IP packet to account; 1: nothing to do; below 0: damaged.
INLINE int parse(struct __sk_buff *skb, struct packet *p)
{
	u8 proto = 0;
	int result;

	__builtin_memset(p, 0, sizeof(*p));
	if (skb->protocol == swap16(ETH_P_IP))
		result = parse_ipv4(skb, p, &proto);
	else if (skb->protocol == swap16(ETH_P_IPV6))
		result = parse_ipv6(skb, p, &proto);
	else {
		count(NOT_IP);
		return 1;
	}
	if (result)
		return result;
	p->ecn = p->tos & 3;
	p->key.point = POINT;
	return parse_transport(skb, p, proto);
}

// ---- editing ---------------------------------------------------------------------------------

INLINE int set_ecn(struct __sk_buff *skb, struct packet *p, u8 ecn)
{
	u8 old[2], new[2];
	if (bpf_skb_load_bytes(skb, L3_OFFSET, old, 2) < 0)
		return -1;
	new[0] = old[0];
	new[1] = old[1];
	if (p->key.family == 4) {
		new[1] = (old[1] & 0xfc) | ecn;
		u16 from = (u16)old[1] << 8 | old[0], to = (u16)new[1] << 8 | new[0];
		if (bpf_l3_csum_replace(skb, L3_OFFSET + 10, from, to, 2) < 0)
			return -1;
		// The header's sum stays what it was, so a sum over the whole packet does too.
		return bpf_skb_store_bytes(skb, L3_OFFSET, new, 2, 0);
	}
	new[1] = (old[1] & 0xcf) | ecn << 4;
	return bpf_skb_store_bytes(skb, L3_OFFSET, new, 2, BPF_F_RECOMPUTE_CSUM);
}

INLINE int set_ae(struct __sk_buff *skb, struct packet *p, int on)
{
	u8 old[2], new[2];
	if (bpf_skb_load_bytes(skb, p->l4_offset + 12, old, 2) < 0)
		return -1;
	new[0] = on ? old[0] | 1 : old[0] & 0xfe;
	new[1] = old[1];
	u16 from = (u16)old[1] << 8 | old[0], to = (u16)new[1] << 8 | new[0];
	if (bpf_l4_csum_replace(skb, p->l4_offset + 16, from, to, 2) < 0)
		return -1;
	return bpf_skb_store_bytes(skb, p->l4_offset + 12, new, 2, 0);
}

// ---- truth -----------------------------------------------------------------------------------

INLINE struct flow *flow_of(struct flow_key *key)
{
	struct flow *flow = bpf_map_lookup_elem(&FLOWS, key);
	if (flow)
		return flow;
	u32 zero = 0;
	struct flow *fresh = bpf_map_lookup_elem(&NEW_FLOW, &zero);
	if (!fresh)
		return 0;
	bpf_map_update_elem(&FLOWS, key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&FLOWS, key);
}

INLINE void account(struct flow *flow, struct packet *p, u8 outcome)
{
	u64 now = bpf_ktime_get_ns();
	if (!flow->first_ns)
		flow->first_ns = now;
	flow->last_ns = now;
	if (outcome != DROPPED)
		__sync_fetch_and_add(&flow->buffers, 1);

	u32 in = p->ecn & 3, out = outcome;
	// Keeps the compiler from comparing one copy and indexing with another, which the verifier cannot follow.
	asm volatile("" : "+r"(out));
	if (out >= OUTCOMES)
		return;
	struct cell *cell = &flow->cells[in][out];
	__sync_fetch_and_add(&cell->packets, p->segments);
	__sync_fetch_and_add(&cell->ip_bytes, p->ip_bytes);
	if (p->payload_bytes) {
		__sync_fetch_and_add(&cell->payload_packets, p->segments);
		__sync_fetch_and_add(&cell->payload_bytes, p->payload_bytes);
	}
}

// ---- decisions -------------------------------------------------------------------------------

INLINE u64 mix(u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

// A 32-bit draw that depends on nothing but seed, point, flow and the packet's index in its flow.
INLINE u32 draw(u64 seed, u32 salt, struct flow_key *key, u64 index)
{
	u64 words[5];
	__builtin_memcpy(words, key, sizeof(words));
	u64 h = mix(seed ^ (u64)salt << 32);
#pragma unroll
	for (int i = 0; i < 5; i++)
		h = mix(h ^ words[i]) + i;
	return mix(h ^ index) >> 32;
}

INLINE int applies(struct point *point, struct packet *p)
{
	u64 class = p->key.proto == IPPROTO_TCP					? PROTO_TCP
		    : p->key.proto == IPPROTO_UDP					? PROTO_UDP
		    : p->key.proto == IPPROTO_ICMP || p->key.proto == ICMPV6 ? PROTO_ICMP
									     : PROTO_OTHER;
	return (point->protos & class) && (!point->payload_only || p->payload_bytes);
}

INLINE u8 decide(struct point *point, struct packet *p, u64 index)
{
	u64 u = draw(point->seed, 0, &p->key, index);
	u64 edge = point->drop;
	if (u < edge)
		return DROPPED;
	edge += point->ce;
	if (u < edge)
		return p->ecn == NOT_ECT ? NOT_ECT : CE;
	edge += point->sce;
	if (u < edge)
		return p->ecn == ECT0 ? ECT1 : p->ecn;
	edge += point->bleach;
	if (u < edge)
		return NOT_ECT;
	return p->ecn;
}

// ---- ESCE ------------------------------------------------------------------------------------

// The receiver's side of the SCE draft, on top of a stack that knows nothing of it. The lab makes that stack
// acknowledge every segment at once, so an ACK (or its first SACK block) ends where one segment ended.
INLINE void learn_sce(struct packet *p)
{
	if (p->key.proto != IPPROTO_TCP || p->ecn != ECT1 || !p->payload_bytes)
		return;
	struct echo_key key = {.flow = p->key};
	u64 bytes = p->payload_bytes;
	key.flow.point = 0;
	key.end_seq = p->tcp_seq + p->payload_bytes + (p->tcp_flags & TCP_FIN ? 1 : 0);
	u64 end = key.end_seq;
	long failed = bpf_map_update_elem(&ECHO, &key, &bytes, BPF_ANY);
	key.end_seq = 0;
	key.latest = 1;
	if (bpf_map_update_elem(&ECHO, &key, &end, BPF_ANY) < 0 || failed < 0)
		count(ECHO_OVERFLOW);
}

// Linux writes NOP, NOP, SACK behind its time stamp, or first where there is none: two places to look, no loop.
INLINE u32 first_sack_end(struct __sk_buff *skb, struct packet *p)
{
	u8 o[12];
	u32 at = p->l4_offset + 20;
	if (p->tcp_header_len < 32 || bpf_skb_load_bytes(skb, at, o, 12) < 0)
		return 0;
	if (o[0] == 1 && o[1] == 1 && o[2] == 8) {
		if (p->tcp_header_len < 44 || bpf_skb_load_bytes(skb, at + 12, o, 12) < 0)
			return 0;
	}
	if (o[0] != 1 || o[1] != 1 || o[2] != 5)
		return 0;
	return (u32)o[8] << 24 | (u32)o[9] << 16 | (u32)o[10] << 8 | o[11];
}

INLINE void echo_sce(struct __sk_buff *skb, struct packet *p, struct flow *flow, u64 mode)
{
	if (p->key.proto != IPPROTO_TCP || !(p->tcp_flags & TCP_ACK) || (p->tcp_flags & (TCP_SYN | TCP_RST)))
		return;
	struct echo_key key = {.flow = p->key};
	key.flow.point = 0;
	key.flow.src_port = p->key.dst_port;
	key.flow.dst_port = p->key.src_port;
	__builtin_memcpy(key.flow.src, p->key.dst, 16);
	__builtin_memcpy(key.flow.dst, p->key.src, 16);
	key.end_seq = p->tcp_ack;
	u64 *found = bpf_map_lookup_elem(&ECHO, &key);
	if (!found) {
		key.end_seq = first_sack_end(skb, p);
		found = key.end_seq ? bpf_map_lookup_elem(&ECHO, &key) : 0;
	}
	if (!found) {
		// A segment that came late and closed a gap: the ACK jumps beyond its end.
		key.end_seq = 0;
		key.latest = 1;
		u64 *latest = bpf_map_lookup_elem(&ECHO, &key);
		if (!latest || (int)(p->tcp_ack - (u32)*latest) < 0)
			return;
		key.end_seq = *latest;
		key.latest = 0;
		found = bpf_map_lookup_elem(&ECHO, &key);
		if (!found)
			return;
	}
	u64 bytes = *found, earlier = bytes;
	bpf_map_delete_elem(&ECHO, &key);
	// A busy socket gets segments of one code point merged, and acknowledges them at once: this ACK speaks of all of them.
	for (int i = 0; i < 64; i++) {
		key.end_seq -= (u32)earlier;
		found = bpf_map_lookup_elem(&ECHO, &key);
		if (!found)
			break;
		earlier = *found;
		bytes += earlier;
		bpf_map_delete_elem(&ECHO, &key);
	}
	if (mode == ESCE_HALF && flow->esce_acks > flow->withheld_acks) {
		__sync_fetch_and_add(&flow->withheld_acks, 1);
		__sync_fetch_and_add(&flow->withheld_bytes, bytes);
		return;
	}
	if (set_ae(skb, p, 1) < 0) {
		count(EDIT_FAILED);
		return;
	}
	p->tcp_flags |= TCP_AE;
	__sync_fetch_and_add(&flow->esce_acks, 1);
	__sync_fetch_and_add(&flow->esce_bytes, bytes);
}

// ---- address translation ---------------------------------------------------------------------

// Static source translation that changes address and port, so that nothing but the content ties the two sides together.
INLINE int translate(struct __sk_buff *skb, struct packet *p, u64 side)
{
	u32 zero = 0;
	struct nat *nat = bpf_map_lookup_elem(&NAT, &zero);
	if (!nat)
		return -1;
	int v4 = p->key.family == 4;
	u8 *address = side == NAT_SOURCE ? p->key.src : p->key.dst;
	u8 *from = side == NAT_SOURCE ? (v4 ? nat->inside4 : nat->inside6) : (v4 ? nat->outside4 : nat->outside6);
	u8 *to = side == NAT_SOURCE ? (v4 ? nat->outside4 : nat->outside6) : (v4 ? nat->inside4 : nat->inside6);
	u32 a[4] = {}, f[4] = {}, t[4] = {};
	__builtin_memcpy(a, address, 16);
	if (v4) {
		__builtin_memcpy(f, from, 4);
		__builtin_memcpy(t, to, 4);
	} else {
		__builtin_memcpy(f, from, 16);
		__builtin_memcpy(t, to, 16);
	}
	if (a[0] != f[0] || a[1] != f[1] || a[2] != f[2] || a[3] != f[3])
		return 0;

	u32 sum_offset = p->key.proto == IPPROTO_TCP   ? 16
			 : p->key.proto == IPPROTO_UDP ? 6
			 : p->key.proto == ICMPV6      ? 2
						       : 0;
	if (p->fragment || (p->key.proto == IPPROTO_ICMP && v4))
		sum_offset = 0;
	u64 mangled = p->key.proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	u32 address_offset = L3_OFFSET + (v4 ? 12 : 8) + (side == NAT_SOURCE ? 0 : v4 ? 4 : 16);
	if (v4) {
		if (sum_offset && bpf_l4_csum_replace(skb, p->l4_offset + sum_offset, f[0], t[0],
						      4 | BPF_F_PSEUDO_HDR | mangled) < 0)
			return -1;
		if (bpf_l3_csum_replace(skb, L3_OFFSET + 10, f[0], t[0], 4) < 0)
			return -1;
		if (bpf_skb_store_bytes(skb, address_offset, t, 4, 0) < 0)
			return -1;
	} else {
#pragma unroll
		for (int i = 0; i < 4; i++)
			if (sum_offset && bpf_l4_csum_replace(skb, p->l4_offset + sum_offset, f[i], t[i],
							      4 | BPF_F_PSEUDO_HDR | mangled) < 0)
				return -1;
		if (bpf_skb_store_bytes(skb, address_offset, t, 16, 0) < 0)
			return -1;
	}
	__builtin_memcpy(address, t, 16);
	if (!p->has_ports)
		return 0;
	u16 *port = side == NAT_SOURCE ? &p->key.src_port : &p->key.dst_port;
	u16 old = *port, new = old ^ nat->port_xor;
	if (bpf_l4_csum_replace(skb, p->l4_offset + sum_offset, old, new, 2 | mangled) < 0)
		return -1;
	if (bpf_skb_store_bytes(skb, p->l4_offset + (side == NAT_SOURCE ? 0 : 2), &new, 2, 0) < 0)
		return -1;
	*port = new;
	return 0;
}

// ---- the program -----------------------------------------------------------------------------

INLINE void log_packet(struct packet *p, u64 index, u8 outcome, u8 ae_set, u8 ae_stripped)
{
	struct event *event = bpf_ringbuf_reserve(&LOG, sizeof(*event), 0);
	if (!event) {
		count(LOG_LOST);
		return;
	}
	event->mono_ns = bpf_ktime_get_ns();
	event->index = index;
	event->key = p->key;
	event->tcp_seq = p->tcp_seq;
	event->tcp_ack = p->tcp_ack;
	event->ip_bytes = p->ip_bytes;
	event->payload_bytes = p->payload_bytes;
	event->segments = p->segments;
	event->ip_id = p->ip_id;
	event->ecn_in = p->ecn;
	event->outcome = outcome;
	event->ae_set = ae_set;
	event->ae_stripped = ae_stripped;
	bpf_ringbuf_submit(event, 0);
}

SEC("classifier")
int path(struct __sk_buff *skb)
{
	struct packet p;
	u32 id = POINT;
	u8 ae_set = 0, ae_stripped = 0;
	struct point *point = bpf_map_lookup_elem(&POINTS, &id);
	if (!point)
		return TC_ACT_UNSPEC;
	int parsed = parse(skb, &p);
	if (parsed < 0)
		count(UNPARSED);
	if (parsed)
		return TC_ACT_UNSPEC;

	if (point->nat == NAT_DESTINATION && translate(skb, &p, NAT_DESTINATION) < 0)
		count(EDIT_FAILED);
	struct flow *flow = flow_of(&p.key);
	if (!flow) {
		count(FLOWS_OVERFLOW);
		return TC_ACT_UNSPEC;
	}
	u64 index = __sync_fetch_and_add(&flow->next_index, p.segments);

	if (point->esce_learn)
		learn_sce(&p);
	if (point->esce_echo) {
		echo_sce(skb, &p, flow, point->esce_echo);
		ae_set = (p.tcp_flags & TCP_AE) != 0;
	}

	u8 outcome = p.ecn;
	if (applies(point, &p))
		outcome = decide(point, &p, index);
	if (outcome != DROPPED && outcome != p.ecn && set_ecn(skb, &p, outcome) < 0) {
		count(EDIT_FAILED);
		outcome = p.ecn;
	}
	if (outcome != DROPPED && (p.tcp_flags & TCP_AE) && !(p.tcp_flags & TCP_SYN)) {
		if (draw(point->seed, 1, &p.key, index) < point->strip_ae && set_ae(skb, &p, 0) == 0) {
			ae_stripped = 1;
			__sync_fetch_and_add(&flow->ae_stripped_packets, p.segments);
		} else {
			__sync_fetch_and_add(&flow->ae_packets, p.segments);
		}
	}
	account(flow, &p, outcome);
	if (point->log)
		log_packet(&p, index, outcome, ae_set, ae_stripped);
	if (outcome == DROPPED)
		return TC_ACT_SHOT;
	if (point->nat == NAT_SOURCE && translate(skb, &p, NAT_SOURCE) < 0)
		count(EDIT_FAILED);
	return TC_ACT_UNSPEC;
}

// Older kernels reserve some of these helpers for GPL-compatible licences: MIT is one, and this is how the kernel spells it.
char LICENSE[] SEC("license") = "Dual MIT/GPL";
