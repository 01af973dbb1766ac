//! The flux of neutrons above 10 MeV at a site, by JESD89A Annex A and Gordon and others 2004.
//!
//! Relative to New York at sea level and a mean sun, F = `F_A`(d) `F_B`(Rc, I, d), with the depth d
//! of air above the site, the cutoff rigidity Rc and the solar activity I. Sources: JEDEC JESD89A
//! (2006), Annex A; Gordon, Goldhagen, Rodbell, Zabel, Tang, Clem, Bailey: "Measurement of the flux
//! and energy spectrum of cosmic-ray induced neutrons on the ground", IEEE TNS 51 (2004). The
//! constants are recalled, not copied from either: they give 1.00 for New York and 12.74 n/cm2/h
//! above 10 MeV, as they must, and 5.49 for Los Alamos.
//!
//! Worked example: 2,231 m are 772.4 hPa and d = 787.6 g/cm2, so `F_A` = 6.49; with 3.96 GV the
//! quiet sun gives 5.93, the active sun 5.05, and their mean is 5.49.

use crate::units::Length;

/// The flux above 10 MeV to which rates are referred (1/cm2/h): JESD89A's rounded value for New
/// York. The integral of the spectrum itself is 2 % lower; see [`above_10_mev`].
pub const REFERENCE: f64 = 13.0;

/// Air between sea level and the top of the atmosphere at which `F_A` is 1 (g/cm2).
const SEA_LEVEL: f64 = 1033.2;
/// The depth of air that lets one neutron of e through (g/cm2).
const ATTENUATION: f64 = 131.3;
/// Thickness of concrete that lets a quarter through is a metre: "about 4 times per metre", Texas
/// Instruments' handbook on radiation. Basements then have a tenth after 1.7 m.
const PER_METRE_OF_CONCRETE: f64 = 4.0;

/// Where the machine stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Above sea level.
    pub altitude: Length,
    /// Vertical cutoff rigidity (GV): cosmic rays below it are turned away by the Earth's field.
    pub rigidity: f64,
    /// Solar activity, from 0, the quiet sun, to 1.
    pub solar: f64,
    /// Concrete above the machine.
    pub concrete: Length,
}

/// The flux of a site, and what it is made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flux {
    /// Pressure of the standard atmosphere (hPa).
    pub pressure: f64,
    /// Depth of air above the site (g/cm2).
    pub depth: f64,
    /// Flux with the quiet sun, relative to New York, under the open sky.
    pub quiet: f64,
    /// The same with the active sun.
    pub active: f64,
    /// What concrete lets through.
    pub through_concrete: f64,
    /// Flux relative to New York: all of the above at the site's solar activity.
    pub factor: f64,
}

impl Flux {
    /// The flux of a site.
    #[must_use]
    pub fn at(site: &Site) -> Self {
        let metres = |length: Length| length.0 as f64 / 1e3;
        let pressure = pressure(metres(site.altitude));
        // Mass of a column per area is pressure over gravity, 9.80665 m/s2.
        let depth = pressure / 0.980_665;
        let air = libm::exp((SEA_LEVEL - depth) / ATTENUATION);
        let (quiet, active) = rigidity_factors(site.rigidity, pressure / 1e3);
        let (quiet, active) = (air * quiet, air * active);
        let through_concrete = libm::pow(PER_METRE_OF_CONCRETE, -metres(site.concrete));
        let factor = (quiet + (active - quiet) * site.solar) * through_concrete;
        Self { pressure, depth, quiet, active, through_concrete, factor }
    }

    /// Neutrons above 10 MeV (1/cm2/h).
    #[must_use]
    pub fn per_hour(&self) -> f64 {
        above_10_mev() * self.factor
    }
}

/// Pressure at an altitude (m, hPa) in the troposphere of the U.S. Standard Atmosphere 1976.
fn pressure(altitude: f64) -> f64 {
    1013.25 * libm::pow(1.0 - 2.255_77e-5 * altitude, 5.255_88)
}

/// `F_B` of the quiet and of the active sun at a rigidity (GV) and a pressure (bar).
fn rigidity_factors(rigidity: f64, h: f64) -> (f64, f64) {
    let dorman =
        |alpha: f64, k: f64, rigidity: f64| 1.0 - libm::exp(-alpha / libm::pow(rigidity, k));
    let quiet_alpha = libm::exp(1.84 + 0.094 * h - 0.09 * libm::exp(-11.0 * h));
    let quiet_k = 1.4 - 0.56 * h + 0.24 * libm::exp(-8.8 * h);
    let active_alpha = libm::exp(1.93 + 0.15 * h - 0.18 * libm::exp(-10.0 * h));
    let active_k = 1.32 - 0.49 * h + 0.18 * libm::exp(-9.5 * h);
    let quiet = 1.098 * dorman(quiet_alpha, quiet_k, rigidity);
    let active = 1.098
        * dorman(active_alpha, active_k, rigidity)
        * (dorman(quiet_alpha, quiet_k, 50.0) / dorman(active_alpha, active_k, 50.0));
    (quiet, active)
}

/// Neutrons above 10 MeV in New York, outdoors at sea level under a mean sun (1/cm2/h): 12.74.
#[must_use]
pub fn above_10_mev() -> f64 {
    // Beyond 1 TeV the spectrum adds nothing in ten digits.
    integral(10.0, 1e6)
}

/// Neutrons between two energies (MeV) there (1/cm2/h), by Simpson's rule over ln E.
#[must_use]
pub fn integral(from: f64, to: f64) -> f64 {
    const STEPS: u32 = 1000;
    let (low, high) = (libm::log(from), libm::log(to));
    let width = (high - low) / f64::from(STEPS);
    let mut sum = 0.0;
    for step in 0..=STEPS {
        let energy = libm::exp(low + width * f64::from(step));
        let weight = match step {
            0 | STEPS => 1.0,
            step if step % 2 == 1 => 4.0,
            _ => 2.0,
        };
        sum += weight * spectrum(energy) * energy;
    }
    sum * width / 3.0 * 3600.0
}

/// The differential flux in New York at an energy (MeV), in neutrons per cm2, s and MeV.
fn spectrum(energy: f64) -> f64 {
    let ln = libm::log(energy);
    1.006e-6 * libm::exp(-0.35 * ln * ln + 2.1451 * ln)
        + 1.011e-3 * libm::exp(-0.4106 * ln * ln - 0.667 * ln)
}

/// What another model of the flux says of a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SecondOpinion {
    /// The place.
    pub place: &'static str,
    /// Its altitude (m).
    pub altitude: f64,
    /// Its cutoff rigidity (GV).
    pub rigidity: f64,
    /// Flux relative to New York.
    pub factor: f64,
    /// Flux (1/cm2/h).
    pub per_hour: f64,
}

/// PARMA (Sato: EXPACS 4, as niess/parma on GitHub has it), computed for a Wolf number of 50. No
/// other place was computed, and this program does not hold that model.
pub const PARMA: [SecondOpinion; 2] = [
    SecondOpinion {
        place: "New York",
        altitude: 0.0,
        rigidity: 2.08,
        factor: 1.0,
        per_hour: 13.12,
    },
    SecondOpinion {
        place: "Los Alamos",
        altitude: 2231.0,
        rigidity: 3.96,
        factor: 6.23,
        per_hour: 81.8,
    },
];

/// What PARMA says, if the site is one of the places that were computed: under the open sky, within
/// 20 m and 0.1 GV, with a sun between the extremes.
#[must_use]
pub fn second_opinion(site: &Site) -> Option<&'static SecondOpinion> {
    let metres = site.altitude.0 as f64 / 1e3;
    let sky = site.concrete.0 == 0 && (0.25..=0.75).contains(&site.solar);
    PARMA.iter().find(|there| {
        sky && (there.altitude - metres).abs() <= 20.0
            && (there.rigidity - site.rigidity).abs() <= 0.1
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(metres: i64, rigidity: f64, solar: f64) -> Site {
        Site { altitude: Length(metres * 1000), rigidity, solar, concrete: Length(0) }
    }

    fn factor(metres: i64, rigidity: f64, solar: f64) -> String {
        format!("{:.2}", Flux::at(&site(metres, rigidity, solar)).factor)
    }

    #[test]
    fn new_york_is_one_and_los_alamos_five_and_a_half() {
        let new_york = [0.0, 1.0, 0.5].map(|solar| factor(0, 2.08, solar));
        assert_eq!(new_york, ["1.07", "0.93", "1.00"]);
        let los_alamos = [0.0, 1.0, 0.5].map(|solar| factor(2231, 3.96, solar));
        assert_eq!(los_alamos, ["5.93", "5.05", "5.49"]);
    }

    #[test]
    fn the_spectrum_holds_its_known_integrals() {
        assert_eq!(format!("{:.2}", above_10_mev()), "12.74");
        assert_eq!(format!("{:.2}", integral(1.0, 10.0)), "6.89");
        // 12.7 is the printed value of New York.
        assert_eq!(format!("{:.1}", Flux::at(&site(0, 2.08, 0.5)).per_hour()), "12.7");
    }

    #[test]
    fn the_worked_example_is_right() {
        let flux = Flux::at(&site(2231, 3.96, 0.5));
        assert_eq!(format!("{:.1} {:.1}", flux.pressure, flux.depth), "772.4 787.6");
        let air = libm::exp((SEA_LEVEL - flux.depth) / ATTENUATION);
        assert_eq!(format!("{air:.2}"), "6.49");
    }

    #[test]
    fn air_rigidity_sun_and_concrete_act_in_their_direction() {
        let of = |site: &Site| Flux::at(site).factor;
        let here = site(1000, 4.0, 0.5);
        assert!(of(&site(2000, 4.0, 0.5)) > of(&here));
        assert!(of(&site(1000, 8.0, 0.5)) < of(&here));
        assert!(of(&site(1000, 4.0, 1.0)) < of(&here));
        let pole = of(&site(1000, 0.0, 0.5));
        assert!(pole.is_finite() && pole > of(&here));
        let roof = Site { concrete: Length(1000), ..here.clone() };
        assert!((of(&roof) * 4.0 / of(&here) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_other_model_is_asked_where_it_was_computed() {
        let los_alamos = site(2231, 3.96, 0.5);
        let parma = second_opinion(&los_alamos).expect("it was computed");
        let spread = parma.factor / Flux::at(&los_alamos).factor - 1.0;
        assert_eq!(format!("{:.0}", spread * 100.0), "13");
        assert_eq!(second_opinion(&site(500, 3.96, 0.5)), None);
        assert_eq!(second_opinion(&site(2231, 3.96, 1.0)), None);
    }
}
