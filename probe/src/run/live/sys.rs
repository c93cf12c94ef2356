//! The two calls of libpcap that the pcap crate lacks: which time stamps an interface offers, and whether a choice was
//! accepted. The only unsafe code of the capture.
#![allow(unsafe_code, reason = "the pcap crate does not offer these calls; libpcap is linked by it")]

use std::ffi::{CStr, c_char, c_int, c_void};

use pcap::{Capture, Inactive};

unsafe extern "C" {
    fn pcap_list_tstamp_types(p: *mut c_void, types: *mut *mut c_int) -> c_int;
    fn pcap_free_tstamp_types(types: *mut c_int);
    fn pcap_tstamp_type_val_to_name(value: c_int) -> *const c_char;
    fn pcap_tstamp_type_val_to_description(value: c_int) -> *const c_char;
    fn pcap_set_tstamp_type(p: *mut c_void, value: c_int) -> c_int;
}

/// A source of time stamps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampType {
    /// libpcap's number.
    value: c_int,
    /// Name, as pcap-tstamp(7) has it.
    pub name: String,
    /// What it is.
    pub help: String,
}

/// The time stamps that an interface offers beside the default; empty where there is no choice.
#[must_use]
pub fn timestamp_types(capture: &Capture<Inactive>) -> Vec<TimestampType> {
    let mut list = std::ptr::null_mut();
    // SAFETY: the handle is valid while `capture` lives; libpcap sets `list` to an array of as many integers as it returns,
    // which is freed below by its own function.
    let count = unsafe { pcap_list_tstamp_types(capture.as_ptr().cast(), &raw mut list) };
    let mut out = Vec::new();
    if count > 0 && !list.is_null() {
        for i in 0..count as usize {
            // SAFETY: `list` holds `count` integers.
            let value = unsafe { *list.add(i) };
            // SAFETY: both return a static string or null.
            let (name, help) = unsafe {
                (text(pcap_tstamp_type_val_to_name(value)), text(pcap_tstamp_type_val_to_description(value)))
            };
            out.push(TimestampType { value, name, help });
        }
        // SAFETY: `list` came from pcap_list_tstamp_types and is not used again.
        unsafe { pcap_free_tstamp_types(list) };
    }
    out
}

/// Chooses a time stamp. False if libpcap refuses.
pub fn set_timestamp_type(capture: &Capture<Inactive>, kind: &TimestampType) -> bool {
    // SAFETY: the handle is valid and not yet activated, which is what the call asks for.
    unsafe { pcap_set_tstamp_type(capture.as_ptr().cast(), kind.value) == 0 }
}

/// A static C string.
///
/// # Safety
/// Null, or a string that lives as long as the process.
unsafe fn text(s: *const c_char) -> String {
    if s.is_null() {
        return "unknown".to_owned();
    }
    // SAFETY: by this function's own condition.
    unsafe { CStr::from_ptr(s) }.to_string_lossy().into_owned()
}
