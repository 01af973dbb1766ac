//! Trust in one certificate, which is known by its SHA-256, whatever stands in it.
//!
//! Controllers sign their certificates themselves: dates, names and versions of X.509 say nothing
//! that the hash does not say better. The key in it proves itself in the handshake, and this finds
//! it there, since rustls reads certificates of version 3 only:
//!
//! ```text
//!  Certificate     SEQUENCE { what is signed, algorithm, signature }               RFC 5280, 4.1
//!  what is signed  SEQUENCE { [0] version, which version 1 has not,
//!                             serial, algorithm, issuer, validity, subject, key, ... }
//!  key             SEQUENCE { algorithm SEQUENCE, BIT STRING }
//! ```

use std::fmt;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    WebPkiSupportedAlgorithms, ring, verify_tls13_signature_with_raw_key,
};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use tokio_rustls::rustls::{self, ClientConfig, DigitallySignedStruct, SignatureScheme};

/// A configuration that trusts the certificate with this SHA-256 and no other.
pub(super) fn config(pin: [u8; 32]) -> Arc<ClientConfig> {
    let provider = ring::default_provider();
    let algorithms = provider.signature_verification_algorithms;
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions of TLS")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pin { pin, algorithms }))
        .with_no_client_auth();
    Arc::new(config)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

/// Takes the certificate with this SHA-256.
struct Pin {
    pin: [u8; 32],
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found: [u8; 32] = Sha256::digest(own).into();
        if found == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        let found = hex(&found);
        Err(rustls::Error::General(format!("its certificate is another one, {found}")))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = Key::of(own)?;
        let mapping = self.algorithms.mapping.iter();
        let fitting = mapping.filter(|(scheme, _)| *scheme == signature.scheme);
        // A scheme of TLS 1.2 does not say which curve: that is the key's.
        let proven = fitting.flat_map(|(_, all)| all.iter()).any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == key.algorithm
                && algorithm.verify_signature(key.bits, message, signature.signature()).is_ok()
        });
        if proven {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(rustls::CertificateError::BadSignature.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let key = SubjectPublicKeyInfoDer::from(Key::of(own)?.whole);
        verify_tls13_signature_with_raw_key(message, &key, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The public key of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Key<'c> {
    /// All of it: `SubjectPublicKeyInfo`.
    whole: &'c [u8],
    /// What its algorithm holds.
    algorithm: &'c [u8],
    bits: &'c [u8],
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// The tag of the version, which a certificate of version 1 has not.
const VERSION: u8 = 0xa0;

impl<'c> Key<'c> {
    fn of(certificate: &'c CertificateDer<'_>) -> Result<Self, rustls::Error> {
        Self::find(certificate).ok_or_else(|| rustls::CertificateError::BadEncoding.into())
    }

    fn find(certificate: &'c [u8]) -> Option<Self> {
        let signed = Element::read(certificate)?.tagged(SEQUENCE)?.content;
        let mut rest = Element::read(signed)?.tagged(SEQUENCE)?.content;
        let first = Element::read(rest)?;
        if first.tag == VERSION {
            rest = first.rest;
        }
        // Serial, algorithm, issuer, validity, subject.
        for _ in 0..5 {
            rest = Element::read(rest)?.rest;
        }
        let key = Element::read(rest)?.tagged(SEQUENCE)?;
        let algorithm = Element::read(key.content)?.tagged(SEQUENCE)?;
        let bits = Element::read(algorithm.rest)?.tagged(BIT_STRING)?.content;
        // The first byte of a bit string says how many bits of its last byte are unused.
        let bits = bits.strip_prefix(&[0])?;
        Some(Self { whole: key.whole, algorithm: algorithm.content, bits })
    }
}

/// An element of DER.
struct Element<'c> {
    tag: u8,
    whole: &'c [u8],
    content: &'c [u8],
    /// What stands behind it.
    rest: &'c [u8],
}

impl<'c> Element<'c> {
    fn read(der: &'c [u8]) -> Option<Self> {
        let (&tag, rest) = der.split_first()?;
        let (&first, rest) = rest.split_first()?;
        // A length from 128 on stands in so many bytes behind this one.
        let n_bytes = if first < 0x80 { 0 } else { usize::from(first & 0x7f) };
        let (length, rest) = rest.split_at_checked(n_bytes)?;
        let long =
            || length.iter().try_fold(0_usize, |n, b| Some(n.checked_mul(256)? + usize::from(*b)));
        let n = if first < 0x80 { usize::from(first) } else { long()? };
        let (content, rest) = rest.split_at_checked(n)?;
        Some(Self { tag, whole: &der[..der.len() - rest.len()], content, rest })
    }

    fn tagged(self, tag: u8) -> Option<Self> {
        (self.tag == tag).then_some(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_found_with_a_version_and_without_one() {
        // Serial, algorithm, issuer, validity, subject: what stands in them does not matter.
        let before = [&[2, 1, 7][..], &[0x30, 0], &[0x30, 0], &[0x30, 0], &[0x30, 0]].concat();
        let key = [0x30, 9, 0x30, 2, 5, 0, 3, 3, 0, 0xaa, 0xbb];
        let sequence = |content: &[u8]| [&[0x30, content.len() as u8][..], content].concat();
        let wanted = Key { whole: &key, algorithm: &[5, 0], bits: &[0xaa, 0xbb] };
        for version in [&[][..], &[0xa0, 3, 2, 1, 2]] {
            let certificate = sequence(&sequence(&[version, &before, &key].concat()));
            assert_eq!(Key::find(&certificate), Some(wanted));
            for cut in 0..certificate.len() {
                assert_eq!(Key::find(&certificate[..cut]), None, "{cut}");
            }
        }
        assert_eq!(Key::find(&[0x30, 0xff, 1, 2]), None);
    }
}
