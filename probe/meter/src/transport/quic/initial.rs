//! Opening Initial packets: anybody who saw the client's first connection identifier can (RFC 9001 5.2, RFC 9369 3.3).
//!
//! In: a protected Initial packet. Out: its frames in a buffer of the caller. Keys live as long as the handshake does.

use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes_gcm::{AeadInOut, Aes128Gcm};
use hkdf::Hkdf;
use sha2::Sha256;

use super::wire::{Long, V2};

/// Longest Initial packet that is opened. Initials fit a datagram of the path's MTU; 2048 leaves room for 1500 and more.
pub(crate) const PACKET_MAX: usize = 2048;

const SALT_V1: [u8; 20] = hex20("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"); // RFC 9001 5.2
const SALT_V2: [u8; 20] = hex20("0dede3def700a6db819381be6e269dcbf9bd2ed9"); // RFC 9369 3.3.1
const SALT_DRAFT_29: [u8; 20] = hex20("afbfec289993d24c9e9786f19c6111e04390a899"); // drafts 29 to 32
const TAG_BYTES: usize = 16;
const SAMPLE_BYTES: usize = 16;

/// The Initial keys of both ends.
pub(crate) struct Keys {
    client: Side,
    server: Side,
}

struct Side {
    aead: Aes128Gcm,
    iv: [u8; 12],
    header: Aes128,
    /// Largest packet number opened so far plus one.
    next_number: u64,
}

impl Keys {
    /// Keys from the destination connection identifier of the client's first Initial (or of its first one after a Retry).
    pub(crate) fn new(version: u32, dcid: &[u8]) -> Keys {
        let salt = match version {
            V2 => SALT_V2,
            0xff00_001d..=0xff00_0020 => SALT_DRAFT_29,
            _ => SALT_V1,
        };
        let secret = Hkdf::<Sha256>::new(Some(&salt), dcid);
        let side = |label: &str| {
            let own = Hkdf::<Sha256>::from_prk(&expand::<32>(&secret, label)).ok();
            // 32 bytes are a valid key for SHA-256, so `own` is always there; the fallback keeps the meter free of panics.
            let own = own.unwrap_or_else(|| secret.clone());
            let [key, iv, hp] = if version == V2 {
                ["quicv2 key", "quicv2 iv", "quicv2 hp"]
            } else {
                ["quic key", "quic iv", "quic hp"]
            };
            Side {
                aead: Aes128Gcm::new(&expand::<16>(&own, key).into()),
                iv: expand::<12>(&own, iv),
                header: Aes128::new(&expand::<16>(&own, hp).into()),
                next_number: 0,
            }
        };
        Keys { client: side("client in"), server: side("server in") }
    }

    /// Opens the Initial that begins at the start of `datagram` into `buffer` and returns its frames.
    ///
    /// `None`: the packet is cut, too long, or sealed with other keys.
    pub(crate) fn open<'b>(
        &mut self,
        from_client: bool,
        datagram: &[u8],
        long: &Long<'_>,
        buffer: &'b mut [u8; PACKET_MAX],
    ) -> Option<&'b [u8]> {
        let side = if from_client { &mut self.client } else { &mut self.server };
        let packet = datagram.get(..long.end).filter(|p| p.len() <= PACKET_MAX)?;
        let buffer = &mut buffer[..packet.len()];
        buffer.copy_from_slice(packet);
        // Header protection, RFC 9001 5.4: the mask comes from a sample 4 bytes behind the start of the number.
        let sample: [u8; SAMPLE_BYTES] =
            packet.get(long.number_at + 4..long.number_at + 4 + SAMPLE_BYTES)?.try_into().ok()?;
        let mut mask = sample.into();
        side.header.encrypt_block(&mut mask);
        buffer[0] ^= mask[0] & 0x0f;
        let number_len = usize::from(buffer[0] & 3) + 1;
        let mut truncated = 0u64;
        for i in 0..number_len {
            let byte = buffer.get_mut(long.number_at + i)?;
            *byte ^= mask[1 + i];
            truncated = truncated << 8 | u64::from(*byte);
        }
        let number = full_number(side.next_number, truncated, number_len);
        let mut nonce = side.iv;
        for (n, b) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *n ^= b;
        }
        let (header, sealed) = buffer.split_at_mut(long.number_at + number_len);
        let (text, tag) = sealed.split_at_mut(sealed.len().checked_sub(TAG_BYTES)?);
        let tag: [u8; TAG_BYTES] = (&*tag).try_into().ok()?;
        side.aead.decrypt_inout_detached(&nonce.into(), header, (&mut *text).into(), &tag.into()).ok()?;
        side.next_number = side.next_number.max(number + 1);
        Some(text)
    }
}

/// The full packet number from its low bytes, RFC 9000 A.3.
fn full_number(expected: u64, truncated: u64, len: usize) -> u64 {
    let window = 1u64 << (8 * len);
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

/// HKDF-Expand-Label of TLS 1.3 with an empty context, RFC 8446 7.1.
fn expand<const N: usize>(secret: &Hkdf<Sha256>, label: &str) -> [u8; N] {
    let mut info = [0u8; 48];
    let len = 3 + 6 + label.len();
    info[1] = N as u8;
    info[2] = 6 + label.len() as u8;
    info[3..9].copy_from_slice(b"tls13 ");
    info[9..len].copy_from_slice(label.as_bytes());
    let mut out = [0u8; N];
    // Fails only for outputs longer than 255 hashes; N is 12 to 32. The byte behind the label is the empty context's length.
    let _ = secret.expand(&info[..=len], &mut out);
    out
}

const fn hex20(text: &str) -> [u8; 20] {
    let (text, mut out, mut i) = (text.as_bytes(), [0u8; 20], 0);
    while i < 40 {
        let digit = if text[i] <= b'9' { text[i] - b'0' } else { text[i] - b'a' + 10 };
        out[i / 2] = out[i / 2] << 4 | digit;
        i += 1;
    }
    out
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::frames::{self, Stream};
    use super::super::hello;
    use super::super::wire::{V1, long};
    use super::*;

    const DCID: &str = "8394c8f03e515708";
    const CLIENT_FRAMES: &str = "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c\
        00000413011302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007\
        000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d43\
        e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00024001003900320408ff\
        ffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e51570806048000ffff";
    const SERVER_FRAMES: &str = "02000000000600405a020000560303eefce7f7b37ba1d1632e96677825ddf73988cfc79825df566dc5430b\
        9a045a1200130100002e00330024001d00209d3c940d89690b84d08a60993c144eca684d1081287c834d5311bcf32bb9da1a002b\
        00020304";

    pub(crate) fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
    }

    /// Protects a packet: `header` ends with the packet number in 4 bytes or fewer, `frames` are padded with zeros to fill
    /// the header's length field, which stands 2 bytes before the number.
    pub(crate) fn seal(keys: &Keys, client: bool, header: &[u8], frames: &[u8], number: u64) -> Vec<u8> {
        let side = if client { &keys.client } else { &keys.server };
        let number_len = usize::from(header[0] & 3) + 1;
        let number_at = header.len() - number_len;
        let length = usize::from(u16::from_be_bytes([header[number_at - 2] & 0x3f, header[number_at - 1]]));
        let mut text = frames.to_vec();
        text.resize(length - number_len - TAG_BYTES, 0);
        let mut nonce = side.iv;
        for (n, b) in nonce[4..].iter_mut().zip(number.to_be_bytes()) {
            *n ^= b;
        }
        let tag =
            side.aead.encrypt_inout_detached(&nonce.into(), header, text.as_mut_slice().into()).expect("short text");
        let mut packet = [header, &text, &tag].concat();
        let sample: [u8; 16] = packet[number_at + 4..number_at + 20].try_into().unwrap();
        let mut mask = sample.into();
        side.header.encrypt_block(&mut mask);
        packet[0] ^= mask[0] & 0x0f;
        for i in 0..number_len {
            packet[number_at + i] ^= mask[1 + i];
        }
        packet
    }

    /// RFC 9001 A.2 and RFC 9369 A.2: the 1200-byte packet is built here; its start and its tag are the published ones.
    #[test]
    fn client_initials_of_the_rfcs() {
        let cases = [
            (
                "c300000001088394c8f03e5157080000449e00000002",
                "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11",
                "e221af44860018ab0856972e194cd934",
            ),
            (
                "d36b3343cf088394c8f03e5157080000449e00000002",
                "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485",
                "a18b2faa745b6fe189cf772a9f84cbfc",
            ),
        ];
        for (header, start, tag) in cases {
            let version = if header.starts_with('c') { V1 } else { V2 };
            let mut keys = Keys::new(version, &hex(DCID));
            let packet = seal(&keys, true, &hex(header), &hex(CLIENT_FRAMES), 2);
            assert_eq!((packet.len(), &packet[..32], &packet[1184..]), (1200, &hex(start)[..], &hex(tag)[..]));

            let mut buffer = [0; PACKET_MAX];
            let frames = keys.open(true, &packet, &long(&packet).unwrap(), &mut buffer).unwrap();
            assert_eq!(frames[..245], hex(CLIENT_FRAMES));
            let mut stream = Stream::new();
            assert!(frames::walk(frames, |offset, bytes| stream.insert(offset, bytes)).crypto);
            let hello = hello::read(stream.prefix()).unwrap();
            assert_eq!((&*hello.sni, &*hello.alpn), ("example.com", "alpn"));

            let mut damaged = packet.clone();
            damaged[700] ^= 1;
            assert!(keys.open(true, &damaged, &long(&damaged).unwrap(), &mut buffer).is_none());
            assert!(keys.open(false, &packet, &long(&packet).unwrap(), &mut buffer).is_none(), "the server's keys");
        }
    }

    /// RFC 9001 A.3 and RFC 9369 A.3.
    #[test]
    fn server_initials_of_the_rfcs() {
        let cases = [
            "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb38cc5a99f5e\
             de4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84022f8ef4cdd93795d77d06\
             edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee",
            "dc6b3343cf0008f067a5502a4262b5004075d92faaf16f05d8a4398c47089698baeea26b91eb761d9b89237bbf8726301791535823\
             0035f7fd3945d88965cf17f9af6e16886c61bfc703106fbaf3cb4cfa52382dd16a393e42757507698075b2c984c707f0a0812d8cd5a6\
             881eaf21ceda98f4bd23f6fe1a3e2c43edd9ce7ca84bed8521e2e140",
        ];
        for packet in cases.map(hex) {
            let header = long(&packet).unwrap();
            assert_eq!((header.dcid.len(), header.scid, header.end), (0, &hex("f067a5502a4262b5")[..], packet.len()));
            let mut buffer = [0; PACKET_MAX];
            let mut keys = Keys::new(header.version, &hex(DCID));
            let frames = keys.open(false, &packet, &header, &mut buffer).unwrap();
            assert_eq!(frames, hex(SERVER_FRAMES));
            let said = frames::walk(frames, |_, _| ());
            assert!(said.ack && said.crypto && said.ecn.is_none());
        }
    }

    #[test]
    fn packet_numbers_are_completed_as_in_rfc_9000_a_3() {
        assert_eq!(full_number(0xa82f_30ea + 1, 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(full_number(0, 2, 4), 2);
        assert_eq!(full_number(255, 0, 1), 256);
        assert_eq!(full_number(256, 0xff, 1), 255);
    }
}
