//! `rackstorm new`: writes a commented scenario to begin with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::files;
use crate::cli::{Exit, streams};
use crate::scenario::boot::BootMethod;
use crate::scenario::template::{Machine, Refused, Template};

/// What stands under the help of `new`.
const EXAMPLES: &str = "\
Examples:
  rackstorm new rack --nodes 48 > storm.toml
  rackstorm new rack --nodes 48 --boot pxe-nfs -o storm.toml
  rackstorm new machine --nodes 2000 --faults --checkpoint -o job.toml
  rackstorm new parts --nodes 8 --hardware pi_2b

The comments say what each key is and where its default comes from; docs/scenario.md has all keys.";

/// Write a commented scenario of a rack, a machine or a cluster of parts
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct Arguments {
    /// Of what
    #[arg(value_name = "KIND")]
    kind: Of,
    /// Number of nodes [default: 24 of a rack, 1000 of a machine, 8 of parts]
    #[arg(long, short, value_name = "N")]
    nodes: Option<u64>,
    /// The nodes' profile, such as `pi_4b`
    #[arg(long, value_name = "NAME", default_value = "pi_3b")]
    hardware: String,
    /// How the nodes boot
    #[arg(long, value_name = "METHOD", default_value = "sd")]
    boot: Boot,
    /// Let the nodes work on a job
    #[arg(long)]
    job: bool,
    /// Let nodes crash, and work on a job
    #[arg(long)]
    faults: bool,
    /// Let nodes work on a job that writes checkpoints
    #[arg(long)]
    checkpoint: bool,
    /// Write into this file in place of stdout
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite that file if it is there
    #[arg(long, requires = "out")]
    force: bool,
}

/// The kinds of machines.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Of {
    /// Shelves of 24 nodes with a switch and a supply each
    Rack,
    /// So many like nodes on one switch
    Machine,
    /// A head, nodes that it serves, switches and supplies
    Parts,
}

/// The ways to boot.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Boot {
    /// From the SD card
    Sd,
    /// Firmware and kernel over TFTP, root over NFS
    PxeNfs,
    /// Firmware and kernel over TFTP, root over NBD
    PxeNbd,
    /// All over TFTP, root in memory
    PxeInitramfs,
    /// No boot at all, for closed forms
    Instant,
}

/// Writes it.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let (machine, usual) = match arguments.kind {
        Of::Rack => (Machine::Rack, 24),
        Of::Machine => (Machine::Nodes, 1_000),
        Of::Parts => (Machine::Parts, 8),
    };
    let template = Template {
        machine,
        nodes: arguments.nodes.unwrap_or(usual),
        hardware: arguments.hardware.clone(),
        boot: match arguments.boot {
            Boot::Sd => BootMethod::Sd,
            Boot::PxeNfs => BootMethod::PxeNfs,
            Boot::PxeNbd => BootMethod::PxeNbd,
            Boot::PxeInitramfs => BootMethod::PxeInitramfs,
            Boot::Instant => BootMethod::Instant,
        },
        job: arguments.job,
        faults: arguments.faults,
        checkpoint: arguments.checkpoint,
    };
    let text = match template.text() {
        Ok(text) => text,
        Err(Refused::Mistakes(mistakes)) => {
            streams::report(&mistakes);
            return Ok(Exit::Usage);
        }
        Err(Refused::Asked(why)) => {
            streams::say(&format!("error: {why}"));
            return Ok(Exit::Usage);
        }
    };
    let out = arguments.out.as_deref();
    let Some(file) = out else {
        streams::print(&text);
        return Ok(Exit::Done);
    };
    if !arguments.force && file.exists() {
        streams::say(&format!("error: {} is there; --force overwrites it", file.display()));
        return Ok(Exit::Usage);
    }
    for file in files::write(out, &text)? {
        streams::say(&format!("{}", file.display()));
    }
    Ok(Exit::Done)
}
