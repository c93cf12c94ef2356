//! Serial number arithmetic modulo 2^32, RFC 1982.

/// `a` comes after `b`.
pub(crate) fn after(a: u32, b: u32) -> bool {
    advance(b, a) > 0
}

/// How far `to` is ahead of `from`; negative if behind.
pub(crate) fn advance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from).cast_signed()
}

/// The later of the two.
pub(crate) fn later(a: u32, b: u32) -> u32 {
    if after(a, b) { a } else { b }
}
