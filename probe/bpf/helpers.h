// SPDX-License-Identifier: MIT OR Apache-2.0
//
// What the programs here need of the kernel's BPF interface, declared by hand so that clang alone builds them: no libbpf,
// no kernel headers, no vmlinux.h. Numbers are those of the stable interface, include/uapi/linux/bpf.h.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int s32;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
// Offsets of these structs are taken from the running kernel's BTF when the program is loaded.
#define KERNEL_STRUCT __attribute__((preserve_access_index))
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name

enum { MAP_HASH = 1, MAP_ARRAY = 2, MAP_PERCPU_ARRAY = 6, MAP_RINGBUF = 27 };
enum { ANY = 0, NOEXIST = 1, RB_NO_WAKEUP = 1, RB_FORCE_WAKEUP = 2 };

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, u64 flags) = (void *)2;
static u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_skb_load_bytes)(const void *skb, u32 offset, void *to, u32 len) = (void *)26;
static u64 (*bpf_get_socket_cookie)(void *socket) = (void *)46;
static long (*bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;
static void *(*bpf_ringbuf_reserve)(void *ring, u64 size, u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, u64 flags) = (void *)132;
static void *(*bpf_skc_to_tcp_sock)(void *socket) = (void *)137;
static u64 (*bpf_ringbuf_query)(void *ring, u64 flags) = (void *)134;

#define swap16(x) __builtin_bswap16(x)

// The value of a bit field, wherever the running kernel keeps it.
#define BITFIELD(object, field)                                                                                         \
	({                                                                                                              \
		u64 value_ = 0;                                                                                         \
		const u8 *at_ = (const u8 *)(object) + __builtin_preserve_field_info((object)->field, 0);               \
		switch (__builtin_preserve_field_info((object)->field, 1)) {                                            \
		case 1: value_ = *at_; break;                                                                           \
		case 2: value_ = *(const u16 *)at_; break;                                                              \
		case 4: value_ = *(const u32 *)at_; break;                                                              \
		case 8: value_ = *(const u64 *)at_; break;                                                              \
		}                                                                                                       \
		value_ <<= __builtin_preserve_field_info((object)->field, 4);                                           \
		value_ >> __builtin_preserve_field_info((object)->field, 5);                                            \
	})
#define HAS(object, field) __builtin_preserve_field_info((object)->field, 2)
