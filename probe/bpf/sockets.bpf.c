// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Kernel truth of TCP sockets.
//
// In:  the kernel's tcp tracepoints, with typed arguments (tp_btf); the filter constants below, set when it is loaded.
// Out: SOCKETS, one entry per socket: its latest state, counters that only grow, extremes per epoch;
//      EVENTS, where asked for: one record per tracepoint hit; LOST, what did not fit.
//
// All tracepoints used here but tcp_send_reset run under the socket's lock, so an entry has one writer. User space reads
// an entry until two reads agree on an even `writes`. The structs `entry` and `event` are read by src/sockets/layout.rs:
// change both together.

#include "helpers.h"

// ---- The kernel's structs, as far as they are read here.

struct KERNEL_STRUCT ns_common {
	u32 inum;
};
struct KERNEL_STRUCT net {
	struct ns_common ns;
};
typedef struct {
	struct net *net;
} possible_net_t;
struct KERNEL_STRUCT in6_addr {
	union {
		u32 u6_addr32[4];
	} in6_u;
};
struct KERNEL_STRUCT sock_common {
	u32 skc_daddr, skc_rcv_saddr;
	u16 skc_dport, skc_num;
	u16 skc_family;
	volatile u8 skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr, skc_v6_rcv_saddr;
};
struct KERNEL_STRUCT sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
};
struct KERNEL_STRUCT tcp_congestion_ops {
	char name[16];
};
struct KERNEL_STRUCT inet_sock {
	struct sock sk;
};
struct KERNEL_STRUCT inet_connection_sock {
	struct inet_sock icsk_inet;
	const struct tcp_congestion_ops *icsk_ca_ops;
	u8 icsk_ca_state : 5;
};
struct KERNEL_STRUCT minmax_sample {
	u32 t, v;
};
struct KERNEL_STRUCT minmax {
	struct minmax_sample s[3];
};
struct KERNEL_STRUCT tcp_sock {
	struct inet_connection_sock inet_conn;
	u32 snd_cwnd, snd_ssthresh, snd_wnd, rcv_wnd, snd_nxt, snd_una, srtt_us, rttvar_us, mss_cache;
	u32 packets_out, sacked_out, lost_out, retrans_out;
	u32 delivered, delivered_ce, total_retrans, lost, segs_out, segs_in, data_segs_out, data_segs_in;
	u32 dsack_dups, reord_seen, received_ce;
	u16 total_rto;
	u64 bytes_acked, bytes_sent, bytes_received, bytes_retrans;
	struct minmax rtt_min;
};
struct KERNEL_STRUCT sk_buff {
	u32 len;
	u8 *data;
};

enum { AF_INET_ = 2, AF_INET6_ = 10, PROTO_TCP = 6 };
enum { ESTABLISHED = 1, CLOSED = 7, LISTEN = 10 };
enum { CA_STATES = 5 };

// ---- Settings. Constants for the verifier, so that what is off costs nothing.

#define MAX_NETS 8
#define MAX_PORTS 8

struct prefix {
	u8 address[16]; // IPv4 as ::ffff:a.b.c.d
	u8 mask[16];
};

volatile const u32 EVENT_MODE;		     // 1: one record per tracepoint hit
volatile const u32 ONLY_NETNS;		     // 0: all network namespaces
volatile const u32 NETS;		     // prefixes in NET; an end of the socket must be in one of them; 0: any
volatile const u32 PORTS;		     // ports in PORT; an end of the socket must have one of them; 0: any
volatile const struct prefix NET[MAX_NETS];
volatile const u16 PORT[MAX_PORTS];

// ---- What user space reads.

enum kind { PROBE, RETRANSMIT, CA_STATE, RECEIVE_RESET, SEND_RESET, STATE };

struct ends {
	u32 netns;
	u16 local_port, remote_port;
	u8 local[16], remote[16]; // IPv4 as ::ffff:a.b.c.d
};

struct state {
	u32 cwnd, ssthresh, srtt_us8, rttvar_us4; // srtt in 1/8 us, rttvar in 1/4 us, as the kernel keeps them
	u32 min_rtt_us, flight, flight_bytes, snd_wnd;
	u32 rcv_wnd, mss, snd_nxt, snd_una;
	u32 ca_state, tcp_state;
};

// Counters that the kernel keeps per socket.
struct totals {
	u64 delivered, delivered_ce, retransmitted, retransmitted_bytes;
	u64 lost, acked_bytes, sent_bytes, received_bytes;
	u64 segs_out, segs_in, data_segs_out, data_segs_in;
	u64 dsack, reorderings, received_ce, rtos;
};

// Largest and smallest in one epoch. What stood at its start counts.
struct extremes {
	u32 epoch, cwnd_min, cwnd_max, ssthresh_min;
	u32 srtt_min, srtt_max, flight_max, flight_bytes_max;
	u32 snd_wnd_min;
};

struct entry {
	u64 writes;			  // odd while being written
	u64 first_ns, last_ns;		  // CLOCK_MONOTONIC
	u64 born;			  // 1: seen from its first state on, so `base` is zero
	u64 closed_ns;			  // 0: open
	u64 events;
	u64 cwnd_ns;			  // sum of window times the time it held
	u64 ca_ns[CA_STATES], ca_changes;
	u64 resets_sent, resets_received;
	u64 received_data_bytes;
	u64 ops;			  // address of the congestion control whose name is kept
	struct ends ends;
	char congestion_control[16];
	struct state now;
	struct totals totals, base;
	struct extremes extremes[2];	  // by the epoch's parity
};

struct event {
	u64 at_ns, cookie;
	u32 kind, received_data_bytes;
	struct ends ends;
	char congestion_control[16];
	struct state now;
	struct totals totals;
};

enum lost { LOST_EVENTS, LOST_SOCKETS, LOST_REASONS };

struct {
	__uint(type, MAP_HASH);
	__uint(max_entries, 8192);
	__type(key, u64); // socket cookie
	__type(value, struct entry);
} SOCKETS SEC(".maps");
struct {
	__uint(type, MAP_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u32);
} EPOCH SEC(".maps");
struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, LOST_REASONS);
	__type(key, u32);
	__type(value, u64);
} LOST SEC(".maps");
struct {
	__uint(type, MAP_PERCPU_ARRAY); // too large for the stack
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct entry);
} SCRATCH SEC(".maps");
struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 8 << 20);
} EVENTS SEC(".maps");

INLINE void count_lost(u32 reason)
{
	u64 *n = bpf_map_lookup_elem(&LOST, &reason);
	if (n)
		*n += 1;
}

// ---- Filter

// Bytes 8 to 11 of ::ffff:a.b.c.d.
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define MAPPED 0xffff0000
#else
#define MAPPED 0x0000ffff
#endif

INLINE int in_net(const u8 *address, u32 i)
{
	const volatile u32 *net = (const volatile u32 *)NET[i].address, *mask = (const volatile u32 *)NET[i].mask;
	const u32 *a = (const u32 *)address;
	return !(((a[0] & mask[0]) ^ net[0]) | ((a[1] & mask[1]) ^ net[1]) | ((a[2] & mask[2]) ^ net[2]) |
		 ((a[3] & mask[3]) ^ net[3]));
}

INLINE int read_ends(const struct sock *sk, struct ends *ends)
{
	const struct sock_common *c = &sk->__sk_common;
	ends->netns = c->skc_net.net->ns.inum;
	if (ONLY_NETNS && ends->netns != ONLY_NETNS)
		return 0;
	ends->local_port = c->skc_num;
	ends->remote_port = swap16(c->skc_dport);
	if (PORTS) {
		int hit = 0;
		for (u32 i = 0; i < MAX_PORTS; i++)
			if (i < PORTS)
				hit |= PORT[i] == ends->local_port || PORT[i] == ends->remote_port;
		if (!hit)
			return 0;
	}
	u32 *local = (u32 *)ends->local, *remote = (u32 *)ends->remote;
	if (c->skc_family == AF_INET_) {
		local[0] = local[1] = remote[0] = remote[1] = 0;
		local[2] = remote[2] = MAPPED;
		local[3] = c->skc_rcv_saddr;
		remote[3] = c->skc_daddr;
	} else if (c->skc_family == AF_INET6_) {
		for (u32 i = 0; i < 4; i++) {
			local[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			remote[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else {
		return 0;
	}
	if (NETS) {
		int hit = 0;
		for (u32 i = 0; i < MAX_NETS; i++)
			if (i < NETS)
				hit |= in_net(ends->local, i) | in_net(ends->remote, i);
		if (!hit)
			return 0;
	}
	return 1;
}

// ---- State

INLINE void read_state(const struct tcp_sock *tp, struct state *s)
{
	s->cwnd = tp->snd_cwnd;
	s->ssthresh = tp->snd_ssthresh;
	s->srtt_us8 = tp->srtt_us;
	s->rttvar_us4 = tp->rttvar_us;
	s->min_rtt_us = tp->rtt_min.s[0].v;
	s->flight = tp->packets_out - tp->sacked_out - tp->lost_out + tp->retrans_out;
	s->snd_nxt = tp->snd_nxt;
	s->snd_una = tp->snd_una;
	s->flight_bytes = s->snd_nxt - s->snd_una;
	s->snd_wnd = tp->snd_wnd;
	s->rcv_wnd = tp->rcv_wnd;
	s->mss = tp->mss_cache;
	s->ca_state = BITFIELD(&tp->inet_conn, icsk_ca_state);
	s->tcp_state = tp->inet_conn.icsk_inet.sk.__sk_common.skc_state;
}

INLINE void read_totals(const struct tcp_sock *tp, struct totals *t)
{
	t->delivered = tp->delivered;
	t->delivered_ce = tp->delivered_ce;
	t->retransmitted = tp->total_retrans;
	t->retransmitted_bytes = tp->bytes_retrans;
	t->lost = tp->lost;
	t->acked_bytes = tp->bytes_acked;
	t->sent_bytes = tp->bytes_sent;
	t->received_bytes = tp->bytes_received;
	t->segs_out = tp->segs_out;
	t->segs_in = tp->segs_in;
	t->data_segs_out = tp->data_segs_out;
	t->data_segs_in = tp->data_segs_in;
	t->dsack = tp->dsack_dups;
	t->reorderings = tp->reord_seen;
	t->received_ce = HAS(tp, received_ce) ? tp->received_ce : 0; // RFC 9768 kernels
	t->rtos = HAS(tp, total_rto) ? tp->total_rto : 0;	     // Linux 6.7
}

INLINE void read_name(const struct tcp_sock *tp, char *name)
{
	const struct tcp_congestion_ops *ops = tp->inet_conn.icsk_ca_ops;
	if (ops)
		bpf_probe_read_kernel(name, 16, ops->name);
}

// The algorithm may be changed at any time (TCP_CONGESTION in tcp(7)).
INLINE void keep_name(const struct tcp_sock *tp, struct entry *e)
{
	u64 ops = (u64)tp->inet_conn.icsk_ca_ops;
	if (ops == e->ops)
		return;
	e->ops = ops;
	read_name(tp, e->congestion_control);
}

INLINE void start_extremes(struct extremes *x, const struct state *s, u32 epoch)
{
	x->epoch = epoch;
	x->cwnd_min = x->cwnd_max = s->cwnd;
	x->ssthresh_min = s->ssthresh;
	x->srtt_min = x->srtt_max = s->srtt_us8;
	x->flight_max = s->flight;
	x->flight_bytes_max = s->flight_bytes;
	x->snd_wnd_min = s->snd_wnd;
}

#define LOWER(a, b) if ((b) < (a)) (a) = (b)
#define RAISE(a, b) if ((b) > (a)) (a) = (b)

INLINE void widen(struct extremes *x, const struct state *s)
{
	LOWER(x->cwnd_min, s->cwnd);
	RAISE(x->cwnd_max, s->cwnd);
	LOWER(x->ssthresh_min, s->ssthresh);
	if (s->srtt_us8 && (!x->srtt_min || s->srtt_us8 < x->srtt_min))
		x->srtt_min = s->srtt_us8;
	RAISE(x->srtt_max, s->srtt_us8);
	RAISE(x->flight_max, s->flight);
	RAISE(x->flight_bytes_max, s->flight_bytes);
	LOWER(x->snd_wnd_min, s->snd_wnd);
}

// A new entry, filled in the scratch space because it is larger than a program's stack.
INLINE struct entry *open_entry(u64 cookie, const struct tcp_sock *tp, const struct ends *ends, u64 now, int born)
{
	u32 zero = 0;
	struct entry *e = bpf_map_lookup_elem(&SCRATCH, &zero);
	if (!e)
		return 0;
	__builtin_memset(e, 0, sizeof(*e));
	e->first_ns = e->last_ns = now;
	e->born = born;
	e->ends = *ends;
	read_state(tp, &e->now);
	if (!born)
		read_totals(tp, &e->base);
	keep_name(tp, e);
	if (bpf_map_update_elem(&SOCKETS, &cookie, e, NOEXIST) < 0) {
		count_lost(LOST_SOCKETS);
		return 0;
	}
	return bpf_map_lookup_elem(&SOCKETS, &cookie);
}

// One hit of a tracepoint: the time since the last one is booked on the state that held, then the state is read anew.
INLINE void observe(struct sock *sk, enum kind kind, u32 data_bytes, u32 new_state)
{
	struct ends ends = {};
	if (!read_ends(sk, &ends))
		return;
	struct tcp_sock *tp = bpf_skc_to_tcp_sock(sk);
	if (!tp)
		return; // a request or time-wait socket: no state of interest
	u64 cookie = bpf_get_socket_cookie(sk), now = bpf_ktime_get_ns();
	u32 zero = 0, *epoch_at = bpf_map_lookup_elem(&EPOCH, &zero), epoch = epoch_at ? *epoch_at : 0;

	struct entry *e = bpf_map_lookup_elem(&SOCKETS, &cookie);
	if (!e) {
		u8 state = sk->__sk_common.skc_state;
		if (state == CLOSED || state == LISTEN || (kind == STATE && new_state == CLOSED))
			return; // no connection, or one that was reported to its end
		e = open_entry(cookie, tp, &ends, now, kind == STATE && new_state == ESTABLISHED);
	}
	if (e) {
		e->writes++;
		asm volatile("" ::: "memory");
		u64 held = now > e->last_ns ? now - e->last_ns : 0;
		u32 was = e->now.ca_state;
		e->cwnd_ns += held * e->now.cwnd;
		if (was < CA_STATES)
			e->ca_ns[was] += held;
		struct extremes *x = &e->extremes[epoch & 1];
		if (x->epoch != epoch)
			start_extremes(x, &e->now, epoch);
		keep_name(tp, e);
		read_state(tp, &e->now);
		read_totals(tp, &e->totals);
		if (kind == STATE) // these two tracepoints come before the store
			e->now.tcp_state = new_state;
		if (kind == CA_STATE)
			e->now.ca_state = new_state;
		widen(x, &e->now);
		e->ca_changes += e->now.ca_state != was;
		e->events++;
		e->received_data_bytes += data_bytes;
		e->resets_sent += kind == SEND_RESET;
		e->resets_received += kind == RECEIVE_RESET;
		e->last_ns = now;
		if (kind == STATE && new_state == CLOSED)
			e->closed_ns = now;
		asm volatile("" ::: "memory");
		e->writes++;
	}
	if (EVENT_MODE && kind != STATE) {
		struct event *v = bpf_ringbuf_reserve(&EVENTS, sizeof(*v), 0);
		if (!v) {
			count_lost(LOST_EVENTS);
			return;
		}
		v->at_ns = now;
		v->cookie = cookie;
		v->kind = kind;
		v->received_data_bytes = data_bytes;
		v->ends = ends;
		__builtin_memset(v->congestion_control, 0, sizeof(v->congestion_control));
		read_name(tp, v->congestion_control);
		read_state(tp, &v->now);
		if (kind == CA_STATE)
			v->now.ca_state = new_state;
		read_totals(tp, &v->totals);
		// User space looks every few milliseconds: a wake-up per event would cost more than the event.
		bpf_ringbuf_submit(v, RB_NO_WAKEUP);
	}
}

// ---- Tracepoints. ctx[n] is the n-th argument of TP_PROTO in include/trace/events/{tcp,sock}.h.

SEC("tp_btf/tcp_probe") int tcp_probe(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	struct sk_buff *skb = (struct sk_buff *)ctx[1];
	u8 offset = 0; // high nibble: header length in 32-bit words, RFC 9293 section 3.1
	u32 len = skb->len;
	bpf_probe_read_kernel(&offset, 1, skb->data + 12);
	u32 header = (offset >> 4) * 4;
	observe(sk, PROBE, len > header ? len - header : 0, 0);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb") int tcp_retransmit_skb(u64 *ctx)
{
	observe((struct sock *)ctx[0], RETRANSMIT, 0, 0);
	return 0;
}

SEC("tp_btf/tcp_cong_state_set") int tcp_cong_state_set(u64 *ctx)
{
	observe((struct sock *)ctx[0], CA_STATE, 0, (u8)ctx[1]);
	return 0;
}

SEC("tp_btf/tcp_receive_reset") int tcp_receive_reset(u64 *ctx)
{
	observe((struct sock *)ctx[0], RECEIVE_RESET, 0, 0);
	return 0;
}

SEC("tp_btf/tcp_send_reset") int tcp_send_reset(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	if (sk) // none for a segment that belongs to no socket
		observe(sk, SEND_RESET, 0, 0);
	return 0;
}

SEC("tp_btf/inet_sock_set_state") int inet_sock_set_state(u64 *ctx)
{
	struct sock *sk = (struct sock *)ctx[0];
	u32 state = (u32)ctx[2];
	if (sk->sk_protocol == PROTO_TCP && (state == ESTABLISHED || state == CLOSED))
		observe(sk, STATE, 0, state);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
