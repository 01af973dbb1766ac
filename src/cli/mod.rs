//! The command line: one file per command, and no logic.

mod run;

mod agent;
mod branch;
mod bundle;
mod calibrate;
mod compare;
mod completions;
mod cosmic;
mod events;
mod export;
mod fake_tool;
mod fit;
mod import;
mod new;
mod optimize;
mod plan;
mod power;
mod rack;
mod rare;
mod replay;
mod report;
mod schema;
mod similar;
mod study;
mod testbed;
mod testbed_hardware;
mod theory;
mod undo_harm;
mod validate;
mod verify;
mod worst;

mod exit;
mod files;
mod interrupt;
mod open;
mod progress;
mod stage;
mod streams;
#[cfg(feature = "turmoil")]
mod swarm;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;

use clap::{CommandFactory, Parser, Subcommand};

use crate::units::Span;
use crate::units::text::QuantityError;
use crate::untrusted::on_one_line;

pub use exit::Exit;

/// What stands under the list of commands.
const EXAMPLES: &str = "\
Examples:
  rackstorm new rack --nodes 48 -o storm.toml              a scenario to begin with
  rackstorm run scenarios/study/lanl_750_boot.toml         play a scenario and draw its report
  rackstorm run scenarios/smoke/*.toml --jobs 4            many at once
  rackstorm study interval.toml                            all axes and seeds, to one table
  rackstorm run month.toml --seed 7 --set boot.method=sd   the same with another seed and key
  rackstorm validate month.toml                            every mistake at its line and column
  rackstorm replay results/month/7-model-1f0c2ab9          the same again, down to the last event

Exit codes:
    0  done, and what [expect] demands was met
    1  done, but an expectation was missed
    2  wrong usage, or a mistake in a scenario file; nothing was written
    3  a run failed, or a replay differs
    4  the runs compared or predicted are out of tolerance
   75  not all is there yet: the same command goes on
  130  interrupted; the folder of the run stays, named .partial

Data goes to stdout, everything else to stderr.";

/// Rackstorm plays resilience experiments on clusters of thousands of Raspberry Pis.
///
/// A scenario file says what machine stands where, what it computes, and what goes wrong. The
/// same scenario and seed give the same events, metrics and figures on every machine.
#[derive(Debug, Parser)]
#[command(name = "rackstorm", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
enum Command {
    New(new::Arguments),
    Run(run::Arguments),
    Study(Box<study::Arguments>),
    Optimize(Box<optimize::Arguments>),
    Agent(agent::Arguments),
    Validate(validate::Arguments),
    Plan(plan::Arguments),
    Theory(theory::Arguments),
    Rare(rare::Arguments),
    Similar(similar::Arguments),
    Cosmic(cosmic::Arguments),
    Replay(replay::Arguments),
    Branch(branch::Arguments),
    Worst(worst::Arguments),
    #[cfg(feature = "turmoil")]
    Swarm(swarm::Arguments),
    Report(report::Arguments),
    Compare(compare::Arguments),
    Import(import::Arguments),
    Calibrate(calibrate::Arguments),
    Fit(fit::Arguments),
    Events(events::Arguments),
    Export(export::Arguments),
    Bundle(bundle::Arguments),
    Verify(verify::Arguments),
    Rack(rack::Arguments),
    Testbed(testbed::Arguments),
    #[command(hide = true)]
    TestbedHardware(testbed_hardware::Arguments),
    #[command(hide = true)]
    TestbedNode(testbed_hardware::NodeArguments),
    #[command(hide = true)]
    FakeTool(fake_tool::Arguments),
    #[command(hide = true)]
    UndoHarm(undo_harm::Arguments),
    Schema(schema::Arguments),
    Completions(completions::Arguments),
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(Cli { command }) => command,
        Err(reported) => return mistyped(&reported),
    };
    let done = match command {
        Command::New(arguments) => new::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Study(arguments) => study::run(&arguments),
        Command::Optimize(arguments) => optimize::run(&arguments),
        Command::Agent(arguments) => agent::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Plan(arguments) => plan::run(&arguments),
        Command::Theory(arguments) => theory::run(&arguments),
        Command::Rare(arguments) => rare::run(&arguments),
        Command::Similar(arguments) => similar::run(&arguments),
        Command::Cosmic(arguments) => cosmic::run(&arguments),
        Command::Replay(arguments) => replay::run(&arguments),
        Command::Branch(arguments) => branch::run(&arguments),
        Command::Worst(arguments) => worst::run(&arguments),
        #[cfg(feature = "turmoil")]
        Command::Swarm(arguments) => swarm::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Calibrate(arguments) => calibrate::run(&arguments),
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Events(arguments) => events::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Bundle(arguments) => bundle::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Rack(arguments) => rack::run(&arguments),
        Command::Testbed(arguments) => testbed::run(&arguments),
        Command::TestbedHardware(arguments) => testbed_hardware::run(&arguments),
        Command::TestbedNode(arguments) => testbed_hardware::run_node(&arguments),
        Command::FakeTool(arguments) => fake_tool::run(&arguments),
        Command::UndoHarm(arguments) => undo_harm::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    };
    exit::of(done).into()
}

/// Reports what a person mistyped, or the help that was asked for. Clap quotes arguments as they
/// are: those that a terminal would obey are spelled, and then there are no colours.
fn mistyped(reported: &clap::Error) -> ExitCode {
    let obeyed = |argument: OsString| {
        let text = argument.to_string_lossy();
        on_one_line(&text) != text
    };
    if reported.use_stderr() && std::env::args_os().any(obeyed) {
        streams::say(&reported.render().to_string());
    } else {
        // Nobody is left to inform if this fails.
        let _ = reported.print();
    }
    if reported.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// A quantity of which none would stop the program that takes it.
fn above_zero<Q>(text: &str) -> Result<Q, String>
where
    Q: FromStr<Err = QuantityError> + Default + PartialOrd,
{
    let quantity: Q = text.parse().map_err(|error: QuantityError| match error.help {
        Some(help) => format!("{}: {help}", error.message),
        None => error.message,
    })?;
    if quantity > Q::default() { Ok(quantity) } else { Err("it must be more than zero".into()) }
}

/// The time between two heartbeats. Assumption: a node that is heard less than once an hour is not
/// watched at all.
fn heartbeat(text: &str) -> Result<Span, String> {
    let heartbeat: Span = above_zero(text)?;
    if heartbeat <= Span::from_secs(3_600) { Ok(heartbeat) } else { Err("at most 1 h".into()) }
}

/// A share: `0.1` or `10%`.
fn share(text: &str) -> Result<f64, String> {
    let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |it| (it.trim(), 0.01));
    let share = number.parse::<f64>().ok().map(|share| share * scale);
    let known = share.filter(|share| share.is_finite() && *share >= 0.0);
    known.ok_or_else(|| "a share from 0 up, such as 10% or 0.1".to_owned())
}

/// A share that can be reached: `0.5%`, and no more than the whole.
fn precision(text: &str) -> Result<f64, String> {
    const WHOLE: &str = "a share from 0.0001% to 100%, such as 10%";
    match share(text)? {
        nothing if nothing <= 0.0 => {
            Err(format!("a precision of nothing is never reached; give {WHOLE}"))
        }
        share if (1e-6..=1.0).contains(&share) => Ok(share),
        _ => Err(WHOLE.to_owned()),
    }
}

/// The names of all commands that are shown, for those who check that each is documented.
#[must_use]
pub fn commands() -> Vec<String> {
    let command = Cli::command();
    let shown = command.get_subcommands().filter(|command| !command.is_hide_set());
    shown.map(|command| command.get_name().to_owned()).collect()
}
