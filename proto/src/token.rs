//! The text of an enrolment token: which CA to trust, and the secret that proves the right to a certificate.
//!
//! `sce1-FINGERPRINT-SECRET`, both in hex: the SHA-256 of the CA's certificate (DER), and 32 random bytes. Whoever has the
//! token can tell the right collector from a wrong one before anything is said to it.

/// What a token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// SHA-256 of the CA's certificate, DER.
    pub fingerprint: [u8; 32],
    /// What the collector knows by its hash only.
    pub secret: [u8; 32],
}

/// The text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not an enrolment token: copy it whole, as `sce-collector token new` printed it (it begins with sce1-)"
)]
pub struct NotAToken;

impl std::fmt::Debug for Token {
    /// A secret has no place in a log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token(CA {})", hex(&self.fingerprint))
    }
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sce1-{}-{}", hex(&self.fingerprint), hex(&self.secret))
    }
}

impl std::str::FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Token, NotAToken> {
        let rest = text.trim().strip_prefix("sce1-").ok_or(NotAToken)?;
        let (fingerprint, secret) = rest.split_once('-').ok_or(NotAToken)?;
        Ok(Token { fingerprint: bytes(fingerprint)?, secret: bytes(secret)? })
    }
}

/// Lower-case hex.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|b| [b >> 4, b & 15]).filter_map(|n| char::from_digit(u32::from(n), 16)).collect()
}

fn bytes(text: &str) -> Result<[u8; 32], NotAToken> {
    let digits: Vec<u8> =
        text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>().ok_or(NotAToken)?;
    let pairs: Vec<u8> = digits.chunks_exact(2).map(|p| p[0] << 4 | p[1]).collect();
    if digits.len() == 64 { pairs.try_into().map_err(|_| NotAToken) } else { Err(NotAToken) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text_and_a_cut_one_is_refused() {
        let token = Token { fingerprint: std::array::from_fn(|i| i as u8), secret: [0xf5; 32] };
        let text = token.to_string();
        assert_eq!(text.parse::<Token>(), Ok(token.clone()));
        assert_eq!(format!(" {text}\n").parse::<Token>(), Ok(token.clone()));
        assert_eq!(text[..text.len() - 1].parse::<Token>(), Err(NotAToken));
        assert_eq!("hello".parse::<Token>(), Err(NotAToken));
        assert!(!format!("{token:?}").contains("f5f5"));
    }
}
