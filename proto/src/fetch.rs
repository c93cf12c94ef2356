//! Asking the memory for a value before it is needed.
//!
//! With thousands of flows nearly every packet finds its flow in none of the caches, and its parts lie on two dozen cache
//! lines; the records of a flow that are joined lie farther apart still. What is asked for here changes no result, only when
//! the processor waits.

/// Bytes of a cache line on all machines that matter here.
const LINE: usize = 64;

/// Most lines of a slice that are asked for.
const LINES: usize = 64;

/// Asks for the cache lines of a value.
#[inline(always)]
pub fn value<T>(value: &T) {
    lines(std::ptr::from_ref(value).cast(), size_of::<T>());
}

/// Asks for the cache line of one element of a slice, if it has that element.
#[inline(always)]
pub fn element<T>(slice: &[T], at: usize) {
    if let Some(element) = slice.get(at) {
        line(std::ptr::from_ref(element).cast());
    }
}

/// Asks for the first cache lines of a slice.
#[inline]
pub fn slice<T>(slice: &[T]) {
    lines(slice.as_ptr().cast(), size_of_val(slice).min(LINES * LINE));
}

#[inline(always)]
fn lines(first: *const u8, bytes: usize) {
    let lead = first.addr() % LINE;
    let mut at = 0;
    while at < bytes + lead {
        line(first.wrapping_add(at).wrapping_sub(lead));
        at += LINE;
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    #[allow(unsafe_code, reason = "a hint to the processor, which no safe function of the standard library gives")]
    // SAFETY: PREFETCHT0 reads nothing that the program can see and faults at no address; SSE is part of x86-64.
    unsafe {
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
}

/// Elsewhere the processor is left to its own devices.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn line(_: *const u8) {}
