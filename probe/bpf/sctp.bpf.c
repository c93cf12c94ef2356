// SPDX-License-Identifier: MIT OR Apache-2.0
//
// SCTP's own tracepoints, passed on as they are. Their layout differs between kernels and is described by tracefs
// (events/sctp/*/format), so the fields are picked apart in user space (src/sockets/sctp.rs), not here.
//
// In:  the records of sctp:sctp_probe and sctp:sctp_probe_path.
// Out: EVENTS, one record each; LOST, what did not fit.

#include "helpers.h"

#define RECORD 192 // both records are shorter; what lies behind them is ignored by the reader

struct event {
	u64 at_ns; // CLOCK_MONOTONIC
	u32 kind;  // 0 sctp_probe, 1 sctp_probe_path
	u32 pad;
	u8 record[RECORD];
};

struct {
	__uint(type, MAP_RINGBUF);
	__uint(max_entries, 4 << 20);
} EVENTS SEC(".maps");
struct {
	__uint(type, MAP_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} LOST SEC(".maps");

INLINE int pass_on(void *ctx, u32 kind)
{
	struct event *e = bpf_ringbuf_reserve(&EVENTS, sizeof(*e), 0);
	if (!e) {
		u32 zero = 0;
		u64 *lost = bpf_map_lookup_elem(&LOST, &zero);
		if (lost)
			*lost += 1;
		return 0;
	}
	e->at_ns = bpf_ktime_get_ns();
	e->kind = kind;
	e->pad = 0;
	__builtin_memset(e->record, 0, RECORD);
	bpf_probe_read_kernel(e->record, RECORD, ctx);
	bpf_ringbuf_submit(e, RB_NO_WAKEUP);
	return 0;
}

SEC("tracepoint/sctp/sctp_probe") int sctp_probe(void *ctx)
{
	return pass_on(ctx, 0);
}

SEC("tracepoint/sctp/sctp_probe_path") int sctp_probe_path(void *ctx)
{
	return pass_on(ctx, 1);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
