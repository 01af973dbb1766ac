//! Counter-based chance: a draw is a pure function of (seed, stream, part, k); our own samplers.
//!
//! A [`Stream`] is a `ChaCha8` key made from the scenario's seed and a name. A [`Draw`] is a place
//! in its key stream: `ChaCha`'s 64-bit stream id is the part, the word position is `k << 20`. So
//! no two pairs (part, k) share a word as long as one draw takes fewer than 2^20 words, which is
//! asserted, and drawing more for one part, or adding a part or a stream, moves nobody else's
//! numbers.
//!
//! The samplers are ours, on `libm`, because `rand_distr`'s values change with its version and with
//! the features that other crates turn on. Inverse CDFs are used wherever there is one, so that a
//! law with a longer mean gives a longer value from the same draw: comparisons between scenarios
//! then see the same luck.
//!
//! Not modelled: uniforms have 53 bits, so an exponential never exceeds 36.7 times its mean.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// Words of key stream that one draw owns, as a power of two.
const WORDS_PER_DRAW: u32 = 20;
/// `ChaCha`'s word position has 68 bits; the rest numbers the draws.
const K_END: u64 = 1 << (68 - WORDS_PER_DRAW);

/// A named source of chance.
#[derive(Clone, Debug)]
pub struct Stream {
    /// At the start of part 0; never advanced, only copied.
    origin: ChaCha8Rng,
}

/// The chance of one (part, k): a short sequence of its own.
#[derive(Clone, Debug)]
pub struct Draw {
    rng: ChaCha8Rng,
    words: u32,
}

impl Stream {
    /// The stream of that name. Its key is SHA-256(seed, little-endian, then the name).
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let key = Sha256::new().chain_update(seed.to_le_bytes()).chain_update(name).finalize();
        Self { origin: ChaCha8Rng::from_seed(key.into()) }
    }

    /// The draw number `k` of a part. Panics if `k` is 2^48 or more.
    #[must_use]
    pub fn draw(&self, part: u64, k: u64) -> Draw {
        assert!(k < K_END, "a part has 2^48 draws");
        let mut rng = self.origin.clone();
        rng.set_stream(part);
        rng.set_word_pos(u128::from(k) << WORDS_PER_DRAW);
        Draw { rng, words: 0 }
    }
}

impl Draw {
    /// 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.words += 2;
        assert!(self.words < 1 << WORDS_PER_DRAW, "a draw has used up its part of the stream");
        self.rng.next_u64()
    }

    /// Uniform in the open interval (0, 1): a multiple of 2^-53 and never 0, so that its logarithm
    /// is finite.
    pub fn unit(&mut self) -> f64 {
        loop {
            let bits = self.next_u64() >> 11;
            if bits != 0 {
                return bits as f64 * (1.0 / (1_u64 << 53) as f64);
            }
        }
    }

    /// Uniform among 0, 1, ... `n` - 1, without bias. Panics if `n` is 0.
    /// Method: Lemire, "Fast random integer generation in an interval", 2019.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "there is nothing below zero");
        let unfair = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(self.unit())
    }

    /// Weibull: P(X > x) = exp(-(x / scale)^shape).
    pub fn weibull(&mut self, shape: f64, scale: f64) -> f64 {
        scale * libm::pow(-libm::log(self.unit()), 1.0 / shape)
    }

    /// Normal with mean 0 and variance 1.
    pub fn normal(&mut self) -> f64 {
        normal_quantile(self.unit())
    }

    /// Lognormal: the logarithm is normal with mean `mu` and standard deviation `sigma`.
    pub fn lognormal(&mut self, mu: f64, sigma: f64) -> f64 {
        libm::exp(mu + sigma * self.normal())
    }

    /// Gamma with mean `shape * scale`.
    /// Method: Marsaglia and Tsang, "A simple method for generating gamma variables", 2000; below
    /// shape 1 the sample of shape + 1 is multiplied by U^(1/shape), as they propose.
    pub fn gamma(&mut self, shape: f64, scale: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(self.unit(), 1.0 / shape);
            return self.gamma(shape + 1.0, scale) * boost;
        }
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / libm::sqrt(9.0 * d);
        loop {
            let x = self.normal();
            let root = 1.0 + c * x;
            if root <= 0.0 {
                continue;
            }
            let v = root * root * root;
            if libm::log(self.unit()) < 0.5 * x * x + d * (1.0 - v + libm::log(v)) {
                return scale * d * v;
            }
        }
    }

    /// What remains of a Weibull life that is met at a random instant.
    ///
    /// The life met is length-biased, its density proportional to x f(x), and the instant lies
    /// uniformly in it. For a Weibull the length-biased (x / scale)^shape is Gamma(1 + 1/shape, 1).
    pub fn weibull_residual(&mut self, shape: f64, scale: f64) -> f64 {
        let past = self.unit();
        past * scale * libm::pow(self.gamma(1.0 + 1.0 / shape, 1.0), 1.0 / shape)
    }

    /// What remains of a lognormal life that is met at a random instant: the length-biased
    /// lognormal is a lognormal with `mu + sigma^2`.
    pub fn lognormal_residual(&mut self, mu: f64, sigma: f64) -> f64 {
        let past = self.unit();
        past * self.lognormal(mu + sigma * sigma, sigma)
    }

    /// What remains of a gamma life that is met at a random instant: the length-biased gamma is a
    /// gamma of shape + 1.
    pub fn gamma_residual(&mut self, shape: f64, scale: f64) -> f64 {
        let past = self.unit();
        past * self.gamma(shape + 1.0, scale)
    }

    /// What remains of an exponential life that is met at a random instant: it has no memory.
    pub fn exponential_residual(&mut self, mean: f64) -> f64 {
        self.exponential(mean)
    }

    /// What remains of a fixed life that is met at a random instant.
    pub fn fixed_residual(&mut self, life: f64) -> f64 {
        self.unit() * life
    }
}

/// The value that a standard normal variable stays below with probability `p`, 0 < p < 1, to a
/// relative error of about 1e-16. Method and coefficients: Wichura, algorithm AS 241 (PPND16),
/// Applied Statistics 37 (1988); the tests hold it against an independent implementation.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * ratio(r, &CENTRE);
    }
    // 1 - p is exact here, since p >= 0.5 or the other branch is taken.
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let x = if r <= 5.0 { ratio(r - 1.6, &FLANK) } else { ratio(r - 5.0, &TAIL) };
    if q < 0.0 { -x } else { x }
}

/// A quotient of two polynomials, coefficients by rising power.
fn ratio(x: f64, coefficients: &[[f64; 8]; 2]) -> f64 {
    let polynomial = |c: &[f64; 8]| c.iter().rev().fold(0.0, |sum, c| sum * x + c);
    polynomial(&coefficients[0]) / polynomial(&coefficients[1])
}

/// AS 241 for |p - 0.5| <= 0.425.
const CENTRE: [[f64; 8]; 2] = [
    [
        3.387_132_872_796_366_6,
        1.331_416_678_917_843_8e2,
        1.971_590_950_306_551_4e3,
        1.373_169_376_550_946e4,
        4.592_195_393_154_987e4,
        6.726_577_092_700_87e4,
        3.343_057_558_358_813e4,
        2.509_080_928_730_122_7e3,
    ],
    [
        1.0,
        4.231_333_070_160_091e1,
        6.871_870_074_920_579e2,
        5.394_196_021_424_751e3,
        2.121_379_430_158_659_7e4,
        3.930_789_580_009_271e4,
        2.872_908_573_572_194_3e4,
        5.226_495_278_852_854e3,
    ],
];

/// AS 241 for tails down to exp(-25).
const FLANK: [[f64; 8]; 2] = [
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        2.417_807_251_774_506e-1,
        2.272_384_498_926_918_4e-2,
        7.745_450_142_783_414e-4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        6.897_673_349_851e-1,
        1.481_039_764_274_800_8e-1,
        1.519_866_656_361_645_7e-2,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ],
];

/// AS 241 for tails beyond exp(-25).
const TAIL: [[f64; 8]; 2] = [
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        2.965_605_718_285_048_7e-1,
        2.653_218_952_657_612_4e-2,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        5.998_322_065_558_88e-1,
        1.369_298_809_227_358e-1,
        1.487_536_129_085_061_5e-2,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use statrs::distribution::{ContinuousCDF, Exp, Gamma, LogNormal, Normal, Weibull};

    const N: u64 = 40_000;
    const DAY: f64 = 86_400.0;

    fn draws(name: &str, sample: impl Fn(&mut Draw) -> f64) -> Vec<f64> {
        let stream = Stream::new(43, name);
        (0..N).map(|k| sample(&mut stream.draw(k % 7, k))).collect()
    }

    /// Kolmogorov-Smirnov: the largest distance between the empirical and the stated CDF is below
    /// its 99 % quantile, 1.6276 / sqrt(n).
    fn follows(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64) {
        sample.sort_by(f64::total_cmp);
        let n = sample.len() as f64;
        let distance = sample
            .iter()
            .enumerate()
            .map(|(i, &x)| {
                let p = cdf(x);
                (p - i as f64 / n).abs().max(((i + 1) as f64 / n - p).abs())
            })
            .fold(0.0, f64::max);
        assert!(distance < 1.6276 / n.sqrt(), "KS distance {distance}");
    }

    /// The sample mean lies in the 99 % interval around `mean`.
    fn averages(sample: &[f64], mean: f64) {
        let n = sample.len() as f64;
        let got = sample.iter().sum::<f64>() / n;
        let variance = sample.iter().map(|x| (x - got) * (x - got)).sum::<f64>() / (n - 1.0);
        let half = 2.5758 * (variance / n).sqrt();
        assert!((got - mean).abs() < half, "mean {got} is not {mean} +- {half}");
    }

    /// SHA-256 over the bits of 1,000 values, first 16 hex digits.
    fn hash(sample: impl Fn(&mut Draw) -> f64) -> String {
        let stream = Stream::new(7, "golden");
        let mut sha = Sha256::new();
        for k in 0..1_000 {
            sha.update(sample(&mut stream.draw(k % 3, k)).to_bits().to_le_bytes());
        }
        let digest = sha.finalize();
        format!("{:016x}", u64::from_be_bytes(digest[..8].try_into().unwrap()))
    }

    #[test]
    fn the_samplers_give_the_same_bits_everywhere() {
        let golden = [
            ("unit", hash(Draw::unit), "318416c7507cdcaa"),
            ("below", hash(|d| d.below(1_000_003) as f64), "a8667aa1d8962dfe"),
            ("exponential", hash(|d| d.exponential(3.5)), "df802d4aa988bd8a"),
            ("weibull", hash(|d| d.weibull(0.7, 2.0)), "3849af7806fca73c"),
            ("normal", hash(Draw::normal), "31917d0d01738872"),
            ("lognormal", hash(|d| d.lognormal(4.154, 1.402)), "5eac3243af1e46be"),
            ("gamma", hash(|d| d.gamma(2.5, 2.0)), "963f2f0e5f691a1b"),
            ("gamma below 1", hash(|d| d.gamma(0.35, 2.0)), "c92502169eb20569"),
            ("weibull residual", hash(|d| d.weibull_residual(0.7, 2.0)), "b62f2e764c31e707"),
            ("lognormal residual", hash(|d| d.lognormal_residual(1.0, 0.5)), "c623551e8ff573e6"),
            ("gamma residual", hash(|d| d.gamma_residual(0.35, 2.0)), "fb47038a21b065fb"),
            ("fixed residual", hash(|d| d.fixed_residual(10.0)), "f8799968608f3151"),
        ];
        let got: Vec<_> = golden.iter().map(|(name, got, _)| (*name, got.as_str())).collect();
        let want: Vec<_> = golden.iter().map(|(name, _, want)| (*name, *want)).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn a_draw_depends_on_seed_name_part_and_k_alone() {
        let first = |seed, name, part, k| Stream::new(seed, name).draw(part, k).next_u64();
        let here = first(1, "a", 2, 3);
        assert_eq!(here, first(1, "a", 2, 3));
        for other in [first(2, "a", 2, 3), first(1, "b", 2, 3), first(1, "a", 3, 3)] {
            assert_ne!(here, other);
        }
        let stream = Stream::new(1, "a");
        let mut seen: Vec<u64> = (0..50)
            .flat_map(|part| (0..50).map(move |k| (part, k)))
            .map(|(part, k)| stream.draw(part, k).next_u64())
            .collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 2_500, "no two pairs collide");
        stream.draw(u64::MAX, K_END - 1).next_u64();
    }

    #[test]
    #[should_panic(expected = "2^48 draws")]
    fn a_draw_number_past_the_end_is_refused() {
        let _ = Stream::new(1, "a").draw(0, K_END);
    }

    #[test]
    fn uniforms_are_uniform_and_never_reach_the_ends() {
        let sample = draws("unit", Draw::unit);
        assert!(sample.iter().all(|&u| u > 0.0 && u < 1.0));
        follows(sample, |x| x.clamp(0.0, 1.0));
        let stream = Stream::new(5, "below");
        let mut counts = [0.0_f64; 6];
        (0..60_000).for_each(|k| counts[stream.draw(0, k).below(6) as usize] += 1.0);
        let chi2: f64 = counts.iter().map(|n| (n - 1e4) * (n - 1e4) / 1e4).sum();
        assert!(chi2 < 15.086, "chi^2 with 5 degrees of freedom: {chi2}");
    }

    #[test]
    fn the_normal_quantile_agrees_with_an_independent_one() {
        let normal = Normal::new(0.0, 1.0).unwrap();
        for p in [1e-16, 1e-12, 1e-6, 0.01, 0.074, 0.076, 0.3, 0.5, 0.8, 0.926, 0.99, 0.999_999] {
            let (ours, theirs) = (normal_quantile(p), normal.inverse_cdf(p));
            assert!((ours - theirs).abs() < 1e-9 * (1.0 + theirs.abs()), "{p}: {ours} {theirs}");
        }
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-15);
    }

    #[test]
    fn the_samplers_follow_their_laws() {
        let exponential = draws("exponential", |d| d.exponential(3.5));
        averages(&exponential, 3.5);
        let cdf = Exp::new(1.0 / 3.5).unwrap();
        follows(exponential, |x| cdf.cdf(x));
        for (shape, scale) in [(0.7, 2.0), (1.0, 1.0), (3.0, 5.0)] {
            let weibull = draws("weibull", |d| d.weibull(shape, scale));
            averages(&weibull, scale * libm::tgamma(1.0 + 1.0 / shape));
            let cdf = Weibull::new(shape, scale).unwrap();
            follows(weibull, |x| cdf.cdf(x));
        }
        let normal = draws("normal", Draw::normal);
        averages(&normal, 0.0);
        let cdf = Normal::new(0.0, 1.0).unwrap();
        follows(normal, |x| cdf.cdf(x));
        let lognormal = draws("lognormal", |d| d.lognormal(1.0, 0.5));
        averages(&lognormal, libm::exp(1.125));
        let cdf = LogNormal::new(1.0, 0.5).unwrap();
        follows(lognormal, |x| cdf.cdf(x));
        for shape in [0.35, 1.0, 2.5, 30.0] {
            let gamma = draws("gamma", |d| d.gamma(shape, 2.0));
            averages(&gamma, shape * 2.0);
            let cdf = Gamma::new(shape, 0.5).unwrap();
            follows(gamma, |x| cdf.cdf(x));
        }
    }

    /// Renewal theory: the residual life has density S(x) / mean.
    /// For a Weibull its CDF is P(1/shape, (x / scale)^shape), the regularised gamma function.
    #[test]
    fn residual_lives_have_the_density_of_renewal_theory() {
        let (shape, scale) = (0.7, 2.0);
        let residual = draws("weibull residual", |d| d.weibull_residual(shape, scale));
        let cdf = Gamma::new(1.0 / shape, 1.0).unwrap();
        follows(residual, |x| cdf.cdf(libm::pow(x / scale, shape)));
        let lognormal = draws("lognormal residual", |d| d.lognormal_residual(1.0, 0.5));
        averages(&lognormal, 0.5 * libm::exp(1.0 + 1.5 * 0.25));
        // Of an exponential the remainder is exponential; else E[X^2] / (2 E[X]) on average.
        let cdf = Exp::new(0.25).unwrap();
        follows(draws("gamma residual 1", |d| d.gamma_residual(1.0, 4.0)), |x| cdf.cdf(x));
        averages(&draws("gamma residual", |d| d.gamma_residual(0.4, 2.0)), 0.5 * 1.4 * 2.0);
        follows(draws("fixed residual", |d| d.fixed_residual(10.0)), |x| x / 10.0);
        let cdf = Exp::new(0.25).unwrap();
        follows(draws("exponential residual", |d| d.exponential_residual(4.0)), |x| cdf.cdf(x));
    }

    #[test]
    fn a_new_machine_fails_two_and_a_half_times_as_often_in_its_first_month() {
        let (year, month) = (365.0 * DAY, 30.0 * DAY);
        let scale = year / libm::tgamma(1.0 + 1.0 / 0.7);
        let new = draws("new", |d| d.weibull(0.7, scale));
        let old = draws("old", |d| d.weibull_residual(0.7, scale));
        let failed = |sample: &[f64]| sample.iter().filter(|&&life| life < month).count() as f64;
        let ratio = failed(&new) / failed(&old);
        assert!((2.3..2.7).contains(&ratio), "ratio {ratio}");
    }
}
