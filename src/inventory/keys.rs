//! Every key of an inventory, table by table: its kind, bounds, default and meaning.

use crate::config::language::{Key, Kind, Spec};
use crate::units::Span;

const HOUR: Span = Span::from_secs(3_600);
/// Zero is allowed: it is not waited then.
const WAIT: Kind = Kind::Span(Span::ZERO, HOUR);
/// A wait without which nothing would ever be heard.
const PATIENCE: Kind = Kind::Span(Span::from_millis(1), HOUR);

const PORT: Kind = Kind::Count(1, 65_535);

const fn spec(doc: &'static str, keys: &'static [Key]) -> Spec {
    Spec { doc, keys, rivals: &[] }
}

/// The whole file.
pub(super) static ROOT: Spec = spec(
    "The inventory of a real rack.",
    &[
        Key::new("schema", Kind::Count(1, 1), "Version of the language.").or("1"),
        Key::new("name", Kind::Text, "Name of the rack, for people. Default: the file's name."),
        Key::new("node", Kind::Tables(&NODE), "Nodes that are alike."),
        Key::new("controller", Kind::Table(&CONTROLLER), ""),
        Key::new("server", Kind::Table(&SERVER), ""),
        Key::new("boot", Kind::Table(&BOOT), ""),
        Key::new("clock", Kind::Table(&CLOCK), ""),
        Key::new("limits", Kind::Table(&LIMITS), ""),
        Key::new("power", Kind::Table(&POWER), ""),
    ],
);

/// Values of lists are laid side by side with the names.
pub(super) static NODE: Spec = spec(
    "Nodes that are alike. Each list has as many entries as `names`, in the same order, and is \
     written in the same notation: `10.0.1.[100-123]`.",
    &[
        Key::new(
            "names",
            Kind::Text,
            "Their names: `c0n[0-23]`, `c[0-1]n[0-11]`, `a1,b2`. The first node of the file is \
             `pi1` of a scenario, and so on.",
        )
        .required(),
        Key::new("address", Kind::Text, "At which name or IP address each is reached."),
        Key::new("mac", Kind::Text, "The MAC address of each: `b8:27:eb:01:02:03`."),
        Key::new("serial", Kind::Text, "The serial number of each Pi: 8 or 16 hexadecimal digits."),
        Key::new(
            "position",
            Kind::Text,
            "Where each stands, module/blade/slot, counted from 1: `1/[1-6]/[1-4]`.",
        ),
        Key::new("power", Kind::Text, "The name of the power controller that switches them."),
        Key::new(
            "channel",
            Kind::Text,
            "The channel of each there: `[0-23]`; what it means depends on the controller's kind.",
        ),
    ],
);

pub(super) static CONTROLLER: Spec = spec(
    "Where `rackstorm run --on rack` plays: the machine that agents look for.",
    &[
        Key::new(
            "address",
            Kind::Text,
            "Its IP address or name, as its certificate says; it listens there and nowhere else.",
        ),
        Key::new("port", PORT, "Where it listens for agents.").or("7000"),
        Key::new("beats", PORT, "Where it takes their beats.").or("7001"),
        Key::new("store", PORT, "Where it takes their checkpoints.").or("7003"),
        Key::new(
            "certificates",
            Kind::Text,
            "Folder of `rackstorm rack enrol`, beside this file: authority.pem, controller.pem and \
             controller.key.",
        ),
    ],
);

pub(super) static BOOT: Spec = spec(
    "How the boots of nodes are watched.",
    &[
        Key::new(
            "log",
            Kind::Text,
            "The log of dnsmasq, beside this file, with `log-dhcp` or without. One that is not \
             there yet is looked for again.",
        ),
        Key::new(
            "last",
            Kind::Text,
            "The last file that a node fetches, by the end of its name: its kernel. Assumption: \
             as Raspberry Pi OS names kernels.",
        )
        .or("\".img\""),
    ],
);

pub(super) static SERVER: Spec = spec(
    "The file server of checkpoints.",
    &[
        Key::new("address", Kind::Text, "At which name or IP address it is reached."),
        Key::new(
            "path",
            Kind::Text,
            "Where its files are mounted on the nodes and the controller.",
        ),
    ],
);

pub(super) static CLOCK: Spec = spec(
    "The clocks of the nodes.",
    &[
        Key::new("server", Kind::Text, "The NTP server that all of them follow."),
        Key::new(
            "offset_max",
            Kind::Span(Span(1), HOUR),
            "How far a node's clock may be off when a run starts. Assumption: NTP keeps a Pi on a \
             LAN within a few milliseconds.",
        )
        .or("\"50 ms\""),
    ],
);

pub(super) static LIMITS: Spec = spec(
    "What must not be exceeded, whatever a scenario or a person wants.",
    &[
        Key::new("protected", Kind::Text, "Nodes that are never touched: `c0n0,c0n12`."),
        Key::new(
            "down_at_once",
            Kind::Count(0, 1_000_000),
            "So many nodes may be without power at once, for whatever reason.",
        ),
        Key::new(
            "cycles_per_hour",
            Kind::Count(0, 3_600),
            "So often within an hour a node may be switched off.",
        ),
        Key::new(
            "lease",
            Kind::Span(Span::from_secs(1), HOUR),
            "An agent that has not heard from the controller for so long undoes what harm it did \
             to its node. Assumption: longer than a switch takes to start.",
        )
        .or("\"30 s\""),
    ],
);

/// One table per kind of controller.
pub(super) static POWER: Spec = spec(
    "The power controllers.",
    &[
        Key::new("bitscope", Kind::Tables(&BITSCOPE), ""),
        Key::new("pipower", Kind::Tables(&PIPOWER), ""),
        Key::new("rfpipower", Kind::Tables(&RFPIPOWER), ""),
        Key::new("redfish", Kind::Tables(&REDFISH), ""),
        Key::new("turingpi", Kind::Tables(&TURINGPI), ""),
        Key::new("uhubctl", Kind::Tables(&UHUBCTL), ""),
        Key::new("snmp-poe", Kind::Tables(&SNMP_POE), ""),
        Key::new("clusterctrl", Kind::Tables(&CLUSTERCTRL), ""),
        Key::new("command", Kind::Tables(&COMMAND), ""),
    ],
);

const NAME: Key = Key::new("name", Kind::Text, "Its name, by which nodes refer to it.").required();

/// How long a channel stays off in a power cycle.
const fn settle(default: &'static str, doc: &'static str) -> Key {
    Key::new("settle", WAIT, doc).or(default)
}

const SETTLE_ASSUMED: Key = settle(
    "\"2 s\"",
    "How long a node stays off in a power cycle. Assumption: as for BitScope's blades.",
);

/// How long a channel may take to be off or on.
const FOLLOWS: Key = Key::new(
    "follows",
    PATIENCE,
    "For so long after an order the controller may still tell the old state. Assumption.",
)
.or("\"5 s\"");

const HTTP_TIMEOUT: Key =
    Key::new("timeout", PATIENCE, "How long a request may take. Assumption.").or("\"5 s\"");
const TOOL_TIMEOUT: Key =
    Key::new("timeout", PATIENCE, "How long the program may run. Assumption.").or("\"10 s\"");

static BITSCOPE: Spec = Spec {
    doc: "CB04B blades of BitScope on their RS-485 bus, reached through the serial line of the \
          manager's BMC. A channel is an address on the bus, 0 to 127, or hexadecimal as 0x17.",
    rivals: &[&["device", "address"]],
    keys: &[
        NAME,
        Key::new(
            "device",
            Kind::Text,
            "The serial line: 115200 bit/s, 8N1, no flow control. Default: `/dev/serial0`, as \
             Raspberry Pi OS calls it.",
        ),
        Key::new(
            "address",
            Kind::Text,
            "HOST:PORT of a server that passes the bytes of the line on, such as ser2net.",
        ),
        Key::new(
            "manager",
            Kind::Text,
            "The node that the line belongs to. It is protected: who switches it off cannot \
             switch it on again.",
        ),
        Key::new(
            "unlock",
            Kind::Text,
            "What unlocks the BMC. Default: as its EEPROM is delivered (BitScope's control plane \
             page).",
        )
        .or("\"UnLockMe\""),
        Key::new(
            "silence",
            PATIENCE,
            "Silence that ends a reply (rasputin-control-plane, validated on an ER24A).",
        )
        .or("\"200 ms\""),
        Key::new("reply_max", PATIENCE, "The longest reply (same source).").or("\"2 s\""),
        Key::new(
            "pace",
            WAIT,
            "Time between two bytes to a console, which loses what comes back to back (same \
             source).",
        )
        .or("\"2 ms\""),
        Key::new("console", Kind::Choice(console_rates), "Rate of the consoles (bit/s).")
            .or("\"115200\""),
        settle("\"2 s\"", "How long a node stays off in a power cycle (same source)."),
    ],
};

/// The rates of a BitScope console, in the order of their codes 00 to 03.
fn console_rates() -> Vec<&'static str> {
    super::power::CONSOLE_RATES.to_vec()
}

const PIPOWER_KEYS: [Key; 8] = [
    NAME,
    Key::new("address", Kind::Text, "HOST:PORT of the server of its chassis, port 8000 as a rule.")
        .required(),
    Key::new(
        "tick",
        WAIT,
        "Requests are gathered for so long and sent together (LANL kraken, pipower.go).",
    )
    .or("\"1 s\""),
    Key::new("on", PATIENCE, "How long OFF to ON may take (kraken).").or("\"5 s\""),
    Key::new("off", PATIENCE, "How long ON to OFF may take (kraken).").or("\"5 s\""),
    Key::new(
        "hung_off",
        PATIENCE,
        "How long OFF may take after something failed: it sits cold for a few seconds (kraken).",
    )
    .or("\"10 s\""),
    SETTLE_ASSUMED,
    HTTP_TIMEOUT,
];

static PIPOWER: Spec = spec(
    "LANL's PiPower: one HTTP server for each chassis. A channel is a node's number there.",
    &PIPOWER_KEYS,
);

static RFPIPOWER: Spec = spec(
    "LANL's PiPower with requests like Redfish's. A channel is a node's number in its chassis.",
    &RFPIPOWER_KEYS,
);

static RFPIPOWER_KEYS: [Key; 9] = {
    let [a, b, c, d, e, f, g, h] = PIPOWER_KEYS;
    let chassis = Key::new("chassis", Kind::Text, "The chassis (kraken, rfpipower.go).");
    [a, b, c, d, e, f, g, h, chassis.or("\"C0\"")]
};

const URL: Key =
    Key::new("url", Kind::Text, "http://HOST or https://HOST, with a port if need be.").required();
const CERTIFICATE: Key = Key::new(
    "certificate",
    Kind::Text,
    "SHA-256 of the server's certificate, 64 hexadecimal digits; colons are allowed. Needed for \
     https: such controllers sign their certificates themselves. `openssl x509 -noout \
     -fingerprint -sha256` tells it.",
);
const PASSWORD_FILE: Key = Key::new(
    "password_file",
    Kind::Text,
    "File that holds the password, beside this one; nobody but its owner may read it.",
);

static REDFISH: Spec = spec(
    "A Redfish service: ComputerSystem.Reset of DMTF. A channel is the id of a system.",
    &[
        NAME,
        URL,
        Key::new("user", Kind::Text, "User of HTTP basic authentication, or of a session."),
        PASSWORD_FILE,
        CERTIFICATE,
        Key::new("on", Kind::Choice(reset_on), "The ResetType that switches on.").or("\"On\""),
        Key::new("off", Kind::Choice(reset_off), "The ResetType that switches off.")
            .or("\"ForceOff\""),
        Key::new(
            "follows",
            PATIENCE,
            "For so long after an order PowerState may still be the old one. Assumption.",
        )
        .or("\"30 s\""),
        SETTLE_ASSUMED,
        HTTP_TIMEOUT,
    ],
);

fn reset_on() -> Vec<&'static str> {
    vec!["On", "ForceOn"]
}

fn reset_off() -> Vec<&'static str> {
    vec!["ForceOff", "GracefulShutdown", "PushPowerButton"]
}

static TURINGPI: Spec = spec(
    "The BMC of a Turing Pi 2. A channel is a slot, 1 to 4.",
    &[
        NAME,
        URL,
        Key::new("user", Kind::Text, "User; firmware 2.0.0 and later asks for it.").or("\"root\""),
        PASSWORD_FILE,
        CERTIFICATE,
        FOLLOWS,
        settle("\"3 s\"", "How long a node stays off in a power cycle (rasputin-control-plane)."),
        HTTP_TIMEOUT,
    ],
);

static UHUBCTL: Spec = spec(
    "A USB hub that switches its ports, by the program uhubctl. A channel is a port. One that \
     switches all of them together (`ganged`) takes one node.",
    &[
        NAME,
        Key::new("program", Kind::Text, "The program.").or("\"uhubctl\""),
        Key::new("location", Kind::Text, "The hub, as `uhubctl` lists it: `1-1.4`.").required(),
        FOLLOWS,
        SETTLE_ASSUMED,
        TOOL_TIMEOUT,
    ],
);

static SNMP_POE: Spec = spec(
    "A switch that feeds nodes through their network cables, by snmpset and snmpget of Net-SNMP. \
     A channel is a port.",
    &[
        NAME,
        Key::new("host", Kind::Text, "The switch.").required(),
        Key::new("community", Kind::Text, "A community that may write.").required(),
        Key::new(
            "oid",
            Kind::Text,
            "What is set, without the port. Default: pethPsePortAdminEnable of RFC 3621, group 1; \
             Cisco IOS has 1.3.6.1.4.1.9.9.402.1.2.1.1.1 with `on = 1`, `off = 4`.",
        )
        .or("\"1.3.6.1.2.1.105.1.1.1.3.1\""),
        Key::new("on", Kind::Count(0, 255), "The value that switches on.").or("1"),
        Key::new("off", Kind::Count(0, 255), "The value that switches off.").or("2"),
        Key::new(
            "port_base",
            Kind::Count(0, 1_000_000),
            "What is added to a port's number: 48 for a Linksys LGS308P, whose first port is 49 \
             (SeduceProject).",
        )
        .or("0"),
        Key::new("set", Kind::Text, "The program that sets.").or("\"snmpset\""),
        Key::new("get", Kind::Text, "The program that reads.").or("\"snmpget\""),
        FOLLOWS,
        SETTLE_ASSUMED,
        TOOL_TIMEOUT,
    ],
);

static CLUSTERCTRL: Spec = spec(
    "A Cluster HAT or Cluster CTRL, by the program clusterctrl. A channel is the number of a Zero: \
     1 for p1.",
    &[
        NAME,
        Key::new("program", Kind::Text, "The program.").or("\"clusterctrl\""),
        FOLLOWS,
        SETTLE_ASSUMED,
        TOOL_TIMEOUT,
    ],
);

static COMMAND: Spec = spec(
    "Any programs. In their arguments {channel}, {node} and {address} stand for those of the node.",
    &[
        NAME,
        Key::new("on", Kind::List(&Kind::Text), "Program and arguments that switch on.").required(),
        Key::new("off", Kind::List(&Kind::Text), "Program and arguments that switch off.")
            .required(),
        Key::new(
            "state",
            Kind::List(&Kind::Text),
            "Program and arguments that tell the state: `on`, `off` or `dead` as first word.",
        )
        .required(),
        FOLLOWS,
        SETTLE_ASSUMED,
        TOOL_TIMEOUT,
    ],
);
