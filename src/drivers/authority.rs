//! The rack's own authority: a folder of certificates and keys, made by `rackstorm rack enrol`.
//!
//! ```text
//!  rack-ca/  authority.pem   authority.key     signs all others; its key leaves this folder never
//!            controller.pem  controller.key    for the controller, with authority.pem
//!            pi17.pem        pi17.key          for node 17, with authority.pem
//! ```
//!
//! Keys are ECDSA P-256 and readable by their owner alone. No key is ever written over. All
//! certificates begin a day before they were made, since the clock of a node may be behind; a
//! node whose clock says 1970 is refused until it has the time of day.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls::{AUTHORITY, CONTROLLER, name_of};
use crate::ids::NodeId;

/// How long the authority's own certificate is valid (days): a rack's life, say. Assumption.
pub const AUTHORITY_DAYS: u32 = 3650;
const DAY: Duration = Duration::from_secs(86_400);

/// The authority of a rack.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    now: SystemTime,
}

/// A certificate that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The name it bears, and that of its files.
    pub name: String,
    /// The first and the last day on which it is valid, as `2026-11-20`.
    pub valid: (String, String),
}

impl Authority {
    /// Opens the authority of a folder, or makes it if there is none. Its certificate is reported
    /// if it was made.
    ///
    /// # Errors
    /// When the folder cannot be written, or what lies there is no authority.
    pub fn open(folder: &Path) -> io::Result<(Self, Option<Enrolled>)> {
        #[expect(clippy::disallowed_methods, reason = "a certificate is valid from a day to a day")]
        Self::open_at(folder, SystemTime::now())
    }

    /// The same on a given day.
    ///
    /// # Errors
    /// As of [`Self::open`].
    pub fn open_at(folder: &Path, now: SystemTime) -> io::Result<(Self, Option<Enrolled>)> {
        fs::create_dir_all(folder).map_err(|error| at(folder, &error))?;
        let key_file = path(folder, AUTHORITY, "key");
        let (key, made) = if key_file.exists() {
            let text = fs::read_to_string(&key_file).map_err(|error| at(&key_file, &error))?;
            let key = KeyPair::from_pem(&text).map_err(|error| at(&key_file, &error))?;
            let certificate = path(folder, AUTHORITY, "pem");
            if !certificate.exists() {
                return Err(at(&certificate, &"missing, though its key is there"));
            }
            (key, None)
        } else {
            let (key, made) = found(folder, now)?;
            (key, Some(made))
        };
        // Of the authority's certificate, those that it signs name no more than these.
        let issuer = Issuer::new(own_params(), key);
        Ok((Self { folder: folder.to_owned(), issuer, now }, made))
    }

    /// Makes certificate and key of the controller, if there are none. Addresses are names or IP
    /// addresses at which it is reached.
    ///
    /// # Errors
    /// When files cannot be written, or an address is none.
    pub fn enrol_controller(
        &self,
        addresses: &[String],
        days: u32,
    ) -> io::Result<Option<Enrolled>> {
        if path(&self.folder, CONTROLLER, "key").exists() {
            return Ok(None);
        }
        self.enrol(CONTROLLER, addresses, days).map(Some)
    }

    /// Makes certificates and keys of nodes, all or none: one whose key is there already is a
    /// mistake. In addresses, `{n}` stands for the node's number, counted from 1.
    ///
    /// # Errors
    /// When a key is there, files cannot be written, or an address is none.
    pub fn enrol_nodes(
        &self,
        nodes: &[NodeId],
        addresses: &[String],
        days: u32,
    ) -> io::Result<Vec<Enrolled>> {
        let is_there = |node: &&NodeId| path(&self.folder, &name_of(**node), "key").exists();
        if let Some(node) = nodes.iter().find(is_there) {
            let file = path(&self.folder, &name_of(*node), "key");
            let why = "is there already; no key is written over, and nothing was enrolled";
            return Err(at(&file, &why));
        }
        let mut all = Vec::new();
        for &node in nodes {
            let number = (u64::from(node.0) + 1).to_string();
            let each = addresses.iter().map(|address| address.replace("{n}", &number));
            all.push(self.enrol(&name_of(node), &each.collect::<Vec<_>>(), days)?);
        }
        Ok(all)
    }

    fn enrol(&self, name: &str, addresses: &[String], days: u32) -> io::Result<Enrolled> {
        let names: Vec<_> =
            [name.to_owned()].into_iter().chain(addresses.iter().cloned()).collect();
        if let Some(wrong) = names.iter().find(|name| ServerName::try_from(name.as_str()).is_err())
        {
            let text = format!("{name}: `{wrong}` is no name of a host and no IP address");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let mut params = CertificateParams::new(names).map_err(io::Error::other)?;
        params.distinguished_name = named(name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let valid = set_validity(&mut params, self.now, days)?;
        let key = KeyPair::generate().map_err(io::Error::other)?;
        let certificate = params.signed_by(&key, &self.issuer).map_err(io::Error::other)?;
        leave(&self.folder, name, &key, &certificate.pem())?;
        Ok(Enrolled { name: name.to_owned(), valid })
    }
}

/// The names of the nodes that have a certificate in a folder, in the order of their numbers.
///
/// # Errors
/// When the folder cannot be read.
pub fn enrolled(folder: &Path) -> io::Result<Vec<String>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| at(folder, &error))? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".pem")?.strip_prefix("pi"));
        numbers.extend(stem.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers.into_iter().map(|number| format!("pi{number}")).collect())
}

/// Makes a new authority in a folder.
fn found(folder: &Path, now: SystemTime) -> io::Result<(KeyPair, Enrolled)> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let mut params = own_params();
    let valid = set_validity(&mut params, now, AUTHORITY_DAYS)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    leave(folder, AUTHORITY, &key, &certificate.pem())?;
    Ok((key, Enrolled { name: AUTHORITY.to_owned(), valid }))
}

/// The authority itself, but for its validity.
fn own_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Rackstorm authority of a rack");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut full = DistinguishedName::new();
    full.push(DnType::CommonName, name);
    full
}

fn set_validity(
    params: &mut CertificateParams,
    now: SystemTime,
    days: u32,
) -> io::Result<(String, String)> {
    let end = now.checked_add(DAY * days);
    let end = end.filter(|_| days <= 10 * AUTHORITY_DAYS).ok_or_else(|| {
        let text = format!("a certificate for {days} days: {} at most", 10 * AUTHORITY_DAYS);
        io::Error::new(io::ErrorKind::InvalidInput, text)
    })?;
    (params.not_before, params.not_after) = ((now - DAY).into(), end.into());
    Ok((params.not_before.date().to_string(), params.not_after.date().to_string()))
}

fn path(folder: &Path, name: &str, kind: &str) -> PathBuf {
    folder.join(format!("{name}.{kind}"))
}

/// Writes certificate and key, the key last and never over another: where there is a key, there
/// is its certificate.
fn leave(folder: &Path, name: &str, key: &KeyPair, certificate: &str) -> io::Result<()> {
    let file = path(folder, name, "pem");
    let mut into = File::create(&file).map_err(|error| at(&file, &error))?;
    into.write_all(certificate.as_bytes()).map_err(|error| at(&file, &error))?;
    into.sync_all().map_err(|error| at(&file, &error))?;
    let file = path(folder, name, "key");
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file);
    let mut into = opened.map_err(|error| at(&file, &error))?;
    into.write_all(key.serialize_pem().as_bytes()).map_err(|error| at(&file, &error))?;
    into.sync_all().map_err(|error| at(&file, &error))
}

fn at(file: &Path, error: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {error}", file.display()))
}
