//! Messages on a stream, as prost has them, and how to tell a message that is none from a connection that broke.
//!
//! In: messages. Out: their bytes, and back; where bytes are no message, a status that says so by its type. The service
//! code in `generated` uses this codec for every call.

use std::error::Error;
use std::marker::PhantomData;
use std::sync::Arc;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

/// The codec of all services: prost's, with [`undecodable`].
#[derive(Debug, Clone)]
pub struct Messages<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Messages<T, U> {
    fn default() -> Self {
        Messages(PhantomData)
    }
}

impl<T, U> Codec for Messages<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = Marking<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        Marking(ProstCodec::<T, U>::default().decoder())
    }
}

/// A decoder that marks its errors.
#[derive(Debug, Clone)]
pub struct Marking<U>(ProstDecoder<U>);

impl<U: Message + Default> Decoder for Marking<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        self.0.decode(bytes).map_err(|mut status| {
            status.set_source(Arc::new(Undecodable));
            status
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}

/// The mark. What was wrong stands in the status.
#[derive(Debug, thiserror::Error)]
#[error("the bytes are no message of this protocol")]
struct Undecodable;

/// Whether a status of this side says that bytes came which are no message. Statuses that came over the wire never do.
#[must_use]
pub fn undecodable(status: &Status) -> bool {
    status.source().is_some_and(|cause| cause.is::<Undecodable>())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tonic::Streaming;
    use tonic::body::Body;

    use super::*;
    use crate::ProbeMessage;

    /// What comes of one length-prefixed message on a stream.
    fn received(message: &str) -> Result<Option<ProbeMessage>, Status> {
        let length = char::from(message.len() as u8);
        let body = Body::new(format!("\0\0\0\0{length}{message}"));
        let decoder = Messages::<ProbeMessage, ProbeMessage>::default().decoder();
        let mut stream = Streaming::new_request(decoder, body, None, None);
        match pin!(stream.message()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(None),
        }
    }

    #[test]
    fn only_bytes_that_are_no_message_are_undecodable() {
        assert_eq!(received("").unwrap(), Some(ProbeMessage::default()));
        // A field of five bytes, of which none comes.
        let status = received("\x0a\x05").unwrap_err();
        assert!(undecodable(&status), "{status:?}");
        assert!(!undecodable(&Status::new(status.code(), status.message())), "its words do not make it so");
    }
}
