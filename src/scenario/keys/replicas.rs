//! The keys of replicas.

use crate::scenario::keys::spec;
use crate::scenario::language::{Key, Kind, Spec};
use crate::scenario::replicas::{Compare, Strategy};
use crate::scenario::words::words;

pub(in crate::scenario) static REPLICAS: Spec = spec(
    "Several nodes compute the same seat, so that the job goes on when one of them fails.",
    &[
        Key::new("degree", Kind::Count(2, 3), "Nodes on each replicated seat."),
        Key::new(
            "share",
            Kind::Share(0.0, 1.0),
            "Share of the seats that is replicated: the first ones, to the nearest whole seat.",
        )
        .or("1.0"),
        Key::new(
            "strategy",
            Kind::Choice(words::<Strategy>),
            "When dead replicas come back: with `no-restart` only when the whole job restarts; \
             with `restart` also at each checkpoint.",
        )
        .or("\"no-restart\""),
        Key::new(
            "overhead",
            Kind::Number(0.0, 10.0),
            "By how much duplicate messages lengthen a step, as a share of it. Assumption: not at \
             all.",
        )
        .or("0.0"),
        Key::new(
            "compare",
            Kind::Choice(words::<Compare>),
            "Whether the replicas of a seat compare their memory before each exchange and each \
             checkpoint: `never`; to `detect` silent corruption, which throws the job back; or to \
             `vote`, so that the majority of three corrects the third.",
        )
        .or("\"never\""),
    ],
);
